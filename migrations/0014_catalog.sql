-- The catalog: what services there are, and where. Tokens show it; every API keeps a copy, and reads it again when the version moves.

CREATE TABLE catalog_region (
    id          text PRIMARY KEY,
    parent_id   text CONSTRAINT catalog_region_parent REFERENCES catalog_region ON DELETE CASCADE,
    description text NOT NULL DEFAULT '',
    extra       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX catalog_region_parents ON catalog_region (parent_id);

CREATE TABLE catalog_service (
    id          text PRIMARY KEY,
    type        text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    enabled     boolean NOT NULL DEFAULT true,
    extra       jsonb NOT NULL DEFAULT '{}'
);

-- url: $(project_id)s, $(user_id)s and $(public_endpoint)s (how the caller reached us, or api.public_url) are filled in.
CREATE TABLE catalog_endpoint (
    id          text PRIMARY KEY,
    service_id  text NOT NULL CONSTRAINT catalog_endpoint_service REFERENCES catalog_service ON DELETE CASCADE,
    interface   text NOT NULL CHECK (interface IN ('public', 'internal', 'admin')),
    region_id   text CONSTRAINT catalog_endpoint_region REFERENCES catalog_region,
    url         text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    enabled     boolean NOT NULL DEFAULT true,
    extra       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX catalog_endpoint_services ON catalog_endpoint (service_id);
CREATE INDEX catalog_endpoint_regions ON catalog_endpoint (region_id);

CREATE TABLE catalog_version (version bigint NOT NULL);
INSERT INTO catalog_version VALUES (1);
