-- SPDX-License-Identifier: Apache-2.0
-- What hosts are told of networks. Whoever changes a row that hosts derive something from names it here in the same transaction (network/rows/change.h);
-- kilonova-network takes the rows in order, tells whom it concerns and deletes them.
CREATE TABLE network_change (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('network', 'port', 'group', 'addresses', 'policy', 'router')),
    id          uuid NOT NULL,
    network_id  uuid,                                -- of a port: where it was when it was named
    groups      uuid[] NOT NULL DEFAULT '{}',        -- of a port: those that it had then
    made_at     timestamptz NOT NULL DEFAULT now(),
    aside       text                                 -- why nobody could be told; such a row is not tried again
);

-- What a host was told last. Its version grows with each change; a host that says another one is told everything again.
CREATE TABLE host_network_state (
    host        text PRIMARY KEY REFERENCES host (name) ON DELETE CASCADE,
    version     bigint NOT NULL
);

-- What a host was told of, by the things that others hang on: a network its ports and peers, a remote group its members. What is here and not wanted any
-- more is dropped there; what is wanted and not here is told with all that hangs on it.
CREATE TABLE host_network_object (
    host        text NOT NULL REFERENCES host_network_state ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('network', 'group', 'remote', 'addresses', 'policy', 'router')),
    id          uuid NOT NULL,
    PRIMARY KEY (host, kind, id)
);
CREATE INDEX host_network_object_thing ON host_network_object (kind, id);
