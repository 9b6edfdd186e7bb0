/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-supervise as a process: what dies is started again, what is stopped ends, and nothing stays behind. */
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/control.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define PROGRAM "build/bin/kilonova-supervise"
#define LIMIT_MS 60000

struct fixture {
    char dir[KN_TEST_DIR];
    pid_t pid;
};

static pid_t start_supervisor(const char *dir)
{
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDERR_FILENO);
        execl(PROGRAM, PROGRAM, "run", dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Sends one raw request; returns the whole answer. */
static char *ask(const struct fixture *f, const char *request, size_t len)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { .code = KN_OK };
    AUTO_CLOSE int fd = -1;
    char bytes[4096];

    assert_ok(kn_lab_control_connect(f->dir, &fd, &err), &err);
    (void)!send(fd, request, len, MSG_NOSIGNAL);
    for (ssize_t n; (n = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
        kn_strbuf_add(&text, bytes, (size_t)n);
    }
    return kn_strbuf_detach(&text);
}

static void assert_answer(const struct fixture *f, const char *request, const char *answer)
{
    AUTO_FREE char *got = ask(f, request, strlen(request));

    assert_string_equal(got, answer);
}

struct line {
    char state[16];
    int pid;
    int restarts;
};

static struct line status_of(const struct fixture *f, const char *name)
{
    AUTO_FREE char *text = ask(f, "status\n", 7);
    AUTO_FREE char *start = kn_asprintf("\n%s ", name);
    struct line line = { .pid = -1 };
    const char *at = strstr(text, start);

    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(start), "%15s %d %d", line.state, &line.pid, &line.restarts), 3);
    return line;
}

/* A number that a process wrote into a file of the directory. */
static pid_t read_pid(const struct fixture *f, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", f->dir, name);
    int64_t end_ms = kn_mono_ms() + LIMIT_MS;

    while (kn_mono_ms() < end_ms) {
        FILE *file = fopen(path, "re");
        int pid = 0;
        bool read = file != NULL && fscanf(file, "%d\n", &pid) == 1;

        if (file != NULL) {
            fclose(file);
        }
        if (read) {
            return (pid_t)pid;
        }
        poll(NULL, 0, 5);
    }
    fail_msg("%s was not written", path);
    return 0;
}

static bool gone_soon(pid_t pid)
{
    int64_t end_ms = kn_mono_ms() + LIMIT_MS;

    while (kn_mono_ms() < end_ms) {
        if (kill(pid, 0) < 0 && errno == ESRCH) {
            return true;
        }
        poll(NULL, 0, 5);
    }
    return false;
}

static int setup(void **state)
{
    struct fixture *f = KN_NEW(struct fixture);
    int64_t end_ms = kn_mono_ms() + LIMIT_MS;
    AUTO_CLOSE int fd = -1;

    kn_test_dir(f->dir, "supervise");
    f->pid = start_supervisor(f->dir);
    while (kn_lab_control_connect(f->dir, &fd, NULL) < 0 && kn_mono_ms() < end_ms) {
        poll(NULL, 0, 5);
    }
    *state = f;
    return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *command = kn_asprintf("rm -rf '%s'", f->dir);

    if (f->pid > 0) {
        kill(f->pid, SIGTERM);
        waitpid(f->pid, NULL, 0);
    }
    (void)!system(command);
    free(f);
    return 0;
}

static void test_the_dead_are_started_again(void **state)
{
    const struct fixture *f = *state;
    int64_t end_ms = kn_mono_ms() + LIMIT_MS;
    struct line before;
    struct line after;

    assert_answer(f, "add one -- sleep 1000\n", "ok\n");
    before = status_of(f, "one");
    assert_int_equal(read_pid(f, "one.pid"), before.pid);
    assert_answer(f, "kill9 one\n", "ok\n");
    do {
        poll(NULL, 0, 5);
        after = status_of(f, "one");
    } while ((after.restarts == 0 || after.pid == 0) && kn_mono_ms() < end_ms);
    assert_string_equal(after.state, "running");
    assert_int_equal(after.restarts, 1);
    assert_int_not_equal(after.pid, before.pid);
}

static void test_stop_kills_who_does_not_listen(void **state)
{
    const struct fixture *f = *state;
    AUTO_FREE char *row =
        kn_asprintf("add deaf cwd=%s grace=100 -- sh -c \"trap '' TERM; echo $$ >up; while :; do sleep 1; done\"\n",
                    f->dir);
    pid_t pid;

    assert_answer(f, row, "ok\n");
    pid = read_pid(f, "up");
    assert_answer(f, "stop deaf\n", "ok\n");
    assert_true(kill(pid, 0) < 0 && errno == ESRCH);
    assert_string_equal(status_of(f, "deaf").state, "idle");
    assert_answer(f, "start deaf\n", "ok\n");
    assert_string_equal(status_of(f, "deaf").state, "running");
}

/* One that left its parent, its session and its process group, as QEMU and dnsmasq do. */
static void test_down_ends_those_who_hide(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *row =
        kn_asprintf("add parent cwd=%s -- sh -c \"setsid -f sh -c 'echo \\$\\$ >hidden; exec sleep 1000'\"\n", f->dir);
    pid_t hidden;
    int status = -1;

    assert_answer(f, row, "ok\n");
    hidden = read_pid(f, "hidden");
    assert_answer(f, "stop parent\n", "ok\n");
    assert_int_equal(kill(hidden, 0), 0);
    assert_answer(f, "down\n", "");
    waitpid(f->pid, &status, 0);
    f->pid = 0;
    assert_int_equal(status, 0);
    assert_true(kill(hidden, 0) < 0 && errno == ESRCH);
}

static void test_killed_itself_it_takes_its_children_along(void **state)
{
    struct fixture *f = *state;
    pid_t child;

    assert_answer(f, "add one -- sleep 1000\n", "ok\n");
    child = status_of(f, "one").pid;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    f->pid = 0;
    assert_true(gone_soon(child));
}

static void test_one_a_directory(void **state)
{
    const struct fixture *f = *state;
    pid_t second = start_supervisor(f->dir);
    int status = 0;

    waitpid(second, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_answer(f, "status\n", "ok\n");
}

static void test_refusals(void **state)
{
    const struct fixture *f = *state;

    assert_answer(f, "dance\n", "error: \"dance\" is not a command\n");
    assert_answer(f, "stop nobody\n", "error: there is no process \"nobody\"\n");
    assert_answer(f, "add one\n", "error: \"one\" has no -- before its program\n");
    assert_answer(f, "add\n", "error: add needs a row of a process table\n");
    assert_answer(f, "add one -- sleep 1000\n", "ok\n");
    assert_answer(f, "add one -- sleep 1000\n", "error: \"one\" is there already\n");
}

static void test_garbage_is_dropped(void **state)
{
    const struct fixture *f = *state;
    AUTO_FREE char *zeros = kn_alloc(100);
    AUTO_FREE char *endless = kn_alloc(1 << 20);
    AUTO_FREE char *got = NULL;

    memset(endless, 'x', 1 << 20);
    free(ask(f, endless, 1 << 20));
    got = ask(f, zeros, 100);
    assert_string_equal(got, "");
    assert_answer(f, "\n", "error: \"\" is not a command\n");
    assert_answer(f, "status\n", "ok\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_dead_are_started_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_kills_who_does_not_listen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_down_ends_those_who_hide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_itself_it_takes_its_children_along, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_a_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_is_dropped, setup, teardown),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
