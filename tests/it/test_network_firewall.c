/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups with real packets: every kind of rule lets through what it says and nothing else, in both families, at once; connections live and end with
 * their rules; and random changes, sent as deltas, leave the tables that a whole would have made. Skipped without root.
 */
#include "tests/support/firewall_world.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

/* --- rules ------------------------------------------------------------------------------------------------------------ */

static void test_default_deny(void **state)
{
    (void)state;
    need_root();
    kn_fire_passes(1, 2, TCP4, 22, false);
    kn_fire_passes(1, 2, TCP6, 22, false);
    kn_fire_passes(1, 2, UDP4, 53, false);
    kn_fire_passes(1, 2, PING4, 0, false);
    kn_fire_passes(1, 2, PING6, 0, false);
}

/* Each rule alone in the receiver's group: what it lets through, and what is as near to it as can be and does not pass. */
static void test_rule_kinds(void **state)
{
    (void)state;
    need_root();
    static const struct {
        const char *rules;
        struct {
            int from;
            enum kn_fire_probe probe;
            int port;
        } yes[3], no[4];
    } CASES[] = {
        { "in:4:6:22:22:any",
          { { 1, TCP4, 22 }, { 3, TCP4, 22 } },
          { { 1, TCP4, 23 }, { 1, TCP6, 22 }, { 1, UDP4, 20 } } },
        { "in:4:6:22:24:prefix:10.0.0.1/32",
          { { 1, TCP4, 22 }, { 1, TCP4, 24 } },
          { { 1, TCP4, 25 }, { 3, TCP4, 22 } } },
        { "in:6:6:22:22:prefix:fd00::/127", { { 1, TCP6, 22 } }, { { 3, TCP6, 22 }, { 1, TCP4, 22 } } },
        { "in:4:6:-1:-1:any", { { 1, TCP4, 22 } }, { { 1, UDP4, 53 }, { 1, TCP6, 22 } } },
        { "in:4:17:53:53:any", { { 1, UDP4, 53 } }, { { 1, UDP4, 20 }, { 1, UDP6, 53 } } },
        { "in:6:17:50:60:any", { { 1, UDP6, 53 } }, { { 1, UDP6, 20 }, { 1, UDP4, 53 } } },
        { "in:4:1:8:-1:any", { { 1, PING4, 0 } }, { { 1, PING6, 0 }, { 1, TCP4, 22 } } },
        { "in:4:1:8:1:any", { { 0, 0, 0 } }, { { 1, PING4, 0 } } },
        { "in:6:58:128:0:any", { { 1, PING6, 0 } }, { { 1, PING4, 0 }, { 1, TCP6, 22 } } },
        { "in:6:1:-1:-1:any", { { 1, PING6, 0 } }, { { 1, PING4, 0 } } },
        { "in:4:6:22:22:group:91", { { 1, TCP4, 22 } }, { { 3, TCP4, 22 }, { 1, TCP4, 23 } } },
        { "in:4:6:22:22:addresses:81", { { 1, TCP4, 22 } }, { { 3, TCP4, 22 } } },
        { "in:4:-1:-1:-1:any", { { 1, TCP4, 22 }, { 3, UDP4, 53 }, { 1, PING4, 0 } }, { { 1, TCP6, 22 } } },
        { "in:4:6:22:22:any,in:6:6:23:23:any",
          { { 1, TCP4, 22 }, { 1, TCP6, 23 } },
          { { 1, TCP4, 23 }, { 1, TCP6, 22 } } },
    };

    kn_fire_now("member 1 groups=91 ip=10.0.0.1,fd00::1", "addresses 81 prefixes=10.0.0.0/31,192.0.2.0/24", NULL);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *line = kn_asprintf("group 92 rules=%s,%s", OUT, CASES[i].rules);

        kn_fire_now(line, NULL);
        for (size_t j = 0; j < KN_COUNT(CASES[i].yes) && CASES[i].yes[j].from != 0; j++) {
            kn_fire_passes(CASES[i].yes[j].from, 2, CASES[i].yes[j].probe, CASES[i].yes[j].port, true);
        }
        for (size_t j = 0; j < KN_COUNT(CASES[i].no) && CASES[i].no[j].from != 0; j++) {
            kn_fire_passes(CASES[i].no[j].from, 2, CASES[i].no[j].probe, CASES[i].no[j].port, false);
        }
    }
    kn_fire_now("group 92 rules=" OUT, NULL);
    kn_fire_passes(1, 2, TCP4, 22, false);
}

