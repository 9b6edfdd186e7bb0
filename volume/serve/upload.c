/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a volume's bytes to kilonova-image: hashed first, so that what arrives is known to be what left. */
#include "volume/serve/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/host.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define UPLOAD_PIECE (1 << 20)

static int upload_hash_all(int fd, int64_t size, struct kn_digest *digest, struct kn_work *work, struct kn_error *err)
{
    AUTO_FREE char *piece = kn_alloc(UPLOAD_PIECE);

    for (int64_t at = 0; at < size;) {
        const ssize_t n = pread(fd, piece, UPLOAD_PIECE, at);

        if (n <= 0) {
            return kn_fail(err, KN_INTERNAL, "cannot read the volume: %s", strerror(n == 0 ? EIO : errno));
        }
        kn_digest_update(digest, piece, (size_t)n);
        at += n;
        if (kn_work_progress(work, "hashing the volume", at, size, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int upload_hash(const char *path, struct kn_work *work, char ret_sha512[KN_SHA512_HEX], struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char md5[KN_MD5_HEX];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot open \"%s\": %s", path, strerror(errno));
    }
    struct kn_digest *digest = kn_digest_new();
    const int rc = upload_hash_all(fd, st.st_size, digest, work, err);
    kn_digest_end(digest, ret_sha512, md5);
    kn_digest_free(digest);
    return rc;
}

/* kn_image_host_watch: ctx = the work. */
static int upload_watch(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    return kn_work_progress(ctx, "bringing the image", done, size, err);
}

int kn_volume_upload(const char *path, const char *url, const char *format, struct kn_work *work, struct kn_error *err)
{
    char sha512[KN_SHA512_HEX];

    return upload_hash(path, work, sha512, err) < 0
               ? -1
               : kn_image_host_upload(path, url, sha512, format, upload_watch, work, err);
}
