-- SPDX-License-Identifier: Apache-2.0
-- What a port has beyond its addresses: names in DNS, options of DHCP, what administrators pin to its binding.
ALTER TABLE network
    ADD COLUMN dns_domain text NOT NULL DEFAULT '', -- ends with a dot; '': the cloud's
    ADD CONSTRAINT limit_network_dns_domain CHECK (char_length(dns_domain) BETWEEN 0 AND 253);
ALTER TABLE port
    ADD COLUMN dns_name text,                        -- NULL: its server's hostname; '': none
    ADD COLUMN dhcp_options jsonb NOT NULL DEFAULT '[]', -- [{opt_name, opt_value, ip_version}], each name and version once
    ADD COLUMN profile jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT limit_port_dns_name CHECK (char_length(dns_name) BETWEEN 0 AND 253);
