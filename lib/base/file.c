/* SPDX-License-Identifier: Apache-2.0 */
/* file: the order of write, fsync and rename, written down once. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static int file_write_synced(int at, const char *name, const char *bytes, size_t len)
{
    AUTO_CLOSE int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    while (fd >= 0 && len > 0) {
        const ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fd < 0 ? -1 : fsync(fd);
}

int kn_file_replace(const char *dir, const char *name, const char *bytes, size_t len, struct kn_error *err)
{
    AUTO_CLOSE int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *beside = kn_asprintf("%s.new", name);

    if (at < 0 || file_write_synced(at, beside, bytes, len) < 0 || renameat(at, beside, at, name) < 0 ||
        fsync(at) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot write \"%s/%s\": %s", dir, name, strerror(errno));
    }
    return 0;
}

int kn_file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    AUTO_FREE char *bytes = kn_alloc(max + 2);
    size_t len = 0;
    ssize_t n = 0;

    while (fd >= 0 && len <= max && (n = read(fd, bytes + len, max + 1 - len)) != 0) {
        if (n < 0 && errno != EINTR) {
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || n < 0) {
        return kn_fail(err, errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL, "cannot read \"%s\": %s", path,
                       strerror(errno));
    }
    if (len > max) {
        return kn_fail(err, KN_TOO_LARGE, "\"%s\" has more than %zu bytes", path, max);
    }
    bytes[len] = '\0';
    *ret = kn_steal(&bytes);
    *ret_len = len;
    return 0;
}
