/* SPDX-License-Identifier: Apache-2.0 */
/* What libmicrohttpd is given of what came, whole and byte by byte, into all the room there is and into one byte of it. */
#include <string.h>

#include "lib/adapter/http_scan.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/test.h"

#define HEAD "POST /b HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* As the gate does it: the spare bytes first, then at most as many in as there is room. */
static void scan_in_pieces(struct kn_http_scan *s, const char *in, size_t len, size_t piece, struct kn_strbuf *out)
{
    char room[64];

    memset(s, 0, sizeof(*s));
    for (size_t at = 0; at < len || s->spare_len > 0;) {
        size_t n = s->spare_len < piece ? s->spare_len : piece;
        kn_strbuf_add(out, s->spare, n);
        s->spare_len -= n;
        memmove(s->spare, s->spare + n, s->spare_len);
        size_t take = piece - n < len - at ? piece - n : len - at;
        kn_strbuf_add(out, room, kn_http_scan_feed(s, in + at, take, room, piece - n));
        at += take;
    }
}

static const struct {
    const char *in; /* '@' stands for a NUL */
    const char *out;
    enum kn_code why;
} CASES[] = {
    { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", KN_OK },
    { "\r\n\r\nGET /a HTTP/1.0\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n", KN_OK },
    { "GET / HTTP/1.7\r\nHost: x\r\nCookie: a=b; c=d\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nCookie:         \r\n\r\n",
      KN_OK },
    { HEAD "content-length: 3 \r\n\r\na\nbGET /c HTTP/1.0\r\n\r\n",
      HEAD "content-length:3\r\n\r\na\nbGET /c HTTP/1.0\r\n\r\n", KN_OK },
    { HEAD "Content-Length: 0\r\n\r\nGET /c HTTP/1.0\r\n\r\n", HEAD "Content-Length:0\r\n\r\nGET /c HTTP/1.0\r\n\r\n",
      KN_OK },
    { HEAD
      "Transfer-Encoding: Chunked\r\n\r\n005;x=\"y\"\r\na@c\r\n\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET /c HTTP/1.0\r\n\r\n",
      HEAD "Transfer-Encoding:chunked\r\n\r\n5\r\na@c\r\n\r\na\r\n0123456789\r\n0\r\n\r\nGET /c HTTP/1.0\r\n\r\n",
      KN_OK },
    /* the request line */
    { "\x16\x03\x01\x02", "BAD / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "\nGET / HTTP/1.1\r\n\r\n", "BAD / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "\r\r\n", "BAD / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GE@T / HTTP/1.1\r\n\r\n", "GE / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET /a b HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1 \r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET / http/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/3\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_HTTP_VERSION },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n", KN_HTTP_VERSION },
    /* headers */
    { "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Host: y\r\n\r\n", HEAD "HostX:\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a \r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1\r\nHost: a\"\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", KN_BAD_REQUEST },
    { "GET / HTTP/1.1\r\nHost:\t[fe80::1%25e0]:8774 \r\n\r\n", "GET / HTTP/1.1\r\nHost:\t[fe80::1%25e0]:8774 \r\n\r\n",
      KN_OK },
    { HEAD " folded\r\n\r\n", HEAD "\r\n", KN_BAD_REQUEST },
    { HEAD ": y\r\n\r\n", HEAD "\r\n", KN_BAD_REQUEST },
    { HEAD "no colon\r\n\r\n", HEAD "noX:\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "A: b\nC: d\r\n\r\n", HEAD "A: b\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "A: b\rC: d\r\n\r\n", HEAD "A: b\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "A: b@c\r\n\r\n", HEAD "A: b\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "\n", HEAD "\r\n", KN_BAD_REQUEST },
    { HEAD "\rX", HEAD "\r\n", KN_BAD_REQUEST },
    { HEAD "Transfer-Encoding : chunked\r\n\r\n", HEAD "Transfer-EncodingX:\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Transfer-Encoding: chunk\r\n\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Transfer-Encoding:\vchunked\r\n\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n", KN_BAD_REQUEST },
    { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / HTTP/1.0\r\nTransfer-EncodingX:\r\n\r\n",
      KN_BAD_REQUEST },
    { HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
      HEAD "Content-Length:4\r\nTransfer-EncodingX:\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", HEAD "Content-Length:4\r\nContent-LengthX:\r\n\r\n",
      KN_BAD_REQUEST },
    { HEAD "Content-Length: -1\r\n\r\n", HEAD "Content-Length:0\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: +1\r\n\r\n", HEAD "Content-Length:0\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: 0x10\r\n\r\n", HEAD "Content-Length:0\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: 1 2\r\n\r\n", HEAD "Content-Length:1\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: 1, 1\r\n\r\n", HEAD "Content-Length:1\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length:\r\n\r\n", HEAD "Content-Length:0\r\n\r\n", KN_BAD_REQUEST },
    { HEAD "Content-Length: 99999999999999999999\r\n\r\n", HEAD "Content-Length:999999999999999999\r\n\r\n",
      KN_BAD_REQUEST },
    /* chunks */
    { CHUNKED "z\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "-1\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "5\nabcde", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "5\rX", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "5;a\nb", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "ffffffffffffffff\r\n", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "1\r\nab", HEAD "Transfer-Encoding:chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "1\r\na\n", HEAD "Transfer-Encoding:chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", KN_BAD_REQUEST },
    { CHUNKED "0\r\nA: b\nC", HEAD "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", KN_BAD_REQUEST },
    /* the second of two */
    { "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\n\n", "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n", KN_BAD_REQUEST },
};

static void nuls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        text[i] = text[i] == '@' ? '\0' : text[i];
    }
}

