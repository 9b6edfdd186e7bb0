/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-image and kilonova-volume as processes between a real database and a bus: they answer, they survive kill -9 in the middle, and
 * what dead writers left in the store is gone after their start. We play conductor, API and host.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/data/blob.h"
#include "image/host.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/service_world.h"

#define WAIT_MS KN_SERVICE_WAIT_MS
#define SHARD KN_SERVICE_SHARD
#define IMAGE "22222222-2222-4222-8222-222222222222"
#define QUEUED "22222222-2222-4222-8222-333333333333"
#define VOLUME "33333333-3333-4333-8333-333333333333"
#define UNKNOWN "99999999-9999-4999-8999-999999999999"
#define LATER "33333333-3333-4333-8333-444444444444"

static struct {
    char store[96], volumes[96], cache[96], listen[32];
    pid_t image, volume;
} mine;
#define world kn_service_world

static pid_t start(const char *program, const char *topic)
{
    AUTO_FREE char *store = kn_asprintf("image.store_dir=%s", mine.store);
    AUTO_FREE char *listen = kn_asprintf("image.data_listen=%s", mine.listen);
    AUTO_FREE char *volumes = kn_asprintf("volume.file_dir=%s", mine.volumes);

    return kn_service_world_daemon(program, topic,
                                   (const char *const[]){ store, listen, volumes, "volume.file_gib=5", NULL });
}

/* --- commands ------------------------------------------------------------------------------------------------------- */

static int64_t command(const char *topic, const char *type, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { .code = KN_OK };

    kn_message_init(&m, type, body);
    m.task = ++world.next_task;
    m.shard = SHARD;
    m.attempt = 1;
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(world.bus, topic, 0, text.buf, text.len, &err), &err);
    return m.task;
}

/* The answer to that command; others are passed over. */
static void answer(int64_t task, struct kn_message *ret)
{
    for (;;) {
        kn_service_world_next(world.replies, ret);
        if (ret->task == task) {
            return;
        }
        kn_message_release(ret);
    }
}

static void must(int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    answer(task, &m);
    if (!m.ok) {
        fail_msg("task %lld failed: %s", (long long)task, m.error.message);
    }
}

static void must_fail(int64_t task, enum kn_code code)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    answer(task, &m);
    assert_false(m.ok);
    assert_int_equal(m.error.code, code);
}

/* Whatever it says. */
static void answered(int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    answer(task, &m);
}

static bool is_true(const char *condition)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *text = kn_asprintf("SELECT %s", condition);
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, text, 0, NULL, &rows, &err), &err);
    return kn_rows_bool(rows, 0, 0);
}

/* --- images --------------------------------------------------------------------------------------------------------- */

static bool is_stored(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", mine.store, name);

    return access(path, F_OK) == 0;
}

/* An active image, as the API leaves it; its digest into sha512. */
static void store_image(const char *text, char sha512[KN_SHA512_HEX])
{
    struct kn_image_blob_writer *w = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_image_blob_writer_new(mine.store, IMAGE, KN_BLOB_UPLOAD, -1, 1000, &w, &err), &err);
    assert_ok(kn_image_blob_write(w, text, strlen(text), &err), &err);
    assert_ok(kn_image_blob_seal(w, &err), &err);
    assert_ok(kn_image_blob_keep(w, &err), &err);
    kn_copy(sha512, KN_SHA512_HEX, kn_image_blob_sha512(w));
    AUTO_FREE char *rows =
        kn_asprintf("INSERT INTO blob (sha512, md5, size) VALUES ('%s', '%s', %zu);"
                    "INSERT INTO image (id, owner, status, disk_format, container_format, sha512, size, virtual_size) "
                    "VALUES ('" IMAGE "', 'p', 'active', 'raw', 'bare', '%s', %zu, %zu);",
                    sha512, kn_image_blob_md5(w), strlen(text), sha512, strlen(text), strlen(text));
    kn_image_blob_writer_free(w);
    kn_service_world_sql(rows);
}

