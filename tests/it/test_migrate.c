/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations against a real database: empty to head, twice, at once, and every disagreement that must be refused. */
#include "lib/adapter/migrate.h"

#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

static const struct kn_migration TWO[] = {
    { 1, "0001_one", "aaaa", "CREATE TABLE one (id int)" },
    { 2, "0002_two", "bbbb", "CREATE TABLE two (id int); INSERT INTO two VALUES (2)" },
};

static struct kn_test_pg *pg;
static struct kn_error err;

static int start(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kn_test_pg_free(pg);
    return 0;
}

static struct kn_db *fresh(const char *name)
{
    AUTO_FREE char *url = kn_test_pg_database(pg, name);
    return kn_db_new(url, "test");
}

static int64_t number(struct kn_db *db, const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void test_empty_to_head(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("head");
    assert_fails(kn_migrate_check(db, kn_migrations, kn_migrations_count, &err), &err, KN_UNAVAILABLE);
    assert_string_equal(err.hint, "run: kilonova db migrate");
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    assert_ok(kn_migrate_check(db, kn_migrations, kn_migrations_count, &err), &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err); /* again: nothing */
    assert_int_equal(number(db, "SELECT count(*) FROM schema_migration"), kn_migrations_count);
    assert_int_equal(number(db, "SELECT count(*) FROM shard"), 16);
}

static void test_says_what_it_did(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("says");
    AUTO_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_ok(kn_migrate(db, TWO, 1, out, &err), &err);
    assert_ok(kn_migrate_status(db, TWO, 2, out, &err), &err);
    fclose(out);
    assert_non_null(strstr(text, "applied 0001_one\n"));
    assert_non_null(strstr(text, "0001_one                     20"));
    assert_non_null(strstr(text, "0002_two                     pending\n"));
}

static void test_step_by_step(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("steps");
    assert_ok(kn_migrate(db, TWO, 1, NULL, &err), &err);
    assert_fails(kn_migrate_check(db, TWO, 2, &err), &err, KN_UNAVAILABLE);
    assert_string_equal(err.message, "the database lacks migration \"0002_two\"");
    assert_ok(kn_migrate(db, TWO, 2, NULL, &err), &err);
    assert_int_equal(number(db, "SELECT id FROM two"), 2);
}

/* How many migrations go before the one of this name. */
static int before(const char *name)
{
    int n = 0;

    while (n < kn_migrations_count && strstr(kn_migrations[n].name, name) == NULL) {
        n++;
    }
    assert_true(n < kn_migrations_count);
    return n;
}

/* Ports from before there were security groups are cut off from nobody, and what they have is counted. */
static void test_ports_from_before_groups(void **state)
{
    (void)state;
    static const char PORTS[] =
        "INSERT INTO network (id, project_id, name, vni) VALUES ('11111111-1111-4111-8111-111111111111', 'p', 'n', 1);"
        "INSERT INTO port (id, network_id, project_id, mac, device_owner) SELECT gen_random_uuid(), '11111111-1111-4111-8111-111111111111', p,"
        " ('fa:16:3e:00:00:0' || n)::macaddr, o FROM (VALUES (1, 'p', 'compute:nova'), (2, 'p', ''), (3, 'q', 'compute:nova'), (4, 'p', 'network:dhcp')) v(n, p, o)";
    AUTO(kn_db) struct kn_db *db = fresh("groups");

    assert_ok(kn_migrate(db, kn_migrations, before("security_group"), NULL, &err), &err);
    assert_ok(kn_db_script(db, PORTS, &err), &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    assert_int_equal(number(db, "SELECT count(*) FROM security_group WHERE is_default AND name = 'default'"), 2);
    assert_int_equal(
        number(db, "SELECT count(*) FROM security_group WHERE NOT is_default AND name = 'before-security-groups'"), 2);
    assert_int_equal(number(db, "SELECT count(*) FROM port_security_group"), 6);
    assert_int_equal(number(db, "SELECT count(*) FROM port p WHERE NOT p.port_security"), 1);
    assert_int_equal(
        number(
            db,
            "SELECT count(*) FROM port p WHERE p.port_security AND NOT EXISTS (SELECT FROM port_security_group b JOIN "
            "security_group_rule r ON r.group_id = b.group_id WHERE b.port_id = p.id AND r.direction = 'ingress' "
            "AND r.ethertype = 'IPv4' AND r.remote_group_id IS NULL AND r.protocol IS NULL)"),
        0);
    assert_int_equal(
        number(db, "SELECT count(*) FROM quota_fact f FULL JOIN quota_usage u USING (service, project_id, resource) "
                   "WHERE coalesce(f.used, 0) <> coalesce(u.used, 0) AND f.resource LIKE 'security%'"),
        0);
    assert_int_equal(number(db,
                            "SELECT used FROM quota_usage WHERE project_id = 'q' AND resource = 'security_group_rule'"),
                     8);
}

/* What was shared by a word of its own is shared by a policy for everybody. */
static void test_shared_from_before_policies(void **state)
{
    (void)state;
    static const char SHARED[] =
        "INSERT INTO network (id, project_id, name, vni, shared, external) VALUES ('11111111-1111-4111-8111-111111111111', 'p', 'n', 1, true, true),"
        " ('22222222-1111-4111-8111-111111111111', 'p', 'n', 2, false, false);"
        "INSERT INTO qos_policy (id, project_id, shared) VALUES ('33333333-1111-4111-8111-111111111111', 'q', true), ('44444444-1111-4111-8111-111111111111', 'q', false);"
        "INSERT INTO address_scope (id, project_id, ip_version, shared) VALUES ('55555555-1111-4111-8111-111111111111', 'p', 4, true);"
        "INSERT INTO subnet_pool (id, project_id, ip_version, prefixes, default_prefixlen, min_prefixlen, max_prefixlen, shared) VALUES"
        " ('66666666-1111-4111-8111-111111111111', 'p', 4, '{10.0.0.0/8}', 8, 8, 32, true)";
    AUTO(kn_db) struct kn_db *db = fresh("rbac");

    assert_ok(kn_migrate(db, kn_migrations, before("_rbac"), NULL, &err), &err);
    assert_ok(kn_db_script(db, SHARED, &err), &err);
    assert_ok(kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err), &err);
    assert_int_equal(number(db, "SELECT count(*) FROM rbac_policy WHERE target = '*'"), 5);
    assert_int_equal(number(db,
                            "SELECT count(*) FROM rbac_policy WHERE object_type = 'network' AND project_id = 'p' AND "
                            "object_id = '11111111-1111-4111-8111-111111111111'"),
                     2);
    assert_int_equal(number(db,
                            "SELECT count(*) FROM rbac_policy WHERE object_type = 'qos_policy' AND project_id = 'q'"),
                     1);
    assert_int_equal(number(db, "SELECT count(*) FROM quota_fact WHERE resource = 'rbac_policy'"), 0);
}

static void test_refuses_a_newer_database(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("newer");
    assert_ok(kn_migrate(db, TWO, 2, NULL, &err), &err);
    assert_fails(kn_migrate(db, TWO, 1, NULL, &err), &err, KN_CONFLICT);
    assert_non_null(strstr(err.message, "\"0002_two\", which this program does not know"));
    assert_fails(kn_migrate_check(db, TWO, 1, &err), &err, KN_CONFLICT);
    assert_fails(kn_migrate_check(db, NULL, 0, &err), &err, KN_CONFLICT);
}

static void test_refuses_a_changed_one(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("changed");
    const struct kn_migration changed[] = { TWO[0], { 2, "0002_two", "cccc", TWO[1].sql } };
    assert_ok(kn_migrate(db, TWO, 2, NULL, &err), &err);
    assert_fails(kn_migrate(db, changed, 2, NULL, &err), &err, KN_CONFLICT);
    assert_string_equal(err.message, "migration \"0002_two\" was changed after it was applied");
}

static void test_refuses_a_gap(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("gap");
    assert_ok(kn_migrate(db, &TWO[1], 1, NULL, &err), &err);
    assert_fails(kn_migrate(db, TWO, 2, NULL, &err), &err, KN_CONFLICT);
    assert_string_equal(err.message, "the database has migration \"0002_two\" where this program expects \"0001_one\"");
}

static void test_a_broken_one_leaves_nothing(void **state)
{
    (void)state;
    AUTO(kn_db) struct kn_db *db = fresh("broken");
    const struct kn_migration broken[] = { TWO[0],
                                           { 2, "0002_bad", "dddd", "CREATE TABLE half (id int); SELECT 1/0" } };
    assert_int_equal(kn_migrate(db, broken, 2, NULL, &err), -1);
    assert_int_equal(strncmp(err.message, "migration \"0002_bad\": ", 22), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM schema_migration"), 1);
    assert_int_equal(number(db, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
    assert_ok(kn_migrate(db, TWO, 2, NULL, &err), &err); /* mended, it goes on */
}

static void test_several_at_once(void **state)
{
    (void)state;
    AUTO_FREE char *url = kn_test_pg_database(pg, "many");
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct kn_db *db = kn_db_new(url, "test");
            int rc = kn_migrate(db, kn_migrations, kn_migrations_count, NULL, &err);
            if (rc < 0) {
                fprintf(stderr, "migrate: %s\n", err.message);
            }
            _exit(rc == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_to_head),
        cmocka_unit_test(test_says_what_it_did),
        cmocka_unit_test(test_step_by_step),
        cmocka_unit_test(test_ports_from_before_groups),
        cmocka_unit_test(test_shared_from_before_policies),
        cmocka_unit_test(test_refuses_a_newer_database),
        cmocka_unit_test(test_refuses_a_changed_one),
        cmocka_unit_test(test_refuses_a_gap),
        cmocka_unit_test(test_a_broken_one_leaves_nothing),
        cmocka_unit_test(test_several_at_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
