-- Hosts and what they hold; flavors, keypairs, servers, usage.

CREATE TABLE agent (
    id         text PRIMARY KEY,                    -- its topic is kn.agent.<id>
    boot       text NOT NULL,
    hello_at   timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now()
);

-- Only kilonova-scheduler writes capacity and used; the API writes disabled.
CREATE TABLE host (
    name            text PRIMARY KEY,
    uuid            uuid NOT NULL UNIQUE,            -- hypervisor id and service id ≥ 2.53
    agent_id        text NOT NULL REFERENCES agent,
    zone            text NOT NULL,
    underlay        text,                            -- VXLAN address
    vcpus           integer NOT NULL,                -- physical
    memory_mib      bigint NOT NULL,
    reserved_memory_mib bigint NOT NULL DEFAULT 0,
    disk_gib        bigint NOT NULL,
    cpu_ratio_percent integer NOT NULL,
    used_vcpus      integer NOT NULL DEFAULT 0,
    used_memory_mib bigint NOT NULL DEFAULT 0,
    used_disk_gib   bigint NOT NULL DEFAULT 0,
    servers         integer NOT NULL DEFAULT 0,
    hypervisor_type text NOT NULL,                   -- QEMU, KVM, sim
    hypervisor_version integer NOT NULL,
    cpu_info        jsonb NOT NULL DEFAULT '{}',
    disabled        boolean NOT NULL DEFAULT false,
    disabled_reason text,
    forced_down     boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT host_capacity CHECK (used_vcpus >= 0 AND used_memory_mib >= 0 AND used_disk_gib >= 0
        AND used_vcpus::bigint * 100 <= vcpus::bigint * cpu_ratio_percent
        AND used_memory_mib <= memory_mib - reserved_memory_mib AND used_disk_gib <= disk_gib)
) WITH (fillfactor = 50);
CREATE INDEX host_agent ON host (agent_id);

CREATE TABLE flavor (
    id          text PRIMARY KEY,                    -- any string; Nova's flavorid
    name        text NOT NULL UNIQUE,
    vcpus       integer NOT NULL CHECK (vcpus > 0),
    memory_mib  integer NOT NULL CHECK (memory_mib > 0),
    disk_gib    integer NOT NULL CHECK (disk_gib >= 0),
    ephemeral_gib integer NOT NULL DEFAULT 0,
    swap_mib    integer NOT NULL DEFAULT 0,
    rxtx_factor real NOT NULL DEFAULT 1,             -- kept for clients; nothing reads it
    is_public   boolean NOT NULL DEFAULT true,
    disabled    boolean NOT NULL DEFAULT false,
    description text,
    extra_specs jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE flavor_access (
    flavor_id   text NOT NULL REFERENCES flavor ON DELETE CASCADE,
    project_id  text NOT NULL,
    PRIMARY KEY (flavor_id, project_id)
);

CREATE TABLE keypair (
    id          bigint GENERATED ALWAYS AS IDENTITY,  -- shown, never asked for
    user_id     text NOT NULL,
    name        text NOT NULL,
    type        text NOT NULL DEFAULT 'ssh',
    public_key  text NOT NULL,
    fingerprint text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, name)
);

-- Row and usage change in one transaction: quota usage = what exists.
CREATE TABLE compute_usage (
    project_id  text PRIMARY KEY,
    instances   integer NOT NULL DEFAULT 0,
    cores       integer NOT NULL DEFAULT 0,
    ram_mib     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
CREATE TABLE compute_quota (
    project_id  text NOT NULL,
    resource    text NOT NULL,                       -- instances, cores, ram, key_pairs, …
    hard_limit  integer NOT NULL,                    -- -1 = unlimited
    PRIMARY KEY (project_id, resource)
);

CREATE TABLE server (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    user_id     text NOT NULL,
    name        text NOT NULL,
    description text,
    hostname    text NOT NULL,
    vm_state    text NOT NULL,                       -- lib/domain/server_state.h
    task_state  text,
    power_state smallint NOT NULL DEFAULT 0,
    generation  bigint NOT NULL DEFAULT 1,           -- bumped by every placement decision
    host        text REFERENCES host,
    flavor      jsonb NOT NULL,                      -- as it was: {id, name, vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib, extra_specs}
    image_id    uuid,                                -- NULL: booted from a volume
    key_name    text,
    key_data    text,
    user_data   text,                                -- base64, as given
    metadata    jsonb NOT NULL DEFAULT '{}',
    tags        text[] NOT NULL DEFAULT '{}',
    zone        text,                                -- the host's, once there is one; before, what was asked for
    pinned_zone text,                                -- asked for at creation; NULL: any will do, also later
    config_drive boolean NOT NULL DEFAULT false,
    disk_config text NOT NULL DEFAULT 'MANUAL',
    access_ipv4 text NOT NULL DEFAULT '',
    access_ipv6 text NOT NULL DEFAULT '',
    nics        jsonb NOT NULL DEFAULT '[]',         -- from port.allocate, in order
    reservation_id text NOT NULL,
    launch_index integer NOT NULL DEFAULT 0,
    locked      boolean NOT NULL DEFAULT false,
    locked_by   text,                                -- owner or admin: only an admin opens an admin's lock
    locked_reason text,
    fault       jsonb,                               -- {code, message, created, details}
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    launched_at timestamptz,
    terminated_at timestamptz,
    deleted_at  timestamptz                          -- a deleted one stays for changes-since and its actions
) WITH (fillfactor = 60);
CREATE INDEX server_project ON server (project_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX server_all ON server (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX server_deleted ON server (project_id, deleted_at) WHERE deleted_at IS NOT NULL;

-- Written by kilonova-scheduler alone. An orphan cannot exist.
CREATE TABLE allocation (
    server_id   uuid PRIMARY KEY REFERENCES server,
    host        text NOT NULL REFERENCES host,
    generation  bigint NOT NULL,
    vcpus       integer NOT NULL,
    memory_mib  bigint NOT NULL,
    disk_gib    bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX allocation_host ON allocation (host);
