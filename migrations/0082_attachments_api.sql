-- SPDX-License-Identifier: Apache-2.0
-- Attachments that clients make themselves: of whatever they say, which is no server of this cloud's compute. Those of servers are as before.
ALTER TABLE attachment ALTER COLUMN server_id DROP NOT NULL,
    ADD COLUMN instance_id uuid,          -- what the client said; NULL: nothing, or it is a server's
    ADD COLUMN mode text CONSTRAINT attachment_mode CHECK (mode IN ('rw', 'ro')), -- the same; NULL: as the volume is
    ADD COLUMN host_name text CONSTRAINT limit_attachment_host_name CHECK (char_length(host_name) BETWEEN 1 AND 255), -- of its connector
    ADD CONSTRAINT attachment_of_one CHECK (server_id IS NULL OR instance_id IS NULL);

-- Reserved: it is somebody's who has not said where yet.
CREATE OR REPLACE FUNCTION volume_status(volume uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bool_or(status = 'attached') THEN 'in-use' WHEN bool_or(status = 'detaching') THEN 'detaching'
        WHEN bool_or(status = 'attaching') THEN 'attaching' WHEN count(*) > 0 THEN 'reserved' ELSE 'available' END
    FROM attachment WHERE volume_id = volume
$$;

-- Volumes of such a type may have several servers at once.
CREATE FUNCTION volume_type_shares(type uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT extra_specs->>'multiattach' ~* '^<is> *true$' FROM volume_type WHERE id = type), false)
$$;
