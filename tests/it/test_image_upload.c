/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image data that is refused, breaks off, comes twice, is too large or loses its writer: what the client is told, and that no
 * image is active without its data and no file is left without its image; and what a task brings, which nobody else may.
 */
#include <stdio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/data/blob.h"
#include "image/rows/image.h"
#include "image/serve/sweep.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/image_world.h"

#define WAIT_MS 60000

static char *read_file(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rbe");
    char *data = kn_alloc(1 << 20);

    assert_non_null(f);
    *ret_len = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

/* kn_test_http_ask() takes text; this takes bytes. */
static int put_bytes(const char *id, const char *data, size_t len)
{
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/file HTTP/1.1\r\nHost: x\r\n" A BYTES
                                       "Content-Length: %zu\r\n\r\n",
                                       id, len);

    kn_test_http_send(&world.http, head, strlen(head));
    kn_test_http_send(&world.http, data, len);
    assert_true(kn_test_http_read(&world.http, false));
    return world.http.status;
}

static void test_refused_data(void **state)
{
    (void)state;
    static const struct {
        const char *disk_format, *make;
        int status;
    } CASES[] = {
        { "qcow2", "-f qcow2 $IMG 1M", 204 },
        { "qcow2", "-f qcow2 -u -b /etc/shadow -F raw $IMG 1M", 415 },
        { "qcow2", "-f qcow2 -o data_file=$IMG.data $IMG 1M", 415 },
        { "qcow2", "-f qcow2 $IMG 2T", 415 },
        { "qcow2", "-f raw $IMG 64K", 415 },
        { "raw", "-f qcow2 $IMG 1M", 415 },
        { "raw", "-f vmdk $IMG 1M", 415 },
        { "vmdk", "-f vmdk $IMG 1M", 415 },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *body = kn_asprintf("{\"disk_format\":\"%s\",\"container_format\":\"bare\"}",
                                           CASES[i].disk_format);
        AUTO_FREE char *id = create(A JSON, body);
        AUTO_FREE char *image = kn_asprintf("%s.img", world.store);
        AUTO_FREE char *command = kn_asprintf("rm -f %s*; IMG=%s; qemu-img create -q %s", image, image, CASES[i].make);
        size_t len = 0;

        assert_int_equal(system(command), 0);
        AUTO_FREE char *data = read_file(image, &len);
        if (put_bytes(id, data, len) != CASES[i].status) {
            fail_msg("%s as %s: %d %s", CASES[i].make, CASES[i].disk_format, world.http.status, world.http.body.buf);
        }
        assert_string_equal(status_of(id), CASES[i].status == 204 ? "active" : "queued");
        assert_int_equal(files(), 1);
    }
    AUTO_FREE char *clean = kn_asprintf("rm -f %s.img*", world.store);
    assert_int_equal(system(clean), 0);
    drop_everything();
}

static void test_same_content_is_stored_once(void **state)
{
    (void)state;
    AUTO_FREE char *one = create_raw();
    AUTO_FREE char *two = create_raw();
    AUTO_FREE char *path_one = path_of(one, "");
    AUTO_FREE char *path_two = path_of(two, "");
    AUTO_FREE char *file_two = path_of(two, "/file");
    struct kn_error err = { 0 };
    bool dropped = true;

    upload(204, one, "same");
    upload(204, two, "same");
    assert_int_equal(files(), 1);
    assert_int_equal(count_of("SELECT count(*) FROM blob"), 1);
    expect(200, "GET", path_one, A, NULL);
    AUTO_FREE char *sha512 = kn_strdup(field("os_hash_value"));

    expect(204, "DELETE", path_one, A, NULL);
    assert_ok(kn_image_drop(world.db, world.store, sha512, &dropped, &err), &err);
    assert_false(dropped);
    expect(200, "GET", file_two, A, NULL);
    expect(204, "DELETE", path_two, A, NULL);
    assert_ok(kn_image_drop(world.db, world.store, sha512, &dropped, &err), &err);
    assert_true(dropped);
    assert_ok(kn_image_drop(world.db, world.store, sha512, &dropped, &err), &err); /* an ensure */
    assert_int_equal(files(), 0);
    drop_everything();
}

