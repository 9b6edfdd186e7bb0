/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of disks. A copy begins with an empty file, so nothing of what a file of that name held before can be read in it, and what is a hole in the original is one in
 * the copy. qemu-img is told every format: a guest wrote what it reads, so its first bytes may claim anything; and it may not eat the machine.
 */
#include "volume/serve/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define PIECE (8 << 20)
#define LOOK_MS 100
#define TOOL_MEMORY (INT64_C(2) << 30)

int kn_volume_look(const struct kn_volume_watch *watch, int64_t done, int64_t size, struct kn_error *err)
{
    return watch == NULL ? 0 : watch->look(watch->ctx, done, size, err);
}

static int copy_fail(const char *what, struct kn_error *err)
{
    const int cause = errno;

    return kn_fail(err,
                   cause == ENOSPC || cause == EDQUOT ? KN_NO_VALID_HOST
                   : cause == EFBIG                   ? KN_TOO_LARGE
                                                      : KN_INTERNAL,
                   "cannot %s a disk: %s", what, strerror(cause));
}

/* Where the kernel does not copy between these two. */
static ssize_t copy_by_hand(int from, int to, int64_t at, size_t count)
{
    AUTO_FREE char *piece = kn_alloc(count);
    const ssize_t n = pread(from, piece, count, at);

    for (ssize_t written = 0; written < n;) {
        const ssize_t more = pwrite(to, piece + written, (size_t)(n - written), at + written);

        if (more < 0) {
            return -1;
        }
        written += more;
    }
    return n;
}

static ssize_t copy_piece(int from, int to, int64_t at, size_t count)
{
    off_t in = at, out = at;
    const ssize_t n = copy_file_range(from, &in, to, &out, count, 0);

    return n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) ? n
                                                                                    : copy_by_hand(from, to, at, count);
}

static int copy_stretch(int from, int to, int64_t at, int64_t end, int64_t size, const struct kn_volume_watch *watch,
                        struct kn_error *err)
{
    while (at < end) {
        const ssize_t n = copy_piece(from, to, at, (size_t)(end - at < PIECE ? end - at : PIECE));

        if (n <= 0) {
            errno = n == 0 ? EIO : errno; /* it became shorter */
            return copy_fail("copy", err);
        }
        at += n;
        if (kn_volume_look(watch, at, size, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_volume_copy_bytes(int from, int to, const struct kn_volume_watch *watch, struct kn_error *err)
{
    struct stat st;

    if (fstat(from, &st) < 0 || ftruncate(to, 0) < 0) {
        return copy_fail("copy", err);
    }
    if (ioctl(to, FICLONE, from) == 0) {
        return 0;
    }
    if (ftruncate(to, st.st_size) < 0) {
        return copy_fail("copy", err);
    }
    for (int64_t at = 0; at < st.st_size;) {
        const off_t data = lseek(from, at, SEEK_DATA);

        if (data < 0) {
            return errno == ENXIO ? 0 : copy_fail("copy", err); /* a hole up to the end */
        }
        const off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 ||
            copy_stretch(from, to, data, hole < st.st_size ? hole : st.st_size, st.st_size, watch, err) < 0) {
            return hole < 0 ? copy_fail("copy", err) : -1;
        }
        at = hole;
    }
    return 0;
}

/* --- qemu-img ------------------------------------------------------------------------------------------------------------------------ */

static int run_look(const struct kn_volume_run *run, const struct kn_volume_watch *watch, struct kn_error *err)
{
    struct stat st;
    const int64_t done = run->path != NULL && stat(run->path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;

    return kn_volume_look(watch, done < run->size ? done : run->size, run->path != NULL ? run->size : -1, err);
}

/* Until the child ends, or the watch wants no more of it. */
static int run_await(pid_t pid, const struct kn_volume_run *run, const struct kn_volume_watch *watch, int *ret_status,
                     struct kn_error *err)
{
    AUTO_CLOSE int end = pidfd_open(pid, 0);
    int rc = 0;

    while (end >= 0 && rc == 0 && poll(&(struct pollfd){ .fd = end, .events = POLLIN }, 1, LOOK_MS) <= 0) {
        rc = run_look(run, watch, err);
    }
    if (rc < 0) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    return rc;
}

int kn_volume_run_tool(char *const argv[], const struct kn_volume_run *run, const struct kn_volume_watch *watch,
                       struct kn_error *err)
{
    const struct rlimit memory = { TOOL_MEMORY, TOOL_MEMORY };
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;

    posix_spawn_file_actions_init(&actions);
    if (run->held >= 0) { /* onto itself: it stays open, and its lock is the child's as well */
        posix_spawn_file_actions_adddup2(&actions, run->held, run->held);
    }
    const int cause = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (cause != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot run %s: %s", argv[0], strerror(cause));
    }
    prlimit(pid, RLIMIT_AS, &memory, NULL);
    if (run_await(pid, run, watch, &status, err) < 0) {
        return -1;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "%s %s failed with status %d", argv[0], argv[1], status);
}

/* By a link, which network file systems can do without writing over anything, too. */
int kn_volume_rename(const char *from, const char *to, struct kn_error *err)
{
    struct stat old, new;

    if (link(from, to) < 0 && errno == ENOENT) {
        return 0;
    }
    if (lstat(from, &old) < 0 || lstat(to, &new) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot let \"%s\" go as \"%s\": %s", from, to, strerror(errno));
    }
    if (old.st_ino != new.st_ino || old.st_dev != new.st_dev) {
        return kn_fail(err, KN_CONFLICT, "\"%s\" is let go already, as another file", to);
    }
    return unlink(from) == 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", from, strerror(errno));
}
