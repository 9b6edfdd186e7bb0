/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file back end: <volume.file_dir>/volume-<uuid> and snapshot-<uuid>, raw and sparse or qcow2, in a directory that every host sees at the same
 * path. A disk is made under another name and renamed when it is whole and on the platter, so a file with one of these names is always a
 * whole disk; it never shrinks, and nothing but its removal takes it away. A snapshot is a copy, and so is what is made from one: none needs another, all may go in any order.
 *
 * Whoever changes a volume holds a lock of the first byte of that other file, .new-volume-<uuid>, and so does the qemu-img that it started: a process
 * that was killed, or lost its place to another, leaves no hand at the disk that the next one would not wait for. Reading needs no lock: what is copied is held still by its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/adapter/luks.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/form.h"
#include "volume/serve/copy.h"
#include "volume/serve/driver.h"

#define GIB (INT64_C(1) << 30)
#define LOOK_MS 100

static int driver_file_fail_errno(struct kn_error *err, const char *what, const char *path)
{
    const int cause = errno;

    return kn_fail(err, cause == ENOSPC || cause == EDQUOT ? KN_NO_VALID_HOST : KN_INTERNAL, "cannot %s \"%s\": %s",
                   what, path, strerror(cause));
}

/* prefix: with what its name begins, "volume-" or "snapshot-", and what stands before that while it is no disk. Heap; NULL and an error for what is no id. */
static char *disk_path(const struct kn_conf *conf, const char *prefix, const char *id, struct kn_error *err)
{
    if (!kn_uuid_valid(id)) {
        kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is no id of a volume or snapshot", id);
        return NULL;
    }
    return kn_asprintf("%s/%s%s", conf->volume_file_dir, prefix, id);
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

static const char *file_format(const struct kn_conf *conf)
{
    return conf->volume_file_format;
}

static int file_may_be(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format,
                       struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, is_snapshot ? "snapshot-" : "volume-", id, err);
    AUTO_CLOSE int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char magic[4] = "";

    if (path == NULL) {
        return -1;
    }
    if (fd < 0) {
        return errno == ENOENT ? kn_fail(err, KN_NOT_FOUND, "the disk \"%s\" is not there", path)
                               : driver_file_fail_errno(err, "open", path);
    }
    const bool is_qcow2 = pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
                          memcmp(magic, "QFI\xfb", sizeof(magic)) == 0;
    return is_qcow2 == (strcmp(format, "qcow2") == 0)
               ? 0
               : kn_fail(err, KN_CONFLICT, "\"%s\" begins as %s does", path, is_qcow2 ? "a qcow2" : "no qcow2");
}

/* --- one hand at a disk ---------------------------------------------------------------------------------------------------------- */

/* A disk on its way: made, changed or removed. */
struct hold {
    char *path; /* of the disk */
    char *temporary; /* and until it is whole */
    const char *id;
    int fd; /* the temporary, locked; -1: not yet */
    const struct kn_volume_watch *watch; /* may be NULL */
    const char *format; /* of the disk; NULL: nobody asks */
};