static void begin_upload(struct kn_test_http *http, const char *id)
{
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/file HTTP/1.1\r\nHost: x\r\n" A BYTES
                                       "Content-Length: 1000000\r\n\r\n",
                                       id);
    char some[600000];

    memset(some, 'x', sizeof(some));
    kn_test_http_send(http, head, strlen(head));
    kn_test_http_send(http, some, sizeof(some));
}

static void wait_for_status(const char *id, const char *status)
{
    for (int i = 0; strcmp(status_of(id), status) != 0; i++) {
        assert_true(i < WAIT_MS / 10);
        poll(NULL, 0, 10);
    }
}

static void test_upload_broken_off(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *path = path_of(id, "/file");
    struct kn_test_http other = kn_test_http_open(world.http.port);

    begin_upload(&other, id);
    wait_for_status(id, "saving");
    assert_int_equal(files(), 1);
    upload(409, id, "me too");
    expect(204, "GET", path, A, NULL);
    kn_test_http_close(&other);
    wait_for_status(id, "queued");
    assert_int_equal(files(), 0);
    upload(204, id, "now");
    assert_string_equal(status_of(id), "active");
    drop_everything();
}

/*
 * Data and the end of the connection in one go: the end must be seen at once, not at the listener's idle timeout. Who then reads "queued"
 * may send at once: the half file is gone, and so is its lock.
 */
static void test_hanging_up_is_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        AUTO_FREE char *id = create_raw();
        struct kn_test_http other = kn_test_http_open(world.http.port);

        begin_upload(&other, id);
        wait_for_status(id, "saving");
        kn_test_http_close(&other);
        wait_for_status(id, "queued");
        upload(204, id, "at once");
        assert_int_equal(files(), 1);
    }
    drop_everything();
}

static void test_deleted_while_uploading(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *path = path_of(id, "");
    struct kn_test_http other = kn_test_http_open(world.http.port);
    char rest[400000];

    memset(rest, 'x', sizeof(rest));
    begin_upload(&other, id);
    wait_for_status(id, "saving");
    expect(204, "DELETE", path, A, NULL);
    kn_test_http_send(&other, rest, sizeof(rest));
    assert_true(kn_test_http_read(&other, false));
    assert_int_equal(other.status, 410);
    kn_test_http_close(&other);
    assert_int_equal(files(), 0);
    drop_everything();
}

static void test_too_large(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/file HTTP/1.1\r\nHost: x\r\n" A BYTES
                                       "Expect: 100-continue\r\nContent-Length: 1099511627777\r\n\r\n",
                                       id);
    struct kn_test_http other = kn_test_http_open(world.http.port);

    kn_test_http_send(&other, head, strlen(head));
    assert_true(kn_test_http_read(&other, false));
    assert_int_equal(other.status, 413);
    kn_test_http_close(&other);
    assert_string_equal(status_of(id), "queued");
    assert_int_equal(files(), 0);
    drop_everything();
}

/* --- a full disk ---------------------------------------------------------------------------------------------------------- */

/* mib MiB that no store can make holes of, without saying before how many. */
static void put_chunked(const char *id, const char *tail, int mib)
{
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/%s HTTP/1.1\r\nHost: x\r\n" A BYTES
                                       "Transfer-Encoding: chunked\r\n\r\n",
                                       id, tail);
    static char piece[1 << 20];

    memset(piece, 'x', sizeof(piece));
    kn_test_http_send(&world.http, head, strlen(head));
    for (int i = 0; i < mib; i++) {
        kn_test_http_send(&world.http, "100000\r\n", 8);
        kn_test_http_send(&world.http, piece, sizeof(piece));
        kn_test_http_send(&world.http, "\r\n", 2);
    }
    kn_test_http_send(&world.http, "0\r\n\r\n", 5);
    assert_true(kn_test_http_read(&world.http, false));
}

