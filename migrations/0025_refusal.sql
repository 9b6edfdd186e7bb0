-- Whom the scheduler leaves out, and why: hosts that make no sense or belong to another agent, and agents beside which an older one of their id lives.

CREATE TABLE agent_refusal (
    agent_id   text NOT NULL REFERENCES agent ON DELETE CASCADE,
    subject    text NOT NULL,                       -- the host's name; '#n' of one without a name; '' for the agent itself
    kind       text NOT NULL CHECK (kind IN ('host', 'owner', 'boot')), -- makes no sense; is another's; a second agent of this id
    boot       text NOT NULL,                       -- who said it
    host_uuid  uuid,                                -- of a host of a usable name that makes no sense
    reason     text NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (agent_id, subject)
);
CREATE INDEX agent_refusal_subject ON agent_refusal (subject);

-- Every host that operators should see: those that there are, and those that would be if what is said of them made sense.
CREATE VIEW any_host AS
    SELECT h.name, h.uuid, h.agent_id, h.zone, h.underlay, h.vcpus, h.memory_mib, h.reserved_memory_mib, h.disk_gib, h.used_vcpus,
        h.used_memory_mib, h.used_disk_gib, h.servers, h.hypervisor_type, h.hypervisor_version, h.cpu_info, h.disabled, h.disabled_reason,
        h.forced_down, true AS known, r.reason AS refused
    FROM host h LEFT JOIN agent_refusal r ON r.agent_id = h.agent_id AND r.subject = h.name AND r.kind = 'host'
    UNION ALL
    SELECT m.* FROM (SELECT DISTINCT ON (r.subject) r.subject, r.host_uuid, r.agent_id, 'nova', NULL::text, 0, 0::bigint, 0::bigint, 0::bigint, 0, 0::bigint, 0::bigint,
        0, '', 0, '{}'::jsonb, false, NULL::text, false, false, r.reason
    FROM agent_refusal r WHERE r.kind = 'host' AND r.host_uuid IS NOT NULL AND NOT EXISTS (SELECT FROM host h WHERE h.name = r.subject)
    ORDER BY r.subject, r.since) m;
