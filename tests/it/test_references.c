/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are named by others and have no foreign key for it (migrations/0056): whoever goes takes along what is its own, or does not go while others have it,
 * also when they get it just now. Each is tried as the constraint that it stands for would be.
 */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/own_database.h"

#define WAIT_MS 60000
#define NET "11111111-1111-4111-8111-111111111111"
#define SUB "22222222-2222-4222-8222-222222222222"
#define GROUP "44444444-4444-4444-8444-444444444444"
#define SERVER "55555555-5555-4555-8555-555555555555"

static struct kn_db *db;
static struct kn_error err;

static const char WORLD[] = KN_TEST_EMPTY(
    "network, subnet, port, address, address_ready, port_binding, port_security_group, security_group, server, allocation, host, agent") "INSERT INTO network (id, project_id, name, vni) VALUES ('" NET
                                                                                                                                         "', 'p', 'net', 1);"
                                                                                                                                         "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools) VALUES ('" SUB
                                                                                                                                         "', '" NET
                                                                                                                                         "', 'p', 4, '10.0.0.0/24', '[{\"start\": \"10.0.0.2\", \"end\": \"10.0.0.254\"}]');"
                                                                                                                                         "INSERT INTO security_group (id, project_id, name) VALUES ('" GROUP
                                                                                                                                         "', 'p', 'g');"
                                                                                                                                         "INSERT INTO port (id, network_id, project_id, mac) SELECT ('33333333-3333-4333-8333-' || lpad(n::text, 12, '0'))::uuid, '" NET
                                                                                                                                         "', 'p', ('fa:16:3e:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr FROM generate_series(1, 3) n;"
                                                                                                                                         "INSERT INTO address (subnet_id, ip, port_id) SELECT '" SUB
                                                                                                                                         "', '10.0.0.1'::inet + n, ('33333333-3333-4333-8333-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 3) n;"
                                                                                                                                         "INSERT INTO port_binding (port_id, host, state) SELECT id, 'h1', 'active' FROM port;"
                                                                                                                                         "INSERT INTO port_security_group (port_id, group_id) SELECT id, '" GROUP
                                                                                                                                         "' FROM port;"
                                                                                                                                         "INSERT INTO agent (id, boot) VALUES ('a', 'b');"
                                                                                                                                         "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version)"
                                                                                                                                         " VALUES ('h1', gen_random_uuid(), 'a', 'nova', 4, 4096, 100, 400, 'sim', 1), ('h2', gen_random_uuid(), 'a', 'nova', 4, 4096, 100, 400, 'sim', 1);"
                                                                                                                                         "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, host, flavor, reservation_id) VALUES ('" SERVER
                                                                                                                                         "', 'p', 'u', 's', 's', 'active', 'h1', '{}', 'r');"
                                                                                                                                         "INSERT INTO allocation (server_id, host, generation, vcpus, memory_mib, disk_gib) VALUES ('" SERVER
                                                                                                                                         "', 'h1', 1, 1, 64, 0)";

static int setup(void **state)
{
    (void)state;
    db = kn_own_database_start("naming");
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    assert_ok(kn_db_script(db, WORLD, &err), &err);
    return 0;
}

static int64_t references_count(const char *from)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM %s", from);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, KN_ONLY);
}

/* It is refused, as a foreign key of that name would refuse it, and nothing has changed. */
static void assert_refused(struct kn_db *conn, const char *sql, const char *constraint)
{
    struct kn_error why = { 0 };

    assert_int_equal(kn_db_query(conn, sql, 0, KN_NO_ARGS, NULL, &why), -1);
    assert_int_equal(why.code, KN_CONFLICT);
    assert_string_equal(kn_db_constraint(conn), constraint);
}

static void test_a_port_takes_along_what_is_its_own(void **state)
{
    (void)state;
    assert_ok(kn_db_script(db, "DELETE FROM port WHERE mac <> 'fa:16:3e:00:00:02'", &err), &err);
    assert_int_equal(references_count("address"), 1);
    assert_int_equal(references_count("port_binding"), 1);
    assert_int_equal(references_count("port_security_group"), 1);
    assert_int_equal(references_count("address a JOIN port p ON p.id = a.port_id"), 1);
    assert_int_equal(references_count("address_ready WHERE freed > 0"),
                     2); /* and their addresses wait for their turn */
}

