/* SPDX-License-Identifier: Apache-2.0 */
/* The consoles of containers on pseudo-terminals as libvirt makes them: one that writes without end, and others beside it. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define LOUD "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"
#define QUIET "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ac"
#define AT_ONCE (INT64_C(1) << 20)
#define A_MS 64

struct ttys_world {
    char dir[KN_TEST_DIR];
    struct kn_agent_ttys *ttys;
};

static const char *const SERVERS[] = { LOUD, QUIET };

static int setup(void **state)
{
    struct ttys_world *w = KN_NEW(struct ttys_world);
    struct kn_error err = { 0 };
    char path[PATH_MAX];

    kn_test_dir(w->dir, "ttys");
    for (size_t i = 0; i < KN_COUNT(SERVERS); i++) {
        kn_agent_guest_path(w->dir, SERVERS[i], "", path);
        assert_ok(kn_agent_file_make_dir(path, &err), &err);
    }
    assert_ok(kn_agent_ttys_new(w->dir, &w->ttys, &err), &err);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct ttys_world *w = *state;
    AUTO_FREE char *servers = kn_asprintf("%s/servers", w->dir);
    struct kn_error err = { 0 };

    kn_agent_ttys_free(w->ttys);
    for (size_t i = 0; i < KN_COUNT(SERVERS); i++) {
        assert_ok(kn_agent_guest_remove(w->dir, SERVERS[i], &err), &err);
    }
    assert_int_equal(rmdir(servers), 0);
    assert_int_equal(rmdir(w->dir), 0);
    free(w);
    return 0;
}

/* The side that libvirt holds, raw; *name is the other's. */
static int terminal(char name[128])
{
    const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;

    assert_true(fd >= 0);
    assert_int_equal(grantpt(fd) | unlockpt(fd) | ptsname_r(fd, name, 128), 0);
    assert_int_equal(tcgetattr(fd, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
    return fd;
}

static off_t written(const struct ttys_world *w, const char *server)
{
    char path[PATH_MAX];
    struct stat st;

    kn_agent_guest_path(w->dir, server, KN_GUEST_CONSOLE, path);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void await_written(const struct ttys_world *w, const char *server, off_t bytes)
{
    const int64_t deadline = kn_mono_ms() + 60000;

    while (written(w, server) < bytes) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(5);
    }
}

/* A program that writes to its console until it is killed. */
static pid_t flood(int fd)
{
    const pid_t pid = fork();

    if (pid == 0) {
        static const char LINES[1024] = "one that never ends";

        while (write(fd, LINES, sizeof(LINES)) > 0) {
        }
        _exit(0);
    }
    assert_true(pid > 0);
    close(fd);
    return pid;
}

static void test_one_floods(void **state)
{
    struct ttys_world *w = *state;
    struct kn_error err = { 0 };
    char loud[128], quiet[128];
    const int64_t began_ms = kn_mono_ms();
    const pid_t pid = flood(terminal(loud));
    const int fd = terminal(quiet);

    assert_ok(kn_agent_ttys_keep(w->ttys, LOUD, loud, &err), &err);
    await_written(w, LOUD, AT_ONCE / 2);
    assert_ok(kn_agent_ttys_keep(w->ttys, QUIET, quiet, &err), &err); /* a command of another guest waits for nothing */
    assert_ok(kn_agent_ttys_keep(w->ttys, LOUD, loud, &err), &err);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(write(fd, "here\n", 5), 5);
        await_written(w, QUIET, (off_t)i * 5); /* each line, while the other writes on */
    }
    await_written(w, LOUD, AT_ONCE + 1);
    /* It has had what is free and its share since; it waits for the rest. */
    assert_true(written(w, LOUD) <= AT_ONCE + (kn_mono_ms() - began_ms + 1) * A_MS);
    assert_int_equal(written(w, QUIET), 100);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(fd);
}

/* A terminal whose other side went is none: a new one of the same name is read from. */
static void test_ends_and_begins(void **state)
{
    struct ttys_world *w = *state;
    struct kn_error err = { 0 };
    off_t before = 0;

    for (int i = 0; i < 50; i++) {
        char name[128];
        const int fd = terminal(name);

        assert_ok(kn_agent_ttys_keep(w->ttys, QUIET, name, &err), &err);
        assert_int_equal(write(fd, "again\n", 6), 6);
        before += 6;
        await_written(w, QUIET, before);
        close(fd);
    }
    assert_fails(kn_agent_ttys_keep(w->ttys, QUIET, "/dev/pts/none", &err), &err, KN_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_floods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_and_begins, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
