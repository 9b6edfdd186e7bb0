-- One quota for all services: what projects may have, and what they have. Keystone's unified limits are rows of it.

-- Without a row, the project's limit is that of the project '' (the default of all); without that, lib/domain/quota.h's.
CREATE TABLE quota_limit (
    service     text NOT NULL,                       -- compute, image, network, volume; for a service elsewhere its id in the catalog
    project_id  text NOT NULL,                       -- a domain's id for a limit of a domain; '': the default, a registered limit
    resource    text NOT NULL,                       -- as lib/domain/quota.h calls it; volumes_<id of a type>; elsewhere as it was registered
    region_id   text,                                -- as Keystone was told
    hard_limit  integer NOT NULL,                    -- -1: none
    id          text PRIMARY KEY DEFAULT replace(gen_random_uuid()::text, '-', ''),
    service_id  text,                                -- the catalog's, as Keystone was told
    description text,
    CONSTRAINT limit_quota_limit_hard_limit CHECK (hard_limit BETWEEN -1 AND 2147483647),
    CONSTRAINT limit_quota_limit_project_id CHECK (char_length(project_id) BETWEEN 0 AND 255),
    CONSTRAINT limit_quota_limit_resource CHECK (char_length(resource) BETWEEN 1 AND 255),
    CONSTRAINT limit_quota_limit_description CHECK (char_length(description) BETWEEN 0 AND 4096)
);
CREATE UNIQUE INDEX quota_limit_once ON quota_limit (service, project_id, resource, coalesce(region_id, ''));
CREATE UNIQUE INDEX quota_limit_ours ON quota_limit (service, project_id, resource) WHERE service IN ('compute', 'image', 'network', 'volume');
CREATE INDEX quota_limit_projects ON quota_limit (project_id);

-- Row and usage change in one transaction: usage is what exists, as the view below says it.
CREATE TABLE quota_usage (
    service     text NOT NULL,
    project_id  text NOT NULL,                       -- of key pairs: the user
    resource    text NOT NULL,
    used        bigint NOT NULL,                     -- bytes of what is limited in MiB
    PRIMARY KEY (service, project_id, resource)
) WITH (fillfactor = 20);

-- What usage must be: the one place that says it. The audit compares; a resource that is counted from some migration on comes in there.
CREATE VIEW quota_fact AS
    SELECT 'compute' AS service, s.project_id, r.resource, sum(r.n)::bigint AS used, max(s.created_at) AS newest
    FROM server s CROSS JOIN LATERAL (VALUES ('instances', 1::bigint), ('cores', (s.flavor->>'vcpus')::bigint),
        ('ram', (s.flavor->>'memory_mib')::bigint)) r(resource, n) WHERE s.deleted_at IS NULL GROUP BY 2, 3
    UNION ALL
    SELECT 'compute', user_id, 'key_pairs', count(*), max(created_at) FROM keypair GROUP BY user_id
    UNION ALL
    SELECT 'volume', v.project_id, r.resource, sum(r.n), max(v.created_at) FROM volume v CROSS JOIN LATERAL (VALUES ('volumes', 1::bigint),
        ('gigabytes', v.size_gib::bigint), ('volumes_' || v.type_id, 1), ('gigabytes_' || v.type_id, v.size_gib::bigint)) r(resource, n) GROUP BY 2, 3
    UNION ALL
    SELECT 'network', project_id, 'network', count(*), max(created_at) FROM network GROUP BY project_id
    UNION ALL
    SELECT 'network', project_id, 'subnet', count(*), max(created_at) FROM subnet GROUP BY project_id
    UNION ALL
    SELECT 'network', project_id, 'port', count(*), max(created_at) FROM port WHERE device_owner <> 'network:dhcp' GROUP BY project_id
    UNION ALL
    SELECT 'image', i.owner, r.resource, sum(r.n)::bigint, max(i.created_at)
    FROM image i CROSS JOIN LATERAL (VALUES ('image_count_total', 1::bigint),
        ('image_size_total', CASE WHEN i.sha512 IS NOT NULL THEN coalesce(i.size, 0) ELSE 0 END),
        ('image_stage_total', CASE WHEN i.status IN ('uploading', 'importing') THEN coalesce(i.size, 0) ELSE 0 END),
        ('image_count_uploading', CASE WHEN i.status IN ('saving', 'uploading', 'importing') THEN 1 ELSE 0 END)) r(resource, n)
    WHERE i.deleted_at IS NULL GROUP BY 2, 3;

