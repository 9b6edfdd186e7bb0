/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of volumes and their types over a real front door and database; we play the conductor. Who sees, makes and changes which, who may come in and who may go, what a group keeps its members
 * from, how one ends, what counts, and bad input after which nothing has changed. What becomes of a group with its volumes in a whole cloud: tests/it/test_volume_copies_cloud.c.
 */
#include <pthread.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define AT(minor) "OpenStack-API-Version: volume 3." #minor "\r\n"
#define A KN_TEST_TOKEN("aaaa", "member") AT(71)
#define A_AT(minor) KN_TEST_TOKEN("aaaa", "member") AT(minor)
#define A_READER KN_TEST_TOKEN("aaaa", "reader") AT(71)
#define B KN_TEST_TOKEN("bbbb", "member") AT(71)
#define ADMIN KN_TEST_TOKEN("cccc", "admin") AT(71)
#define VOLUMES "/volume/v3/volumes"
#define GROUPS "/volume/v3/groups"
#define KEPT "/volume/v3/group_snapshots"
#define TYPES "/volume/v3/group_types"
#define NONE "00000000-0000-4000-8000-000000000000"
#define USED(resource) \
    "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume' AND resource = '" resource "'"
#define WRONG_USAGE \
    "SELECT count(*) FROM quota_fact f FULL JOIN quota_usage u USING (service, project_id, resource) WHERE service = 'volume' AND coalesce(f.used, 0) <> coalesce(u.used, 0)"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;
static const char *the_group; /* of keep_now() */

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_text(const char *wanted)
{
    kn_test_world_expect_text(&world, wanted);
}

static void expect_member(const char *outer, const char *key, const char *wanted)
{
    kn_test_world_expect_member(&world, outer, key, wanted);
}

static void sql(const char *text)
{
    kn_test_world_sql(&world, text);
}

static int64_t count_of(const char *text)
{
    return kn_test_world_number(&world, text);
}

/* What the conductor would write. */
static void settle(void)
{
    sql("UPDATE volume SET status = 'available' WHERE status = 'creating'; UPDATE task SET state = 'done'");
}

static char *made(const char *one)
{
    return kn_test_world_id(&world, one);
}

static void ask_of(int status, const char *method, const char *collection, const char *id, const char *tail,
                   const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", collection, id, tail);

    expect(status, method, path, headers, body);
}

static char *type(const char *what)
{
    AUTO_FREE char *body = kn_asprintf("{\"group_type\":{%s}}", what);

    expect(202, "POST", TYPES, ADMIN, body);
    return made("group_type");
}

static void with_type(const char *what)
{
    free(type(what));
}

static char *group(const char *what)
{
    AUTO_FREE char *body = kn_asprintf("{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"file\"]%s}}", what);

    expect(202, "POST", GROUPS, A, body);
    return made("group");
}

static char *volume_in(const char *headers, const char *id)
{
    AUTO_FREE char *body = id != NULL ? kn_asprintf("{\"volume\":{\"size\":1,\"group_id\":\"%s\"}}", id)
                                      : kn_strdup("{\"volume\":{\"size\":1}}");

    expect(202, "POST", VOLUMES, headers, body);
    return made("volume");
}

static void change(int status, const char *id, const char *key, const char *first, const char *second)
{
    AUTO_FREE char *body = kn_asprintf("{\"group\":{\"%s\":\"%s%s%s\"}}", key, first, second != NULL ? "," : "",
                                       second != NULL ? second : "");

    ask_of(status, "PUT", GROUPS, id, "", A, body);
}

static void act(int status, const char *id, const char *headers, const char *body)
{
    ask_of(status, "POST", GROUPS, id, "/action", headers, body);
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM volume_transfer; DELETE FROM attachment; DELETE FROM volume_snapshot; DELETE FROM volume_group_snapshot; DELETE FROM volume; DELETE FROM volume_group; "
        "DELETE FROM volume_group_type; DELETE FROM quota_usage; DELETE FROM quota_limit; DELETE FROM task; "
        "DELETE FROM volume_type WHERE name <> 'file'");
    return 0;
}

