/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit of what lies in the stores: each promise about disks of volumes, images' data and backups is broken by hand, and exactly it is reported. What
 * this machine does not see is not judged, which is an outcome of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conductor/audit/audit.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "tests/support/postgres.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define VOLUME "dddddddd-0000-4000-8000-000000000001"
#define OTHER "dddddddd-0000-4000-8000-000000000002"
#define FAILED "dddddddd-0000-4000-8000-000000000003"
#define IMAGE "eeeeeeee-0000-4000-8000-000000000001"
#define WAITS "eeeeeeee-0000-4000-8000-000000000002"
#define LONE_DATA "cccccccc"
#define GIB (INT64_C(1) << 30)
#define BACKUP "bbbbbbbb-0000-4000-8000-000000000001"
#define AGAIN "bbbbbbbb-0000-4000-8000-000000000004"
#define GROWN "bbbbbbbb-0000-4000-8000-000000000002" /* incremental to it */

static const char SOUND[] = KN_TEST_EMPTY(
    "volume, volume_backup, image, blob, task") "INSERT INTO volume (id, project_id, user_id, size_gib, format, status) VALUES ('" VOLUME
                                                "', 'p', 'u', 1, 'raw', 'available'), ('" FAILED
                                                "', 'p', 'u', 5, 'raw', 'error');"
                                                "INSERT INTO image (id, owner, status, updated_at) VALUES ('" WAITS
                                                "', 'p', 'queued', now() - interval '1 hour');";

static struct kn_test_pg *pg;
static struct kn_db *db;
static char volumes[KN_TEST_DIR], images[KN_TEST_DIR], backups[KN_TEST_DIR];
static struct kn_conf conf;
static char sha512[KN_SHA512_HEX], md5[KN_MD5_HEX];
static int held = -1; /* an upload's file, while it is locked */

static int group_setup(void **state)
{
    (void)state;
    pg = kn_test_pg_start(KN_TEST_PG_FAST);
    AUTO_FREE char *url = kn_test_pg_migrated(pg, "stores");
    db = kn_db_new(url, "test");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_db_free(db);
    kn_test_pg_free(pg);
    return 0;
}

static char *in(const char *dir, const char *name)
{
    return kn_asprintf("%s/%s", dir, name);
}

static int make(const char *dir, const char *name, const void *data, size_t len)
{
    AUTO_FREE char *path = in(dir, name);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    return fd;
}

static void put(const char *dir, const char *name, const void *data, size_t len)
{
    close(make(dir, name, data, len));
}

static void make_disk(const char *id, int64_t size)
{
    AUTO_FREE char *name = kn_asprintf("volume-%s", id);
    AUTO_CLOSE int fd = make(volumes, name, "", 0);

    assert_int_equal(ftruncate(fd, size), 0);
}

static void run_sql(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, sql, &err), &err);
}

/* "c/<backup>" with chunks of the bytes `own`, of which the manifest names that and what is said beside it. */
static void make_backup(const char *id, const char *parent, const char *own, const char *more)
{
    AUTO_FREE char *container = in(backups, "c"), *dir = kn_asprintf("%s/%s", container, id);
    char chunk[KN_SHA256_HEX], hash[KN_SHA256_HEX];

    kn_sha256_hex(own, strlen(own), chunk);
    AUTO_FREE char *manifest = kn_asprintf("kilonova-backup 1\nsize 18\nchunk 3\nin c/%s\n%s5 %s 0\nend 1\n", id, more,
                                           chunk);
    kn_sha256_hex(manifest, strlen(manifest), hash);
    mkdir(container, 0700);
    assert_int_equal(mkdir(dir, 0700), 0);
    put(dir, chunk, own, strlen(own));
    put(dir, "manifest", manifest, strlen(manifest));
    AUTO_FREE char *row = kn_asprintf(
        "INSERT INTO volume_backup (id, project_id, user_id, volume_id, parent_id, size_gib, status, zone, container, store, manifest, data_timestamp) "
        "VALUES ('%s', 'p', 'u', '" VOLUME "', %s, 1, 'available', 'nova', 'c', 'directory', '%s', now())",
        id, parent, hash);
    run_sql(row);
}

