/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 without a socket: the handshake's answer, whose pages may connect, frames whole and in pieces, and what no client may say. */
#include "tests/support/test.h"

#include "lib/adapter/websocket.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static void test_accept(void **state)
{
    char accept[KN_WEBSOCKET_ACCEPT];

    (void)state;
    assert_true(kn_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept)); /* the RFC's own example */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(kn_websocket_accept(NULL, accept));
    assert_false(kn_websocket_accept("", accept));
    assert_false(kn_websocket_accept("dGhlIHNhbXBsZSBub25jZQ=", accept));
    assert_false(kn_websocket_accept("dGhlIHNhbXBsZSBub25jZQ===", accept));
    assert_false(kn_websocket_accept("!!!!IHNhbXBsZSBub25jZQ==", accept));
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(kn_websocket_lists("Upgrade", "upgrade"));
    assert_true(kn_websocket_lists("keep-alive, Upgrade ", "upgrade"));
    assert_true(kn_websocket_lists("base64,binary", "binary"));
    assert_false(kn_websocket_lists("upgraded", "upgrade"));
    assert_false(kn_websocket_lists("", "upgrade"));
    assert_false(kn_websocket_lists(NULL, "upgrade"));
}

static void test_origins(void **state)
{
    static const struct {
        const char *origin, *ours, *others;
        bool fits;
    } CASES[] = {
        { NULL, "https://c.example", "", true },
        { "https://c.example", "https://c.example", "", true },
        { "https://C.Example:443", "https://c.example/consoles", "", true },
        { "http://c.example", "https://c.example", "", false },
        { "https://c.example:8443", "https://c.example", "", false },
        { "https://c.example.evil", "https://c.example", "", false },
        { "https://evil/https://c.example", "https://c.example", "", false },
        { "https://c.example@evil", "https://c.example", "", false },
        { "null", "https://c.example", "", false },
        { "", "https://c.example", "", false },
        { "https://", "https://c.example", "", false },
        { "https://c.example:", "https://c.example", "", false },
        { "https://c.example:x", "https://c.example", "", false },
        { "https://d.example", "https://c.example", "https://b.example, https://d.example", true },
        { "https://d.example", "https://c.example", "d.example", false },
        { "http://[::1]:6080", "http://[::1]:6080", "", true },
        { "http://[::1]:6081", "http://[::1]:6080", "", false },
        { "http://127.0.0.1:6080", "http://127.0.0.1:6080", "", true },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_websocket_origin_fits(CASES[i].origin, CASES[i].ours, CASES[i].others) != CASES[i].fits) {
            fail_msg("%s at %s, %s", CASES[i].origin, CASES[i].ours, CASES[i].others);
        }
    }
}

/* --- frames ------------------------------------------------------------------------------------------------------------ */

struct stream {
    uint8_t bytes[1024];
    size_t len;
};

static void add_frame(struct stream *s, uint8_t first, const char *text)
{
    static const uint8_t MASK[4] = { 1, 2, 3, 4 };
    const size_t len = strlen(text);

    s->bytes[s->len++] = first;
    if (len < 126) {
        s->bytes[s->len++] = (uint8_t)(0x80 | len);
    } else {
        s->bytes[s->len++] = 0x80 | 126;
        s->bytes[s->len++] = (uint8_t)(len >> 8);
        s->bytes[s->len++] = (uint8_t)len;
    }
    memcpy(s->bytes + s->len, MASK, 4);
    s->len += 4;
    for (size_t i = 0; i < len; i++) {
        s->bytes[s->len++] = (uint8_t)(text[i] ^ MASK[i % 4]);
    }
}

/* Reads it in pieces of `piece` bytes into a little room; what happened, as letters, and what was said. */
static void read_all(const struct stream *s, size_t piece, size_t room, char *said, char *happened)
{
    struct kn_websocket_in in = { .left = 0 };
    size_t at = 0;

    while (at < s->len) {
        size_t used = 0, got = 0;
        const size_t len = s->len - at < piece ? s->len - at : piece;
        const enum kn_websocket_event event = kn_websocket_read(&in, s->bytes + at, len, (uint8_t *)said, room, &used,
                                                                &got);

        said += got;
        at += used;
        if (event != KN_WEBSOCKET_NOTHING) {
            *happened++ = "-poCB"[event];
        }
        if (event == KN_WEBSOCKET_CLOSED || event == KN_WEBSOCKET_BAD) {
            break;
        }
    }
    *said = *happened = '\0';
}

