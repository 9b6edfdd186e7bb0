/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the names of what tests write: below TMPDIR, wherever that is. Nobody else says "/tmp". */
#include "tests/support/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORM[] = "%s/kn-%s-XXXXXX";

void kn_test_template(char out[KN_TEST_DIR], const char *name)
{
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    const char *base = getenv("TMPDIR");

    if (base == NULL || base[0] != '/' || base[strspn(base, PLAIN)] != '\0' ||
        snprintf(NULL, 0, FORM, base, name) >= KN_TEST_DIR) {
        base = "/tmp";
    }
    snprintf(out, KN_TEST_DIR, FORM, base, name);
}

void kn_test_dir(char out[KN_TEST_DIR], const char *name)
{
    kn_test_template(out, name);
    if (mkdtemp(out) == NULL) {
        fprintf(stderr, "test: %s: %s\n", out, strerror(errno));
        exit(1);
    }
}
