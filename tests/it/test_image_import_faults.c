/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports that are killed, given up or unwanted half-way: the image ends active with the right bytes or queued with a reason, and no
 * file is left. And the converter's prison, looked at while it works.
 */
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/import_world.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

/* A line of a file below /proc/PID that begins with this; "" if none does. */
static char *proc_line(pid_t pid, const char *file, const char *begins)
{
    AUTO_FREE char *path = kn_asprintf("/proc/%d/%s", (int)pid, file);
    char *line = kn_alloc(512);
    FILE *f = fopen(path, "re");

    while (f != NULL && fgets(line, 512, f) != NULL && strncmp(line, begins, strlen(begins)) != 0) {
        line[0] = '\0';
    }
    if (f != NULL) {
        fclose(f);
    }
    return line;
}

/* The child of a process that a file of its task says, if there is one; 0 if not. */
static pid_t child_in(const char *path)
{
    FILE *f = fopen(path, "re");
    int child = 0;

    if (f != NULL) {
        (void)!fscanf(f, "%d", &child);
        fclose(f);
    }
    return child;
}

/* The converter of the service, a child of one of its threads; stopped, so that it neither ends nor changes while it is looked at. */
static pid_t stop_converter(void)
{
    AUTO_FREE char *pattern = kn_asprintf("/proc/%d/task/*/children", (int)imports.image);

    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; kn_mono_ms() < deadline; poll(NULL, 0, 1)) {
        glob_t found = { 0 };
        pid_t child = 0;

        (void)!glob(pattern, 0, NULL, &found);
        for (size_t i = 0; i < found.gl_pathc && child == 0; i++) {
            child = child_in(found.gl_pathv[i]);
        }
        globfree(&found);
        AUTO_FREE char *name = child != 0 ? proc_line(child, "comm", "") : kn_strdup("");
        if (strcmp(name, "qemu-img\n") == 0 && kill(child, SIGSTOP) == 0) {
            return child;
        }
    }
    fail_msg("qemu-img was not started");
    return 0;
}

static void test_killed_while_downloading(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");

    import_web(id, "localhost", "held/pattern");
    await_file(id, "part");
    assert_string_equal(status_of(id), "importing");
    assert_string_equal(field("os_glance_importing_to_stores"), "file");
    restart_image("127.0.0.0/8");
    shell("touch go");
    await_status(id, "active");
    shell("rm go");
    expect_same_disk(id, "raw", "pattern");
    assert_int_equal(files(), 1);
    drop_everything();
}

/* A project's imports hang on a slow server, as many as there are threads: another project's goes on. */
static void test_others_go_on(void **state)
{
    (void)state;
    AUTO_FREE char *first = create_as("raw"), *second = create_as("raw"), *third = create_as("raw");
    const char *const slow[] = { first, second, third };
    AUTO_FREE char *other = create(B JSON, "{\"name\":\"i\",\"disk_format\":\"raw\",\"container_format\":\"bare\","
                                           "\"visibility\":\"community\"}");
    AUTO_FREE char *stage = kn_asprintf(IMAGES "/%s/stage", other);
    AUTO_FREE char *import = kn_asprintf(IMAGES "/%s/import", other);

    import_web(slow[0], "localhost", "held/pattern");
    await_file(slow[0],
               "part"); /* before the others are asked for: which of several begins first is nobody's promise */
    for (size_t i = 1; i < KN_COUNT(slow); i++) {
        import_web(slow[i], "localhost", "held/pattern");
    }
    expect(204, "PUT", stage, B BYTES, "some data");
    expect(202, "POST", import, B JSON, "{\"method\":{\"name\":\"glance-direct\"}}");
    await_status(other, "active");
    for (size_t i = 0; i < KN_COUNT(slow); i++) {
        assert_string_equal(status_of(slow[i]), "importing");
    }
    shell("touch go");
    for (size_t i = 0; i < KN_COUNT(slow); i++) {
        await_status(slow[i], "active");
    }
    shell("rm go");
    drop_everything();
}

static void test_killed_while_converting(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("vmdk");

    shell("rm -f disk && qemu-img convert -f raw -O vmdk big disk");
    stage_file(204, id, "disk");
    import_direct(id);
    stop_converter();
    AUTO_FREE char *rubbish = kn_asprintf("head -c 1M pattern > %s/%s.converted", world.store, id);
    shell(rubbish); /* as half of a conversion, and worse */
    restart_image("127.0.0.0/8");
    await_status(id, "active");
    assert_string_equal(field("disk_format"), "qcow2");
    expect_same_disk(id, "qcow2", "big");
    assert_int_equal(files(), 1);
    drop_everything();
}

