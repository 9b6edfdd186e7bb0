/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams: TCP connections of guests (netlab.h) to somebody's echo on port 7777, each with a name, and whether they still carry. Their files lie in one
 * directory of the test's. Needs busybox.
 */
#ifndef KN_TESTS_SUPPORT_STREAMS_H
#define KN_TESTS_SUPPORT_STREAMS_H

#include "tests/support/netlab.h"

/* Answers each word with itself on 7777, and says "guest<number>" on port 22. */
void kn_stream_serve(const struct kn_actor *actor, int number);
void kn_stream_open(const struct kn_actor *actor, const char *dir, const char *name, const char *address);
/* Says a word that was never said before, until it comes back (true) or the stream has ended; false as well after a minute of neither. */
bool kn_stream_works(const struct kn_actor *actor, const char *dir, const char *name);

#endif