static void test_what_others_have_does_not_go(void **state)
{
    (void)state;
    assert_refused(db, "DELETE FROM security_group", "security_group_in_use");
    assert_refused(db, "DELETE FROM host WHERE name = 'h1'", "allocation_host_fkey");
    assert_refused(db, "DELETE FROM server", "allocation_server_id_fkey");
    assert_ok(kn_db_script(db, "DELETE FROM allocation", &err), &err);
    assert_refused(db, "DELETE FROM host WHERE name = 'h1'", "server_host_fkey");
    assert_ok(kn_db_script(
                  db,
                  "DELETE FROM server; DELETE FROM host; DELETE FROM port_security_group; DELETE FROM security_group",
                  &err),
              &err);
    assert_int_equal(references_count("host"), 0);
    assert_int_equal(references_count("security_group"), 0);
}

static void test_a_subnet_takes_along_its_ready_addresses(void **state)
{
    (void)state;
    assert_refused(db, "DELETE FROM subnet", "address_subnet_id_fkey");
    assert_ok(kn_db_script(db, "DELETE FROM port", &err), &err);
    assert_int_equal(references_count("address_ready"), 3);
    assert_ok(kn_db_script(db, "DELETE FROM subnet", &err), &err);
    assert_int_equal(references_count("address_ready"), 0);
}

/* A router has one gateway, also when a port becomes it by a change. */
static void test_one_gateway_a_router(void **state)
{
    (void)state;
    assert_ok(
        kn_db_script(
            db,
            "UPDATE port SET device_id = 'r', device_owner = 'network:router_gateway' WHERE mac = 'fa:16:3e:00:00:01'",
            &err),
        &err);
    assert_refused(
        db, "UPDATE port SET device_id = 'r', device_owner = 'network:router_gateway' WHERE mac = 'fa:16:3e:00:00:02'",
        "port_gateway");
    assert_ok(
        kn_db_script(
            db,
            "UPDATE port SET device_id = 'r', device_owner = 'network:router_interface' WHERE mac = 'fa:16:3e:00:00:02'",
            &err),
        &err);
}

/* --- at the same time ------------------------------------------------------------------------------------------------- */

struct ending {
    const char *sql;
    int result;
    char constraint[64];
};

static void *end_it(void *arg)
{
    struct ending *ending = arg;
    struct kn_db *conn = kn_db_new(kn_own_database.url, "other");
    struct kn_error why = { 0 };

    ending->result = kn_db_query(conn, ending->sql, 0, KN_NO_ARGS, NULL, &why);
    kn_copy(ending->constraint, sizeof(ending->constraint), kn_db_constraint(conn));
    kn_db_free(conn);
    return NULL;
}

/* While `held` is open somebody else runs `ending`; it waits, and is refused once that is committed. */
static void assert_waits_and_is_refused(const char *held, const char *sql, const char *constraint)
{
    struct kn_db *holder = kn_db_new(kn_own_database.url, "holder");
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    struct ending ending = { .sql = sql };
    pthread_t thread;
    struct kn_tx tx = { NULL };

    assert_ok(kn_tx_begin(&tx, holder, &err), &err);
    assert_ok(kn_db_query(holder, held, 0, KN_NO_ARGS, NULL, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, end_it, &ending), 0);
    while (references_count("pg_stat_activity WHERE application_name = 'other' AND wait_event_type = 'Lock'") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ending.result, -1);
    assert_string_equal(ending.constraint, constraint);
    kn_db_free(holder);
}

static void test_what_is_given_just_now_does_not_go(void **state)
{
    (void)state;
    assert_ok(kn_db_script(db, "DELETE FROM port_security_group; DELETE FROM allocation; UPDATE server SET host = NULL",
                           &err),
              &err);
    assert_waits_and_is_refused(
        "WITH g AS (SELECT id FROM security_group FOR KEY SHARE) INSERT INTO port_security_group (port_id, group_id)"
        " SELECT p.id, g.id FROM port p CROSS JOIN g", /* as network/ does */
        "DELETE FROM security_group", "security_group_in_use");
    assert_waits_and_is_refused(
        "WITH h AS (UPDATE host SET used_vcpus = 1 WHERE name = 'h1' RETURNING name) INSERT INTO allocation"
        " (server_id, host, generation, vcpus, memory_mib, disk_gib) SELECT '" SERVER
        "', name, 1, 1, 64, 0 FROM h", /* as the scheduler does */
        "DELETE FROM host WHERE name = 'h1'", "allocation_host_fkey");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_port_takes_along_what_is_its_own, fresh),
        cmocka_unit_test_setup(test_what_others_have_does_not_go, fresh),
        cmocka_unit_test_setup(test_a_subnet_takes_along_its_ready_addresses, fresh),
        cmocka_unit_test_setup(test_one_gateway_a_router, fresh),
        cmocka_unit_test_setup(test_what_is_given_just_now_does_not_go, fresh),
    };

    return cmocka_run_group_tests_name("it/references", tests, setup, kn_own_database_teardown);
}
