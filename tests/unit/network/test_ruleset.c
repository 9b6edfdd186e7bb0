/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firewall as text: golden wholes and deltas (golden/ruleset_*.nft; KN_GOLDEN=write writes them), and that any path of changes leads to the
 * text that its end has.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/host/firewall/cut.h"
#include "network/host/firewall/ruleset.h"
#include "network/host/firewall/ruleset_audit.h"
#include "tests/support/state_world.h"

static void put(struct kn_network_ruleset *ruleset, struct kn_network_state *state, const char *line)
{
    const char *id;
    const void *object;
    enum kn_network_kind kind = kn_world_put(state, line, &id, &object);

    kn_network_ruleset_put(ruleset, kind, id, object);
}

static void matches_golden(const char *name, const char *text)
{
    AUTO_FREE char *path = kn_asprintf("tests/unit/network/golden/ruleset_%s.nft", name);
    bool is_writing = getenv("KN_GOLDEN") != NULL;
    FILE *file = fopen(path, is_writing ? "w" : "r");
    static char golden[65536];

    assert_non_null(file);
    if (is_writing) {
        fputs(text, file);
    } else {
        golden[fread(golden, 1, sizeof(golden) - 1, file)] = '\0';
        assert_string_equal(text, golden);
    }
    fclose(file);
}

static const char *const CLOUD[] = {
    "network a1 zone=7 door=fa:16:3e:00:00:0d",
    "port 1 net=a1 mac=fa:16:3e:00:00:01 ip=10.0.0.1,fd00::1 groups=92,91",
    "port 2 net=a1 mac=fa:16:3e:00:00:02 ip=10.0.0.2 groups=91,92 policy=51 "
    "pair=10.0.0.0/24/fa:16:3e:00:00:02,10.0.0.128/25/fa:16:3e:00:00:02,10.9.9.9/00:00:5e:00:01:01,fd00::/64/00:00:5e:00:01:01",
    "port 3 net=a1 mac=fa:16:3e:00:00:03 ip=10.0.0.3 groups= down",
    "port 4 net=a1 mac=fa:16:3e:00:00:04 ip=10.0.0.4 groups=91 open",
    "port 5 net=a1 mac=fa:16:3e:00:00:05 ip=10.0.0.5",
    "port 6 net=a1 mac=fa:16:3e:00:00:06 ip=10.0.0.254 router",
    "group 91 rules=out:4:-1:-1:-1:any,out:6:-1:-1:-1:any,in:4:-1:-1:-1:group:91,in:6:-1:-1:-1:group:91,in:4:6:22:22:any,"
    "in:4:17:5000:5999:prefix:192.0.2.77/24,in:6:58:128:0:any,in:4:1:8:-1:any,in:4:1:-1:-1:prefix:0.0.0.0/0,in:6:1:-1:-1:any,"
    "in:4:47:-1:-1:any,in:4:6:1:65535:addresses:81,out:6:132:9:-1:addresses:81,in:4:6:9:8:any,in:4:50:9:9:any,in:4:-1:9:9:any",
    "group 92 stateless rules=in:4:6:80:80:any,out:4:6:80:80:prefix:10.0.0.0/32",
    "member 1 groups=91 ip=10.0.0.1,fd00::1",
    "member 7 groups=91 ip=10.0.0.7",
    "member 8 groups=91 ip=10.0.0.8 prefixes=10.0.2.0/24",
    "addresses 81 prefixes=10.0.0.0/8,10.1.0.0/16,192.0.2.1,2001:db8::/32",
    "policy 51 dscp=46",
};

static void test_whole(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT, empty = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    struct kn_network_state *world = kn_world_new();

    kn_network_ruleset_whole(ruleset, &empty);
    matches_golden("empty", empty.buf);
    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        put(ruleset, world, CLOUD[i]);
    }
    kn_network_ruleset_whole(ruleset, &text);
    matches_golden("whole", text.buf);
    kn_world_free(world);
}

/* What each change costs, line by line. */
static void test_deltas(void **state)
{
    (void)state;
    static const char *const CHANGES[] = {
        "port 8 net=a1 mac=fa:16:3e:00:00:08 ip=10.0.0.8 groups=91,92", /* another of a known set of groups */
        "port 8 net=a1 mac=fa:16:3e:00:00:08 ip=10.0.0.9 groups=91",    /* another address, another set */
        "port 8 net=a1 mac=fa:16:3e:00:00:08 ip=10.0.0.9 groups=91 down",
        "drop port 8",
        "group 92 stateless rules=in:4:6:81:81:any", /* a rule for another */
        "member 7 groups=91 ip=10.0.0.7,10.0.0.1",   /* an address that another member has, too */
        "drop member 1",
        "drop member 7",
        "member 7 groups=91 ip=10.0.0.7 prefixes=10.0.1.0/24,fd00:7::/64", /* what it may speak as by its pairs */
        "member 6 groups=91 ip=10.0.0.6 prefixes=10.0.0.0/16,10.0.1.0/24", /* another, whose pairs hold one of the first's */
        "member 6 groups=91 ip=10.0.0.6 prefixes=10.0.1.0/24",
        "drop member 7",
        "drop member 6",
        "addresses 81 prefixes=10.1.0.0/16",
        "policy 51",
        "drop group 91",
        "network a1 zone=7 door=fa:16:3e:00:00:0e", /* another MAC of its door */
        "network a1 zone=7", /* none */
        "drop network a1",
    };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    struct kn_network_state *world = kn_world_new();

    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        put(ruleset, world, CLOUD[i]);
    }
    kn_network_ruleset_settled(ruleset);
    kn_network_ruleset_delta(ruleset, &text);
    assert_string_equal(text.buf, "");
    for (size_t i = 0; i < KN_COUNT(CHANGES); i++) {
        put(ruleset, world, CHANGES[i]);
        kn_strbuf_addf(&text, "# %s\n", CHANGES[i]);
        kn_network_ruleset_delta(ruleset, &text);
        kn_network_ruleset_settled(ruleset);
    }
    matches_golden("deltas", text.buf);
    kn_world_free(world);
}

