/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-network as a process between a real database and a bus: allocates, binds, survives kill -9 and a
 * database that goes away. We play conductor and agents.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>

#include "lib/adapter/quota.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/network_world.h"
#include "tests/support/process.h"

/*
 * The project's last port goes to somebody else between the service's look and its taking: the command is told so, as if it had come later, and nothing
 * of it stays. Nobody waits in between: the look holds no row.
 */
static void test_the_last_port_goes_elsewhere(void **state)
{
    AUTO(kn_db) struct kn_db *other = kn_db_new(kn_network_world.url, "other");
    AUTO_RELEASE(kn_message) struct kn_message reply = { 0 };
    const int64_t deadline = kn_mono_ms() + KN_NETWORK_WAIT_MS;
    struct kn_error err = { 0 };
    struct kn_tx tx = { NULL };
    int64_t task, ports;

    (void)state;
    assert_ok(kn_quota_take_one(kn_network_world.db, "p", KN_QUOTA_PORT, 1, &err), &err);
    assert_ok(kn_quota_take_one(kn_network_world.db, "p", KN_QUOTA_PORT, -1, &err), &err);
    assert_ok(
        kn_db_script(
            kn_network_world.db,
            "INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'network', 'p', 'port', used + 1 "
            "FROM quota_usage WHERE project_id = 'p' AND resource = 'port'",
            &err),
        &err);
    ports = kn_network_world_number("SELECT count(*) FROM port");
    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_quota_take_one(other, "p", KN_QUOTA_PORT, 1, &err), &err);
    task = kn_network_world_allocate(900);
    while (kn_network_world_number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    kn_network_world_answer(task, &reply);
    assert_false(reply.ok);
    assert_string_equal(reply.error.message,
                        "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM port"), ports);
    assert_ok(kn_quota_take_one(kn_network_world.db, "p", KN_QUOTA_PORT, -1, &err), &err);
    kn_network_world_must(kn_network_world_allocate(900)); /* there is one again */
    kn_network_world_must(kn_network_world_command("port.release", 900, NULL));
    assert_ok(kn_db_script(kn_network_world.db, "DELETE FROM quota_limit", &err), &err);
}

#define SHARED "cccccccc-1111-4111-8111-111111111111" /* a network of q's */

static int64_t allocate_shared(int server, const char *more)
{
    AUTO_FREE char *text = kn_asprintf("{\"requests\":[{\"network\":\"" SHARED "\"%s}]}", more);

    return kn_network_world_command("port.allocate", server, json_loads(text, 0, NULL));
}

/* Its owner takes a network back while a server of another project is about to get a port there: he was first, and waits for nobody. */
static void test_a_network_is_shared_no_more(void **state)
{
    AUTO(kn_db) struct kn_db *other = kn_db_new(kn_network_world.url, "owner");
    AUTO_RELEASE(kn_message) struct kn_message reply = { 0 };
    const int64_t deadline = kn_mono_ms() + KN_NETWORK_WAIT_MS;
    struct kn_error err = { 0 };
    struct kn_tx tx = { NULL };

    (void)state;
    assert_ok(
        kn_db_script(
            kn_network_world.db,
            "INSERT INTO network (id, project_id, name, vni) VALUES ('" SHARED "', 'q', 'theirs', 77);"
            "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools) VALUES (gen_random_uuid(), '" SHARED
            "', 'q', 4, '10.7.0.0/24', '[{\"start\":\"10.7.0.2\",\"end\":\"10.7.0.254\"}]');"
            "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), 'q', 'network', '" SHARED
            "', 'access_as_shared', 'p')",
            &err),
        &err);
    kn_network_world_must(allocate_shared(910, ",\"any_project\":false"));
    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_db_script(other, "DELETE FROM rbac_policy WHERE object_id = '" SHARED "'", &err), &err);
    const int64_t task = allocate_shared(911, ",\"any_project\":false");

    while (kn_network_world_number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    kn_network_world_answer(task, &reply);
    assert_false(reply.ok);
    assert_int_equal(reply.error.code, KN_NOT_FOUND);
    assert_string_equal(reply.error.message, "Network " SHARED " could not be found.");
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM port WHERE device_id LIKE '%000000000911'"), 0);
    kn_network_world_must(allocate_shared(910, ",\"any_project\":false")); /* what is made stays, and is said again */
    kn_network_world_must(allocate_shared(912, ",\"any_project\":true"));
    for (int server = 910; server <= 912; server++) {
        kn_network_world_must(kn_network_world_command("port.release", server, NULL));
    }
}

