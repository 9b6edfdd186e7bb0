-- A volume that may be shared (multiattach) has an attachment for each of its servers; any other has one. The database keeps both.

ALTER TABLE volume ADD COLUMN multiattach boolean NOT NULL DEFAULT false;
ALTER TABLE volume ADD CONSTRAINT volume_shared UNIQUE (id, multiattach);

ALTER TABLE attachment ADD COLUMN shared boolean NOT NULL DEFAULT false;   -- its volume's multiattach
ALTER TABLE attachment DROP CONSTRAINT attachment_once, DROP CONSTRAINT attachment_volume_id_fkey,
    ADD CONSTRAINT attachment_of_volume FOREIGN KEY (volume_id, shared) REFERENCES volume (id, multiattach) ON UPDATE CASCADE,
    ADD CONSTRAINT attachment_once_a_server UNIQUE (volume_id, server_id);
CREATE UNIQUE INDEX attachment_once ON attachment (volume_id) WHERE NOT shared;

-- The status of a volume as its attachments say it. Whoever changes an attachment holds the volume's row before asking.
CREATE FUNCTION volume_status(volume uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bool_or(status = 'attached') THEN 'in-use' WHEN bool_or(status = 'detaching') THEN 'detaching'
        WHEN count(*) > 0 THEN 'attaching' ELSE 'available' END FROM attachment WHERE volume_id = volume
$$;
