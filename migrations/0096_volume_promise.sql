-- What a back end has promised to whom. A row is a wish until kilonova-volume has judged it: only then it takes room from others, so that what is refused never
-- does. Of what stands (or was taken over as it is) its size is the promise.
ALTER TABLE volume ADD COLUMN promised_gib integer NOT NULL DEFAULT 0;
ALTER TABLE volume_snapshot ADD COLUMN promised_gib integer NOT NULL DEFAULT 0;
ALTER TABLE volume_backup ADD COLUMN promised_gib integer NOT NULL DEFAULT 0; -- of its copy
UPDATE volume SET promised_gib = size_gib WHERE status <> 'error';
UPDATE volume_snapshot SET promised_gib = size_gib WHERE status <> 'error';
UPDATE volume_backup SET promised_gib = size_gib WHERE copy IS NOT NULL;
CREATE VIEW volume_promise AS
    SELECT id, CASE WHEN status = 'error' THEN 0 WHEN status IN ('creating', 'deleting') THEN promised_gib
                    WHEN extends_from IS NOT NULL THEN greatest(extends_from, promised_gib) ELSE size_gib END AS gib FROM volume
    UNION ALL SELECT id, CASE WHEN status = 'error' THEN 0 WHEN status IN ('creating', 'deleting') THEN promised_gib ELSE size_gib END FROM volume_snapshot
    UNION ALL SELECT id, CASE WHEN status = 'error' THEN 0 WHEN status IN ('creating', 'deleting') THEN promised_gib ELSE size_gib END FROM volume_backup
        WHERE copy IS NOT NULL;
