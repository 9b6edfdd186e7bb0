/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file back end: <volume.file_dir>/volume-<uuid>, raw and sparse or qcow2, in a directory that every host sees at the same
 * path. A disk is made under another name and renamed when it is whole and on the platter, so a file named volume-<uuid> is always a
 * whole disk; it never shrinks, and nothing but remove() takes it away.
 *
 * Whoever changes a volume holds a lock of the first byte of that other file, .new-volume-<uuid>, and so does the qemu-img that it started: a process
 * that was killed, or lost its place to another, leaves no hand at the disk that the next one would not wait for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/form.h"
#include "volume/serve/driver.h"

#define GIB (INT64_C(1) << 30)
#define LOOK_MS 100

static int driver_file_fail_errno(struct kn_error *err, const char *what, const char *path)
{
    const int cause = errno;

    return kn_fail(err, cause == ENOSPC || cause == EDQUOT ? KN_TOO_LARGE : KN_INTERNAL, "cannot %s \"%s\": %s", what,
                   path, strerror(cause));
}

/* Heap; NULL and an error for what is no volume id. */
static char *disk_path(const struct kn_conf *conf, const char *prefix, const char *volume, struct kn_error *err)
{
    if (!kn_uuid_valid(volume)) {
        kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is no volume id", volume);
        return NULL;
    }
    return kn_asprintf("%s/%svolume-%s", conf->volume_file_dir, prefix, volume);
}

static int sync_path(const char *path, int flags, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? 0 : driver_file_fail_errno(err, "sync", path);
}

static int file_start(const struct kn_conf *conf, struct kn_error *err)
{
    if (strcmp(conf->volume_file_format, "raw") != 0 && strcmp(conf->volume_file_format, "qcow2") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.file_format is \"%s\", neither raw nor qcow2",
                       conf->volume_file_format);
    }
    if (mkdir(conf->volume_file_dir, 0711) < 0 && errno != EEXIST) {
        return driver_file_fail_errno(err, "make the directory", conf->volume_file_dir);
    }
    return 0;
}

/* --- one hand at a disk ---------------------------------------------------------------------------------------------------------- */

/* A volume on its way: made, or removed. */
struct hold {
    char *path; /* of the disk */
    char *temporary; /* and until it is whole */
    int fd; /* the temporary, locked; -1: not yet */
    const struct kn_volume_watch *watch; /* may be NULL */
};

static int driver_file_look(const struct hold *h, struct kn_error *err)
{
    return h->watch == NULL ? 0 : h->watch->look(h->watch->ctx, err);
}

static int driver_file_lock(const struct hold *h, int fd, struct kn_error *err)
{
    struct flock first = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    while (fcntl(fd, F_OFD_SETLK, &first) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            return driver_file_fail_errno(err, "lock", h->temporary);
        }
        if (driver_file_look(h, err) < 0) {
            return -1;
        }
        nanosleep(&(struct timespec){ 0, LOOK_MS * 1000000 }, NULL);
    }
    return 0;
}

static bool driver_file_is_named(int fd, const char *path)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

/* The hold is the caller's to release, also after a failure. */
static int take_hold(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                     struct hold *h, struct kn_error *err)
{
    *h = (struct hold){ .path = disk_path(conf, "", volume, err), .fd = -1, .watch = watch };
    if (h->path == NULL) {
        return -1;
    }
    h->temporary = disk_path(conf, ".new-", volume, err);
    while (h->fd < 0) {
        AUTO_CLOSE int fd = open(h->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0) {
            return driver_file_fail_errno(err, "make", h->temporary);
        }
        if (driver_file_lock(h, fd, err) < 0) {
            return -1;
        }
        if (driver_file_is_named(fd, h->temporary)) {
            h->fd = fd;
            fd = -1;
        }
    }
    return watch == NULL ? 0 : watch->wanted(watch->ctx, err);
}

/* What is still called the temporary, and is ours, never became a disk. */
static void hold_release(struct hold *h)
{
    if (h->fd >= 0) {
        if (driver_file_is_named(h->fd, h->temporary)) {
            unlink(h->temporary);
        }
        close(h->fd);
    }
    free(h->path);
    free(h->temporary);
}