/* What leaves a guest is asked for, too; without a rule nothing leaves, but the guest keeps its neighbours. */
static void test_egress(void **state)
{
    (void)state;
    need_root();
    AUTO_FREE char *command = kn_asprintf("%s tcp 10.0.0.2 22", kn_fire.tool),
                   *other = kn_asprintf("%s tcp 10.0.0.2 23", kn_fire.tool),
                   *third = kn_asprintf("%s tcp 10.0.0.3 22", kn_fire.tool);

    kn_fire_now("group 92 rules=" OUT ",in:4:6:22:23:any", "group 93 rules=" OUT ",in:4:6:22:23:any",
                "group 91 rules=out:4:6:22:22:prefix:10.0.0.2/32", NULL);
    kn_actor_await(&kn_fire.guests[1], command, true, NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], other));
    assert_false(kn_actor_runs(&kn_fire.guests[1], third));
    kn_fire_now("group 91 rules=", NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], command));
    assert_runs(&kn_fire.guests[1], "ip neigh flush dev eth0; busybox arping -c 1 -w 5 -I eth0 10.0.0.2");
    kn_fire_now("group 91 rules=" OUT, NULL);
    kn_actor_await(&kn_fire.guests[1], command, true, NULL);
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups="), NULL); /* no group at all is no rule */
    assert_false(kn_actor_runs(&kn_fire.guests[1], command));
    kn_fire_now(PORT_LINE(1, "a1", 1, ""), NULL); /* not asked for groups */
    kn_actor_await(&kn_fire.guests[1], command, true, NULL);
    kn_fire_now(PORT_LINE(1, "a1", 1, "groups=91"), NULL);
    kn_actor_await(&kn_fire.guests[1], command, true, NULL);
}

static void test_group_to_group(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:6:22:22:group:93", "member 3 groups=93 ip=10.0.0.3", NULL);
    kn_fire_passes(3, 2, TCP4, 22, true);
    kn_fire_passes(1, 2, TCP4, 22, false);
    kn_fire_now("member 1 groups=93 ip=10.0.0.1", NULL); /* wherever that port is */
    kn_fire_passes(1, 2, TCP4, 22, true);
    kn_fire_now("drop member 1", NULL);
    kn_fire_passes(1, 2, TCP4, 22, false);
    kn_fire_passes(3, 2, TCP4, 22, true);
}

/* Answers pass only where a rule says so. */
static void test_stateless(void **state)
{
    (void)state;
    need_root();
    AUTO_FREE char *command = kn_asprintf("%s tcp 10.0.0.2 22", kn_fire.tool);

    kn_fire_now("group 92 stateless rules=in:4:6:22:22:any", NULL);
    assert_false(kn_actor_runs(&kn_fire.guests[1], command));
    kn_fire_now("group 92 stateless rules=in:4:6:22:22:any,out:4:6:1024:65535:any", NULL);
    kn_actor_await(&kn_fire.guests[1], command, true, NULL);
    kn_fire_now("group 92 rules=" OUT, NULL);
}

/* Two tenants, one host, the same addresses: what one allows, the other does not. */
static void test_overlap(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 94 rules=" OUT ",in:4:6:22:22:any", PORT_LINE(5, "b1", 2, "groups=94"), NULL);
    kn_fire_passes(4, 5, TCP4, 22, true);
    kn_fire_passes(1, 2, TCP4, 22, false);
    kn_fire_now("group 94 rules=" OUT ",in:4:6:23:23:any", "group 92 rules=" OUT ",in:4:6:22:22:any", NULL);
    kn_fire_passes(1, 2, TCP4, 22, true);
    kn_fire_passes(4, 5, TCP4, 22, false);
    assert_runs(&kn_fire.guests[5], "ip link set eth0 down");
    kn_fire_passes(1, 2, TCP4, 22, true);
    assert_runs(&kn_fire.guests[5], "ip link set eth0 up && ip -6 addr replace fd00::2/64 dev eth0 nodad");
}

