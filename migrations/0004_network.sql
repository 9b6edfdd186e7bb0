-- Networks, subnets, ports and the addresses that they hold.

CREATE SEQUENCE network_vni MINVALUE 1 MAXVALUE 16777215 START 1000;

CREATE TABLE network (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    admin_state_up boolean NOT NULL DEFAULT true,
    shared      boolean NOT NULL DEFAULT false,
    mtu         integer NOT NULL DEFAULT 1450,
    vni         integer NOT NULL UNIQUE,
    version     bigint NOT NULL DEFAULT 0,           -- of its forwarding table; net.peers carries it
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX network_project ON network (project_id);

CREATE TABLE subnet (
    id          uuid PRIMARY KEY,
    network_id  uuid NOT NULL REFERENCES network,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    ip_version  smallint NOT NULL CHECK (ip_version IN (4, 6)),
    cidr        cidr NOT NULL,
    gateway_ip  inet,
    enable_dhcp boolean NOT NULL DEFAULT true,
    dns_nameservers text[] NOT NULL DEFAULT '{}',
    host_routes jsonb NOT NULL DEFAULT '[]',         -- [{destination, nexthop}]
    pools       jsonb NOT NULL,                      -- [{start, end}]
    cursor_ip   inet,                                -- last address handed out: the next free one is looked for after it
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subnet_network ON subnet (network_id);

CREATE TABLE port (
    id          uuid PRIMARY KEY,
    network_id  uuid NOT NULL REFERENCES network,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    mac         macaddr NOT NULL,
    admin_state_up boolean NOT NULL DEFAULT true,
    device_id   text NOT NULL DEFAULT '',            -- the server's id
    device_owner text NOT NULL DEFAULT '',           -- compute:<zone>, network:dhcp
    nic         smallint,                            -- its place among the server's NICs
    made_for_server boolean NOT NULL DEFAULT false,  -- dies with the server
    host        text,                                -- where it is bound; NULL = unbound
    tag         text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT port_mac UNIQUE (network_id, mac)
);
CREATE INDEX port_device ON port (device_id) WHERE device_id <> '';
CREATE INDEX port_project ON port (project_id);
CREATE INDEX port_bound ON port (network_id, host) WHERE host IS NOT NULL;

CREATE TABLE address (
    subnet_id   uuid NOT NULL REFERENCES subnet,
    ip          inet NOT NULL,
    port_id     uuid NOT NULL REFERENCES port ON DELETE CASCADE,
    CONSTRAINT address_once PRIMARY KEY (subnet_id, ip)
);
CREATE INDEX address_port ON address (port_id);