static void test_types(void **state)
{
    AUTO_FREE char *gold = type("\"name\":\"gold\",\"description\":\"d\",\"group_specs\":{\"k\":\"v\"}"),
                   *inner = type("\"name\":\"inner\",\"is_public\":false,\"group_specs\":null");

    (void)state;
    expect_member("group_type", "is_public", "false");
    expect_member("group_type", "group_specs", "{}");
    ask_of(200, "GET", TYPES, gold, "", ADMIN, NULL);
    expect_member("group_type", "group_specs", "{\"k\":\"v\"}");
    ask_of(200, "GET", TYPES, gold, "", A, NULL);
    expect_member("group_type", "group_specs", "absent");
    ask_of(404, "GET", TYPES, gold, "", A_AT(10), NULL);
    ask_of(404, "GET", TYPES, inner, "", A, NULL);
    ask_of(404, "GET", TYPES, "default", "", A, NULL);
    expect(200, "GET", TYPES "?is_public=None", A, NULL);
    assert_null(strstr(world.http.body.buf, "inner"));
    expect(200, "GET", TYPES, ADMIN, NULL);
    assert_null(strstr(world.http.body.buf, "inner"));
    expect(200, "GET", TYPES "?is_public=None&limit=1", ADMIN, NULL);
    expect_text("group_type_links");
    expect(200, "GET", TYPES "?is_public=False", ADMIN, NULL);
    expect_text("inner");
    expect(409, "POST", TYPES, ADMIN, "{\"group_type\":{\"name\":\"gold\"}}");
    expect(403, "POST", TYPES, A, "{\"group_type\":{\"name\":\"silver\"}}");
    expect(400, "POST", TYPES, ADMIN, "{\"group_type\":{\"name\":\"\"}}");
    expect(400, "POST", TYPES, ADMIN, "{\"group_type\":{\"name\":\"x\",\"nothing\":1}}");
    ask_of(400, "PUT", TYPES, gold, "", ADMIN, "{\"group_type\":{}}");
    ask_of(200, "PUT", TYPES, gold, "", ADMIN, "{\"group_type\":{\"name\":\"golden\",\"is_public\":\"True\"}}");
    expect_member("group_type", "name", "\"golden\"");
    ask_of(202, "POST", TYPES, gold, "/group_specs", ADMIN, "{\"group_specs\":{\"more\":\"1\"}}");
    ask_of(200, "PUT", TYPES, gold, "/group_specs/k", ADMIN, "{\"k\":\"w\"}");
    ask_of(400, "PUT", TYPES, gold, "/group_specs/k", ADMIN, "{\"l\":\"w\"}");
    ask_of(200, "GET", TYPES, gold, "/group_specs", ADMIN, NULL);
    expect_text("\"k\": \"w\"");
    expect_text("\"more\": \"1\"");
    ask_of(200, "GET", TYPES, gold, "/group_specs/k", ADMIN, NULL);
    ask_of(202, "DELETE", TYPES, gold, "/group_specs/k", ADMIN, NULL);
    ask_of(404, "DELETE", TYPES, gold, "/group_specs/k", ADMIN, NULL);
    ask_of(403, "GET", TYPES, gold, "/group_specs", A, NULL);
    ask_of(202, "DELETE", TYPES, gold, "", ADMIN, NULL);
    ask_of(404, "DELETE", TYPES, gold, "", ADMIN, NULL);
}

