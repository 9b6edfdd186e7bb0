-- What lib/domain/limits.def says of a column that is written from outside holds in the database, too: whatever writes, nothing longer or larger is
-- kept. tests/it/test_limits_database.c holds the two against each other.

CREATE FUNCTION kn_texts_fit(list text[], items integer, low integer, high integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT cardinality(list) <= items AND NOT EXISTS (SELECT FROM unnest(list) AS t WHERE char_length(t) NOT BETWEEN low AND high)
$$;

CREATE FUNCTION kn_map_fits(map jsonb, items integer, key_most integer, value_most integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT map = '{}' OR (SELECT count(*) <= items AND coalesce(bool_and(char_length(key) BETWEEN 1 AND key_most
                                                                         AND char_length(coalesce(value, '')) <= value_most), true)
                          FROM jsonb_each_text(map))
$$;

-- Rows that are older than a limit stay as they are: then the constraint holds what is written from now on, and a warning says so.
DO $do$
DECLARE
    l record;
BEGIN
    FOR l IN SELECT * FROM (VALUES
        ('server', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('server', 'description', 'char_length(description) BETWEEN 0 AND 255'),
        ('server', 'hostname', 'char_length(hostname) BETWEEN 1 AND 255'),
        ('server', 'user_data', 'char_length(user_data) BETWEEN 0 AND 65535'),
        ('server', 'key_name', 'char_length(key_name) BETWEEN 1 AND 255'),
        ('server', 'zone', 'char_length(zone) BETWEEN 0 AND 247'),
        ('server', 'pinned_zone', 'char_length(pinned_zone) BETWEEN 1 AND 255'),
        ('server', 'locked_reason', 'char_length(locked_reason) BETWEEN 1 AND 255'),
        ('server', 'tags', 'kn_texts_fit(tags, 50, 1, 60)'),
        ('server', 'metadata', 'kn_map_fits(metadata, 2147483647, 255, 255)'),
        ('flavor', 'id', 'char_length(id) BETWEEN 1 AND 255'),
        ('flavor', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('flavor', 'description', 'char_length(description) BETWEEN 0 AND 65535'),
        ('flavor', 'vcpus', 'vcpus BETWEEN 1 AND 2147483647'),
        ('flavor', 'memory_mib', 'memory_mib BETWEEN 1 AND 2147483647'),
        ('flavor', 'disk_gib', 'disk_gib BETWEEN 0 AND 2147483647'),
        ('flavor', 'ephemeral_gib', 'ephemeral_gib BETWEEN 0 AND 2147483647'),
        ('flavor', 'swap_mib', 'swap_mib BETWEEN 0 AND 2147483647'),
        ('flavor', 'extra_specs', 'kn_map_fits(extra_specs, 2147483647, 255, 255)'),
        ('flavor_access', 'project_id', 'char_length(project_id) BETWEEN 1 AND 255'),
        ('keypair', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('keypair', 'public_key', 'char_length(public_key) BETWEEN 1 AND 16384'),
        ('keypair', 'user_id', 'char_length(user_id) BETWEEN 1 AND 64'),
        ('compute_quota', 'hard_limit', 'hard_limit BETWEEN -1 AND 2147483647'),
        ('network_quota', 'hard_limit', 'hard_limit BETWEEN -1 AND 2147483647'),
        ('volume_quota', 'hard_limit', 'hard_limit BETWEEN -1 AND 2147483647'),
        ('compute_quota', 'project_id', 'char_length(project_id) BETWEEN 0 AND 64'),
        ('network_quota', 'project_id', 'char_length(project_id) BETWEEN 0 AND 64'),
        ('volume_quota', 'project_id', 'char_length(project_id) BETWEEN 0 AND 255'),
        ('agent', 'id', 'char_length(id) BETWEEN 1 AND 255'),
        ('agent', 'boot', 'char_length(boot) BETWEEN 1 AND 63'),
        ('host', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('host', 'zone', 'char_length(zone) BETWEEN 0 AND 247'),
        ('host', 'vcpus', 'vcpus BETWEEN 1 AND 99999'),
        ('host', 'memory_mib', 'memory_mib BETWEEN 0 AND 1099511627776'),
        ('host', 'reserved_memory_mib', 'reserved_memory_mib BETWEEN 0 AND 1099511627776'),
        ('host', 'disk_gib', 'disk_gib BETWEEN 0 AND 1099511627776'),
        ('host', 'underlay', 'char_length(underlay) BETWEEN 0 AND 64'),
        ('host', 'hypervisor_type', 'char_length(hypervisor_type) BETWEEN 0 AND 255'),
        ('host', 'hypervisor_version', 'hypervisor_version BETWEEN 0 AND 2147483647'),
        ('host', 'disabled_reason', 'char_length(disabled_reason) BETWEEN 1 AND 255'),
        ('network', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('network', 'description', 'char_length(description) BETWEEN 0 AND 255'),
        ('network', 'project_id', 'char_length(project_id) BETWEEN 0 AND 64'),
        ('network', 'mtu', 'mtu BETWEEN 68 AND 65535'),
        ('network', 'vni', 'vni BETWEEN 1 AND 16777215'),
        ('subnet', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('subnet', 'description', 'char_length(description) BETWEEN 0 AND 255'),
        ('subnet', 'project_id', 'char_length(project_id) BETWEEN 0 AND 64'),
        ('port', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('port', 'description', 'char_length(description) BETWEEN 0 AND 255'),
        ('port', 'project_id', 'char_length(project_id) BETWEEN 0 AND 64'),
        ('port', 'device_id', 'char_length(device_id) BETWEEN 0 AND 255'),
        ('port', 'device_owner', 'char_length(device_owner) BETWEEN 0 AND 255'),
        ('port', 'tag', 'char_length(tag) BETWEEN 1 AND 60'),
        ('volume', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('volume', 'description', 'char_length(description) BETWEEN 0 AND 255'),
        ('volume', 'status', 'char_length(status) BETWEEN 0 AND 255'),
        ('volume', 'zone', 'char_length(zone) BETWEEN 0 AND 255'),
        ('volume', 'size_gib', 'size_gib BETWEEN 1 AND 1048576'),
        ('volume', 'metadata', 'kn_map_fits(metadata, 128, 255, 255)'),
        ('attachment', 'device', 'char_length(device) BETWEEN 3 AND 8'),
        ('attachment', 'tag', 'char_length(tag) BETWEEN 1 AND 60'),
        ('image', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('image', 'min_disk', 'min_disk BETWEEN 0 AND 2147483647'),
        ('image', 'min_ram', 'min_ram BETWEEN 0 AND 2147483647'),
        ('image', 'virtual_size', 'virtual_size BETWEEN 0 AND 1125899906842624'),
        ('image', 'tags', 'kn_texts_fit(tags, 128, 0, 255)'),
        ('image', 'properties', 'kn_map_fits(properties, 128, 255, 65536)'),
        ('image_member', 'member', 'char_length(member) BETWEEN 1 AND 255'),
        ('metadef_namespace', 'namespace', 'char_length(namespace) BETWEEN 1 AND 80'),
        ('metadef_item', 'name', 'char_length(name) BETWEEN 1 AND 80'),
        ('metadef_resource_type', 'name', 'char_length(name) BETWEEN 1 AND 80'),
        ('identity_user', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('identity_user', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('identity_user', 'email', 'char_length(email) BETWEEN 0 AND 255'),
        ('identity_user', 'default_project_id', 'char_length(default_project_id) BETWEEN 0 AND 64'),
        ('identity_group', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('identity_group', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('role', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('role', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('project', 'name', 'char_length(name) BETWEEN 1 AND 64'),
        ('project', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('project', 'tags', 'kn_texts_fit(tags, 80, 1, 255)'),
        ('domain', 'name', 'char_length(name) BETWEEN 1 AND 64'),
        ('domain', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('domain', 'tags', 'kn_texts_fit(tags, 80, 1, 255)'),
        ('application_credential', 'name', 'char_length(name) BETWEEN 1 AND 255'),
        ('application_credential', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('access_rule', 'id', 'char_length(id) BETWEEN 1 AND 64'),
        ('access_rule', 'service', 'char_length(service) BETWEEN 1 AND 64'),
        ('access_rule', 'path', 'char_length(path) BETWEEN 1 AND 225'),
        ('credential', 'type', 'char_length(type) BETWEEN 1 AND 255'),
        ('catalog_region', 'id', 'char_length(id) BETWEEN 0 AND 255'),
        ('catalog_region', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('catalog_service', 'type', 'char_length(type) BETWEEN 1 AND 255'),
        ('catalog_service', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('catalog_service', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('catalog_endpoint', 'url', 'char_length(url) BETWEEN 1 AND 225'),
        ('catalog_endpoint', 'name', 'char_length(name) BETWEEN 0 AND 255'),
        ('catalog_endpoint', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('registered_limit', 'resource_name', 'char_length(resource_name) BETWEEN 1 AND 255'),
        ('registered_limit', 'default_limit', 'default_limit BETWEEN -1 AND 2147483647'),
        ('registered_limit', 'description', 'char_length(description) BETWEEN 0 AND 4096'),
        ('unified_limit', 'resource_limit', 'resource_limit BETWEEN -1 AND 2147483647'),
        ('unified_limit', 'description', 'char_length(description) BETWEEN 0 AND 4096')
        ) AS v (tbl, col, condition)
    LOOP
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%s) NOT VALID', l.tbl, 'limit_' || l.tbl || '_' || l.col, l.condition);
        BEGIN
            EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT %I', l.tbl, 'limit_' || l.tbl || '_' || l.col);
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING 'rows of %.% are beyond the limit: %', l.tbl, l.col, l.condition;
        END;
    END LOOP;
END
$do$;

-- vCPUs of many servers are more than one integer holds.
ALTER TABLE compute_usage ALTER cores TYPE bigint, ALTER instances TYPE bigint;
