-- SPDX-License-Identifier: Apache-2.0
-- Why what was wished of a volume failed, for its owner. The words are the program's (lib/domain/volume_failure.h).
CREATE TABLE volume_message (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    task_id     bigint NOT NULL CONSTRAINT volume_message_once UNIQUE,  -- that failed; it may be history by now
    project_id  text NOT NULL,
    request_id  text NOT NULL,
    resource_type text NOT NULL,          -- VOLUME, VOLUME_SNAPSHOT
    resource_uuid uuid NOT NULL,          -- may be gone
    action      text NOT NULL,
    detail      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz               -- NULL: never
);
CREATE INDEX volume_message_project ON volume_message (project_id, created_at DESC, id DESC);
CREATE INDEX volume_message_expiry ON volume_message (expires_at);
