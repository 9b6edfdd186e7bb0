/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers of volumes over a real front door and database: who offers, sees, withdraws and takes what, what moves with a volume and where it counts afterwards, and keys and
 * bodies after which nothing has changed.
 */
#include <pthread.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"

#define NOW "OpenStack-API-Version: volume 3.71\r\n"
#define A KN_TEST_TOKEN("aaaa", "member") NOW
#define B KN_TEST_TOKEN("bbbb", "member") NOW
#define A_OLD KN_TEST_TOKEN("aaaa", "member")
#define READER KN_TEST_TOKEN("aaaa", "reader") NOW
#define ADMIN KN_TEST_TOKEN("cccc", "admin") NOW
#define VOLUMES "/volume/v3/volumes"
#define OLD "/volume/v3/os-volume-transfer"
#define NEW "/volume/v3/volume-transfers"
#define USED(project, resource) \
    "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume' AND project_id = '" project \
    "' AND resource = '" resource "'"

static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };
static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_member(const char *key, const char *wanted)
{
    kn_test_world_expect_member(&world, "transfer", key, wanted);
}

static void expect_text(const char *wanted)
{
    if (strstr(world.http.body.buf, wanted) == NULL) {
        fail_msg("%s is not in %s", wanted, world.http.body.buf);
    }
}

static void sql(const char *text)
{
    kn_test_world_sql(&world, text);
}

static int64_t count_of(const char *text)
{
    return kn_test_world_number(&world, text);
}

static void ask_of(int status, const char *method, const char *collection, const char *id, const char *tail,
                   const char *headers, const char *body)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s%s", collection, id, tail);

    expect(status, method, path, headers, body);
}

/* What the conductor would write. */
static void settle(void)
{
    sql("UPDATE volume SET status = 'available' WHERE status = 'creating'; UPDATE volume_snapshot SET status = "
        "'available' WHERE status = 'creating'; UPDATE task SET state = 'done'");
}

/* A volume of 2 GiB of project aaaa, with a snapshot. */
static char *volume(void)
{
    expect(202, "POST", VOLUMES, A, "{\"volume\":{\"size\":2,\"name\":\"v\"}}");
    char *id = kn_test_world_id(&world, "volume");
    settle();
    AUTO_FREE char *body = kn_asprintf("{\"snapshot\":{\"volume_id\":\"%s\"}}", id);
    expect(202, "POST", "/volume/v3/snapshots", A, body);
    settle();
    return id;
}

static void offer(int status, const char *path, const char *headers, const char *volume_id, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"transfer\":{\"volume_id\":\"%s\"%s}}", volume_id, more);

    expect(status, "POST", path, headers, body);
}

/* The body that takes what the last answer offers; the caller frees. */
static char *acceptance(void)
{
    AUTO_FREE char *key = kn_test_world_member(&world, "transfer", "auth_key");

    return kn_asprintf("{\"accept\":{\"auth_key\":%s}}", key);
}

static int clean(void **state)
{
    (void)state;
    sql("DELETE FROM volume; DELETE FROM volume_snapshot; DELETE FROM quota_usage; DELETE FROM quota_limit; DELETE FROM task");
    return 0;
}

static void expect_sound(void)
{
    assert_int_equal(
        count_of(
            "SELECT count(*) FROM quota_fact f FULL JOIN quota_usage u USING (service, project_id, resource) WHERE "
            "service = 'volume' AND coalesce(f.used, 0) <> coalesce(u.used, 0)"),
        0);
    assert_int_equal(
        count_of("SELECT count(*) FROM volume v FULL JOIN volume_transfer t ON t.volume_id = v.id WHERE (v.status = "
                 "'awaiting-transfer') IS DISTINCT FROM (t.id IS NOT NULL)"),
        0);
}

