/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store `directory`: <volume.backup_dir>/<container>/<backup>/<object>, on whatever is mounted there. An object is written beside its name, synced and renamed, and the directory is synced: so what
 * has a name is whole, and stays. Nothing sweeps it: a wrong database must never cost a backup.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "volume/serve/backup_store.h"

static int directory_fail(const char *what, const char *path, struct kn_error *err)
{
    const int cause = errno;

    return kn_fail(err,
                   cause == ENOSPC || cause == EDQUOT ? KN_TOO_LARGE
                   : cause == ENOENT                  ? KN_NOT_FOUND
                                                      : KN_INTERNAL,
                   "cannot %s \"%s\": %s", what, path, strerror(cause));
}

static int directory_sync(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -1 : fsync(fd);
}

/* Each part of <volume.backup_dir>/<dir> that is not there is made, and the one that it stands in synced. */
static int directory_make(const struct kn_conf *conf, const char *dir, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", conf->volume_backup_dir, dir);

    for (char *slash = path + strlen(conf->volume_backup_dir);; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        AUTO_FREE char *above = kn_strdup(path);
        char *last = strrchr(above, '/');

        if (mkdir(path, 0700) < 0) {
            if (errno != EEXIST) {
                return directory_fail("make the directory", path, err);
            }
        } else if (last != NULL && last != above) {
            *last = '\0';
            if (directory_sync(above) < 0) {
                return directory_fail("sync", above, err);
            }
        }
        if (slash == NULL) {
            return 0;
        }
        *slash = '/';
    }
}

static int directory_write(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

static int directory_put(const struct kn_conf *conf, const char *dir, const char *name, const void *bytes, size_t len,
                         struct kn_error *err)
{
    AUTO_FREE char *in = kn_asprintf("%s/%s", conf->volume_backup_dir, dir), *path = kn_asprintf("%s/%s", in, name),
                   *beside = kn_asprintf("%s.new", path);
    struct stat st;

    if (stat(path, &st) == 0 && st.st_size == (off_t)len) {
        return 0;
    }
    if (directory_make(conf, dir, err) < 0) {
        return -1;
    }
    AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || directory_write(fd, bytes, len) < 0 || rename(beside, path) < 0 || directory_sync(in) < 0) {
        directory_fail("write", path, err);
        unlink(beside);
        return -1;
    }
    return 0;
}

static int directory_holds(const struct kn_conf *conf, const char *dir, const char *name, size_t len, bool *ret,
                           struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s/%s", conf->volume_backup_dir, dir, name);
    struct stat st;

    if (lstat(path, &st) < 0) {
        *ret = false;
        return errno == ENOENT ? 0 : directory_fail("look at", path, err);
    }
    *ret = S_ISREG(st.st_mode) && (size_t)st.st_size == len;
    return 0;
}

static int directory_get(const struct kn_conf *conf, const char *dir, const char *name, size_t max, char **ret,
                         size_t *ret_len, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s/%s", conf->volume_backup_dir, dir, name);
    struct stat st;

    if (lstat(path, &st) < 0) {
        return directory_fail("read", path, err);
    }
    if (!S_ISREG(st.st_mode)) { /* a pipe would be waited for */
        return kn_fail(err, KN_INTERNAL, "\"%s\" is no file", path);
    }
    return (size_t)st.st_size > max ? kn_fail(err, KN_TOO_LARGE, "\"%s\" has more than %zu bytes", path, max)
                                    : kn_file_read(path, (size_t)st.st_size, ret, ret_len, err);
}

static int directory_list(const struct kn_conf *conf, const char *dir, json_t *names, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", conf->volume_backup_dir, dir);
    DIR *d = opendir(path);

    if (d == NULL) {
        return errno == ENOENT ? 0 : directory_fail("look into", path, err);
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            json_array_append_new(names, json_string(e->d_name));
        }
    }
    closedir(d);
    return 0;
}

static int directory_drop(const struct kn_conf *conf, const char *dir, const char *name, struct kn_error *err)
{
    AUTO_FREE char *in = kn_asprintf("%s/%s", conf->volume_backup_dir, dir), *path = kn_asprintf("%s/%s", in, name);

    if (unlink(path) < 0 && errno != ENOENT) {
        return directory_fail("remove", path, err);
    }
    return strcmp(name, KN_VOLUME_BACKUP_MANIFEST) == 0 && directory_sync(in) < 0 && errno != ENOENT
               ? directory_fail("sync", in, err)
               : 0;
}

static int directory_end(const struct kn_conf *conf, const char *dir, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", conf->volume_backup_dir, dir), *above = kn_strdup(path);

    *strrchr(above, '/') = '\0';
    if (rmdir(path) < 0 && errno != ENOENT) {
        return directory_fail("remove", path, err);
    }
    return directory_sync(above) < 0 && errno != ENOENT ? directory_fail("sync", above, err) : 0;
}

const struct kn_volume_backup_store kn_volume_backup_store_directory = {
    .name = "directory",
    .put = directory_put,
    .holds = directory_holds,
    .get = directory_get,
    .list = directory_list,
    .drop = directory_drop,
    .end = directory_end,
};
