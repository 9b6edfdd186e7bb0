/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent keeps on disk: whole or not there; and the tools it runs. */
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/run.h"
#include "compute-agent/core/tombstone.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"

static int setup(void **state)
{
    char *dir = kn_alloc(KN_TEST_DIR);

    kn_test_dir(dir, "guest");
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    char *dir = *state;
    struct kn_error err = { 0 };

    for (size_t i = 0; i < 2; i++) {
        AUTO_FREE char *sub = kn_asprintf("%s/%s", dir, i == 0 ? "servers" : "tombstones");
        assert_ok(kn_agent_file_remove_dir(sub, &err), &err);
    }
    assert_int_equal(rmdir(dir), 0);
    free(dir);
    return 0;
}

static void test_save_and_load(void **state)
{
    json_t *spec = json_pack("{s:s}", "name", "a");
    json_t *back = NULL;
    json_t *servers;
    int64_t generation = 0;
    struct kn_error err = { 0 };

    assert_fails(kn_agent_guest_load(*state, SERVER, &generation, &back, &err), &err, KN_NOT_FOUND);
    assert_ok(kn_agent_guest_save(*state, SERVER, "h1", 3, spec, &err), &err);
    assert_ok(kn_agent_guest_load(*state, SERVER, &generation, &back, &err), &err);
    assert_int_equal(generation, 3);
    assert_true(json_equal(spec, back));
    servers = kn_agent_guest_servers(*state);
    assert_int_equal(json_array_size(servers), 1);
    json_decref(servers);
    json_decref(back);
    json_decref(spec);
    assert_ok(kn_agent_guest_remove(*state, SERVER, &err), &err);
    assert_ok(kn_agent_guest_remove(*state, SERVER, &err), &err); /* twice is once */
}

static void write_file(const char *dir, const char *name, const char *text, size_t times)
{
    char path[PATH_MAX];
    FILE *f;

    kn_agent_guest_path(dir, SERVER, name, path);
    f = fopen(path, "a");
    assert_non_null(f);
    for (size_t i = 0; i < times; i++) {
        fputs(text, f);
    }
    fclose(f);
}

static void test_half_written_spec(void **state)
{
    struct kn_error err = { 0 };
    char dir[PATH_MAX];

    kn_agent_guest_path(*state, SERVER, "", dir);
    assert_ok(kn_agent_file_make_dir(dir, &err), &err);
    write_file(*state, "spec.json", "{\"generation\":3,\"sp", 1);
    assert_fails(kn_agent_guest_load(*state, SERVER, NULL, NULL, &err), &err, KN_NOT_FOUND);
    assert_ok(kn_agent_guest_remove(*state, SERVER, &err), &err);
}

static void test_console(void **state)
{
    struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    char dir[PATH_MAX];

    kn_agent_guest_path(*state, SERVER, "", dir);
    assert_ok(kn_agent_file_make_dir(dir, &err), &err);
    kn_agent_guest_console(*state, SERVER, 100, &out);
    assert_string_equal(out.buf, ""); /* nothing written yet */
    write_file(*state, KN_GUEST_CONSOLE, "0123456789abcdef\n", 300000); /* 5 MB */
    kn_agent_guest_trim_console(*state, SERVER);
    write_file(*state, KN_GUEST_CONSOLE, "new\n", 1);
    kn_agent_guest_console(*state, SERVER, 8, &out);
    assert_string_equal(out.buf, "def\nnew\n"); /* joins what was moved with what came after */
    kn_strbuf_release(&out);
    assert_ok(kn_agent_guest_remove(*state, SERVER, &err), &err);
}

