/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a file to a signed address: what a host made of a server's disk. The address carries a signature, so it appears in no message; proxies and redirects
 * are not followed. Who takes it verifies it; nothing is removed here.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/host.h"
#include "image/host/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define CONNECT_TIMEOUT_S 10L
#define STALL_BYTES_S 1L
#define STALL_S 120L              /* the last byte is answered when all is on the disk and inspected */
#define PATIENCE_MS 300000
#define LOOK_AGAIN_NS 200000000
#define ANSWER_MAX 1023

struct sending {
    int fd;
    int64_t at, size;
    kn_image_host_watch *watch; /* NULL: nobody watches */
    void *watch_ctx;
    struct kn_error ended; /* by whoever watches; KN_OK: not */
    char answer[ANSWER_MAX + 1];
    size_t answered;
};

static int sending_look(struct sending *s)
{
    return s->ended.code != KN_OK ? -1 : s->watch != NULL ? s->watch(s->watch_ctx, s->at, s->size, &s->ended) : 0;
}

static size_t sending_on_read(char *data, size_t one, size_t len, void *ctx)
{
    struct sending *s = ctx;
    const ssize_t n = pread(s->fd, data, one * len, s->at);

    if (n < 0 || sending_look(s) < 0) {
        return CURL_READFUNC_ABORT;
    }
    s->at += n;
    return (size_t)n;
}

/* curl may begin again: it lost the connection before the first answer. */
static int sending_on_seek(void *ctx, curl_off_t offset, int whence)
{
    struct sending *s = ctx;

    if (whence != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    s->at = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t sending_on_answer(char *data, size_t one, size_t len, void *ctx)
{
    struct sending *s = ctx;
    const size_t room = ANSWER_MAX - s->answered, n = len < room ? len : room;

    (void)one;
    memcpy(s->answer + s->answered, data, n);
    s->answered += n;
    s->answer[s->answered] = '\0';
    return len;
}

static int sending_on_wait(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return sending_look(ctx) < 0;
}

static struct curl_slist *sending_headers(const char *sha512, const char *disk_format)
{
    AUTO_FREE char *digest = kn_asprintf("X-Image-Sha512: %s", sha512);
    AUTO_FREE char *format = kn_asprintf("X-Image-Format: %s", disk_format);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");

    headers = curl_slist_append(headers, "Expect:"); /* a refusal comes early enough as it is */
    headers = curl_slist_append(headers, digest);
    return curl_slist_append(headers, format);
}

static CURLcode sending_put(struct sending *s, const char *url, struct curl_slist *headers, long *ret_status)
{
    CURL *curl = curl_easy_init();

    if (curl == NULL) {
        return CURLE_FAILED_INIT;
    }
    s->at = 0;
    s->answered = 0;
    s->answer[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->size);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, sending_on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, s);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, sending_on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, s);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, sending_on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, sending_on_wait);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_cleanup(curl);
    return code;
}

/* What the other side said, in our words; KN_UNAVAILABLE is worth another try: also when another connection still has the file. */
static int sending_judge(const struct sending *s, CURLcode code, long status, struct kn_error *err)
{
    static const struct {
        long status;
        enum kn_code code;
    } MEANS[] = { { 400, KN_BAD_REQUEST },      { 403, KN_FORBIDDEN }, { 404, KN_GONE },
                  { 409, KN_UNAVAILABLE },      { 410, KN_GONE },      { 413, KN_TOO_LARGE },
                  { 415, KN_UNSUPPORTED_MEDIA } };
    json_auto_t *said = json_loads(s->answer, 0, NULL);

    if (code == CURLE_OK && status / 100 == 2) {
        return 0;
    }
    for (size_t i = 0; i < KN_COUNT(MEANS); i++) {
        if (MEANS[i].status == status) {
            return kn_fail(err, MEANS[i].code, "the image service refuses the data: %s", kn_json_str(said, "message"));
        }
    }
    return kn_fail(err, KN_UNAVAILABLE, "cannot bring the image's data to the image service: %s",
                   code != CURLE_OK ? curl_easy_strerror(code) : "it has a trouble of its own");
}

/* False: whoever watches ended it. */
static bool sending_pause(struct sending *s)
{
    for (int i = 0; i < 5; i++) {
        if (sending_look(s) < 0) {
            return false;
        }
        nanosleep(&(struct timespec){ 0, LOOK_AGAIN_NS }, NULL);
    }
    return true;
}

int kn_image_host_upload(const char *path, const char *url, const char *sha512, const char *disk_format,
                         kn_image_host_watch *watch, void *ctx, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int64_t until_ms = kn_mono_ms() + (watch != NULL ? PATIENCE_MS : 0);
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot read \"%s\": %s", path, strerror(errno));
    }
    kn_image_curl_start();
    struct sending s = { .fd = fd, .size = st.st_size, .watch = watch, .watch_ctx = ctx };
    struct curl_slist *headers = sending_headers(sha512, disk_format);

    do {
        long status = 0;
        const CURLcode code = sending_put(&s, url, headers, &status);

        rc = sending_judge(&s, code, status, err);
    } while (rc < 0 && err->code == KN_UNAVAILABLE && kn_mono_ms() < until_ms && sending_pause(&s));
    curl_slist_free_all(headers);
    if (rc < 0 && s.ended.code != KN_OK) {
        *err = s.ended;
    }
    return rc;
}