static void test_life(void **state)
{
    AUTO_FREE char *v = volume();

    (void)state;
    offer(202, OLD, A, v, ",\"name\":\"gift\"");
    AUTO_FREE char *id = kn_test_world_id(&world, "transfer"), *body = acceptance();
    expect_member("name", "\"gift\"");
    expect_member("no_snapshots", "false");
    expect_member("accepted", "false");
    expect_member("source_project_id", "\"aaaa\"");
    expect_text("/v3/aaaa/os-volume-transfer/");
    assert_int_equal(count_of("SELECT count(*) FROM volume_transfer WHERE length(key_hash) = 64"), 1);
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_text("\"status\":\"awaiting-transfer\"");
    ask_of(200, "GET", OLD, id, "", A_OLD, NULL);
    expect_member("auth_key", "absent");
    expect_member("no_snapshots", "absent");
    expect_member("source_project_id", "absent");
    ask_of(404, "GET", OLD, id, "", B, NULL);
    ask_of(404, "DELETE", OLD, id, "", B, NULL);
    expect(200, "GET", OLD, A, NULL);
    expect_text(id);
    expect(200, "GET", NEW "/detail?name=other", A, NULL);
    assert_string_equal(world.http.body.buf, "{\"transfers\":[]}");
    expect(200, "GET", NEW "/detail?all_tenants=1", B, NULL);
    assert_string_equal(world.http.body.buf, "{\"transfers\":[]}");
    expect(200, "GET", NEW "/detail?all_tenants=1", ADMIN, NULL);
    expect_text("\"no_snapshots\":false");
    /* Nothing else happens to it meanwhile. */
    offer(400, OLD, A, v, "");
    ask_of(400, "DELETE", VOLUMES, v, "", A, NULL);
    ask_of(400, "POST", VOLUMES, v, "/action", A, "{\"os-extend\":{\"new_size\":3}}");
    /* Another takes it. */
    ask_of(202, "POST", NEW, id, "/accept", B, body);
    expect_member("name", "\"gift\"");
    expect_member("auth_key", "absent");
    ask_of(404, "GET", VOLUMES, v, "", A, NULL);
    ask_of(200, "GET", VOLUMES, v, "", B, NULL);
    expect_text("\"status\":\"available\"");
    assert_int_equal(count_of(USED("aaaa", "gigabytes")), 0);
    assert_int_equal(count_of(USED("bbbb", "gigabytes")), 4);
    assert_int_equal(count_of(USED("bbbb", "snapshots")), 1);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE project_id = 'bbbb'"), 1);
    ask_of(404, "POST", NEW, id, "/accept", B, body); /* once */
    expect(200, "GET", OLD, A, NULL);
    assert_string_equal(world.http.body.buf, "{\"transfers\":[]}");
    expect_sound();
}

static void test_without_snapshots(void **state)
{
    AUTO_FREE char *v = volume();

    (void)state;
    offer(400, OLD, A_OLD, v, ",\"no_snapshots\":true"); /* 3.0 knows of none */
    offer(202, NEW, A, v, ",\"no_snapshots\":true");
    AUTO_FREE char *id = kn_test_world_id(&world, "transfer"), *body = acceptance();
    expect_member("no_snapshots", "true");
    ask_of(202, "POST", NEW, id, "/accept", B, body);
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE project_id = 'aaaa'"), 1);
    assert_int_equal(count_of(USED("aaaa", "gigabytes")), 2);
    assert_int_equal(count_of(USED("bbbb", "gigabytes")), 2);
    ask_of(400, "DELETE", VOLUMES, v, "?cascade=true", B, NULL); /* which are not his to delete */
    expect_text("disassociated from snapshots");
    assert_int_equal(count_of("SELECT count(*) FROM task WHERE state = 'run'"), 0);
    sql("DELETE FROM volume_snapshot; UPDATE quota_usage SET used = 0 WHERE project_id = 'aaaa'");
    ask_of(202, "DELETE", VOLUMES, v, "?cascade=true", B, NULL);
    expect_sound();
}

static void test_withdrawn(void **state)
{
    AUTO_FREE char *v = volume();

    (void)state;
    offer(202, OLD, A, v, ",\"name\":null");
    AUTO_FREE char *id = kn_test_world_id(&world, "transfer"), *body = acceptance();
    ask_of(403, "DELETE", OLD, id, "", READER, NULL);
    ask_of(202, "DELETE", OLD, id, "", A, NULL);
    ask_of(404, "DELETE", OLD, id, "", A, NULL);
    ask_of(404, "POST", OLD, id, "/accept", B, body);
    ask_of(200, "GET", VOLUMES, v, "", A, NULL);
    expect_text("\"status\":\"available\"");
    /* An administrator's word ends it as well. */
    offer(202, OLD, A, v, "");
    AUTO_FREE char *next = kn_test_world_id(&world, "transfer"), *other = acceptance();
    ask_of(202, "POST", VOLUMES, v, "/action", ADMIN, "{\"os-reset_status\":{\"status\":\"error\"}}");
    ask_of(404, "POST", OLD, next, "/accept", B, other);
    expect_sound();
}

