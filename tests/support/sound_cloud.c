/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the rows of sound_cloud.h. */
#include "tests/support/sound_cloud.h"

/* clang-format off */
const char sound_cloud[] =
    "INSERT INTO project (id, domain_id, name) VALUES ('p', 'default', 'p'), ('below', 'default', 'below');"
    "UPDATE project SET parent_id = 'p' WHERE id = 'below';"
    "INSERT INTO identity_user (id, domain_id, name, password_hash) VALUES ('u', 'default', 'u', '$argon2id$x');"
    "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('u', 'k', 'ssh-rsa', 'f');"
    "INSERT INTO agent (id, boot) VALUES ('g', 'b');"
    "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, used_vcpus, used_memory_mib, used_disk_gib, "
    "servers, hypervisor_type, hypervisor_version) VALUES ('h', '" NET "', 'g', 'nova', 4, 4096, 100, 100, 2, 128, 2, 2, 'sim', 1),"
    "('other', '" SUBNET "', 'g', 'nova', 4, 4096, 100, 100, 0, 0, 0, 0, 'sim', 1);"
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, power_state, host, flavor, reservation_id, nics, launched_at, deleted_at) VALUES "
    "('" A "', 'p', 'u', 'a', 'a', 'active', 1, 'h', '" FLAVOR "', 'r', '" NIC(PORT_A, "fa:16:3e:00:00:0a", "10.0.0.10") "', now(), NULL),"
    "('" B "', 'p', 'u', 'b', 'b', 'stopped', 4, 'h', '" FLAVOR "', 'r', '" NIC(PORT_B, "fa:16:3e:00:00:0b", "10.0.0.11") "', now(), NULL),"
    "('" E "', 'p', 'u', 'e', 'e', 'error', 0, NULL, '" FLAVOR "', 'r', '[]', NULL, NULL),"
    "('" GONE "', 'p', 'u', 'd', 'd', 'deleted', 0, NULL, '" FLAVOR "', 'r', '[]', NULL, now());"
    "INSERT INTO allocation (server_id, host, generation, vcpus, memory_mib, disk_gib) VALUES ('" A "', 'h', 1, 1, 64, 1), ('" B "', 'h', 1, 1, 64, 1);"
    "INSERT INTO network (id, project_id, vni) VALUES ('" NET "', 'p', 1000);"
    "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools, created_at) VALUES "
    "('" SUBNET "', '" NET "', 'p', 4, '10.0.0.0/24', '10.0.0.1', '[]', now() - interval '1 hour');"
    "INSERT INTO port (id, network_id, project_id, mac, device_id, device_owner, nic, made_for_server) VALUES "
    "('" PORT_A "', '" NET "', 'p', 'fa:16:3e:00:00:0a', '" A "', 'compute:nova', 0, true),"
    "('" PORT_B "', '" NET "', 'p', 'fa:16:3e:00:00:0b', '" B "', 'compute:nova', 0, false);"
    "INSERT INTO port_binding (port_id, host, state) VALUES ('" PORT_A "', 'h', 'active'), ('" PORT_B "', 'h', 'active');"
    "INSERT INTO address VALUES ('" SUBNET "', '10.0.0.10', '" PORT_A "'), ('" SUBNET "', '10.0.0.11', '" PORT_B "');";
/* clang-format on */
const char sound_cloud_stores[] =
    "INSERT INTO host_network_state (host, version) VALUES ('h', 7); INSERT INTO host_network_object (host, kind, id) VALUES ('h', 'network', '" NET
    "');"
    "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME
    "', 'p', 'u', 1, 'in-use'), ('" SPARE "', 'p', 'u', 1, 'available');"
    "INSERT INTO attachment (id, volume_id, server_id, status, device, connection) VALUES "
    "('" IMAGE "', '" VOLUME "', '" A "', 'attached', '/dev/vdb', '{}');"
    "INSERT INTO blob VALUES ('sha', 'md5', 5);"
    "INSERT INTO image (id, owner, status, sha512, size) VALUES ('" IMAGE "', 'p', 'active', 'sha', 5);"
    "INSERT INTO quota_usage SELECT service, project_id, resource, used FROM quota_fact WHERE used <> 0;"
    "INSERT INTO service (id, binary_name, host, boot) VALUES ('kilonova-conductor/c', 'kilonova-conductor', 'c', 'boot');"
    "UPDATE shard SET owner = 'c', epoch = 1, lease_until = now() + interval '1 hour';";

const char sound_cloud_keep[] =
    "DO $$ DECLARE one text; BEGIN CREATE SCHEMA kept; FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
    " EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', one); END LOOP; END $$";

const char sound_cloud_put_back[] =
    "DO $$ DECLARE one regclass; columns text; BEGIN SET LOCAL session_replication_role = replica;"
    "FOR one, columns IN SELECT attrelid, string_agg(quote_ident(attname), ',') FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
    "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attgenerated = '' AND NOT attisdropped GROUP BY 1 LOOP"
    " EXECUTE format('DELETE FROM %s', one);"
    "EXECUTE format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM kept.%1$s', one, columns); END LOOP;"
    "SET LOCAL session_replication_role = origin; END $$";