static void test_life(void **state)
{
    AUTO_FREE char *plain =
                       type("\"name\":\"plain\",\"group_specs\":{\"consistent_group_snapshot_enabled\":\"<is> True\"}"),
                   *g = group(",\"name\":\"n\",\"description\":\"d\""), *v = volume_in(A, g);

    (void)state;
    expect_member("volume", "status", "\"creating\"");
    assert_int_equal(count_of(USED("groups")), 1);
    assert_int_equal(count_of(WRONG_USAGE), 0);
    ask_of(200, "GET", GROUPS, g, "?list_volume=True", A, NULL);
    expect_member("group", "status", "\"available\"");
    expect_member("group", "availability_zone", "\"nova\"");
    expect_member("group", "replication_status", "\"disabled\"");
    expect_member("group", "project_id", "absent");
    expect_text(v);
    ask_of(200, "GET", GROUPS, g, "", ADMIN, NULL);
    expect_member("group", "project_id", "\"aaaa\"");
    expect_member("group", "volumes", "absent");
    ask_of(200, "GET", GROUPS, g, "?list_volume=True", A_AT(24), NULL);
    expect_member("group", "volumes", "absent");
    ask_of(404, "GET", GROUPS, g, "", A_AT(12), NULL);
    ask_of(404, "GET", GROUPS, g, "", B, NULL);
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    AUTO_FREE char *quoted = kn_asprintf("\"%s\"", g), *by_group = kn_asprintf(VOLUMES "?group_id=%s", g);
    expect_member("volume", "group_id", quoted);
    ask_of(200, "GET", VOLUMES, v, "", A_AT(12), NULL);
    expect_member("volume", "group_id", "absent");
    expect(200, "GET", by_group, A_AT(10), NULL);
    expect_text(v);
    /* what is shown and filtered by in two rows of the table is filtered by at each version */
    AUTO_FREE char *of_nobody = kn_asprintf(VOLUMES "?group_id=%s", "99999999-9999-4999-8999-999999999999");
    expect(200, "GET", of_nobody, A_AT(13), NULL);
    assert_string_equal(world.http.body.buf, "{\"volumes\":[]}");
    expect(200, "GET", of_nobody, A, NULL);
    assert_string_equal(world.http.body.buf, "{\"volumes\":[]}");
    expect(200, "GET", by_group, A, NULL);
    expect_text(v);
    expect(200, "GET", GROUPS "/detail?all_tenants=1&project_id=nobody", ADMIN, NULL);
    assert_string_equal(world.http.body.buf, "{\"groups\":[]}");
    expect(200, "GET", GROUPS "/detail?all_tenants=1&project_id=nobody", KN_TEST_TOKEN("cccc", "admin") AT(58), NULL);
    assert_string_equal(world.http.body.buf, "{\"groups\":[]}");
    expect(200, "GET", GROUPS "/detail?name=n&list_volume=true", A, NULL);
    expect_text(v);
    expect(200, "GET", GROUPS "?limit=1", A, NULL);
    expect_text("group_links");
    expect(200, "GET", GROUPS, B, NULL);
    assert_string_equal(world.http.body.buf, "{\"groups\":[]}");
    ask_of(400, "DELETE", TYPES, plain, "", ADMIN, NULL);
    ask_of(202, "PUT", GROUPS, g, "", A, "{\"group\":{\"name\":\"m\"}}");
    ask_of(400, "PUT", GROUPS, g, "", A, "{\"group\":{\"name\":\"m\"}}");
    ask_of(404, "PUT", GROUPS, g, "", B, "{\"group\":{\"name\":\"o\"}}");
    ask_of(403, "PUT", GROUPS, g, "", A_READER, "{\"group\":{\"name\":\"o\"}}");
    ask_of(200, "GET", GROUPS, g, "", A_READER, NULL);
    expect_member("group", "name", "\"m\"");
}

