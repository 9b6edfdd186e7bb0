-- SPDX-License-Identifier: Apache-2.0
-- Who may open a console of a server, once, within a minute. The token itself is in nobody's hands but the client's: here is its hash. Rows go when they are
-- used, and soon after their minute is over.
CREATE TABLE console_token (
    hash        text PRIMARY KEY,                    -- SHA-256 of the token, in hex
    server_id   uuid NOT NULL,
    host        text NOT NULL,                       -- where the server was when it was asked for: elsewhere it opens nothing
    type        text NOT NULL CHECK (type IN ('novnc', 'serial')),
    project_id  text NOT NULL,                       -- the server's
    mark        text NOT NULL,                       -- what the wish rested on: revoked, it opens nothing (identity/api.h)
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX console_token_expires ON console_token (expires_at);
CREATE INDEX console_token_server ON console_token (server_id, created_at);
