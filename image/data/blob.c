/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the store: how data comes in under a lock, gets its name, is read and dropped. The protocol is in blob.h; the
 * rows beside it are image.c's. It must never trust a name that is not a digest or an image's id: both are checked
 * before they become part of a path.
 */
#include "image/data/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "image/data/follower.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define WRITEBACK_BYTES (INT64_C(8) << 20) /* dirty data is pushed out in such steps, so that the last fsync is short */
#define HOLE_BYTES ((size_t)64 << 10) /* as many zeros, so aligned, are not written */
#define ADOPT_BYTES ((size_t)1 << 20)
#define RESERVE_BYTES (INT64_C(64) << 20) /* room left on the disk for what else lives there */

struct kn_image_blob_writer {
    char *dir;
    char *image_id;
    char *part; /* path; removed unless kept */
    int fd; /* its lock is ours */
    int64_t size;
    int64_t limit;
    int64_t pushed; /* handed to writeback up to here */
    struct kn_image_follower *follower; /* digests behind the writer; NULL: nobody does yet */
    char sha512[KN_SHA512_HEX];
    char md5[KN_MD5_HEX];
    bool kept;
};

static int blob_fail_errno(struct kn_error *err, const char *what, const char *path)
{
    const int cause = errno;

    switch (cause) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return kn_fail(err, KN_TOO_LARGE, "image storage media is full");
    case EACCES:
    case EPERM:
    case EROFS:
        kn_fail(err, KN_UNAVAILABLE, "insufficient permissions on image storage media: %s \"%s\": %s", what, path,
                strerror(cause));
        break;
    default:
        kn_fail(err, KN_INTERNAL, "%s \"%s\": %s", what, path, strerror(cause));
        break;
    }
    return kn_fail_private(err);
}

/* 1: the lock is ours. 0: somebody holds it. One byte only: qemu-img, working on the file for us, locks others. */
static int try_lock(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return 1;
    }
    return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

/* Whether the locked file is still the one under its name: somebody may have dropped it before the lock was ours. */
static bool blob_is_named(int fd, const char *path)
{
    struct stat mine, there;

    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_dev == there.st_dev &&
           mine.st_ino == there.st_ino;
}

/* Opens and locks a file on its way; create: O_CREAT, or 0 for one that must be there. */
static int open_part(const char *path, const char *image_id, int create, int *ret_fd, struct kn_error *err)
{
    for (;;) {
        AUTO_CLOSE int fd = open(path, O_RDWR | create | O_CLOEXEC | O_NOFOLLOW, 0600);
        const int locked = fd < 0 ? -1 : try_lock(fd);

        if (fd < 0 && errno == ENOENT && create == 0) {
            return kn_fail(err, KN_NOT_FOUND, "image \"%s\" has no staged data", image_id);
        }
        if (locked < 0) {
            return blob_fail_errno(err, "cannot open and lock a file", path);
        }
        if (locked == 0) {
            return kn_fail(err, KN_CONFLICT, "data of image \"%s\" is being written already", image_id);
        }
        if (blob_is_named(fd, path)) {
            *ret_fd = fd;
            fd = -1;
            return 0;
        }
    }
}

static int blob_check_room(const char *dir, int64_t length, int64_t limit, struct kn_error *err)
{
    struct statvfs vfs;

    if (length > limit) {
        return kn_fail(err, KN_TOO_LARGE, "the incoming image is too large: %lld bytes, at most %lld are taken",
                       (long long)length, (long long)limit);
    }
    if (length > 0 && statvfs(dir, &vfs) == 0 && length > (int64_t)(vfs.f_bavail * vfs.f_frsize) - RESERVE_BYTES) {
        return kn_fail(err, KN_TOO_LARGE, "image storage media is full: %lld bytes do not fit", (long long)length);
    }
    return 0;
}

static const struct {
    const char *suffix;
    int create;
    bool is_digested_at_once; /* while it is written; otherwise by kn_image_blob_adopt() */
} KINDS[] = {
    [KN_BLOB_UPLOAD] = { "part", O_CREAT, true },
    [KN_BLOB_STAGE] = { "part", O_CREAT, false },
    [KN_BLOB_STAGED] = { "staged", 0, false },
    [KN_BLOB_CONVERTED] = { "converted", O_CREAT, false },
};
_Static_assert(sizeof(KINDS) / sizeof(KINDS[0]) == KN_BLOB_KIND_COUNT, "one row a kind of KINDS");

static char *blob_path_of(const char *dir, const char *image_id, enum kn_image_blob_kind kind)
{
    return kn_asprintf("%s/%s.%s", dir, image_id, KINDS[kind].suffix);
}

static void unlink_quietly(const char *path)
{
    (void)unlink(path); /* what stays, the sweep finds */
}

int kn_image_blob_open(const char *dir, const char *image_id, enum kn_image_blob_kind kind, int64_t limit,
                       struct kn_image_blob_writer **ret, struct kn_error *err)
{
    AUTO_FREE char *part = NULL;
    int fd = -1;

