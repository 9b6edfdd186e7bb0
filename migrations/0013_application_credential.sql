-- Application credentials: a user's rights on a project, or some of them, for a program.

CREATE TABLE application_credential (
    id           text PRIMARY KEY,
    user_id      text NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    project_id   text NOT NULL REFERENCES project ON DELETE CASCADE,
    name         text NOT NULL,
    description  text NOT NULL DEFAULT '',
    secret_hash  text NOT NULL,                       -- sha256:… of a secret made here, argon2id of one that the user chose
    unrestricted boolean NOT NULL DEFAULT false,      -- may make others
    expires_at   timestamptz,
    CONSTRAINT application_credential_name UNIQUE (user_id, name)
);
CREATE INDEX application_credential_project ON application_credential (project_id);

CREATE TABLE application_credential_role (
    credential_id text NOT NULL REFERENCES application_credential ON DELETE CASCADE,
    role_id       text NOT NULL REFERENCES role ON DELETE CASCADE,
    PRIMARY KEY (credential_id, role_id)
);
CREATE INDEX application_credential_role_role ON application_credential_role (role_id);

CREATE TABLE access_rule (
    id          text PRIMARY KEY,
    user_id     text NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    service     text NOT NULL,
    method      text NOT NULL,
    path        text NOT NULL,
    CONSTRAINT access_rule_once UNIQUE (user_id, service, method, path)
);

CREATE TABLE application_credential_rule (
    credential_id text NOT NULL REFERENCES application_credential ON DELETE CASCADE,
    rule_id       text NOT NULL CONSTRAINT access_rule_used REFERENCES access_rule,
    PRIMARY KEY (credential_id, rule_id)
);
CREATE INDEX application_credential_rule_rule ON application_credential_rule (rule_id);

ALTER TABLE revocation DROP CONSTRAINT revocation_kind_check,
    ADD CONSTRAINT revocation_kind_check CHECK (kind IN ('token', 'user', 'grant', 'credential', 'project', 'domain'));
