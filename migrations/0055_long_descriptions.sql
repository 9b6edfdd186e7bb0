-- SPDX-License-Identifier: Apache-2.0
-- Descriptions of these are as long as Neutron's.
ALTER TABLE address_group DROP CONSTRAINT limit_address_group_description,
    ADD CONSTRAINT limit_address_group_description CHECK (char_length(description) BETWEEN 0 AND 1024);
ALTER TABLE port_forwarding DROP CONSTRAINT limit_port_forwarding_description,
    ADD CONSTRAINT limit_port_forwarding_description CHECK (char_length(description) BETWEEN 0 AND 1024);
