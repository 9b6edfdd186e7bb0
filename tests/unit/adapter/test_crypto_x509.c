/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: one that is made can be read, another one each time; what is no certificate, or more than one, is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static void one_is_made(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf first = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf second = KN_STRBUF_INIT;
    char print[KN_X509_FINGERPRINT], other[KN_X509_FINGERPRINT];
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_int_equal(kn_x509_make("0123abc-_", &key, &first, &err), 0);
    assert_non_null(strstr(key.buf, "BEGIN PRIVATE KEY"));
    assert_null(strstr(first.buf, "PRIVATE"));
    assert_int_equal(kn_x509_fingerprint(first.buf, print, &err), 0);
    assert_int_equal(strlen(print), KN_X509_FINGERPRINT - 1);
    assert_int_equal(kn_x509_make("u", &key, &second, &err), 0);
    assert_int_equal(kn_x509_fingerprint(second.buf, other, &err), 0);
    assert_string_not_equal(print, other);
}

static void only_one_is_read(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf pem = KN_STRBUF_INIT;
    char print[KN_X509_FINGERPRINT];
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_int_equal(kn_x509_make("u", &key, &pem, &err), 0);
    assert_int_equal(kn_x509_fingerprint(key.buf, print, &err), -1);
    assert_int_equal(kn_x509_fingerprint("", print, &err), -1);
    assert_int_equal(kn_x509_fingerprint("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", print, &err),
                     -1);
    assert_string_equal(err.message, "Keypair data is invalid: failed to generate X509 fingerprint");
    AUTO_FREE char *twice = kn_asprintf("%s%s", pem.buf, pem.buf);

    assert_int_equal(kn_x509_fingerprint(twice, print, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_is_made), cmocka_unit_test(only_one_is_read) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
