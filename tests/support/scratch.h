/* SPDX-License-Identifier: Apache-2.0 */
/* scratch: where tests write. Every failure aborts the test with its reason; what it made, the test removes. */
#ifndef KN_TESTS_SUPPORT_SCRATCH_H
#define KN_TESTS_SUPPORT_SCRATCH_H

#define KN_TEST_DIR 80 /* bytes of a directory's name; a socket in it still has a name that the kernel takes */

/*
 * "<TMPDIR>/kn-<name>-XXXXXX", for mkstemp(). Below /tmp if TMPDIR is not set, is too long for KN_TEST_DIR, or has characters that a shell
 * would take for its own.
 */
void kn_test_template(char out[KN_TEST_DIR], const char *name);
/* A new directory of that name. */
void kn_test_dir(char out[KN_TEST_DIR], const char *name);

#endif
