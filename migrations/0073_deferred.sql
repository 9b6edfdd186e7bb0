-- SPDX-License-Identifier: Apache-2.0
-- Deletions that wait (compute.reclaim_instance_interval): since when a server is kept for who wants it back. It is off meanwhile, and no quota counts it; NULL: it is not
-- deleted so. And since when a shelved one waits for its host to be given back (compute.shelved_offload_time).
ALTER TABLE server ADD COLUMN soft_deleted_at timestamptz, ADD COLUMN shelved_at timestamptz;
CREATE INDEX server_soft_deleted ON server (soft_deleted_at) WHERE soft_deleted_at IS NOT NULL;
CREATE INDEX server_shelved ON server (shelved_at) WHERE shelved_at IS NOT NULL;

DO $$
DECLARE
    was text := pg_get_viewdef('quota_fact'::regclass);
    becomes text := replace(was, 's.deleted_at IS NULL', 's.deleted_at IS NULL AND s.soft_deleted_at IS NULL');
BEGIN
    IF was = becomes THEN
        RAISE EXCEPTION 'quota_fact says nothing of servers that are gone';
    END IF;
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || becomes;
END $$;
