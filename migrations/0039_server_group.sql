-- SPDX-License-Identifier: Apache-2.0
-- Server groups: servers that are to be on one host, or on different ones. The scheduler holds their policies (scheduler/group.c).
CREATE TABLE server_group (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text NOT NULL,
    policy      text NOT NULL CHECK (policy IN ('affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity')),
    max_per_host integer,                            -- of anti-affinity; NULL: one
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_server_group_name CHECK (char_length(name) BETWEEN 1 AND 255),
    CONSTRAINT limit_server_group_max_per_host CHECK (max_per_host BETWEEN 1 AND 2147483647)
);
CREATE INDEX server_group_project ON server_group (project_id, created_at, id);

-- A group that goes leaves its servers where they are.
ALTER TABLE server ADD COLUMN group_id uuid CONSTRAINT server_group_exists REFERENCES server_group ON DELETE SET NULL;
CREATE INDEX server_group_member ON server (group_id) WHERE group_id IS NOT NULL;

DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''compute'', project_id, ''server_groups'', count(*), max(created_at) FROM server_group GROUP BY project_id';
END $$;
