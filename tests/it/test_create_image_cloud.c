/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images made of servers, in a whole cloud on simulated hosts: what is written on them, who may bring their data, what is refused, and all that may die or be deleted in
 * the middle; after all of it an image is active or gone, the server is free, and the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/data/url.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define OLD KN_WHOLE_JSON "OpenStack-API-Version: compute 2.37\r\n"
#define FIRST KN_WHOLE_JSON "OpenStack-API-Version: compute 2.35\r\n"
#define NEW KN_WHOLE_JSON "OpenStack-API-Version: compute 2.45\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"
#define UNDECIDED "SELECT count(*) FROM image WHERE status IN ('queued', 'saving') AND deleted_at IS NULL"

#define SERVER_IMAGE "55555555-5555-4555-8555-555555555555"
#define RIGHT_SHA512 \
    "b93179252e4b889ce6f254ac69247d81929d80022ca765cd67550d1744b32cd5" \
    "944d67e1438b2e283dba7fa9f9a23419a23f27948c2cbf2ac1d3979d4b7b5a42"
#define WRONG_SHA512 \
    "e25ac3845f8cbe12801a2dfa5a89d4c55dc47900f3b6edc9a9ee590f3c2b9312" \
    "f665d0039c93828b7b58f33950bc817a0955a9c5000a8d3e280569f08745ca68"

static char server[KN_UUID_SIZE], image[KN_UUID_SIZE], flavor[KN_UUID_SIZE];

static void make_server(void)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}", flavor,
        image);

    kn_whole_cloud_expect(202, "POST", SERVERS, OLD, body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
}

static void settled(void)
{
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    kn_whole_cloud_await(UNDECIDED, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE task_state IS NOT NULL", NULL), 0);
}

static void sound(void)
{
    settled();
    assert_true(kn_whole_cloud_is_sound());
}

/* Of the newest image; kept until the next 15. */
static const char *shown(const char *member)
{
    AUTO_FREE char *path = NULL;

    kn_whole_cloud_expect(200, "GET", "/image/v2/images?limit=1", NULL, NULL);
    path = kn_asprintf("images.0.%s", member);
    return kn_whole_cloud_text(path);
}

static void await_active(const char *name)
{
    AUTO_FREE char *sql =
        kn_asprintf("SELECT count(*) FROM image WHERE name = '%s' AND status = 'active' AND deleted_at IS NULL", name);

    kn_whole_cloud_await(sql, 1);
}

static void of_a_running_one(void **state)
{
    const char *location;
    char id[KN_UUID_SIZE];

    (void)state;
    kn_whole_cloud_act(server, 202, OLD, "{\"createImage\": {\"name\": \"одна\", \"metadata\": {\"k\": \"v\"}}}");
    location = kn_test_http_header(&kn_whole.http, "Location");
    assert_non_null(strstr(location, "/image/v2/images/"));
    kn_copy(id, sizeof(id), strrchr(location, '/') + 1);
    assert_int_equal(kn_whole.http.body.len, 0);
    await_active("одна");
    settled();
    assert_string_equal(shown("id"), id);
    assert_string_equal(shown("instance_uuid"), server);
    assert_string_equal(shown("base_image_ref"), image);
    assert_string_equal(shown("image_type"), "snapshot");
    assert_string_equal(shown("user_id"), kn_whole.user);
    assert_string_equal(shown("owner"), kn_whole.project);
    assert_string_equal(shown("owner_id"), kn_whole.project);
    assert_string_equal(shown("visibility"), "private");
    assert_string_equal(shown("hw_of_base"), "stays"); /* what the base has */
    assert_string_equal(shown("k"), "v");
    assert_int_equal(kn_whole_cloud_count("SELECT min_disk FROM image WHERE id = $1", id), 1); /* the flavor's */
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s/file", id),
                   *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);

    kn_whole_cloud_expect(200, "GET", path, NULL, NULL);
    assert_non_null(strstr(kn_whole.http.body.buf, server)); /* its own disk */
    kn_whole_cloud_expect(200, "GET", actions, NULL, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "createImage");
    kn_whole_cloud_act(server, 202, NEW, "{\"createImage\": {\"name\": \"two\"}}");
    assert_string_equal(kn_test_http_header(&kn_whole.http, "Location"), "");
    kn_copy(id, sizeof(id), kn_whole_cloud_text("image_id"));
    await_active("two");
    assert_string_equal(shown("id"), id);
    sound();
}

