/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns.c: makes, enters and removes network namespaces by system calls alone. A namespace's name is a bind mount of
 * /proc/…/ns/net on a file, the way iproute2 does it, so that `ip netns exec` works for people.
 */
#include "network/host/link/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define RUN_DIR "/run/netns"

struct job {
    const char *name; /* NULL: in a new namespace */
    int (*work)(void *ctx, struct kn_error *err);
    void *ctx;
    struct kn_error *err;
    int rc;
};

static void netns_path_of(const char *name, char out[64])
{
    snprintf(out, 64, RUN_DIR "/%s", name);
}

static int netns_fail_errno(struct kn_error *err, const char *what, const char *name)
{
    return kn_fail(err, KN_INTERNAL, "%s of network namespace \"%s\": %s", what, name, strerror(errno));
}

int kn_network_netns_open(const char *name)
{
    char path[64];

    netns_path_of(name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) { /* a left-over file without its mount */
        close(fd);
        return -1;
    }
    return fd;
}

static int netns_enter(const char *name, struct kn_error *err)
{
    AUTO_CLOSE int fd = kn_network_netns_open(name);

    if (fd < 0) {
        return kn_fail(err, KN_NOT_FOUND, "network namespace \"%s\" is not there", name);
    }
    return setns(fd, CLONE_NEWNET) == 0 ? 0 : netns_fail_errno(err, "entering", name);
}

static void *job_thread(void *arg)
{
    struct job *job = arg;

    if (job->name != NULL) {
        job->rc = netns_enter(job->name, job->err);
    } else if (unshare(CLONE_NEWNET) < 0) {
        job->rc = netns_fail_errno(job->err, "making", "");
    }
    if (job->rc == 0) {
        job->rc = job->work(job->ctx, job->err);
    }
    return NULL;
}

static int run_job(struct job *job)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, job_thread, job) != 0) {
        return kn_fail(job->err, KN_INTERNAL, "cannot start a thread");
    }
    pthread_join(thread, NULL);
    return job->rc;
}

int kn_network_netns_run(const char *name, int (*work)(void *ctx, struct kn_error *err), void *ctx,
                         struct kn_error *err)
{
    struct job job = { .name = name, .work = work, .ctx = ctx, .err = err };

    return run_job(&job);
}

/* In the new namespace: gives it its name. */
static int mount_self(void *ctx, struct kn_error *err)
{
    const char *path = ctx;

    if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0) {
        return kn_fail(err, KN_INTERNAL, "mounting a network namespace on \"%s\": %s", path, strerror(errno));
    }
    return 0;
}

bool kn_network_netns_exists(const char *name)
{
    AUTO_CLOSE int fd = kn_network_netns_open(name);

    return fd >= 0;
}

int kn_network_netns_ensure(const char *name, struct kn_error *err)
{
    char path[64];

    if (kn_network_netns_exists(name)) {
        return 0;
    }
    netns_path_of(name, path);
    mkdir(RUN_DIR, 0755);
    unlink(path);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

    if (fd < 0) {
        return netns_fail_errno(err, "naming", name);
    }
    struct job job = { .work = mount_self, .ctx = path, .err = err };

    if (run_job(&job) < 0) {
        unlink(path);
        return -1;
    }
    return 0;
}

int kn_network_netns_remove(const char *name, struct kn_error *err)
{
    char path[64];

    netns_path_of(name, path);
    umount2(path, MNT_DETACH);
    if (unlink(path) < 0 && errno != ENOENT) {
        return netns_fail_errno(err, "removing", name);
    }
    return 0;
}

/* --- a listening socket ------------------------------------------------------------------------------------------- */

struct netns_door {
    const struct kn_ip *ip;
    const char *device;
    uint16_t port;
    int fd;
};

/* Inside the namespace: a device's index is of there. */
static socklen_t door_address(const struct netns_door *door, struct sockaddr_storage *ret)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof(*ret));
    if (door->ip->family == 4) {
        in->sin_family = AF_INET;
        in->sin_port = htons(door->port);
        memcpy(&in->sin_addr, door->ip->bytes, sizeof(in->sin_addr));
        return sizeof(*in);
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(door->port);
    in6->sin6_scope_id = door->device == NULL ? 0 : if_nametoindex(door->device);
    memcpy(&in6->sin6_addr, door->ip->bytes, sizeof(in6->sin6_addr));
    return sizeof(*in6);
}

static int netns_open_door(void *ctx, struct kn_error *err)
{
    struct netns_door *door = ctx;
    struct sockaddr_storage at;
    const socklen_t size = door_address(door, &at);
    int yes = 1, fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)) < 0 ||
        bind(fd, (const struct sockaddr *)&at, size) < 0 || listen(fd, 64) < 0) {
        kn_fail(err, KN_INTERNAL, "listening for metadata: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    door->fd = fd;
    return 0;
}

int kn_network_netns_listen(const char *name, const struct kn_ip *ip, const char *device, uint16_t port, int *ret_fd,
                            struct kn_error *err)
{
    struct netns_door door = { .ip = ip, .device = device, .port = port, .fd = -1 };

    if (kn_network_netns_run(name, netns_open_door, &door, err) < 0) {
        return -1;
    }
    *ret_fd = door.fd;
    return 0;
}

/* --- a program ---------------------------------------------------------------------------------------------------- */

/* After fork: only async-signal-safe calls. */
static _Noreturn void netns_become(int ns, int errors, uint64_t capabilities, char *const *argv)
{
    static char *const NO_ENVIRONMENT[] = { NULL };
    int null = open("/dev/null", O_RDWR);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* our threads may block what the program waits for */
    for (unsigned cap = 0; cap < 64; cap++) {
        if ((capabilities >> cap & 1) == 0) {
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        }
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (setns(ns, CLONE_NEWNET) == 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(errors, 2) >= 0 &&
        close_range(3, ~0U, 0) == 0) {
        execve(argv[0], argv, NO_ENVIRONMENT);
    }
    _exit(127);
}

/* What it said on stderr, up to what fits, without its line ends. */
static void read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;
    char rest[256];

    while ((n = len + 1 < size ? read(fd, out + len, size - 1 - len) : read(fd, rest, sizeof(rest))) != 0) {
        if (n < 0 && errno != EINTR) {
            break;
        }
        len += n > 0 && len + 1 < size ? (size_t)n : 0;
    }
    while (len > 0 && out[len - 1] == '\n') {
        len--;
    }
    out[len] = '\0';
}

static int outcome(pid_t pid, int errors, const char *program, struct kn_error *err)
{
    char said[400];
    int status;

    read_all(errors, said, sizeof(said));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return kn_fail(err, KN_INTERNAL, "\"%s\" failed (%d): %s", program, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                   said);
}

int kn_network_netns_exec(const char *name, uint64_t capabilities, const char *const *argv, struct kn_error *err)
{
    AUTO_CLOSE int ns = kn_network_netns_open(name);
    int pipe_fds[2];

    if (ns < 0) {
        return kn_fail(err, KN_NOT_FOUND, "network namespace \"%s\" is not there", name);
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        return kn_fail(err, KN_INTERNAL, "pipe: %s", strerror(errno));
    }
    pid_t pid = fork();

    if (pid == 0) {
        netns_become(ns, pipe_fds[1], capabilities, (char *const *)(uintptr_t)argv);
    }
    close(pipe_fds[1]);
    int rc = pid < 0 ? kn_fail(err, KN_INTERNAL, "fork: %s", strerror(errno)) : outcome(pid, pipe_fds[0], argv[0], err);

    close(pipe_fds[0]);
    return rc;
}
