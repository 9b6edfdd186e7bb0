/* SPDX-License-Identifier: Apache-2.0 */
/* file: the order of write, fsync and rename, written down once for everything this room keeps on disk. */
#include "compute-agent/core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int kn_agent_file_make_dir(const char *path, struct kn_error *err)
{
    AUTO_FREE char *copy = kn_strdup(path);

    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        if (mkdir(copy, 0755) < 0 && errno != EEXIST) {
            return kn_fail(err, KN_INTERNAL, "cannot make directory \"%s\": %s", copy, strerror(errno));
        }
        if (slash == NULL) {
            return 0;
        }
        *slash = '/';
    }
}

static int write_synced(int at, const char *name, const char *text, size_t len)
{
    AUTO_CLOSE int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    while (fd >= 0 && len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fd < 0 ? -1 : fsync(fd);
}

int kn_agent_file_replace(const char *dir, const char *name, const char *text, struct kn_error *err)
{
    return kn_agent_file_replace_bytes(dir, name, text, strlen(text), err);
}

int kn_agent_file_replace_bytes(const char *dir, const char *name, const char *bytes, size_t len, struct kn_error *err)
{
    AUTO_CLOSE int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *beside = kn_asprintf("%s.new", name);

    if (at < 0 || write_synced(at, beside, bytes, len) < 0 || renameat(at, beside, at, name) < 0 || fsync(at) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot write \"%s/%s\": %s", dir, name, strerror(errno));
    }
    return 0;
}

int kn_agent_file_link(const char *dir, const char *name, const char *target, struct kn_error *err)
{
    AUTO_CLOSE int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *beside = kn_asprintf("%s.new", name);

    if (at >= 0) {
        unlinkat(at, beside, 0);
    }
    if (at < 0 || symlinkat(target, at, beside) < 0 || renameat(at, beside, at, name) < 0 || fsync(at) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot make \"%s/%s\": %s", dir, name, strerror(errno));
    }
    return 0;
}

int kn_agent_file_remove_dir(const char *path, struct kn_error *err)
{
    DIR *d = opendir(path);

    if (d == NULL) {
        return errno == ENOENT ? 0 : kn_fail(err, KN_INTERNAL, "cannot open \"%s\": %s", path, strerror(errno));
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    closedir(d);
    if (rmdir(path) < 0 && errno != ENOENT) {
        return kn_fail(err, KN_INTERNAL, "cannot remove \"%s\": %s", path, strerror(errno));
    }
    return 0;
}
