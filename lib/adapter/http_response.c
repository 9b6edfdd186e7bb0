/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the answer: its headers, its body from memory (handed over, not copied) or from a file (sent by the kernel), and its way
 * into libmicrohttpd. It must never send a body with 204, 205 or 304.
 */
#include <string.h>
#include <unistd.h>

#include "lib/adapter/http_private.h"
#include "lib/domain/json_text.h"

void kn_response_header(struct kn_response *res, const char *name, const char *value)
{
    kn_strbuf_addstr(&res->headers, name);
    kn_strbuf_addstr(&res->headers, ": ");
    for (; *value != '\0'; value++) {
        if (*value != '\r' && *value != '\n') {
            kn_strbuf_addch(&res->headers, *value);
        }
    }
    kn_strbuf_addch(&res->headers, '\n');
}

void kn_response_json(struct kn_response *res, json_t *json)
{
    kn_strbuf_clear(&res->body);
    kn_json_print(&res->body, json);
    json_decref(json);
}

void kn_response_reset(struct kn_response *res)
{
    kn_strbuf_clear(&res->body);
    kn_strbuf_clear(&res->headers);
    if (res->fd >= 0) {
        close(res->fd);
    }
    res->status = 200;
    res->content_type = "application/json";
    res->fd = -1;
    res->fd_offset = 0;
    res->fd_length = 0;
}

static bool may_have_body(int status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

static struct MHD_Response *make_body(struct kn_response *res)
{
    static char nothing[1] = "";

    if (!may_have_body(res->status)) {
        kn_strbuf_clear(&res->body);
    } else if (res->fd >= 0) {
        struct MHD_Response *file = MHD_create_response_from_fd_at_offset64((uint64_t)res->fd_length, res->fd,
                                                                            (uint64_t)res->fd_offset);
        res->fd = file != NULL ? -1 : res->fd; /* it closes the file */
        return file;
    }
    if (res->body.len == 0) {
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    size_t len = res->body.len;
    return MHD_create_response_from_buffer(len, kn_strbuf_detach(&res->body), MHD_RESPMEM_MUST_FREE);
}

/* "Name: value" lines; each line is cut in place. */
static void http_response_add_headers(struct MHD_Response *answer, struct kn_strbuf *headers)
{
    char *rest = headers->buf;
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
        char *colon = strstr(line, ": ");
        if (colon != NULL) {
            *colon = '\0';
            MHD_add_response_header(answer, line, colon + 2);
        }
    }
}

enum MHD_Result kn_http_send(struct kn_http_raw *raw)
{
    struct kn_response *res = &raw->res;
    bool has_body = may_have_body(res->status) && (res->body.len > 0 || res->fd >= 0);
    struct MHD_Response *answer = make_body(res);

    if (answer == NULL) {
        return MHD_NO;
    }
    if (has_body) {
        MHD_add_response_header(answer, "Content-Type", res->content_type);
    }
    http_response_add_headers(answer, &res->headers);
    if (raw->ends || raw->server->once || atomic_load_explicit(&raw->server->draining, memory_order_relaxed)) {
        MHD_add_response_header(answer, "Connection", "close");
    }
    enum MHD_Result sent = MHD_queue_response(raw->connection, (unsigned)res->status, answer);
    MHD_destroy_response(answer);
    return sent;
}
