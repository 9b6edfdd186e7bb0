/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's cache of bases: find it, or fetch it once and for all who wait.
 *
 *   <sha512>        a base: whole, verified, inspected, mode 0444; its mtime is its last use
 *   <sha512>.part   one on its way, its first byte locked by who fetches it; what a dead one left is taken up. Who waits for it shares a lock of its second
 *                   byte, so that one who gives up knows whether somebody goes on from there
 *   .lock           held while bases are looked up, touched or dropped; never while anything is fetched
 */
#include "image/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/data/blob.h"
#include "image/data/inspect.h"
#include "image/host/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define MIB (INT64_C(1) << 20)
#define LOOK_AGAIN_NS 50000000

static int fail_cache(struct kn_error *err, const char *what, const char *path)
{
    return kn_fail(err, KN_UNAVAILABLE, "cannot %s \"%s\" of the image cache: %s", what, path, strerror(errno));
}

enum lock_byte { FETCHES, WAITS };

static int lock_byte(int fd, enum lock_byte byte, short type, int command)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return fcntl(fd, command, &lock);
}

static bool is_awaited(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = WAITS, .l_len = 1 };

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Waits until the file is ours; base: for whoever watches, how far the one is that has it. NULL: it takes but a moment. */
static int await_lock(int fd, const char *path, const struct kn_image_base *base, struct kn_error *err)
{
    if (base == NULL) {
        while (lock_byte(fd, FETCHES, F_WRLCK, F_OFD_SETLKW) < 0) {
            if (errno != EINTR) {
                return fail_cache(err, "lock", path);
            }
        }
        return 0;
    }
    while (lock_byte(fd, FETCHES, F_WRLCK, F_OFD_SETLK) < 0) {
        struct stat st;

        if ((errno != EAGAIN && errno != EACCES) || lock_byte(fd, WAITS, F_RDLCK, F_OFD_SETLK) < 0) {
            return fail_cache(err, "lock", path);
        }
        if (base->watch(base->watch_ctx, fstat(fd, &st) == 0 ? st.st_size : 0, base->size, err) < 0) {
            return -1;
        }
        nanosleep(&(struct timespec){ 0, LOOK_AGAIN_NS }, NULL);
    }
    lock_byte(fd, WAITS, F_UNLCK, F_OFD_SETLK);
    return 0;
}

/* Opens a file of that name and waits until it is ours. It is still of that name then. */
static int open_locked(const char *path, const struct kn_image_base *base, int *ret_fd, struct kn_error *err)
{
    for (;;) {
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat mine, there;

        if (fd < 0) {
            return fail_cache(err, "open", path);
        }
        if (await_lock(fd, path, base, err) < 0) {
            return -1;
        }
        if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino) {
            *ret_fd = fd;
            fd = -1;
            return 0;
        }
    }
}

static int lock_cache(const char *dir, int *ret_fd, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/.lock", dir);

    return open_locked(path, NULL, ret_fd, err);
}

/* True if the base is there; then it is used now. Under the cache's lock. */
static bool is_cached(const char *path, int64_t size)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_size == size && utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

static int cache_find(const char *dir, const char *path, int64_t size, bool *ret_found, struct kn_error *err)
{
    AUTO_CLOSE int lock = -1;

    if (lock_cache(dir, &lock, err) < 0) {
        return -1;
    }
    *ret_found = is_cached(path, size);
    return 0;
}

