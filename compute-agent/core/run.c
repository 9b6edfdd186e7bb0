/* SPDX-License-Identifier: Apache-2.0 */
/* run: the one place of this room that forks and goes on. Between fork and exec it calls only what is safe in a threaded process. */
#include "compute-agent/core/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

#define EXEC_FAILED 127
#define LOOK_EVERY_MS 200
#define ERROR_TAIL 400 /* bytes kept of what it complained about */

static void run_limit(__rlimit_resource_t resource, int64_t value)
{
    struct rlimit r = { (rlim_t)value, (rlim_t)value };

    setrlimit(resource, &r);
}

/* The thread that started it waits for its end, so it is the whole agent's that this is about. */
static _Noreturn void run_child(const char *const argv[], const struct kn_agent_run_limits *limits, pid_t agent,
                                int error_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char *const *vector;
    sigset_t none;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != agent) {
        _exit(EXEC_FAILED);
    }
    dup2(null, 0);
    dup2(null, 1);
    dup2(error_fd, 2);
    run_limit(RLIMIT_AS, limits->memory_mib << 20);
    run_limit(RLIMIT_CPU, limits->cpu_s);
    run_limit(RLIMIT_CORE, 0);
    if (limits->file_bytes > 0) {
        run_limit(RLIMIT_FSIZE, limits->file_bytes);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* execvp takes what it will not change as changeable. */
    memcpy(&vector, &argv, sizeof(vector));
    execvp(argv[0], vector);
    _exit(EXEC_FAILED);
}

struct run_patience {
    int64_t until_ms;
    kn_agent_run_watch *watch; /* NULL: nobody watches */
    void *ctx;
    struct kn_error ended; /* by whoever watches; KN_OK: not */
};

/* How long to wait for more; below 1: it is over. */
static int64_t run_wait_ms(struct run_patience *p)
{
    const int64_t left = p->until_ms - kn_mono_ms();

    if (p->watch == NULL) {
        return left;
    }
    return p->watch(p->ctx, &p->ended) < 0 ? 0 : left < LOOK_EVERY_MS ? left : LOOK_EVERY_MS;
}

/* Keeps the end of what comes until the other side closes; false when the time is over. */
static bool run_drain(int fd, struct run_patience *patience, char tail[ERROR_TAIL + 1])
{
    size_t len = 0;

    for (;;) {
        char chunk[ERROR_TAIL];
        int64_t wait = run_wait_ms(patience);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int ready = wait > 0 ? poll(&p, 1, (int)wait) : -1;
        if ((ready < 0 && wait > 0 && errno == EINTR) || (ready == 0 && patience->watch != NULL)) {
            continue;
        }
        if (ready <= 0) {
            return false;
        }
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n <= 0) {
            return true;
        }
        size_t keep = len + (size_t)n > ERROR_TAIL ? ERROR_TAIL - (size_t)n : len;
        memmove(tail, tail + len - keep, keep);
        memcpy(tail + keep, chunk, (size_t)n);
        len = keep + (size_t)n;
        tail[len] = '\0';
    }
}

/* The last line that says something, in place. */
static const char *last_line(char *text)
{
    size_t len = strlen(text);
    char *start;

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' ')) {
        text[--len] = '\0';
    }
    start = strrchr(text, '\n');
    return start != NULL ? start + 1 : text;
}

static int run_judge(const char *name, int status, char *complaint, struct kn_error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXEC_FAILED) {
        return kn_fail(err, KN_INTERNAL, "cannot run \"%s\": is it installed?", name);
    }
    if (WIFSIGNALED(status)) {
        return kn_fail(err, KN_INTERNAL, "\"%s\" was killed by signal %d", name, WTERMSIG(status));
    }
    return kn_fail(err, KN_INTERNAL, "\"%s\" failed: %s", name, last_line(complaint));
}

int kn_agent_run(const char *const argv[], const struct kn_agent_run_limits *limits, struct kn_error *err)
{
    return kn_agent_run_watched(argv, limits, NULL, NULL, err);
}

int kn_agent_run_watched(const char *const argv[], const struct kn_agent_run_limits *limits, kn_agent_run_watch *watch,
                         void *ctx, struct kn_error *err)
{
    struct run_patience patience = { .until_ms = kn_mono_ms() + limits->timeout_ms, .watch = watch, .ctx = ctx };
    int pipes[2];
    char complaint[ERROR_TAIL + 1] = "";
    int status = 0;
    bool in_time;

    if (pipe2(pipes, O_CLOEXEC) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make a pipe: %s", strerror(errno));
    }
    AUTO_CLOSE int from_child = pipes[0];
    const pid_t agent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        run_child(argv, limits, agent, pipes[1]);
    }
    close(pipes[1]);
    if (pid < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot fork: %s", strerror(errno));
    }
    in_time = run_drain(from_child, &patience, complaint);
    if (!in_time) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (patience.ended.code != KN_OK) {
        *err = patience.ended;
        return -1;
    }
    return in_time
               ? run_judge(argv[0], status, complaint, err)
               : kn_fail(err, KN_TIMEOUT, "\"%s\" took longer than %d s", argv[0], (int)(limits->timeout_ms / 1000));
}