/* A service that is asked to end pauses what it does: nothing is decided, and what is staged waits. */
static void test_stopped_while_converting(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("vmdk");
    AUTO_FREE char *staged = kn_asprintf("%s/%s.staged", world.store, id);

    shell("rm -f disk && qemu-img convert -f raw -O vmdk big disk");
    stage_file(204, id, "disk");
    import_direct(id);
    stop_converter();
    assert_true(kn_test_end(imports.image, SIGTERM));
    imports.image = 0;
    assert_string_equal(status_of(id), "importing");
    assert_int_equal(access(staged, F_OK), 0);
    assert_int_equal(files(), 1);
    restart_image("127.0.0.0/8");
    await_status(id, "active");
    expect_same_disk(id, "qcow2", "big");
    drop_everything();
}

static void test_full_disk(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("vdi");

    if (mount("tmpfs", world.store, "tmpfs", 0, "size=100m") < 0) {
        skip(); /* not root */
    }
    restart_image("127.0.0.0/8");
    shell("rm -f disk && qemu-img convert -f raw -O vdi pattern disk");
    stage_file(204, id, "disk"); /* 24 of 100 MiB; another 24 will not fit beside what comes now */
    AUTO_FREE char *ballast = kn_asprintf("head -c 65M /dev/zero > %s/.ballast", world.store);
    shell(ballast);
    import_direct(id);
    expect_failed(id, "storage media is full");
    await_files(0);
    drop_everything();
}

static int unmount(void **state)
{
    (void)state;
    (void)umount2(world.store, MNT_DETACH); /* whatever the test came to */
    restart_image("127.0.0.0/8");
    return 0;
}

static void test_converter_is_locked_in(void **state)
{
    (void)state;
    static const struct {
        const char *file, *begins, *says;
    } WANTED[] = {
        { "status", "NoNewPrivs:", "1" },
        { "limits", "Max cpu time", "3600" },
        { "limits", "Max address space", "2147483648" },
        { "limits", "Max file size", "1099511627776" },
        { "limits", "Max core file size", " 0 " },
        { "limits", "Max open files", "64" },
    };
    AUTO_FREE char *id = create_as("vmdk");
    char ours[64] = "", theirs[64] = "";

    shell("rm -f disk && qemu-img convert -f raw -O vmdk big disk");
    stage_file(204, id, "disk");
    import_direct(id);
    const pid_t child = stop_converter();
    AUTO_FREE char *net = kn_asprintf("/proc/%d/ns/net", (int)child);
    assert_true(readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) > 0);
    assert_true(readlink(net, theirs, sizeof(theirs) - 1) > 0);
    assert_string_not_equal(ours, theirs);
    for (size_t i = 0; i < KN_COUNT(WANTED); i++) {
        AUTO_FREE char *line = proc_line(child, WANTED[i].file, WANTED[i].begins);
        if (line[0] == '\0' || strstr(line, WANTED[i].says) == NULL) {
            fail_msg("%s: \"%s\", wanted \"%s\"", WANTED[i].begins, line, WANTED[i].says);
        }
    }
    kill(child, SIGCONT);
    await_status(id, "active");
    drop_everything();
}

/* One that kills its worker each time ends as a failure; here the row says that it was begun so often. */
static void test_gives_up(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    struct kn_error err = { 0 };

    import_web(id, "localhost", "held/pattern");
    await_file(id, "part");
    kn_test_end(imports.image, SIGKILL);
    imports.image = 0;
    assert_ok(kn_db_script(world.db, "UPDATE image_task SET attempts = 5", &err), &err);
    restart_image("127.0.0.0/8");
    expect_failed(id, "never ended");
    await_files(0);
    drop_everything();
}

/* What went wrong in the cloud itself is the log's: the image's owner hears no path and no cause. */
static void test_own_failures_are_not_told(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *part = kn_asprintf("%s/%s.part", world.store, id);

    assert_int_equal(mkdir(part, 0700), 0); /* nothing can be written there */
    import_web(id, "localhost", "pattern");
    expect_failed(id, "The cloud failed to carry this out. (req-");
    assert_int_equal(rmdir(part), 0);
    drop_everything();
}

static void test_deleted_while_importing(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *path = path_of(id, "");

    import_web(id, "localhost", "held/pattern");
    await_file(id, "part");
    expect(204, "DELETE", path, A, NULL);
    await_files(0);
    assert_int_equal(count_of("SELECT count(*) FROM image_task WHERE status = 'failure'"), 1);
    drop_everything();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_while_downloading),
        cmocka_unit_test(test_others_go_on),
        cmocka_unit_test(test_killed_while_converting),
        cmocka_unit_test(test_stopped_while_converting),
        cmocka_unit_test_teardown(test_full_disk, unmount),
        cmocka_unit_test(test_converter_is_locked_in),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_own_failures_are_not_told),
        cmocka_unit_test(test_deleted_while_importing),
    };

    return cmocka_run_group_tests(tests, start_imports, stop_imports);
}
