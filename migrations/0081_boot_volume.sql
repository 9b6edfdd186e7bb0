-- SPDX-License-Identifier: Apache-2.0
-- Servers whose disks are volumes from the start. The one with boot_index 0 is the root disk; NULL: nothing boots from it.
ALTER TABLE attachment ADD COLUMN boot_index smallint CONSTRAINT attachment_boot_index CHECK (boot_index BETWEEN 0 AND 62);
CREATE UNIQUE INDEX attachment_boot_order ON attachment (server_id, boot_index) WHERE boot_index IS NOT NULL;

-- What a server's host keeps of it: the root disk of one that boots from a volume is not there.
CREATE FUNCTION server_local_gib(server uuid, flavor jsonb) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT flavor_local_gib(flavor) - CASE WHEN EXISTS (SELECT FROM attachment a WHERE a.server_id = server AND a.boot_index = 0)
        THEN (flavor->>'disk_gib')::bigint ELSE 0 END
$$;