static void test_full_disk(void **state)
{
    (void)state;
    static const char *const TAILS[] = { "file", "stage" };
    AUTO_FREE char *id = create_raw();

    if (mount("tmpfs", world.store, "tmpfs", 0, "size=8m") < 0) {
        skip(); /* not root */
    }
    for (size_t i = 0; i < KN_COUNT(TAILS); i++) {
        put_chunked(id, TAILS[i], 20);
        assert_int_equal(world.http.status, 413);
        assert_non_null(strstr(world.http.body.buf, "storage media is full"));
        assert_string_equal(status_of(id), "queued");
        assert_int_equal(files(), 0);
    }
    put_chunked(id, "file", 4);
    assert_int_equal(world.http.status, 204);
    assert_string_equal(status_of(id), "active");
    drop_everything();
}

static int unmount(void **state)
{
    (void)state;
    (void)umount2(world.store, MNT_DETACH); /* whatever the test came to */
    return 0;
}

/* A writer that is killed: its lock is gone, its status and file stay until the sweep, or the next upload. */
static void die_in_the_middle(const char *id)
{
    const pid_t pid = fork();

    if (pid == 0) {
        struct kn_image_blob_writer *w = NULL;
        const bool written = kn_image_blob_writer_new(world.store, id, KN_BLOB_UPLOAD, -1, 1000, &w, NULL) == 0 &&
                             kn_image_blob_write(w, "half", 4, NULL) == 0;

        kill(getpid(), written ? SIGKILL : SIGTERM);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_writer_killed(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *sql = kn_asprintf("UPDATE image SET status = 'saving' WHERE id = '%s'", id);
    struct kn_error err = { 0 };
    int count = 0;

    for (int swept = 0; swept <= 1; swept++) {
        die_in_the_middle(id);
        assert_ok(kn_db_script(world.db, sql, &err), &err);
        assert_int_equal(files(), 1);
        if (swept == 0) {
            assert_ok(kn_image_sweep_saving(world.db, world.store, &count, &err), &err);
            assert_int_equal(count, 1);
            assert_string_equal(status_of(id), "queued");
            assert_int_equal(files(), 0);
        }
    }
    upload(204, id, "whole");
    assert_string_equal(status_of(id), "active");
    assert_int_equal(files(), 1);
    drop_everything();
}

static void test_sweep_spares_the_living(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    struct kn_test_http other = kn_test_http_open(world.http.port);
    struct kn_error err = { 0 };
    int count = -1;

    begin_upload(&other, id);
    wait_for_status(id, "saving");
    assert_ok(kn_image_sweep_saving(world.db, world.store, &count, &err), &err);
    assert_int_equal(count, 0);
    assert_ok(kn_image_sweep_store(world.db, world.store, &count, &err), &err);
    assert_int_equal(count, 0);
    assert_string_equal(status_of(id), "saving");
    assert_int_equal(files(), 1);
    kn_test_http_close(&other);
    wait_for_status(id, "queued");
    drop_everything();
}

/* --- images that a task brings ------------------------------------------------------------------------------------------- */

#define SERVER "77777777-7777-4777-8777-777777777777"
#define VOLUME "88888888-8888-4888-8888-888888888888"
#define FIRST "99999999-9999-4999-8999-000000000001"
#define SECOND "99999999-9999-4999-8999-000000000002"

/* A queued image that a server's task brings; with snapshots of what would be it. The caller frees. */
static char *awaited(void)
{
    char *id = create_raw();
    struct kn_error err = { 0 };
    AUTO_FREE char *sql = kn_asprintf(
        "UPDATE image SET brought_by = '" SERVER "' WHERE id = '%s';"
        "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" VOLUME
        "', 'aaaa', 'u', 1, 'in-use');"
        "INSERT INTO volume_snapshot (id, volume_id, project_id, user_id, size_gib, status, type_id, for_image) "
        "SELECT s::uuid, id, project_id, 'u', 1, 'available', type_id, '%s' FROM volume, unnest('{" FIRST "," SECOND
        "}'::text[]) s",
        id, id);

    assert_ok(kn_db_script(world.db, sql, &err), &err);
    return id;
}

static void drop_awaited(void)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.db, "DELETE FROM volume_snapshot; DELETE FROM volume", &err), &err);
    drop_everything();
}

