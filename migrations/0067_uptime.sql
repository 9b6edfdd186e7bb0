-- SPDX-License-Identifier: Apache-2.0
-- How long an agent's machine is up, as its last heartbeat said. NULL: it did not say.
ALTER TABLE agent ADD COLUMN uptime text CONSTRAINT limit_agent_uptime CHECK (char_length(uptime) BETWEEN 0 AND 255);
