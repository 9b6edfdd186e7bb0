/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses handed out on a real PostgreSQL: of both families, in which order, at what cost, by many at once. Through the rows' own functions: each
 * draw is a transaction that makes a port.
 */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "network/rows/ports/draw.h"
#include "network/rows/ports/plan.h"
#include "tests/support/own_database.h"

#define NET "11111111-1111-4111-8111-111111111111"
#define SUB "22222222-2222-4222-8222-222222222222"
#define CLIENTS 8
#define PORTS_EACH 40

static struct kn_db *db;
static struct kn_error err;

static int setup(void **state)
{
    (void)state;
    db = kn_own_database_start("draw");
    kn_db_by_key(db); /* as daemons do */
    return 0;
}

/* One network with one subnet. */
static void world(const char *cidr, const char *first, const char *last)
{
    AUTO_FREE char *sql = kn_asprintf(
        KN_TEST_EMPTY(
            "address, address_ready, port_binding, port_security_group, port, subnet, network") "INSERT INTO network (id, project_id, name, vni) VALUES ('" NET
                                                                                                "', 'p', 'net', 1);"
                                                                                                "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, enable_dhcp, dns_nameservers, pools)"
                                                                                                " VALUES ('" SUB
                                                                                                "', '" NET
                                                                                                "', 'p', %d, '%s', NULL, false, '{}', '[{\"start\":\"%s\",\"end\":\"%s\"}]')",
        strchr(cidr, ':') != NULL ? 6 : 4, cidr, first, last);

    assert_ok(kn_db_script(db, sql, &err), &err);
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

/* In the caller's transaction: a port with the next address, or with the named one. "": the subnet is full. */
static int make_port(struct kn_db *conn, const char *named, char ret_ip[KN_IP_SIZE], struct kn_error *ret_err)
{
    AUTO_RELEASE(kn_network_topology) struct kn_network_topology topology = { NULL, NULL };
    AUTO_RELEASE(kn_network_plan) struct kn_network_plan plan;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    char id[KN_UUID_SIZE], mac[KN_MAC_SIZE];
    struct kn_ip ip = KN_IP_NONE;
    bool found = true;

    kn_network_plan_init(&plan);
    kn_array_add(&ids, NET);
    if (kn_network_topology_load(conn, &ids, true, &topology, ret_err) < 0) {
        return -1;
    }
    struct kn_network_view *network = kn_network_topology_network(&topology, NET);
    struct kn_network_subnet_view *subnet = &network->subnets[0];

    if (named != NULL ? !kn_ip_parse(named, &ip) || kn_network_subnet_view_take(conn, subnet, &ip, ret_err) < 0
                      : kn_network_subnet_view_draw(conn, subnet, &found, &ip, ret_err) < 0) {
        return -1;
    }
    ret_ip[0] = '\0';
    if (!found) {
        return 0;
    }
    if (kn_network_view_mac(conn, network, mac, ret_err) < 0) {
        return -1;
    }
    kn_uuid_make(id);
    kn_network_plan_port(&plan, &(struct kn_network_plan_port){
                                    .id = id, .network_id = NET, .project_id = "p", .mac = mac, .nic = -1 });
    kn_network_plan_address(&plan, id, SUB, &ip);
    kn_ip_text(&ip, ret_ip);
    return kn_network_plan_write(conn, &plan, ret_err);
}

static void made(const char *named, const char *wanted)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char ip[KN_IP_SIZE];

    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(make_port(db, named, ip, &err), &err);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    assert_string_equal(ip, wanted);
}

static void release(const char *ip)
{
    AUTO_FREE char *sql = kn_asprintf("DELETE FROM port WHERE id = (SELECT port_id FROM address WHERE ip = '%s')", ip);

    assert_ok(kn_db_script(db, sql, &err), &err);
}