/* What a task brings nobody else does: it would be whole before it is, or not what it says. */
static void test_brought_by_a_task_alone(void **state)
{
    (void)state;
    AUTO_FREE char *id = awaited(), *file = path_of(id, "/file"), *stage = path_of(id, "/stage"),
                   *import = path_of(id, "/import");
    const struct {
        const char *method, *path, *headers, *body, *words;
    } CASES[] = {
        { "PUT", file, A BYTES, "x", "Image status transition from queued to saving is not allowed" },
        { "PUT", stage, A BYTES, "x", "Image status transition from queued to uploading is not allowed" },
        { "POST", import, A JSON, "{\"method\": {\"name\": \"web-download\", \"uri\": \"http://192.0.2.1/x\"}}",
          "Image status transition from queued to importing is not allowed" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(409, CASES[i].method, CASES[i].path, CASES[i].headers, CASES[i].body);
        if (strstr(world.http.body.buf, CASES[i].words) == NULL) {
            fail_msg("%s, not %s", world.http.body.buf, CASES[i].words);
        }
        assert_string_equal(status_of(id), "queued");
    }
    assert_int_equal(files(), 0);
    drop_awaited();
}

struct composer {
    const char *id;
    int rc;
    struct kn_error err;
};

static void *compose(void *ctx)
{
    struct composer *composer = ctx;
    json_auto_t *body = json_pack("{s:s, s:s, s:i}", "server", SERVER, "image", composer->id, "snapshots", 2);
    AUTO(kn_db) struct kn_db *db = kn_db_new(world.conf.db_url, "composer");

    composer->rc = kn_image_compose(db, &world.conf, body, &composer->err);
    return NULL;
}

/* The statement is done, and is committed only when the composer waits for what it holds, or was through. */
static struct composer composed_while(const char *id, const char *sql)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO(kn_db) struct kn_db *other = kn_db_new(world.conf.db_url, "other");
    struct composer composer = { .id = id };
    struct kn_error err = { 0 };
    struct kn_tx tx = { NULL };
    pthread_t thread;

    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_db_query(other, sql, 0, NULL, NULL, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, compose, &composer), 0);
    while (count_of("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'composer' AND wait_event_type = "
                    "'Lock'") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(thread, NULL);
    return composer;
}

/* A server, or a snapshot's owner, ends one of them while the image is put together: it never becomes active without. */
static void test_composed_of_all_or_not_at_all(void **state)
{
    (void)state;
    AUTO_FREE char *id = awaited();
    struct composer composer =
        composed_while(id, "UPDATE volume_snapshot SET status = 'deleting', for_image = NULL WHERE id = '" SECOND "'");

    assert_int_equal(composer.rc, -1);
    assert_int_equal(composer.err.code, KN_CONFLICT);
    assert_string_equal(status_of(id), "queued");
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE for_image IS NOT NULL"), 1);
    assert_int_equal(files(), 0);
    assert_int_equal(count_of("WITH s AS (UPDATE volume_snapshot s SET status = 'available', for_image = i.id FROM "
                              "image i RETURNING 1) SELECT count(*) FROM s"),
                     2);
    /* What changes of it without ending it is no hindrance. */
    composer = composed_while(id, "UPDATE volume_snapshot SET name = 'n' WHERE id = '" SECOND "'");
    assert_ok(composer.rc, &composer.err);
    assert_string_equal(status_of(id), "active");
    assert_int_equal(count_of("SELECT count(*) FROM volume_snapshot WHERE for_image IS NULL AND status = 'available'"),
                     2);
    drop_awaited();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_data),
        cmocka_unit_test(test_same_content_is_stored_once),
        cmocka_unit_test(test_upload_broken_off),
        cmocka_unit_test(test_hanging_up_is_noticed),
        cmocka_unit_test(test_deleted_while_uploading),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test_teardown(test_full_disk, unmount),
        cmocka_unit_test(test_writer_killed),
        cmocka_unit_test(test_sweep_spares_the_living),
        cmocka_unit_test(test_brought_by_a_task_alone),
        cmocka_unit_test(test_composed_of_all_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, start_world, stop_world);
}
