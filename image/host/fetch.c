/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloading a base over HTTP, into a file that may hold its beginning already. With send.c the cage of libcurl. The URL carries a
 * signature, so it appears in no message; proxies and redirects are not followed.
 */
#include "image/host/private.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define CONNECT_TIMEOUT_S 10L
#define STALL_BYTES_S 1024L
#define STALL_S 30L
#define BUFFER_BYTES (512L << 10)

struct base_fetch {
    int fd;
    int64_t at;               /* bytes in the file */
    int64_t size;             /* bytes that it must become */
    struct kn_digest *digest; /* of those that are there */
    bool is_disk_error;
    const struct kn_image_base *base;
    struct kn_error ended;    /* by whoever watches; KN_OK: not */
};

/* Whoever watches says once that it ends. */
static int fetch_look(struct base_fetch *f)
{
    return f->ended.code != KN_OK ? -1 : f->base->watch(f->base->watch_ctx, f->at, f->size, &f->ended);
}

/* While nothing comes. */
static int host_fetch_on_wait(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct base_fetch *f = ctx;

    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return fetch_look(f) < 0;
}

static size_t host_fetch_on_data(char *data, size_t one, size_t len, void *ctx)
{
    struct base_fetch *f = ctx;

    (void)one;
    if ((int64_t)len > f->size - f->at) {
        return 0; /* more than promised */
    }
    for (size_t done = 0; done < len;) {
        const ssize_t n = pwrite(f->fd, data + done, len - done, f->at + (int64_t)done);

        if (n < 0 && errno != EINTR) {
            f->is_disk_error = true;
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    kn_digest_update(f->digest, data, len);
    f->at += (int64_t)len;
    return fetch_look(f) == 0 ? len : 0;
}

static void host_fetch_curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void kn_image_curl_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, host_fetch_curl_start);
}

static CURLcode transfer(struct base_fetch *f, const char *url)
{
    kn_image_curl_start();
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return CURLE_FAILED_INIT;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)f->at);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, host_fetch_on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, host_fetch_on_wait);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, f);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return code;
}

static int start_over(struct base_fetch *f, struct kn_error *err)
{
    kn_digest_free(f->digest);
    f->digest = kn_digest_new();
    f->at = 0;
    return ftruncate(f->fd, 0) == 0
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot empty a file of the image cache: %s", strerror(errno));
}

/* Digests what an earlier try left. */
static int fetch_take_up(struct base_fetch *f, struct kn_error *err)
{
    AUTO_FREE uint8_t *buffer = kn_alloc(BUFFER_BYTES);

    for (;;) {
        const ssize_t n = pread(f->fd, buffer, BUFFER_BYTES, f->at);

        if (n < 0) {
            return kn_fail(err, KN_INTERNAL, "cannot read the image cache: %s", strerror(errno));
        }
        if (n == 0 || n > f->size - f->at) {
            return n == 0 ? 0 : start_over(f, err);
        }
        kn_digest_update(f->digest, buffer, (size_t)n);
        f->at += n;
        if (f->base->watch(f->base->watch_ctx, f->at, f->size, err) < 0) {
            return -1;
        }
    }
}

static int fetch_download(struct base_fetch *f, const char *url, struct kn_error *err)
{
    CURLcode code = f->at < f->size ? transfer(f, url) : CURLE_OK;

    if (code == CURLE_RANGE_ERROR && f->at > 0) { /* a server that cannot go on in the middle */
        if (start_over(f, err) < 0) {
            return -1;
        }
        code = transfer(f, url);
    }
    if (f->ended.code != KN_OK) {
        if (err != NULL) {
            *err = f->ended;
        }
        return -1;
    }
    if (f->is_disk_error) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot write the image cache: %s", strerror(errno));
    }
    if (code == CURLE_WRITE_ERROR) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the image has more than the %lld bytes that were promised",
                       (long long)f->size);
    }
    if (code != CURLE_OK || f->at < f->size) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot fetch the image after %lld of %lld bytes: %s", (long long)f->at,
                       (long long)f->size, code != CURLE_OK ? curl_easy_strerror(code) : "the answer is too short");
    }
    return 0;
}

static int fetch_fetch(struct base_fetch *f, const struct kn_image_base *base, struct kn_error *err)
{
    char sha512[KN_SHA512_HEX], md5[KN_MD5_HEX];

    if (fetch_take_up(f, err) < 0 || fetch_download(f, base->url, err) < 0) {
        return -1;
    }
    kn_digest_end(f->digest, sha512, md5);
    return strcmp(sha512, base->sha512) == 0
               ? 0
               : kn_fail(err, KN_UNSUPPORTED_MEDIA,
                         "the data that came is not the image's: its sha512 is %.16s…, not %.16s…", sha512,
                         base->sha512);
}

int kn_image_base_fetch(const struct kn_image_base *base, int fd, struct kn_error *err)
{
    struct base_fetch f = { .fd = fd, .size = base->size, .digest = kn_digest_new(), .base = base };
    struct kn_error first;
    const int rc = fetch_fetch(&f, base, &first);

    if (rc < 0 && first.code != KN_UNAVAILABLE && first.code != KN_CANCELLED && ftruncate(fd, 0) < 0) {
        kn_fail_context(&first, "cannot empty the file after");
    }
    kn_digest_free(f.digest);
    if (rc < 0 && err != NULL) {
        *err = first;
    }
    return rc;
}
