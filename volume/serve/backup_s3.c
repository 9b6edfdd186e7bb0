/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store `s3`: <volume.backup_s3_url>/<bucket>/<container>/<backup>/<object>, of anything that speaks S3: the bucket is there, nobody else writes below these names, and what is put is there at once (all of
 * them are consistent since 2020). libcurl signs (AWS Signature Version 4). What may pass is tried again, for some seconds; what a store refuses is told at once. The secret appears in no message.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/adapter/crypto.h"
#include "lib/base/backoff.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "volume/serve/backup_store.h"

#define CONNECT_TIMEOUT_S 10L
#define STALL_BYTES_S 1024L
#define STALL_S 30L
#define TRIES 7
#define SAID_MOST (4U << 20) /* a page of names, or why not */

struct s3_call {
    const struct kn_conf *conf;
    const char *method;
    const char *dir, *name; /* the object; both NULL: the bucket */
    const char *query; /* sorted and encoded; NULL: none */
    const void *bytes; /* of a PUT */
    size_t len;
    size_t most; /* of the answer */
    /* What came of it. */
    struct kn_strbuf answer;
    bool is_too_large;
    long status;
    int64_t length; /* as a HEAD says it */
};

static pthread_key_t s3_handles;

static void s3_start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_key_create(&s3_handles, curl_easy_cleanup);
}

/* This thread's, with the connections that it has. */
static CURL *s3_handle(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, s3_start_curl);
    CURL *curl = pthread_getspecific(s3_handles);
    if (curl == NULL) {
        curl = curl_easy_init();
        pthread_setspecific(s3_handles, curl);
    } else {
        curl_easy_reset(curl);
    }
    return curl;
}

static size_t s3_on_data(char *data, size_t one, size_t len, void *ctx)
{
    struct s3_call *c = ctx;

    (void)one;
    if (c->answer.len + len > c->most) {
        c->is_too_large = true;
        return len == 0 ? 1 : 0; /* anything but len ends it */
    }
    kn_strbuf_add(&c->answer, data, len);
    return len;
}

static struct curl_slist *s3_headers(const struct s3_call *c)
{
    char sha256[KN_SHA256_HEX];

    kn_sha256_hex(c->bytes != NULL ? c->bytes : "", c->len, sha256);
    AUTO_FREE char *hash = kn_asprintf("x-amz-content-sha256: %s", sha256);
    struct curl_slist *headers = curl_slist_append(NULL, hash);

    /* No "Expect:" here: libcurl 7.88 signs it and does not send it. */
    return c->bytes != NULL ? curl_slist_append(headers, "Content-Type: application/octet-stream") : headers;
}

static char *s3_url(const struct s3_call *c)
{
    const struct kn_conf *conf = c->conf;
    const size_t len = strlen(conf->volume_backup_s3_url);
    const int bare = (int)(len > 0 && conf->volume_backup_s3_url[len - 1] == '/' ? len - 1 : len);
    AUTO_FREE char *object = c->dir != NULL ? kn_asprintf("/%s/%s", c->dir, c->name) : kn_strdup("");

    return kn_asprintf("%.*s/%s%s%s%s", bare, conf->volume_backup_s3_url, conf->volume_backup_s3_bucket, object,
                       c->query != NULL ? "?" : "", c->query != NULL ? c->query : "");
}

static void s3_set_common(CURL *curl, struct s3_call *c)
{
    AUTO_FREE char *provider = kn_asprintf("aws:amz:%s:s3", c->conf->volume_backup_s3_region),
                   *keys = kn_asprintf("%s:%s", c->conf->volume_backup_s3_access_key,
                                       c->conf->volume_backup_s3_secret_key),
                   *url = s3_url(c);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, provider);
    curl_easy_setopt(curl, CURLOPT_USERPWD, keys);
    explicit_bzero(keys, strlen(keys));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kilonova-volume");
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s3_on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    if (*c->conf->volume_backup_s3_ca_file != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, c->conf->volume_backup_s3_ca_file);
    }
}

