-- Who may do what. Ids are 32 hex digits, as Keystone's; the default domain's id is the literal "default".

CREATE TABLE domain (
    id          text PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    description text NOT NULL DEFAULT '',
    enabled     boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO domain (id, name, description) VALUES ('default', 'Default', 'The default domain');

CREATE TABLE project (
    id          text PRIMARY KEY,
    domain_id   text NOT NULL REFERENCES domain,
    parent_id   text REFERENCES project,            -- NULL: directly below the domain
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    enabled     boolean NOT NULL DEFAULT true,
    tags        text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_name UNIQUE (domain_id, name)
);

CREATE TABLE identity_user (
    id            text PRIMARY KEY,
    domain_id     text NOT NULL REFERENCES domain,
    name          text NOT NULL,
    description   text NOT NULL DEFAULT '',
    email         text,
    enabled       boolean NOT NULL DEFAULT true,
    default_project_id text,
    password_hash text,                             -- argon2id; NULL: cannot log in by password
    password_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_name UNIQUE (domain_id, name)
);

CREATE TABLE role (
    id          text PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    description text NOT NULL DEFAULT ''
);

CREATE TABLE assignment (
    role_id     text NOT NULL REFERENCES role ON DELETE CASCADE,
    user_id     text NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    project_id  text REFERENCES project ON DELETE CASCADE,
    domain_id   text REFERENCES domain ON DELETE CASCADE,
    CONSTRAINT assignment_scope CHECK (num_nonnulls(project_id, domain_id) <= 1)   -- neither = the system
);
CREATE UNIQUE INDEX assignment_once ON assignment (user_id, role_id, coalesce(project_id, ''), coalesce(domain_id, ''));