static void fetch_as_host(const json_t *image)
{
    struct kn_error err = { 0 };
    char path[256];

    assert_ok(kn_image_host_ensure(&world.conf, image, NULL, NULL, path, sizeof(path), &err), &err);
    assert_int_equal(unlink(path), 0);
}

static void test_locate_fetch_delete(void **state)
{
    (void)state;
    AUTO_RELEASE(kn_message) struct kn_message located = { 0 };
    char sha512[KN_SHA512_HEX];

    store_image("what a guest boots from", sha512);
    answer(command(KN_TOPIC_IMAGE, "image.locate", json_pack("{s:s}", "image", IMAGE)), &located);
    assert_true(located.ok);
    assert_string_equal(kn_json_str(located.result, "sha512"), sha512);
    fetch_as_host(located.result);

    /* a URL outlives the process that made it */
    kn_test_end(mine.image, SIGKILL);
    mine.image = start("kilonova-image", KN_TOPIC_IMAGE);
    fetch_as_host(located.result);

    must_fail(command(KN_TOPIC_IMAGE, "image.locate", json_pack("{s:s}", "image", QUEUED)), KN_NOT_FOUND);
    kn_service_world_sql("INSERT INTO image (id, owner) VALUES ('" QUEUED "', 'p')");
    must_fail(command(KN_TOPIC_IMAGE, "image.locate", json_pack("{s:s}", "image", QUEUED)), KN_CONFLICT);

    must(command(KN_TOPIC_IMAGE, "image.delete", json_pack("{s:s, s:s}", "image", IMAGE, "sha512", sha512)));
    assert_true(is_stored(sha512)); /* an image refers to it */
    kn_service_world_sql("UPDATE image SET sha512 = NULL, status = 'deleted', deleted_at = now() WHERE id = '" IMAGE
                         "'");
    for (int twice = 0; twice < 2; twice++) {
        must(command(KN_TOPIC_IMAGE, "image.delete", json_pack("{s:s, s:s}", "image", IMAGE, "sha512", sha512)));
        assert_false(is_stored(sha512));
    }
    assert_true(is_true("NOT EXISTS (SELECT FROM blob)"));
    must(command(KN_TOPIC_IMAGE, "image.delete", json_pack("{s:s}", "image", QUEUED)));
    kn_service_world_sql("DELETE FROM image");
}

static int64_t send_again(const char *topic, const char *type, int64_t task, json_t *body)
{
    const int64_t next_task = world.next_task;

    world.next_task = task - 1;
    command(topic, type, body);
    world.next_task = next_task;
    return task;
}

/* What was recorded and is said again when its task is over drops nothing and imports nothing. */
static void test_images_obey_open_tasks_alone(void **state)
{
    (void)state;
    AUTO_FREE char *over = NULL;
    char sha512[KN_SHA512_HEX];
    int64_t task = 0;

    store_image("what another image has by now", sha512);
    task = command(KN_TOPIC_IMAGE, "image.delete", json_pack("{s:s, s:s}", "image", QUEUED, "sha512", sha512));
    must(task);
    assert_true(is_stored(sha512));
    over = kn_asprintf("UPDATE task SET state = 'done' WHERE id = %lld; DELETE FROM image", (long long)task);
    kn_service_world_sql(over);
    must_fail(send_again(KN_TOPIC_IMAGE, "image.delete", task,
                         json_pack("{s:s, s:s}", "image", QUEUED, "sha512", sha512)),
              KN_STALE);
    assert_true(is_stored(sha512));
    must_fail(send_again(KN_TOPIC_IMAGE, "image.import", task,
                         json_pack("{s:s, s:s}", "image", IMAGE, "import", QUEUED)),
              KN_STALE);
    must_fail(send_again(KN_TOPIC_IMAGE, "image.locate", task, json_pack("{s:s}", "image", IMAGE)), KN_STALE);
    must(command(KN_TOPIC_IMAGE, "image.delete", json_pack("{s:s, s:s}", "image", IMAGE, "sha512", sha512)));
    assert_false(is_stored(sha512));
}

