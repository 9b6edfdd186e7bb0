/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots and what else is made of volumes, over a real front door and database; we play the conductor. Who may see and do what, what depends on what while it is copied, what
 * counts in the quota, and bad input after which nothing has changed.
 */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define A KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define A_OLD KN_TEST_TOKEN("aaaa", "member")
#define A_READER KN_TEST_TOKEN("aaaa", "reader")
#define B KN_TEST_TOKEN("bbbb", "member")
#define ADMIN KN_TEST_TOKEN("cccc", "admin")
#define VOLUMES "/volume/v3/volumes"
#define SNAPSHOTS "/volume/v3/snapshots"
#define USED(resource) \
    "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume' AND resource = '" resource "'"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_member(const char *outer, const char *key, const char *wanted)
{
    kn_test_world_expect_member(&world, outer, key, wanted);
}

static char *made(const char *one)
{
    return kn_test_world_id(&world, one);
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
    sql("UPDATE volume SET status = 'available', extends_from = NULL WHERE status IN ('creating', 'extending', 'uploading', 'reverting'); "
        "UPDATE volume_snapshot SET status = 'available' WHERE status = 'creating'; UPDATE task SET state = 'done'");
}

static char *volume(const char *what)
{
    AUTO_FREE char *body = kn_asprintf("{\"volume\":{%s}}", what);

    expect(202, "POST", VOLUMES, A, body);
    return made("volume");
}

static char *snapshot_of(const char *id)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\",\"name\":\"n\",\"metadata\":{\"k\":\"v\"}}}", id);

    expect(202, "POST", SNAPSHOTS, A, body);
    return made("snapshot");
}

static void ask_of(int status, const char *method, const char *collection, const char *id, const char *tail,
                   const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", collection, id, tail);

    expect(status, method, path, headers, body);
}

static void act(int status, const char *id, const char *body)
{
    ask_of(status, "POST", VOLUMES, id, "/action", A, body);
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM attachment; DELETE FROM volume; DELETE FROM volume_snapshot; DELETE FROM quota_usage; DELETE FROM quota_limit; "
        "DELETE FROM task; DELETE FROM server; DELETE FROM volume_type WHERE name <> 'file'");
    return 0;
}