static void check(const char *in, const char *out, enum kn_code why)
{
    static const char BEHIND[] = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    AUTO_FREE char *text = kn_asprintf("%s%s", in, why == KN_OK ? "" : BEHIND), *want = kn_strdup(out);
    size_t len = strlen(text), want_len = strlen(want);

    nuls(text, len);
    nuls(want, want_len);
    for (size_t piece = 1; piece <= 64; piece += piece < 8 ? 1 : 28) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf got = KN_STRBUF_INIT;
        struct kn_http_scan s;

        scan_in_pieces(&s, text, len, piece, &got);
        if (got.len != want_len || memcmp(got.buf, want, want_len) != 0) {
            fail_msg("in pieces of %zu: %s\ngave %s", piece, in, got.buf);
        }
        assert_int_equal(s.why, why);
        assert_int_equal(s.bad, why == KN_OK ? 0 : s.heads);
        assert_int_equal(s.spot, why == KN_OK ? KN_HTTP_AT_START : KN_HTTP_AT_BAD);
    }
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        check(CASES[i].in, CASES[i].out, CASES[i].why);
    }
}

/* `count` times `text` between two others. */
static char *repeated(const char *before, const char *text, size_t count, const char *after)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_strbuf_addstr(&sb, before);
    for (size_t i = 0; i < count; i++) {
        kn_strbuf_addstr(&sb, text);
    }
    kn_strbuf_addstr(&sb, after);
    return kn_strbuf_detach(&sb);
}

static void check_limit(const char *before, const char *text, size_t count, const char *after, enum kn_code over)
{
    for (int more = 0; more < 2; more++) {
        AUTO_FREE char *in = repeated(before, text, count + (size_t)more, after);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
        struct kn_http_scan s;

        scan_in_pieces(&s, in, strlen(in), 64, &out);
        assert_int_equal(s.why, more == 0 ? KN_OK : over);
        assert_string_equal(out.buf + out.len - 4, "\r\n\r\n");
        assert_int_equal(s.heads, 1);
    }
}

static void test_limits(void **state)
{
    const size_t frame = strlen("GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n");

    (void)state;
    check_limit("GET /", "a", KN_HTTP_TARGET_MAX - 1, " HTTP/1.1\r\nHost: x\r\n\r\n", KN_URI_TOO_LONG);
    check_limit("GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", KN_HTTP_HEADERS_MAX - 1, "\r\n", KN_HEAD_TOO_LARGE);
    check_limit("GET / HTTP/1.1\r\nHost: x\r\nA: ", "b", KN_HTTP_HEAD_MAX - frame, "\r\n\r\n", KN_HEAD_TOO_LARGE);
    check_limit("", "M", 33, " / HTTP/1.1\r\nHost: x\r\n\r\n", KN_BAD_REQUEST);
    check_limit("", "\r\n", 8, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", KN_BAD_REQUEST);
    check_limit(CHUNKED "1;", "e", 256, "\r\na\r\n0\r\n\r\n", KN_BAD_REQUEST);
    check_limit(CHUNKED "0\r\nA: ", "t", KN_HTTP_HEAD_MAX - strlen("A: \r\n\r\n"), "\r\n\r\n", KN_HEAD_TOO_LARGE);
}

/* What the gate lets pass unread is exactly the body. */
static void test_unread(void **state)
{
    static const char BODY[] = HEAD "Content-Length: 70000\r\n\r\n";
    struct kn_http_scan s = { 0 };
    char out[128];

    (void)state;
    kn_http_scan_feed(&s, BODY, strlen(BODY), out, sizeof(out));
    assert_int_equal(kn_http_scan_unread(&s), 70000);
    kn_http_scan_pass(&s, 69999);
    assert_int_equal(kn_http_scan_unread(&s), 1);
    kn_http_scan_feed(&s, "x", 1, out, sizeof(out));
    assert_int_equal(kn_http_scan_unread(&s), 0);
    assert_int_equal(s.spot, KN_HTTP_AT_START);
}

/* Chunks of a byte with long extensions: each is well, together they would be two hundred bytes to read for one that a body's limit counts. */
static void test_framing(void **state)
{
    static const struct {
        const char *extension, *data;
        bool is_taken;
    } BODIES[] = {
        { "", "x", true },
        { ";a=b", "x", true },
        { ";a=0123456789012345678901234567890123456789", "x", false },
        { ";a=0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789", true },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BODIES); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf in = KN_STRBUF_INIT, out = KN_STRBUF_INIT;
        struct kn_http_scan s;

        kn_strbuf_addf(&in, "%s", CHUNKED);
        for (int chunk = 0; chunk < 5000; chunk++) {
            kn_strbuf_addf(&in, "%zx%s\r\n%s\r\n", strlen(BODIES[i].data), BODIES[i].extension, BODIES[i].data);
        }
        kn_strbuf_addf(&in, "0\r\n\r\nGET /c HTTP/1.0\r\n\r\n");
        scan_in_pieces(&s, in.buf, in.len, 64, &out);
        assert_int_equal(s.why, BODIES[i].is_taken ? KN_OK : KN_BAD_REQUEST);
        assert_int_equal(s.heads, BODIES[i].is_taken ? 2 : 1);
        assert_true(BODIES[i].is_taken || out.len < 8192);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_limits),
                                        cmocka_unit_test(test_unread), cmocka_unit_test(test_framing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
