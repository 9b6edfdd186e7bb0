-- SPDX-License-Identifier: Apache-2.0
-- What an operator said of a back end of volumes. One without a row is enabled; which there are say the settings.
CREATE TABLE volume_backend (
    name        text PRIMARY KEY,
    disabled    boolean NOT NULL DEFAULT false,   -- it gets no new volumes
    disabled_reason text CONSTRAINT limit_volume_backend_disabled_reason CHECK (char_length(disabled_reason) BETWEEN 1 AND 255),
    frozen      boolean NOT NULL DEFAULT false,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- How far a snapshot is said to be by who keeps it: os-update_snapshot_status. NULL: nobody said.
ALTER TABLE volume_snapshot ADD COLUMN progress text CONSTRAINT volume_snapshot_progress CHECK (progress ~ '^(100|[0-9]{1,2})%$');
