/* SPDX-License-Identifier: Apache-2.0 */
/* key_service: one GET by libcurl, with a token (X-Auth-Token) if there is one. Neither what it says nor the token stands in a message; no redirection is followed and no proxy is asked, so nobody else hears either. */
#include "volume/serve/key_service.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/backoff.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define TIMEOUT_S 10L
#define TRIES 5
#define TOKEN_MOST 8192

struct key_call {
    uint8_t bytes[KN_SEAL_KEY + 1]; /* one more: it is too long */
    size_t len;
};

static size_t key_on_data(char *data, size_t one, size_t len, void *ctx)
{
    struct key_call *c = ctx;
    const size_t room = sizeof(c->bytes) - c->len, n = len < room ? len : room;

    (void)one;
    memcpy(c->bytes + c->len, data, n);
    c->len += n;
    return n == len ? len : 0; /* anything but len ends it */
}

/* A header with what the file says, without its line's end. *ret NULL: no file, no token. */
static int key_header(const char *path, char **ret, struct kn_error *err)
{
    static const char NAME[] = "X-Auth-Token: ";
    AUTO_CLOSE int fd = *path != '\0' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;

    *ret = NULL;
    if (*path == '\0') {
        return 0;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot read volume.key_token_file \"%s\": %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "volume.key_token_file \"%s\" may be read by others than its owner", path);
    }
    char *header = kn_alloc(sizeof(NAME) + TOKEN_MOST);
    memcpy(header, NAME, sizeof(NAME));
    const ssize_t n = read(fd, header + sizeof(NAME) - 1, TOKEN_MOST);
    header[sizeof(NAME) - 1 + (size_t)(n > 0 ? n : 0)] = '\0';
    header[strcspn(header, "\r\n")] = '\0';
    *ret = header;
    return 0;
}

/* In the clear to this machine alone. */
static bool key_url_is_safe(const char *url)
{
    static const char *const SAFE[] = { "https://", "http://127.0.0.1:", "http://127.0.0.1/",
                                        "http://[::1]:", "http://[::1]/" };

    for (size_t i = 0; i < KN_COUNT(SAFE); i++) {
        if (strncasecmp(url, SAFE[i], strlen(SAFE[i])) == 0) {
            return strchr(url, '@') == NULL;
        }
    }
    return false;
}

static CURLcode key_once(CURL *curl, const struct kn_conf *conf, struct curl_slist *headers, struct key_call *c,
                         long *ret_status)
{
    kn_wipe(c, sizeof(*c));
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, conf->volume_key_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kilonova-volume");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, key_on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    if (*conf->volume_key_ca_file != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, conf->volume_key_ca_file);
    }
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return code;
}

static int key_judge(CURLcode code, long status, size_t len, struct kn_error *err)
{
    const bool is_long = len > KN_SEAL_KEY;

    if (code != CURLE_OK && !is_long) {
        return kn_fail(err, KN_UNAVAILABLE, "the key service (volume.key_url) does not answer: %s",
                       curl_easy_strerror(code));
    }
    if (status != 200) {
        return kn_fail(err, status >= 500 || status == 429 ? KN_UNAVAILABLE : KN_BAD_REQUEST,
                       "the key service (volume.key_url) refuses: it answers %ld", status);
    }
    return len == KN_SEAL_KEY
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "the key service (volume.key_url) does not answer %d bytes", KN_SEAL_KEY);
}

static int key_get(CURL *curl, const struct kn_conf *conf, struct curl_slist *headers, uint8_t ret[KN_SEAL_KEY],
                   struct kn_error *err)
{
    struct kn_backoff backoff = { .min_ms = 100, .max_ms = 3000 };
    struct key_call c = { .len = 0 };
    int rc = -1;

    for (int tries = 1;; tries++) {
        long status = 0;
        const CURLcode code = key_once(curl, conf, headers, &c, &status);

        rc = key_judge(code, status, c.len, err);
        if (rc == 0 || err->code != KN_UNAVAILABLE || tries == TRIES) {
            break;
        }
        const int64_t pause_ms = kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
    }
    if (rc == 0) {
        memcpy(ret, c.bytes, KN_SEAL_KEY);
    }
    kn_wipe(&c, sizeof(c));
    return rc;
}

int kn_volume_key_fetch(const struct kn_conf *conf, uint8_t ret[KN_SEAL_KEY], struct kn_error *err)
{
    char *header = NULL;

    if (!key_url_is_safe(conf->volume_key_url)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "volume.key_url is neither https nor of this machine (http://127.0.0.1), or names a user");
    }
    if (key_header(conf->volume_key_token_file, &header, err) < 0) {
        return -1;
    }
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/octet-stream");

    if (header != NULL) {
        headers = curl_slist_append(headers, header);
        kn_wipe(header, strlen(header));
        free(header);
    }
    const int rc = curl == NULL ? kn_fail(err, KN_INTERNAL, "libcurl does not start")
                                : key_get(curl, conf, headers, ret, err);
    for (struct curl_slist *h = headers; h != NULL; h = h->next) {
        kn_wipe(h->data, strlen(h->data));
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return rc;
}