static CURLcode s3_once(CURL *curl, struct s3_call *c, struct curl_slist *headers)
{
    curl_off_t length = -1;

    kn_strbuf_clear(&c->answer);
    c->is_too_large = false;
    c->status = 0;
    s3_set_common(curl, c);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (strcmp(c->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (c->bytes != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->bytes);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
    }
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    c->length = length;
    return code;
}

/* What may be another the next time. */
static bool s3_may_pass(const struct s3_call *c, CURLcode code)
{
    return code != CURLE_OK ? !c->is_too_large && code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_URL_MALFORMAT
                            : c->status == 429 || c->status == 500 || (c->status >= 502 && c->status <= 504);
}

/* <Code> of what it answered. */
static char *s3_said(const struct s3_call *c)
{
    const char *begin = strstr(c->answer.buf, "<Code>"), *end = begin != NULL ? strstr(begin, "</Code>") : NULL;

    return end != NULL && end - begin < 70 ? kn_strndup(begin + 6, (size_t)(end - begin - 6)) : kn_strdup("");
}

static int s3_judge(const struct s3_call *c, CURLcode code, struct kn_error *err)
{
    static const char *const FULL[] = { "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage",
                                        "XMinioAdminBucketQuotaExceeded" };
    AUTO_FREE char *said = s3_said(c);
    bool is_full = c->status == 507;

    if (c->is_too_large) {
        return kn_fail(err, KN_TOO_LARGE, "the store of backups has more than %zu bytes of \"%s\"", c->most,
                       c->name != NULL ? c->name : "its list");
    }
    if (code != CURLE_OK) {
        return kn_fail(err, KN_INTERNAL, "the store of backups does not answer: %s", curl_easy_strerror(code));
    }
    if (c->status / 100 == 2) {
        return 0;
    }
    if (c->status == 404 && strcmp(said, "NoSuchBucket") != 0) {
        return kn_fail(err, KN_NOT_FOUND, "the store of backups has no \"%s\"", c->name != NULL ? c->name : "list");
    }
    for (size_t i = 0; i < KN_COUNT(FULL); i++) {
        is_full = is_full || strcmp(said, FULL[i]) == 0;
    }
    return kn_fail(err, is_full ? KN_TOO_LARGE : KN_INTERNAL, "the store of backups refuses a %s: %ld %s", c->method,
                   c->status, said);
}

static int s3_call(struct s3_call *c, struct kn_error *err)
{
    struct kn_backoff backoff = { .min_ms = 100, .max_ms = 3000 };
    CURL *curl = s3_handle();
    CURLcode code = CURLE_FAILED_INIT;

    if (*c->conf->volume_backup_s3_url == '\0' || curl == NULL) {
        return kn_fail(err, KN_INTERNAL, "volume.backup_s3_url says no store of backups");
    }
    struct curl_slist *headers = s3_headers(c);
    for (int tries = 1;; tries++) {
        code = s3_once(curl, c, headers);
        if (tries == TRIES || !s3_may_pass(c, code)) {
            break;
        }
        const int64_t pause_ms = kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
        curl_easy_reset(curl);
    }
    curl_slist_free_all(headers);
    curl_easy_reset(curl); /* the keys */
    return s3_judge(c, code, err);
}

#define S3_CALL(...) \
    { \
        .conf = conf, .dir = dir, .name = name, .most = SAID_MOST, .answer = KN_STRBUF_INIT, __VA_ARGS__ \
    }

/* --- the store -------------------------------------------------------------------------------------------------------------- */

static int s3_start(const struct kn_conf *conf, struct kn_error *err)
{
    return *conf->volume_backup_s3_url != '\0' && *conf->volume_backup_s3_bucket != '\0' &&
                   *conf->volume_backup_s3_access_key != '\0' && *conf->volume_backup_s3_secret_key != '\0'
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "volume.backup_s3_url, backup_s3_bucket, backup_s3_access_key "
                         "and backup_s3_secret_key do not all say something");
}

static int s3_put(const struct kn_conf *conf, const char *dir, const char *name, const void *bytes, size_t len,
                  struct kn_error *err)
{
    struct s3_call c = S3_CALL(.method = "PUT", .bytes = bytes, .len = len);
    const int rc = s3_call(&c, err);

    kn_strbuf_release(&c.answer);
    if (rc < 0 && c.status == 404 && err->code == KN_NOT_FOUND) {
        err->code = KN_INTERNAL; /* nobody asked for anything */
    }
    return rc;
}

static int s3_holds(const struct kn_conf *conf, const char *dir, const char *name, size_t len, bool *ret,
                    struct kn_error *err)
{
    struct s3_call c = S3_CALL(.method = "HEAD");
    struct kn_error why = { 0 };
    const int rc = s3_call(&c, &why);

