-- SPDX-License-Identifier: Apache-2.0
-- The security groups of a server's ports, so that a list of servers looks for no port (network/rows/groups/shown.h). NULL: whoever wants to know asks the ports.
ALTER TABLE server ADD COLUMN group_ids uuid[];
UPDATE server s SET group_ids = (SELECT coalesce(array_agg(DISTINCT b.group_id), '{}') FROM port p JOIN port_security_group b ON b.port_id = p.id
    WHERE p.device_id = s.id::text AND p.nic IS NOT NULL) WHERE s.deleted_at IS NULL AND s.vm_state NOT IN ('building', 'error');