static void in_any_state_that_has_a_disk(void **state)
{
    static const struct {
        const char *before, *vm_state, *after;
    } STATES[] = { { "{\"os-stop\": null}", "stopped", "{\"os-start\": null}" },
                   { "{\"pause\": null}", "paused", "{\"unpause\": null}" },
                   { "{\"suspend\": null}", "suspended", "{\"resume\": null}" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(STATES); i++) {
        AUTO_FREE char *is = kn_asprintf("SELECT count(*) FROM server WHERE vm_state = '%s' AND task_state IS NULL",
                                         STATES[i].vm_state);
        AUTO_FREE char *body = kn_asprintf("{\"createImage\": {\"name\": \"%s\"}}", STATES[i].vm_state);

        kn_whole_cloud_act(server, 202, OLD, STATES[i].before);
        kn_whole_cloud_await(is, 1);
        kn_whole_cloud_act(server, 202, OLD, body);
        await_active(STATES[i].vm_state);
        kn_whole_cloud_await(is, 1); /* it is what it was */
        kn_whole_cloud_act(server, 202, OLD, STATES[i].after);
        kn_whole_cloud_await(IS("active"), 1);
    }
    kn_whole_cloud_act(server, 200, OLD, "{\"rescue\": null}");
    kn_whole_cloud_await(IS("rescued"), 1);
    kn_whole_cloud_act(server, 409, OLD, "{\"createImage\": {\"name\": \"n\"}}");
    assert_non_null(strstr(kn_whole.http.body.buf, "Cannot 'createImage' instance"));
    kn_whole_cloud_act(server, 202, OLD, "{\"unrescue\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    sound();
}

static void what_is_wrong_changes_nothing(void **state)
{
    char longer[257] = "";
    const int64_t images = kn_whole_cloud_count("SELECT count(*) FROM image", NULL);

    (void)state;
    memset(longer, 'n', 256);
    AUTO_FREE char *too_long = kn_asprintf("{\"createImage\": {\"name\": \"%s\"}}", longer);

    kn_whole_cloud_act(server, 400, OLD, "{\"createImage\": {}}");
    kn_whole_cloud_act(server, 400, OLD, "{\"createImage\": null}");
    kn_whole_cloud_act(server, 400, OLD, "{\"createImage\": {\"name\": \"\"}}");
    kn_whole_cloud_act(server, 400, OLD, too_long);
    kn_whole_cloud_act(server, 400, OLD, "{\"createImage\": {\"name\": \"n\", \"metadata\": {\"k\": 1}}}");
    kn_whole_cloud_act(server, 400, OLD,
                       "{\"createImage\": {\"name\": \"n\", \"metadata\": {\"status\": \"active\"}}}");
    kn_whole_cloud_act(server, 400, OLD, "{\"createImage\": {\"name\": \"n\", \"rotation\": 1}}");
    AUTO_FREE char *nobody = kn_strdup(server);

    kn_copy(server, sizeof(server), "77777777-7777-4777-8777-777777777777");
    kn_whole_cloud_act(server, 404, OLD, "{\"createImage\": {\"name\": \"n\"}}");
    kn_copy(server, sizeof(server), nobody);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image", NULL), images);
    sound();
}

/* The host cannot make the file: the server is what it was, the image is gone, the action says that it failed. */
static void what_fails_leaves_nothing(void **state)
{
    AUTO_FREE char *dir = kn_asprintf("%s/snapshots", kn_whole.dir),
                   *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);

    (void)state;
    rmdir(dir); /* empty: nothing was left */
    assert_int_equal(close(creat(dir, 0600)), 0);
    kn_whole_cloud_act(server, 202, OLD, "{\"createImage\": {\"name\": \"lost\"}}");
    kn_whole_cloud_await("SELECT count(*) FROM image WHERE name = 'lost' AND deleted_at IS NULL", 0);
    assert_int_equal(unlink(dir), 0);
    kn_whole_cloud_await(IS("active"), 1);
    settled();
    kn_whole_cloud_expect(200, "GET", actions, NULL, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.message"), "Error");
    sound();
}

static struct kn_test_http door;
static struct kn_image_url_key key;

static int put(const char *id, int64_t task, int64_t life_s, const char *headers)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_image_url_sign_upload(&key, "", id, task, kn_now_ms() / 1000 + life_s, &url);
    kn_test_http_ask(&door, "PUT", url.buf, headers, "what comes");
    return door.status;
}

/* An address is good for one image and one task, while that is open. */
static void who_may_bring_it(void **state)
{
    struct kn_error err = { 0 };
    char id[KN_UUID_SIZE];

    (void)state;
    assert_ok(kn_image_url_key_load(kn_whole.dir, &key, &err), &err);
    door = kn_test_http_open(kn_whole_cloud_image_port());
    kn_copy(id, sizeof(id), shown("id"));
    const int64_t task =
        kn_whole_cloud_count("SELECT id FROM task WHERE kind = 'server.createImage' ORDER BY id LIMIT 1", NULL);

    assert_int_equal(put(id, task, 60, NULL), 410); /* it is over */
    assert_int_equal(put(id, task, -1, NULL), 403);
    kn_test_http_ask(&door, "PUT",
                     "/image/77777777-7777-4777-8777-777777777777?task=1&expires=9999999999&signature=", NULL, "x");
    assert_int_equal(door.status, 403);
    kn_test_http_ask(&door, "PUT", "/image/x", NULL, "x");
    assert_int_equal(door.status, 404);
    AUTO_FREE char *open = kn_asprintf(
        "INSERT INTO task (id, kind, shard, object_id, project_id, user_id, request_id, input, state, step, attempt, deadline) OVERRIDING SYSTEM VALUE SELECT 1000000, "
        "'server.createImage', 99, '%s', 'p', 'u', 'req-x', jsonb_build_object('image', '%s'), 'run', 2, 3, now() + interval '1 hour';"
        "UPDATE image SET brought_by = '%s' WHERE id = '%s'",
        server, SERVER_IMAGE, server, SERVER_IMAGE);

    kn_whole_cloud_expect(201, "POST", "/image/v2/images", KN_WHOLE_JSON,
                          "{\"name\": \"awaited\", \"id\": \"" SERVER_IMAGE "\"}");
    assert_ok(kn_db_script(kn_whole.db, open, &err), &err);
    assert_int_equal(put(SERVER_IMAGE, 1000000, 60, NULL), 400); /* says not what it is */
    assert_int_equal(put(SERVER_IMAGE, 1000000, 60, "X-Image-Format: raw\r\nX-Image-Sha512: " WRONG_SHA512 "\r\n"),
                     415);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE status = 'queued' AND id = $1",
                                          SERVER_IMAGE),
                     1);
    assert_int_equal(put(SERVER_IMAGE, 1000000, 60, "X-Image-Format: raw\r\nX-Image-Sha512: " RIGHT_SHA512 "\r\n"),
                     204);
    assert_int_equal(put(SERVER_IMAGE, 1000000, 60, "X-Image-Format: raw\r\nX-Image-Sha512: " RIGHT_SHA512 "\r\n"),
                     204);
    assert_int_equal(put(id, 1000000, 60, "X-Image-Format: raw\r\nX-Image-Sha512: " RIGHT_SHA512 "\r\n"), 410);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE status = 'active' AND id = $1",
                                          SERVER_IMAGE),
                     1);
    assert_ok(kn_db_script(kn_whole.db, "DELETE FROM task WHERE id = 1000000", &err), &err);
    kn_whole_cloud_expect(204, "DELETE", "/image/v2/images/" SERVER_IMAGE, NULL, NULL);
    kn_test_http_close(&door);
    sound();
}

