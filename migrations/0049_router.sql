-- SPDX-License-Identifier: Apache-2.0
-- Routers, what leads outside, and the addresses that are lent there.

ALTER TABLE network
    ADD COLUMN external boolean NOT NULL DEFAULT false,
    ADD COLUMN type text NOT NULL DEFAULT 'vxlan' CHECK (type IN ('vxlan', 'flat')),
    ADD COLUMN physical text,                        -- of a flat one: what hosts give a device; its vni is nobody's
    ADD CONSTRAINT network_physical CHECK ((type = 'flat') = (physical IS NOT NULL)),
    ADD CONSTRAINT limit_network_physical CHECK (char_length(physical) BETWEEN 1 AND 63);
CREATE UNIQUE INDEX network_flat ON network (physical) WHERE type = 'flat';

CREATE TABLE router (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    admin_state_up boolean NOT NULL DEFAULT true,
    snat        boolean NOT NULL DEFAULT true,
    routes      jsonb NOT NULL DEFAULT '[]',         -- [{destination, nexthop}]
    zone_hints  jsonb NOT NULL DEFAULT '[]',
    host        text,                                -- whose lease it is; NULL: nobody's yet
    lease       bigint NOT NULL DEFAULT 0,           -- grows with every host that gets it
    leased_at   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_router_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_router_description CHECK (char_length(description) BETWEEN 0 AND 255),
    CONSTRAINT limit_router_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64)
);
CREATE INDEX router_project ON router (project_id);
CREATE INDEX router_host ON router (host);

-- A router's legs are ports: its device_id is the router. This index finds them, and holds the port that leads outside to one a router.
CREATE UNIQUE INDEX port_gateway ON port (device_id) WHERE device_owner = 'network:router_gateway';

CREATE TABLE floating_ip (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    description text NOT NULL DEFAULT '',
    network_id  uuid NOT NULL REFERENCES network,
    own_port_id uuid NOT NULL REFERENCES port,       -- holds the address: network:floatingip
    ip          inet NOT NULL,
    router_id   uuid CONSTRAINT floating_ip_router REFERENCES router,
    port_id     uuid REFERENCES port ON DELETE SET NULL, -- whose it is; NULL: nobody's
    fixed_ip    inet,                                -- which of that port's; means nothing without one
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT floating_ip_once UNIQUE (port_id, fixed_ip, network_id),
    CONSTRAINT limit_floating_ip_description CHECK (char_length(description) BETWEEN 0 AND 255),
    CONSTRAINT limit_floating_ip_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64)
);
CREATE INDEX floating_ip_project ON floating_ip (project_id);
CREATE INDEX floating_ip_of_router ON floating_ip (router_id);
CREATE UNIQUE INDEX floating_ip_own ON floating_ip (own_port_id);

CREATE TABLE port_forwarding (
    id          uuid PRIMARY KEY,
    floating_ip_id uuid NOT NULL CONSTRAINT port_forwarding_of REFERENCES floating_ip ON DELETE CASCADE,
    description text NOT NULL DEFAULT '',
    protocol    text NOT NULL CHECK (protocol IN ('tcp', 'udp')),
    external_port integer NOT NULL,
    port_id     uuid NOT NULL REFERENCES port ON DELETE CASCADE,
    fixed_ip    inet NOT NULL,
    internal_port integer NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT port_forwarding_outside UNIQUE (floating_ip_id, protocol, external_port),
    CONSTRAINT port_forwarding_inside UNIQUE (port_id, fixed_ip, protocol, internal_port),
    CONSTRAINT limit_port_forwarding_description CHECK (char_length(description) BETWEEN 0 AND 255),
    CONSTRAINT limit_port_forwarding_external_port CHECK (external_port BETWEEN 1 AND 65535),
    CONSTRAINT limit_port_forwarding_internal_port CHECK (internal_port BETWEEN 1 AND 65535)
);

-- Which hosts may have routers: what they say of themselves, and until when they are believed to hold what they were leased.
CREATE TABLE network_host (
    host        text PRIMARY KEY REFERENCES host (name) ON DELETE CASCADE,
    physical    text[] NOT NULL DEFAULT '{}',        -- networks of its own: what an external network of type flat wants
    until       timestamptz NOT NULL DEFAULT now()
);

-- Ports that routers and floating addresses have outside are nobody's, and count for nobody.
DO $$
DECLARE
    was text := pg_get_viewdef('quota_fact'::regclass);
    mine text := regexp_replace(was, '(port\.device_owner <> ''network:dhcp''::text)', '\1 AND port.project_id <> ''''::text');
BEGIN
    IF mine = was THEN
        RAISE EXCEPTION 'quota_fact does not count ports as it did';
    END IF;
    EXECUTE 'CREATE OR REPLACE VIEW quota_fact AS ' || rtrim(mine, ';') ||
        ' UNION ALL SELECT ''network'', project_id, ''router'', count(*), max(created_at) FROM router GROUP BY project_id'
        ' UNION ALL SELECT ''network'', project_id, ''floatingip'', count(*), max(created_at) FROM floating_ip GROUP BY project_id';
END $$;

SELECT network_standard('router'), network_standard('floating_ip');
