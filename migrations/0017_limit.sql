-- Unified limits: what a resource of a service is limited to, and what it is for single projects and domains. Services ask for them; nothing
-- here counts anything.

CREATE TABLE registered_limit (
    id            text PRIMARY KEY,
    service_id    text NOT NULL CONSTRAINT registered_limit_service REFERENCES catalog_service ON DELETE CASCADE,
    region_id     text CONSTRAINT registered_limit_region REFERENCES catalog_region ON DELETE CASCADE,
    resource_name text NOT NULL,
    default_limit integer NOT NULL,
    description   text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX registered_limit_once ON registered_limit (service_id, coalesce(region_id, ''), resource_name);
CREATE INDEX registered_limit_regions ON registered_limit (region_id);

CREATE TABLE unified_limit (
    id             text PRIMARY KEY,
    registered_id  text NOT NULL CONSTRAINT unified_limit_registered REFERENCES registered_limit,
    project_id     text CONSTRAINT unified_limit_project REFERENCES project ON DELETE CASCADE,
    domain_id      text CONSTRAINT unified_limit_domain REFERENCES domain ON DELETE CASCADE,
    resource_limit integer NOT NULL,
    description    text NOT NULL DEFAULT '',
    CONSTRAINT unified_limit_of CHECK (num_nonnulls(project_id, domain_id) = 1)
);
CREATE UNIQUE INDEX unified_limit_once ON unified_limit (registered_id, coalesce(project_id, domain_id));
CREATE INDEX unified_limit_projects ON unified_limit (project_id);
CREATE INDEX unified_limit_domains ON unified_limit (domain_id);

-- A limit with what it is a limit of.
CREATE VIEW shown_limit AS
    SELECT l.id, r.service_id, r.region_id, r.resource_name, r.resource_name AS name, l.project_id, l.domain_id, l.resource_limit,
        l.description FROM unified_limit l JOIN registered_limit r ON r.id = l.registered_id;
