-- SPDX-License-Identifier: Apache-2.0
-- Generic groups of volumes and their types.
CREATE TABLE volume_group_type (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CONSTRAINT volume_group_type_name UNIQUE CONSTRAINT limit_volume_group_type_name CHECK (char_length(name) BETWEEN 1 AND 255),
    description text CONSTRAINT limit_volume_group_type_description CHECK (char_length(description) BETWEEN 0 AND 255),
    is_public   boolean NOT NULL DEFAULT true, -- false: administrators alone see it and make groups of it
    group_specs jsonb NOT NULL DEFAULT '{}' CONSTRAINT limit_volume_group_type_group_specs CHECK (kn_map_fits(group_specs, 128, 255, 255)),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE volume_group (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text CONSTRAINT limit_volume_group_name CHECK (char_length(name) BETWEEN 0 AND 255),
    description text CONSTRAINT limit_volume_group_description CHECK (char_length(description) BETWEEN 0 AND 255),
    group_type_id uuid NOT NULL CONSTRAINT volume_group_type_in_use REFERENCES volume_group_type,
    zone        text NOT NULL,
    status      text NOT NULL,            -- what was last decided of it; what is true follows its volumes: volume_group_status()
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX volume_group_project ON volume_group (project_id, created_at DESC, id DESC);
CREATE INDEX volume_group_of_type ON volume_group (group_type_id);

-- Of which types its volumes may be.
CREATE TABLE volume_group_volume_type (
    group_id    uuid NOT NULL REFERENCES volume_group ON DELETE CASCADE,
    type_id     uuid NOT NULL CONSTRAINT volume_type_in_use REFERENCES volume_type,
    PRIMARY KEY (group_id, type_id)
);
CREATE INDEX volume_group_volume_type_type ON volume_group_volume_type (type_id);

ALTER TABLE volume ADD COLUMN group_id uuid CONSTRAINT volume_group_has_volumes REFERENCES volume_group;
CREATE INDEX volume_of_group ON volume (group_id) WHERE group_id IS NOT NULL;

-- A group that goes is gone with its last volume; one of whose volumes nothing goes on could not be deleted.
CREATE FUNCTION volume_group_status(grp uuid, said text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said = 'deleting' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp)
        AND NOT EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'deleting') THEN 'error_deleting' ELSE said END
$$;

DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS SELECT service, project_id, resource, sum(used) AS used, max(newest) AS newest FROM (' ||
        rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''volume'', g.project_id, ''groups'', count(*)::bigint, max(g.created_at) FROM volume_group g GROUP BY 2) f GROUP BY 1, 2, 3';
END $$;