static int driver_file_lock(const struct hold *h, int fd, struct kn_error *err)
{
    struct flock first = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    while (fcntl(fd, F_OFD_SETLK, &first) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
            return driver_file_fail_errno(err, "lock", h->temporary);
        }
        if (kn_volume_look(h->watch, 0, -1, err) < 0) {
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

#define VOLUME "volume-", ".new-volume-"
#define SNAPSHOT "snapshot-", ".new-snapshot-"

/* The hold is the caller's to release, also after a failure. */
static int take_hold(const struct kn_conf *conf, const char *prefix, const char *temporary, const char *id,
                     const struct kn_volume_watch *watch, struct hold *h, struct kn_error *err)
{
    *h = (struct hold){ .path = disk_path(conf, prefix, id, err), .id = id, .fd = -1, .watch = watch };
    if (h->path == NULL) {
        return -1;
    }
    h->temporary = disk_path(conf, temporary, id, err);
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

/* --- what fills the temporary ------------------------------------------------------------------------------------------------------- */

static bool hold_is_luks(const struct hold *h)
{
    return strcmp(h->format, KN_VOLUME_LUKS) == 0;
}

/* Nothing of the disk depends on where its bytes lie: an encrypted one is so, too, behind its header. */
static bool hold_is_raw(const struct hold *h)
{
    return strcmp(h->format, "raw") == 0 || hold_is_luks(h);
}

static int make_luks(const struct hold *h, int64_t bytes, const struct kn_volume_origin *origin, struct kn_error *err)
{
    if (origin == NULL || origin->key == NULL) {
        return kn_fail(err, KN_INTERNAL, "there is no key to encrypt \"%s\" with", h->path);
    }
    return ftruncate(h->fd, 0) < 0 ? driver_file_fail_errno(err, "make", h->temporary)
                                   : kn_luks_format(h->fd, origin->key, origin->bits, bytes, err);
}

static int make_blank(const struct hold *h, int64_t bytes, const struct kn_volume_origin *origin, struct kn_error *err)
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

    if (hold_is_luks(h)) {
        return make_luks(h, bytes, origin, err);
    }
    if (!hold_is_raw(h)) {
        return kn_volume_run_tool(argv, &(struct kn_volume_run){ .held = h->fd }, h->watch, err);
    }
    return ftruncate(h->fd, 0) == 0 && ftruncate(h->fd, bytes) == 0 ? 0
                                                                    : driver_file_fail_errno(err, "make", h->temporary);
}

/* path: at least so large; what is new is a hole. */
static int driver_file_grow(const struct hold *h, const char *path, int64_t bytes, struct kn_error *err)
{
    AUTO_FREE char *size = kn_asprintf("%lld", (long long)bytes), *of = kn_strdup(path);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    char *const argv[] = { (char[]){ "qemu-img" },
                           (char[]){ "resize" },
                           (char[]){ "-q" },
                           (char[]){ "-f" },
                           (char[]){ "qcow2" },
                           of,
                           size,
                           NULL };
    int64_t header = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return errno == ENOENT ? kn_fail(err, KN_NOT_FOUND, "the disk \"%s\" is not there", path)
                               : driver_file_fail_errno(err, "open", path);
    }
    if (!hold_is_raw(h)) {
        return kn_volume_run_tool(argv, &(struct kn_volume_run){ .held = h->fd }, h->watch, err);
    }
    if (hold_is_luks(h) && kn_luks_header(fd, &header, err) < 0) {
        return -1;
    }
    bytes += header;
    return st.st_size >= bytes || ftruncate(fd, bytes) == 0 ? 0 : driver_file_fail_errno(err, "extend", path);
}

static int make_copy(const struct hold *h, const char *path, struct kn_error *err)
{
    AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (from < 0) {
        return errno == ENOENT ? kn_fail(err, KN_NOT_FOUND, "what was to be copied, \"%s\", is not there", path)
                               : driver_file_fail_errno(err, "open", path);
    }
    return kn_volume_copy_bytes(from, h->fd, h->watch, err);
}

/* The file `source` of the format `from` becomes the file `made` of the format `to`. */
static int driver_file_convert(const char *source, const char *from, const char *made, const char *to,
                               const struct kn_volume_run *run, const struct kn_volume_watch *watch,
                               struct kn_error *err)
{
    AUTO_FREE char *in = kn_strdup(source), *in_format = kn_strdup(from);
    AUTO_FREE char *out = kn_strdup(made), *out_format = kn_strdup(to);
    char *const argv[] = { (char[]){ "qemu-img" },
                           (char[]){ "convert" },
                           (char[]){ "-q" },
                           (char[]){ "-f" },
                           in_format,
                           (char[]){ "-O" },
                           out_format,
                           in,
                           out,
                           NULL };

    return kn_volume_run_tool(argv, run, watch, err);
}

/* Two disks of one format are the same bytes; an image's clusters are laid out anew, so that no disk depends on what its maker thought of. */
static int make_of(const struct hold *h, const char *path, const struct kn_volume_origin *origin, int64_t bytes,
                   struct kn_error *err)
{
    const struct kn_volume_run run = { .held = h->fd, .path = h->temporary, .size = bytes };
    const bool is_same = strcmp(origin->format, h->format) == 0;

    return is_same && (hold_is_raw(h) || origin->image == NULL)
               ? make_copy(h, path, err)
               : driver_file_convert(path, origin->format, h->temporary, h->format, &run, h->watch, err);
}

/* What stands beside a disk for a while. */
static void file_end_export(const struct kn_conf *conf, bool is_snapshot, const char *id)
{
    struct kn_error ignored = { 0 };
    AUTO_FREE char *path = disk_path(conf, is_snapshot ? ".export-snapshot-" : ".export-volume-", id, &ignored);

    if (path != NULL) {
        unlink(path);
    }
}

/* A qcow2 is made of a raw file, and compared with it. */
static int make_converted(const struct kn_conf *conf, const struct hold *h, const struct kn_volume_filling *filling,
                          struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, ".export-volume-", h->id, err);
    AUTO_CLOSE int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const struct kn_volume_run run = { .held = h->fd };
    char *const compare[] = { (char[]){ "qemu-img" }, (char[]){ "compare" },
                              (char[]){ "-q" },       (char[]){ "-f" },
                              (char[]){ "raw" },      (char[]){ "-F" },
                              (char[]){ "qcow2" },    path,
                              h->temporary,           NULL };

    if (path == NULL) {
        return -1;
    }
    if (fd < 0) {
        return driver_file_fail_errno(err, "make", path);
    }
    const int rc = filling->fill(filling->ctx, fd, h->watch, err) < 0 ||
                           driver_file_convert(path, "raw", h->temporary, "qcow2", &run, h->watch, err) < 0
                       ? -1
                       : kn_volume_run_tool(compare, &run, h->watch, err);
    unlink(path);
    return rc;
}