static void test_life(void **state)
{
    AUTO_FREE char *v = volume("\"size\":2"), *s = NULL;

    (void)state;
    settle();
    s = snapshot_of(v);
    expect_member("snapshot", "status", "\"creating\"");
    expect_member("snapshot", "size", "2");
    expect_member("snapshot", "os-extended-snapshot-attributes:progress", "absent");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'snapshot.create' AND state = 'run'"), 1);
    assert_int_equal(count_of(USED("snapshots")), 1);
    assert_int_equal(count_of(USED("gigabytes")), 4);
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM quota_fact f JOIN quota_usage u USING (service, project_id, resource) WHERE service = 'volume' AND f.used <> u.used"),
        0);
    ask_of(400, "DELETE", SNAPSHOTS, s, "", A, NULL); /* it is on its way */
    settle();
    ask_of(200, "GET", SNAPSHOTS, s, "", A, NULL);
    expect_member("snapshot", "metadata", "{\"k\":\"v\"}");
    expect_member("snapshot", "os-extended-snapshot-attributes:progress", "\"100%\"");
    expect_member("snapshot", "consumes_quota", "true");
    ask_of(200, "GET", SNAPSHOTS, s, "", A_OLD, NULL);
    expect_member("snapshot", "user_id", "absent");
    ask_of(404, "GET", SNAPSHOTS, s, "", B, NULL);
    ask_of(404, "DELETE", SNAPSHOTS, s, "", B, NULL);
    ask_of(200, "PUT", SNAPSHOTS, s, "", A, "{\"snapshot\":{\"name\":\"other\",\"description\":\"d\"}}");
    expect_member("snapshot", "name", "\"other\"");
    ask_of(200, "POST", SNAPSHOTS, s, "/metadata", A, "{\"metadata\":{\"a\": \"b\"}}");
    ask_of(200, "DELETE", SNAPSHOTS, s, "/metadata/k", A, NULL);
    ask_of(200, "GET", SNAPSHOTS, s, "/metadata", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"metadata\":{\"a\": \"b\"}}");
    expect(200, "GET", SNAPSHOTS "?name=other&limit=1", A, NULL);
    assert_non_null(strstr(world.http.body.buf, s));
    expect(200, "GET", SNAPSHOTS "/detail?status=error", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"snapshots\":[]}");
    expect(200, "GET", SNAPSHOTS, B, NULL);
    assert_string_equal(world.http.body.buf, "{\"snapshots\":[]}");
    ask_of(400, "DELETE", VOLUMES, v, "", A, NULL); /* it has a snapshot */
    ask_of(400, "POST", VOLUMES, v, "/action", ADMIN, "{\"os-force_delete\":{}}");
    ask_of(202, "DELETE", SNAPSHOTS, s, "", A, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE kind = 'snapshot.delete' AND state = 'run'"), 1);
    ask_of(403, "POST", SNAPSHOTS, s, "/action", A, "{\"os-reset_status\":{\"status\":\"error\"}}");
    ask_of(202, "POST", SNAPSHOTS, s, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"error\"}}");
    ask_of(202, "DELETE", VOLUMES, v, "?cascade=true", A, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE status = 'deleting'"), 1);
}

/* Whoever keeps a snapshot elsewhere says how far it is; what this cloud is at work on it says itself. */
static void test_status_is_said(void **state)
{
    static const char HALF[] = "{\"os-update_snapshot_status\":{\"status\":\"creating\",\"progress\":\"50%\"}}";
    AUTO_FREE char *v = volume("\"size\":1");
    settle();
    AUTO_FREE char *s = snapshot_of(v);

    (void)state;
    ask_of(400, "POST", SNAPSHOTS, s, "/action", A, HALF); /* its task is open */
    assert_non_null(strstr(world.http.body.buf, "at work on it"));
    sql("UPDATE task SET state = 'done'");
    ask_of(404, "POST", SNAPSHOTS, s, "/action", B, HALF);
    ask_of(202, "POST", SNAPSHOTS, s, "/action", A, HALF);
    ask_of(200, "GET", SNAPSHOTS, s, "", A, NULL);
    expect_member("snapshot", "os-extended-snapshot-attributes:progress", "\"50%\"");
    ask_of(400, "POST", SNAPSHOTS, s, "/action", A, "{\"os-update_snapshot_status\":{\"status\":\"deleting\"}}");
    ask_of(400, "POST", SNAPSHOTS, s, "/action", A,
           "{\"os-update_snapshot_status\":{\"status\":\"error\",\"progress\":\"101%\"}}");
    ask_of(202, "POST", SNAPSHOTS, s, "/action", A, "{\"os-update_snapshot_status\":{\"status\":\"error\"}}");
    ask_of(400, "POST", SNAPSHOTS, s, "/action", A, HALF);
    assert_non_null(strstr(world.http.body.buf, "Snapshot status error not allowed for update_snapshot_status"));
}

/* While something is made of it, a source is neither attached, changed nor removed; afterwards it owes nobody anything. */
static void test_sources_stay_while_they_are_copied(void **state)
{
    static const char *const ON_ITS_WAY[] = {
        "SELECT 1", /* somebody works on it still: it may become larger yet */
        "UPDATE volume SET status = 'error_deleting' WHERE extends_from IS NOT NULL",
    };
    AUTO_FREE char *v = volume("\"size\":2,\"metadata\":{}"), *s = NULL, *copy = NULL, *clone = NULL,
                   *of_snapshot = NULL, *of_volume = NULL;

    (void)state;
    of_volume = kn_asprintf("\"source_volid\":\"%s\"", v);
    AUTO_FREE char *body = kn_asprintf("{\"volume\":{%s}}", of_volume);
    expect(400, "POST", VOLUMES, A, body); /* it is not there yet */
    settle();
    s = snapshot_of(v);
    act(400, v, "{\"os-extend\":{\"new_size\":3}}");
    ask_of(400, "DELETE", VOLUMES, v, "?cascade=true", A, NULL);
    settle();
    clone = volume(of_volume);
    expect_member("volume", "size", "2");
    ask_of(400, "DELETE", VOLUMES, v, "?cascade=true", A, NULL);
    act(400, v, "{\"os-extend\":{\"new_size\":3}}");
    settle();
    of_snapshot = kn_asprintf("\"snapshot_id\":\"%s\",\"size\":5", s);
    copy = volume(of_snapshot);
    ask_of(400, "DELETE", SNAPSHOTS, s, "", A, NULL);
    ask_of(400, "POST", SNAPSHOTS, s, "/action", ADMIN, "{\"os-force_delete\":{}}");
    settle();
    ask_of(200, "GET", VOLUMES, copy, "", A, NULL);
    expect_member("volume", "size", "5");
    AUTO_FREE char *quoted = kn_asprintf("\"%s\"", s);
    expect_member("volume", "snapshot_id", quoted);
    act(202, v, "{\"os-extend\":{\"new_size\":3}}");
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_member("volume", "size", "2"); /* until it has grown */
    expect_member("volume", "status", "\"extending\"");
    assert_int_equal(count_of(USED("gigabytes")), 3 + 2 + 2 + 5);
    sql("UPDATE volume SET status = 'error_extending' WHERE status = 'extending'");
    ask_of(202, "POST", VOLUMES, v, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"available\"}}");
    assert_int_equal(count_of(USED("gigabytes")), 2 + 2 + 2 + 5); /* what it did not become */
    act(202, v, "{\"os-extend\":{\"new_size\":4}}");
    for (size_t i = 0; i < KN_COUNT(ON_ITS_WAY); i++) { /* nor by way of a removal that failed, or of an error */
        sql(ON_ITS_WAY[i]);
        ask_of(202, "POST", VOLUMES, v, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"available\"}}");
        assert_int_equal(count_of(USED("gigabytes")), i == 0 ? 4 + 2 + 2 + 5 : 2 + 2 + 2 + 5);
        assert_int_equal(
            count_of("SELECT count(*) FROM quota_usage u JOIN quota_fact f USING (service, project_id, resource) "
                     "WHERE u.used <> f.used"),
            0);
    }
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE extends_from IS NOT NULL"), 0);
    ask_of(202, "DELETE", SNAPSHOTS, s, "", A, NULL);
    ask_of(202, "DELETE", VOLUMES, clone, "", A, NULL);
}

static void test_flags(void **state)
{
    AUTO_FREE char *v = volume("\"size\":1,\"metadata\":{\"k\":\"v\"}");

    (void)state;
    act(400, v, "{\"os-update_readonly_flag\":{\"readonly\":true}}"); /* not while it is made */
    settle();
    act(202, v, "{\"os-update_readonly_flag\":{\"readonly\":true}}");
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_member("volume", "metadata", "{\"k\":\"v\",\"readonly\":\"True\"}");
    ask_of(200, "POST", VOLUMES, v, "/metadata", A, "{\"metadata\":{\"a\": \"b\"}}");
    act(202, v, "{\"os-update_readonly_flag\":{\"readonly\":\"false\"}}");
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_member("volume", "metadata", "{\"a\":\"b\",\"k\":\"v\",\"readonly\":\"False\"}");
    act(200, v, "{\"os-set_image_metadata\":{\"metadata\":{\"os\":\"x\",\"p\":\"q\"}}}");
    act(200, v, "{\"os-unset_image_metadata\":{\"key\":\"os\"}}");
    act(404, v, "{\"os-unset_image_metadata\":{\"key\":\"os\"}}");
    act(200, v, "{\"os-show_image_metadata\":{}}");
    assert_string_equal(world.http.body.buf, "{\"metadata\":{\"p\": \"q\"}}");
    expect(200, "GET", VOLUMES "/detail", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"volume_image_metadata\":{\"p\": \"q\"}"));
}