    if (!kn_uuid_valid(image_id)) {
        return kn_fail(err, KN_INTERNAL, "\"%s\" is no image id", image_id);
    }
    part = blob_path_of(dir, image_id, kind);
    if (open_part(part, image_id, KINDS[kind].create, &fd, err) < 0) {
        return -1;
    }
    if (KINDS[kind].create != 0 && ftruncate(fd, 0) < 0) {
        blob_fail_errno(err, "cannot empty a file", part);
        close(fd);
        return -1;
    }
    struct kn_image_blob_writer *w = KN_NEW(struct kn_image_blob_writer);
    w->dir = kn_strdup(dir);
    w->image_id = kn_strdup(image_id);
    w->part = kn_steal(&part);
    w->fd = fd;
    w->limit = limit;
    w->follower = KINDS[kind].is_digested_at_once ? kn_image_follower_new(fd) : NULL;
    *ret = w;
    return 0;
}

int kn_image_blob_writer_new(const char *dir, const char *image_id, enum kn_image_blob_kind kind, int64_t length,
                             int64_t limit, struct kn_image_blob_writer **ret, struct kn_error *err)
{
    return blob_check_room(dir, length, limit, err) < 0 ? -1 : kn_image_blob_open(dir, image_id, kind, limit, ret, err);
}

void kn_image_blob_writer_free(struct kn_image_blob_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (!w->kept) {
        unlink_quietly(w->part);
    }
    kn_image_follower_free(w->follower);
    close(w->fd);
    free(w->part);
    free(w->image_id);
    free(w->dir);
    free(w);
}

