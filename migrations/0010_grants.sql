-- Groups, inherited assignments, implied roles, roles of a domain; tags of domains; what must not change.

CREATE TABLE identity_group (
    id          text PRIMARY KEY,
    domain_id   text NOT NULL REFERENCES domain,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    CONSTRAINT group_name UNIQUE (domain_id, name)
);
CREATE TABLE membership (
    group_id    text NOT NULL REFERENCES identity_group ON DELETE CASCADE,
    user_id     text NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX membership_user ON membership (user_id);

ALTER TABLE domain ADD tags text[] NOT NULL DEFAULT '{}', ADD immutable boolean NOT NULL DEFAULT false;
ALTER TABLE project ADD immutable boolean NOT NULL DEFAULT false;
CREATE INDEX project_parent ON project (parent_id);
ALTER TABLE role
    ADD domain_id text REFERENCES domain ON DELETE CASCADE,          -- NULL: of the whole cloud
    ADD immutable boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT role_name_key;
CREATE UNIQUE INDEX role_name ON role (name, coalesce(domain_id, ''));

-- Who has prior has implied as well, and what that one implies.
CREATE TABLE role_implication (
    prior_id    text NOT NULL REFERENCES role ON DELETE CASCADE,
    implied_id  text NOT NULL REFERENCES role ON DELETE CASCADE,
    PRIMARY KEY (prior_id, implied_id)
);
INSERT INTO role_implication (prior_id, implied_id)
    SELECT p.id, i.id FROM (VALUES ('admin', 'manager'), ('manager', 'member'), ('member', 'reader')) AS rule (prior, implied)
    JOIN role p ON p.name = rule.prior JOIN role i ON i.name = rule.implied;
UPDATE role SET immutable = true WHERE name IN ('admin', 'manager', 'member', 'reader');

ALTER TABLE assignment
    ALTER user_id DROP NOT NULL,
    ADD group_id text REFERENCES identity_group ON DELETE CASCADE,
    ADD inherited boolean NOT NULL DEFAULT false,                    -- holds below its target, not on it
    ADD CONSTRAINT assignment_actor CHECK (num_nonnulls(user_id, group_id) = 1),
    ADD CONSTRAINT assignment_inherited CHECK (NOT inherited OR num_nonnulls(project_id, domain_id) = 1);
DROP INDEX assignment_once;
CREATE UNIQUE INDEX assignment_once ON assignment
    (coalesce(user_id, group_id), role_id, coalesce(project_id, ''), coalesce(domain_id, ''), inherited);
CREATE INDEX assignment_user ON assignment (user_id);
CREATE INDEX assignment_group ON assignment (group_id);
CREATE INDEX assignment_project ON assignment (project_id);
CREATE INDEX assignment_domain ON assignment (domain_id);

-- Every assignment by the user who has it, through a group or not.
CREATE VIEW held_assignment AS
    SELECT role_id, user_id AS holder_id, NULL AS group_id, project_id, domain_id, inherited FROM assignment
    WHERE user_id IS NOT NULL
    UNION ALL
    SELECT a.role_id, m.user_id, a.group_id, a.project_id, a.domain_id, a.inherited FROM assignment a
    JOIN membership m ON m.group_id = a.group_id;

-- Keystone's projects: a domain is the project at the root of its own.
CREATE VIEW any_project AS
    SELECT id, name, domain_id, description, enabled, coalesce(parent_id, domain_id) AS parent_id, tags, false AS is_domain,
        immutable FROM project
    UNION ALL
    SELECT id, name, NULL, description, enabled, NULL, tags, true, immutable FROM domain;
