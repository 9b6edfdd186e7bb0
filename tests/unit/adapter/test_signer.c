/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of messages: published vectors of the MAC, the derivation of keys, and every byte of a signed message changed once. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/signer.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/scratch.h"

#define TOPIC_H1 KN_TOPIC_AGENT "h1"
#define ROUNDS 2000

static struct {
    char dir[KN_TEST_DIR];
    char secret[96], agent_key[96];
    struct kn_conf plane, host;
} keys;

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void mac(struct kn_hmac *hmac, const char *data, char hex[65])
{
    uint8_t sum[32];

    kn_hmac_begin(hmac);
    kn_hmac_add(hmac, data, strlen(data) / 2);
    kn_hmac_add(hmac, data + strlen(data) / 2, strlen(data) - strlen(data) / 2);
    kn_hmac_end(hmac, sum);
    kn_hex(sum, sizeof(sum), hex);
}

/* RFC 4231: cases 1, 2 and 6. */
static void test_the_mac_is_hmac_sha256(void **state)
{
    static const struct {
        const char *key;
        int key_byte, key_len;
        const char *data, *sum;
    } CASES[] = {
        { NULL, 0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { "Jefe", 0, 4, "what do ya want for nothing?",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { NULL, 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    };
    (void)state;

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        uint8_t key[131];
        char hex[65];
        struct kn_hmac *hmac = NULL;

        memset(key, CASES[i].key_byte, sizeof(key));
        hmac = kn_hmac_new(CASES[i].key != NULL ? (const void *)CASES[i].key : key, (size_t)CASES[i].key_len);
        for (int twice = 0; twice < 2; twice++) { /* the key stays */
            mac(hmac, CASES[i].data, hex);
            assert_string_equal(hex, CASES[i].sum);
        }
        kn_hmac_free(hmac);
    }
}

static struct kn_signer *signer(const struct kn_conf *conf, const char *who)
{
    struct kn_signer *s = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_signer_new(conf, who, &s, &err), &err);
    assert_non_null(s);
    return s;
}

/* What `who` says to a topic. */
static void said(struct kn_signer *s, const char *topic, const char *from, struct kn_strbuf *text)
{
    kn_strbuf_clear(text);
    kn_strbuf_addf(text, "{\"type\":\"agent.introduce\",\"v\":1,\"body\":{},\"from\":\"%s\"}", from);
    kn_signer_sign(s, topic, text);
}

static int check(struct kn_signer *s, const char *topic, const char *data, size_t len)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    return kn_message_parse(data, len, &m, &err) < 0 ? -1 : kn_signer_check(s, topic, data, len, &m, &err);
}

static void test_a_signature_is_for_one_topic_and_one_speaker(void **state)
{
    AUTO(kn_signer) struct kn_signer *plane = signer(&keys.plane, "conductor/c1");
    AUTO(kn_signer) struct kn_signer *h1 = signer(&keys.host, "agent/h1");
    AUTO(kn_signer) struct kn_signer *h2 = signer(&keys.plane, "agent/h2");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    (void)state;

    said(plane, TOPIC_H1, "conductor/c1", &text); /* the agent has only its own key, and that is enough */
    assert_int_equal(check(h1, TOPIC_H1, text.buf, text.len), 0);
    assert_int_equal(check(h2, KN_TOPIC_AGENT "h2", text.buf, text.len), -1);
    assert_int_equal(check(plane, KN_TOPIC_NETWORK, text.buf, text.len), -1);
    for (size_t i = 0; i < text.len; i++) { /* not one bit of it may change */
        text.buf[i] = (char)(text.buf[i] ^ 1);
        assert_int_equal(check(h1, TOPIC_H1, text.buf, text.len), -1);
        text.buf[i] = (char)(text.buf[i] ^ 1);
    }
    assert_int_equal(check(h1, TOPIC_H1, text.buf, text.len - 1), -1);

    said(h1, KN_TOPIC_REPORT, "agent/h1", &text);
    assert_int_equal(check(plane, KN_TOPIC_REPORT, text.buf, text.len), 0);
    assert_int_equal(check(plane, KN_TOPIC_REPLY, text.buf, text.len), -1);
    said(h2, KN_TOPIC_REPORT, "agent/h1", &text);
    assert_int_equal(check(plane, KN_TOPIC_REPORT, text.buf, text.len), -1);
    said(h2, KN_TOPIC_REPORT, "conductor/c1", &text);
    assert_int_equal(check(plane, KN_TOPIC_REPORT, text.buf, text.len), -1);
}

