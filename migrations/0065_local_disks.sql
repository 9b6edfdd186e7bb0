-- SPDX-License-Identifier: Apache-2.0
-- The disks that a server's host makes beside the image's on vda: what block_device_mapping and its flavor asked for ("local disk" in docs/messages.md). NULL: none.
ALTER TABLE server ADD COLUMN disks jsonb;

-- What a server of this flavor takes of its host's disk: the root disk, the ephemeral ones, and swap, which has a GiB of its own when it is less.
CREATE FUNCTION flavor_local_gib(flavor jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((flavor->>'disk_gib')::bigint, 0) + coalesce((flavor->>'ephemeral_gib')::bigint, 0)
        + (coalesce((flavor->>'swap_mib')::bigint, 0) + 1023) / 1024
$$;
