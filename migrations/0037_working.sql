-- Work that takes long says so: since when its step says that, and how far it is. Both begin anew with each step.

ALTER TABLE task ADD COLUMN working_since timestamptz,
    ADD COLUMN progress smallint NOT NULL DEFAULT 0 CONSTRAINT limit_task_progress CHECK (progress BETWEEN 0 AND 100);