static void test_released_ones_come_last(void **state)
{
    (void)state;
    world("10.0.0.0/28", "10.0.0.2", "10.0.0.7");
    made(NULL, "10.0.0.2");
    made(NULL, "10.0.0.3");
    made(NULL, "10.0.0.4");
    release("10.0.0.3");
    release("10.0.0.2");
    made(NULL, "10.0.0.5");
    made(NULL, "10.0.0.6");
    made(NULL, "10.0.0.7");
    made(NULL, "10.0.0.3"); /* in the order of their release */
    made(NULL, "10.0.0.2");
    made(NULL, "");
    release("10.0.0.6");
    made(NULL, "10.0.0.6"); /* at once */
    made(NULL, "");
}

static void test_named_ones_are_passed_over(void **state)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char ip[KN_IP_SIZE];

    (void)state;
    world("10.0.0.0/28", "10.0.0.2", "10.0.0.5");
    made("10.0.0.3", "10.0.0.3");
    made("10.0.0.9", "10.0.0.9"); /* outside of the pools */
    made(NULL, "10.0.0.2");
    made("10.0.0.5", "10.0.0.5"); /* was ready already */
    release("10.0.0.9");
    release("10.0.0.3");
    made(NULL, "10.0.0.4");
    made(NULL, "10.0.0.3");
    made(NULL, "");
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_fails(make_port(db, "10.0.0.4", ip, &err), &err, KN_CONFLICT);
    assert_string_equal(err.message, "IP address 10.0.0.4 already allocated in subnet " SUB);
}

static void test_both_families_alike(void **state)
{
    (void)state;
    world("2001:db8::/64", "2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff");
    made(NULL, "2001:db8::2");
    made("2001:db8::4", "2001:db8::4");
    made(NULL, "2001:db8::3");
    made(NULL, "2001:db8::5");
    release("2001:db8::3");
    made(NULL, "2001:db8::6");
    /* Where very many wait they are used again, so that nothing grows for ever. */
    assert_ok(kn_db_script(db,
                           "INSERT INTO address_ready (subnet_id, ip, freed) SELECT '" SUB
                           "', '2001:db8::1:0'::inet + n, 1000000 + n"
                           " FROM generate_series(1, 1024) n; DELETE FROM address_ready WHERE freed = 0",
                           &err),
              &err);
    made(NULL, "2001:db8::3");
}

/* What of both tables this session's transaction has read so far. */
#define ROWS_READ \
    "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE relname IN ('address', 'address_ready')"

/* 99 of 100 addresses of a /16 are in use, and have been for long: the next one costs what it costs in an empty one. */
static void test_cost_on_a_full_subnet(void **state)
{
    AUTO_TX struct kn_tx tx = { NULL };
    char ip[KN_IP_SIZE];

    (void)state;
    world("10.8.0.0/16", "10.8.0.1", "10.8.255.254");
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO port (id, network_id, project_id, mac) VALUES (gen_random_uuid(), '" NET
            "', 'p', '02:00:00:00:00:01');"
            "INSERT INTO address (subnet_id, ip, port_id) SELECT '" SUB "', '10.8.0.0'::inet + n, (SELECT id FROM port)"
            " FROM generate_series(1, 65534) n;"
            "UPDATE subnet SET cursor_ip = '10.8.255.254';"
            "DELETE FROM address WHERE (ip - '10.8.0.0'::inet) % 100 = 50; ANALYZE address; ANALYZE address_ready",
            &err),
        &err);
    assert_int_equal(number("SELECT count(*) FROM address_ready"), 655);
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    for (int i = 0; i < 5; i++) {
        const int64_t before = number(ROWS_READ);

        assert_ok(make_port(db, NULL, ip, &err), &err);
        assert_string_not_equal(ip, "");
        assert_in_range(number(ROWS_READ) - before, 0, 64);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    assert_int_equal(number("SELECT count(*) FROM address_ready"), 650);
}