static void test_retype(void **state)
{
    AUTO_FREE char *v = volume("\"size\":3"), *other = NULL, *sql_of = NULL;

    (void)state;
    settle();
    expect(200, "POST", "/volume/v3/types", ADMIN,
           "{\"volume_type\":{\"name\":\"gold\",\"extra_specs\":{\"volume_backend_name\":\"file\"}}}");
    other = made("volume_type");
    act(400, v, "{\"os-retype\":{\"new_type\":\"none\"}}");
    act(400, v, "{\"os-retype\":{\"new_type\":\"file\"}}");
    act(202, v, "{\"os-retype\":{\"new_type\":\"gold\",\"migration_policy\":\"never\"}}");
    sql_of = kn_asprintf("SELECT used FROM quota_usage WHERE resource = 'gigabytes_%s'", other);
    assert_int_equal(count_of(sql_of), 3);
    assert_int_equal(count_of(USED("gigabytes")), 3);
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_member("volume", "volume_type", "\"gold\"");
}

static void test_upload(void **state)
{
    AUTO_FREE char *v = volume("\"size\":1"), *longest = NULL, *longer = NULL;

    (void)state;
    settle();
    longest = kn_asprintf("{\"os-volume_upload_image\":{\"image_name\":\"%0*d\"}}", KN_MAX_VOLUME_IMAGE_NAME, 0);
    longer = kn_asprintf("{\"os-volume_upload_image\":{\"image_name\":\"%0*d\"}}", KN_MAX_VOLUME_IMAGE_NAME + 1, 0);
    act(400, v, "{\"os-volume_upload_image\":{\"image_name\":\"\"}}");
    act(400, v, longer);
    act(400, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\",\"disk_format\":\"vmdk\"}}");
    act(400, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\",\"disk_format\":\"odd\"}}");
    act(400, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\",\"container_format\":\"ovf\"}}");
    act(403, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\",\"visibility\":\"public\"}}");
    assert_int_equal(count_of("SELECT count(*) FROM image"), 0);
    act(202, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\",\"disk_format\":\"qcow2\",\"protected\":true}}");
    expect_member("os-volume_upload_image", "status", "\"uploading\"");
    expect_member("os-volume_upload_image", "protected", "true");
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM image WHERE name = 'x' AND protected AND status = 'queued' AND brought_by IS NOT NULL"),
        1);
    act(400, v, "{\"os-volume_upload_image\":{\"image_name\":\"x\"}}"); /* one at a time */
    settle();
    act(202, v, longest);
    assert_int_equal(count_of("SELECT max(length(name)) FROM image"), KN_MAX_VOLUME_IMAGE_NAME);
    sql("DELETE FROM image");
}

