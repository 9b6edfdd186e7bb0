/* SPDX-License-Identifier: Apache-2.0 */
/* process: a child that dies with the test. Every failure ends the test with its reason. */
#ifndef KN_TESTS_SUPPORT_PROCESS_H
#define KN_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* argv[0] is the program's path. log: where its output goes (appended). user: NULL, or who it becomes when we are root. */
pid_t kn_test_spawn(const char *const *argv, const char *log, const char *user);
/* Sends the signal and waits; true if it ended with exit code 0. */
bool kn_test_end(pid_t pid, int signal);
/*
 * A TCP port of 127.0.0.1 that nobody uses just now, for a server that starts later or again. It is below those that the kernel gives to
 * connections: one of these could take it meanwhile, or, asked for where nobody listens, be connected to itself.
 */
int kn_test_free_port(void);
/* Waits until somebody listens there. */
void kn_test_wait_port(int port);
/* A moment between two looks at something; the caller has the limit. */
void kn_test_pause(int ms);
/* build/plain/bin/NAME, found from the test program's own place. The caller frees. */
char *kn_test_binary(const char *name);

#endif
