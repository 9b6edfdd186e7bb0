-- SPDX-License-Identifier: Apache-2.0
-- Backups whose records were imported: their bytes lie where the backup that was exported put them, which may be gone as a row, be here as well, or have been another cloud's.
ALTER TABLE volume_backup ADD COLUMN location uuid; -- the directory below its container; NULL: one of its own name, made by this cloud
CREATE INDEX volume_backup_location ON volume_backup (coalesce(location, id));

-- Is it looked at just now for a record of it that is imported? Whoever imports one holds the rows of the place before, and so does whoever would delete one of them.
CREATE FUNCTION volume_backup_is_imported(backup uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM volume_backup i JOIN volume_backup b ON coalesce(b.location, b.id) = i.location
                   WHERE b.id = $1 AND i.id <> b.id AND i.status = 'creating')
$$;