/* Another one may have drawn the last address and not want it after all: he is waited for. */
static void *draw_last(void *arg)
{
    struct kn_db *conn = kn_db_new(kn_own_database.url, "waits");
    struct kn_error why = { .code = KN_OK };
    struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, conn, &why) < 0 || make_port(conn, NULL, arg, &why) < 0 || kn_tx_commit(&tx, &why) < 0) {
        snprintf(arg, KN_IP_SIZE, "%.40s", why.message);
    }
    kn_tx_release(&tx);
    kn_db_free(conn);
    return NULL;
}

static void test_the_last_one_is_waited_for(void **state)
{
    struct kn_tx tx = { NULL };
    char ip[KN_IP_SIZE], others[KN_IP_SIZE] = "?";
    struct kn_db *watcher = kn_db_new(kn_own_database.url, "watches");
    pthread_t thread;

    (void)state;
    world("10.0.0.0/28", "10.0.0.2", "10.0.0.2");
    assert_ok(kn_tx_begin(&tx, db, &err), &err);
    assert_ok(make_port(db, NULL, ip, &err), &err);
    assert_string_equal(ip, "10.0.0.2");
    assert_int_equal(pthread_create(&thread, NULL, draw_last, others), 0);
    for (bool waits = false; !waits;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        assert_ok(
            kn_db_query(
                watcher,
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%waits%' AND wait_event_type = 'Lock'",
                0, KN_NO_ARGS, &rows, &err),
            &err);
        waits = kn_rows_int(rows, 0, 0) == 1;
    }
    kn_tx_release(&tx); /* takes it back */
    pthread_join(thread, NULL);
    kn_db_free(watcher);
    assert_string_equal(others, "10.0.0.2");
    made(NULL, "");
}

/* --- many at once --------------------------------------------------------------------------------------------------------- */

struct client {
    pthread_t thread;
    int made;
    struct kn_error why;
};

/* Makes ports, and takes every fourth one away again. */
static void *make_many(void *arg)
{
    struct client *client = arg;
    struct kn_db *conn = kn_db_new(kn_own_database.url, "client");

    for (int i = 0; i < PORTS_EACH; i++) {
        struct kn_tx tx = { NULL };
        char ip[KN_IP_SIZE] = "";
        const bool ok = kn_tx_begin(&tx, conn, &client->why) == 0 && make_port(conn, NULL, ip, &client->why) == 0 &&
                        kn_tx_commit(&tx, &client->why) == 0;

        kn_tx_release(&tx);
        if (!ok || ip[0] == '\0') {
            break;
        }
        client->made++;
        if (i % 4 == 3) {
            AUTO_FREE char *sql =
                kn_asprintf("DELETE FROM port WHERE id = (SELECT port_id FROM address WHERE ip = '%s')", ip);

            client->made -= kn_db_script(conn, sql, &client->why) == 0;
        }
    }
    kn_db_free(conn);
    return NULL;
}

static void test_many_at_once(void **state)
{
    static struct client clients[CLIENTS];
    int total = 0;

    (void)state;
    world("10.0.0.0/23", "10.0.0.1", "10.0.1.250");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .made = 0 };
        assert_int_equal(pthread_create(&clients[i].thread, NULL, make_many, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_string_equal(clients[i].why.message, "");
        assert_int_equal(clients[i].made, PORTS_EACH - PORTS_EACH / 4);
        total += clients[i].made;
    }
    assert_int_equal(number("SELECT count(*) FROM address"), total);
    /* Nothing got lost: each address of the pool is somebody's, ready, or behind the cursor. */
    assert_int_equal(number("SELECT count(*) FROM (SELECT ip FROM address UNION SELECT ip FROM address_ready) a"),
                     number("SELECT cursor_ip - '10.0.0.0'::inet FROM subnet"));
    assert_int_equal(number("SELECT count(*) FROM address JOIN address_ready USING (subnet_id, ip)"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_released_ones_come_last),    cmocka_unit_test(test_named_ones_are_passed_over),
        cmocka_unit_test(test_both_families_alike),        cmocka_unit_test(test_cost_on_a_full_subnet),
        cmocka_unit_test(test_the_last_one_is_waited_for), cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, setup, kn_own_database_teardown);
}
