/* SPDX-License-Identifier: Apache-2.0 */
/* The file back end on a real directory: every call is an ensure, disks are whole and sparse, nothing strays outside. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/needs.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"
#include "volume/serve/driver.h"

#define VOLUME "11111111-2222-4333-8444-555555555555"
#define GIB (INT64_C(1) << 30)

static const struct kn_volume_driver *const FILES = &kn_volume_driver_file;
static const struct kn_volume_user USER = { .server = VOLUME, .host = "h1", .format = "raw" };
static struct kn_conf conf;
static char dir[KN_TEST_DIR];

static int count_files(void)
{
    DIR *d = opendir(dir);
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return count;
}

static void test_raw(void **state)
{
    (void)state;
    AUTO_FREE char *path = kn_asprintf("%s/volume-" VOLUME, dir);
    struct kn_error err = { 0 };
    json_t *connection = NULL;
    struct stat st;

    assert_ok(FILES->create(&conf, VOLUME, "raw", 3, NULL, NULL, &err), &err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * GIB);
    assert_in_range(st.st_blocks, 0, 16);
    assert_int_equal(st.st_mode & 0777, 0600);

    FILE *f = fopen(path, "r+be");
    assert_non_null(f);
    assert_int_equal(fputs("kept", f), 1);
    fclose(f);
    assert_ok(FILES->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err); /* comes again: the disk stays */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * GIB);

    assert_ok(FILES->connect(&conf, VOLUME, &USER, &connection, &err), &err);
    assert_string_equal(kn_json_str(connection, "driver"), "file");
    assert_string_equal(kn_json_str(connection, "path"), path);
    assert_string_equal(kn_json_str(connection, "format"), "raw");
    assert_string_equal(kn_json_str(connection, "serial"), VOLUME);
    json_decref(connection);
    assert_ok(FILES->disconnect(&conf, VOLUME, VOLUME, "h1", &err), &err);
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
    assert_int_equal(count_files(), 0);
    assert_fails(FILES->connect(&conf, VOLUME, &USER, &connection, &err), &err, KN_NOT_FOUND);
}

