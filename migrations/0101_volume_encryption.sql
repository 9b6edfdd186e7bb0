-- Encrypted volumes. What a type says of it (volume_type_encryption); a volume of such a type names its key (volume.key_id), whose bytes lie here only sealed with a key that no database has
-- (volume.key_file). A key goes with its volume.
CREATE TABLE volume_type_encryption (
    type_id          uuid PRIMARY KEY REFERENCES volume_type ON DELETE CASCADE,
    id               uuid NOT NULL,
    provider         text NOT NULL CONSTRAINT limit_volume_type_encryption_provider CHECK (char_length(provider) BETWEEN 1 AND 255),
    control_location text NOT NULL CONSTRAINT volume_type_encryption_location CHECK (control_location IN ('front-end', 'back-end')),
    cipher           text CONSTRAINT limit_volume_type_encryption_cipher CHECK (char_length(cipher) BETWEEN 0 AND 255),
    key_size         integer CONSTRAINT limit_volume_type_encryption_key_size CHECK (key_size BETWEEN 0 AND 2147483647),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz,
    CONSTRAINT volume_type_encryption_id UNIQUE (id)
);

ALTER TABLE volume ADD COLUMN key_id uuid;
CREATE INDEX volume_with_key ON volume (id) WHERE key_id IS NOT NULL; -- few of many
ALTER TABLE volume DROP CONSTRAINT volume_format;
ALTER TABLE volume ADD CONSTRAINT volume_format CHECK (format IN ('raw', 'qcow2', 'luks')) NOT VALID;
ALTER TABLE volume VALIDATE CONSTRAINT volume_format;
ALTER TABLE volume ADD CONSTRAINT volume_encrypted CHECK ((format = 'luks') = (key_id IS NOT NULL)) NOT VALID;
ALTER TABLE volume VALIDATE CONSTRAINT volume_encrypted;
ALTER TABLE volume_snapshot DROP CONSTRAINT volume_snapshot_format;
ALTER TABLE volume_snapshot ADD CONSTRAINT volume_snapshot_format CHECK (format IN ('raw', 'qcow2', 'luks')) NOT VALID;
ALTER TABLE volume_snapshot VALIDATE CONSTRAINT volume_snapshot_format;

CREATE TABLE volume_key (
    id         uuid PRIMARY KEY,
    volume_id  uuid NOT NULL REFERENCES volume ON DELETE CASCADE,
    sealed     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT volume_key_volume UNIQUE (volume_id)
);

-- A volume is encrypted if and only if its type says so, whoever writes the row: the type's row is held, so what it says cannot change meanwhile.
CREATE FUNCTION volume_type_encrypts(type uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM volume_type WHERE id = type FOR KEY SHARE;
    RETURN EXISTS (SELECT FROM volume_type_encryption e WHERE e.type_id = type);
END $$;

CREATE FUNCTION volume_takes_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF volume_type_encrypts(NEW.type_id) THEN
        NEW.key_id := gen_random_uuid();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER volume_takes_key BEFORE INSERT ON volume FOR EACH ROW EXECUTE FUNCTION volume_takes_key();

CREATE FUNCTION volume_keeps_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF volume_type_encrypts(NEW.type_id) <> (NEW.key_id IS NOT NULL) THEN
        RAISE EXCEPTION 'volume % is encrypted by another type than its new one', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'volume_retype_encryption', TABLE = 'volume';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER volume_keeps_key BEFORE UPDATE OF type_id ON volume FOR EACH ROW WHEN (NEW.type_id IS DISTINCT FROM OLD.type_id)
    EXECUTE FUNCTION volume_keeps_key();
