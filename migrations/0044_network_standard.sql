-- What every noun of Neutron has: a number that grows with each change, and tags. Other tables of the network room call the function for themselves.

CREATE FUNCTION network_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

-- A change is what sets updated_at: what the cloud notes for itself in a row is none.
CREATE FUNCTION network_standard(which regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ADD COLUMN revision bigint NOT NULL DEFAULT 1, ADD COLUMN tags text[] NOT NULL DEFAULT ''{}'','
        ' ADD CONSTRAINT limit_%s_tags CHECK (kn_texts_fit(tags, 50, 1, 255))', which, which);
    EXECUTE format('CREATE TRIGGER %s_revised BEFORE UPDATE ON %s FOR EACH ROW WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at)'
        ' EXECUTE FUNCTION network_revised()', which, which);
END $$;

SELECT network_standard('network'), network_standard('subnet'), network_standard('port');
