-- SPDX-License-Identifier: Apache-2.0
-- Snapshots of whole groups, and groups that are made of them or of other groups.
CREATE TABLE volume_group_snapshot (
    id          uuid PRIMARY KEY,
    group_id    uuid NOT NULL CONSTRAINT volume_group_has_snapshots REFERENCES volume_group,
    group_type_id uuid NOT NULL,          -- its group's
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text CONSTRAINT limit_volume_group_snapshot_name CHECK (char_length(name) BETWEEN 0 AND 255),
    description text CONSTRAINT limit_volume_group_snapshot_description CHECK (char_length(description) BETWEEN 0 AND 255),
    status      text NOT NULL,            -- creating, available, deleting, error, error_deleting
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX volume_group_snapshot_project ON volume_group_snapshot (project_id, created_at DESC, id DESC);
CREATE INDEX volume_group_snapshot_group ON volume_group_snapshot (group_id);

ALTER TABLE volume_snapshot ADD COLUMN group_snapshot_id uuid REFERENCES volume_group_snapshot; -- which it is a part of
CREATE INDEX volume_snapshot_of_group ON volume_snapshot (group_snapshot_id) WHERE group_snapshot_id IS NOT NULL;

ALTER TABLE volume_group
    ADD COLUMN group_snapshot_id uuid,    -- what it was made of; may be gone by now
    ADD COLUMN source_group_id uuid;      -- likewise

-- One task makes all parts, and one ends them: what comes of it comes of all of them.
CREATE FUNCTION volume_group_snapshot_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE volume_snapshot SET status = NEW.status, updated_at = now() WHERE group_snapshot_id = NEW.id AND status = OLD.status;
    RETURN NULL;
END $$;
CREATE TRIGGER volume_group_snapshot_tells AFTER UPDATE OF status ON volume_group_snapshot FOR EACH ROW
    WHEN (OLD.status IN ('creating', 'deleting') AND NEW.status IN ('available', 'error', 'error_deleting'))
    EXECUTE FUNCTION volume_group_snapshot_tell();

CREATE OR REPLACE FUNCTION volume_group_status(grp uuid, said text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said = 'deleting' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp)
        AND NOT EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'deleting') THEN 'error_deleting'
        WHEN said = 'creating' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'creating') THEN 'creating'
        WHEN said = 'creating' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'error') THEN 'error'
        WHEN said = 'creating' THEN 'available' ELSE said END
$$;
