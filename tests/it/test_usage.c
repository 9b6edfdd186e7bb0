/* SPDX-License-Identifier: Apache-2.0 */
/* os-simple-tenant-usage over HTTP, held against servers whose lives are known to the second: hours, totals, deleted ones, periods, pages, bad parameters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/compute_seed.h"
#include "tests/support/test.h"

#define USAGES "/compute/v2.1/os-simple-tenant-usage"
#define OF_MINE USAGES "/" SEED_PROJECT
#define DAY "start=2026-01-02T00:00:00&end=2026-01-03T00:00:00"
#define FLAVOR(name, vcpus) \
    "{\"id\": \"x\", \"name\": \"" name "\", \"vcpus\": " vcpus \
    ", \"memory_mib\": 1024, \"disk_gib\": 10, \"ephemeral_gib\": 5, \"swap_mib\": 0, \"extra_specs\": {}}"
#define SERVER(n, project, state, flavor, began, ended) \
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, launched_at, terminated_at, deleted_at) VALUES " \
    "('77777777-7777-4777-8777-00000000000" n "', '" project "', 'u', 's" n "', 's', '" state "', '" flavor \
    "', 'r', " began ", " ended ", " ended ");"

static const char SERVERS[] = SERVER("1", SEED_PROJECT, "active", FLAVOR("two", "2"), "'2026-01-01 00:00Z'",
                                     "NULL") /* all day */
    SERVER("2", SEED_PROJECT, "deleted", FLAVOR("one", "1"), "'2026-01-02 06:00Z'", "'2026-01-02 07:30Z'")
        SERVER("3", SEED_PROJECT, "deleted", FLAVOR("one", "1"), "'2026-01-01 06:00Z'",
               "'2026-01-01 23:59Z'") /* over */
    SERVER("4", SEED_PROJECT, "stopped", FLAVOR("one", "1"), "'2026-01-03 00:00Z'", "NULL") /* not yet */
    SERVER("5", SEED_PROJECT, "error", FLAVOR("one", "1"), "NULL", "NULL") /* never ran */
    SERVER("6", SEED_OTHER, "active", FLAVOR("one", "1"), "'2026-01-02 12:00:00.5Z'", "'2026-01-02 12:00:01Z'");

static int ask(const char *token, int minor, const char *path)
{
    return kn_test_nova_ask(nova, token, minor, "GET", path, NULL);
}

static void asked(int status, const char *token, int minor, const char *path)
{
    const int got = ask(token, minor, path);

    if (got != status) {
        fail_msg("%s at 2.%d: %d, not %d: %s", path, minor, got, status, nova->http.body.buf);
    }
}

static void assert_is(const char *path, double value)
{
    const double seen = json_number_value(kn_test_nova_at(nova, path));

    if (fabs(seen - value) > 0.00001) {
        fail_msg("%s is %f, not %f: %s", path, seen, value, nova->http.body.buf);
    }
}

static int fresh(void **state)
{
    struct kn_error err = { 0 };

    kn_seed_fresh(state);
    assert_ok(kn_db_script(nova->db, SERVERS, &err), &err);
    return 0;
}

static void a_project(void **state)
{
    (void)state;
    asked(200, SEED_MEMBER, 1, OF_MINE "?" DAY);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.tenant_id"), SEED_PROJECT);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.start"), "2026-01-02T00:00:00.000000");
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.stop"), "2026-01-03T00:00:00.000000");
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tenant_usage.server_usages")), 2);
    assert_is("tenant_usage.total_hours", 25.5);
    assert_is("tenant_usage.total_vcpus_usage", 2 * 24 + 1.5);
    assert_is("tenant_usage.total_memory_mb_usage", 1024 * 25.5);
    assert_is("tenant_usage.total_local_gb_usage", 15 * 25.5);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.server_usages.0.flavor"), "two");
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.server_usages.0.state"), "active");
    assert_true(json_is_null(kn_test_nova_at(nova, "tenant_usage.server_usages.0.ended_at")));
    assert_is("tenant_usage.server_usages.1.hours", 1.5);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.server_usages.1.state"), "terminated");
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.server_usages.1.started_at"),
                        "2026-01-02T06:00:00.000000");
    assert_string_equal(kn_test_nova_str(nova, "tenant_usage.server_usages.1.ended_at"), "2026-01-02T07:30:00.000000");
    assert_is("tenant_usage.server_usages.1.uptime", 5400);
    assert_is("tenant_usage.server_usages.1.local_gb", 15);
    assert_null(kn_test_nova_at(nova, "tenant_usage_links"));
    asked(200, SEED_MEMBER, 1, OF_MINE "?start=2020-01-01T00:00:00&end=2020-01-02T00:00:00");
    assert_string_equal(nova->http.body.buf, "{\"tenant_usage\":{}}");
    asked(200, SEED_MEMBER, 1, OF_MINE);
}

