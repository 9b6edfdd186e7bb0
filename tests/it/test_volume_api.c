/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder's calls over a real front door and database: the life of a volume up to what the conductor takes over, lists, metadata,
 * quotas, the rows that compute's attachments touch, and bad input after which nothing has changed.
 */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define A KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define A_OLD KN_TEST_TOKEN("aaaa", "member")
#define A_READER KN_TEST_TOKEN("aaaa", "reader")
#define B KN_TEST_TOKEN("bbbb", "member")
#define ADMIN KN_TEST_TOKEN("cccc", "admin")
#define VOLUMES "/volume/v3/volumes"

static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_member(const char *outer, const char *key, const char *wanted)
{
    kn_test_world_expect_member(&world, outer, key, wanted);
}

static void expect_volume(const char *key, const char *wanted)
{
    expect_member("volume", key, wanted);
}

static char *create(const char *headers, const char *body)
{
    expect(202, "POST", VOLUMES, headers, body);
    return kn_test_world_id(&world, "volume");
}

static char *path_of(const char *id, const char *tail)
{
    return kn_asprintf(VOLUMES "/%s%s", id, tail);
}

static void sql(const char *text)
{
    kn_test_world_sql(&world, text);
}

/* What the conductor would write. */
static void settle(void)
{
    sql("UPDATE volume SET status = 'available' WHERE status = 'creating'");
}

static int64_t count_of(const char *text)
{
    return kn_test_world_number(&world, text);
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM attachment; DELETE FROM volume; DELETE FROM quota_usage; DELETE FROM quota_limit; "
        "DELETE FROM task; DELETE FROM server");
    return 0;
}

/* Behind a head that is refused there is no second request: no row appears. */
static void test_smuggled(void **state)
{
    static const char *const HEADS[] = {
        "Content-Length: -1\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "A: b\nC: d\r\n",
        "Content-Length: 4\r\nContent-Length: 9\r\n",
    };
    static const char BODY[] = "{\"volume\":{\"size\":1}}";

    (void)state;
    for (size_t i = 0; i < KN_COUNT(HEADS); i++) {
        struct kn_test_http bad = kn_test_http_open(kn_test_front_port(world.front));
        AUTO_FREE char *text = kn_asprintf("POST " VOLUMES " HTTP/1.1\r\nHost: x\r\n" A "%s\r\n0\r\n\r\nPOST " VOLUMES
                                           " HTTP/1.1\r\nHost: x\r\n" A "Content-Length: %zu\r\n\r\n%s",
                                           HEADS[i], strlen(BODY), BODY);
        kn_test_http_send(&bad, text, strlen(text));
        assert_true(kn_test_http_read(&bad, false));
        assert_int_equal(bad.status, 400);
        assert_false(kn_test_http_read(&bad, false));
        kn_test_http_close(&bad);
    }
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 0);
    free(create(A, BODY));
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 1);
}

static void test_life(void **state)
{
    (void)state;
    /* as openstackclient sends it */
    AUTO_FREE char *id = create(A,
                                "{\"volume\":{\"size\":2,\"name\":\"v\",\"description\":null,\"volume_type\":null,"
                                "\"availability_zone\":null,\"metadata\":null,\"imageRef\":null,\"source_volid\":null,"
                                "\"snapshot_id\":null,\"backup_id\":null,\"consistencygroup_id\":null}}");
    AUTO_FREE char *path = path_of(id, "");

    expect_volume("status", "\"creating\"");
    expect_volume("size", "2");
    expect_volume("bootable", "\"false\"");
    expect_volume("volume_type", "\"file\"");
    expect_volume("attachments", "[]");
    expect_volume("os-vol-tenant-attr:tenant_id", "absent");
    assert_int_equal(
        count_of("SELECT count(*) FROM task WHERE kind = 'volume.create' AND (input->>'size_gib')::int = 2"), 1);
    assert_int_equal(
        count_of(
            "SELECT (SELECT used FROM quota_usage WHERE project_id = 'aaaa' AND resource = 'volumes') * 100 + (SELECT used FROM quota_usage WHERE project_id = 'aaaa' AND resource = 'gigabytes')"),
        102);
    expect(400, "DELETE", path, A, NULL);
    settle();
    expect(200, "GET", path, A_READER, NULL);
    expect_volume("status", "\"available\"");
    expect_volume("os-vol-tenant-attr:tenant_id", "\"aaaa\"");
    expect_volume("os-vol-host-attr:host", "absent");
    expect_volume("group_id", "absent");
    expect(200, "GET", path, A, NULL);
    expect_volume("group_id", "null");
    expect_volume("consumes_quota", "true");
    AUTO_FREE char *created = kn_test_world_member(&world, "volume", "created_at");
    assert_int_equal(strlen(created), strlen("\"2026-11-21T10:00:00.000000\""));
    expect(200, "PUT", path, A, "{\"volume\":{\"name\":\"w\"}}");
    expect_volume("name", "\"w\"");
    expect_volume("description", "null");
    expect_volume("os-vol-tenant-attr:tenant_id", "absent");
    expect(200, "PUT", path, A, "{\"volume\":{\"description\":\"d\",\"metadata\":{\"k\":\"1\"}}}");
    expect_volume("name", "\"w\"");
    expect_volume("metadata", "{\"k\":\"1\"}");
}

