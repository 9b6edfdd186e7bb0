/* SPDX-License-Identifier: Apache-2.0 */
/* Who has an address of allowed address pairs, on a real PostgreSQL: which words of hosts count, and which are old, repeated, foreign or not theirs to say. */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <stdlib.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "network/serve/announced.h"
#include "tests/support/own_database.h"

#define NET "11111111-1111-4111-8111-111111111111"
#define PORT(n) "0000000" #n "-1111-4111-8111-111111111111"
#define VRRP "00:00:5e:00:01:07"
#define MAC(n) "fa:16:3e:00:00:0" #n

/* Ports 1 and 2 live on h1 and h2, both with pairs; 3 on h1 without; 4 has an address of its own on h2, and 5 one though it lives nowhere. */
static const char FIXTURE[] = KN_TEST_EMPTY(
    "announced_address, address, port_binding, port, subnet, network, host, agent, network_change") "INSERT INTO agent (id, boot) VALUES ('a1', 'b'), ('a2', 'b');"
                                                                                                    "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type,"
                                                                                                    " hypervisor_version) SELECT 'h' || n, gen_random_uuid(), 'a' || n, 'nova', '192.0.2.' || n, 1, 1, 1, 100, 'QEMU', 1 FROM generate_series(1, 2) n;"
                                                                                                    "INSERT INTO network (id, project_id, name, vni) VALUES ('" NET
                                                                                                    "', 'p', 'n', 1);"
                                                                                                    "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools) VALUES ('" NET
                                                                                                    "', '" NET
                                                                                                    "', 'p', 4, '10.0.0.0/24', '[]');"
                                                                                                    "INSERT INTO port (id, network_id, project_id, mac, allowed_pairs) SELECT ('0000000' || n || '-1111-4111-8111-111111111111')::uuid, '" NET
                                                                                                    "', 'p', ('fa:16:3e:00:00:0' || n)::macaddr, CASE WHEN n < 3 THEN jsonb_build_array("
                                                                                                    " jsonb_build_object('ip_address', '10.0.0.9', 'mac_address', '" VRRP
                                                                                                    "'),"
                                                                                                    " jsonb_build_object('ip_address', '10.0.0.0/24', 'mac_address', 'fa:16:3e:00:00:0' || n),"
                                                                                                    " jsonb_build_object('ip_address', 'fd00::/64', 'mac_address', 'fa:16:3e:00:00:0' || n)) ELSE '[]' END FROM generate_series(1, 5) n;"
                                                                                                    "INSERT INTO port_binding (port_id, host, state) VALUES ('" PORT(1) "', 'h1', 'active'), ('" PORT(2) "', 'h2', 'active'), ('" PORT(
                                                                                                        3) "', 'h1', 'active'), ('" PORT(4) "', 'h2', 'active');"
                                                                                                                                            "INSERT INTO address (subnet_id, ip, port_id) VALUES ('" NET
                                                                                                                                            "', '10.0.0.4', '" PORT(
                                                                                                                                                4) "'), ('" NET
                                                                                                                                                   "', '10.0.0.5', '" PORT(
                                                                                                                                                       5) "');";

static struct kn_db *db;
static struct kn_error err;

static int setup(void **state)
{
    (void)state;
    db = kn_own_database_start("announced");
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    assert_ok(kn_db_script(db, FIXTURE, &err), &err);
    return 0;
}

static const char *text(const char *sql)
{
    static char out[300];
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    kn_copy(out, sizeof(out), kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, 0) : "(none)");
    return out;
}

/* The number that hosts know of: of the only address there is. */
static int64_t newest(void)
{
    return strtoll(text("SELECT coalesce(max(number), 0) FROM announced_address"), NULL, 10);
}

static json_t *word(const char *port, const char *ip, const char *mac, int64_t after, int age_ms)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:i}", "port", port, "ip", ip, "mac", mac, "after", (json_int_t)after,
                     "age_ms", age_ms);
}

