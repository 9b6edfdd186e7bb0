-- What Keystone knows of a user beyond its name: options, attributes of the client's own, and the life of its password.

ALTER TABLE identity_user
    ADD options jsonb NOT NULL DEFAULT '{}',
    ADD extra jsonb NOT NULL DEFAULT '{}',                -- attributes that clients made up
    ADD password_expires_at timestamptz,                  -- NULL: never
    ADD password_own boolean NOT NULL DEFAULT false,      -- chosen by the user: has to be kept for a while
    ADD failures integer NOT NULL DEFAULT 0,              -- wrong passwords since the last right one
    ADD failed_at timestamptz;

-- The hashes before the present one, as many as identity.unique_last_password_count wants.
CREATE TABLE password_history (
    user_id     text NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    hash        text NOT NULL,
    gone_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX password_history_user ON password_history (user_id, gone_at);
