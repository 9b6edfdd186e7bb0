-- SPDX-License-Identifier: Apache-2.0
-- What operators say of the duties that hosts have for networks (network/rows/agents.c makes the list of them out of hosts), and what networks say of zones and themselves.

-- A duty of which nothing was said has no row. gone_at: it was deleted while its host was silent; one that is heard again is there again.
CREATE TABLE network_agent (
    host        text NOT NULL REFERENCES host (name) ON DELETE CASCADE,
    duty        text NOT NULL CHECK (duty IN ('l2', 'dhcp', 'l3', 'metadata')),
    description text,
    enabled     boolean NOT NULL DEFAULT true,       -- of l3: may have routers
    gone_at     timestamptz,
    PRIMARY KEY (host, duty),
    CONSTRAINT limit_network_agent_description CHECK (char_length(description) BETWEEN 0 AND 255)
);

ALTER TABLE network
    ADD COLUMN zone_hints jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN is_default boolean NOT NULL DEFAULT false; -- the external one that automatic topologies lead to
CREATE UNIQUE INDEX network_default ON network (is_default) WHERE is_default;
