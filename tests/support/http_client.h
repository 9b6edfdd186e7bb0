/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client: a plain HTTP client for tests, byte for byte in the test's hand. Keeps its connection; reads one answer at a time, by
 * Content-Length. Every failure to talk fails the test; what the server says is the test's business.
 *
 *   struct kn_test_http c = kn_test_http_open(port);
 *   kn_test_http_ask(&c, "GET", "/v3", "X-Auth-Token: abc\r\n", NULL);
 *   assert_int_equal(c.status, 200);
 *   kn_test_http_close(&c);
 */
#ifndef KN_TESTS_SUPPORT_HTTP_CLIENT_H
#define KN_TESTS_SUPPORT_HTTP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/strbuf.h"

struct kn_test_http {
    int port;
    const char *from;        /* its address; NULL = any */
    int fd;
    int status;
    struct kn_strbuf head;   /* of the last answer, status line included */
    struct kn_strbuf body;
    struct kn_strbuf unread; /* bytes behind it */
};

struct kn_test_http kn_test_http_open(int port);
/* From another of loopback's addresses, "127.0.0.2". */
struct kn_test_http kn_test_http_open_from(int port, const char *from);
void kn_test_http_close(struct kn_test_http *c);
/* Sends a request and reads its answer; connects again if the server closed the connection. headers: whole lines, an Accept of
 * one's own first; body may be NULL. */
void kn_test_http_ask(struct kn_test_http *c, const char *method, const char *path, const char *headers,
                      const char *body);
void kn_test_http_send(struct kn_test_http *c, const void *data, size_t len);
/* Reads one answer; no_body: it answers a HEAD. False if the server closed the connection without one. */
bool kn_test_http_read(struct kn_test_http *c, bool no_body);
/* The value of a header of the last answer, any case; "" if absent. Valid until the next call. */
const char *kn_test_http_header(const struct kn_test_http *c, const char *name);
/* The last body as JSON (caller drops it); fails the test if it is none. */
json_t *kn_test_http_json(const struct kn_test_http *c);

#endif
