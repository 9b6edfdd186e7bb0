/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: files of disks. Formats are said, never guessed; a copy is qcow2 without a backing file, because images are whole. */
#include "compute-agent/core/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compute-agent/core/run.h"
#include "image/host.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define MIB (INT64_C(1) << 20)
#define KEPT_BYTES (64 * MIB) /* for guests that write meanwhile */
#define DEEP 4 /* a disk stands on a base, a base on nothing */
#define PIECE ((size_t)1 << 20)

static const struct kn_agent_run_limits CONVERT = { .memory_mib = 2048, .cpu_s = 6 * 3600, .timeout_ms = 6 * 3600000 };

int kn_agent_snapshot_drop(const char *path, struct kn_error *err)
{
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", path, strerror(errno));
}

static uint64_t snapshot_number(const uint8_t *at, int width)
{
    uint64_t n = 0;

    for (int i = 0; i < width; i++) {
        n = n << 8 | at[i];
    }
    return n;
}

/* What a qcow2 file stands on; false: nothing. The name was written by the agent's own qemu-img. */
static bool snapshot_backing(int fd, char out[PATH_MAX])
{
    uint8_t head[20];

    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) || memcmp(head, "QFI\xfb", 4) != 0) {
        return false;
    }
    const uint64_t offset = snapshot_number(head + 8, 8), len = snapshot_number(head + 16, 4);

    if (offset == 0 || offset > INT32_MAX || len == 0 || len >= PATH_MAX ||
        pread(fd, out, len, (off_t)offset) != (ssize_t)len) {
        return false;
    }
    out[len] = '\0';
    return true;
}

/* The most that a copy takes: what the disk and what it stands on take. */
static int64_t snapshot_bytes(const char *disk)
{
    char path[PATH_MAX];
    int64_t bytes = 0;

    kn_copy(path, sizeof(path), disk);
    for (int depth = 0; depth < DEEP; depth++) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
            break;
        }
        bytes += (int64_t)st.st_blocks * 512;
        if (!snapshot_backing(fd, path)) {
            break;
        }
    }
    return bytes;
}

int kn_agent_snapshot_room(const char *disk, const char *path, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_strdup(path);
    const int64_t bytes = snapshot_bytes(disk);
    struct statvfs fs;

    *strrchr(dir, '/') = '\0';
    if (statvfs(dir, &fs) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot look at \"%s\": %s", dir, strerror(errno));
    }
    return bytes <= (int64_t)(fs.f_bavail * fs.f_frsize) - KEPT_BYTES
               ? 0
               : kn_fail(err, KN_UNAVAILABLE, "no space for a snapshot of up to %lld MiB on the host",
                         (long long)(bytes / MIB));
}

struct copying {
    struct kn_work *work;
    const char *path;
    int64_t bytes;
};

static int copying_watch(void *ctx, struct kn_error *err)
{
    const struct copying *c = ctx;
    struct stat st;
    const int64_t done = stat(c->path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;

    return kn_work_progress(c->work, "copying the disk", done < c->bytes ? done : c->bytes, c->bytes, err);
}

int kn_agent_snapshot_copy(const char *disk, const char *path, struct kn_work *work, struct kn_error *err)
{
    const char *const argv[] = { "qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", disk, path, NULL };
    struct copying copying = { work, path, snapshot_bytes(disk) };

    return kn_agent_run_watched(argv, &CONVERT, copying_watch, &copying, err) < 0
               ? kn_fail_context(err, "copying the disk")
               : 0;
}

static int snapshot_hash(int fd, int64_t size, struct kn_digest *digest, struct kn_work *work, struct kn_error *err)
{
    AUTO_FREE char *piece = kn_alloc(PIECE);

    for (int64_t at = 0; at < size;) {
        const ssize_t n = pread(fd, piece, PIECE, at);

        if (n <= 0) {
            return kn_fail(err, KN_INTERNAL, "cannot read the snapshot: %s", strerror(n == 0 ? EIO : errno));
        }
        kn_digest_update(digest, piece, (size_t)n);
        at += n;
        if (kn_work_progress(work, "hashing the snapshot", at, size, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_agent_snapshot_seal(const char *path, const char *disk_format, struct kn_work *work, json_t **ret_made,
                           struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct kn_digest *digest;
    char sha512[KN_SHA512_HEX], md5[KN_MD5_HEX];
    struct stat st;
    int rc;

    if (fd < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot keep the snapshot \"%s\": %s", path, strerror(errno));
    }
    digest = kn_digest_new();
    rc = snapshot_hash(fd, st.st_size, digest, work, err);
    kn_digest_end(digest, sha512, md5);
    kn_digest_free(digest);
    if (rc == 0) {
        *ret_made = json_pack("{s:s, s:I, s:s}", "sha512", sha512, "size", (json_int_t)st.st_size, "disk_format",
                              disk_format);
    }
    return rc;
}

/* kn_image_host_watch: ctx = the work. */
static int snapshot_watch(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    return kn_work_progress(ctx, "bringing the image", done, size, err);
}

int kn_agent_snapshot_upload(const char *path, const json_t *body, struct kn_work *work, struct kn_error *err)
{
    return kn_image_host_upload(path, kn_json_str(body, "url"), kn_json_str(body, "sha512"),
                                kn_json_str(body, "disk_format"), work != NULL ? snapshot_watch : NULL, work, err);
}