static void deleted_in_the_middle(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        kn_whole_cloud_act(server, 202, NEW, "{\"createImage\": {\"name\": \"unwanted\"}}");
        AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s", kn_whole_cloud_text("image_id"));

        kn_test_pause(i * 7);
        kn_whole_cloud_expect(204, "DELETE", path, NULL, NULL);
        kn_whole_cloud_await(IS("active"), 1);
        settled();
    }
    for (int i = 0; i < 4; i++) {
        AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

        kn_whole_cloud_act(server, 202, NEW, "{\"createImage\": {\"name\": \"orphan\"}}");
        kn_test_pause(i * 7);
        kn_whole_cloud_expect(204, "DELETE", path, OLD, NULL);
        kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
        settled();
        make_server();
    }
    sound();
}

/* Names of a type's backups that there are, oldest first. */
static const char *backups(const char *type)
{
    static char names[256];
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_query(
            kn_whole.db,
            "SELECT coalesce(string_agg(name, ' ' ORDER BY created_at), '') FROM image WHERE deleted_at IS NULL AND "
            "properties->>'image_type' = 'backup' AND properties->>'backup_type' = $1",
            1, KN_ARGS(type), &rows, &err),
        &err);
    kn_copy(names, sizeof(names), kn_rows_text(rows, 0, 0));
    return names;
}

static void back_up(const char *name, const char *type, int rotation)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"createBackup\": {\"name\": \"%s\", \"backup_type\": \"%s\", \"rotation\": %d}}", name, type,
                    rotation);

    kn_whole_cloud_act(server, 202, OLD, body);
}

