/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the rows of five_servers.h. */
#include "tests/support/five_servers.h"

#include "tests/support/test.h"

#define NIC \
    "[{\"port\": \"" SEED_PORT "\", \"network\": \"" SEED_NETWORK \
    "\", \"network_name\": \"net\", \"mac\": \"fa:16:3e:00:00:01\", " \
    "\"vni\": 1, \"mtu\": 1450, \"ips\": [{\"address\": \"10.0.0.77\", \"prefix\": 24, \"version\": 4, \"subnet\": " \
    "\"44444444-4444-4444-8444-111111111111\"}]}]"

static const char ROWS[] =
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, power_state, host, flavor, image_id, key_name, user_data, "
    "metadata, tags, zone, pinned_zone, nics, reservation_id, description, created_at, updated_at, launched_at) VALUES "
    "('" ONE "', '" SEED_PROJECT "', '" SEED_PROJECT "', 'web', 'web', 'active', 1, 'h1', '" FLAVOR "', '" SEED_IMAGE
    "', 'key', 'YQ==', "
    "'{\"a\": \"b\"}', '{red,blue}', 'nova', NULL, '" NIC "', 'r-1', 'the first', '2026-11-21 10:00:00+00', "
    "'2026-11-21 10:00:05.5+00', '2026-11-21 10:00:04+00');"
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, flavor, image_id, reservation_id, locked, "
    "locked_by, locked_reason, fault, created_at, updated_at) VALUES "
    "('" TWO "', '" SEED_PROJECT "', '" SEED_PROJECT "', 'db', 'db', 'error', NULL, '" FLAVOR
    "', NULL, 'r-2', true, 'admin', 'mine', "
    "'{\"code\": 500, \"message\": \"No valid host was found. 40 hosts; DiskFilter took h1.\", \"public\": \"No valid host was found.\", \"created\": \"2026-11-21T11:00:01Z\", \"details\": \"why\"}', "
    "'2026-11-21 11:00:00+00', '2026-11-21 11:00:00+00');"
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, task_state, flavor, image_id, reservation_id, launched_at, "
    "host, created_at, updated_at) VALUES ('" THREE "', '" SEED_PROJECT "', '" SEED_PROJECT
    "', 'web2', 'web2', 'active', 'rebooting', '" FLAVOR "', '" SEED_IMAGE
    "', 'r-3', now(), 'h2', '2026-11-21 12:00:00+00', '2026-11-21 12:00:00+00'),"
    "('" FOREIGN "', '" SEED_OTHER "', '" SEED_OTHER "', 'web', 'web', 'active', NULL, '" FLAVOR "', '" SEED_IMAGE
    "', 'r-4', now(), 'h1', "
    "'2026-11-21 13:00:00+00', '2026-11-21 13:00:00+00');"
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, created_at, updated_at, deleted_at) "
    "VALUES ('" GONE "', '" SEED_PROJECT "', '" SEED_PROJECT "', 'old', 'old', 'deleted', '" FLAVOR
    "', 'r-5', '2026-11-20 10:00:00+00', "
    "'2026-11-21 09:00:00+00', '2026-11-21 09:00:00+00');"
    "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" SEED_NOBODY "', '" SEED_PROJECT
    "', '" SEED_PROJECT "', 1, 'in-use');"
    "INSERT INTO attachment (id, volume_id, server_id, status, device) VALUES ('88888888-8888-4888-8888-888888888888', '" SEED_NOBODY
    "', '" ONE "', 'attached', '/dev/vdb');"
    "UPDATE agent SET last_seen = now();";
static const char GUARDED[] =
    "INSERT INTO security_group (id, project_id, name, description, is_default) VALUES ('" ITS_GROUP "', '" SEED_PROJECT
    "', 'default', 'Default security group', true);"
    "INSERT INTO port (id, network_id, project_id, mac, device_id, nic) VALUES ('" ITS_PORT "', '" SEED_NETWORK
    "', '" SEED_PROJECT "', 'fa:16:3e:00:00:0a', '" ONE "', 0);"
    "INSERT INTO address (subnet_id, ip, port_id) VALUES ('44444444-4444-4444-8444-111111111111', '10.0.0.78', '" ITS_PORT
    "');"
    "INSERT INTO port_security_group (port_id, group_id) VALUES ('" ITS_PORT "', '" ITS_GROUP "');"
    "UPDATE server SET group_ids = '{" ITS_GROUP "}' WHERE id = '" ONE "';";

int five_servers_fresh(void **state)
{
    struct kn_error err = { 0 };

    kn_seed_fresh(state);
    assert_ok(kn_db_script(nova->db, ROWS, &err), &err);
    assert_ok(kn_db_script(nova->db, GUARDED, &err), &err);
    return 0;
}
