-- SPDX-License-Identifier: Apache-2.0
-- What a server costs less. A foreign key looks up and locks the row that it names once for each row that names it, ten times a server, although whoever
-- writes these holds that row in his transaction already. So the rows that are named look, when they go, a statement at a time; what they do and say is as before.

-- A port is written with its addresses and groups, or held while it gets others; bindings are made from its row.
ALTER TABLE address DROP CONSTRAINT address_port_id_fkey;
ALTER TABLE port_binding DROP CONSTRAINT port_binding_port_id_fkey;
ALTER TABLE port_security_group DROP CONSTRAINT port_security_group_port_id_fkey;

CREATE FUNCTION port_gone() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM address a USING gone g WHERE a.port_id = g.id;
    DELETE FROM port_binding b USING gone g WHERE b.port_id = g.id;
    DELETE FROM port_security_group s USING gone g WHERE s.port_id = g.id;
    RETURN NULL;
END $$;
CREATE TRIGGER port_gone AFTER DELETE ON port REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION port_gone();

-- Groups are held while they are given to a port.
ALTER TABLE port_security_group DROP CONSTRAINT security_group_in_use;

CREATE FUNCTION security_group_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g WHERE EXISTS (SELECT FROM port_security_group s WHERE s.group_id = g.id)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a port has the security group', CONSTRAINT = 'security_group_in_use';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER security_group_gone AFTER DELETE ON security_group REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION security_group_gone();

-- Whoever makes addresses ready holds their subnet.
ALTER TABLE address_ready DROP CONSTRAINT address_ready_subnet_id_fkey;

CREATE FUNCTION subnet_gone() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    DELETE FROM address_ready r USING gone g WHERE r.subnet_id = g.id;
    RETURN NULL;
END $$;
CREATE TRIGGER subnet_gone AFTER DELETE ON subnet REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION subnet_gone();

-- The scheduler alone makes allocations, of servers that are not deleted, and changes the host's row with them; a server is put on a host that it has one of.
ALTER TABLE allocation DROP CONSTRAINT allocation_server_id_fkey, DROP CONSTRAINT allocation_host_fkey;
ALTER TABLE server DROP CONSTRAINT server_host_fkey;

CREATE FUNCTION server_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g WHERE EXISTS (SELECT FROM allocation a WHERE a.server_id = g.id)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'the server has an allocation', CONSTRAINT = 'allocation_server_id_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER server_gone AFTER DELETE ON server REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION server_gone();

CREATE FUNCTION host_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g WHERE EXISTS (SELECT FROM allocation a WHERE a.host = g.name)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'the host has an allocation', CONSTRAINT = 'allocation_host_fkey';
    END IF;
    IF EXISTS (SELECT FROM server s JOIN gone g ON g.name = s.host) THEN
        RAISE foreign_key_violation USING MESSAGE = 'the host has a server', CONSTRAINT = 'server_host_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER host_gone AFTER DELETE ON host REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION host_gone();

-- An index whose condition names the owner made every change of a port's owner, as its server comes up, a new entry in each of the table's indexes.
ALTER TABLE port ADD COLUMN gateway_of text GENERATED ALWAYS AS (CASE WHEN device_owner = 'network:router_gateway' THEN device_id END) STORED;
DROP INDEX port_gateway;
CREATE UNIQUE INDEX port_gateway ON port (gateway_of) WHERE gateway_of IS NOT NULL;
