-- Tokens are self-contained; these rows say which of them no longer count. Every API reads the new ones each second.

CREATE TABLE revocation (
    kind        text NOT NULL CHECK (kind IN ('token', 'user', 'grant', 'project', 'domain')),
    target      text NOT NULL,                       -- audit id; user; user/scope; project; domain
    before_us   bigint NOT NULL,                     -- tokens issued until then are refused
    expires_at  timestamptz NOT NULL,                -- no such token is left
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX revocation_created ON revocation (created_at);
