-- Definitions of metadata: words by which images, flavors, servers and volumes may be described.

CREATE TABLE metadef_namespace (
    namespace   text PRIMARY KEY,
    owner       text NOT NULL,                       -- project
    visibility  text NOT NULL DEFAULT 'private' CHECK (visibility IN ('public', 'private')),
    protected   boolean NOT NULL DEFAULT false,
    display_name text,
    description text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX metadef_namespace_newest ON metadef_namespace (created_at, namespace);

-- What a namespace holds: objects, properties, tags, and which types of resources it is for.
CREATE TABLE metadef_item (
    namespace   text NOT NULL REFERENCES metadef_namespace ON UPDATE CASCADE ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('object', 'property', 'tag', 'resource_type')),
    name        text NOT NULL,
    body        jsonb NOT NULL,                      -- without the name
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, kind, name)
);

CREATE TABLE metadef_resource_type (
    name        text PRIMARY KEY,
    protected   boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO metadef_resource_type (name, protected) VALUES
    ('OS::Cinder::Volume', true), ('OS::Glance::Image', true), ('OS::Nova::Aggregate', true), ('OS::Nova::Flavor', true),
    ('OS::Nova::Server', true);
