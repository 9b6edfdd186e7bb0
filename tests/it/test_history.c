/* SPDX-License-Identifier: Apache-2.0 */
/* What is over goes after its days, in batches; what is open, young, or of something that lives stays. */
#include "conductor/store/history.h"
#include "lib/base/mem.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define LIVING "aaaaaaaa-0000-4000-8000-000000000001"
#define OLD "aaaaaaaa-0000-4000-8000-000000000002"
#define BUSY "aaaaaaaa-0000-4000-8000-000000000003"
#define YOUNG "aaaaaaaa-0000-4000-8000-000000000004"
#define IMAGE "eeeeeeee-0000-4000-8000-000000000001"
#define STALE "eeeeeeee-0000-4000-8000-000000000002"
#define AGO(days) "now() - interval '" #days " days'"

/* clang-format off */
static const char WORLD[] =
    "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, deleted_at) VALUES "
    "('" LIVING "', 'p', 'u', 'l', 'l', 'active', '{}', 'r', NULL), ('" OLD "', 'p', 'u', 'o', 'o', 'deleted', '{}', 'r', " AGO(400) "),"
    "('" BUSY "', 'p', 'u', 'b', 'b', 'deleted', '{}', 'r', " AGO(400) "), ('" YOUNG "', 'p', 'u', 'y', 'y', 'deleted', '{}', 'r', " AGO(10) ");"
    "INSERT INTO image (id, owner, status, deleted_at) VALUES ('" IMAGE "', 'p', 'queued', NULL), ('" STALE "', 'p', 'deleted', " AGO(400) ");"
    "INSERT INTO image_member (image_id, member) VALUES ('" STALE "', 'q');"
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at) VALUES "
    "('server.create', 0, '" LIVING "', 'p', 'u', 'living', 'done', " AGO(400) "),"
    "('server.describe', 0, '" LIVING "', 'p', 'u', 'told', 'done', " AGO(400) "),"
    "('server.create', 0, '" OLD "', 'p', 'u', 'old', 'done', " AGO(400) "),"
    "('server.create', 0, '" YOUNG "', 'p', 'u', 'young', 'done', " AGO(400) "),"
    "('server.fence', 0, '" BUSY "', 'p', 'u', 'open', 'run', NULL),"
    "('volume.create', 0, gen_random_uuid(), 'p', 'u', 'recent', 'done', " AGO(1) ");"
    "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at) "
    "SELECT 'volume.create', 0, gen_random_uuid(), 'p', 'u', 'many', 'failed', " AGO(200) " FROM generate_series(1, 1200);"
    "INSERT INTO service (id, binary_name, host, boot, last_seen) VALUES ('a', 'b', 'gone', 'x', " AGO(400) "), ('c', 'b', 'here', 'y', now()),"
    "('d', 'b', 'owner', 'z', " AGO(400) ");"
    "UPDATE shard SET owner = 'owner' WHERE id = 3;"
    "INSERT INTO project (id, domain_id, name) VALUES ('p', 'default', 'p');"
    "INSERT INTO identity_user (id, domain_id, name) VALUES ('u', 'default', 'u');"
    "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', 'p', 'ram', 1), ('compute', '', 'ram', 2), "
    "('compute', 'gone', 'ram', 1), ('volume', 'gone', 'volumes', 1), ('network', 'gone', 'port', 1);"
    "INSERT INTO quota_usage VALUES ('compute', 'p', 'ram', 0), ('compute', 'gone', 'ram', 0), ('compute', 'left', 'ram', 64), "
    "('volume', 'gone', 'volumes', 0), ('volume', 'left', 'volumes', 1), ('compute', 'u', 'key_pairs', 1), ('compute', 'gone', 'key_pairs', 1);"
    "INSERT INTO keypair (user_id, name, public_key, fingerprint) VALUES ('u', 'k', 'k', 'f'), ('gone', 'k', 'k', 'f');"
    "INSERT INTO agent (id, boot, last_seen) VALUES ('lost', 'x', " AGO(400) "), ('kept', 'x', " AGO(400) ");"
    "INSERT INTO host (name, uuid, agent_id, zone, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version) VALUES "
    "('h', gen_random_uuid(), 'kept', 'nova', 1, 1, 1, 100, 'sim', 1);";
