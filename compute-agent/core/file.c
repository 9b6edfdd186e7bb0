/* SPDX-License-Identifier: Apache-2.0 */
/* file: directories and links; the files in them are lib/base/file.h's. */
#include "compute-agent/core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
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

int kn_agent_file_replace(const char *dir, const char *name, const char *text, struct kn_error *err)
{
    return kn_agent_file_replace_bytes(dir, name, text, strlen(text), err);
}

int kn_agent_file_replace_bytes(const char *dir, const char *name, const char *bytes, size_t len, struct kn_error *err)
{
    return kn_file_replace(dir, name, bytes, len, err);
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