static void make_backups(void)
{
    char chunk[KN_SHA256_HEX];

    kn_sha256_hex("one", 3, chunk);
    AUTO_FREE char *older = kn_asprintf("in c/" BACKUP "\n0 %s 1\n", chunk);
    make_backup(BACKUP, "NULL", "one", "");
    make_backup(GROWN, "'" BACKUP "'", "two", older);
    /* Of the first the row was lost, and made again of its record: by another name, and of the same bytes. */
    run_sql(
        "INSERT INTO volume_backup (id, project_id, user_id, volume_id, size_gib, status, zone, container, store, manifest, location, data_timestamp) "
        "SELECT '" AGAIN
        "', 'p', 'u', volume_id, 1, 'available', 'nova', 'c', store, manifest, id, now() FROM volume_backup WHERE id = '" BACKUP
        "'; UPDATE volume_backup SET parent_id = '" AGAIN "' WHERE id = '" GROWN
        "'; DELETE FROM volume_backup WHERE id = '" BACKUP "'");
}

static int make_world(void **state)
{
    struct kn_digest *digest = kn_digest_new();

    (void)state;
    kn_test_dir(volumes, "volumes");
    kn_test_dir(images, "images");
    kn_test_dir(backups, "backups");
    kn_digest_update(digest, "bytes", 5);
    kn_digest_end(digest, sha512, md5);
    kn_digest_free(digest);
    conf = (struct kn_conf){ .volume_file_dir = volumes, .image_store_dir = images, .volume_backup_dir = backups };
    put(images, sha512, "bytes", 5);
    AUTO_FREE char *rows = kn_asprintf(
        "INSERT INTO blob VALUES ('%s', '%s', 5); INSERT INTO image (id, owner, status, sha512, size) VALUES ('" IMAGE
        "', 'p', 'active', '%s', 5)",
        sha512, md5, sha512);
    make_disk(VOLUME, GIB);
    run_sql(SOUND);
    run_sql(rows);
    make_backups();
    held = -1;
    return 0;
}

static int drop_world(void **state)
{
    AUTO_FREE char *command = kn_asprintf("rm -rf '%s' '%s' '%s'", volumes, images, backups);

    (void)state;
    if (held >= 0) {
        close(held);
    }
    return system(command); /* NOLINT(cert-env33-c): names of our own */
}

/* The audit's report. The caller frees it. */
static char *audit(bool is_deep, int *ret_verdict)
{
    char *text = NULL;
    size_t size = 0;
    struct kn_conductor_audit a = { .db = db, .is_deep = is_deep };
    struct kn_error err = { 0 };

    a.out = open_memstream(&text, &size);
    assert_ok(kn_conductor_audit_stores(&a, &conf, &err), &err);
    assert_ok(kn_conductor_audit_backups(&a, &conf, &err), &err);
    fclose(a.out);
    if (a.broken > 1) {
        fail_msg("more than one is broken:\n%s", text);
    }
    *ret_verdict = kn_conductor_audit_verdict(&a);
    return text;
}

/* Exactly this promise is broken, with that word in its finding; NULL: none is. */
static void assert_broken(bool is_deep, const char *promise, const char *word)
{
    int verdict = 0;
    AUTO_FREE char *text = audit(is_deep, &verdict);
    AUTO_FREE char *line = promise == NULL ? NULL : kn_asprintf("BROKEN %s\n", promise);

    if (verdict != (promise == NULL ? 0 : 1) ||
        (promise != NULL && (strstr(text, line) == NULL || strstr(text, word) == NULL))) {
        fail_msg("wanted %s:\n%s", promise == NULL ? "nothing" : promise, text);
    }
}

/* --- how they are broken ---------------------------------------------------------------------------------------------------------- */

static void remove_disk(void)
{
    AUTO_FREE char *path = in(volumes, "volume-" VOLUME);

    assert_int_equal(unlink(path), 0);
}

static void shrink_disk(void)
{
    make_disk(VOLUME, GIB - 512);
}

static void expect_qcow2(void)
{
    run_sql("UPDATE volume SET format = 'qcow2' WHERE id = '" VOLUME "'");
}

static void forget_format(void)
{
    run_sql("UPDATE volume SET format = NULL WHERE id = '" VOLUME "'");
}

static void shrink_qcow2(void)
{
    static const unsigned char HEAD[512] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, [28] = 0x20 };
    put(volumes, "volume-" VOLUME, HEAD, sizeof(HEAD));
    expect_qcow2();
}

static void add_disk(void)
{
    make_disk(OTHER, GIB);
}