/* A container writes its log by us: it is trimmed with what is added, and never far beyond its bound. */
static void test_console_without_end(void **state)
{
    struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };
    char dir[PATH_MAX], log[PATH_MAX], line[1024];
    struct stat st;

    kn_agent_guest_path(*state, SERVER, "", dir);
    kn_agent_guest_path(*state, SERVER, KN_GUEST_CONSOLE, log);
    assert_ok(kn_agent_file_make_dir(dir, &err), &err);
    memset(line, 'x', sizeof(line));
    for (int i = 0; i < 10240; i++) { /* 10 MiB */
        kn_agent_guest_add_console(*state, SERVER, line, sizeof(line));
        assert_int_equal(stat(log, &st), 0);
        assert_true(st.st_size <= 4 << 20);
    }
    kn_agent_guest_add_console(*state, SERVER, "last\n", 5);
    kn_agent_guest_console(*state, SERVER, 7, &out);
    assert_string_equal(out.buf, "xxlast\n");
    kn_strbuf_release(&out);
    assert_ok(kn_agent_guest_remove(*state, SERVER, &err), &err);
    kn_agent_guest_add_console(*state, SERVER, "late\n", 5); /* of one that went: nothing comes back */
    assert_int_equal(stat(dir, &st), -1);
}

static void test_tombstones(void **state)
{
    struct kn_error err = { 0 };

    assert_int_equal(kn_agent_tombstone_get(*state, SERVER), 0);
    assert_ok(kn_agent_tombstone_put(*state, SERVER, 5, &err), &err);
    assert_ok(kn_agent_tombstone_put(*state, SERVER, 4, &err), &err);
    assert_int_equal(kn_agent_tombstone_get(*state, SERVER), 5); /* never lowered */
    kn_agent_tombstone_prune(*state, kn_now_ms() - 1000);
    assert_int_equal(kn_agent_tombstone_get(*state, SERVER), 5);
    kn_agent_tombstone_prune(*state, kn_now_ms() + 2000);
    assert_int_equal(kn_agent_tombstone_get(*state, SERVER), 0);
}

static void test_run(void **state)
{
    const struct kn_agent_run_limits limits = { 4096, 10, 10000, 0 };
    const struct kn_agent_run_limits hasty = { 4096, 10, 100, 0 };
    const struct kn_agent_run_limits small = { 4096, 10, 10000, 4096 };
    const char *const well[] = { "true", NULL };
    const char *const complains[] = { "sh", "-c", "echo first >&2; echo the reason >&2; exit 3", NULL };
    const char *const absent[] = { "kn-no-such-program", NULL };
    const char *const slow[] = { "sleep", "60", NULL };
    AUTO_FREE char *large = kn_asprintf("%s/large", (char *)*state);
    const char *const writes[] = { "truncate", "-s", "8192", large, NULL };
    struct kn_error err = { 0 };

    assert_ok(kn_agent_run(well, &limits, &err), &err);
    assert_fails(kn_agent_run(complains, &limits, &err), &err, KN_INTERNAL);
    assert_non_null(strstr(err.message, "the reason"));
    assert_fails(kn_agent_run(absent, &limits, &err), &err, KN_INTERNAL);
    assert_non_null(strstr(err.message, "installed"));
    assert_fails(kn_agent_run(writes, &small, &err), &err, KN_INTERNAL); /* of more than it may */
    assert_int_equal(unlink(large), 0);
    assert_fails(kn_agent_run(slow, &hasty, &err), &err, KN_TIMEOUT);
}

/* A tool ends with the agent that ran it, however that ended: a program that reads a tenant's image is nobody's otherwise. */
static void test_run_ends_with_us(void **state)
{
    const struct kn_agent_run_limits limits = { 4096, 10, 60000, 0 };
    AUTO_FREE char *fifo = kn_asprintf("%s/fifo", (char *)*state);
    AUTO_FREE char *words = kn_asprintf("exec 3> %s; exec sleep 600", fifo);
    const char *const argv[] = { "sh", "-c", words, NULL };
    char none;

    assert_int_equal(mkfifo(fifo, 0600), 0);
    const pid_t agent = fork();

    if (agent == 0) {
        struct kn_error err = { 0 };

        kn_agent_run(argv, &limits, &err);
        _exit(0);
    }
    AUTO_CLOSE int fd = open(fifo, O_RDONLY | O_CLOEXEC); /* until it runs */

    assert_true(fd >= 0);
    assert_int_equal(kill(agent, SIGKILL), 0);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
    assert_int_equal(read(fd, &none, 1), 0); /* until it is gone */
    assert_int_equal(unlink(fifo), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_save_and_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_written_spec, setup, teardown),
        cmocka_unit_test_setup_teardown(test_console, setup, teardown),
        cmocka_unit_test_setup_teardown(test_console_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tombstones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run_ends_with_us, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
