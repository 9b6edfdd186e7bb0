/* SPDX-License-Identifier: Apache-2.0 */
/* A made key: a PEM and a line whose blob says what it is, another one each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"

static void a_key_is_made(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf pem = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf other = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf other_pem = KN_STRBUF_INIT;
    uint8_t blob[512];
    size_t len = 0;

    (void)state;
    assert_int_equal(kn_ssh_key_make(&pem, &line, NULL), 0);
    assert_int_equal(strncmp(pem.buf, "-----BEGIN RSA PRIVATE KEY-----\n", 32), 0);
    assert_non_null(strstr(pem.buf, "-----END RSA PRIVATE KEY-----\n"));
    assert_int_equal(strncmp(line.buf, "ssh-rsa ", 8), 0);
    assert_int_equal(kn_base64_decode(line.buf + 8, strlen(line.buf + 8), blob, sizeof(blob), &len), 0);
    assert_int_equal(len, 4 + 7 + 4 + 3 + 4 + 257); /* type, 65537, a modulus of 2048 bits with its zero byte */
    assert_memory_equal(blob, "\0\0\0\7ssh-rsa\0\0\0\3\1\0\1\0\0\1\1\0", 23);
    assert_int_equal(kn_ssh_key_make(&other_pem, &other, NULL), 0);
    assert_string_not_equal(line.buf, other.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_key_is_made) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
