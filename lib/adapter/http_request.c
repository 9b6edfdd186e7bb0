/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns one exchange's memory and what a handler may ask about its request. Nothing here blocks, and all of it works on an event thread
 * as well as on a worker; once the client is gone, headers are.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/http_private.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define BLOCK_SIZE 2048

struct kn_http_block {
    struct kn_http_block *next;
    size_t used, size;
    max_align_t data[];
};

/* Most requests fit into the block that comes with them. */
static struct kn_http_block *block_new(size_t size, struct kn_http_block *next)
{
    struct kn_http_block *block = kn_alloc(sizeof(*block) + size);
    block->size = size;
    block->next = next;
    return block;
}

void *kn_request_alloc(struct kn_request *req, size_t size)
{
    struct kn_http_raw *raw = req->raw;
    size_t want = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);

    if (raw->blocks->size - raw->blocks->used < want) {
        raw->blocks = block_new(want > BLOCK_SIZE ? want : BLOCK_SIZE, raw->blocks);
    }
    char *at = (char *)raw->blocks->data + raw->blocks->used;
    raw->blocks->used += want;
    return at;
}

char *kn_request_strdup(struct kn_request *req, const char *s)
{
    size_t size = strlen(s) + 1;
    return memcpy(kn_request_alloc(req, size), s, size);
}

/* "http://host:port/path": what a proxy is asked and a server has to take as well (RFC 9112, 3.2.2). */
static const char *without_authority(const char *target)
{
    static const char *const SCHEMES[] = { "http://", "https://" };

    for (size_t i = 0; i < KN_COUNT(SCHEMES); i++) {
        if (strncasecmp(target, SCHEMES[i], strlen(SCHEMES[i])) == 0) {
            const char *slash = strchr(target + strlen(SCHEMES[i]), '/');
            return slash != NULL ? slash : "/";
        }
    }
    return target;
}

struct kn_http_raw *kn_http_raw_new(struct kn_http_server *server, const char *target,
                                    struct MHD_Connection *connection)
{
    struct kn_http_raw *raw = KN_NEW(struct kn_http_raw);

    raw->server = server;
    raw->lane = &server->fast;
    raw->connection = connection;
    raw->started_us = kn_mono_us();
    raw->blocks = block_new(BLOCK_SIZE, NULL);
    raw->body = (struct kn_strbuf)KN_STRBUF_INIT;
    raw->res.body = (struct kn_strbuf)KN_STRBUF_INIT;
    raw->res.headers = (struct kn_strbuf)KN_STRBUF_INIT;
    raw->res.fd = -1;
    kn_response_reset(&raw->res);
    raw->req.raw = raw;
    raw->target = kn_request_strdup(&raw->req, without_authority(target));
    return raw;
}

void kn_http_raw_free(struct kn_http_raw *raw)
{
    kn_response_reset(&raw->res);
    kn_strbuf_release(&raw->res.body);
    kn_strbuf_release(&raw->res.headers);
    kn_http_body_drop(raw);
    json_decref(raw->req.body);
    while (raw->blocks != NULL) {
        struct kn_http_block *next = raw->blocks->next;
        free(raw->blocks);
        raw->blocks = next;
    }
    free(raw);
}

/* The announced length of the body: -1 for chunked, 0 for none. That the headers agree is http_scan.h's. */
static int read_length(struct kn_http_raw *raw, struct kn_error *err)
{
    const char *length = kn_request_header(&raw->req, "Content-Length");

    if (kn_request_header(&raw->req, "Transfer-Encoding") != NULL) {
        raw->length = -1;
        return 0;
    }
    if (length == NULL) {
        return 0;
    }
    if (strspn(length, "0123456789") != strlen(length) || *length == '\0' || strlen(length) > 18) {
        return kn_fail(err, KN_BAD_REQUEST, "the length of the body is not a number");
    }
    raw->length = strtoll(length, NULL, 10);
    return 0;
}

int kn_http_raw_open(struct kn_http_raw *raw, const char *method, struct kn_error *err)
{
    struct kn_request *req = &raw->req;
    char *path = kn_request_strdup(req, raw->target);

    path[strcspn(path, "?")] = '\0';
    req->method = kn_request_strdup(req, method);
    req->raw_path = path;
    req->path = path;
    return read_length(raw, err);
}

const char *kn_request_query_at(const struct kn_request *req, const char *key, int index)
{
    for (int i = 0; i < req->raw->query_count; i++) {
        if (strcmp(req->raw->query[i].key, key) == 0 && index-- == 0) {
            return req->raw->query[i].value;
        }
    }
    return NULL;
}

const char *kn_request_query(const struct kn_request *req, const char *key)
{
    return kn_request_query_at(req, key, 0);
}

void kn_request_query_each(const struct kn_request *req, void (*visit)(void *ctx, const char *key, const char *value),
                           void *ctx)
{
    for (int i = 0; i < req->raw->query_count; i++) {
        visit(ctx, req->raw->query[i].key, req->raw->query[i].value);
    }
}

static bool http_request_is_word(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

int kn_request_query_bool(const struct kn_request *req, const char *key, bool dflt, bool *ret, struct kn_error *err)
{
    static const char *const YES[] = { "1", "t", "true", "y", "yes", "on" };
    static const char *const NO[] = { "0", "f", "false", "n", "no", "off" };
    const char *value = kn_request_query(req, key);

    if (value == NULL) {
        *ret = dflt;
        return 0;
    }
    bool yes = http_request_is_word(value, YES, KN_COUNT(YES));
    if (!yes && !http_request_is_word(value, NO, KN_COUNT(NO))) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no boolean for \"%s\"", value, key);
    }
    *ret = yes;
    return 0;
}

const char *kn_request_header(const struct kn_request *req, const char *name)
{
    if (req->raw->connection == NULL) {
        return NULL;
    }
    return MHD_lookup_connection_value(req->raw->connection, MHD_HEADER_KIND, name);
}

void kn_http_address_text(const struct sockaddr *address, char text[INET6_ADDRSTRLEN])
{
    union {
        const struct sockaddr *any;
        const struct sockaddr_in *v4;
        const struct sockaddr_in6 *v6;
    } addr = { address };

    text[0] = '\0';
    if (address != NULL && addr.any->sa_family == AF_INET) {
        inet_ntop(AF_INET, &addr.v4->sin_addr, text, INET6_ADDRSTRLEN);
    } else if (address != NULL && addr.any->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &addr.v6->sin6_addr, text, INET6_ADDRSTRLEN);
    }
}

static const char *address_text(struct kn_request *req)
{
    const union MHD_ConnectionInfo *info = req->raw->connection == NULL
                                               ? NULL
                                               : MHD_get_connection_info(req->raw->connection,
                                                                         MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN];

    kn_http_address_text(info != NULL ? info->client_addr : NULL, text);
    return kn_request_strdup(req, text);
}

const char *kn_request_door(const struct kn_request *req)
{
    return req->raw->door;
}

const char *kn_request_remote(struct kn_request *req)
{
    if (req->raw->remote == NULL) {
        req->raw->remote = address_text(req);
    }
    return req->raw->remote;
}