INSERT INTO quota_usage (service, project_id, resource, used) SELECT service, project_id, resource, used FROM quota_fact WHERE used <> 0;

-- Limits move. Where a service and Keystone said two things of one resource, the service's holds: it is what was enforced.
INSERT INTO quota_limit (service, project_id, resource, hard_limit)
SELECT 'compute', project_id, resource, hard_limit FROM compute_quota
UNION ALL
SELECT 'network', project_id, resource, hard_limit FROM network_quota
UNION ALL
SELECT 'volume', project_id, CASE WHEN resource LIKE '%\_file' THEN replace(resource, '_file', '_0c1b6a1e-4a56-4bd1-9d1c-6e3f6c1d2f10') ELSE resource END,
    hard_limit FROM volume_quota;

CREATE TEMPORARY TABLE seen (service text, resource text, name text) ON COMMIT DROP;
INSERT INTO seen VALUES ('compute', 'instances', 'servers'), ('compute', 'cores', 'class:VCPU'), ('compute', 'ram', 'class:MEMORY_MB'),
    ('compute', 'metadata_items', 'server_metadata_items'), ('compute', 'key_pairs', 'server_key_pairs'), ('compute', 'server_groups', 'server_groups'),
    ('compute', 'server_group_members', 'server_group_members'), ('compute', 'injected_files', 'server_injected_files'),
    ('compute', 'injected_file_content_bytes', 'server_injected_file_content_bytes'),
    ('compute', 'injected_file_path_bytes', 'server_injected_file_path_bytes'), ('image', 'image_size_total', 'image_size_total'),
    ('image', 'image_stage_total', 'image_stage_total'), ('image', 'image_count_total', 'image_count_total'),
    ('image', 'image_count_uploading', 'image_count_uploading'), ('network', 'network', 'network'), ('network', 'subnet', 'subnet'),
    ('network', 'port', 'port'), ('volume', 'volumes', 'volumes'), ('volume', 'snapshots', 'snapshots'), ('volume', 'gigabytes', 'gigabytes'),
    ('volume', 'backups', 'backups'), ('volume', 'backup_gigabytes', 'backup_gigabytes'), ('volume', 'per_volume_gigabytes', 'per_volume_gigabytes'),
    ('volume', 'groups', 'groups');
INSERT INTO quota_limit (id, service, project_id, resource, region_id, hard_limit, service_id, description)
SELECT l.id, coalesce(k.service, l.service_id), l.project_id, coalesce(k.resource, l.resource_name), l.region_id, l.hard_limit,
    l.service_id, l.description
FROM (SELECT id, service_id, region_id, resource_name, '' AS project_id, default_limit AS hard_limit, description FROM registered_limit
    UNION ALL
    SELECT l.id, r.service_id, r.region_id, r.resource_name, coalesce(l.project_id, l.domain_id), l.resource_limit, l.description
    FROM unified_limit l JOIN registered_limit r ON r.id = l.registered_id) l
LEFT JOIN catalog_service s ON s.id = l.service_id
LEFT JOIN seen k ON k.name = l.resource_name AND k.service = CASE WHEN s.type IN ('compute', 'image', 'network') THEN s.type
    WHEN s.type IN ('block-storage', 'block-store', 'volume', 'volumev2', 'volumev3') THEN 'volume' END
ON CONFLICT DO NOTHING;

DROP VIEW shown_limit;
DROP TABLE unified_limit;
DROP TABLE registered_limit;
DROP TABLE compute_quota;
DROP TABLE compute_usage;
DROP TABLE network_quota;
DROP TABLE volume_quota;
DROP TABLE volume_usage;
