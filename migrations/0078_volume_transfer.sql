-- SPDX-License-Identifier: Apache-2.0
-- Volumes that are offered to another project. A transfer is there exactly while its volume awaits it, whoever ends that.

CREATE TABLE volume_transfer (
    id          uuid PRIMARY KEY,
    volume_id   uuid NOT NULL CONSTRAINT volume_transfer_once UNIQUE REFERENCES volume ON DELETE CASCADE,
    source_project_id text NOT NULL,
    name        text CONSTRAINT limit_volume_transfer_name CHECK (char_length(name) BETWEEN 0 AND 255),
    no_snapshots boolean NOT NULL DEFAULT false,
    key_hash    text NOT NULL,            -- SHA-256 of the key, whose 128 bits are random
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX volume_transfer_project ON volume_transfer (source_project_id, created_at, id);

CREATE FUNCTION volume_transfer_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM volume_transfer WHERE volume_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER volume_transfer_end AFTER UPDATE OF status ON volume FOR EACH ROW
    WHEN (OLD.status = 'awaiting-transfer' AND NEW.status <> 'awaiting-transfer') EXECUTE FUNCTION volume_transfer_end();