/* --- making and removing ----------------------------------------------------------------------------------------------------------- */

static int make_raw(const struct hold *h, int64_t bytes, struct kn_error *err)
{
    return ftruncate(h->fd, 0) == 0 && ftruncate(h->fd, bytes) == 0 ? 0
                                                                    : driver_file_fail_errno(err, "make", h->temporary);
}

/* Until the child ends, or the watch wants no more of it. */
static int await_child(const struct hold *h, pid_t pid, int *ret_status, struct kn_error *err)
{
    AUTO_CLOSE int end = pidfd_open(pid, 0);
    int rc = 0;

    while (end >= 0 && rc == 0 && poll(&(struct pollfd){ .fd = end, .events = POLLIN }, 1, LOOK_MS) <= 0) {
        rc = driver_file_look(h, err);
    }
    if (rc < 0) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    return rc;
}

static int driver_file_spawn(const struct hold *h, char *const argv[], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, h->fd,
                                     h->fd); /* onto itself: it stays open, and its lock is the child's as well */
    const int cause = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return cause;
}

static int make_qcow2(const struct hold *h, int64_t bytes, struct kn_error *err)
{
    AUTO_FREE char *size = kn_asprintf("%lld", (long long)bytes);
    char *const argv[] = { (char[]){ "qemu-img" },
                           (char[]){ "create" },
                           (char[]){ "-q" },
                           (char[]){ "-f" },
                           (char[]){ "qcow2" },
                           h->temporary,
                           size,
                           NULL };
    pid_t pid = 0;
    int status = 0;

    const int cause = driver_file_spawn(h, argv, &pid);
    if (cause != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot run qemu-img: %s", strerror(cause));
    }
    if (await_child(h, pid, &status, err) < 0) {
        return -1;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "qemu-img cannot make \"%s\": status %d", h->temporary, status);
}

static int file_create(const struct kn_conf *conf, const char *volume, int64_t size_gib,
                       const struct kn_volume_watch *watch, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h;

    if (take_hold(conf, volume, watch, &h, err) < 0) {
        return -1;
    }
    if (access(h.path, F_OK) == 0) {
        return 0;
    }
    const bool is_raw = strcmp(conf->volume_file_format, "raw") == 0;
    if ((is_raw ? make_raw : make_qcow2)(&h, size_gib * GIB, err) < 0 || sync_path(h.temporary, O_RDONLY, err) < 0 ||
        driver_file_look(&h, err) < 0) {
        return -1;
    }
    if (rename(h.temporary, h.path) < 0) {
        return driver_file_fail_errno(err, "rename", h.temporary);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

static int file_remove(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                       struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h;

    if (take_hold(conf, volume, watch, &h, err) < 0) {
        return -1;
    }
    if (unlink(h.path) < 0 && errno != ENOENT) {
        return driver_file_fail_errno(err, "remove", h.path);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

static int file_connect(const struct kn_conf *conf, const char *volume, const char *host, json_t **ret_connection,
                        struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, "", volume, err);

    (void)host; /* sees the directory as we do */
    if (path == NULL) {
        return -1;
    }
    if (access(path, F_OK) < 0) {
        return kn_fail(err, errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL, "the disk of volume \"%s\" is not there: %s",
                       volume, strerror(errno));
    }
    *ret_connection = kn_form_write_connection("file", path, conf->volume_file_format, volume);
    return 0;
}

static int file_disconnect(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                           struct kn_error *err)
{
    (void)conf;
    (void)volume;
    (void)server;
    (void)host;
    (void)err;
    return 0; /* connecting opened nothing */
}

static int64_t file_capacity(const struct kn_conf *conf)
{
    return conf->volume_file_gib;
}

const struct kn_volume_driver kn_volume_driver_file = {
    .name = "file",
    .start = file_start,
    .create = file_create,
    .remove = file_remove,
    .connect = file_connect,
    .disconnect = file_disconnect,
    .capacity_gib = file_capacity,
};
