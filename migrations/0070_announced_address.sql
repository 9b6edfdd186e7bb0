-- SPDX-License-Identifier: Apache-2.0
-- An address of allowed address pairs that several guests may have: the one has it that announced it last, as its host heard it (network/serve/announced.c).
-- number: of all announcements that counted; hosts say which one they know of, so that what is old or comes twice is passed over.
CREATE SEQUENCE announced_address_number;
CREATE TABLE announced_address (
    network_id uuid NOT NULL REFERENCES network ON DELETE CASCADE,
    ip         inet NOT NULL,
    port_id    uuid NOT NULL REFERENCES port ON DELETE CASCADE,
    mac        macaddr NOT NULL,
    number     bigint NOT NULL,
    heard_at   timestamptz NOT NULL,
    PRIMARY KEY (network_id, ip)
);
CREATE INDEX announced_address_port ON announced_address (port_id);
