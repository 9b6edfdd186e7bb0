/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata/server: the tree at the doors of all networks, on the listener that the front door uses too (lib/adapter/http.h). A request says
 * nothing about who asks: the door that it came in by and its source address do. It must never answer one guest with another's spec.
 */
#include "compute-agent/metadata/server.h"

#include <stdlib.h>
#include <string.h>

#include "compute-agent/metadata/metadata.h"
#include "lib/adapter/http.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

#define PLAIN "text/plain; charset=UTF-8"
#define MINUTE_MS INT64_C(60000)
#define PACES 4096

/* One worker: guests ask seldom, and the disk is read for one after the other. */
static const struct kn_http_limits LIMITS = {
    .threads = 1,
    .max_body = KN_MAX_GUEST_PASSWORD,
    .connections = 1024,
    .per_address = 8, /* that one guest may hold: the others of its host want to boot, too */
    .life_s = 10,
    .head = 4095,
    .once = true,
};

struct kn_agent_metadata_server {
    struct kn_agent_metadata_guests guests; /* immutable */
    struct kn_http_server *http;
    struct kn_hmap *paces; /* server -> struct kn_agent_metadata_pace; its only worker's */
};

static const char *status_words(int status)
{
    static const struct {
        int status;
        const char *words;
    } WORDS[] = {
        { 404, "404 Not Found" },
        { 405, "405 Method Not Allowed" },
        { 409, "409 Conflict" },
        { 411, "411 Length Required" },
        { 413, "413 Content Too Large" },
        { 414, "414 URI Too Long" },
        { 429, "429 Too Many Requests" },
        { 431, "431 Request Header Fields Too Large" },
        { 500, "500 Internal Server Error" },
        { 503, "503 Service Unavailable" },
        { 505, "505 HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (WORDS[i].status == status) {
            return WORDS[i].words;
        }
    }
    return "400 Bad Request";
}

/* One plain line. */
static void server_refuse_with(struct kn_response *res, int status)
{
    kn_response_reset(res);
    res->status = status;
    res->content_type = PLAIN;
    kn_strbuf_addstr(&res->body, status_words(status));
    if (status == 405) {
        kn_response_header(res, "Allow", "GET, HEAD");
    }
    if (status == 429) {
        kn_response_header(res, "Retry-After", "1");
    }
}

/* --- for the listener -------------------------------------------------------------------------------------------------- */

static int server_open(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    const char *length = kn_request_header(req, "Content-Length");
    const bool is_chunked = kn_request_header(req, "Transfer-Encoding") != NULL;
    const int status = kn_agent_metadata_refusal(req->method, req->raw_path,
                                                 is_chunked       ? -1
                                                 : length != NULL ? strtoll(length, NULL, 10)
                                                                  : 0);

    (void)ctx;
    *ret_upload = NULL;
    if (status != 0) {
        server_refuse_with(res, status);
    }
    return status == 0 ? 0 : -1;
}

/* Returns the HTTP status. */
static int server_take_password(const struct kn_agent_metadata_server *s, const char *server, const char *body,
                                size_t len)
{
    struct kn_error err = { 0 };

    if (s->guests.take_password(s->guests.ctx, server, body, len, &err) == 0) {
        return 200;
    }
    if (err.code == KN_UNAVAILABLE) { /* a full disk, not the guest's doing */
        kn_log_error("keeping a guest's password", &err);
    }
    return kn_code_status(err.code);
}

/* The password is no part of the spec: what was posted may be newer. */
static int read_out(const struct kn_agent_metadata_server *s, const char *server, json_t *spec, const char *path,
                    struct kn_response *res)
{
    json_auto_t *password = s->guests.password_of(s->guests.ctx, server);

    json_object_set(spec, KN_METADATA_PASSWORD, json_object_get(password, "password"));
    return kn_agent_metadata_answer(server, spec, path, &res->body, &res->content_type);
}

bool kn_agent_metadata_may(struct kn_agent_metadata_pace *pace, int64_t per_minute, int64_t now_ms)
{
    int64_t left;

    if (per_minute <= 0) {
        return true;
    }
    left = pace->seen_ms == 0 ? MINUTE_MS : pace->left_ms + (now_ms - pace->seen_ms);
    left = left > MINUTE_MS ? MINUTE_MS : left;
    pace->seen_ms = now_ms;
    pace->left_ms = left;
    if (left * per_minute < MINUTE_MS) {
        return false;
    }
    pace->left_ms = left - (MINUTE_MS + per_minute - 1) / per_minute;
    return true;
}

/* A guest that asks without end must not keep the others of its host from booting. */
static bool server_may(struct kn_agent_metadata_server *s, const char *server)
{
    struct kn_agent_metadata_pace *pace = kn_hmap_get(s->paces, server);

    if (pace == NULL) {
        if (kn_hmap_count(s->paces) >= PACES) { /* of guests that are gone, too: all begin anew */
            kn_hmap_free(s->paces);
            s->paces = kn_hmap_new(free);
        }
        pace = KN_NEW(struct kn_agent_metadata_pace);
        kn_hmap_put(s->paces, server, pace);
    }
    return kn_agent_metadata_may(pace, s->guests.per_minute, kn_mono_ms());
}

static void server_dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    struct kn_agent_metadata_server *s = ctx;
    char server[KN_UUID_SIZE];
    json_t *spec = NULL;
    int status = 404;

    res->content_type = PLAIN;
    if (s->guests.who(s->guests.ctx, kn_request_door(req), kn_request_remote(req), server, &spec)) {
        status = !server_may(s, server)             ? 429
                 : strcmp(req->method, "POST") == 0 ? server_take_password(s, server, body, len)
                                                    : read_out(s, server, spec, req->raw_path, res);
    }
    json_decref(spec);
    if (status != 200) {
        server_refuse_with(res, status);
    }
}

static void server_refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    server_refuse_with(res, kn_code_status(err->code));
}

static void server_finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    (void)took_us;
}

/* --- its life ---------------------------------------------------------------------------------------------------------- */

void kn_agent_metadata_server_open(struct kn_agent_metadata_server *s, const char *network, int fd)
{
    kn_http_door_open(s->http, network, fd);
}

void kn_agent_metadata_server_close(struct kn_agent_metadata_server *s, const char *network)
{
    kn_http_door_close(s->http, network);
}

int kn_agent_metadata_server_new(const struct kn_agent_metadata_guests *guests,
                                 struct kn_agent_metadata_server **ret_server, struct kn_error *err)
{
    static const struct kn_http_ops OPS = {
        .open = server_open, .dispatch = server_dispatch, .refuse = server_refuse, .finish = server_finish
    };
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *s = KN_NEW(struct kn_agent_metadata_server);

    s->guests = *guests;
    s->paces = kn_hmap_new(free);
    if (kn_http_serve(NULL, &LIMITS, &OPS, s, &s->http, err) < 0) {
        return -1;
    }
    *ret_server = kn_steal(&s);
    return 0;
}

void kn_agent_metadata_server_free(struct kn_agent_metadata_server *s)
{
    if (s != NULL) {
        kn_http_stop(s->http);
        kn_hmap_free(s->paces);
        free(s);
    }
}