static void reach(void)
{
    run_sql(
        "ALTER TABLE attachment DROP CONSTRAINT IF EXISTS attachment_server_id_fkey; INSERT INTO attachment (id, volume_id, server_id, "
        "status, device, connection) VALUES (gen_random_uuid(), '" VOLUME
        "', gen_random_uuid(), 'attached', '/dev/vdb', "
        "'{\"driver\": \"nbd\"}')");
}

static void serve(void)
{
    AUTO_FREE char *all = in(volumes, ".nbd"), *one = in(volumes, ".nbd/" VOLUME);

    assert_int_equal(mkdir(all, 0700), 0);
    assert_int_equal(mkdir(one, 0700), 0);
}

static void remove_data(void)
{
    AUTO_FREE char *path = in(images, sha512);

    assert_int_equal(unlink(path), 0);
}

static void cut_data(void)
{
    put(images, sha512, "byt", 3);
}

static void corrupt_data(void)
{
    put(images, sha512, "bytez", 5);
}

static void add_data(void)
{
    char name[KN_SHA512_HEX];

    memset(name, 'c', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    AUTO_CLOSE int fd = make(images, name, "x", 1);
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    assert_int_equal(futimens(fd, old), 0);
}

static void save(void)
{
    run_sql("UPDATE image SET status = 'saving' WHERE id = '" WAITS "'");
}

static void save_unlocked(void)
{
    put(images, WAITS ".part", "x", 1);
    save();
}

static void upload(void)
{
    run_sql("UPDATE image SET status = 'uploading' WHERE id = '" WAITS "'");
}

static void in_backup(const char *backup, const char *command)
{
    AUTO_FREE char *line = kn_asprintf("cd '%s/c/%s' && %s", backups, backup, command);

    assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): names of our own */
}

static void lose_chunk(void)
{
    in_backup(BACKUP, "rm $(ls | grep -v manifest)"); /* which both need */
}

static void lose_manifest(void)
{
    in_backup(GROWN, "rm manifest");
}

static void change_manifest(void)
{
    in_backup(GROWN, "sed -i s/^5/6/ manifest");
}

/* Whoever read it would wait for good. */
static void make_chunk_a_pipe(void)
{
    in_backup(BACKUP, "f=$(ls | grep -v manifest) && rm $f && mkfifo $f");
}

static void corrupt_chunk(void)
{
    in_backup(GROWN, "printf six > $(ls | grep -v manifest)");
}

static void shorten_chunk(void)
{
    in_backup(GROWN, "truncate -s 2 $(ls | grep -v manifest)");
}

static void leave_chunk(void)
{
    in_backup(GROWN, "touch left");
}

static void leave_backup(void)
{
    in_backup(GROWN, "mkdir ../" OTHER);
}

static const struct {
    void (*break_it)(void);
    const char *promise, *word;
    bool is_deep;
} BREAKERS[] = {
    { remove_disk, "5. every volume has its disk", VOLUME, false },
    { shrink_disk, "5. every disk is as large as its volume", VOLUME, false },
    { expect_qcow2, "5. every disk is as large as its volume", VOLUME, false },
    { shrink_qcow2, "5. every disk is as large as its volume", "536870912", false },
    { forget_format, "5. every disk is as large as its volume", VOLUME, false },
    { add_disk, "5. no disk without its volume", OTHER, false },
    { reach, "5. every disk that hosts reach over NBD is served", VOLUME, false },
    { serve, "5. no disk is served that nobody has", VOLUME, false },
    { lose_chunk, "5. every backup has its manifest and its chunks", GROWN, false },
    { make_chunk_a_pipe, "5. every backup has its manifest and its chunks", GROWN, true },
    { lose_manifest, "5. every backup has its manifest and its chunks", GROWN, false },
    { change_manifest, "5. every backup has its manifest and its chunks", GROWN, false },
    { shorten_chunk, "5. every backup has its manifest and its chunks", GROWN, false },
    { corrupt_chunk, "5. every backup's chunks are what was stored", GROWN, true },
    { leave_chunk, "5. nothing lies among the backups that belongs to none", "left", false },
    { leave_backup, "5. nothing lies among the backups that belongs to none", OTHER, false },
    { remove_data, "5. every image's data is in the store", IMAGE, false },
    { cut_data, "5. every image's data has the length that it had", IMAGE, false },
    { corrupt_data, "5. every image's data is what was stored", IMAGE, true },
    { add_data, "5. no data in the store without an image", LONE_DATA, false },
    { save, "2. every image that waits for data has somebody who writes it", WAITS, false },
    { save_unlocked, "2. every image that waits for data has somebody who writes it", WAITS, false },
    { upload, "2. every image that waits for data has somebody who writes it", WAITS, false },
};