/* As many of a type as are to stay; what is protected, of another type, or a snapshot, is not counted away. */
static void backups_rotate(void **state)
{
    static const char *const NAMES[] = { "d1", "d2", "d3", "d4" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        back_up(NAMES[i], "daily", 2);
        assert_non_null(strstr(kn_test_http_header(&kn_whole.http, "Location"), "/image/v2/images/"));
        settled();
    }
    assert_string_equal(backups("daily"), "d3 d4");
    AUTO_FREE char *keep = kn_asprintf("/image/v2/images/%s", shown("id"));

    assert_string_equal(shown("image_type"), "backup");
    assert_string_equal(shown("backup_type"), "daily");
    kn_whole_cloud_expect(200, "PATCH", keep, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"replace\", \"path\": \"/protected\", \"value\": true}]");
    back_up("w1", "weekly", 1);
    settled();
    back_up("d5", "daily", 0);
    assert_string_equal(kn_test_http_header(&kn_whole.http, "Location"), "");
    settled();
    assert_string_equal(backups("daily"), "d4");
    assert_string_equal(backups("weekly"), "w1");
    kn_whole_cloud_act(
        server, 202, NEW,
        "{\"createBackup\": {\"name\": \"w2\", \"backup_type\": \"weekly\", \"rotation\": \"1\", \"metadata\": {\"k\": \"v\"}}}");
    assert_int_equal(strlen(kn_whole_cloud_text("image_id")), 36);
    settled();
    assert_string_equal(backups("weekly"), "w2");
    assert_string_equal(shown("k"), "v");
    kn_whole_cloud_expect(200, "PATCH", keep, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"replace\", \"path\": \"/protected\", \"value\": false}]");
    kn_whole_cloud_act(server, 400, OLD, "{\"createBackup\": {\"name\": \"n\", \"backup_type\": \"d\"}}");
    kn_whole_cloud_act(server, 400, OLD, "{\"createBackup\": {\"name\": \"n\", \"rotation\": 1}}");
    kn_whole_cloud_act(server, 400, OLD,
                       "{\"createBackup\": {\"name\": \"n\", \"backup_type\": \"d\", \"rotation\": -1}}");
    kn_whole_cloud_act(server, 400, OLD,
                       "{\"createBackup\": {\"name\": \"n\", \"backup_type\": \"d\", \"rotation\": \"x\"}}");
    sound();
}

/* As clients before 2.36 do it; whoever sees an image and may not have it away is told so. */
static void nova_has_a_route_to_delete_one(void **state)
{
    char id[KN_UUID_SIZE];

    (void)state;
    kn_whole_cloud_act(server, 202, OLD, "{\"createImage\": {\"name\": \"short-lived\"}}");
    await_active("short-lived");
    settled();
    kn_copy(id, sizeof(id), shown("id"));
    AUTO_FREE char *path = kn_asprintf("/compute/v2.1/images/%s", id);

    kn_whole_cloud_expect(404, "DELETE", path, NEW, NULL);
    kn_whole_cloud_expect(204, "DELETE", path, FIRST, NULL);
    kn_whole_cloud_expect(404, "DELETE", path, FIRST, NULL);
    assert_non_null(strstr(kn_whole.http.body.buf, "Image not found."));
    sound();
}

static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent", "kilonova-image", "kilonova-api" };

    (void)state;
    for (size_t i = 0; i < 2 * KN_COUNT(WHO); i++) {
        kn_whole_cloud_act(server, 202, NEW, "{\"createImage\": {\"name\": \"survivor\"}}");
        kn_test_pause((int)(i * 5));
        kn_whole_cloud_restart(WHO[i % KN_COUNT(WHO)]);
        kn_test_wait_port(kn_whole.http.port);
        kn_whole_cloud_await(IS("active"), 1);
        settled();
    }
    assert_true(kn_whole_cloud_count("SELECT count(*) FROM image WHERE name = 'survivor' AND status = 'active'", NULL) >
                4);
    AUTO_FREE char *dir = kn_asprintf("%s/snapshots", kn_whole.dir);

    assert_true(rmdir(dir) == 0); /* no file is left */
    sound();
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    AUTO_FREE char *path = kn_asprintf("/image/v2/images/%s", image);

    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n",
                          "[{\"op\": \"add\", \"path\": \"/hw_of_base\", \"value\": \"stays\"},"
                          " {\"op\": \"add\", \"path\": \"/image_type\", \"value\": \"base\"}]");
    make_server();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_running_one),
        cmocka_unit_test(in_any_state_that_has_a_disk),
        cmocka_unit_test(what_is_wrong_changes_nothing),
        cmocka_unit_test(what_fails_leaves_nothing),
        cmocka_unit_test(who_may_bring_it),
        cmocka_unit_test(deleted_in_the_middle),
        cmocka_unit_test(backups_rotate),
        cmocka_unit_test(nova_has_a_route_to_delete_one),
        cmocka_unit_test(daemons_die),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