static void test_members(void **state)
{
    with_type("\"name\":\"plain\"");
    AUTO_FREE char *g = group(""), *h = group(""), *one = volume_in(A, NULL), *two = volume_in(A, NULL),
                   *foreign = volume_in(B, NULL);

    (void)state;
    change(400, g, "add_volumes", one, NULL); /* it is being made */
    settle();
    change(400, g, "add_volumes", one, foreign);
    expect_text("cannot be found");
    change(400, g, "add_volumes", one, "nonsense");
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE group_id IS NOT NULL"), 0);
    change(202, g, "add_volumes", one, two);
    change(400, h, "add_volumes", one, NULL);
    expect_text("already in group");
    change(400, h, "remove_volumes", one, NULL);
    expect_text("not in the group");
    change(202, g, "remove_volumes", two, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE group_id IS NOT NULL"), 1);
    /* What a group keeps its members from. */
    ask_of(400, "DELETE", VOLUMES, one, "", A, NULL);
    expect_text("belongs to group");
    ask_of(400, "POST", VOLUMES, one, "/action", ADMIN, "{\"os-force_delete\":{}}");
    AUTO_FREE char *offer = kn_asprintf("{\"transfer\":{\"volume_id\":\"%s\"}}", one);
    expect(400, "POST", "/volume/v3/volume-transfers", A, offer);
    expect(200, "POST", "/volume/v3/types", ADMIN, "{\"volume_type\":{\"name\":\"other\"}}");
    ask_of(400, "POST", VOLUMES, one, "/action", A,
           "{\"os-retype\":{\"new_type\":\"other\",\"migration_policy\":\"never\"}}");
    AUTO_FREE char *not_of_its = kn_asprintf("{\"volume\":{\"size\":1,\"volume_type\":\"other\",\"group_id\":\"%s\"}}",
                                             g);
    expect(400, "POST", VOLUMES, A, not_of_its);
    expect_text("must be supported by this group");
    AUTO_FREE char *of_others = kn_asprintf("{\"volume\":{\"size\":1,\"group_id\":\"%s\"}}", g);
    expect(404, "POST", VOLUMES, B, of_others);
    expect(404, "POST", VOLUMES, ADMIN, of_others);
    expect(404, "POST", VOLUMES, A, "{\"volume\":{\"size\":1,\"group_id\":\"" NONE "\"}}");
    act(202, g, ADMIN,
        "{\"reset_status\":{\"status\":\"creating\"}}"); /* and so it is seen, with a whole volume in it */
    ask_of(200, "GET", GROUPS, g, "", A, NULL);
    kn_test_world_expect_member(&world, "group", "status", "\"creating\"");
    sql("INSERT INTO volume_group (id, project_id, user_id, group_type_id, zone, status) "
        "SELECT '" NONE "', project_id, user_id, group_type_id, zone, 'creating' FROM volume_group LIMIT 1");
    ask_of(200, "GET", GROUPS, NONE, "", A, NULL); /* which an API of a release before wrote */
    kn_test_world_expect_member(&world, "group", "status", "\"available\"");
    act(202, g, ADMIN, "{\"reset_status\":{\"status\":\"Error\"}}");
    expect(400, "POST", VOLUMES, A, of_others);
    change(400, g, "add_volumes", two, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE group_id IS NOT NULL"), 1);
}

static void test_end(void **state)
{
    with_type("\"name\":\"plain\"");
    AUTO_FREE char *g = group(""), *h = group("");
    free(volume_in(A, g));
    AUTO_FREE char *two = volume_in(A, g);

    (void)state;
    settle();
    act(202, h, A, "{\"delete\":{}}"); /* nothing in it: it is gone at once */
    ask_of(404, "GET", GROUPS, h, "", A, NULL);
    assert_int_equal(count_of(USED("groups")), 1);
    act(400, g, A, "{\"delete\":{\"delete-volumes\":false}}");
    expect_text("still contains volumes");
    act(404, g, B, "{\"delete\":{\"delete-volumes\":true}}");
    act(403, g, A_READER, "{\"delete\":{\"delete-volumes\":true}}");
    AUTO_FREE char *kept = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\"}}", two);
    expect(202, "POST", "/volume/v3/snapshots", A, kept);
    act(400, g, A, "{\"delete\":{\"delete-volumes\":true}}");
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE status = 'deleting'"), 0); /* all or nothing */
    sql("DELETE FROM volume_snapshot; UPDATE volume SET status = 'in-use' WHERE group_id IS NOT NULL");
    act(400, g, A, "{\"delete\":{\"delete-volumes\":true}}");
    expect_text("Need to detach first");
    sql("UPDATE volume SET status = 'available'; UPDATE task SET state = 'done'");
    act(202, g, A, "{\"delete\":{\"delete-volumes\":true}}");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete' AND state = 'run'"), 2);
    ask_of(200, "GET", GROUPS, g, "", A, NULL);
    expect_member("group", "status", "\"deleting\"");
    act(202, g, A, "{\"delete\":{\"delete-volumes\":true}}"); /* once is enough */
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete' AND state = 'run'"), 2);
    sql("UPDATE volume SET status = 'error_deleting'; UPDATE task SET state = 'failed'");
    ask_of(200, "GET", GROUPS, g, "", A, NULL);
    expect_member("group", "status", "\"error_deleting\"");
    act(202, g, A, "{\"delete\":{\"delete-volumes\":true}}");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete' AND state = 'run'"), 2);
}

static char *first_snapshot(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, "SELECT min(id::text) FROM volume_snapshot", 0, NULL, &rows, &err), &err);
    return kn_strdup(kn_rows_text(rows, 0, 0));
}