static int make_filled(const struct kn_conf *conf, const struct hold *h, const struct kn_volume_filling *filling,
                       struct kn_error *err)
{
    if (!hold_is_raw(h)) {
        return make_converted(conf, h, filling, err);
    }
    return ftruncate(h->fd, 0) < 0 ? driver_file_fail_errno(err, "make", h->temporary)
                                   : filling->fill(filling->ctx, h->fd, h->watch, err);
}

static int driver_file_fill(const struct kn_conf *conf, const struct hold *h, int64_t bytes,
                            const struct kn_volume_origin *origin, struct kn_error *err)
{
    if (origin != NULL && origin->filling != NULL) {
        return make_filled(conf, h, origin->filling, err) < 0 ? -1 : driver_file_grow(h, h->temporary, bytes, err);
    }
    if (origin == NULL || (origin->volume == NULL && origin->snapshot == NULL && origin->image == NULL)) {
        return make_blank(h, bytes, origin, err);
    }
    AUTO_FREE char *from = origin->image != NULL    ? kn_strdup(origin->image)
                           : origin->volume != NULL ? disk_path(conf, "volume-", origin->volume, err)
                                                    : disk_path(conf, "snapshot-", origin->snapshot, err);
    return from == NULL || make_of(h, from, origin, bytes, err) < 0 ? -1
                                                                    : driver_file_grow(h, h->temporary, bytes, err);
}

/* From now on it is the disk. */
static int driver_file_settle(const struct kn_conf *conf, const struct hold *h, struct kn_error *err)
{
    if (sync_path(h->temporary, O_RDONLY, err) < 0 || kn_volume_look(h->watch, 0, -1, err) < 0) {
        return -1;
    }
    if (rename(h->temporary, h->path) < 0) {
        return driver_file_fail_errno(err, "rename", h->temporary);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

/* --- volumes ------------------------------------------------------------------------------------------------------------------------ */

static int file_create(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                       const struct kn_volume_origin *origin, const struct kn_volume_watch *watch, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };

    if (take_hold(conf, VOLUME, volume, watch, &h, err) < 0) {
        return -1;
    }
    h.format = format;
    if (access(h.path, F_OK) == 0) {
        return 0;
    }
    return driver_file_fill(conf, &h, size_gib * GIB, origin, err) < 0 ? -1 : driver_file_settle(conf, &h, err);
}

static int file_overwrite(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                          bool is_held, const struct kn_volume_origin *origin, const struct kn_volume_watch *watch,
                          struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };

    (void)is_held; /* hosts reach it by its name */
    if (take_hold(conf, VOLUME, volume, watch, &h, err) < 0) {
        return -1;
    }
    h.format = format;
    if (access(h.path, F_OK) < 0) {
        return kn_fail(err, KN_NOT_FOUND, "the disk of volume \"%s\" is not there: %s", volume, strerror(errno));
    }
    return driver_file_fill(conf, &h, size_gib * GIB, origin, err) < 0 ? -1 : driver_file_settle(conf, &h, err);
}

static int file_extend(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                       const struct kn_volume_watch *watch, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };

    if (take_hold(conf, VOLUME, volume, watch, &h, err) < 0) {
        return -1;
    }
    h.format = format;
    return driver_file_grow(&h, h.path, size_gib * GIB, err) < 0 ? -1 : sync_path(h.path, O_RDONLY, err);
}