/* Whether hosts have to be told. Steals heard. */
static bool says(const char *agent, const char *host, json_t *heard)
{
    struct kn_message message;
    bool counts = false;

    kn_message_init(&message, "net.announced",
                    json_pack("{s:s, s:s, s:[o]}", "agent", agent, "host", host, "heard", heard));
    assert_ok(kn_network_announced_hear(db, &message, &counts, &err), &err);
    kn_message_release(&message);
    return counts;
}

#define HOLDER \
    "SELECT string_agg(host(ip) || ' ' || left(port_id::text, 8) || ' ' || mac, ', ' ORDER BY ip) FROM announced_address"
#define TOLD "SELECT coalesce(string_agg(left(id::text, 8), ' ' ORDER BY seq), '') FROM network_change"

static void test_the_newest_has_it(void **state)
{
    (void)state;
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, 0, 10)));
    assert_string_equal(text(HOLDER), "10.0.0.9 00000001 " VRRP);
    assert_string_equal(text(TOLD), "00000001");
    const int64_t first = newest();

    assert_true(says("a2", "h2", word(PORT(2), "10.0.0.9", MAC(2), first, 0))); /* also with another MAC */
    assert_string_equal(text(HOLDER), "10.0.0.9 00000002 " MAC(2));
    assert_string_equal(text(TOLD), "00000001 00000001 00000002");
    assert_true(newest() > first);
    assert_false(says("a2", "h2", word(PORT(2), "10.0.0.9", MAC(2), first, 0))); /* twice is once */
    assert_false(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, 0, 10))); /* late */
    assert_false(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, first, 0))); /* does not know the newest yet */
    assert_false(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, newest(), 60000))); /* heard before the other */
    assert_string_equal(text(HOLDER), "10.0.0.9 00000002 " MAC(2));
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, newest(), 0)));
    assert_string_equal(text(HOLDER), "10.0.0.9 00000001 " VRRP);
    /* heard in times to come is heard now: the next one counts */
    assert_true(says("a2", "h2", word(PORT(2), "10.0.0.9", MAC(2), newest(), -3600000)));
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, newest(), 0)));
    assert_string_equal(text(HOLDER), "10.0.0.9 00000001 " VRRP);
}

static void test_what_is_not_theirs_to_say(void **state)
{
    static const struct {
        const char *agent, *host, *port, *ip, *mac;
    } LIES[] = {
        { "a2", "h1", PORT(1), "10.0.0.9", VRRP }, /* another's host */
        { "a2", "h2", PORT(1), "10.0.0.9", VRRP }, /* a port of another host */
        { "a1", "h1", PORT(3), "10.0.0.9", MAC(3) }, /* without pairs */
        { "a1", "h1", PORT(3), "10.0.0.9", VRRP },   { "a1", "h1", PORT(1), "10.0.1.9", MAC(1) }, /* not of these */
        { "a1", "h1", PORT(1), "10.0.0.8", VRRP }, /* nor with that MAC */
        { "a1", "h1", PORT(1), "10.0.0.4", MAC(1) }, /* somebody's own */
        { "a1", "h1", PORT(5), "10.0.0.5", MAC(5) }, /* bound nowhere */
        { "a1", "h1", NET, "10.0.0.9", VRRP }, /* no port at all */
        { "a1", "h1", PORT(1), "everything", VRRP }, { "a1", "h1", PORT(1), "10.0.0.9", "no MAC" },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(LIES); i++) {
        assert_false(says(LIES[i].agent, LIES[i].host, word(LIES[i].port, LIES[i].ip, LIES[i].mac, 0, 0)));
    }
    assert_int_equal(newest(), 0);
    assert_string_equal(text(TOLD), "");
    /* an address that was set aside for it by a port without a host, as people do, is nobody's own; and one of a prefix of IPv6 */
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.5", MAC(1), 0, 0)));
    assert_true(says("a2", "h2", word(PORT(2), "fd00::9", MAC(2), 0, 0)));
}