    kn_strbuf_release(&c.answer);
    if (rc < 0 && why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    *ret = rc == 0 && c.length == (int64_t)len;
    return 0;
}

static int s3_get(const struct kn_conf *conf, const char *dir, const char *name, size_t max, char **ret,
                  size_t *ret_len, struct kn_error *err)
{
    struct s3_call c = S3_CALL(.method = "GET");

    c.most = max > SAID_MOST ? max : SAID_MOST;
    if (s3_call(&c, err) < 0 || c.answer.len > max) {
        const bool is_larger = c.status / 100 == 2 && !c.is_too_large && c.answer.len > max;

        kn_strbuf_release(&c.answer);
        return is_larger
                   ? kn_fail(err, KN_TOO_LARGE, "the store of backups has more than %zu bytes of \"%s\"", max, name)
                   : -1;
    }
    *ret_len = c.answer.len;
    *ret = kn_strbuf_detach(&c.answer);
    return 0;
}

/* Adds the names of a page behind the prefix; *ret_last (heap): the whole of the last one, encoded; NULL: the page is empty. */
static void s3_read_page(const char *page, const char *prefix, json_t *names, char **ret_last)
{
    const size_t len = strlen(prefix);

    *ret_last = NULL;
    for (const char *at = strstr(page, "<Key>"); at != NULL; at = strstr(at, "<Key>")) {
        const char *end = strstr(at, "</Key>");

        if (end == NULL) {
            return;
        }
        AUTO_FREE char *encoded = kn_strndup(at + 5, (size_t)(end - at - 5));
        char *key = curl_easy_unescape(NULL, encoded, 0, NULL);

        if (key != NULL && strncmp(key, prefix, len) == 0) {
            json_array_append_new(names, json_string(key + len));
        }
        free(*ret_last);
        char *last = key != NULL ? curl_easy_escape(NULL, key, 0) : NULL;
        *ret_last = last != NULL ? kn_strdup(last) : NULL;
        curl_free(last);
        curl_free(key);
        at = end;
    }
}

static int s3_list(const struct kn_conf *conf, const char *of, json_t *names, struct kn_error *err)
{
    const char *const dir = NULL, *const name = NULL;
    AUTO_FREE char *prefix = kn_asprintf("%s/", of), *last = NULL;
    char *encoded = curl_easy_escape(NULL, prefix, 0);
    bool goes_on = true;
    int rc = 0;

    while (rc == 0 && goes_on) {
        AUTO_FREE char *query = kn_asprintf("encoding-type=url&list-type=2&prefix=%s%s%s", encoded,
                                            last != NULL ? "&start-after=" : "", last != NULL ? last : "");
        struct s3_call c = S3_CALL(.method = "GET", .query = query);
        AUTO_FREE char *before = kn_steal(&last);

        rc = s3_call(&c, err);
        if (rc == 0) {
            s3_read_page(c.answer.buf, prefix, names, &last);
            goes_on = last != NULL && strstr(c.answer.buf, "<IsTruncated>true</IsTruncated>") != NULL;
        }
        if (goes_on && rc == 0 && before != NULL && strcmp(last, before) <= 0) {
            rc = kn_fail(err, KN_INTERNAL, "the store of backups tells the same names again and again");
        }
        kn_strbuf_release(&c.answer);
    }
    curl_free(encoded);
    return rc;
}

static int s3_drop(const struct kn_conf *conf, const char *dir, const char *name, struct kn_error *err)
{
    struct s3_call c = S3_CALL(.method = "DELETE");
    struct kn_error why = { 0 };
    const int rc = s3_call(&c, &why);

    kn_strbuf_release(&c.answer);
    if (rc < 0 && why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    return 0;
}

/* There are no directories. */
static int s3_end(const struct kn_conf *conf, const char *dir, struct kn_error *err)
{
    (void)conf;
    (void)dir;
    (void)err;
    return 0;
}

const struct kn_volume_backup_store kn_volume_backup_store_s3 = {
    .name = "s3",
    .start = s3_start,
    .put = s3_put,
    .holds = s3_holds,
    .get = s3_get,
    .list = s3_list,
    .drop = s3_drop,
    .end = s3_end,
};
