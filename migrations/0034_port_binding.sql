-- Where a port is bound: one host as a rule, two while its server moves. Exactly one of them may be the active one.

CREATE TABLE port_binding (
    port_id     uuid NOT NULL REFERENCES port ON DELETE CASCADE,
    host        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('active', 'inactive')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (port_id, host)
);
CREATE UNIQUE INDEX port_binding_active ON port_binding (port_id) WHERE state = 'active';
CREATE INDEX port_binding_host ON port_binding (host);

INSERT INTO port_binding (port_id, host, state) SELECT id, host, 'active' FROM port WHERE host IS NOT NULL;

-- port.host is of the release before: nothing reads it any more. What a daemon of that release still writes there, before its successor takes over, is
-- a binding. The column and this trigger go with the next release.
CREATE FUNCTION port_host_of_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM port_binding WHERE port_id = NEW.id AND state = 'active' AND host IS DISTINCT FROM NEW.host;
    IF NEW.host IS NOT NULL THEN
        INSERT INTO port_binding (port_id, host, state) VALUES (NEW.id, NEW.host, 'active') ON CONFLICT (port_id, host) DO UPDATE SET state = 'active';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER port_host_made AFTER INSERT ON port FOR EACH ROW WHEN (NEW.host IS NOT NULL) EXECUTE FUNCTION port_host_of_before();
CREATE TRIGGER port_host_moved AFTER UPDATE OF host ON port FOR EACH ROW EXECUTE FUNCTION port_host_of_before();
