/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of public keys: what ssh-keygen writes passes with ssh-keygen's fingerprint; nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "compute/rows/keypair.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIHk3V4v6eNRhVqWhbb8LWe5eT2m8l5zRl9yGRq6Wu5cx"

static void good_keys(void **state)
{
    static const char *const GOOD[] = {
        "ssh-ed25519 " ED25519,
        "ssh-ed25519 " ED25519 " somebody@somewhere with spaces",
        "ssh-ed25519 " ED25519 " comment\n",
        "ssh-ed25519  " ED25519 "\r\n\n",
    };
    char first[KN_FINGERPRINT_SIZE], fingerprint[KN_FINGERPRINT_SIZE];

    (void)state;
    assert_int_equal(kn_compute_ssh_public_check(GOOD[0], first, NULL), 0);
    assert_int_equal(strlen(first), 47);
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        assert_int_equal(kn_compute_ssh_public_check(GOOD[i], fingerprint, NULL), 0);
        assert_string_equal(fingerprint, first);
    }
}

static void bad_keys(void **state)
{
    static const char *const BAD[] = {
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-rsa " ED25519, /* the blob says another type */
        "ssh-ed25519 " ED25519 "\nssh-ed25519 " ED25519,
        "ssh-ed25519 " ED25519 " x\n#y",
        "ssh-ed25519 " ED25519 " \x01",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        "ssh-magic " ED25519,
        " ssh-ed25519 " ED25519,
        "no-pty ssh-ed25519 " ED25519,
    };
    char fingerprint[KN_FINGERPRINT_SIZE] = "untouched";

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_error err = { 0 };

        if (kn_compute_ssh_public_check(BAD[i], fingerprint, &err) == 0) {
            fail_msg("took: %s", BAD[i]);
        }
        assert_int_equal(err.code, KN_BAD_REQUEST);
        assert_string_equal(fingerprint, "untouched");
    }
}

static void a_made_key_is_good(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf pem = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;
    char fingerprint[KN_FINGERPRINT_SIZE];

    (void)state;
    assert_int_equal(kn_ssh_key_make(&pem, &line, NULL), 0);
    assert_int_equal(kn_compute_ssh_public_check(line.buf, fingerprint, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_keys),
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(a_made_key_is_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