static void test_refused(void **state)
{
    AUTO_FREE char *v = volume();

    (void)state;
    offer(404, OLD, B, v, "");
    offer(403, OLD, READER, v, "");
    offer(400, OLD, A, v, ",\"colour\":\"red\"");
    offer(400, OLD, A, v, ",\"name\":7");
    offer(400, OLD, A, "nothing", "");
    offer(404, OLD, A, "00000000-0000-4000-8000-000000000000", "");
    sql("UPDATE volume_snapshot SET status = 'error'");
    offer(400, OLD, A, v, "");
    expect_text("status must be available");
    sql("UPDATE volume_snapshot SET status = 'available'");
    expect_sound();
    offer(202, OLD, A, v, "");
    AUTO_FREE char *id = kn_test_world_id(&world, "transfer"), *body = acceptance();
    ask_of(400, "POST", OLD, id, "/accept", B, "{\"accept\":{\"auth_key\":\"0000\"}}");
    expect_text("invalid auth key");
    ask_of(400, "POST", OLD, id, "/accept", B, "{\"accept\":{\"auth_key\":77}}");
    expect_text("invalid auth key");
    ask_of(400, "POST", OLD, id, "/accept", B, "{\"accept\":{\"auth_key\":null}}");
    ask_of(400, "POST", OLD, id, "/accept", B, "{\"accept\":{}}");
    ask_of(400, "POST", OLD, id, "/accept", B, "{}");
    ask_of(404, "POST", OLD, "nothing", "/accept", B, body);
    ask_of(404, "POST", OLD, "00000000-0000-4000-8000-000000000000", "/accept", B, body);
    sql("INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('volume', 'bbbb', 'gigabytes', 3)");
    ask_of(413, "POST", OLD, id, "/accept", B, body); /* the volume would fit, its snapshot beside it does not */
    sql("UPDATE quota_limit SET resource = 'per_volume_gigabytes', hard_limit = 1");
    ask_of(400, "POST", OLD, id, "/accept", B, body);
    sql("DELETE FROM quota_limit");
    assert_int_equal(count_of("SELECT count(*) FROM volume WHERE project_id = 'aaaa'"), 1);
    assert_int_equal(count_of("SELECT count(*) FROM volume_transfer"), 1);
    assert_int_equal(count_of(USED("bbbb", "gigabytes")), 0);
    expect_sound();
    ask_of(202, "POST", OLD, id, "/accept", B, body);
    expect_sound();
}

struct taker {
    const char *path, *body, *headers;
    int status;
};

static void *take(void *arg)
{
    struct taker *t = arg;
    struct kn_test_http http = kn_test_http_open(world.http.port);

    kn_test_http_ask(&http, "POST", t->path, t->headers, t->body);
    t->status = http.status;
    kn_test_http_close(&http);
    return NULL;
}

/* Two with the same key: one has it. */
static void test_two_takers(void **state)
{
    AUTO_FREE char *v = volume();

    (void)state;
    offer(202, OLD, A, v, "");
    AUTO_FREE char *id = kn_test_world_id(&world, "transfer"), *body = acceptance(),
                   *path = kn_asprintf(OLD "/%s/accept", id);
    struct taker takers[] = { { path, body, A, 0 }, { path, body, B, 0 } };
    pthread_t threads[KN_COUNT(takers)];
    for (size_t i = 0; i < KN_COUNT(takers); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
    }
    for (size_t i = 0; i < KN_COUNT(takers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(takers[0].status + takers[1].status, 202 + 404);
    expect_sound();
}

static int setup(void **state)
{
    (void)state;
    kn_test_world_start(&world, "transfers", APIS);
    *state = &world;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_life, clean),       cmocka_unit_test_setup(test_without_snapshots, clean),
        cmocka_unit_test_setup(test_withdrawn, clean),  cmocka_unit_test_setup(test_refused, clean),
        cmocka_unit_test_setup(test_two_takers, clean),
    };

    return cmocka_run_group_tests(tests, setup, kn_test_world_teardown);
}