static void test_delete(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}");
    AUTO_FREE char *with_project = kn_asprintf("/volume/v3/aaaa/volumes/%s?cascade=False&force=False", id);
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *forced = path_of(id, "?force=True");

    expect(403, "DELETE", forced, A, NULL);
    settle();
    expect(403, "DELETE", path, A_READER, NULL);
    expect(404, "DELETE", path, B, NULL);
    expect(202, "DELETE", with_project, A, NULL);
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"deleting\"");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete'"), 1);
    expect(400, "DELETE", path, A, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete'"), 1);
}

static void test_foreign(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}");
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *metadata = path_of(id, "/metadata");
    AUTO_FREE char *action = path_of(id, "/action");

    settle();
    expect(404, "GET", path, B, NULL);
    expect(404, "PUT", path, B, "{\"volume\":{\"name\":\"mine\"}}");
    expect(404, "GET", metadata, B, NULL);
    expect(404, "POST", metadata, B, "{\"metadata\":{\"k\":\"v\"}}");
    expect(404, "POST", action, B, "{\"os-set_bootable\":{\"bootable\":true}}");
    expect(401, "GET", path, "", NULL);
    expect(403, "POST", VOLUMES, A_READER, "{\"volume\":{\"size\":1}}");
    expect(403, "GET", "/volume/v3/os-quota-sets/aaaa", B, NULL);
    expect(403, "PUT", "/volume/v3/os-quota-sets/aaaa", A, "{\"quota_set\":{\"volumes\":1}}");
    expect(403, "POST", action, A, "{\"os-reset_status\":{\"status\":\"error\"}}");
    expect(200, "GET", path, ADMIN, NULL);
    expect_volume("os-vol-host-attr:host", "\"kilonova@file#file\"");
}

