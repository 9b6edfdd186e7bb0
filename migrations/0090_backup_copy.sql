-- SPDX-License-Identifier: Apache-2.0
-- Backups of volumes that servers have: their hosts copy them first, as for a snapshot; that copy is named by the backup, has no row of its own, and goes when the backup is stored, or is not.
ALTER TABLE volume_backup ADD COLUMN copy text CONSTRAINT volume_backup_copy CHECK (copy IN ('making', 'made')); -- NULL: there is none

CREATE OR REPLACE FUNCTION volume_is_copied(volume uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume v WHERE v.source_volid = $1 AND v.status = 'creating')
        OR EXISTS (SELECT FROM volume_snapshot s WHERE s.volume_id = $1 AND s.status = 'creating')
        OR EXISTS (SELECT FROM volume_backup b WHERE b.volume_id = $1 AND b.snapshot_id IS NULL AND b.status = 'creating'
                   AND b.copy IS DISTINCT FROM 'made')
$$;
