/* SPDX-License-Identifier: Apache-2.0 */
/* Signed URLs: HMAC-SHA256 over digest and expiry, compared in constant time; and the file that holds the key. */
#include "image/data/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define SIGNATURE_SIZE 65

/* what: a word for what it is good for; of: of which thing. */
static void sign(const struct kn_image_url_key *key, const char *what, const char *of, const char *expires,
                 char out[SIGNATURE_SIZE])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t mac[32];

    kn_strbuf_addf(&text, "%s\n%s\n%s", what, of, expires);
    kn_hmac_sha256(key->bytes, sizeof(key->bytes), text.buf, text.len, mac);
    kn_hex(mac, sizeof(mac), out);
}

/* In constant time, and not after its time. */
static bool url_is_signed(const struct kn_image_url_key *key, const char *what, const char *of, const char *expires,
                          const char *signature, int64_t now_s)
{
    char right[SIGNATURE_SIZE];
    char *end = NULL;

    if (of == NULL || expires == NULL || signature == NULL || strlen(signature) != SIGNATURE_SIZE - 1) {
        return false;
    }
    const long long expires_s = strtoll(expires, &end, 10);
    if (end == expires || *end != '\0' || expires_s < now_s) {
        return false;
    }
    sign(key, what, of, expires, right);
    return kn_equal(right, signature, SIGNATURE_SIZE - 1);
}

void kn_image_url_sign(const struct kn_image_url_key *key, const char *base, const char *sha512, int64_t expires_s,
                       struct kn_strbuf *out)
{
    AUTO_FREE char *expires = kn_asprintf("%lld", (long long)expires_s);
    char signature[SIGNATURE_SIZE];

    sign(key, "blob", sha512, expires, signature);
    kn_strbuf_addf(out, "%s/blob/%s?expires=%s&signature=%s", base, sha512, expires, signature);
}

bool kn_image_url_check(const struct kn_image_url_key *key, const char *sha512, const char *expires,
                        const char *signature, int64_t now_s)
{
    return url_is_signed(key, "blob", sha512, expires, signature, now_s);
}

void kn_image_url_sign_upload(const struct kn_image_url_key *key, const char *base, const char *image, int64_t task,
                              int64_t expires_s, struct kn_strbuf *out)
{
    AUTO_FREE char *expires = kn_asprintf("%lld", (long long)expires_s);
    AUTO_FREE char *of = kn_asprintf("%s\n%lld", image, (long long)task);
    char signature[SIGNATURE_SIZE];

    sign(key, "upload", of, expires, signature);
    kn_strbuf_addf(out, "%s/image/%s?task=%lld&expires=%s&signature=%s", base, image, (long long)task, expires,
                   signature);
}

bool kn_image_url_check_upload(const struct kn_image_url_key *key, const char *image, const char *task,
                               const char *expires, const char *signature, int64_t now_s)
{
    AUTO_FREE char *of = kn_asprintf("%s\n%s", image != NULL ? image : "", task != NULL ? task : "");

    return url_is_signed(key, "upload", of, expires, signature, now_s);
}

/* --- the key's file ------------------------------------------------------------------------------------------------- */

static int url_fail_key(struct kn_error *err, const char *path)
{
    return kn_fail(err, KN_INTERNAL, "cannot use the key \"%s\": %s", path, strerror(errno));
}

/* Written under another name and linked: whoever comes second uses the first one's. */
static int make_key(const char *path, struct kn_error *err)
{
    AUTO_FREE char *made = kn_asprintf("%s.%ld", path, (long)getpid());
    AUTO_CLOSE int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct kn_image_url_key key;

    kn_random(key.bytes, sizeof(key.bytes));
    const bool written = fd >= 0 && write(fd, key.bytes, sizeof(key.bytes)) == (ssize_t)sizeof(key.bytes) &&
                         fsync(fd) == 0 && (link(made, path) == 0 || errno == EEXIST);
    const int rc = written ? 0 : url_fail_key(err, path);
    unlink(made);
    return rc;
}

int kn_image_url_key_load(const char *dir, struct kn_image_url_key *ret, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/.url.key", dir);
    struct kn_image_url_key key;

    if (access(path, F_OK) < 0 && make_key(path, err) < 0) {
        return -1;
    }
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return url_fail_key(err, path);
    }
    if (read(fd, key.bytes, sizeof(key.bytes)) != (ssize_t)sizeof(key.bytes)) {
        return kn_fail(err, KN_INTERNAL, "the key \"%s\" is not %zu bytes long", path, sizeof(key.bytes));
    }
    *ret = key;
    return 0;
}
