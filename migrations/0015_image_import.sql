-- Imports of images, as Glance's tasks show them. The work is the task image.import; kilonova-image writes what comes of it here.

CREATE TABLE image_task (
    id          uuid PRIMARY KEY,                    -- what clients see
    image_id    uuid NOT NULL,                       -- no foreign key: a task outlives its image until it expires
    owner       text NOT NULL,
    user_id     text NOT NULL,
    request_id  text NOT NULL,
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'success', 'failure')),
    input       jsonb NOT NULL,
    message     text NOT NULL DEFAULT '',
    result      jsonb,
    progress    smallint NOT NULL DEFAULT 0,         -- percent of what is known to be there to do
    attempts    integer NOT NULL DEFAULT 0,          -- begun so often: one that kills its worker ends as a failure
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz                          -- set when it ended; then it goes
);
-- One import of an image at a time.
CREATE UNIQUE INDEX image_task_open ON image_task (image_id) WHERE status IN ('pending', 'processing');
CREATE INDEX image_task_image ON image_task (image_id, created_at);
CREATE INDEX image_task_expires ON image_task (expires_at) WHERE expires_at IS NOT NULL;

-- The attributes os_glance_*, which are nobody's to write: {"os_glance_importing_to_stores": …}.
ALTER TABLE image ADD COLUMN import jsonb;
DROP INDEX image_saving;
CREATE INDEX image_moving ON image (status) WHERE status IN ('saving', 'uploading', 'importing');