/* clang-format on */

static struct kn_test_pg *pg;

static int group_setup(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_pg_free(pg);
    return 0;
}

static struct kn_db *world(const char *name)
{
    AUTO_FREE char *url = kn_test_pg_migrated(pg, name);
    struct kn_db *db = kn_db_new(url, "test");
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, WORLD, &err), &err);
    return db;
}

static void assert_number(struct kn_db *db, const char *sql, int64_t expected)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    assert_int_equal(kn_rows_int(rows, 0, 0), expected);
}

static int prune(struct kn_db *db, const struct kn_conf *conf)
{
    struct kn_error err = { 0 };
    bool more = true;
    int rounds = 0;

    while (more) {
        assert_ok(kn_conductor_history_prune(db, conf, &more, &err), &err);
        rounds++;
    }
    return rounds;
}

static void test_what_is_over_goes_after_its_days(void **state)
{
    const struct kn_conf conf = { .history_tasks_days = 90,
                                  .history_deleted_servers_days = 180,
                                  .history_deleted_images_days = 180,
                                  .history_daemons_days = 90 };
    AUTO(kn_db) struct kn_db *db = world("prunes");
    struct kn_error err = { 0 };
    int64_t count = 0;

    (void)state;
    assert_ok(kn_conductor_history_count(db, &conf, &kn_conductor_history[0], &count, &err), &err);
    assert_int_equal(count, 1201); /* many, and what was told to a guest */
    assert_int_equal(prune(db, &conf), 3); /* in batches of 500 */
    assert_number(db, "SELECT count(*) FROM task WHERE request_id IN ('many', 'old')", 0);
    assert_number(db, "SELECT count(*) FROM task WHERE request_id IN ('living', 'young', 'open', 'recent')", 4);
    assert_number(db, "SELECT count(*) FROM task", 4);
    assert_number(db, "SELECT count(*) FROM server WHERE id = '" OLD "'", 0);
    assert_number(db, "SELECT count(*) FROM server", 3);
    assert_number(db, "SELECT count(*) FROM image", 1);
    assert_number(db, "SELECT count(*) FROM service", 2);
    assert_number(db, "SELECT count(*) FROM agent WHERE id = 'kept'", 1);
    assert_number(db, "SELECT count(*) FROM agent", 1);
}

static void test_zero_days_keep_all(void **state)
{
    const struct kn_conf conf = { .history_tasks_days = 0 };
    AUTO(kn_db) struct kn_db *db = world("keeps");
    struct kn_error err = { 0 };
    int64_t count = 1;

    (void)state;
    assert_int_equal(prune(db, &conf), 1);
    assert_number(db, "SELECT count(*) FROM task", 1206);
    assert_number(db, "SELECT count(*) FROM server", 4);
    assert_ok(kn_conductor_history_count(db, &conf, &kn_conductor_history[0], &count, &err), &err);
    assert_int_equal(count, 0);
}

/* A cloud whose projects and users come and go does not keep a row of each for ever. */
static void test_rows_of_the_gone_go(void **state)
{
    const struct kn_conf conf = { .history_tasks_days = 0 };
    AUTO(kn_db) struct kn_db *db = world("gone");
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO quota_change (project_id) VALUES ('p'), ('gone'); UPDATE server SET user_id = 'left' WHERE id = '" LIVING
            "';"
            "INSERT INTO departed_user (id) VALUES ('gone'), ('left')",
            &err),
        &err);
    prune(db, &conf);
    assert_number(db, "SELECT count(*) FROM quota_change WHERE project_id = 'p'", 1);
    assert_number(db, "SELECT count(*) FROM quota_change", 1);
    assert_number(db, "SELECT count(*) FROM departed_user WHERE id = 'left'", 1); /* a server goes on */
    assert_number(db, "SELECT count(*) FROM departed_user", 1);
    assert_number(db, "SELECT count(*) FROM quota_limit WHERE project_id = 'gone'", 0);
    assert_number(db, "SELECT count(*) FROM quota_limit", 2); /* the default is nobody's, and stays */
    assert_number(
        db,
        "SELECT count(*) FROM quota_usage WHERE service = 'compute' AND resource = 'ram' AND project_id IN ('p', 'left')",
        2);
    assert_number(db, "SELECT count(*) FROM quota_usage WHERE service = 'volume'",
                  1); /* what is left there is counted as long as it is there */
    assert_number(db, "SELECT sum(used) FROM quota_usage WHERE resource = 'key_pairs'",
                  1); /* given back with the key pair */
    assert_number(db, "SELECT count(*) FROM keypair", 1);
}

