/* SPDX-License-Identifier: Apache-2.0 */
/* Filters, packing and the explanation, by small inventories written as text: "name zone vcpus memory disk used-vcpus used-memory used-disk". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/choose.h"
#include "tests/support/test.h"

#define NOW 1000000
#define TIMEOUT 30000

static struct kn_scheduler_inventory *inventory(const char *const *lines)
{
    struct kn_scheduler_inventory *inv = kn_scheduler_inventory_new();

    for (; *lines != NULL; lines++) {
        char name[32], zone[32];
        long v, m, d, uv, um, ud;
        struct kn_scheduler_host *host;

        assert_int_equal(sscanf(*lines, "%31s %31s %ld %ld %ld %ld %ld %ld", name, zone, &v, &m, &d, &uv, &um, &ud), 8);
        host = kn_scheduler_inventory_host(inv, name);
        host->zone = strdup(zone);
        host->agent = kn_scheduler_inventory_agent(inv, "agent", NOW);
        host->capacity = (struct kn_scheduler_resources){ v, m, d };
        host->used = (struct kn_scheduler_resources){ uv, um, ud };
        kn_scheduler_inventory_settle(inv, host);
    }
    return inv;
}

static struct kn_scheduler_placement wish(int64_t vcpus, int64_t memory_mib, int64_t disk_gib)
{
    return (struct kn_scheduler_placement){
        .wanted = { vcpus, memory_mib, disk_gib }, .zone = "", .host = "", .now_ms = NOW, .agent_timeout_ms = TIMEOUT
    };
}

static const char *chosen(const struct kn_scheduler_inventory *inv, const char *policy,
                          const struct kn_scheduler_placement *p)
{
    static char text[512];
    struct kn_scheduler_host *host = NULL;
    struct kn_error err = { 0 };

    if (kn_scheduler_choose(inv, kn_scheduler_packing(policy), p, &host, &err) < 0) {
        assert_int_equal(err.code, KN_NO_VALID_HOST);
        snprintf(text, sizeof(text), "%s", err.message);
        return text;
    }
    return host->name;
}

/* clang-format off */
static const char *const THREE[] = { "h1 nova 8 4096 100 0 0 0", "h2 nova 8 4096 100 6 1024 10", "h3 east 8 4096 100 4 3584 50", NULL };
/* clang-format on */

static void test_pack_takes_the_tightest_and_spread_the_loosest(void **state)
{
    struct kn_scheduler_inventory *inv = inventory(THREE);
    struct kn_scheduler_placement small = wish(1, 256, 1);
    struct kn_scheduler_placement memory = wish(1, 2048, 1);

    (void)state;
    assert_string_equal(chosen(inv, "pack", &small), "h2");
    assert_string_equal(chosen(inv, "spread", &small), "h1");
    assert_string_equal(chosen(inv, "pack", &memory), "h2");
    assert_null(kn_scheduler_packing("best"));
    kn_scheduler_inventory_free(inv);
}

static void test_each_filter_refuses(void **state)
{
    struct kn_scheduler_inventory *inv = inventory(THREE);
    const char *const exclude[] = { "h2", NULL };
    struct kn_scheduler_placement p = wish(1, 256, 1);

    (void)state;
    p.zone = "east";
    assert_string_equal(chosen(inv, "pack", &p), "h3");
    p = wish(1, 256, 1);
    p.host = "h1";
    assert_string_equal(chosen(inv, "pack", &p), "h1");
    p = wish(1, 256, 1);
    p.exclude = exclude;
    assert_string_equal(chosen(inv, "pack", &p), "h3");
    p.exclude = NULL;
    kn_scheduler_inventory_find(inv, "h2")->disabled = true;
    kn_scheduler_inventory_find(inv, "h3")->forced_down = true;
    assert_string_equal(chosen(inv, "pack", &p), "h1");
    p.now_ms = NOW + TIMEOUT; /* the agent was silent for too long */
    assert_string_equal(chosen(inv, "pack", &p),
                        "No valid host was found. 3 hosts; ComputeDisabledFilter took 1, 2 left; "
                        "ComputeUpFilter took 2, 0 left.");
    kn_scheduler_inventory_free(inv);
}

/* Containers and machines are not run by the same hosts; simulated ones run all. */
static void test_kinds_of_guests(void **state)
{
    static const struct {
        const char *kind, *type, *host;
    } CASES[] = {
        { "container", "LXC", "h1" }, { "machine", "QEMU", "h1" },   { "", "LXC", "h1" },
        { NULL, "QEMU", "h1" },       { "container", "sim", "h1" },  { "machine", "sim", "h1" },
        { "machine", "LXC", NULL },   { "container", "QEMU", NULL },
    };
    struct kn_scheduler_inventory *inv = inventory(THREE);
    struct kn_scheduler_placement p = wish(1, 256, 1);

    (void)state;
    p.host = "h1";
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct kn_scheduler_host *host = kn_scheduler_inventory_find(inv, "h1");

        free(host->hypervisor_type);
        host->hypervisor_type = strdup(CASES[i].type);
        p.kind = CASES[i].kind;
        if (CASES[i].host != NULL) {
            assert_string_equal(chosen(inv, "pack", &p), CASES[i].host);
        } else {
            assert_non_null(strstr(chosen(inv, "pack", &p), "ImagePropertiesFilter"));
        }
    }
    kn_scheduler_inventory_free(inv);
}

