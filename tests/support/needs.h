/* SPDX-License-Identifier: Apache-2.0 */
/* needs: a test says at its start which programs it calls, so that a missing one is one line and not minutes of failures that tell of something else. */
#ifndef KN_TESTS_SUPPORT_NEEDS_H
#define KN_TESTS_SUPPORT_NEEDS_H

#include <errno.h> /* program_invocation_short_name */

/*
 * The first statement of main() in a test that runs programs: ends the process with status 1 and the line 'test_x: needs "busybox", which is not
 * installed: lab/packages.sh' unless each is found in PATH or where administrators' programs lie. The names are string literals here:
 * tests/lint/programs.py holds them against what the test calls, and against lab/packages.txt.
 */
void kn_test_needs_all(const char *test, const char *const programs[]);
#define kn_test_needs(...) kn_test_needs_all(program_invocation_short_name, (const char *const[]){ __VA_ARGS__, NULL })

#endif