/* --- the tests -------------------------------------------------------------------------------------------------------------------- */

static void test_sound_stores_are_sound(void **state)
{
    (void)state;
    assert_broken(false, NULL, NULL);
    assert_broken(true, NULL, NULL);
}

static void test_each_promise_trips_alone(void **state)
{
    for (size_t i = 0; i < KN_COUNT(BREAKERS); i++) {
        assert_int_equal(drop_world(state), 0);
        assert_int_equal(make_world(state), 0);
        BREAKERS[i].break_it();
        assert_broken(BREAKERS[i].is_deep, BREAKERS[i].promise, BREAKERS[i].word);
    }
}

static void have_breakers(const char *const *promises)
{
    for (; *promises != NULL; promises++) {
        bool found = false;

        for (size_t i = 0; i < KN_COUNT(BREAKERS); i++) {
            found = found || strcmp(BREAKERS[i].promise, *promises) == 0;
        }
        if (!found) {
            fail_msg("nothing breaks \"%s\"", *promises);
        }
    }
}

static void test_every_promise_has_a_breaker(void **state)
{
    (void)state;
    have_breakers(kn_conductor_audit_store_promises);
    have_breakers(kn_conductor_audit_backup_promises);
}

/* What is on its way: a disk that is being made or removed, one that failed, data that somebody writes, or that waits, or is young. */
static void test_what_moves_is_left_alone(void **state)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    char name[KN_SHA512_HEX];

    (void)state;
    run_sql(
        "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES (gen_random_uuid(), 'p', 'u', 1, 'creating'),"
        "(gen_random_uuid(), 'p', 'u', 1, 'deleting'); UPDATE volume_backup SET status = 'deleting' WHERE id = '" GROWN
        "'");
    lose_manifest();
    leave_chunk();
    memset(name, 'c', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    put(images, name, "x", 1);
    save();
    held = make(images, WAITS ".part", "x", 1);
    assert_int_equal(fcntl(held, F_OFD_SETLK, &lock), 0);
    assert_broken(false, NULL, NULL);
    close(held);
    held = -1;
    upload();
    put(images, WAITS ".staged", "x", 1);
    assert_broken(false, NULL, NULL);
    run_sql("UPDATE image SET status = 'saving', updated_at = now() WHERE id = '" WAITS "'");
    assert_broken(false, NULL, NULL);
}

/* Nothing bad was seen where nothing could be seen: exit code 2. With no row that says otherwise, a directory that is not there is no loss. */
static void test_stores_of_other_machines_are_not_judged(void **state)
{
    int verdict = 0;

    (void)state;
    conf.volume_file_dir = "/nonexistent/volumes";
    AUTO_FREE char *text = audit(true, &verdict);
    assert_int_equal(verdict, 2);
    assert_non_null(strstr(
        text,
        "?      5. every volume has its disk\n         not judged: /nonexistent/volumes cannot be looked into from here"));
    assert_non_null(strstr(text, "?      5. no disk without its volume\n"));
    assert_non_null(strstr(text, "ok     5. every image's data is in the store\n"));
    conf.image_store_dir = "/nonexistent/images";
    conf.volume_backup_dir = "/nonexistent/backups";
    save();
    AUTO_FREE char *both = audit(true, &verdict);
    assert_int_equal(verdict, 2);
    assert_null(strstr(both, "ok "));
    run_sql(KN_TEST_EMPTY("volume, volume_backup, image, blob"));
    free(audit(true, &verdict));
    assert_int_equal(verdict, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_stores_are_sound, make_world, drop_world),
        cmocka_unit_test_setup_teardown(test_each_promise_trips_alone, make_world, drop_world),
        cmocka_unit_test(test_every_promise_has_a_breaker),
        cmocka_unit_test_setup_teardown(test_what_moves_is_left_alone, make_world, drop_world),
        cmocka_unit_test_setup_teardown(test_stores_of_other_machines_are_not_judged, make_world, drop_world),
    };

    return cmocka_run_group_tests_name("audit of the stores", tests, group_setup, group_teardown);
}