static void test_bad_input(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *method, *path, *body;
    } CASES[] = {
        { 400, "POST", VOLUMES, "{" },
        { 400, "POST", VOLUMES, "" },
        { 400, "POST", VOLUMES, "[]" },
        { 400, "POST", VOLUMES, "{}" },
        { 400, "POST", VOLUMES, "{\"volume\":{}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":0}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":-1}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":\"#$%\"}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1.5}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":99999999999}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"name\":7}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"color\":\"red\"}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1},\"more\":1}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"metadata\":{\"k\":7}}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"multiattach\":true}}" },
        { 400, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"availability_zone\":\"mars\"}}" },
        { 404, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"imageRef\":\"00000000-0000-4000-8000-000000000000\"}}" },
        { 404, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"volume_type\":\"gold\"}}" },
        { 404, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"snapshot_id\":\"00000000-0000-4000-8000-000000000000\"}}" },
        { 404, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"source_volid\":\"00000000-0000-4000-8000-000000000000\"}}" },
        { 404, "POST", VOLUMES, "{\"volume\":{\"size\":1,\"backup_id\":\"00000000-0000-4000-8000-000000000000\"}}" },
        { 404, "GET", VOLUMES "/nonsense", NULL },
        { 404, "GET", VOLUMES "/00000000-0000-4000-8000-000000000000", NULL },
        { 404, "PUT", VOLUMES "/nonsense", "{\"volume\":{\"name\":\"x\"}}" },
        { 404, "DELETE", VOLUMES "/nonsense", NULL },
        { 404, "DELETE", VOLUMES "/", NULL },
        { 404, "POST", VOLUMES "/nonsense/action", "{\"os-extend\":{\"new_size\":2}}" },
        { 404, "GET", "/volume/v3/types/gold", NULL },
        { 400, "GET", VOLUMES "?limit=x", NULL },
        { 400, "GET", VOLUMES "?limit=-1", NULL },
        { 400, "GET", VOLUMES "?offset=-1", NULL },
        { 400, "GET", VOLUMES "?sort=color:asc", NULL },
        { 400, "GET", VOLUMES "?sort=name:up", NULL },
        { 400, "GET", VOLUMES "?sort=name:asc&sort_key=size", NULL },
        { 400, "GET", VOLUMES "?sort_key=os-vol-host-attr:host", NULL },
        { 400, "GET", VOLUMES "?created_at=gt:soon", NULL },
        { 400, "GET", VOLUMES "?created_at=about:2026-01-01", NULL },
        { 400, "GET", VOLUMES "?created_at=gt:2026-01-01,", NULL },
        { 400, "GET", VOLUMES "?size=large", NULL },
        { 400, "GET", VOLUMES "?color=red", NULL },
        { 400, "GET", VOLUMES "?metadata=x", NULL },
        { 404, "GET", VOLUMES "?marker=00000000-0000-4000-8000-000000000000", NULL },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(CASES[i].status, CASES[i].method, CASES[i].path, A, CASES[i].body);
    }
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 0);
    assert_int_equal(count_of("SELECT coalesce(sum(used), 0) FROM quota_usage WHERE resource = 'volumes'"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM task"), 0);
}

/* Names in the order of the list, joined. */
static void expect_names(const char *headers, const char *query, const char *wanted)
{
    AUTO_FREE char *path = kn_asprintf(VOLUMES "/detail%s", query);
    struct kn_strbuf joined = KN_STRBUF_INIT;
    size_t i;
    json_t *volume;

    expect(200, "GET", path, headers, NULL);
    json_t *json = kn_test_http_json(&world.http);
    json_array_foreach (json_object_get(json, "volumes"), i, volume) {
        kn_strbuf_addstr(&joined, json_string_value(json_object_get(volume, "name")));
    }
    json_decref(json);
    if (strcmp(joined.buf, wanted) != 0) {
        fail_msg("%s lists \"%s\", wanted \"%s\"", query, joined.buf, wanted);
    }
    kn_strbuf_release(&joined);
}

static void test_lists(void **state)
{
    (void)state;
    AUTO_FREE char *a = create(A, "{\"volume\":{\"size\":3,\"name\":\"a\",\"metadata\":{\"k\":\"1\",\"l\":\"2\"}}}");
    free(create(A, "{\"volume\":{\"size\":1,\"name\":\"b\"}}"));
    AUTO_FREE char *c = create(A, "{\"volume\":{\"size\":2,\"name\":\"c\"}}");
    AUTO_FREE char *d = create(B, "{\"volume\":{\"size\":2,\"name\":\"d\"}}");
    AUTO_FREE char *after = kn_asprintf("?sort=name:asc&marker=%s", a);

    settle();
    expect_names(A, "", "cba");
    expect_names(A, "?sort=name:asc", "abc");
    expect_names(A, "?sort_key=size&sort_dir=asc", "bca");
    expect_names(A, after, "bc");
    expect_names(A, "?sort=name:asc&limit=1&offset=1", "b");
    expect_names(A, "?name=b", "b");
    expect_names(A, "?name~=B", "b");
    expect_names(A, "?status=available&availability_zone=nova&bootable=false&sort=name:asc", "abc");
    expect_names(A, "?status=error", "");
    expect_names(A, "?metadata=%7B%27k%27%3A+%271%27%7D", "a");
    expect_names(A, "?metadata=%7B%22k%22%3A%222%22%7D", "");
    expect_names(A, "?all_tenants=1&sort=name:asc", "abc");
    expect_names(B, "?all_tenants=1&project_id=aaaa", "d");
    expect_names(ADMIN, "", "");
    expect_names(ADMIN, "?all_tenants=1&sort=name:asc", "abcd");
    expect_names(ADMIN, "?all_tenants=1&project_id=bbbb", "d");
    expect_names(A_OLD, "?color=red&sort=name:asc", "abc");
    expect_names(A_OLD, "?created_at=nonsense&sort=name:asc", "abc"); /* a filter since 3.60 */
    expect_names(A, "?created_at=gt:2020-01-01T00:00:00Z,lt:2200-01-01&sort=name:asc", "abc");
    expect_names(A, "?created_at=lt:2020-01-01T00:00:00", "");
    expect_names(A, "?updated_at=gte:2020-01-01&updated_at=lte:2021-01-01", "");
    expect_names(A, "?sort=size:desc,name:asc&limit=2", "ac");
    expect_names(A, "?id=nonsense", "");
    expect_names(A, "?limit=0", "");

    expect(200, "GET", VOLUMES "?limit=2&sort=name:asc&with_count=True", A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    json_t *link = json_array_get(json_object_get(json, "volumes_links"), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "count")), 3);
    assert_int_equal(json_object_size(json_array_get(json_object_get(json, "volumes"), 0)), 3);
    const char *next = strstr(json_string_value(json_object_get(link, "href")), "/volume/v3/aaaa/volumes?");
    assert_non_null(next);
    expect(200, "GET", next, A, NULL);
    json_decref(json);
    assert_non_null(strstr(world.http.body.buf, c));
    assert_null(strstr(world.http.body.buf, "volumes_links"));
    expect(200, "GET", "/volume/v3/volumes/summary", A, NULL);
    expect_member("volume-summary", "total_size", "6");
    (void)d;
}

