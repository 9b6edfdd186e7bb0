-- What pruning looks for, oldest first: it must not read whole tables to find nothing.

CREATE INDEX task_finished ON task (finished_at) WHERE state IN ('done', 'failed');
CREATE INDEX server_deleted_at ON server (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX image_deleted_at ON image (deleted_at) WHERE deleted_at IS NOT NULL;
