-- SPDX-License-Identifier: Apache-2.0
-- Guests that fight over an address of their pairs do not make it move for ever: after a few moves in a short time it stays where it is for a while
-- (network/serve/announced.h). moves: since moves_from; rests_until: it stays until then.
ALTER TABLE announced_address
    ADD COLUMN moves       integer NOT NULL DEFAULT 0,
    ADD COLUMN moves_from  timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN rests_until timestamptz;
