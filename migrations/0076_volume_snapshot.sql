-- SPDX-License-Identifier: Apache-2.0
-- Snapshots of volumes, what volumes are made from, and what grows.

ALTER TABLE volume
    ADD COLUMN snapshot_id uuid,          -- what it was made from; may be gone by now
    ADD COLUMN source_volid uuid,         -- likewise
    ADD COLUMN image jsonb CONSTRAINT volume_image_fits CHECK (kn_map_fits(image, 256, 255, 65535)), -- what is known of the image in it: texts; NULL: nothing
    ADD COLUMN readonly boolean,          -- NULL: nobody ever said
    ADD COLUMN extends_from integer;      -- its size until it has grown to size_gib; NULL: it has
CREATE INDEX volume_of_source ON volume (source_volid) WHERE source_volid IS NOT NULL;
CREATE INDEX volume_of_snapshot ON volume (snapshot_id) WHERE snapshot_id IS NOT NULL;

CREATE TABLE volume_snapshot (
    id          uuid PRIMARY KEY,
    volume_id   uuid NOT NULL,            -- no foreign key: both may go at once, in any order
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text CONSTRAINT limit_volume_snapshot_name CHECK (char_length(name) BETWEEN 0 AND 255),
    description text CONSTRAINT limit_volume_snapshot_description CHECK (char_length(description) BETWEEN 0 AND 255),
    size_gib    integer NOT NULL CHECK (size_gib > 0),
    status      text NOT NULL,            -- creating, available, deleting, error, error_deleting
    type_id     uuid NOT NULL CONSTRAINT volume_type_in_use REFERENCES volume_type,
    image       jsonb,                    -- as its volume's was
    bootable    boolean NOT NULL DEFAULT false,
    metadata    jsonb NOT NULL DEFAULT '{}' CONSTRAINT limit_volume_snapshot_metadata CHECK (kn_map_fits(metadata, 128, 255, 255)),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX volume_snapshot_project ON volume_snapshot (project_id, created_at DESC, id DESC);
CREATE INDEX volume_snapshot_volume ON volume_snapshot (volume_id);
CREATE INDEX volume_snapshot_type ON volume_snapshot (type_id);

-- Is a copy of it on its way? Whoever begins one holds the volume's row before, and so does whoever would change the volume.
CREATE FUNCTION volume_is_copied(volume uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume v WHERE v.source_volid = $1 AND v.status = 'creating')
        OR EXISTS (SELECT FROM volume_snapshot s WHERE s.volume_id = $1 AND s.status = 'creating')
$$;

-- Snapshots count as gigabytes beside the volumes, so both are added up.
DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS SELECT service, project_id, resource, sum(used) AS used, max(newest) AS newest FROM (' ||
        rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''volume'', s.project_id, r.resource, sum(r.n)::bigint, max(s.created_at) FROM volume_snapshot s CROSS JOIN LATERAL '
        '(VALUES (''snapshots'', 1::bigint), (''gigabytes'', s.size_gib::bigint), (''snapshots_'' || s.type_id, 1), '
        '(''gigabytes_'' || s.type_id, s.size_gib::bigint)) r(resource, n) GROUP BY 2, 3) f GROUP BY 1, 2, 3';
END $$;