/* A creation that a deletion superseded, said again after it, makes no port; an old release takes none away. */
static void test_late_commands_touch_no_port(void **state)
{
    (void)state;
    static const char *const LATE[] = { "state = 'failed'", "attempt = 2", "state = 'done'" };
    struct kn_error err = { 0 };

    kn_network_world_must(kn_network_world_allocate(601));
    for (size_t i = 0; i < KN_COUNT(LATE); i++) {
        AUTO_RELEASE(kn_message) struct kn_message made = { 0 }, gone = { 0 };
        AUTO_FREE char *sql = kn_asprintf("UPDATE task SET %s WHERE id IN (%lld, %lld)", LATE[i],
                                          (long long)kn_network_world.next_task + 1,
                                          (long long)kn_network_world.next_task + 2);

        assert_ok(kn_db_script(kn_network_world.db, sql, &err), &err);
        kn_network_world_answer(kn_network_world_allocate(602), &made);
        assert_false(made.ok);
        assert_int_equal(made.error.code, KN_STALE);
        kn_network_world_answer(kn_network_world_command("port.release", 601, NULL), &gone);
        assert_int_equal(gone.error.code, KN_STALE);
    }
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM port WHERE device_id LIKE '%000000000601'"), 1);
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM port WHERE device_id LIKE '%000000000602'"), 0);
    kn_network_world_must(kn_network_world_command("port.release", 601, NULL));
}

static void test_garbage_harms_nobody(void **state)
{
    (void)state;
    static const char *const GARBAGE[] = { "",
                                           "{",
                                           "\xff\xfe",
                                           "[]",
                                           "{\"type\":\"port.allocate\",\"v\":1}",
                                           "{\"type\":\"port.allocate\",\"v\":99,\"body\":{}}",
                                           "{\"type\":\"place.claim\",\"v\":1,\"body\":{}}" };
    struct kn_error err;

    for (size_t i = 0; i < KN_COUNT(GARBAGE); i++) {
        assert_ok(kn_bus_send(kn_network_world.bus, KN_TOPIC_NETWORK, 0, GARBAGE[i], strlen(GARBAGE[i]), &err), &err);
    }
    kn_network_world_must(kn_network_world_allocate(10));
}

static void test_one_bad_command_does_not_spoil_the_others(void **state)
{
    (void)state;
    int64_t tasks[20];

    for (int i = 0; i < 20; i++) {
        tasks[i] = i % 2 == 0 ? kn_network_world_allocate(20 + i)
                              : kn_network_world_command("port.allocate", 20 + i,
                                                         json_pack("{s:[{s:s, s:s}]}", "requests", "network", NET,
                                                                   "fixed_ip", "1.2.3.4"));
    }
    for (int i = 0; i < 20; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_network_world_answer(tasks[i], &m);
        assert_int_equal(m.ok, i % 2 == 0);
        assert_true(m.ok || m.error.code == KN_BAD_REQUEST);
    }
}

/* A server gets no address of a subnet that is for others, whoever names it. */
static void test_service_types_hold_for_servers(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message reply = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        kn_db_script(
            kn_network_world.db,
            "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools, service_types) VALUES (gen_random_uuid(), '" NET
            "', 'p', 4, '10.9.0.0/24', '[{\"start\":\"10.9.0.2\",\"end\":\"10.9.0.254\"}]', '{network:floatingip}')",
            &err),
        &err);
    kn_network_world_answer(kn_network_world_command("port.allocate", 950,
                                                     json_pack("{s:[{s:s, s:s}]}", "requests", "network", NET,
                                                               "fixed_ip", "10.9.0.9")),
                            &reply);
    assert_false(reply.ok);
    assert_string_equal(reply.error.message,
                        "IP address 10.9.0.9 is not a valid IP for any of the subnets on the specified network.");
    assert_ok(kn_db_script(
                  kn_network_world.db,
                  "DELETE FROM address WHERE ip << '10.9.0.0/24'; DELETE FROM subnet WHERE cidr = '10.9.0.0/24'", &err),
              &err);
}

