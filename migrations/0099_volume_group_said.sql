-- SPDX-License-Identifier: Apache-2.0
-- A group that is made of another is `making` in its row, and is seen as its volumes say; `creating` is what an administrator said, and is seen as he said it.
UPDATE volume_group SET status = 'making' WHERE status = 'creating';
CREATE OR REPLACE FUNCTION volume_group_status(grp uuid, said text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN said = 'deleting' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp)
        AND NOT EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'deleting') THEN 'error_deleting'
        WHEN said = 'making' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'creating') THEN 'creating'
        WHEN said = 'making' AND EXISTS (SELECT FROM volume v WHERE v.group_id = grp AND v.status = 'error') THEN 'error'
        WHEN said = 'making' THEN 'available' ELSE said END
$$;