/* The same object again is no change; there and back is none either. */
static void test_nothing_changes(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    struct kn_network_state *world = kn_world_new();

    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        put(ruleset, world, CLOUD[i]);
    }
    kn_network_ruleset_settled(ruleset);
    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        put(ruleset, world, CLOUD[i]);
    }
    put(ruleset, world, "drop group 91");
    put(ruleset, world, CLOUD[7]);
    put(ruleset, world, "port 9 net=a1 mac=fa:16:3e:00:00:09 ip=10.0.0.9 groups=");
    put(ruleset, world, "drop port 9");
    kn_network_ruleset_delta(ruleset, &text);
    assert_string_equal(text.buf, "");
    kn_world_free(world);
}

static void test_everything_goes(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf empty = KN_STRBUF_INIT, end = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    struct kn_network_state *world = kn_world_new();

    kn_network_ruleset_whole(ruleset, &empty);
    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        put(ruleset, world, CLOUD[i]);
    }
    for (size_t i = 0; i < KN_COUNT(CLOUD); i++) {
        char kind[16], id[16], line[64];

        assert_int_equal(sscanf(CLOUD[i], "%15s %15s", kind, id), 2);
        snprintf(line, sizeof(line), "drop %s %s", kind, id);
        put(ruleset, world, line);
    }
    kn_network_ruleset_whole(ruleset, &end);
    assert_string_equal(end.buf, empty.buf);
    kn_world_free(world);
}

/* --- the audit ---------------------------------------------------------------------------------------------------------- */

#define TABLE(elements, rules) \
    "table bridge kilonova {\n\tset macs {\n\t\ttype ifname . ether_addr\n\t\telements = { " elements \
    " }\n\t}\n\n\tchain guest {\n" rules "\t}\n}\n"

static void test_audit(void **state)
{
    (void)state;
    static const struct {
        const char *listed, *difference;
    } CASES[] = {
        { TABLE("b,\n\t\t\t     a", "\t\tx drop\n\t\ty\n"), "" },
        { "table inet other {\n\tchain guest {\n\t\tz\n\t}\n}\n" TABLE("a, b", "\t\tx drop\n\t\ty\n"), "" },
        { TABLE("a", "\t\tx drop\n\t\ty\n"), "missing: bridge set macs: b" },
        { TABLE("a, b, c", "\t\tx drop\n\t\ty\n"), "not ours: bridge set macs: c" },
        { TABLE("a, b", "\t\ty\n\t\tx drop\n"), "missing: bridge chain guest 001: x drop" },
        { TABLE("a, b", "\t\tx drop\n"), "missing: bridge chain guest 002: y" },
        { "", "missing: bridge chain guest 000: " },
    };
    static const char WANTED[] = TABLE("a, b", "\t\tx drop\n\t\ty\n");
    char ours[KN_RULESET_DIGEST_SIZE], theirs[KN_RULESET_DIGEST_SIZE];

    kn_network_ruleset_digest(WANTED, ours);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf difference = KN_STRBUF_INIT;
        bool is_same = kn_network_ruleset_same(WANTED, CASES[i].listed, &difference);

        assert_string_equal(difference.buf, CASES[i].difference);
        assert_int_equal(is_same, CASES[i].difference[0] == '\0');
        kn_network_ruleset_digest(CASES[i].listed, theirs);
        assert_int_equal(strcmp(ours, theirs) == 0, is_same);
    }
}

/* Many changes cost a tenth of the time, whatever somebody does to make each look long; and nobody waits for more than a second. */
static void test_connections_rest(void **state)
{
    int64_t now = 0, looked = 0, waited = 0;

    (void)state;
    assert_int_equal(kn_network_cuts_rest_ms(1), 0);
    for (int64_t after = 0; now < 100000; now += 10) { /* a change each 10 ms, a look of 130 ms */
        if (now >= after) {
            looked += 130;
            after = now + 130 + kn_network_cuts_rest_ms(130);
        } else {
            waited = after - now > waited ? after - now : waited;
        }
    }
    assert_true(looked <= now * 12 / 100);
    assert_true(waited <= 1130);
    assert_int_equal(kn_network_cuts_rest_ms(INT64_MAX / 2), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),           cmocka_unit_test(test_deltas), cmocka_unit_test(test_nothing_changes),
        cmocka_unit_test(test_everything_goes), cmocka_unit_test(test_audit),  cmocka_unit_test(test_connections_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
