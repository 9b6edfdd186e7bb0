-- SPDX-License-Identifier: Apache-2.0
-- A backup that is imported names a volume that nobody reads for it.
CREATE OR REPLACE FUNCTION volume_is_copied(volume uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume v WHERE v.source_volid = $1 AND v.status = 'creating')
        OR EXISTS (SELECT FROM volume_snapshot s WHERE s.volume_id = $1 AND s.status = 'creating')
        OR EXISTS (SELECT FROM volume_backup b WHERE b.volume_id = $1 AND b.snapshot_id IS NULL AND b.status = 'creating'
                   AND b.location IS NULL AND b.copy IS DISTINCT FROM 'made')
$$;
