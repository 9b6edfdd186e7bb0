-- SPDX-License-Identifier: Apache-2.0
-- Backups of volumes: what they are and where they lie. Their bytes are in a store (volume/serve/backup_store.h).
CREATE TABLE volume_backup (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text CONSTRAINT limit_volume_backup_name CHECK (char_length(name) BETWEEN 0 AND 255),
    description text CONSTRAINT limit_volume_backup_description CHECK (char_length(description) BETWEEN 0 AND 255),
    metadata    jsonb NOT NULL DEFAULT '{}' CONSTRAINT limit_volume_backup_metadata CHECK (kn_map_fits(metadata, 128, 255, 255)),
    volume_id   uuid NOT NULL,            -- of which volume; may be gone by now
    snapshot_id uuid,                     -- of which snapshot of it; likewise
    parent_id   uuid CONSTRAINT volume_backup_has_dependents REFERENCES volume_backup, -- whose chunks it needs; NULL: it is whole by itself
    size_gib    integer NOT NULL CHECK (size_gib > 0),
    status      text NOT NULL,            -- creating, available, deleting, error, error_deleting
    fail_reason text,
    zone        text NOT NULL,
    container   text NOT NULL CONSTRAINT limit_volume_backup_container CHECK (char_length(container) BETWEEN 1 AND 63),
    store       text,                     -- directory, …; NULL: nothing was stored yet
    manifest    text,                     -- SHA-256 of its manifest; NULL: it is not whole
    object_count integer NOT NULL DEFAULT 0,
    image       jsonb CONSTRAINT volume_backup_image_fits CHECK (kn_map_fits(image, 256, 255, 65535)), -- as its volume's was
    bootable    boolean NOT NULL DEFAULT false,
    data_timestamp timestamptz NOT NULL,  -- of when its bytes are
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT volume_backup_is_whole CHECK (status <> 'available' OR manifest IS NOT NULL)
);
CREATE INDEX volume_backup_project ON volume_backup (project_id, created_at DESC, id DESC);
CREATE INDEX volume_backup_volume ON volume_backup (volume_id);
CREATE INDEX volume_backup_parent ON volume_backup (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE volume ADD COLUMN backup_id uuid; -- what it was restored from; may be gone by now
CREATE INDEX volume_of_backup ON volume (backup_id) WHERE backup_id IS NOT NULL;

CREATE OR REPLACE FUNCTION volume_is_copied(volume uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume v WHERE v.source_volid = $1 AND v.status = 'creating')
        OR EXISTS (SELECT FROM volume_snapshot s WHERE s.volume_id = $1 AND s.status = 'creating')
        OR EXISTS (SELECT FROM volume_backup b WHERE b.volume_id = $1 AND b.snapshot_id IS NULL AND b.status = 'creating')
$$;

-- Is a volume on its way out of it? Whoever begins one holds the backup's row before, and so does whoever would delete the backup.
CREATE FUNCTION volume_backup_is_read(backup uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume v WHERE v.backup_id = $1 AND v.status IN ('creating', 'restoring-backup'))
$$;

DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS SELECT service, project_id, resource, sum(used) AS used, max(newest) AS newest FROM (' ||
        rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''volume'', b.project_id, r.resource, sum(r.n)::bigint, max(b.created_at) FROM volume_backup b CROSS JOIN LATERAL '
        '(VALUES (''backups'', 1::bigint), (''backup_gigabytes'', b.size_gib::bigint)) r(resource, n) GROUP BY 2, 3) f GROUP BY 1, 2, 3';
END $$;