static int blob_write_all(int fd, const uint8_t *data, size_t len, int64_t at)
{
    while (len > 0) {
        const ssize_t n = pwrite(fd, data, len, at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        data += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

static bool is_zero(const uint8_t *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

/* Zeros become holes: a physical disk is mostly empty. The file is as long as what was given in any case. */
static int write_sparsely(struct kn_image_blob_writer *w, const uint8_t *data, size_t len)
{
    bool ends_in_hole = false;

    for (size_t done = 0; done < len;) {
        const size_t to_edge = HOLE_BYTES - ((size_t)w->size + done) % HOLE_BYTES;
        const size_t n = len - done < to_edge ? len - done : to_edge;

        ends_in_hole = n == HOLE_BYTES && is_zero(data + done, n);
        if (!ends_in_hole && blob_write_all(w->fd, data + done, n, w->size + (int64_t)done) < 0) {
            return -1;
        }
        done += n;
    }
    return ends_in_hole ? ftruncate(w->fd, w->size + (int64_t)len) : 0;
}

int kn_image_blob_write(struct kn_image_blob_writer *w, const void *data, size_t len, struct kn_error *err)
{
    if ((int64_t)len > w->limit - w->size) {
        return kn_fail(err, KN_TOO_LARGE, "the incoming image is too large: at most %lld bytes are taken",
                       (long long)w->limit);
    }
    if (len > 0 && write_sparsely(w, data, len) < 0) {
        return blob_fail_errno(err, "cannot write", w->part);
    }
    w->size += (int64_t)len;
    if (w->follower != NULL) {
        kn_image_follower_advance(w->follower, w->size);
    }
    if (w->size - w->pushed >= WRITEBACK_BYTES) {
        /* A hint: its failure shows up in fsync. */
        (void)sync_file_range(w->fd, w->pushed, w->size - w->pushed, SYNC_FILE_RANGE_WRITE);
        w->pushed = w->size;
    }
    return 0;
}

/* Digests the file from its start to its end, and says how far it is. */
static int digest_all(struct kn_image_blob_writer *w, struct kn_digest *digest, kn_image_blob_progress *progress,
                      void *ctx, struct kn_error *err)
{
    AUTO_FREE uint8_t *buffer = kn_alloc(ADOPT_BYTES);

    for (int64_t at = 0; at < w->size;) {
        const ssize_t n = pread(w->fd, buffer, ADOPT_BYTES, at);

        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return blob_fail_errno(err, "cannot read", w->part);
        }
        kn_digest_update(digest, buffer, (size_t)n);
        at += n;
        if (progress(ctx, at, w->size, err) < 0) {
            return -1;
        }
    }
    kn_digest_end(digest, w->sha512, w->md5);
    return 0;
}

int kn_image_blob_adopt(struct kn_image_blob_writer *w, kn_image_blob_progress *progress, void *ctx,
                        struct kn_error *err)
{
    struct stat st;

    if (fstat(w->fd, &st) < 0) {
        return blob_fail_errno(err, "cannot look at", w->part);
    }
    if (st.st_size > w->limit) {
        return kn_fail(err, KN_TOO_LARGE, "the image has %lld bytes, at most %lld are taken", (long long)st.st_size,
                       (long long)w->limit);
    }
    w->size = st.st_size;
    struct kn_digest *digest = kn_digest_new();
    const int rc = digest_all(w, digest, progress, ctx, err);
    kn_digest_free(digest);
    return rc;
}

int kn_image_blob_seal(struct kn_image_blob_writer *w, struct kn_error *err)
{
    if (fchmod(w->fd, 0444) < 0 || fsync(w->fd) < 0) {
        return blob_fail_errno(err, "cannot sync", w->part);
    }
    return w->follower != NULL ? kn_image_follower_end(w->follower, w->sha512, w->md5, err) : 0;
}

static bool blob_read_more(const struct kn_image_sample *sample, int64_t at, void *out, size_t len)
{
    const struct kn_image_blob_writer *w = sample->source;

    return pread(w->fd, out, len, at) == (ssize_t)len;
}

int kn_image_blob_inspect(const struct kn_image_blob_writer *w, const char *disk_format, int64_t max_virtual,
                          struct kn_image_inspection *ret, struct kn_error *err)
{
    AUTO_FREE uint8_t *head = kn_alloc(KN_INSPECT_HEAD);
    const ssize_t n = pread(w->fd, head, KN_INSPECT_HEAD, 0);
    struct stat st;

    if (n < 0 || fstat(w->fd, &st) < 0) {
        return blob_fail_errno(err, "cannot read", w->part);
    }
    const struct kn_image_sample sample = {
        .head = head, .head_len = (size_t)n, .size = st.st_size, .read = blob_read_more, .source = w
    };
    return kn_image_inspect(disk_format, &sample, max_virtual, ret, err);
}

const char *kn_image_blob_sha512(const struct kn_image_blob_writer *w)
{
    return w->sha512;
}

const char *kn_image_blob_md5(const struct kn_image_blob_writer *w)
{
    return w->md5;
}

int64_t kn_image_blob_size(const struct kn_image_blob_writer *w)
{
    return w->size;
}

static int sync_dir(const char *dir, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0) {
        return blob_fail_errno(err, "cannot sync the directory", dir);
    }
    return 0;
}

static int rename_to(struct kn_image_blob_writer *w, const char *path, struct kn_error *err)
{
    if (rename(w->part, path) < 0) {
        return blob_fail_errno(err, "cannot rename", w->part);
    }
    w->kept = true;
    return sync_dir(w->dir, err);
}

int kn_image_blob_keep(struct kn_image_blob_writer *w, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", w->dir, w->sha512);

    return rename_to(w, path, err);
}

int kn_image_blob_stage(struct kn_image_blob_writer *w, struct kn_error *err)
{
    AUTO_FREE char *path = blob_path_of(w->dir, w->image_id, KN_BLOB_STAGED);

    if (fsync(w->fd) < 0) {
        return blob_fail_errno(err, "cannot sync", w->part);
    }
    return rename_to(w, path, err);
}

void kn_image_blob_leave(struct kn_image_blob_writer *w)
{
    w->kept = true;
}

const char *kn_image_blob_path(const struct kn_image_blob_writer *w)
{
    return w->part;
}

void kn_image_blob_unstage(const char *dir, const char *image_id)
{
    AUTO_FREE char *path = blob_path_of(dir, image_id, KN_BLOB_STAGED);

    unlink_quietly(path);
}

bool kn_image_blob_is_staged(const char *dir, const char *image_id)
{
    AUTO_FREE char *path = blob_path_of(dir, image_id, KN_BLOB_STAGED);

    return kn_uuid_valid(image_id) && access(path, F_OK) == 0;
}

/* --- stored data ---------------------------------------------------------------------------------------------------- */

bool kn_image_sha512_valid(const char *text)
{
    return text != NULL && strspn(text, "0123456789abcdef") == KN_SHA512_HEX - 1 && text[KN_SHA512_HEX - 1] == '\0';
}

int kn_image_blob_lock(struct kn_db *db, const char *sha512, struct kn_error *err)
{
    static const struct kn_stmt LOCK = { "blob_lock",
                                         "SELECT pg_advisory_xact_lock(hashtextextended('kilonova blob ' || $1, 0))",
                                         1 };

    return kn_db_run(db, &LOCK, KN_ARGS(sha512), NULL, err);
}

int kn_image_blob_read(const char *dir, const char *sha512, int *ret_fd, int64_t *ret_size, struct kn_error *err)
{
    AUTO_FREE char *path = NULL;
    struct stat st;

    if (!kn_image_sha512_valid(sha512)) {
        return kn_fail(err, KN_NOT_FOUND, "there is no such data");
    }
    path = kn_asprintf("%s/%s", dir, sha512);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return kn_fail(err, KN_NOT_FOUND, "there is no such data");
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        return blob_fail_errno(err, "cannot open", path);
    }
    *ret_fd = fd;
    *ret_size = st.st_size;
    fd = -1;
    return 0;
}

int kn_image_blob_unlink(const char *dir, const char *sha512, struct kn_error *err)
{
    AUTO_FREE char *path = NULL;

    if (!kn_image_sha512_valid(sha512)) {
        return kn_fail(err, KN_INTERNAL, "\"%s\" is no digest", sha512);
    }
    path = kn_asprintf("%s/%s", dir, sha512);
    if (unlink(path) < 0 && errno != ENOENT) {
        return blob_fail_errno(err, "cannot remove", path);
    }
    return 0;
}
