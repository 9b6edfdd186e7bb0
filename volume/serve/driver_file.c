/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file back end: <volume.file_dir>/volume-<uuid>, raw and sparse or qcow2, in a directory that every host sees at the same
 * path. A disk is made under another name and renamed when it is whole and on the platter, so a file named volume-<uuid> is always a
 * whole disk; it never shrinks, and nothing but remove() takes it away.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "volume/serve/driver.h"

#define GIB (INT64_C(1) << 30)

static int fail_errno(struct kn_error *err, const char *what, const char *path)
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

    return fd >= 0 && fsync(fd) == 0 ? 0 : fail_errno(err, "sync", path);
}

static int file_start(const struct kn_conf *conf, struct kn_error *err)
{
    if (strcmp(conf->volume_file_format, "raw") != 0 && strcmp(conf->volume_file_format, "qcow2") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.file_format is \"%s\", neither raw nor qcow2", conf->volume_file_format);
    }
    if (mkdir(conf->volume_file_dir, 0711) < 0 && errno != EEXIST) {
        return fail_errno(err, "make the directory", conf->volume_file_dir);
    }
    return 0;
}

static int make_raw(const char *path, int64_t bytes, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd >= 0 && ftruncate(fd, bytes) == 0 ? 0 : fail_errno(err, "make", path);
}

static int make_qcow2(const char *path, int64_t bytes, struct kn_error *err)
{
    AUTO_FREE char *size = kn_asprintf("%lld", (long long)bytes);
    char *copy = kn_strdup(path);
    char *const argv[] = { (char[]){ "qemu-img" }, (char[]){ "create" }, (char[]){ "-q" }, (char[]){ "-f" },
                           (char[]){ "qcow2" }, copy, size, NULL };
    pid_t pid = 0;
    int status = 0;

    const int cause = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    free(copy);
    if (cause != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot run qemu-img: %s", strerror(cause));
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "qemu-img cannot make \"%s\": status %d", path, status);
}

static int file_create(const struct kn_conf *conf, const char *volume, int64_t size_gib, struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, "", volume, err);
    AUTO_FREE char *temporary = path == NULL ? NULL : disk_path(conf, ".new-", volume, err);

    if (path == NULL) {
        return -1;
    }
    if (access(path, F_OK) == 0) {
        return 0;
    }
    const bool is_raw = strcmp(conf->volume_file_format, "raw") == 0;
    if ((is_raw ? make_raw : make_qcow2)(temporary, size_gib * GIB, err) < 0 ||
        sync_path(temporary, O_RDONLY, err) < 0) {
        unlink(temporary);
        return -1;
    }
    if (rename(temporary, path) < 0) {
        return fail_errno(err, "rename", temporary);
    }
    return sync_path(conf->volume_file_dir, O_RDONLY | O_DIRECTORY, err);
}

static int file_remove(const struct kn_conf *conf, const char *volume, struct kn_error *err)
{
    AUTO_FREE char *path = disk_path(conf, "", volume, err);
    AUTO_FREE char *temporary = path == NULL ? NULL : disk_path(conf, ".new-", volume, err);

    if (path == NULL) {
        return -1;
    }
    if ((unlink(path) < 0 && errno != ENOENT) || (unlink(temporary) < 0 && errno != ENOENT)) {
        return fail_errno(err, "remove", path);
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
    *ret_connection = json_pack("{s:s, s:s, s:s, s:s}", "driver", "file", "path", path, "format",
                                conf->volume_file_format, "serial", volume);
    return 0;
}

static int file_disconnect(const struct kn_conf *conf, const char *volume, const char *server, struct kn_error *err)
{
    (void)conf;
    (void)volume;
    (void)server;
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
