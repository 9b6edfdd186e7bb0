-- SPDX-License-Identifier: Apache-2.0
-- A forwarding is of ranges of ports: as many inside as outside, or all to one. The columns that there are say where they begin.
ALTER TABLE port_forwarding ADD COLUMN external_last integer, ADD COLUMN internal_last integer;
UPDATE port_forwarding SET external_last = external_port, internal_last = internal_port;
ALTER TABLE port_forwarding
    ALTER COLUMN external_last SET NOT NULL,
    ALTER COLUMN internal_last SET NOT NULL,
    ADD CONSTRAINT limit_port_forwarding_external_last CHECK (external_last BETWEEN 1 AND 65535),
    ADD CONSTRAINT limit_port_forwarding_internal_last CHECK (internal_last BETWEEN 1 AND 65535),
    ADD CONSTRAINT port_forwarding_ranges CHECK (external_last >= external_port AND internal_last >= internal_port
        AND (internal_last = internal_port OR internal_last - internal_port = external_last - external_port));