static char *kept(const char *id)
{
    AUTO_FREE char *body = kn_asprintf("{\"group_snapshot\":{\"group_id\":\"%s\",\"name\":\"k\"}}", id);

    expect(202, "POST", KEPT, A, body);
    return made("group_snapshot");
}

static void test_snapshots(void **state)
{
    (void)state;
    with_type("\"name\":\"plain\"");
    AUTO_FREE char *g = group(""), *empty = group(""), *one = volume_in(A, g);
    free(volume_in(A, g));
    AUTO_FREE char *of = kn_asprintf("{\"group_snapshot\":{\"group_id\":\"%s\"}}", g),
                   *of_none = kn_asprintf("{\"group_snapshot\":{\"group_id\":\"%s\"}}", empty);
    expect(400, "POST", KEPT, A, of); /* its volumes are being made */
    settle();
    expect(400, "POST", KEPT, A, of_none);
    expect(404, "POST", KEPT, B, of);
    expect(404, "POST", KEPT, ADMIN, of);
    expect(403, "POST", KEPT, A_READER, of);
    sql("UPDATE volume SET status = 'in-use' WHERE group_id IS NOT NULL AND id = (SELECT min(id::text)::uuid FROM volume)");
    expect(400, "POST", KEPT, A, of);
    sql("UPDATE volume SET status = 'available'");
    expect(200, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"snapshots\":1}}");
    expect(413, "POST", KEPT, A, of);
    assert_int_equal(count_of("SELECT count(*) FROM volume_group_snapshot"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot"), 0);
    expect(200, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"snapshots\":5}}");
    AUTO_FREE char *s = kept(g);
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM task WHERE kind = 'group_snapshot.create' AND jsonb_array_length(input->'snapshots') = 2"),
        1);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'snapshot.create'"), 0);
    assert_int_equal(count_of(USED("snapshots")), 2);
    assert_int_equal(count_of(WRONG_USAGE), 0);
    ask_of(400, "DELETE", KEPT, s, "", A, NULL);
    sql("UPDATE task SET state = 'done'; UPDATE volume_group_snapshot SET status = 'available'");
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE status = 'available'"), 2);
    ask_of(200, "GET", KEPT, s, "", A, NULL);
    expect_member("group_snapshot", "status", "\"available\"");
    expect_member("group_snapshot", "project_id", "absent");
    ask_of(404, "GET", KEPT, s, "", B, NULL);
    expect(200, "GET", KEPT, A, NULL);
    expect_text(s);
    AUTO_FREE char *part = kn_asprintf("/volume/v3/snapshots?volume_id=%s", one);
    expect(200, "GET", part, A, NULL);
    sql("DELETE FROM task");
    AUTO_FREE char *alone = first_snapshot();
    ask_of(400, "DELETE", "/volume/v3/snapshots", alone, "", A, NULL);
    expect_text("must not be part of a group");
    act(400, g, A, "{\"delete\":{\"delete-volumes\":true}}");
    AUTO_FREE char *from = kn_asprintf("{\"create-from-src\":{\"group_snapshot_id\":\"%s\",\"source_group_id\":null,"
                                       "\"name\":\"f\",\"description\":null}}",
                                       s);
    expect(404, "POST", GROUPS "/action", B, from);
    expect(202, "POST", GROUPS "/action", A, from);
    AUTO_FREE char *f = made("group");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.create' AND input ? 'from_snapshot'"), 2);
    ask_of(200, "GET", GROUPS, f, "", A, NULL);
    expect_member("group", "status", "\"creating\"");
    ask_of(400, "DELETE", KEPT, s, "", A, NULL);
    settle();
    ask_of(200, "GET", GROUPS, f, "", A, NULL);
    expect_member("group", "status", "\"available\"");
    AUTO_FREE char
        *clone = kn_asprintf("{\"create-from-src\":{\"source_group_id\":\"%s\",\"group_snapshot_id\":null}}", f),
        *both = kn_asprintf("{\"create-from-src\":{\"source_group_id\":\"%s\",\"group_snapshot_id\":\"%s\"}}", f, s);
    expect(400, "POST", GROUPS "/action", A, both);
    expect(202, "POST", GROUPS "/action", A, clone);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.create' AND input ? 'from_volume'"), 2);
    settle();
    assert_int_equal(count_of(WRONG_USAGE), 0);
    ask_of(403, "POST", KEPT, s, "/action", A, "{\"reset_status\":{\"status\":\"error\"}}");
    ask_of(202, "POST", KEPT, s, "/action", ADMIN, "{\"reset_status\":{\"status\":\"error\"}}");
    sql("INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id) SELECT 'group_snapshot.create', 0, id, project_id, user_id, 'r' "
        "FROM volume_group_snapshot");
    ask_of(400, "POST", KEPT, s, "/action", ADMIN, "{\"reset_status\":{\"status\":\"available\"}}");
    sql("DELETE FROM task WHERE kind = 'group_snapshot.create' AND request_id = 'r'");
    ask_of(404, "DELETE", KEPT, s, "", B, NULL);
    ask_of(202, "DELETE", KEPT, s, "", A, NULL);
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM task WHERE kind = 'group_snapshot.delete' AND jsonb_array_length(input->'snapshots') = 2"),
        1);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE status = 'deleting'"), 2);
}

