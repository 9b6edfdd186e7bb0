-- SPDX-License-Identifier: Apache-2.0
-- A group is `making` when it is written; an API of a release before writes `creating`, which is an administrator's word, and his is never a row's first.
CREATE FUNCTION volume_group_begin() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.status = 'making';
    RETURN NEW;
END $$;
CREATE TRIGGER volume_group_begin BEFORE INSERT ON volume_group FOR EACH ROW WHEN (NEW.status = 'creating') EXECUTE FUNCTION volume_group_begin();
UPDATE volume_group SET status = 'making' WHERE status = 'creating' AND updated_at = created_at;
-- A record whose import failed builds on nothing: what it names is nobody's to keep.
UPDATE volume_backup SET parent_id = NULL WHERE status = 'error' AND location IS NOT NULL AND manifest IS NULL;
