/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matrix: docs/policy.md as it was read and found right by people, for tests that hold the cloud against it: what a rule says to a column.
 * Every failure ends the test with its reason.
 */
#ifndef KN_TESTS_SUPPORT_MATRIX_H
#define KN_TESTS_SUPPORT_MATRIX_H

#include "lib/domain/policy.h"

/* "yes", "own", "path" or "-"; column as the page's head calls it, "granted to" and "decides" as well. */
const char *kn_test_matrix(enum kn_rule rule, const char *column);

#endif
