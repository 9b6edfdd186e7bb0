/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl on a leash (see fetch.h): its own parser reads the URI before and while fetching, so that two readings cannot differ. The
 * URI may hold a password; it is never logged, and messages name the host at most.
 */
#include "image/data/fetch.h"

#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "image/data/address.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define URI_MAX 2048
#define CONNECT_TIMEOUT_S 15L
#define STALL_BYTES_S 1024L
#define STALL_S 60L
#define REDIRECTS 5L
#define BUFFER_BYTES (256L << 10)

struct url_fetch {
    const struct kn_image_fetch_rules *rules;
    struct kn_image_blob_writer *writer;
    kn_image_blob_progress *progress;
    void *ctx;
    CURL *curl;
    struct kn_error own;   /* why we ended it; KN_OK: the server did */
};

static void fetch_curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- what may be asked ------------------------------------------------------------------------------------------------ */

static bool port_allowed(const char *ports, const char *port)
{
    const size_t len = strlen(port);

    for (const char *p = ports; *p != '\0'; p += strcspn(p, ",")) {
        p += *p == ',';
        if (strcspn(p, ",") == len && strncmp(p, port, len) == 0) {
            return true;
        }
    }
    return *ports == '\0';
}

/* A host that is an address is judged before anything is written down; a name is judged when it is connected to. */
static bool literal_allowed(const char *host, const char *networks)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    AUTO_FREE char *bare = kn_strdup(host[0] == '[' ? host + 1 : host);

    bare[strcspn(bare, "]")] = '\0';
    if (getaddrinfo(bare, NULL, &hints, &found) != 0) {
        return true;
    }
    const bool allowed = kn_image_address_allowed(found->ai_addr, networks);
    freeaddrinfo(found);
    return allowed;
}

static bool parts_allowed(CURLU *url, const struct kn_image_fetch_rules *rules)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    const bool complete = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                          curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                          curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    const bool allowed = complete && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && host[0] != '\0' &&
                         port_allowed(rules->ports, port) && literal_allowed(host, rules->networks);

    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return allowed;
}

/* libcurl forgives more than the scheme's form allows; we do not. */
static bool fetch_is_plain(const char *uri)
{
    if (strncasecmp(uri, "http://", 7) != 0 && strncasecmp(uri, "https://", 8) != 0) {
        return false;
    }
    for (const char *p = uri; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || *p == '\x7f') {
            return false;
        }
    }
    return true;
}

int kn_image_fetch_check(const char *uri, const struct kn_image_fetch_rules *rules, struct kn_error *err)
{
    static const char REFUSAL[] = "URI for web-download does not pass filtering: %.256s";
    bool allowed = false;

    if (uri == NULL || strlen(uri) > URI_MAX || !fetch_is_plain(uri)) {
        return kn_fail(err, KN_BAD_REQUEST, REFUSAL, uri != NULL ? uri : "None");
    }
    CURLU *url = curl_url();
    if (url != NULL && curl_url_set(url, CURLUPART_URL, uri, 0) == CURLUE_OK) {
        allowed = parts_allowed(url, rules);
    }
    curl_url_cleanup(url);
    return allowed ? 0 : kn_fail(err, KN_BAD_REQUEST, REFUSAL, uri);
}

/* --- what is connected to --------------------------------------------------------------------------------------------- */

static int fetch_port_of(const struct sockaddr *address)
{
    union {
        const struct sockaddr *any;
        const struct sockaddr_in *v4;
        const struct sockaddr_in6 *v6;
    } a = { address };

    return ntohs(a.any->sa_family == AF_INET ? a.v4->sin_port : a.v6->sin6_port);
}

/* Before each connection, of the first request and of one a redirect, with the very address that it would go to. */
static curl_socket_t fetch_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct url_fetch *f = ctx;
    struct kn_arg port;

    if (purpose != CURLSOCKTYPE_IPCXN || !kn_image_address_allowed(&address->addr, f->rules->networks)) {
        kn_fail(&f->own, KN_BAD_REQUEST, "the server has an address that downloads may not reach");
        return CURL_SOCKET_BAD;
    }
    if (!port_allowed(f->rules->ports, kn_arg_int(&port, fetch_port_of(&address->addr)))) {
        kn_fail(&f->own, KN_BAD_REQUEST, "the server redirects to a port that downloads may not reach");
        return CURL_SOCKET_BAD;
    }
    kn_error_clear(&f->own); /* of an address tried before */
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- the data --------------------------------------------------------------------------------------------------------- */

static size_t fetch_on_data(char *data, size_t one, size_t len, void *ctx)
{
    struct url_fetch *f = ctx;
    curl_off_t size = -1;

    (void)one;
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (kn_image_blob_write(f->writer, data, len, &f->own) < 0 ||
        f->progress(f->ctx, kn_image_blob_size(f->writer), size, &f->own) < 0) {
        return len == 0 ? 1 : 0; /* anything but len ends it */
    }
    return len;
}

/* Also called while nothing comes: an import that nobody wants ends then, too. */
static int fetch_on_wait(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct url_fetch *f = ctx;

    (void)now;
    (void)up_total;
    (void)up_now;
    return f->progress(f->ctx, kn_image_blob_size(f->writer), total > 0 ? total : -1, &f->own) < 0;
}

static void set_options(CURL *curl, struct url_fetch *f, const char *uri)
{
    curl_easy_setopt(curl, CURLOPT_URL, uri);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    /* What began under TLS does not go on without. */
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, strncasecmp(uri, "https:", 6) == 0 ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, fetch_open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "kilonova-image");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, fetch_on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, fetch_on_wait);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, f);
}

int kn_image_fetch(const char *uri, const struct kn_image_fetch_rules *rules, struct kn_image_blob_writer *w,
                   kn_image_blob_progress *progress, void *ctx, struct kn_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct url_fetch f = { .rules = rules, .writer = w, .progress = progress, .ctx = ctx };

    if (kn_image_fetch_check(uri, rules, err) < 0) {
        return -1;
    }
    pthread_once(&once, fetch_curl_start);
    f.curl = curl_easy_init();
    if (f.curl == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot start a download");
    }
    set_options(f.curl, &f, uri);
    const CURLcode code = curl_easy_perform(f.curl);
    long status = 0;
    curl_easy_getinfo(f.curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(f.curl);
    if (code == CURLE_OK) {
        return 0;
    }
    if (f.own.code != KN_OK) {
        if (err != NULL) {
            *err = f.own;
        }
        return -1;
    }
    return code == CURLE_HTTP_RETURNED_ERROR
               ? kn_fail(err, KN_BAD_REQUEST, "the download failed: the server answered %ld", status)
               : kn_fail(err, KN_BAD_REQUEST, "the download failed: %s", curl_easy_strerror(code));
}