static int driver_file_unlink(const struct kn_conf *conf, const char *path, struct kn_error *err)
{
    if (unlink(path) < 0 && errno != ENOENT) {
        return driver_file_fail_errno(err, "remove", path);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

static int file_remove(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                       struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };

    if (take_hold(conf, VOLUME, volume, watch, &h, err) < 0) {
        return -1;
    }
    file_end_export(conf, false, volume); /* of one that was killed, and is not wanted any more */
    return driver_file_unlink(conf, h.path, err);
}

static int file_release(const struct kn_conf *conf, const char *volume, const char *format,
                        const struct kn_volume_watch *watch, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };

    if (take_hold(conf, VOLUME, volume, watch, &h, err) < 0) {
        return -1;
    }
    file_end_export(conf, false, volume);
    AUTO_FREE char *free_path = kn_asprintf("%s/unmanaged-volume-%s.%s", conf->volume_file_dir, volume, format);
    return kn_volume_rename(h.path, free_path, err) < 0 ? -1
                                                        : sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

/* --- snapshots ---------------------------------------------------------------------------------------------------------------------- */

static int file_snapshot(const struct kn_conf *conf, const char *snapshot, const char *volume,
                         const struct kn_volume_watch *watch, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };
    AUTO_FREE char *from = disk_path(conf, "volume-", volume, err);

    if (from == NULL) {
        return -1;
    }
    if (take_hold(conf, SNAPSHOT, snapshot, watch, &h, err) < 0) {
        return -1;
    }
    if (access(h.path, F_OK) == 0) {
        return 0;
    }
    return make_copy(&h, from, err) < 0 ? -1 : driver_file_settle(conf, &h, err);
}

/* What a host fills: QEMU's user writes it until it is the snapshot. */
#define OF_HOST ".host-snapshot-"

static int file_open_snapshot(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                              char **ret_path, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };
    AUTO_FREE char *path = disk_path(conf, OF_HOST, snapshot, err);

    if (path == NULL || take_hold(conf, SNAPSHOT, snapshot, watch, &h, err) < 0 ||
        driver_file_unlink(conf, path, err) < 0) {
        return -1;
    }
    *ret_path = kn_steal(&path);
    return 0;
}

static int file_adopt_snapshot(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                               struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };
    AUTO_FREE char *path = disk_path(conf, OF_HOST, snapshot, err);

    if (path == NULL || take_hold(conf, SNAPSHOT, snapshot, watch, &h, err) < 0) {
        return -1;
    }
    if (access(h.path, F_OK) == 0) {
        return 0;
    }
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, 0600) < 0 || fsync(fd) < 0 ||
        rename(path, h.path) < 0) {
        return driver_file_fail_errno(err, "take over", path);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

static int file_remove_snapshot(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                                struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };
    AUTO_FREE char *of_host = disk_path(conf, OF_HOST, snapshot, err);

    if (of_host == NULL || take_hold(conf, SNAPSHOT, snapshot, watch, &h, err) < 0) {
        return -1;
    }
    file_end_export(conf, true, snapshot);
    return driver_file_unlink(conf, of_host, err) < 0 ? -1 : driver_file_unlink(conf, h.path, err);
}

/* --- for others --------------------------------------------------------------------------------------------------------------------- */

static int file_export(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format, const char *as,
                       const struct kn_volume_watch *watch, char **ret_path, struct kn_error *err)
{
    __attribute__((cleanup(hold_release))) struct hold h = { .fd = -1 };
    AUTO_FREE char *path = disk_path(conf, is_snapshot ? ".export-snapshot-" : ".export-volume-", id, err);

    if (path == NULL) {
        return -1;
    }
    if ((is_snapshot ? take_hold(conf, SNAPSHOT, id, watch, &h, err) : take_hold(conf, VOLUME, id, watch, &h, err)) <
        0) {
        return -1;
    }
    if (access(h.path, F_OK) < 0) {
        return kn_fail(err, KN_NOT_FOUND, "the disk of %s \"%s\" is not there: %s", is_snapshot ? "snapshot" : "volume",
                       id, strerror(errno));
    }
    if (strcmp(format, as) == 0) {
        *ret_path = kn_steal(&h.path);
        return 0;
    }
    if (driver_file_convert(h.path, format, path, as, &(struct kn_volume_run){ .held = h.fd }, watch, err) < 0) {
        file_end_export(conf, is_snapshot, id);
        return -1;
    }
    *ret_path = kn_steal(&path);
    return 0;
}

/* Every host sees the directory as we do. */
static int file_connect(const struct kn_conf *conf, const char *volume, const struct kn_volume_user *user,
                        json_t **ret_connection, struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, "volume-", volume, err);

    if (path == NULL) {
        return -1;
    }
    if (access(path, F_OK) < 0) {
        return kn_fail(err, errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL, "the disk of volume \"%s\" is not there: %s",
                       volume, strerror(errno));
    }
    *ret_connection = kn_form_write_connection("file", path, user->format, volume);
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
    .format = file_format,
    .may_be = file_may_be,
    .create = file_create,
    .overwrite = file_overwrite,
    .extend = file_extend,
    .remove = file_remove,
    .release = file_release,
    .snapshot = file_snapshot,
    .open_snapshot = file_open_snapshot,
    .adopt_snapshot = file_adopt_snapshot,
    .remove_snapshot = file_remove_snapshot,
    .export = file_export,
    .end_export = file_end_export,
    .connect = file_connect,
    .disconnect = file_disconnect,
    .capacity_gib = file_capacity,
};