static void test_metadata(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1,\"metadata\":{\"a\":\"1\"}}}");
    AUTO_FREE char *all = path_of(id, "/metadata");
    AUTO_FREE char *item = path_of(id, "/metadata/b");

    expect(200, "POST", all, A, "{\"metadata\":{\"b\":\"2\"}}");
    expect_member("metadata", "a", "\"1\"");
    expect(200, "GET", item, A, NULL);
    expect_member("meta", "b", "\"2\"");
    expect(200, "PUT", item, A, "{\"meta\":{\"b\":\"3\"}}");
    expect(400, "PUT", item, A, "{\"meta\":{\"c\":\"3\"}}");
    expect(400, "POST", all, A, "{\"metadata\":{\"b\":2}}");
    expect(400, "PUT", all, A, "{}");
    expect(200, "PUT", all, A, "{\"metadata\":{\"b\":\"4\"}}");
    expect(200, "GET", all, A, NULL);
    expect_member("metadata", "a", "absent");
    expect_member("metadata", "b", "\"4\"");
    expect(200, "DELETE", item, A, NULL);
    expect(404, "DELETE", item, A, NULL);
    expect(404, "GET", item, A, NULL);
}

static void test_actions(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}");
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *action = path_of(id, "/action");

    expect(200, "POST", action, A, "{\"os-set_bootable\":{\"bootable\":true}}");
    expect(200, "GET", path, A, NULL);
    expect_volume("bootable", "\"true\"");
    expect(400, "POST", action, A, "{\"os-set_bootable\":{\"bootable\":\"maybe\"}}");
    expect(400, "POST", action, A, "{\"os-extend\":{\"new_size\":2}}");
    expect(400, "POST", action, A, "{\"os-dance\":{}}");
    expect(400, "POST", action, A, "{}");
    expect(400, "POST", action, A, "[]");
    expect(202, "POST", action, ADMIN, "{\"os-reset_status\":{\"status\":\"error\"}}");
    expect(400, "POST", action, ADMIN, "{\"os-reset_status\":{\"status\":\"happy\"}}");
    expect(202, "POST", action, ADMIN, "{\"os-force_delete\":{}}");
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"deleting\"");
}

/* A status that an admin reset, and that no attachment explains, does not keep the volume for ever. */
static void test_force_delete_of_any_status(void **state)
{
    static const char *const STATUSES[] = { "creating",   "available",        "attaching",      "detaching",
                                            "error",      "error_deleting",   "Error_Managing", "managing",
                                            "backing-up", "error_backing-up", "retyping",       "maintenance" };
    static const char *const REFUSED[] = { "deleting", "in-use", "awaiting-transfer", "migrating" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}");
        AUTO_FREE char *path = path_of(id, "");
        AUTO_FREE char *action = path_of(id, "/action");
        AUTO_FREE char *body = kn_asprintf("{\"os-reset_status\":{\"status\":\"%s\"}}", STATUSES[i]);

        expect(202, "POST", action, ADMIN, body);
        expect(403, "POST", action, A, "{\"os-force_delete\":{}}");
        expect(202, "POST", action, ADMIN, "{\"os-force_delete\":{}}");
        expect(200, "GET", path, A, NULL);
        expect_volume("status", "\"deleting\"");
        for (size_t j = 0; i == 0 && j < KN_COUNT(REFUSED); j++) { /* which rows say, and nobody else */
            AUTO_FREE char *impossible = kn_asprintf("{\"os-reset_status\":{\"status\":\"%s\"}}", REFUSED[j]);

            expect(400, "POST", action, ADMIN, impossible);
        }
        sql("UPDATE task SET state = 'done', finished_at = now(); DELETE FROM volume; DELETE FROM quota_usage");
    }
}