/* Nobody can know the number of a row whose port hosts are not told of. */
static void test_who_had_it_went(void **state)
{
    (void)state;
    assert_true(says("a2", "h2", word(PORT(2), "10.0.0.9", VRRP, 0, 0)));
    assert_ok(kn_db_script(db, "DELETE FROM port_binding WHERE port_id = '" PORT(2) "'", &err), &err);
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, 0, 0)));
    assert_ok(kn_db_script(db, "DELETE FROM port WHERE id = '" PORT(1) "'", &err), &err);
    assert_int_equal(newest(), 0);
}

static void test_no_port_has_too_many(void **state)
{
    (void)state;
    assert_ok(
        kn_db_script(db,
                     "INSERT INTO announced_address (network_id, ip, port_id, mac, number, heard_at) SELECT '" NET
                     "', inet '10.0.0.10' + n, '" PORT(1) "', '" MAC(1) "', 1, now() FROM generate_series(1, 64) n",
                     &err),
        &err);
    assert_false(says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, 0, 0)));
    assert_true(says("a1", "h1", word(PORT(1), "10.0.0.11", MAC(1), 1, 0)));
    assert_true(says("a2", "h2", word(PORT(2), "10.0.0.9", VRRP, 0, 0)));
}

/* Whoever says it at that moment; whether it moved. */
static bool grabs(int n)
{
    return n == 1 ? says("a1", "h1", word(PORT(1), "10.0.0.9", VRRP, newest(), 0))
                  : says("a2", "h2", word(PORT(2), "10.0.0.9", VRRP, newest(), 0));
}

#define RESTS "SELECT moves || CASE WHEN rests_until > now() THEN ' rests' ELSE '' END FROM announced_address"

/* RFC 7432, 15.1: what moved five times in three minutes stays for three minutes where it is. */
static void test_guests_that_fight(void **state)
{
    (void)state;
    assert_true(grabs(1)); /* nobody had it: no move */
    assert_true(grabs(2) && grabs(1) && grabs(2) && grabs(1));
    assert_string_equal(text(RESTS), "4");
    assert_true(grabs(2));
    assert_string_equal(text(RESTS), "5 rests");
    const int64_t last = newest();

    for (int i = 0; i < 20; i++) {
        assert_false(grabs(1));
    }
    assert_int_equal(newest(), last);
    assert_true(grabs(2)); /* who has it may say so */
    assert_string_equal(text(RESTS), "5 rests");
    assert_false(grabs(1));
    assert_ok(kn_db_script(db, "UPDATE announced_address SET rests_until = now(), moves_from = now()", &err), &err);
    assert_true(grabs(1)); /* and so on */
    assert_string_equal(text(RESTS), "1");
    assert_true(grabs(2) && grabs(1) && grabs(2) && grabs(1));
    assert_string_equal(text(RESTS), "5 rests");
    assert_ok(kn_db_script(db, "DELETE FROM port_binding WHERE port_id = '" PORT(1) "'", &err), &err);
    assert_true(grabs(2)); /* nobody has it any more */
    assert_string_equal(text(RESTS), "0");
}

/* Now and then is no fight. */
static void test_moves_long_ago_do_not_count(void **state)
{
    (void)state;
    assert_true(grabs(1));
    for (int i = 0; i < 12; i++) {
        assert_true(grabs(i % 2 == 0 ? 2 : 1));
        if (i % 4 == 3) {
            assert_string_equal(text(RESTS), "4");
            assert_ok(kn_db_script(db, "UPDATE announced_address SET moves_from = now() - interval '180 s'", &err),
                      &err);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_newest_has_it, fresh),
        cmocka_unit_test_setup(test_what_is_not_theirs_to_say, fresh),
        cmocka_unit_test_setup(test_who_had_it_went, fresh),
        cmocka_unit_test_setup(test_no_port_has_too_many, fresh),
        cmocka_unit_test_setup(test_guests_that_fight, fresh),
        cmocka_unit_test_setup(test_moves_long_ago_do_not_count, fresh),
    };

    return cmocka_run_group_tests(tests, setup, kn_own_database_teardown);
}