static void *keep_now(void *ctx)
{
    struct kn_test_http http = kn_test_http_open(world.http.port);
    int *status = ctx;
    AUTO_FREE char *body = kn_asprintf("{\"group_snapshot\":{\"group_id\":\"%s\"}}", the_group);

    kn_test_http_ask(&http, "POST", KEPT, A, body);
    *status = http.status;
    kn_test_http_close(&http);
    return NULL;
}

/* Who comes while its volumes are being held is held, too: nobody is told to try again. */
static void test_who_comes_meanwhile(void **state)
{
    const int64_t deadline = kn_mono_ms() + 60000;
    AUTO(kn_db) struct kn_db *other = kn_db_new(world.conf.db_url, "other");
    struct kn_error err = { 0 };
    struct kn_tx tx = { NULL };
    pthread_t keeper;
    int status = 0;

    (void)state;
    with_type("\"name\":\"plain\"");
    AUTO_FREE char *g = group(""), *two = volume_in(A, NULL),
                   *join = kn_asprintf("UPDATE volume SET group_id = '%s' WHERE id = '%s'; "
                                       "UPDATE volume_group SET updated_at = now() WHERE id = '%s'",
                                       g, two, g);
    free(volume_in(A, g));
    settle();
    the_group = g;
    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_db_script(other, join, &err), &err);
    assert_int_equal(pthread_create(&keeper, NULL, keep_now, &status), 0);
    while (count_of("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(keeper, NULL);
    assert_int_equal(status, 202);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE group_snapshot_id IS NOT NULL"), 2);
}

static void test_quota(void **state)
{
    (void)state;
    with_type("\"name\":\"plain\"");
    expect(200, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"groups\":1}}");
    AUTO_FREE char *g = group("");
    expect(413, "POST", GROUPS, A, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"file\"]}}");
    assert_int_equal(count_of("SELECT count(*) FROM volume_group"), 1);
    assert_int_equal(count_of(WRONG_USAGE), 0);
    act(202, g, A, "{\"delete\":{}}");
    assert_int_equal(count_of(USED("groups")), 0);
}

static void test_bad_bodies(void **state)
{
    static const struct {
        int status;
        const char *body;
    } CASES[] = {
        { 400, "{}" },
        { 400, "{\"group\":{}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\"}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[]}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"file\",\"file\"]}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[1]}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"file\"],\"nothing\":1}}" },
        { 400, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"file\"],\"availability_zone\":\"x\"}}" },
        { 400, "{\"group\":{\"group_type\":\"asks\",\"volume_types\":[\"file\"]}}" },
        { 404, "{\"group\":{\"group_type\":\"plain\",\"volume_types\":[\"nobody\"]}}" },
        { 404, "{\"group\":{\"group_type\":\"nobody\",\"volume_types\":[\"file\"]}}" },
        { 404, "{\"group\":{\"group_type\":\"" NONE "\",\"volume_types\":[\"file\"]}}" },
        { 404, "{\"group\":{\"group_type\":\"inner\",\"volume_types\":[\"file\"]}}" },
    };
    static const char *const ACTS[] = {
        "{}",
        "{\"delete\":{},\"reset_status\":{}}",
        "{\"delete\":{\"nothing\":1}}",
        "{\"delete\":null}",
        "{\"nothing\":{}}",
        "{\"enable_replication\":{}}",
    };
    with_type("\"name\":\"plain\"");
    with_type("\"name\":\"inner\",\"is_public\":false");
    with_type("\"name\":\"asks\",\"group_specs\":{\"group_replication_enabled\":\"<is> True\"}");
    AUTO_FREE char *g = group("");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(CASES[i].status, "POST", GROUPS, A, CASES[i].body);
    }
    for (size_t i = 0; i < KN_COUNT(ACTS); i++) {
        act(400, g, A, ACTS[i]);
    }
    act(403, g, A, "{\"reset_status\":{\"status\":\"error\"}}");
    act(400, g, ADMIN, "{\"reset_status\":{\"status\":\"fine\"}}");
    expect_text("'in-use'");
    act(202, g, ADMIN, "{\"reset_status\":{\"status\":\"in-use\"}}");
    ask_of(200, "GET", GROUPS, g, "", A, NULL);
    expect_member("group", "status", "\"in-use\"");
    act(202, g, ADMIN, "{\"reset_status\":{\"status\":\"available\"}}");
    act(400, g, KN_TEST_TOKEN("cccc", "admin") AT(19), "{\"reset_status\":{\"status\":\"error\"}}");
    AUTO_FREE char *both = kn_asprintf("{\"group\":{\"add_volumes\":\"%s\",\"remove_volumes\":\"%s\"}}", g, g);
    ask_of(400, "PUT", GROUPS, g, "", A, both);
    ask_of(400, "PUT", GROUPS, g, "", A, "{\"group\":{\"add_volumes\":null}}");
    assert_int_equal(count_of("SELECT count(*) FROM volume_group WHERE status = 'available'"), 1);
    expect(400, "POST", GROUPS "/action", A, "{\"create-from-src\":{}}");
    expect(400, "POST", GROUPS "/action", A,
           "{\"create-from-src\":{\"source_group_id\":null,\"group_snapshot_id\":null}}");
    expect(404, "GET", "/volume/v3/consistencygroups/" NONE, A, NULL);
    expect_text("consistency groups");
}

static int start_world(void **state)
{
    *state = &world;
    kn_test_world_start(&world, "volume_groups", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_types, clean),      cmocka_unit_test_teardown(test_life, clean),
        cmocka_unit_test_teardown(test_members, clean),    cmocka_unit_test_teardown(test_end, clean),
        cmocka_unit_test_teardown(test_snapshots, clean),  cmocka_unit_test_teardown(test_quota, clean),
        cmocka_unit_test_teardown(test_bad_bodies, clean), cmocka_unit_test_teardown(test_who_comes_meanwhile, clean),
    };

    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