/* Its row goes by a task, its disk stays: an administrator's, of what nobody has, needs or encrypts. */
static void test_unmanage(void **state)
{
    static const char UNMANAGE[] = "{\"os-unmanage\":{}}";
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}"), *path = path_of(id, ""),
                   *action = path_of(id, "/action");

    (void)state;
    expect(403, "POST", action, A, UNMANAGE);
    expect(400, "POST", action, ADMIN, UNMANAGE); /* it is just made */
    sql("UPDATE volume SET status = 'available', key_id = gen_random_uuid()");
    expect(400, "POST", action, ADMIN, UNMANAGE);
    assert_non_null(strstr(world.http.body.buf, "Unmanaging encrypted volumes is not supported."));
    sql("UPDATE volume SET key_id = NULL; INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id) "
        "SELECT gen_random_uuid(), id, project_id, user_id, size_gib, 'available', type_id FROM volume");
    expect(400, "POST", action, ADMIN, UNMANAGE);
    sql("DELETE FROM volume_snapshot; UPDATE task SET state = 'done'");
    expect(202, "POST", action, ADMIN, UNMANAGE);
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"unmanaging\"");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE state = 'run' AND kind = 'volume.unmanage'"), 1);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'volume.delete'"), 0);
    expect(400, "POST", action, ADMIN, UNMANAGE);
    expect(400, "DELETE", path, A, NULL);
    sql("UPDATE task SET state = 'done', finished_at = now(); DELETE FROM volume; DELETE FROM quota_usage");
}

static void test_quota(void **state)
{
    (void)state;
    expect(200, "GET", "/volume/v3/os-quota-sets/aaaa?usage=True", A, NULL);
    expect_member("quota_set", "volumes", "{\"limit\":10,\"in_use\":0,\"reserved\":0,\"allocated\":0}");
    expect(200, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"volumes\":2,\"gigabytes\":5}}");
    expect_member("quota_set", "volumes", "2");
    expect(400, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"volumes\":-2}}");
    expect(400, "PUT", "/volume/v3/os-quota-sets/aaaa", ADMIN, "{\"quota_set\":{\"horses\":2}}");
    expect(413, "POST", VOLUMES, A, "{\"volume\":{\"size\":6}}");
    expect_member("overLimit", "code", "413");
    free(create(A, "{\"volume\":{\"size\":4}}"));
    expect(413, "POST", VOLUMES, A, "{\"volume\":{\"size\":2}}");
    free(create(A, "{\"volume\":{\"size\":1}}"));
    expect(413, "POST", VOLUMES, A, "{\"volume\":{\"size\":1}}");
    assert_int_equal(
        count_of(
            "SELECT (SELECT used FROM quota_usage WHERE project_id = 'aaaa' AND resource = 'volumes') * 100 + (SELECT used FROM quota_usage WHERE project_id = 'aaaa' AND resource = 'gigabytes')"),
        205);
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 2);
    expect(200, "GET", "/volume/v3/limits", A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    json_t *absolute = json_object_get(json_object_get(json, "limits"), "absolute");
    assert_int_equal(json_integer_value(json_object_get(absolute, "totalVolumesUsed")), 2);
    json_decref(json);
    expect(200, "DELETE", "/volume/v3/os-quota-sets/aaaa", ADMIN, NULL);
    expect(200, "GET", "/volume/v3/os-quota-sets/aaaa?usage=False", A, NULL);
    expect_member("quota_set", "volumes", "10");
    expect(200, "GET", "/volume/v3/os-quota-sets/aaaa/defaults", A, NULL);
}

/* A server as far as an attachment's foreign key wants one. */
#define SERVER "11111111-2222-4333-8444-555555555555"
static void make_server(void)
{
    sql("INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id) "
        "VALUES ('" SERVER "', 'aaaa', 'aaaa', 's', 's', 'active', '{}', 'r-1')");
}

