-- Pools that subnets' ranges are taken from, and scopes within which no two ranges overlap.

CREATE TABLE address_scope (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    ip_version  smallint NOT NULL CHECK (ip_version IN (4, 6)),
    shared      boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT limit_address_scope_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_address_scope_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64)
);
CREATE INDEX address_scope_project ON address_scope (project_id);

CREATE TABLE subnet_pool (
    id          uuid PRIMARY KEY,
    project_id  text NOT NULL,
    name        text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    ip_version  smallint NOT NULL CHECK (ip_version IN (4, 6)),
    prefixes    text[] NOT NULL,                     -- as few as possible, ascending
    default_prefixlen smallint NOT NULL,
    min_prefixlen smallint NOT NULL,
    max_prefixlen smallint NOT NULL,
    default_quota bigint,                            -- what a project may take: IPv4 addresses, or /64s
    address_scope_id uuid,
    shared      boolean NOT NULL DEFAULT false,
    is_default  boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subnet_pool_scope FOREIGN KEY (address_scope_id) REFERENCES address_scope,
    CONSTRAINT limit_subnet_pool_default_quota CHECK (default_quota BETWEEN 0 AND 2147483647),
    CONSTRAINT limit_subnet_pool_name CHECK (char_length(name) BETWEEN 0 AND 255),
    CONSTRAINT limit_subnet_pool_description CHECK (char_length(description) BETWEEN 0 AND 255),
    CONSTRAINT limit_subnet_pool_project_id CHECK (char_length(project_id) BETWEEN 0 AND 64)
);
CREATE INDEX subnet_pool_project ON subnet_pool (project_id);
CREATE INDEX subnet_pool_of_scope ON subnet_pool (address_scope_id) WHERE address_scope_id IS NOT NULL;
CREATE UNIQUE INDEX subnet_pool_default ON subnet_pool (ip_version) WHERE is_default;
SELECT network_standard('subnet_pool');

ALTER TABLE subnet ADD COLUMN subnetpool_id uuid CONSTRAINT subnet_of_pool REFERENCES subnet_pool;
ALTER TABLE subnet ADD CONSTRAINT limit_subnet_service_types CHECK (kn_texts_fit(service_types, 20, 0, 255));
CREATE INDEX subnet_pool_taken ON subnet (subnetpool_id) WHERE subnetpool_id IS NOT NULL;

-- An address as a number of either family, and how many addresses pools have: more than a bigint counts.
CREATE FUNCTION inet_number(ip inet) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT sum(get_byte(b, i) * power(256::numeric, length(b) - 1 - i)) FROM (SELECT inet_send(ip) AS b) s, generate_series(4, length(b) - 1) i
$$;
CREATE FUNCTION pools_size(pools jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT coalesce(sum(trunc(inet_number("end") - inet_number("start")) + 1), 0) FROM jsonb_to_recordset(pools) AS p("start" inet, "end" inet)
$$;