/* --- connections ------------------------------------------------------------------------------------------------------- */

static int counted(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", kn_fire.dir, name);
    FILE *file = fopen(path, "r");
    int count = 0;

    if (file != NULL) {
        if (fscanf(file, "%d", &count) != 1) {
            count = 0;
        }
        fclose(file);
    }
    return count;
}

static void await_more(const char *name)
{
    const int before = counted(name);

    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; counted(name) <= before + 2;) {
        if (kn_mono_ms() > deadline) {
            fail_msg("the stream %s stands", name);
        }
        kn_test_pause(10);
    }
}

/* While another stream got ten answers more, this one got none (but for what was under way when it was cut). */
static void stands_while(const char *name, const char *other)
{
    await_more(other);
    const int before = counted(name);

    for (int i = 0; i < 4; i++) {
        await_more(other);
    }
    assert_int_equal(counted(name), before);
}

static void start_stream(int from, const char *address, int port, const char *name, const char *how)
{
    assert_runs(&kn_fire.guests[from], "(%s stream %s %d %s/%s %s >/dev/null 2>&1 &)", kn_fire.tool, address, port,
                kn_fire.dir, name, how);
    await_more(name);
}

static void test_established(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:6:22:24:any,in:6:6:22:22:any", "group 93 rules=" OUT ",in:4:6:25:25:any",
                NULL);
    start_stream(1, "10.0.0.3", 25, "other", "");
    start_stream(1, "10.0.0.2", 22, "asked", "");
    start_stream(1, "10.0.0.2", 23, "pushed", "push"); /* the server goes on talking whatever the client does */
    start_stream(1, "fd00::2", 22, "sixth", "");
    start_stream(4, "10.0.0.2", 23, "tenant", ""); /* group 94 of the other tenant, same addresses */
    /* a rule comes, another goes: who was allowed still is */
    kn_fire_now("group 92 rules=" OUT ",in:4:6:22:23:any,in:6:6:22:22:any,in:4:17:53:53:any", NULL);
    await_more("asked");
    await_more("pushed");
    /* its own goes */
    kn_fire_now("group 92 rules=" OUT ",in:6:6:22:22:any", NULL);
    stands_while("asked", "other");
    stands_while("pushed", "other");
    await_more("sixth");
    await_more("tenant");
    /* again allowed, a new connection works at once; the old one is over */
    kn_fire_now("group 92 rules=" OUT ",in:4:6:22:23:any,in:6:6:22:22:any", NULL);
    kn_fire_passes(1, 2, TCP4, 22, true);
    kn_fire_now(PORT_LINE(2, "a1", 2, "groups=94"), NULL); /* the port leaves the group for one that allows 23 */
    stands_while("sixth", "other");
    kn_fire_passes(1, 2, TCP4, 23, true);
    kn_fire_now("drop port 5", NULL);
    stands_while("tenant", "other");
    await_more("other");
    kn_fire_now(PORT_LINE(5, "b1", 2, "groups=94"), PORT_LINE(2, "a1", 2, "groups=92"), NULL);
}

static void test_members_and_addresses_end_connections(void **state)
{
    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:6:26:26:group:93,in:4:6:27:27:addresses:81",
                "addresses 81 prefixes=10.0.0.0/30", "member 1 groups=93 ip=10.0.0.1", NULL);
    start_stream(1, "10.0.0.2", 26, "member", "");
    start_stream(1, "10.0.0.2", 27, "address", "");
    kn_fire_now("member 9 groups=93 ip=10.0.0.9", "addresses 81 prefixes=10.0.0.0/30,10.9.0.0/16", NULL);
    await_more("member");
    await_more("address");
    kn_fire_now("drop member 1", NULL);
    stands_while("member", "other");
    await_more("address");
    kn_fire_now("addresses 81 prefixes=10.0.0.8/30", NULL);
    stands_while("address", "other");
}