static void everybody(void **state)
{
    (void)state;
    asked(200, SEED_ADMIN, 1, USAGES "?" DAY);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tenant_usages")), 2);
    assert_null(kn_test_nova_at(nova, "tenant_usages.0.server_usages"));
    asked(200, SEED_ADMIN, 1, USAGES "?detailed=1&" DAY);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tenant_usages.0.server_usages")), 2);
    assert_is("tenant_usages.1.total_hours", 0.5 / 3600);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usages.1.server_usages.0.started_at"),
                        "2026-01-02T12:00:00.500000");
    asked(200, SEED_ADMIN, 1, USAGES "?start=2026-01-01%2000:00:00.000000&end=2036-01-01T00:00:00.5");
    assert_is("tenant_usages.1.total_hours", 0.5 / 3600); /* what is to come is not counted */
    asked(403, SEED_MEMBER, 1, USAGES "?" DAY);
    asked(403, SEED_MEMBER, 1, USAGES "/" SEED_OTHER "?" DAY);
    asked(200, SEED_READER, 1, OF_MINE "?" DAY);
    asked(200, SEED_ADMIN, 1, OF_MINE "?" DAY);
    assert_is("tenant_usage.total_hours", 25.5);
}

static void pages(void **state)
{
    (void)state;
    asked(200, SEED_ADMIN, 40, USAGES "?limit=2&detailed=1&" DAY);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tenant_usages")), 1);
    assert_non_null(strstr(kn_test_nova_str(nova, "tenant_usages_links.0.href"),
                           "marker=77777777-7777-4777-8777-000000000002"));
    assert_non_null(strstr(kn_test_nova_str(nova, "tenant_usages_links.0.href"), "detailed=1"));
    asked(200, SEED_ADMIN, 40, USAGES "?limit=2&marker=77777777-7777-4777-8777-000000000002&" DAY);
    assert_string_equal(kn_test_nova_str(nova, "tenant_usages.0.tenant_id"), SEED_OTHER);
    assert_null(kn_test_nova_at(nova, "tenant_usages_links"));
    asked(200, SEED_MEMBER, 40, OF_MINE "?limit=1&" DAY);
    assert_is("tenant_usage.total_hours", 24);
    assert_non_null(strstr(kn_test_nova_str(nova, "tenant_usage_links.0.href"),
                           "/os-simple-tenant-usage/" SEED_PROJECT "?"));
    asked(200, SEED_ADMIN, 39, USAGES "?limit=1&" DAY); /* there were no pages */
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tenant_usages")), 2);
}

static void refusals(void **state)
{
    static const struct {
        int minor;
        const char *path;
    } BAD[] = {
        { 1, OF_MINE "?start=yesterday" },
        { 1, OF_MINE "?start=2026-01-01" },
        { 1, OF_MINE "?start=2026-01-01T00:00:00Z" },
        { 1, OF_MINE "?start=2026-01-01T00:00:00." },
        { 1, OF_MINE "?start=2026-01-01T00:00:00.1234567" },
        { 1, OF_MINE "?start=2026-01-01%2000:00:00" },
        { 1, OF_MINE "?start=2026-01-02T00:00:00&end=2026-01-01T00:00:00" },
        { 1, OF_MINE "?start=2026-01-02T00:00:00&end=2026-01-02T00:00:00" },
        { 1, OF_MINE "?end=2026-01-02T00:00:00" },
        { 40, OF_MINE "?marker=99999999-9999-4999-8999-999999999999&" DAY },
        { 40, OF_MINE "?limit=-1&" DAY },
        { 75, OF_MINE "?detailed=1&" DAY },
        { 75, OF_MINE "?colour=red&" DAY },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        asked(400, SEED_MEMBER, BAD[i].minor, BAD[i].path);
    }
    asked(200, SEED_MEMBER, 74, OF_MINE "?detailed=1&colour=red&" DAY);
    asked(200, SEED_ADMIN, 75, USAGES "?detailed=1&" DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_project, fresh),
        cmocka_unit_test_setup(everybody, fresh),
        cmocka_unit_test_setup(pages, fresh),
        cmocka_unit_test_setup(refusals, fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