static int cache_make_room(const struct kn_conf *conf, const struct kn_image_base *base, int part, struct kn_error *err)
{
    AUTO_CLOSE int lock = -1;
    struct stat st;

    if (lock_cache(conf->agent_cache_dir, &lock, err) < 0) {
        return -1;
    }
    const int64_t there = fstat(part, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0;
    if (kn_image_base_evict(conf->agent_cache_dir, conf->agent_state_dir, base->size > there ? base->size - there : 0,
                            conf->agent_cache_mib * MIB, err) < 0) {
        return -1;
    }
    /* Counted as used from now on; a file system that cannot reserve is none the worse. */
    if (base->size > 0 && fallocate(part, FALLOC_FL_KEEP_SIZE, 0, base->size) < 0 && errno == ENOSPC) {
        return kn_fail(err, KN_UNAVAILABLE, "no space for the image's %lld bytes on the host", (long long)base->size);
    }
    return 0;
}

static int inspect(const struct kn_image_base *base, int fd, struct kn_error *err)
{
    AUTO_FREE uint8_t *head = kn_alloc(KN_INSPECT_HEAD);
    const ssize_t n = pread(fd, head, KN_INSPECT_HEAD, 0);
    struct kn_image_inspection found = { 0 };

    if (n < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot read the image cache: %s", strerror(errno));
    }
    const struct kn_image_sample sample = { .head = head, .head_len = (size_t)n, .size = base->size };
    if (kn_image_inspect(base->disk_format, &sample, INT64_MAX, &found, err) < 0) {
        return -1;
    }
    return found.virtual_size == base->virtual_size
               ? 0
               : kn_fail(err, KN_UNSUPPORTED_MEDIA, "the disk inside the image has %lld bytes, not %lld",
                         (long long)found.virtual_size, (long long)base->virtual_size);
}

static int cache_finish(const char *part_path, const char *path, int fd, struct kn_error *err)
{
    if (fchmod(fd, 0444) < 0 || fsync(fd) < 0 || rename(part_path, path) < 0) {
        return fail_cache(err, "keep", path);
    }
    return 0;
}

static int pass_on(const struct kn_error *why, struct kn_error *err)
{
    if (err != NULL) {
        *err = *why;
    }
    return -1;
}

/* Whoever waited here finds the base there. */
static int cache_fetch(const struct kn_conf *conf, const struct kn_image_base *base, const char *path,
                       struct kn_error *err)
{
    AUTO_FREE char *part_path = kn_asprintf("%s.part", path);
    AUTO_CLOSE int part = -1;
    struct kn_error why = { 0 };
    bool found = false;

    if (open_locked(part_path, base, &part, err) < 0) {
        return -1;
    }
    if (cache_find(conf->agent_cache_dir, path, base->size, &found, err) < 0 || found) {
        unlink(part_path);
        return found ? 0 : -1;
    }
    if (cache_make_room(conf, base, part, err) < 0 || kn_image_base_fetch(base, part, &why) < 0) {
        if (why.code == KN_CANCELLED && !is_awaited(part)) {
            unlink(part_path);
        }
        return why.code == KN_OK ? -1 : pass_on(&why, err);
    }
    if (inspect(base, part, err) < 0) {
        unlink(part_path);
        return -1;
    }
    if (cache_finish(part_path, path, part, err) < 0) {
        return -1;
    }
    kn_log(KN_INFO, "base fetched into the image cache", "sha512", base->sha512, NULL);
    return 0;
}

static int unwatched(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    (void)ctx;
    (void)done;
    (void)size;
    (void)err;
    return 0;
}

static int read_base(const json_t *image, struct kn_image_base *ret, struct kn_error *err)
{
    *ret = (struct kn_image_base){
        .url = kn_json_str(image, "url"),
        .sha512 = kn_json_str(image, "sha512"),
        .disk_format = kn_json_str(image, "disk_format"),
        .size = kn_json_int(image, "size"),
        .virtual_size = kn_json_int(image, "virtual_size"),
    };
    if (!kn_image_sha512_valid(ret->sha512) || ret->size < 0 || *ret->disk_format == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "the spec's image lacks a valid sha512, size or disk_format");
    }
    return 0;
}

int kn_image_host_ensure(const struct kn_conf *conf, const json_t *image, kn_image_host_watch *watch, void *ctx,
                         char *ret_path, size_t size, struct kn_error *err)
{
    struct kn_image_base base;
    bool found = false;

    if (read_base(image, &base, err) < 0) {
        return -1;
    }
    base.watch = watch != NULL ? watch : unwatched;
    base.watch_ctx = ctx;
    AUTO_FREE char *path = kn_asprintf("%s/%s", conf->agent_cache_dir, base.sha512);
    if (strlen(path) >= size) {
        return kn_fail(err, KN_INTERNAL, "agent.cache_dir is too long");
    }
    if (mkdir(conf->agent_cache_dir, 0755) < 0 && errno != EEXIST) {
        return fail_cache(err, "make the directory", conf->agent_cache_dir);
    }
    if (cache_find(conf->agent_cache_dir, path, base.size, &found, err) < 0 ||
        (!found && cache_fetch(conf, &base, path, err) < 0)) {
        return -1;
    }
    kn_copy(ret_path, size, path);
    return 0;
}