/* What is let go stays as it is under a name of its own, asked once or twice; nothing of that name is lost. */
static void test_release(void **state)
{
    AUTO_FREE char *path = kn_asprintf("%s/volume-" VOLUME, dir),
                   *free_path = kn_asprintf("%s/unmanaged-volume-" VOLUME ".raw", dir);
    struct kn_error err = { 0 };
    struct stat made, let_go;

    (void)state;
    for (const struct kn_volume_driver *const *of = kn_volume_drivers; *of != NULL; of++) {
        assert_ok((*of)->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
        assert_int_equal(stat(path, &made), 0);
        for (int times = 0; times < 2; times++) {
            assert_ok((*of)->release(&conf, VOLUME, "raw", NULL, &err), &err);
            assert_int_equal(stat(free_path, &let_go), 0);
            assert_true(let_go.st_ino == made.st_ino && let_go.st_size == made.st_size);
            assert_int_equal(count_files(), 1);
        }
        assert_int_equal(link(free_path, path), 0); /* killed in the middle */
        assert_ok((*of)->release(&conf, VOLUME, "raw", NULL, &err), &err);
        assert_int_equal(count_files(), 1);
        assert_ok((*of)->remove(&conf, VOLUME, NULL, &err), &err); /* it is nobody's */
        assert_ok((*of)->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
        assert_fails((*of)->release(&conf, VOLUME, "raw", NULL, &err), &err, KN_CONFLICT);
        assert_int_equal(stat(free_path, &let_go), 0);
        assert_int_equal(let_go.st_ino, made.st_ino);
        assert_int_equal(unlink(free_path), 0);
        assert_int_equal(symlink("nowhere", free_path), 0);
        assert_fails((*of)->release(&conf, VOLUME, "raw", NULL, &err), &err, KN_CONFLICT);
        assert_int_equal(unlink(free_path), 0);
        assert_ok((*of)->remove(&conf, VOLUME, NULL, &err), &err);
        assert_int_equal(count_files(), 0);
    }
}

static void test_leftover_is_started_over(void **state)
{
    (void)state;
    AUTO_FREE char *leftover = kn_asprintf("%s/.new-volume-" VOLUME, dir);
    struct kn_error err = { 0 };

    for (int removed = 0; removed <= 1; removed++) {
        FILE *f = fopen(leftover, "wbe");
        assert_non_null(f);
        assert_int_equal(fputs("half", f), 1);
        fclose(f);
        if (removed == 0) {
            assert_ok(FILES->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
            assert_int_equal(count_files(), 1);
        }
        assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
        assert_int_equal(count_files(), 0);
    }
}

static void test_qcow2(void **state)
{
    (void)state;
    AUTO_FREE char *check = kn_asprintf("qemu-img check -q -f qcow2 %s/volume-" VOLUME, dir);
    struct kn_error err = { 0 };

    assert_ok(FILES->create(&conf, VOLUME, "qcow2", 1, NULL, NULL, &err), &err);
    assert_int_equal(system(check), 0);
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
    assert_int_equal(count_files(), 0);
}

/* --- what is made of what -------------------------------------------------------------------------------------------------------- */

#define COPY "22222222-2222-4333-8444-555555555555"
#define SNAPSHOT "33333333-2222-4333-8444-555555555555"

/* Of the disk, by qemu-io, which is told the format: so both formats are asked the same. */
static bool holds(const char *format, const char *name, const char *pattern)
{
    AUTO_FREE char *command =
        kn_asprintf("qemu-io -f %s -r -c 'read -P %s' %s/%s 2>&1 | grep -q '^read '  && "
                    "! qemu-io -f %s -r -c 'read -P %s' %s/%s 2>&1 | grep -q 'Pattern verification failed'",
                    format, pattern, dir, name, format, pattern, dir, name);

    return system(command) == 0;
}

static void fill(const char *format, const char *name, const char *pattern)
{
    AUTO_FREE char *command = kn_asprintf("qemu-io -f %s -c 'write -P %s' %s/%s >/dev/null", format, pattern, dir,
                                          name);

    assert_int_equal(system(command), 0);
}

static void drop_all(const struct kn_conf *of)
{
    struct kn_error err = { 0 };

    assert_ok(FILES->remove(of, VOLUME, NULL, &err), &err);
    assert_ok(FILES->remove(of, COPY, NULL, &err), &err);
    assert_ok(FILES->remove_snapshot(of, SNAPSHOT, NULL, &err), &err);
    assert_ok(FILES->remove_snapshot(of, SNAPSHOT, NULL, &err), &err);
    assert_int_equal(count_files(), 0);
}

/* A snapshot keeps what was, whoever writes or goes; what is made of it is grown with zeros. */
static void copies_of(const char *format)
{
    const struct kn_volume_origin of_snapshot = { .snapshot = SNAPSHOT, .format = format },
                                  of_volume = { .volume = VOLUME, .format = format };
    struct kn_error err = { 0 };
    struct stat st;

    assert_ok(FILES->create(&conf, VOLUME, format, 1, NULL, NULL, &err), &err);
    fill(format, "volume-" VOLUME, "7 512M 64k");
    assert_ok(FILES->snapshot(&conf, SNAPSHOT, VOLUME, NULL, &err), &err);
    fill(format, "volume-" VOLUME, "9 512M 64k");
    assert_ok(FILES->snapshot(&conf, SNAPSHOT, VOLUME, NULL, &err), &err); /* comes again: it stays what it is */
    assert_true(holds(format, "snapshot-" SNAPSHOT, "7 512M 64k"));
    assert_ok(FILES->create(&conf, COPY, format, 2, &of_snapshot, NULL, &err), &err);
    assert_true(holds(format, "volume-" COPY, "7 512M 64k"));
    assert_true(holds(format, "volume-" COPY, "0 0 512M"));
    assert_true(holds(format, "volume-" COPY, "0 1025M 1022M")); /* also what is new of it */
    AUTO_FREE char *path = kn_asprintf("%s/volume-" COPY, dir);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_blocks * 512, 1, 4 << 20); /* holes stay holes */
    assert_ok(FILES->remove(&conf, COPY, NULL, &err), &err);
    assert_ok(FILES->create(&conf, COPY, format, 1, &of_volume, NULL, &err), &err);
    assert_true(holds(format, "volume-" COPY, "9 512M 64k"));

    assert_ok(FILES->extend(&conf, VOLUME, format, 3, NULL, &err), &err);
    assert_ok(FILES->extend(&conf, VOLUME, format, 3, NULL, &err), &err);
    assert_true(holds(format, "volume-" VOLUME, "0 2048M 1023M"));
    assert_true(holds(format, "volume-" VOLUME, "9 512M 64k"));
    assert_ok(FILES->overwrite(&conf, VOLUME, format, 3, false, &of_snapshot, NULL, &err), &err);
    assert_true(holds(format, "volume-" VOLUME, "7 512M 64k"));
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err); /* needed by neither */
    assert_true(holds(format, "snapshot-" SNAPSHOT, "7 512M 64k"));
    assert_fails(FILES->extend(&conf, VOLUME, format, 4, NULL, &err), &err, KN_NOT_FOUND);
    assert_fails(FILES->overwrite(&conf, VOLUME, format, 4, false, &of_snapshot, NULL, &err), &err, KN_NOT_FOUND);
    assert_fails(FILES->create(&conf, VOLUME, format, 4, &of_volume, NULL, &err), &err,
                 KN_NOT_FOUND); /* of what is gone: no file */
    drop_all(&conf);
}

static void test_copies_raw(void **state)
{
    (void)state;
    copies_of("raw");
}

static void test_copies_qcow2(void **state)
{
    (void)state;
    copies_of("qcow2");
}

/* An image in either format becomes a disk in either; the disk becomes a file in either. */
static void test_images(void **state)
{
    static const char *const FORMATS[] = { "raw", "qcow2" };
    struct kn_error err = { 0 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        const char *from = FORMATS[i / 2], *to = FORMATS[i % 2];
        AUTO_FREE char *image = kn_asprintf("%s/image", dir), *exported = NULL, *name = NULL;
        AUTO_FREE char *make = kn_asprintf("qemu-img create -q -f %s %s 8M", from, image);
        const struct kn_volume_origin origin = { .image = image, .format = from };

        assert_int_equal(system(make), 0);
        fill(from, "image", "5 4M 64k");
        assert_ok(FILES->create(&conf, VOLUME, to, 1, &origin, NULL, &err), &err);
        assert_true(holds(to, "volume-" VOLUME, "5 4M 64k"));
        assert_true(holds(to, "volume-" VOLUME, "0 8M 1016M"));
        assert_ok(FILES->export(&conf, false, VOLUME, to, from, NULL, &exported, &err), &err);
        name = kn_strdup(strrchr(exported, '/') + 1);
        assert_true(holds(from, name, "5 4M 64k"));
        FILES->end_export(&conf, false, VOLUME);
        assert_int_equal(unlink(image), 0);
        assert_true(holds(to, "volume-" VOLUME, "5 4M 64k"));
        assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
        assert_int_equal(count_files(), 0);
    }
}

/* The settings say what new disks will be; one that is there is what it was made as, whatever they say by then, and what is made of it is what its own row has. */
static void test_settings_change_no_disk(void **state)
{
    const struct kn_volume_origin of_volume = { .volume = VOLUME, .format = "raw" },
                                  of_snapshot = { .snapshot = SNAPSHOT, .format = "raw" };
    struct kn_conf changed = conf;
    struct kn_error err = { 0 };
    json_t *connection = NULL;

    (void)state;
    assert_string_equal(FILES->format(&conf), "raw");
    assert_ok(FILES->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
    fill("raw", "volume-" VOLUME, "7 1M 64k");
    changed.volume_file_format = "qcow2";
    assert_string_equal(FILES->format(&changed), "qcow2");
    assert_ok(FILES->snapshot(&changed, SNAPSHOT, VOLUME, NULL, &err), &err);
    assert_true(holds("raw", "snapshot-" SNAPSHOT, "7 1M 64k"));
    assert_ok(FILES->create(&changed, COPY, "qcow2", 2, &of_volume, NULL, &err), &err);
    assert_true(holds("qcow2", "volume-" COPY, "7 1M 64k"));
    assert_true(holds("qcow2", "volume-" COPY, "0 1024M 1M"));
    assert_ok(FILES->extend(&changed, VOLUME, "raw", 2, NULL, &err), &err);
    assert_true(holds("raw", "volume-" VOLUME, "7 1M 64k"));
    assert_ok(FILES->overwrite(&changed, COPY, "qcow2", 2, false, &of_snapshot, NULL, &err), &err);
    assert_true(holds("qcow2", "volume-" COPY, "7 1M 64k"));
    assert_ok(FILES->connect(&changed, VOLUME, &USER, &connection, &err), &err);
    assert_string_equal(kn_json_str(connection, "format"), "raw");
    json_decref(connection);

    assert_ok(FILES->may_be(&conf, false, VOLUME, "raw", &err), &err);
    assert_ok(FILES->may_be(&conf, true, SNAPSHOT, "raw", &err), &err);
    assert_ok(FILES->may_be(&conf, false, COPY, "qcow2", &err), &err);
    assert_fails(FILES->may_be(&conf, false, VOLUME, "qcow2", &err), &err, KN_CONFLICT);
    assert_fails(FILES->may_be(&conf, false, COPY, "raw", &err), &err, KN_CONFLICT);
    assert_fails(FILES->may_be(&conf, true, COPY, "raw", &err), &err, KN_NOT_FOUND);
    drop_all(&conf);
}

/* A guest wrote a qcow2's head with a backing file into its raw disk: a copy in another format holds those very bytes, and nothing of that file. */
static void test_a_guests_head_is_not_believed(void **state)
{
    const struct kn_volume_origin of_volume = { .volume = VOLUME, .format = "raw" };
    AUTO_FREE char *secret = kn_asprintf("%s/secret", dir), *path = kn_asprintf("%s/volume-" VOLUME, dir),
                   *evil = kn_asprintf("%s/evil", dir), *exported = NULL;
    AUTO_FREE char *make =
        kn_asprintf("head -c 1M /dev/zero | tr '\\0' S > %s && qemu-img create -q -f qcow2 -b %s -F raw %s && "
                    "dd if=%s of=%s conv=notrunc status=none",
                    secret, secret, evil, evil, path);
    AUTO_FREE char *same = kn_asprintf("qemu-img compare -q -f raw -F qcow2 %s %s/volume-" COPY, path, dir);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(FILES->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
    assert_int_equal(system(make), 0);
    assert_ok(FILES->create(&conf, COPY, "qcow2", 1, &of_volume, NULL, &err), &err);
    assert_int_equal(system(same), 0);
    assert_ok(FILES->export(&conf, false, VOLUME, "raw", "qcow2", NULL, &exported, &err), &err);
    AUTO_FREE char *too = kn_asprintf("qemu-img compare -q -f raw -F qcow2 %s %s", path, exported);
    assert_int_equal(system(too), 0);
    FILES->end_export(&conf, false, VOLUME);
    assert_int_equal(unlink(secret), 0);
    assert_int_equal(unlink(evil), 0);
    drop_all(&conf);
}

static int refuse_looks(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    (void)ctx;
    (void)size;
    return done <= 0 ? 0 : kn_fail(err, KN_CANCELLED, "enough");
}

static int is_wanted(void *ctx, struct kn_error *err)
{
    (void)ctx;
    (void)err;
    return 0;
}

/* Ended in the middle a copy leaves nothing, and what was to be overwritten is what it was. */
static void test_copy_ended(void **state)
{
    const struct kn_volume_watch watch = { refuse_looks, is_wanted, NULL };
    const struct kn_volume_origin of_snapshot = { .snapshot = SNAPSHOT, .format = "raw" };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(FILES->create(&conf, VOLUME, "raw", 1, NULL, NULL, &err), &err);
    fill("raw", "volume-" VOLUME, "7 0 16M");
    assert_ok(FILES->snapshot(&conf, SNAPSHOT, VOLUME, NULL, &err), &err);
    fill("raw", "volume-" VOLUME, "9 0 16M");
    if (FILES->create(&conf, COPY, "raw", 1, &of_snapshot, &watch, &err) == 0) {
        drop_all(&conf); /* a file system whose copies share blocks: no middle */
        return;
    }
    assert_int_equal(err.code, KN_CANCELLED);
    kn_error_clear(&err);
    assert_fails(FILES->overwrite(&conf, VOLUME, "raw", 1, false, &of_snapshot, &watch, &err), &err, KN_CANCELLED);
    assert_true(holds("raw", "volume-" VOLUME, "9 0 16M"));
    assert_int_equal(count_files(), 2);
    drop_all(&conf);
}

static void test_refuses(void **state)
{
    (void)state;
    struct kn_conf odd = conf;
    struct kn_error err = { 0 };
    json_t *connection = NULL;

    assert_fails(FILES->create(&conf, "../../etc/passwd", "raw", 1, NULL, NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(FILES->remove(&conf, "../../etc/passwd", NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(FILES->connect(&conf, "", &USER, &connection, &err), &err, KN_BAD_REQUEST);
    odd.volume_file_format = "vmdk";
    assert_fails(FILES->start(&odd, &err), &err, KN_BAD_REQUEST);
    odd = conf;
    odd.volume_file_dir = "/nonexistent/volumes";
    assert_fails(FILES->create(&odd, VOLUME, "raw", 1, NULL, NULL, &err), &err, KN_INTERNAL);
    assert_int_equal(count_files(), 0);
}

static int make_dir(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    kn_conf_defaults(&conf);
    kn_test_dir(dir, "volumes");
    conf.volume_file_dir = dir;
    assert_ok(FILES->start(&conf, &err), &err);
    return 0;
}

static int drop_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    kn_test_needs("qemu-img", "qemu-io");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_leftover_is_started_over),
        cmocka_unit_test(test_qcow2),
        cmocka_unit_test(test_copies_raw),
        cmocka_unit_test(test_copies_qcow2),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_settings_change_no_disk),
        cmocka_unit_test(test_a_guests_head_is_not_believed),
        cmocka_unit_test(test_copy_ended),
        cmocka_unit_test(test_refuses),
    };

    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
