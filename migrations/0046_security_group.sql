-- SPDX-License-Identifier: Apache-2.0
-- Security groups: what may reach a port and what it may reach. A port with port security has the groups of port_security_group and nothing else passes.
CREATE TABLE address_group (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_address_group_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_address_group_description CHECK (char_length(description) BETWEEN 0 AND 255)
);
CREATE INDEX address_group_project ON address_group (project_id, id);

CREATE TABLE address_group_address (
    group_id    uuid NOT NULL REFERENCES address_group ON DELETE CASCADE,
    address     cidr NOT NULL,
    PRIMARY KEY (group_id, address)
);

CREATE TABLE security_group (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    stateful    boolean NOT NULL DEFAULT true,
    is_default  boolean NOT NULL DEFAULT false,      -- of its project: ports have it of which nothing is said
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_security_group_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_security_group_description CHECK (char_length(description) BETWEEN 0 AND 255)
);
CREATE INDEX security_group_project ON security_group (project_id, id);
CREATE UNIQUE INDEX security_group_default ON security_group (project_id) WHERE is_default;

CREATE TABLE security_group_rule (
    id          uuid PRIMARY KEY,
    group_id    uuid NOT NULL REFERENCES security_group ON DELETE CASCADE,
    project_id  text NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('ingress', 'egress')),
    ethertype   text NOT NULL CHECK (ethertype IN ('IPv4', 'IPv6')),
    protocol    text,                                -- as it was said: a name, or a number; NULL: any
    number      smallint CHECK (number BETWEEN 0 AND 255), -- IP's, of the protocol
    range_min   integer,                             -- ports; of ICMP: the type
    range_max   integer,                             -- ports; of ICMP: the code
    remote_prefix inet,                              -- as it was said: bits behind the length may be set
    remote_group_id uuid REFERENCES security_group ON DELETE CASCADE,
    remote_address_group_id uuid CONSTRAINT address_group_in_use REFERENCES address_group,
    description text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_security_group_rule_description CHECK (char_length(description) BETWEEN 0 AND 255),
    CONSTRAINT security_group_rule_remote CHECK (num_nonnulls(remote_prefix, remote_group_id, remote_address_group_id) <= 1),
    CONSTRAINT security_group_rule_ports CHECK (range_min BETWEEN 0 AND 65535 AND range_max BETWEEN 0 AND 65535)
);
-- Nobody's address, and everybody's, are the same remote.
CREATE UNIQUE INDEX security_group_rule_once ON security_group_rule (group_id, direction, ethertype, coalesce(number, -1), coalesce(range_min, -1),
    coalesce(range_max, -1), (CASE WHEN masklen(remote_prefix) > 0 THEN text(remote_prefix) ELSE '' END),
    coalesce(remote_group_id, remote_address_group_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX security_group_rule_project ON security_group_rule (project_id, id);
CREATE INDEX security_group_rule_remote ON security_group_rule (remote_group_id) WHERE remote_group_id IS NOT NULL;
CREATE INDEX security_group_rule_addresses ON security_group_rule (remote_address_group_id) WHERE remote_address_group_id IS NOT NULL;

-- What new groups begin with.
CREATE TABLE security_group_template (
    id          uuid PRIMARY KEY,
    direction   text NOT NULL CHECK (direction IN ('ingress', 'egress')),
    ethertype   text NOT NULL CHECK (ethertype IN ('IPv4', 'IPv6')),
    protocol    text,
    number      smallint CHECK (number BETWEEN 0 AND 255),
    range_min   integer,
    range_max   integer,
    remote_prefix inet,
    remote_group text,                               -- PARENT: the group that has the rule; or a group's id
    remote_address_group_id uuid CONSTRAINT address_group_in_template REFERENCES address_group,
    description text NOT NULL DEFAULT '',
    used_in_default_sg boolean NOT NULL DEFAULT false,
    used_in_non_default_sg boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_security_group_template_description CHECK (char_length(description) BETWEEN 0 AND 255)
);
INSERT INTO security_group_template (id, direction, ethertype, remote_group, description, used_in_default_sg, used_in_non_default_sg) VALUES
    (gen_random_uuid(), 'egress', 'IPv4', NULL, 'Legacy default SG rule for egress traffic', true, true),
    (gen_random_uuid(), 'egress', 'IPv6', NULL, 'Legacy default SG rule for egress traffic', true, true),
    (gen_random_uuid(), 'ingress', 'IPv4', 'PARENT', 'Legacy default SG rule for ingress traffic', true, false),
    (gen_random_uuid(), 'ingress', 'IPv6', 'PARENT', 'Legacy default SG rule for ingress traffic', true, false);

SELECT network_standard('security_group');
ALTER TABLE security_group_rule ADD COLUMN revision bigint NOT NULL DEFAULT 1; -- neither ever changes
ALTER TABLE security_group_template ADD COLUMN revision bigint NOT NULL DEFAULT 1;
ALTER TABLE address_group ADD COLUMN revision bigint NOT NULL DEFAULT 1;
CREATE TRIGGER address_group_revised BEFORE UPDATE ON address_group FOR EACH ROW WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at)
    EXECUTE FUNCTION network_revised();

ALTER TABLE network ADD COLUMN port_security boolean NOT NULL DEFAULT true; -- what ports get of which nothing is said
ALTER TABLE port ADD COLUMN port_security boolean NOT NULL DEFAULT true,
    ADD COLUMN allowed_pairs jsonb NOT NULL DEFAULT '[]'; -- [{mac_address, ip_address}]
CREATE TABLE port_security_group (
    port_id     uuid NOT NULL REFERENCES port ON DELETE CASCADE,
    group_id    uuid NOT NULL CONSTRAINT security_group_in_use REFERENCES security_group,
    PRIMARY KEY (port_id, group_id)
);
CREATE INDEX port_security_group_members ON port_security_group (group_id);

-- Ports that there are: their project's default group, as new ones, and beside it one that lets everything pass, as before this migration, so that no
-- upgrade cuts anybody off. Whoever wants what new ports have takes that group from his ports and deletes it.
UPDATE port SET port_security = false WHERE device_owner LIKE 'network:%';
INSERT INTO security_group (id, project_id, name, description, is_default)
    SELECT gen_random_uuid(), project_id, 'default', 'Default security group', true FROM port WHERE port_security GROUP BY project_id;
INSERT INTO security_group (id, project_id, name, description)
    SELECT gen_random_uuid(), project_id, 'before-security-groups', 'Lets everything pass, as before there were security groups. Take it from ports that shall have their rules alone.'
    FROM port WHERE port_security GROUP BY project_id;
INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, remote_group_id)
    SELECT gen_random_uuid(), g.id, g.project_id, t.direction, t.ethertype, CASE WHEN t.remote_group = 'PARENT' THEN g.id END
    FROM security_group g CROSS JOIN security_group_template t WHERE g.is_default AND t.used_in_default_sg;
INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype)
    SELECT gen_random_uuid(), g.id, g.project_id, d.direction, e.ethertype
    FROM security_group g CROSS JOIN (VALUES ('ingress'), ('egress')) d(direction) CROSS JOIN (VALUES ('IPv4'), ('IPv6')) e(ethertype) WHERE NOT g.is_default;
INSERT INTO port_security_group (port_id, group_id) SELECT p.id, g.id FROM port p JOIN security_group g ON g.project_id = p.project_id WHERE p.port_security;

DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || rtrim(pg_get_viewdef('quota_fact'::regclass), ';') ||
        ' UNION ALL SELECT ''network'', project_id, ''security_group'', count(*), max(created_at) FROM security_group GROUP BY project_id'
        ' UNION ALL SELECT ''network'', project_id, ''security_group_rule'', count(*), max(created_at) FROM security_group_rule GROUP BY project_id';
END $$;
INSERT INTO quota_usage (service, project_id, resource, used)
    SELECT service, project_id, resource, used FROM quota_fact WHERE service = 'network' AND resource IN ('security_group', 'security_group_rule');

-- Whoever names a port in the outbox of changes names the groups that it has until then: hosts hear of it where one of these is a remote.
CREATE FUNCTION network_change_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.groups := coalesce((SELECT array_agg(group_id) FROM port_security_group WHERE port_id = NEW.id), '{}');
    RETURN NEW;
END $$;
CREATE TRIGGER network_change_noted BEFORE INSERT ON network_change FOR EACH ROW WHEN (NEW.kind = 'port') EXECUTE FUNCTION network_change_groups();
