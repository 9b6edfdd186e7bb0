-- Trusts: a user lends another one some of his roles on a project.

CREATE TABLE trust (
    id           text PRIMARY KEY,
    trustor_id   text NOT NULL REFERENCES identity_user ON DELETE CASCADE,  -- who lends
    trustee_id   text NOT NULL REFERENCES identity_user ON DELETE CASCADE,  -- who may use it
    project_id   text NOT NULL REFERENCES project ON DELETE CASCADE,
    impersonation boolean NOT NULL,                    -- tokens name the trustor, not the trustee
    expires_at   timestamptz,
    remaining_uses integer CHECK (remaining_uses >= 0) -- tokens that may still be made; NULL = any number
);
CREATE INDEX trust_trustor ON trust (trustor_id);
CREATE INDEX trust_trustee ON trust (trustee_id);
CREATE INDEX trust_project ON trust (project_id);

CREATE TABLE trust_role (
    trust_id     text NOT NULL REFERENCES trust ON DELETE CASCADE,
    role_id      text NOT NULL REFERENCES role ON DELETE CASCADE,
    PRIMARY KEY (trust_id, role_id)
);
CREATE INDEX trust_role_role ON trust_role (role_id);

ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check CHECK (kind IN ('token', 'user', 'grant', 'credential', 'trust', 'project', 'domain'));
