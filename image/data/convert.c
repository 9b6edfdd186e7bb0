/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child of a conversion: how it is locked in before it becomes qemu-img, how its words are read, how it ends. Between fork and exec
 * only system calls: other threads may have held any lock. No shell ever sees a path.
 */
#include "image/data/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define CPU_S 3600
#define WALL_MS (INT64_C(4) * 3600 * 1000)
#define MEMORY_BYTES (INT64_C(2) << 30) /* address space: libraries and the stacks of its threads */
#define OPEN_FILES 64
#define LOOK_MS 500
#define CANNOT_START 126

struct child {
    pid_t pid;
    int out;      /* its progress: "    (12.34/100%)\r" */
    int err;      /* its complaints */
    char said[512];
    size_t said_len;
    char number[16];
    size_t number_len;
    int64_t done; /* of 10,000 */
};

/* --- in the child ----------------------------------------------------------------------------------------------------- */

static bool convert_limit(__rlimit_resource_t what, int64_t value)
{
    const struct rlimit to = { (rlim_t)value, (rlim_t)value };

    return setrlimit(what, &to) == 0;
}

/* Without the right to make one, a network namespace of its own needs a user namespace of its own. */
static bool leave_network(void)
{
    return unshare(CLONE_NEWNET) == 0 || (errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
}

static bool lock_in(const struct kn_image_conversion *c, const int out, const int err, const pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && leave_network() && dup2(out, STDOUT_FILENO) >= 0 &&
           dup2(err, STDERR_FILENO) >= 0 && syscall(SYS_close_range, 3U, ~0U, 0U) == 0 &&
           convert_limit(RLIMIT_CPU, CPU_S) && convert_limit(RLIMIT_AS, MEMORY_BYTES) &&
           convert_limit(RLIMIT_FSIZE, c->max_bytes) && convert_limit(RLIMIT_NOFILE, OPEN_FILES) &&
           convert_limit(RLIMIT_CORE, 0);
}

_Noreturn static void become_qemu_img(char *const argv[])
{
    static char path[] = "PATH=/usr/bin:/bin:/usr/local/bin";
    static char *const environment[] = { path, NULL };

    execvpe(argv[0], argv, environment);
    _exit(CANNOT_START);
}

/* --- in the parent ---------------------------------------------------------------------------------------------------- */

static int convert_spawn(const struct kn_image_conversion *c, struct child *ret, struct kn_error *err)
{
    const char *const words[] = { "qemu-img", "convert", "-p",    "-f",  c->format, "-O",
                                  "qcow2",    "--",      c->from, c->to, NULL };
    char *argv[KN_COUNT(words)];
    int out[2] = { -1, -1 }, complaints[2] = { -1, -1 };
    const pid_t parent = getpid();

    memcpy(argv, words, sizeof(words)); /* exec only reads; its prototype cannot say so */
    AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(complaints, O_CLOEXEC) < 0) {
        kn_auto_close(&out[0]);
        kn_auto_close(&out[1]);
        return kn_fail(err, KN_UNAVAILABLE, "cannot start a conversion: %s", strerror(errno));
    }
    const pid_t pid = fork();
    if (pid == 0) {
        if (dup2(null, STDIN_FILENO) < 0 || !lock_in(c, out[1], complaints[1], parent)) {
            _exit(CANNOT_START);
        }
        become_qemu_img(argv);
    }
    close(out[1]);
    close(complaints[1]);
    *ret = (struct child){ .pid = pid, .out = out[0], .err = complaints[0] };
    if (pid < 0) {
        close(out[0]);
        close(complaints[0]);
        return kn_fail(err, KN_UNAVAILABLE, "cannot start a conversion: %s", strerror(errno));
    }
    return 0;
}

/* Digits and a point until anything else ends the number: "(12.34/100%)" has 12.34 first. */
static void read_progress(struct child *child, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '(') {
            child->number_len = 0;
        } else if (data[i] == '/') {
            char *end = NULL;
            child->number[child->number_len] = '\0';
            const long whole = strtol(child->number, &end, 10);
            child->done = whole >= 0 && whole <= 100 ? whole * 100 : child->done;
        } else if (child->number_len < sizeof(child->number) - 1) {
            child->number[child->number_len++] = data[i];
        }
    }
}

static void keep_complaint(struct child *child, const char *data, size_t len)
{
    const size_t room = sizeof(child->said) - 1 - child->said_len;
    const size_t n = len < room ? len : room;

    memcpy(child->said + child->said_len, data, n);
    child->said_len += n;
    child->said[child->said_len] = '\0';
}

/* False when both pipes are closed: it is over. */
static bool listen_to(struct child *child)
{
    struct pollfd fds[] = { { .fd = child->out, .events = POLLIN }, { .fd = child->err, .events = POLLIN } };
    char data[4096];

    if (poll(fds, KN_COUNT(fds), LOOK_MS) < 0) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < KN_COUNT(fds); i++) {
        const ssize_t n = fds[i].revents != 0 ? read(fds[i].fd, data, sizeof(data)) : -1;

        if (n > 0 && i == 0) {
            read_progress(child, data, (size_t)n);
        } else if (n > 0) {
            keep_complaint(child, data, (size_t)n);
        } else if (n == 0) {
            int *const fd = i == 0 ? &child->out : &child->err;
            close(*fd);
            *fd = -1;
        }
    }
    return child->out >= 0 || child->err >= 0;
}

static int convert_judge(const struct kn_image_conversion *c, const struct child *child, int status,
                         struct kn_error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    kn_log(KN_WARNING, "conversion failed", "format", c->format, "said", child->said, NULL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START) {
        return kn_fail(err, KN_INTERNAL, "cannot start qemu-img safely on this machine");
    }
    if (WIFSIGNALED(status)) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the conversion from %s took more than it may: signal %d", c->format,
                       WTERMSIG(status));
    }
    if (strstr(child->said, "No space left") != NULL) {
        return kn_fail(err, KN_TOO_LARGE, "image storage media is full");
    }
    return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the data cannot be converted from %s to qcow2", c->format);
}

static int convert_follow(struct child *child, kn_image_blob_progress *progress, void *ctx, struct kn_error *err)
{
    const int64_t until = kn_mono_ms() + WALL_MS;

    while (listen_to(child)) {
        if (progress(ctx, child->done, 10000, err) < 0) {
            return -1;
        }
        if (kn_mono_ms() > until) {
            return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the conversion did not end");
        }
    }
    return 0;
}

int kn_image_convert(const struct kn_image_conversion *c, kn_image_blob_progress *progress, void *ctx,
                     struct kn_error *err)
{
    struct child child;
    int status = 0;

    if (convert_spawn(c, &child, err) < 0) {
        return -1;
    }
    const int followed = convert_follow(&child, progress, ctx, err);
    kn_auto_close(&child.out);
    kn_auto_close(&child.err);
    if (followed < 0) {
        kill(child.pid, SIGKILL);
    }
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    return followed < 0 ? -1 : convert_judge(c, &child, status, err);
}
