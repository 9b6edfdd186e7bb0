/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server costs the database: the rows that its creation and its deletion write, table by table, in a whole cloud. Time is a bench's affair; this is what
 * must not grow silently. Who needs one row more says so here.
 */
#include "tests/support/test.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/whole_cloud.h"

#define SERVERS 10
#define IDLE "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"

static char flavor[KN_UUID_SIZE], image[KN_UUID_SIZE], network[KN_UUID_SIZE];

/* Rows that many servers share are written once a batch, daemons' own whenever they like, addresses are made ready by the hundred: they are not counted. */
static const char COUNTING[] =
    "CREATE TABLE written (what text NOT NULL);"
    "CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO written VALUES (lower(TG_OP) || ' ' || TG_TABLE_NAME); RETURN NULL; END $$;"
    "DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_stat_user_tables WHERE relname NOT IN ('written', 'service', 'shard', 'agent', "
    "'host', 'subnet', 'network', 'quota_usage', 'security_group', 'security_group_rule') LOOP "
    "EXECUTE format('CREATE TRIGGER count_write AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION count_write()', t); "
    "END LOOP; END $$";

static void assert_written(const char *wanted)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_query(kn_whole.db,
                    "SELECT coalesce(string_agg(what || ' ' || n, ', ' ORDER BY what), '') FROM "
                    "(SELECT what, count(*) AS n FROM written WHERE what <> 'insert address_ready' GROUP BY what) w",
                    0, KN_NO_ARGS, &rows, &err),
        &err);
    assert_string_equal(kn_rows_text(rows, 0, 0), wanted);
    assert_ok(kn_db_script(kn_whole.db, "TRUNCATE written", &err), &err);
}

static void make_servers(int count)
{
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", "
                                       "\"networks\": [{\"uuid\": \"%s\"}]}}",
                                       flavor, image, network);

    for (int i = 0; i < count; i++) {
        assert_int_equal(kn_whole_cloud_ask("POST", "/compute/v2.1/servers",
                                            KN_WHOLE_JSON "OpenStack-API-Version: compute 2.37\r\n", body),
                         202);
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active' AND deleted_at IS NULL", count);
    kn_whole_cloud_await(IDLE, 0);
}

static void delete_servers(void)
{
    AUTO(kn_rows) struct kn_rows *ids = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM server WHERE deleted_at IS NULL", 0, KN_NO_ARGS, &ids, &err),
              &err);
    for (int i = 0; i < kn_rows_count(ids); i++) {
        AUTO_FREE char *path = kn_asprintf("/compute/v2.1/servers/%s", kn_rows_text(ids, i, 0));

        assert_int_equal(kn_whole_cloud_ask("DELETE", path, NULL, NULL), 204);
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    kn_whole_cloud_await(IDLE, 0);
}

/* A change of a port, a server or a running task's row adds no entry to any index; a task's end alone does, since it leaves the index of those that run. */
static void assert_stay_in_their_indexes(void)
{
    kn_whole_cloud_await("SELECT sum(n_tup_upd)::int FROM pg_stat_user_tables WHERE relname = 'port'", SERVERS);
    kn_whole_cloud_await("SELECT sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname = 'port'", SERVERS);
    kn_whole_cloud_await("SELECT sum(n_tup_upd)::int FROM pg_stat_user_tables WHERE relname = 'server'", 2 * SERVERS);
    kn_whole_cloud_await("SELECT sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname = 'server'",
                         2 * SERVERS);
    kn_whole_cloud_await("SELECT sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname = 'task'", SERVERS);
}

static void test_rows_of_a_server(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    make_servers(1); /* the first one makes the network's DHCP port */
    delete_servers();
    assert_ok(kn_db_script(kn_whole.db, COUNTING, &err), &err);
    /* sessions tell what they counted when they like: all of the first server's life is told */
    kn_whole_cloud_await("SELECT sum(n_tup_del)::int FROM pg_stat_user_tables WHERE relname = 'port'", 1);
    kn_whole_cloud_await("SELECT sum(n_tup_upd)::int FROM pg_stat_user_tables WHERE relname = 'server'", 5);
    kn_whole_cloud_await("SELECT sum(n_tup_upd)::int FROM pg_stat_user_tables WHERE relname = 'task'", 4);
    assert_ok(kn_db_script(kn_whole.db, "SELECT pg_stat_reset()", &err), &err);
    make_servers(SERVERS);
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM server s JOIN security_group g ON s.group_ids = ARRAY[g.id] WHERE s.deleted_at IS NULL AND g.is_default",
            NULL),
        SERVERS);
    assert_stay_in_their_indexes();
    assert_written(
        "delete address_ready 10, insert address 10, insert allocation 10, insert port 10, insert port_binding 10, insert port_security_group 10, insert server 10, insert task 10, "
        "update port 10, update server 20, update task 20");
    delete_servers();
    assert_written(
        "delete address 10, delete allocation 10, delete port 10, delete port_binding 10, delete port_security_group 10, insert task 10, "
        "update server 30, update task 20");
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("3");
    assert_int_equal(kn_whole_cloud_ask("POST", "/compute/v2.1/flavors", KN_WHOLE_JSON,
                                        "{\"flavor\": {\"name\": \"f\", \"ram\": 64, \"vcpus\": 1, \"disk\": 1}}"),
                     200);
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_text("flavor.id"));
    assert_int_equal(kn_whole_cloud_ask("POST", "/image/v2/images", KN_WHOLE_JSON,
                                        "{\"name\": \"i\", \"disk_format\": \"raw\", \"container_format\": \"bare\"}"),
                     201);
    kn_copy(image, sizeof(image), kn_whole_cloud_text("id"));
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s/file", image);
    assert_int_equal(kn_whole_cloud_ask("PUT", path, "Content-Type: application/octet-stream\r\n", "what boots"), 204);
    assert_int_equal(kn_whole_cloud_ask("POST", "/network/v2.0/networks", KN_WHOLE_JSON,
                                        "{\"network\": {\"name\": \"n\"}}"),
                     201);
    kn_copy(network, sizeof(network), kn_whole_cloud_text("network.id"));
    AUTO_FREE char *subnet =
        kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"10.20.0.0/24\"}}", network);
    assert_int_equal(kn_whole_cloud_ask("POST", "/network/v2.0/subnets", KN_WHOLE_JSON, subnet), 201);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows_of_a_server) };

    return cmocka_run_group_tests_name("it/create_cost", tests, start, kn_whole_cloud_teardown);
}
