/* SPDX-License-Identifier: Apache-2.0 */
/* The file back end on a real directory: every call is an ensure, disks are whole and sparse, nothing strays outside. */
#include <dirent.h>
#include <stdio.h>
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

    assert_ok(FILES->create(&conf, VOLUME, 3, NULL, &err), &err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * GIB);
    assert_in_range(st.st_blocks, 0, 16);
    assert_int_equal(st.st_mode & 0777, 0600);

    FILE *f = fopen(path, "r+be");
    assert_non_null(f);
    assert_int_equal(fputs("kept", f), 1);
    fclose(f);
    assert_ok(FILES->create(&conf, VOLUME, 1, NULL, &err), &err); /* comes again: the disk stays */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3 * GIB);

    assert_ok(FILES->connect(&conf, VOLUME, "h1", &connection, &err), &err);
    assert_string_equal(kn_json_str(connection, "driver"), "file");
    assert_string_equal(kn_json_str(connection, "path"), path);
    assert_string_equal(kn_json_str(connection, "format"), "raw");
    assert_string_equal(kn_json_str(connection, "serial"), VOLUME);
    json_decref(connection);
    assert_ok(FILES->disconnect(&conf, VOLUME, VOLUME, "h1", &err), &err);
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
    assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
    assert_int_equal(count_files(), 0);
    assert_fails(FILES->connect(&conf, VOLUME, "h1", &connection, &err), &err, KN_NOT_FOUND);
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
            assert_ok(FILES->create(&conf, VOLUME, 1, NULL, &err), &err);
            assert_int_equal(count_files(), 1);
        }
        assert_ok(FILES->remove(&conf, VOLUME, NULL, &err), &err);
        assert_int_equal(count_files(), 0);
    }
}

static void test_qcow2(void **state)
{
    (void)state;
    struct kn_conf qcow2 = conf;
    AUTO_FREE char *check = kn_asprintf("qemu-img check -q -f qcow2 %s/volume-" VOLUME, dir);
    struct kn_error err = { 0 };

    qcow2.volume_file_format = "qcow2";
    assert_ok(FILES->create(&qcow2, VOLUME, 1, NULL, &err), &err);
    assert_int_equal(system(check), 0);
    assert_ok(FILES->remove(&qcow2, VOLUME, NULL, &err), &err);
    assert_int_equal(count_files(), 0);
}

static void test_refuses(void **state)
{
    (void)state;
    struct kn_conf odd = conf;
    struct kn_error err = { 0 };
    json_t *connection = NULL;

    assert_fails(FILES->create(&conf, "../../etc/passwd", 1, NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(FILES->remove(&conf, "../../etc/passwd", NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(FILES->connect(&conf, "", "h1", &connection, &err), &err, KN_BAD_REQUEST);
    odd.volume_file_format = "vmdk";
    assert_fails(FILES->start(&odd, &err), &err, KN_BAD_REQUEST);
    odd = conf;
    odd.volume_file_dir = "/nonexistent/volumes";
    assert_fails(FILES->create(&odd, VOLUME, 1, NULL, &err), &err, KN_INTERNAL);
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
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_leftover_is_started_over),
        cmocka_unit_test(test_qcow2),
        cmocka_unit_test(test_refuses),
    };

    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
