/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tests' own HTTP client. It is deliberately simple and strict: what it cannot parse is a failure, so that the tests see
 * what real clients would stumble over. It must never retry a request that was sent.
 */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

#define WAIT_MS 60000

static void connect_now(struct kn_test_http *c)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)c->port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = { .sin_family = AF_INET };
    if (c->from != NULL &&
        (inet_pton(AF_INET, c->from, &from.sin_addr) != 1 || bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0)) {
        fail_msg("cannot speak from %s", c->from);
    }
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        fail_msg("cannot connect to port %d", c->port);
    }
    kn_strbuf_clear(&c->unread);
}

struct kn_test_http kn_test_http_open_from(int port, const char *from)
{
    struct kn_test_http c = {
        .port = port, .from = from, .fd = -1, .head = KN_STRBUF_INIT, .body = KN_STRBUF_INIT, .unread = KN_STRBUF_INIT
    };
    connect_now(&c);
    return c;
}

struct kn_test_http kn_test_http_open(int port)
{
    return kn_test_http_open_from(port, NULL);
}

void kn_test_http_close(struct kn_test_http *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    kn_strbuf_release(&c->head);
    kn_strbuf_release(&c->body);
    kn_strbuf_release(&c->unread);
}

void kn_test_http_send(struct kn_test_http *c, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(c->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the answer, or its absence, tells */
        }
        at += sent;
        len -= (size_t)sent;
    }
}

/* More bytes into unread; false at the end. */
static bool receive(struct kn_test_http *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    char buf[16384];

    if (poll(&p, 1, WAIT_MS) <= 0) {
        fail_msg("the server says nothing for %d ms", WAIT_MS);
    }
    ssize_t got = recv(c->fd, buf, sizeof(buf), 0);
    if (got <= 0) {
        return false;
    }
    kn_strbuf_add(&c->unread, buf, (size_t)got);
    return true;
}

static void take(struct kn_test_http *c, struct kn_strbuf *into, size_t len)
{
    kn_strbuf_clear(into);
    kn_strbuf_add(into, c->unread.buf, len);
    memmove(c->unread.buf, c->unread.buf + len, c->unread.len - len + 1);
    c->unread.len -= len;
}

bool kn_test_http_read(struct kn_test_http *c, bool no_body)
{
    while (strstr(c->unread.buf, "\r\n\r\n") == NULL) {
        if (!receive(c)) {
            return false;
        }
    }
    take(c, &c->head, (size_t)(strstr(c->unread.buf, "\r\n\r\n") + 4 - c->unread.buf));
    if (sscanf(c->head.buf, "HTTP/1.1 %d ", &c->status) != 1) {
        fail_msg("no status line: %s", c->head.buf);
    }
    size_t len = no_body ? 0 : (size_t)strtoul(kn_test_http_header(c, "Content-Length"), NULL, 10);
    while (c->unread.len < len) {
        if (!receive(c)) {
            fail_msg("the connection ended after %zu of %zu bytes", c->unread.len, len);
        }
    }
    take(c, &c->body, len);
    return true;
}

const char *kn_test_http_header(const struct kn_test_http *c, const char *name)
{
    static _Thread_local char value[4096];
    AUTO_FREE char *line = kn_asprintf("\r\n%s: ", name);
    const char *at = strcasestr(c->head.buf, line);

    if (at == NULL) {
        return "";
    }
    at += strlen(line);
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

void kn_test_http_ask(struct kn_test_http *c, const char *method, const char *path, const char *headers,
                      const char *body)
{
    struct pollfd closed = { .fd = c->fd, .events = POLLIN };
    if (poll(&closed, 1, 0) > 0 || strcasecmp(kn_test_http_header(c, "Connection"), "close") == 0) {
        close(c->fd);
        connect_now(c);
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    bool accepts = headers != NULL && strncmp(headers, "Accept:", strlen("Accept:")) == 0;
    kn_strbuf_addf(&sb, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s", method, path, c->port,
                   accepts ? "" : "Accept: application/json\r\n", headers != NULL ? headers : "");
    if (body != NULL) {
        kn_strbuf_addf(&sb, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    }
    kn_strbuf_addf(&sb, "\r\n%s", body != NULL ? body : "");
    kn_test_http_send(c, sb.buf, sb.len);
    if (!kn_test_http_read(c, strcmp(method, "HEAD") == 0)) {
        fail_msg("%s %s: the connection was closed", method, path);
    }
}

json_t *kn_test_http_json(const struct kn_test_http *c)
{
    json_t *json = json_loadb(c->body.buf, c->body.len, 0, NULL);
    if (json == NULL) {
        fail_msg("no JSON: %s", c->body.buf);
    }
    return json;
}