static void test_nobody_is_explained(void **state)
{
    struct kn_scheduler_inventory *inv = inventory(THREE);
    struct kn_scheduler_placement p = wish(2, 3500, 1);
    struct kn_scheduler_placement none = wish(1, 1, 1);

    (void)state;
    kn_scheduler_inventory_find(inv, "h1")->disabled = true;
    assert_string_equal(chosen(inv, "pack", &p),
                        "No valid host was found. 3 hosts; ComputeDisabledFilter took 1, 2 left; "
                        "RamFilter took 2, 0 left; nearest is host \"h2\", which lacks 428 MiB of memory.");
    kn_scheduler_inventory_free(inv);
    inv = inventory((const char *const[]){ NULL });
    assert_string_equal(chosen(inv, "pack", &none), "No valid host was found. 0 hosts.");
    kn_scheduler_inventory_free(inv);
}

static void test_a_wish_larger_than_any_host_is_refused(void **state)
{
    struct kn_scheduler_inventory *inv = inventory(THREE);
    struct kn_scheduler_placement p = wish(100000, 1, 1);

    (void)state;
    assert_non_null(strstr(chosen(inv, "pack", &p), "No valid host"));
    assert_non_null(strstr(chosen(inv, "spread", &p), "No valid host"));
    kn_scheduler_inventory_free(inv);
}

/* Fills hosts to the brim and empties them: never over capacity, and every unit is used before anybody is refused. */
static void test_packing_fills_every_host(void **state)
{
    struct kn_scheduler_inventory *inv = kn_scheduler_inventory_new();
    struct kn_scheduler_placement p = wish(1, 512, 1);
    struct kn_error err = { 0 };
    struct kn_scheduler_host *host;
    int placed = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[16];

        snprintf(name, sizeof(name), "h%d", i);
        host = kn_scheduler_inventory_host(inv, name);
        host->zone = strdup("nova");
        host->agent = kn_scheduler_inventory_agent(inv, "agent", NOW);
        host->capacity = (struct kn_scheduler_resources){ 16, 8192, 100 };
        kn_scheduler_inventory_settle(inv, host);
    }
    while (kn_scheduler_choose(inv, kn_scheduler_packing("pack"), &p, &host, &err) == 0) {
        kn_scheduler_inventory_take(inv, host, &p.wanted, 1);
        assert_true(kn_scheduler_host_free(host).vcpus >= 0 && kn_scheduler_host_free(host).memory_mib >= 0);
        placed++;
    }
    assert_int_equal(placed, 200 * 16);
    kn_scheduler_inventory_take(inv, kn_scheduler_inventory_find(inv, "h77"), &p.wanted, -1);
    assert_string_equal(chosen(inv, "pack", &p), "h77");
    kn_scheduler_inventory_free(inv);
}

/* Three hosts of one bucket: groups decide, then the policy. */
static void test_groups(void **state)
{
    static const char *const HOSTS[] = { "h1 nova 8 4096 100 0 0 0", "h2 nova 8 4096 100 0 0 0",
                                         "h3 nova 8 4096 100 4 0 0", NULL };
    static const struct {
        const char *policy;
        int64_t most;
        const char *members; /* hosts */
        const char *chosen;
    } CASES[] = {
        { "affinity", 1, "", "h3" },
        { "affinity", 1, "2", "h2" },
        { "affinity", 1, "9", "No valid host was found. 3 hosts; ServerGroupAffinityFilter took 3, 0 left." },
        { "anti-affinity", 1, "3", "h1" },
        { "anti-affinity", 1, "31", "h2" },
        { "anti-affinity", 1, "123",
          "No valid host was found. 3 hosts; ServerGroupAntiAffinityFilter took 3, 0 left." },
        { "anti-affinity", 2, "123", "h3" },
        { "anti-affinity", 2, "12333", "h1" },
        { "soft-affinity", 1, "", "h3" },
        { "soft-affinity", 1, "122", "h2" },
        { "soft-affinity", 1, "9", "h3" },
        { "soft-anti-affinity", 1, "3", "h1" },
        { "soft-anti-affinity", 1, "1233", "h1" },
        { "soft-anti-affinity", 1, "123", "h3" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct kn_scheduler_inventory *inv = inventory(HOSTS);
        struct kn_scheduler_group *group = kn_scheduler_group_new(CASES[i].policy, CASES[i].most);
        struct kn_scheduler_placement p = wish(1, 256, 1);

        for (const char *at = CASES[i].members; *at != '\0'; at++) {
            const char host[] = { 'h', *at, '\0' };

            kn_scheduler_group_add(group, host, 1);
        }
        p.group = group;
        if (strcmp(chosen(inv, "pack", &p), CASES[i].chosen) != 0) {
            fail_msg("case %zu: %s", i, chosen(inv, "pack", &p));
        }
        kn_scheduler_group_free(group);
        kn_scheduler_inventory_free(inv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_takes_the_tightest_and_spread_the_loosest),
        cmocka_unit_test(test_each_filter_refuses),
        cmocka_unit_test(test_kinds_of_guests),
        cmocka_unit_test(test_nobody_is_explained),
        cmocka_unit_test(test_a_wish_larger_than_any_host_is_refused),
        cmocka_unit_test(test_packing_fills_every_host),
        cmocka_unit_test(test_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