/* An attached volume is held by its row: a status that an admin reset lets nobody delete it or attach it twice. */
static void expect_held(const char *path, const struct kn_caller *caller, const struct kn_volume_attach *wish)
{
    AUTO_FREE char *action = path_of(wish->volume_id, "/action");
    char second[KN_UUID_SIZE] = "";
    struct kn_error err = { 0 };

    expect(202, "POST", action, ADMIN, "{\"os-reset_status\":{\"status\":\"available\"}}");
    expect(400, "DELETE", path, A, NULL);
    expect(400, "POST", action, ADMIN, "{\"os-force_delete\":{}}");
    assert_fails(kn_volume_attach_begin(world.db, caller, wish, second, &err), &err, KN_BAD_REQUEST);
    assert_null(strstr(err.message, "attachment_once"));
    assert_non_null(strstr(err.message, SERVER));
    expect(400, "POST", action, ADMIN, "{\"os-reset_status\":{\"status\":\"error\",\"attach_status\":\"detached\"}}");
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"available\"");
    expect(202, "POST", action, ADMIN, "{\"os-reset_status\":{\"status\":\"in-use\"}}");
}

static void test_attach(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A, "{\"volume\":{\"size\":1}}");
    AUTO_FREE char *path = path_of(id, "");
    const struct kn_caller a = { .project_id = "aaaa" }, b = { .project_id = "bbbb" };
    const struct kn_volume_attach wish = { .volume_id = id, .server_id = SERVER };
    char attachment[KN_UUID_SIZE] = "", same[KN_UUID_SIZE] = "";
    struct kn_error err = { 0 };

    make_server();
    assert_fails(kn_volume_attach_begin(world.db, &a, &wish, attachment, &err), &err, KN_BAD_REQUEST);
    settle();
    assert_fails(kn_volume_attach_begin(world.db, &b, &wish, attachment, &err), &err, KN_NOT_FOUND);
    assert_string_equal(attachment, "");
    assert_ok(kn_volume_attach_begin(world.db, &a, &wish, attachment, &err), &err);
    assert_fails(kn_volume_attach_begin(world.db, &a, &wish, same, &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_volume_detach_begin(world.db, &a, id, SERVER, same, &err), &err, KN_BAD_REQUEST);
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"attaching\"");
    expect_volume("attachments", "[]");
    expect(400, "DELETE", path, A, NULL);
    sql("UPDATE volume SET status = 'in-use'; UPDATE attachment SET status = 'attached', device = '/dev/vdb', attached_at = now()");
    expect(200, "GET", path, A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    json_t *shown = json_array_get(json_object_get(json_object_get(json, "volume"), "attachments"), 0);
    assert_string_equal(json_string_value(json_object_get(shown, "server_id")), SERVER);
    assert_string_equal(json_string_value(json_object_get(shown, "device")), "/dev/vdb");
    assert_string_equal(json_string_value(json_object_get(shown, "attachment_id")), attachment);
    json_decref(json);
    expect_held(path, &a, &wish);
    assert_fails(kn_volume_detach_begin(world.db, &a, id, "99999999-2222-4333-8444-555555555555", same, &err), &err,
                 KN_NOT_FOUND);
    assert_ok(kn_volume_detach_begin(world.db, &a, id, SERVER, same, &err), &err);
    assert_string_equal(same, attachment);
    expect(200, "GET", path, A, NULL);
    expect_volume("status", "\"detaching\"");
}

static void test_info(void **state)
{
    (void)state;
    expect(200, "GET", "/volume/v3/types", A, NULL);
    expect(200, "GET", "/volume/v3/types/default", A, NULL);
    expect_member("volume_type", "name", "\"file\"");
    expect(200, "GET", "/volume/v3/os-availability-zone", A, NULL);
    expect(200, "GET", "/volume/v3/aaaa/extensions", A, NULL);
    expect(200, "GET", "/volume/v3/snapshots/detail", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"snapshots\":[]}");
    expect(403, "GET", "/volume/v3/os-services", A, NULL);
    expect(200, "GET", "/volume/v3/os-services", ADMIN, NULL);
    expect(406, "GET", VOLUMES, KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.99\r\n", NULL);
}

static int start_world(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };

    *state = &world;
    kn_test_world_start(&world, "volume", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_smuggled, clean),
        cmocka_unit_test_teardown(test_life, clean),
        cmocka_unit_test_teardown(test_delete, clean),
        cmocka_unit_test_teardown(test_foreign, clean),
        cmocka_unit_test_teardown(test_bad_input, clean),
        cmocka_unit_test_teardown(test_lists, clean),
        cmocka_unit_test_teardown(test_metadata, clean),
        cmocka_unit_test_teardown(test_actions, clean),
        cmocka_unit_test_teardown(test_unmanage, clean),
        cmocka_unit_test_teardown(test_quota, clean),
        cmocka_unit_test_teardown(test_force_delete_of_any_status, clean),
        cmocka_unit_test_teardown(test_attach, clean),
        cmocka_unit_test_teardown(test_info, clean),
    };

    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