/* A process that dies while it writes. */
static void die_writing(void)
{
    const pid_t pid = fork();

    if (pid == 0) {
        struct kn_image_blob_writer *w = NULL;

        if (kn_image_blob_writer_new(mine.store, IMAGE, KN_BLOB_UPLOAD, -1, 1000, &w, NULL) == 0 &&
            kn_image_blob_write(w, "half", 4, NULL) == 0) {
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    assert_false(kn_test_end(pid, 0));
    assert_true(is_stored(IMAGE ".part"));
}

static void test_dead_uploads_are_found(void **state)
{
    (void)state;
    static const char *const LEFT =
        "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877e"
        "ec2f63b931bd47417a81a538327af927da3e"; /* renamed, but its transaction never committed */
    AUTO_FREE char *left = kn_asprintf("%s/%s", mine.store, LEFT);
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    kn_test_end(mine.image, SIGKILL);
    die_writing();
    kn_service_world_sql("INSERT INTO image (id, owner, status) VALUES ('" IMAGE "', 'p', 'saving')");
    FILE *f = fopen(left, "wbe");
    assert_non_null(f);
    fclose(f);
    mine.image = start("kilonova-image", KN_TOPIC_IMAGE);
    assert_true(is_true("(SELECT status FROM image) = 'queued'"));
    assert_false(is_stored(IMAGE ".part"));
    assert_false(is_stored(LEFT));

    /* and while it runs */
    die_writing();
    kn_service_world_sql("UPDATE image SET status = 'saving'");
    while (!is_true("(SELECT status FROM image) = 'queued'")) {
        assert_true(kn_mono_ms() < deadline);
        poll(NULL, 0, 20);
    }
    assert_false(is_stored(IMAGE ".part"));
    kn_service_world_sql("DELETE FROM image");
}

/* --- volumes -------------------------------------------------------------------------------------------------------- */

static int64_t on_volume(const char *type, const char *id, const char *more)
{
    json_t *body = json_loads(more, 0, NULL);

    json_object_set_new(body, "volume", json_string(id));
    return command(KN_TOPIC_VOLUME, type, body);
}

static void insert_volume(const char *id, int size_gib)
{
    AUTO_FREE char *row = kn_asprintf("INSERT INTO volume (id, project_id, user_id, size_gib, status, created_at) "
                                      "VALUES ('%s', 'p', 'u', %d, 'creating', clock_timestamp())",
                                      id, size_gib);

    kn_service_world_sql(row);
}

static void test_volume_life(void **state)
{
    (void)state;
    AUTO_FREE char *path = kn_asprintf("%s/volume-" VOLUME, mine.volumes);
    static const char USE[] = "{\"server\":\"44444444-4444-4444-8444-444444444444\",\"host\":\"h1\"}";
    struct stat st;

    must_fail(on_volume("volume.create", VOLUME, "{\"size_gib\":3}"), KN_NOT_FOUND);
    insert_volume(VOLUME, 3);
    must(on_volume("volume.create", VOLUME, "{\"size_gib\":3}"));
    assert_int_equal(stat(path, &st), 0);
    kn_test_end(mine.volume, SIGKILL);
    mine.volume = start("kilonova-volume", KN_TOPIC_VOLUME);
    must(on_volume("volume.create", VOLUME, "{\"size_gib\":3}")); /* sent again after its hello */

    AUTO_RELEASE(kn_message) struct kn_message connected = { 0 };
    answer(on_volume("volume.connect", VOLUME, USE), &connected);
    assert_true(connected.ok);
    assert_string_equal(kn_json_str(json_object_get(connected.result, "connection"), "path"), path);
    must(on_volume("volume.disconnect", VOLUME, "{\"server\":\"44444444-4444-4444-8444-444444444444\"}"));
    must_fail(on_volume("volume.connect", LATER, USE), KN_NOT_FOUND);

    insert_volume(LATER, 3); /* 6 of 5 GiB */
    must_fail(on_volume("volume.create", LATER, "{\"size_gib\":3}"), KN_NO_VALID_HOST);
    must(on_volume("volume.create", VOLUME, "{\"size_gib\":3}")); /* who came first keeps what he has */
    must(on_volume("volume.delete", LATER, "{}"));
    must(on_volume("volume.delete", VOLUME, "{}"));
    must(on_volume("volume.delete", VOLUME, "{}"));
    assert_int_equal(stat(path, &st), -1);
    kn_service_world_sql("DELETE FROM volume");
}

#define OF_HOG(n) "66666666-6666-4666-8666-66666666666" #n
#define OF_OTHER(n) "55555555-5555-4555-8555-55555555555" #n

/* All of the room is too little for a disk and its header. */
static void encrypted_ones_have_headers(void)
{
    kn_service_world_sql(
        "INSERT INTO volume_type (id, name) VALUES ('" UNKNOWN "', 'secret'); "
        "INSERT INTO volume_type_encryption (type_id, id, provider, control_location) VALUES ('" UNKNOWN "', '" UNKNOWN
        "', 'luks', 'front-end')");
    insert_volume(OF_OTHER(1), 5);
    kn_service_world_sql("UPDATE volume SET type_id = '" UNKNOWN "', key_id = id");
    must_fail(on_volume("volume.create", OF_OTHER(1), "{\"size_gib\":5}"), KN_NO_VALID_HOST);
    kn_service_world_sql("UPDATE volume SET size_gib = 4");
    must_fail(on_volume("volume.create", OF_OTHER(1), "{\"size_gib\":4}"), KN_CONFLICT); /* there is room, but no key */
    kn_service_world_sql("DELETE FROM volume; DELETE FROM volume_type WHERE id = '" UNKNOWN "'");
}

/* What was wished and not judged, or was refused, takes no room from anybody: five GiB are there. */
static void test_wishes_take_no_room(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message one = { 0 }, two = { 0 };

    (void)state;
    insert_volume(OF_HOG(1), 2);
    must(on_volume("volume.create", OF_HOG(1), "{\"size_gib\":2}"));
    insert_volume(OF_HOG(2), 4);
    insert_volume(OF_HOG(3), 4);
    must_fail(on_volume("volume.create", OF_HOG(2), "{\"size_gib\":4}"), KN_NO_VALID_HOST);
    kn_service_world_sql(
        "UPDATE volume SET extends_from = 2, promised_gib = 2, size_gib = 9 WHERE id = '" OF_HOG(1) "'");
    insert_volume(OF_OTHER(1), 1);
    must(on_volume("volume.create", OF_OTHER(1), "{\"size_gib\":1}"));
    must_fail(on_volume("volume.extend", OF_HOG(1), "{\"size_gib\":9}"), KN_NO_VALID_HOST);
    /* refused, and now going */
    kn_service_world_sql("UPDATE volume SET status = 'deleting' WHERE id = '" OF_HOG(2) "'");
    /* Of two that come at once and do not both fit there is one. */
    insert_volume(OF_OTHER(2), 2);
    insert_volume(OF_OTHER(3), 2);
    const int64_t first = on_volume("volume.create", OF_OTHER(2), "{\"size_gib\":2}"),
                  second = on_volume("volume.create", OF_OTHER(3), "{\"size_gib\":2}");
    kn_service_world_next(world.replies, &one);
    kn_service_world_next(world.replies, &two);
    assert_int_equal(one.task + two.task, first + second);
    assert_int_equal((int)one.ok + (int)two.ok, 1);
    assert_int_equal(one.ok ? two.error.code : one.error.code, KN_NO_VALID_HOST);
    assert_true(is_true("(SELECT sum(gib) = 5 FROM volume_promise)"));
    static const char *const ALL[] = { OF_HOG(1), OF_HOG(2), OF_HOG(3), OF_OTHER(1), OF_OTHER(2), OF_OTHER(3) };
    for (size_t i = 0; i < KN_COUNT(ALL); i++) {
        must(on_volume("volume.delete", ALL[i], "{}"));
    }
    kn_service_world_sql("DELETE FROM volume");
    encrypted_ones_have_headers();
}

/* Ids that nobody knows and reports that are none of theirs: each is answered or passed over, and what is sound is done. */
static void test_unknown_ids_stop_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        must_fail(command(KN_TOPIC_IMAGE, "image.locate", json_pack("{s:s}", "image", UNKNOWN)), KN_NOT_FOUND);
        answered(command(KN_TOPIC_IMAGE, "image.import", json_pack("{s:s, s:s}", "image", UNKNOWN, "import", UNKNOWN)));
        answered(command(KN_TOPIC_IMAGE, "image.delete",
                         json_pack("{s:s, s:s}", "image", UNKNOWN, "sha512", "../../etc")));
        answered(command(KN_TOPIC_VOLUME, "volume.create", json_pack("{s:s, s:i}", "volume", UNKNOWN, "size_gib", 1)));
        answered(command(KN_TOPIC_VOLUME, "volume.connect",
                         json_pack("{s:s, s:s, s:s}", "volume", UNKNOWN, "server", UNKNOWN, "host", "nobody's")));
        answered(command(KN_TOPIC_VOLUME, "volume.disconnect",
                         json_pack("{s:s, s:s}", "volume", UNKNOWN, "server", UNKNOWN)));
        answered(command(KN_TOPIC_VOLUME, "volume.delete", json_pack("{s:s}", "volume", UNKNOWN)));
    }
}