/* What of a project's network nobody uses goes with the project, and whoever was let at it; what others use stays, as it was shared. */
static void test_network_of_the_gone_goes(void **state)
{
    static const char SHARED[] =
        "INSERT INTO network (id, project_id, name, vni, qos_policy_id) VALUES ('" LIVING "', 'p', 'n', 1, NULL);"
        "INSERT INTO qos_policy (id, project_id) VALUES ('" OLD "', 'gone'), ('" YOUNG "', 'gone'), ('" BUSY "', 'p');"
        "UPDATE network SET qos_policy_id = '" YOUNG "';"
        "INSERT INTO address_scope (id, project_id, ip_version) VALUES ('" STALE "', 'gone', 4);"
        "INSERT INTO subnet_pool (id, project_id, ip_version, prefixes, default_prefixlen, min_prefixlen, max_prefixlen, address_scope_id) VALUES "
        "(gen_random_uuid(), 'gone', 4, '{10.0.0.0/8}', 8, 8, 32, '" STALE "');"
        "INSERT INTO security_group (id, project_id, name) VALUES ('" IMAGE "', 'gone', 'g'), ('" LIVING "', 'p', 'g');"
        "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, remote_group_id) VALUES "
        "(gen_random_uuid(), '" LIVING "', 'p', 'ingress', 'IPv4', '" IMAGE "');"
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES "
        "(gen_random_uuid(), 'gone', 'qos_policy', '" OLD
        "', 'access_as_shared', 'p'), (gen_random_uuid(), 'p', 'qos_policy', '" OLD
        "', 'access_as_shared', 'q'), (gen_random_uuid(), 'p', 'qos_policy', '" OLD "', 'access_as_shared', '*'),"
        "(gen_random_uuid(), 'gone', 'qos_policy', '" YOUNG
        "', 'access_as_shared', 'p'), (gen_random_uuid(), 'p', 'qos_policy', '" BUSY
        "', 'access_as_shared', 'q'), (gen_random_uuid(), 'gone', 'security_group', '" IMAGE
        "', 'access_as_shared', 'p');"
        "INSERT INTO quota_usage VALUES ('network', 'gone', 'rbac_policy', 3), ('network', 'p', 'rbac_policy', 2), ('network', 'gone', 'subnetpool', 3)";
    const struct kn_conf conf = { .history_tasks_days = 0 };
    AUTO(kn_db) struct kn_db *db = world("networks");
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(db, SHARED, &err), &err);
    prune(db, &conf);
    prune(db, &conf);
    assert_number(db, "SELECT count(*) FROM qos_policy WHERE id IN ('" YOUNG "', '" BUSY "')", 2);
    assert_number(db, "SELECT count(*) FROM qos_policy", 2);
    assert_number(db, "SELECT (SELECT count(*) FROM address_scope) + (SELECT count(*) FROM subnet_pool)", 0);
    assert_number(db, "SELECT count(*) FROM security_group_rule", 1); /* another's rule names the group */
    assert_number(db, "SELECT count(*) FROM rbac_policy WHERE object_id IN ('" YOUNG "', '" BUSY "', '" IMAGE "')", 3);
    assert_number(db, "SELECT count(*) FROM rbac_policy", 3);
    assert_number(db, "SELECT used FROM quota_usage WHERE resource = 'rbac_policy' AND project_id = 'gone'", 2);
    assert_number(db, "SELECT used FROM quota_usage WHERE resource = 'rbac_policy' AND project_id = 'p'", 1);
    assert_number(db, "SELECT used FROM quota_usage WHERE resource = 'subnetpool' AND project_id = 'gone'", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_over_goes_after_its_days),
        cmocka_unit_test(test_zero_days_keep_all),
        cmocka_unit_test(test_rows_of_the_gone_go),
        cmocka_unit_test(test_network_of_the_gone_goes),
    };

    return cmocka_run_group_tests_name("history", tests, group_setup, group_teardown);
}
