-- SPDX-License-Identifier: Apache-2.0
-- Where an administrator says that a port is to be (binding:host_id); shown while it is bound nowhere, forgotten when a server is plugged with it. '': he said nothing.
CREATE DOMAIN limit_port_host_asked AS text CONSTRAINT limit_port_host_asked CHECK (char_length(VALUE) BETWEEN 0 AND 255);
ALTER TABLE port ADD COLUMN host_asked limit_port_host_asked NOT NULL DEFAULT '';