static void test_refused(void **state)
{
    AUTO_FREE char *v = volume("\"size\":2"), *s = NULL;

    (void)state;
    settle();
    s = snapshot_of(v);
    settle();
    AUTO_FREE char *both = kn_asprintf("{\"volume\":{\"snapshot_id\":\"%s\",\"source_volid\":\"%s\"}}", s, v),
                   *small = kn_asprintf("{\"volume\":{\"size\":1,\"snapshot_id\":\"%s\"}}", s),
                   *smaller = kn_asprintf("{\"volume\":{\"size\":1,\"source_volid\":\"%s\"}}", v),
                   *mine = kn_asprintf("{\"volume\":{\"snapshot_id\":\"%s\"}}", s),
                   *of = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\"}}", v),
                   *odd = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\",\"color\":\"red\"}}", v),
                   *unforced = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\",\"force\":false}}", v),
                   *revert = kn_asprintf("{\"revert\":{\"snapshot_id\":\"%s\"}}", s);

    expect(400, "POST", VOLUMES, A, both);
    expect(400, "POST", VOLUMES, A, small);
    expect(400, "POST", VOLUMES, A, smaller);
    expect(404, "POST", VOLUMES, B, mine);
    expect(404, "POST", SNAPSHOTS, B, of);
    expect(403, "POST", SNAPSHOTS, A_READER, of);
    expect(400, "POST", SNAPSHOTS, A, odd);
    expect(400, "POST", SNAPSHOTS, A, unforced); /* from 3.66 on */
    expect(404, "POST", SNAPSHOTS, A, "{\"snapshot\":{\"volume_id\":null}}");
    expect(400, "POST", SNAPSHOTS, A, "{\"snapshot\":{\"name\":\"x\"}}");
    expect(400, "POST", SNAPSHOTS, A, "{\"snapshot\":{\"volume_id\":\"x\"}}");
    ask_of(400, "PUT", SNAPSHOTS, s, "", A, "{\"snapshot\":{}}");
    ask_of(400, "PUT", SNAPSHOTS, s, "", A, "{\"snapshot\":{\"metadata\":{}}}");
    act(400, v, "{\"os-extend\":{\"new_size\":2}}");
    act(400, v, "{\"os-extend\":{\"new_size\":0}}");
    act(400, v, "{\"os-extend\":{}}");
    ask_of(400, "POST", VOLUMES, v, "/action", A_OLD, revert); /* 3.40 knows it first */
    assert_int_equal(count_of("SELECT count(*) FROM volume") + count_of("SELECT count(*) FROM volume_snapshot"), 2);
    sql("INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('volume', 'aaaa', 'snapshots', 1), ('volume', 'aaaa', 'gigabytes', 5)");
    expect(413, "POST", SNAPSHOTS, A, of);
    act(413, v, "{\"os-extend\":{\"new_size\":4}}");
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_member("volume", "status", "\"available\"");
    act(202, v, "{\"os-extend\":{\"new_size\":3}}");
    settle();
    act(400, v, revert); /* it was extended since */
    sql("UPDATE volume SET status = 'in-use'");
    expect(400, "POST", SNAPSHOTS, A, of); /* what a server writes */
    act(400, v, "{\"os-extend\":{\"new_size\":4}}");
}

static int start_world(void **state)
{
    *state = &world;
    kn_test_world_start(&world, "snapshots", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_life, clean),
        cmocka_unit_test_teardown(test_status_is_said, clean),
        cmocka_unit_test_teardown(test_sources_stay_while_they_are_copied, clean),
        cmocka_unit_test_teardown(test_flags, clean),
        cmocka_unit_test_teardown(test_retype, clean),
        cmocka_unit_test_teardown(test_upload, clean),
        cmocka_unit_test_teardown(test_refused, clean),
    };

    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