static void test_database_away(void **state)
{
    (void)state;
    insert_volume(VOLUME, 1);
    kn_test_pg_down(world.pg);
    const int64_t create = on_volume("volume.create", VOLUME, "{\"size_gib\":1}");
    const int64_t locate = command(KN_TOPIC_IMAGE, "image.locate", json_pack("{s:s}", "image", IMAGE));
    kn_test_pg_up(world.pg);
    AUTO_RELEASE(kn_message) struct kn_message first = { 0 }, second = { 0 };
    kn_service_world_next(world.replies, &first);
    kn_service_world_next(world.replies, &second);
    const struct kn_message *created = first.task == create ? &first : &second;
    const struct kn_message *located = first.task == create ? &second : &first;
    assert_int_equal(created->task, create);
    assert_true(created->ok);
    assert_int_equal(located->task, locate);
    assert_int_equal(located->error.code, KN_NOT_FOUND);
    must(on_volume("volume.delete", VOLUME, "{}"));
    kn_service_world_sql("DELETE FROM volume");
}

static int start_world(void **state)
{
    (void)state;
    kn_service_world_start("services");
    snprintf(mine.store, sizeof(mine.store), "%s/store", world.dir);
    snprintf(mine.volumes, sizeof(mine.volumes), "%s/volumes", world.dir);
    snprintf(mine.cache, sizeof(mine.cache), "%s/cache", world.dir);
    snprintf(mine.listen, sizeof(mine.listen), "127.0.0.1:%d", kn_test_free_port());
    world.conf.agent_cache_dir = mine.cache;
    world.conf.agent_state_dir = world.dir;
    mine.image = start("kilonova-image", KN_TOPIC_IMAGE);
    mine.volume = start("kilonova-volume", KN_TOPIC_VOLUME);
    return 0;
}

static int stop_world(void **state)
{
    (void)state;
    kn_test_end(mine.image, SIGTERM);
    kn_test_end(mine.volume, SIGTERM);
    kn_service_world_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locate_fetch_delete),    cmocka_unit_test(test_images_obey_open_tasks_alone),
        cmocka_unit_test(test_dead_uploads_are_found), cmocka_unit_test(test_volume_life),
        cmocka_unit_test(test_wishes_take_no_room),    cmocka_unit_test(test_unknown_ids_stop_nobody),
        cmocka_unit_test(test_database_away),
    };

    return cmocka_run_group_tests(tests, start_world, stop_world);
}
