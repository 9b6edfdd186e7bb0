/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: reading and replacing the small files of the host side. A crash leaves the old text or the new one. */
#include "network/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define LARGEST ((size_t)64 << 20)

bool kn_network_file_read(const char *path, struct kn_strbuf *out)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char block[16384];
    ssize_t n;

    kn_strbuf_clear(out);
    if (fd < 0) {
        return false;
    }
    while (out->len < LARGEST && ((n = read(fd, block, sizeof(block))) > 0 || (n < 0 && errno == EINTR))) {
        kn_strbuf_add(out, block, n > 0 ? (size_t)n : 0);
    }
    return true;
}

static int file_write_all(int fd, const struct kn_strbuf *text)
{
    for (size_t done = 0; done < text->len;) {
        ssize_t n = write(fd, text->buf + done, text->len - done);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(fd);
}

static bool says_so_already(const char *path, const struct kn_strbuf *text)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf old = KN_STRBUF_INIT;

    return kn_network_file_read(path, &old) && old.len == text->len && memcmp(old.buf, text->buf, text->len) == 0;
}

int kn_network_file_write(const char *path, const struct kn_strbuf *text, bool *ret_changed, struct kn_error *err)
{
    bool same = says_so_already(path, text);

    if (!same) {
        AUTO_FREE char *beside = kn_asprintf("%s.new", path);
        AUTO_CLOSE int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || file_write_all(fd, text) < 0 || rename(beside, path) < 0) {
            return kn_fail(err, KN_INTERNAL, "cannot write \"%s\": %s", path, strerror(errno));
        }
    }
    if (ret_changed != NULL) {
        *ret_changed = !same;
    }
    return 0;
}
