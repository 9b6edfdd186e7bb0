-- SPDX-License-Identifier: Apache-2.0
-- QoS: how much and with which mark a port may send and get. A port's own policy goes before its network's.
CREATE TABLE qos_policy (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    shared      boolean NOT NULL DEFAULT false,
    is_default  boolean NOT NULL DEFAULT false,      -- of its project: new networks have it of which nothing is said
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_qos_policy_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_qos_policy_description CHECK (char_length(description) BETWEEN 0 AND 255)
);
CREATE INDEX qos_policy_project ON qos_policy (project_id, id);
CREATE UNIQUE INDEX qos_policy_default ON qos_policy (project_id) WHERE is_default;
ALTER TABLE qos_policy ADD COLUMN revision bigint NOT NULL DEFAULT 1;
CREATE TRIGGER qos_policy_revised BEFORE UPDATE ON qos_policy FOR EACH ROW WHEN (OLD.updated_at IS DISTINCT FROM NEW.updated_at)
    EXECUTE FUNCTION network_revised();

CREATE TABLE qos_rule (
    id          uuid PRIMARY KEY,
    policy_id   uuid NOT NULL REFERENCES qos_policy ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('bandwidth_limit', 'dscp_marking')),
    direction   text CHECK (direction IN ('ingress', 'egress')), -- of a bandwidth limit: to the guest, from it
    max_kbps    integer,
    max_burst_kbps integer NOT NULL DEFAULT 0,
    dscp_mark   smallint CHECK (dscp_mark BETWEEN 0 AND 63),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_qos_rule_max_kbps CHECK (max_kbps BETWEEN 0 AND 2147483647),
    CONSTRAINT limit_qos_rule_max_burst_kbps CHECK (max_burst_kbps BETWEEN 0 AND 2147483647),
    CONSTRAINT qos_rule_kind CHECK ((kind = 'bandwidth_limit') = (max_kbps IS NOT NULL AND direction IS NOT NULL) AND (kind = 'dscp_marking') = (dscp_mark IS NOT NULL))
);
CREATE UNIQUE INDEX qos_rule_once ON qos_rule (policy_id, kind, coalesce(direction, ''));

ALTER TABLE network ADD COLUMN qos_policy_id uuid CONSTRAINT qos_policy_of_network REFERENCES qos_policy;
ALTER TABLE port ADD COLUMN qos_policy_id uuid CONSTRAINT qos_policy_of_port REFERENCES qos_policy;
CREATE INDEX network_qos_policy ON network (qos_policy_id) WHERE qos_policy_id IS NOT NULL;
CREATE INDEX port_qos_policy ON port (qos_policy_id) WHERE qos_policy_id IS NOT NULL;
