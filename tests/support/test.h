/* SPDX-License-Identifier: Apache-2.0 */
/* test: cmocka with the headers it wants first, and asserts for functions that say why they failed. */
#ifndef KN_TESTS_SUPPORT_TEST_H
#define KN_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/base/error.h"

/* assert_ok(f(…, &err), &err): shows the error's message when it was not 0. */
#define assert_ok(call, err) \
    do { \
        if ((call) != 0) { \
            fail_msg("%s: %s", #call, (err)->message); \
        } \
    } while (0)

/* The call must fail, with this code. */
#define assert_fails(call, err, expected) \
    do { \
        kn_error_clear(err); \
        if ((call) != -1) { \
            fail_msg("%s: succeeded", #call); \
        } \
        if ((err)->code != (expected)) { \
            fail_msg("%s: %s \"%s\", wanted %s", #call, kn_code_name((err)->code), (err)->message, \
                     kn_code_name(expected)); \
        } \
    } while (0)

#endif
