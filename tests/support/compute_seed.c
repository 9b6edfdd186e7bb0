/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that compute's tests begin with, and the nova that they share. */
#include "tests/support/compute_seed.h"

#include "tests/support/test.h"

static const char ROWS[] =
    "TRUNCATE rbac_policy, router, task, attachment, volume, allocation, server, server_group, quota_usage, quota_limit, keypair, flavor_access, "
    "flavor, address, address_ready, port_binding, port_security_group, port, security_group, subnet, subnet_pool, network, image, blob, host, agent, service CASCADE;"
    "INSERT INTO project (id, domain_id, name) VALUES ('" SEED_PROJECT "', 'default', 'a'), ('" SEED_OTHER
    "', 'default', 'b'), "
    "('cccccccccccccccccccccccccccccccc', 'default', 'c') ON CONFLICT DO NOTHING;"
    "INSERT INTO flavor (id, name, vcpus, memory_mib, disk_gib, is_public, disabled, extra_specs, ephemeral_gib) VALUES "
    " ('1', 'm1.tiny', 1, 512, 1, true, false, '{\"hw:x\": \"y\"}', 0), ('2', 'm1.secret', 1, 512, 1, false, false, '{}', 0),"
    " ('3', 'm1.gone', 1, 512, 1, true, true, '{}', 0), ('4', 'm1.eph', 1, 512, 1, true, false, '{}', 5);"
    "INSERT INTO blob (sha512, md5, size) VALUES ('s', 'm', 10);"
    "INSERT INTO image (id, owner, name, status, visibility, disk_format, min_disk, min_ram, sha512, size, virtual_size) VALUES "
    " ('" SEED_IMAGE "', 'x', 'cirros', 'active', 'public', 'raw', 0, 0, 's', 10, 10),"
    " ('" SEED_IMAGE_QUEUED "', 'x', 'queued', 'queued', 'public', NULL, 0, 0, NULL, NULL, NULL),"
    " ('" SEED_IMAGE_BIG "', 'x', 'big', 'active', 'public', 'raw', 0, 0, 's', 10, 2147483648),"
    " ('" SEED_IMAGE_PRIVATE "', 'x', 'private', 'active', 'private', 'raw', 0, 0, 's', 10, 10);"
    "INSERT INTO network (id, project_id, name, vni) VALUES ('" SEED_NETWORK "', '" SEED_PROJECT "', 'net', 1),"
    " ('" SEED_NETWORK_FOREIGN "', '" SEED_OTHER "', 'foreign', 3);"
    "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools) VALUES "
    " ('44444444-4444-4444-8444-111111111111', '" SEED_NETWORK "', '" SEED_PROJECT "', 4, '10.0.0.0/24', '10.0.0.1', "
    "'[{\"start\": \"10.0.0.2\", \"end\": \"10.0.0.254\"}]'),"
    " ('44444444-4444-4444-8444-333333333333', '" SEED_NETWORK_FOREIGN "', '" SEED_OTHER
    "', 4, '10.1.0.0/24', '10.1.0.1', "
    "'[{\"start\": \"10.1.0.2\", \"end\": \"10.1.0.254\"}]');"
    "INSERT INTO port (id, network_id, project_id, mac, device_id) VALUES "
    " ('" SEED_PORT "', '" SEED_NETWORK "', '" SEED_PROJECT "', 'fa:16:3e:00:00:01', ''),"
    " ('" SEED_PORT_USED "', '" SEED_NETWORK "', '" SEED_PROJECT "', 'fa:16:3e:00:00:02', 'somebody');"
    "INSERT INTO address (subnet_id, ip, port_id) VALUES ('44444444-4444-4444-8444-111111111111', '10.0.0.77', '" SEED_PORT
    "');"
    "INSERT INTO agent (id, boot) VALUES ('a', 'b');"
    "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, "
    "hypervisor_version, cpu_info) VALUES ('h1', '55555555-5555-4555-8555-111111111111', 'a', 'nova', 8, 16384, 100, 400, "
    "'QEMU', 7002000, '{\"arch\": \"x86_64\"}'), "
    "('h2', '55555555-5555-4555-8555-222222222222', 'a', 'east', 8, 16384, 100, 400, 'QEMU', 7002000, '{}');"
    "INSERT INTO service (id, binary_name, host, boot) VALUES ('kilonova-conductor/c1', 'kilonova-conductor', 'c1', 'x');"
    "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('" SEED_PROJECT
    "', 'key', E'ssh-ed25519 AAAA\\n', 'aa:bb');"
    "INSERT INTO quota_usage SELECT service, project_id, resource, used FROM quota_fact;";

struct kn_test_nova *nova;

int kn_seed_group_setup(void **state)
{
    (void)state;
    nova = kn_test_nova_start();
    return 0;
}

int kn_seed_group_teardown(void **state)
{
    (void)state;
    kn_test_nova_free(nova);
    return 0;
}

int kn_seed_fresh(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(nova->db, ROWS, &err), &err);
    return 0;
}