static void test_pieces(void **state)
{
    AUTO_FREE char *longer = kn_asprintf("%0200d", 7);
    AUTO_FREE char *wanted = kn_asprintf("hello %sworld!", longer);
    struct stream s = { .len = 0 };

    (void)state;
    add_frame(&s, 0x02, "hello "); /* a message in three pieces, */
    add_frame(&s, 0x89, "are you?"); /* a ping between them */
    add_frame(&s, 0x00, longer);
    add_frame(&s, 0x8A, "");
    add_frame(&s, 0x80, "world");
    add_frame(&s, 0x81, "!"); /* text is bytes, too */
    add_frame(&s, 0x82, "");
    add_frame(&s, 0x88, "\x03\xe8");
    add_frame(&s, 0x82, "behind the end");
    for (size_t piece = 1; piece < s.len; piece++) {
        for (size_t room = 1; room < 300; room += 97) {
            char said[600], happened[16];

            read_all(&s, piece, room, said, happened);
            assert_string_equal(said, wanted);
            assert_string_equal(happened, "poC");
        }
    }
}

static void test_bad(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
    } BAD[] = {
        { { 0x82, 0x01, 'x' }, 3 }, /* not masked */
        { { 0xC2, 0x80, 0, 0, 0, 0 }, 6 }, /* reserved bits */
        { { 0x83, 0x80, 0, 0, 0, 0 }, 6 }, /* reserved ops */
        { { 0x8B, 0x80, 0, 0, 0, 0 }, 6 },
        { { 0x80, 0x80, 0, 0, 0, 0 }, 6 }, /* goes on with nothing */
        { { 0x09, 0x80, 0, 0, 0, 0 }, 6 }, /* a ping in pieces */
        { { 0x89, 0x80 | 126, 0, 126 }, 4 }, /* one that is too long */
        { { 0x82, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4 }, 14 }, /* longer than there can be */
        { { 0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0 }, 12 }, /* another message inside */
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct stream s = { .len = BAD[i].len };
        char said[64], happened[16];

        memcpy(s.bytes, BAD[i].bytes, BAD[i].len);
        read_all(&s, 1, 16, said, happened);
        if (strcmp(happened, "B") != 0 || said[0] != '\0') {
            fail_msg("case %zu: %s", i, happened);
        }
    }
}

static void test_heads(void **state)
{
    uint8_t out[KN_WEBSOCKET_HEAD + KN_WEBSOCKET_CONTROL];
    AUTO_FREE char *longer = kn_asprintf("%0200d", 7);

    (void)state;
    assert_int_equal(kn_websocket_head(KN_WEBSOCKET_BINARY, 125, out), 2);
    assert_int_equal(kn_websocket_head(KN_WEBSOCKET_BINARY, 126, out), 4);
    assert_int_equal(out[2] << 8 | out[3], 126);
    assert_int_equal(kn_websocket_head(KN_WEBSOCKET_BINARY, 65536, out), 10);
    assert_int_equal(out[7], 1);
    assert_int_equal(kn_websocket_close(KN_WEBSOCKET_REFUSED, "no", out), 6);
    assert_memory_equal(out, "\x88\x04\x03\xf0no", 6);
    assert_int_equal(kn_websocket_close(KN_WEBSOCKET_MUTE, "no", out), 2);
    assert_memory_equal(out, "\x88\x00", 2);
    assert_int_equal(kn_websocket_close(KN_WEBSOCKET_REFUSED, longer, out), 2 + KN_WEBSOCKET_CONTROL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept), cmocka_unit_test(test_lists), cmocka_unit_test(test_origins),
        cmocka_unit_test(test_pieces), cmocka_unit_test(test_bad),   cmocka_unit_test(test_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
