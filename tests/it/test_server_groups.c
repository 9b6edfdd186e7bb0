/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the members of server groups go, on a whole cloud of six simulated hosts: many at once, one by one in parallel, too many, and after some
 * went. What clients see of groups is test_compute_groups.c's.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define COMPUTE "/compute/v2.1"
#define VERSION "OpenStack-API-Version: compute 2.96\r\n" KN_WHOLE_JSON
#define OPEN "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define OF_GROUP " FROM server s JOIN server_group g ON g.id = s.group_id WHERE s.deleted_at IS NULL AND g.name = $1"

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("6");
    assert_int_equal(
        kn_whole_cloud_ask("POST", COMPUTE "/flavors", VERSION,
                           "{\"flavor\": {\"id\": \"f\", \"name\": \"f\", \"ram\": 16, \"vcpus\": 1, \"disk\": 0}}"),
        200);
    AUTO_FREE char *quotas = kn_asprintf(COMPUTE "/os-quota-sets/%s", kn_whole.project);
    assert_int_equal(
        kn_whole_cloud_ask("PUT", quotas, VERSION,
                           "{\"quota_set\": {\"instances\": -1, \"cores\": -1, \"server_group_members\": 20}}"),
        200);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    assert_ok(
        kn_db_query(
            kn_whole.db,
            "WITH b AS (INSERT INTO blob (sha512, md5, size) VALUES ('s', 'm', 10)) "
            "INSERT INTO image (id, owner, name, status, visibility, disk_format, min_disk, min_ram, sha512, size, virtual_size) VALUES "
            "('11111111-1111-4111-8111-111111111111', 'x', 'i', 'active', 'public', 'raw', 0, 0, 's', 10, 10)",
            0, KN_NO_ARGS, &rows, &err),
        &err);
    return 0;
}

/* A group called like its policy and rules; its id is in the request's answer. */
static const char *make(const char *name, const char *policy)
{
    AUTO_FREE char *body = kn_asprintf("{\"server_group\": {\"name\": \"%s\", %s}}", name, policy);

    assert_int_equal(kn_whole_cloud_ask("POST", COMPUTE "/os-server-groups", VERSION, body), 200);
    return kn_whole_cloud_text("server_group.id");
}

/* calls POSTs of `each` servers, none of which waits for the one before it; then all their tasks have ended. */
static void create(const char *group, int calls, int each)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"f\", \"imageRef\": \"11111111-1111-4111-8111-111111111111\", "
        "\"networks\": \"none\", \"min_count\": %d}, \"os:scheduler_hints\": {\"group\": \"%s\"}}",
        each, group);

    for (int i = 0; i < calls; i++) {
        if (kn_whole_cloud_ask("POST", COMPUTE "/servers", VERSION, body) != 202) {
            fail_msg("%s", kn_whole.http.body.buf);
        }
    }
    kn_whole_cloud_await(OPEN, 0);
}

static int64_t count(const char *what, const char *name)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT %s" OF_GROUP, what);

    return kn_whole_cloud_count(sql, name);
}

#define ACTIVE "count(*) FILTER (WHERE s.vm_state = 'active')"
#define HOSTS "count(DISTINCT s.host)"
#define FULLEST \
    "coalesce((SELECT max(n) FROM (SELECT count(*) n FROM server m WHERE m.group_id = max(g.id::text)::uuid AND m.host IS NOT NULL GROUP BY m.host) h), 0)"

static void apart(void **state)
{
    const char *group = make("apart", "\"policy\": \"anti-affinity\"");

    (void)state;
    create(group, 1, 4);
    create(group, 2, 1);
    assert_int_equal(count(ACTIVE, "apart"), 6);
    assert_int_equal(count(HOSTS, "apart"), 6);
    create(group, 1, 1); /* there is no seventh host */
    assert_int_equal(count(ACTIVE, "apart"), 6);
    assert_int_equal(
        count(
            "count(*) FILTER (WHERE s.vm_state = 'error' AND s.fault->>'message' LIKE '%ServerGroupAntiAffinityFilter took%')",
            "apart"),
        1);

    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };
    assert_ok(kn_db_query(kn_whole.db, "SELECT s.id, s.host" OF_GROUP " AND s.vm_state = 'active' LIMIT 1", 1,
                          KN_ARGS("apart"), &rows, &err),
              &err);
    AUTO_FREE char *gone = kn_asprintf(COMPUTE "/servers/%s", kn_rows_text(rows, 0, 0));
    assert_int_equal(kn_whole_cloud_ask("DELETE", gone, VERSION, NULL), 204);
    kn_whole_cloud_await(OPEN, 0);
    create(group, 1, 1); /* its place is free again */
    assert_int_equal(count(ACTIVE, "apart"), 6);
    assert_int_equal(count(HOSTS, "apart"), 6);
}

static void some_apart(void **state)
{
    const char *group = make("pairs", "\"policy\": \"anti-affinity\", \"rules\": {\"max_server_per_host\": 2}");

    (void)state;
    create(group, 13, 1);
    assert_int_equal(count(ACTIVE, "pairs"), 12);
    assert_int_equal(count(FULLEST, "pairs"), 2);
}

static void together(void **state)
{
    const char *group = make("together", "\"policy\": \"affinity\"");

    (void)state;
    create(group, 5, 1);
    create(group, 1, 3);
    assert_int_equal(count(ACTIVE, "together"), 8);
    assert_int_equal(count(HOSTS, "together"), 1);
}

/* What is only wished is kept as long as it can be. */
static void wished(void **state)
{
    const char *group = make("far", "\"policy\": \"soft-anti-affinity\"");

    (void)state;
    create(group, 1, 12);
    assert_int_equal(count(ACTIVE, "far"), 12);
    assert_int_equal(count(FULLEST, "far"), 2);
    group = make("near", "\"policy\": \"soft-affinity\"");
    create(group, 6, 1);
    assert_int_equal(count(ACTIVE, "near"), 6);
    assert_int_equal(count(HOSTS, "near"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(apart), cmocka_unit_test(some_apart),
                                        cmocka_unit_test(together), cmocka_unit_test(wished) };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
