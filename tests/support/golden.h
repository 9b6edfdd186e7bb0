/* SPDX-License-Identifier: Apache-2.0 */
/* golden: an answer against tests/golden/<name>.json, member by member. KN_GOLDEN=write writes the file instead. */
#ifndef KN_TESTS_SUPPORT_GOLDEN_H
#define KN_TESTS_SUPPORT_GOLDEN_H

#include <jansson.h>

/* port: of the listener under test; it is written as "http://cloud" in the file. */
void kn_test_golden(const char *name, const json_t *answer, int port);

#endif