/* Values that the database will never take, in one command of a batch and in reports: that one is answered with the reason, the others are carried out. */
static void test_what_the_database_refuses_is_one_answer(void **state)
{
    static const char *const HOSTS[] = { "[]", "[null]", "[\"x\"]", "[{\"host\": 5, \"hypervisor_type\": {}}]",
                                         "[{\"host\": \"\", \"vcpus\": -1}]" };
    struct kn_error err = { 0 };
    int64_t tasks[10];
    (void)state;

    assert_ok(kn_db_script(kn_network_world.db,
                           "ALTER TABLE port ADD CONSTRAINT hurt CHECK (device_id NOT LIKE '%000000000705')", &err),
              &err);
    for (int i = 0; i < 10; i++) {
        kn_network_world_send(KN_TOPIC_REPORT, "agent.hello", 0,
                              json_pack("{s:s, s:s, s:o}", "agent", AGENT_A, "boot", "d", "hosts",
                                        json_loads(HOSTS[(size_t)i % KN_COUNT(HOSTS)], 0, NULL)));
        tasks[i] = kn_network_world_allocate(700 + i);
    }
    for (int i = 0; i < 10; i++) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_network_world_answer(tasks[i], &m);
        assert_int_equal(m.ok, i != 5);
        assert_true(m.ok || strstr(m.error.message, "hurt") != NULL);
    }
    assert_ok(kn_db_script(kn_network_world.db, "ALTER TABLE port DROP CONSTRAINT hurt", &err), &err);
    kn_network_world_must(kn_network_world_allocate(705));
    for (int i = 0; i < 10; i++) {
        kn_network_world_must(kn_network_world_command("port.release", 700 + i, NULL));
    }
}

static void test_kill_in_the_middle(void **state)
{
    (void)state;
    int64_t last = 0;

    for (int i = 100; i < 400; i++) {
        kn_network_world_allocate(i);
    }
    kn_network_world_must(kn_network_world_allocate(100)); /* it has begun */
    kn_test_end(kn_network_world.network, SIGKILL);
    kn_network_world_start();
    for (int i = 100; i < 400; i++) {
        last = kn_network_world_allocate(i); /* the conductor sends again what is open */
    }
    kn_network_world_must(last);
    assert_int_equal(
        kn_network_world_number(
            "SELECT count(*) FROM port WHERE made_for_server AND device_id >= 'aaaaaaaa-0000-4000-8000-000000000100'"),
        300);
    assert_int_equal(
        kn_network_world_number(
            "SELECT count(DISTINCT device_id) FROM port WHERE made_for_server AND device_id >= 'aaaaaaaa-0000-4000-8000-000000000100'"),
        300);
    assert_int_equal(kn_network_world_number("SELECT count(*) - count(DISTINCT ip) FROM address"), 0);
}

static void test_database_away(void **state)
{
    (void)state;
    kn_test_pg_down(kn_network_world.pg);
    int64_t task = kn_network_world_allocate(500);

    kn_test_pg_up(kn_network_world.pg);
    kn_network_world_must(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_commands_touch_no_port),
        cmocka_unit_test(test_garbage_harms_nobody),
        cmocka_unit_test(test_one_bad_command_does_not_spoil_the_others),
        cmocka_unit_test(test_service_types_hold_for_servers),
        cmocka_unit_test(test_what_the_database_refuses_is_one_answer),
        cmocka_unit_test(test_kill_in_the_middle),
        cmocka_unit_test(test_the_last_port_goes_elsewhere),
        cmocka_unit_test(test_a_network_is_shared_no_more),
        cmocka_unit_test(test_database_away),
    };
    return cmocka_run_group_tests(tests, kn_network_world_setup, kn_network_world_teardown);
}