/* Networks come and go and their zones are used again: who is cut is barred on the bridge that is there, or what his peer still sends would begin it anew. */
static void test_zones_of_networks_that_went(void **state)
{
    (void)state;
    need_root();
    for (int n = 1; n <= 9; n++) {
        AUTO_FREE char *comes = kn_asprintf("network c%d zone=1", n), *goes = kn_asprintf("drop network c%d", n);

        kn_fire_now(comes, NULL);
        kn_fire_now(goes, NULL);
    }
    kn_fire_now("network a1 zone=1", "group 91 rules=" OUT ",in:4:6:-1:-1:any",
                "group 92 rules=" OUT ",in:4:6:28:28:any", NULL);
    start_stream(1, "10.0.0.2", 28, "zoned", "push");
    kn_fire_now("group 92 rules=" OUT ",in:4:6:29:29:any", NULL);
    stands_while("zoned", "other");
    kn_fire_now("group 91 rules=" OUT, NULL);
}

/* What the old rules let pass, and the kernel tracks only after the connections were looked at, ends a little later. */
static void test_who_came_during_the_look(void **state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    (void)state;
    need_root();
    kn_fire_now("group 92 rules=" OUT ",in:4:6:27:27:any", NULL);
    kn_fire_now("group 92 rules=" OUT, NULL);
    assert_runs(&kn_fire.shell, "nft insert rule inet kilonova enter accept");
    start_stream(1, "10.0.0.2", 27, "late", "");
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
    for (int before = -1; counted("late") != before;) {
        assert_true(kn_mono_ms() < deadline);
        assert_string_equal(kn_actor_ask(&kn_fire.agent, "apply"), "ok"); /* as a host does all the time */
        before = counted("late");
        await_more("other");
    }
    stands_while("late", "other");
}

/* --- the tables --------------------------------------------------------------------------------------------------------- */

static void test_check_repairs(void **state)
{
    (void)state;
    need_root();
    static const char *const HARM[] = {
        "nft flush ruleset",
        "nft delete table inet kilonova",
        "nft flush chain bridge kilonova guest_ip",
        "nft insert rule inet kilonova leave accept",
        "nft flush set bridge kilonova macs",
        "nft add element bridge kilonova ips4 '{ \"" TAP(1) "\" . " MAC(1) " . 10.0.0.77 }'",
        "nft add set inet kilonova mine '{ type ipv4_addr; }'",
    };
    for (size_t i = 0; i < KN_COUNT(HARM); i++) {
        assert_runs(&kn_fire.shell, "%s", HARM[i]);
        if (strcmp(kn_actor_ask(&kn_fire.agent, "digests"), "same") == 0) {
            fail_msg("nobody noticed: %s", HARM[i]);
        }
        assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
        assert_string_equal(kn_actor_ask(&kn_fire.agent, "digests"), "same");
    }
    assert_runs(&kn_fire.shell, "nft add table inet other"); /* what is not ours is left alone */
    assert_string_equal(kn_actor_ask(&kn_fire.agent, "check"), "ok");
    assert_runs(&kn_fire.shell, "nft list table inet other && nft delete table inet other");
    /* a change meets tables that are not there */
    assert_runs(&kn_fire.shell, "nft flush ruleset");
    kn_fire_now("group 92 rules=" OUT ",in:4:6:30:30:any", NULL);
}

static void test_deltas_are_wholes(void **state)
{
    (void)state;
    need_root();
    const char *given = getenv("KN_SEED");

    for (unsigned seed = 1; seed <= 3; seed++) {
        assert_string_equal(kn_actor_ask(&kn_fire.agent, "random %u 60", given != NULL ? (unsigned)atoi(given) : seed),
                            "same");
    }
}

int main(void)
{
    kn_test_needs("busybox", "ip", "nft", "python3");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_deny),
        cmocka_unit_test(test_rule_kinds),
        cmocka_unit_test(test_egress),
        cmocka_unit_test(test_group_to_group),
        cmocka_unit_test(test_stateless),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_established),
        cmocka_unit_test(test_members_and_addresses_end_connections),
        cmocka_unit_test(test_zones_of_networks_that_went),
        cmocka_unit_test(test_who_came_during_the_look),
        cmocka_unit_test(test_check_repairs),
        cmocka_unit_test(test_deltas_are_wholes),
    };
    return cmocka_run_group_tests(tests, kn_fire_setup, kn_fire_teardown);
}