static void test_an_agents_key_is_derived_from_the_secret(void **state)
{
    struct kn_error err = { 0 };
    struct stat st;
    char hex[66] = "", file[80] = "";
    uint8_t right[32];
    (void)state;

    kn_hmac_sha256("0123456789abcdef0123456789abcdef", 32, "agent h1", 8, right);
    kn_hex(right, sizeof(right), hex);
    FILE *f = fopen(keys.agent_key, "re");
    assert_non_null(f);
    assert_non_null(fgets(file, sizeof(file), f));
    fclose(f);
    assert_memory_equal(file, hex, 64);
    assert_int_equal(stat(keys.agent_key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_fails(kn_signer_make_agent_key(&keys.plane, "h1", keys.agent_key, &err), &err,
                 KN_CONFLICT); /* nothing is written over */
    assert_fails(kn_signer_make_secret(keys.secret, &err), &err, KN_CONFLICT);
}

static void test_a_key_file_must_be_one_of_its_own(void **state)
{
    AUTO_FREE char *path = kn_asprintf("%s/bad", keys.dir);
    struct kn_conf conf = keys.plane;
    struct kn_signer *s = NULL;
    struct kn_error err = { 0 };
    (void)state;

    conf.bus_key_file = path;
    assert_fails(kn_signer_new(&conf, "api/a", &s, &err), &err, KN_NOT_FOUND);
    write_file(path, "0123456789abcdef0123456789abcde\n", 0600); /* 31 bytes */
    assert_fails(kn_signer_new(&conf, "api/a", &s, &err), &err, KN_BAD_REQUEST);
    write_file(path, "0123456789abcdef0123456789abcdef\n", 0640);
    assert_fails(kn_signer_new(&conf, "api/a", &s, &err), &err, KN_FORBIDDEN);
    assert_null(strstr(err.message, "0123"));
    conf.bus_key_file = "";
    conf.agent_key_file = path;
    assert_int_equal(chmod(path, 0600), 0);
    assert_fails(kn_signer_new(&conf, "agent/h1", &s, &err), &err, KN_BAD_REQUEST); /* a secret is no agent's key */
    conf.agent_key_file = "";
    assert_ok(kn_signer_new(&conf, "agent/h1", &s, &err), &err);
    assert_null(s); /* nobody signs */
    unlink(path);
}

static void test_what_it_costs(void **state)
{
    AUTO(kn_signer) struct kn_signer *plane = signer(&keys.plane, "conductor/c1");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };
    int64_t signing_us = 0, checking_us = 0;
    (void)state;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t now_us = kn_mono_us();

        said(plane, TOPIC_H1, "conductor/c1", &text);
        signing_us += kn_mono_us() - now_us;
    }
    assert_ok(kn_message_parse(text.buf, text.len, &m, &err), &err);
    checking_us = kn_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        assert_ok(kn_signer_check(plane, TOPIC_H1, text.buf, text.len, &m, &err), &err);
    }
    checking_us = kn_mono_us() - checking_us;
    print_message(
        "a signature: %.2f us, a check: %.2f us (sanitised; build/plain/tests/bench/signer has the true ones)\n",
        (double)signing_us / ROUNDS, (double)checking_us / ROUNDS);
}

static int setup(void **state)
{
    struct kn_error err = { 0 };
    (void)state;

    kn_test_dir(keys.dir, "signer");
    snprintf(keys.secret, sizeof(keys.secret), "%s/bus.key", keys.dir);
    snprintf(keys.agent_key, sizeof(keys.agent_key), "%s/h1.key", keys.dir);
    write_file(keys.secret, "0123456789abcdef0123456789abcdef\n", 0600);
    kn_conf_defaults(&keys.plane);
    kn_conf_defaults(&keys.host);
    keys.plane.bus_key_file = keys.secret;
    keys.host.agent_key_file = keys.agent_key;
    assert_ok(kn_signer_make_agent_key(&keys.plane, "h1", keys.agent_key, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(keys.secret) + unlink(keys.agent_key) + rmdir(keys.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mac_is_hmac_sha256),
        cmocka_unit_test(test_a_signature_is_for_one_topic_and_one_speaker),
        cmocka_unit_test(test_an_agents_key_is_derived_from_the_secret),
        cmocka_unit_test(test_a_key_file_must_be_one_of_its_own),
        cmocka_unit_test(test_what_it_costs),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
