/* SPDX-License-Identifier: Apache-2.0 */
/* streams.c: busybox's nc with a pipe at one end and a file at the other. */
#include "tests/support/streams.h"

#include "tests/support/test.h"

#include "lib/base/clock.h"
#include "tests/support/process.h"

#define STREAM_WAIT_MS 60000

void kn_stream_serve(const struct kn_actor *actor, int number)
{
    kn_actor_ask(
        actor,
        "(busybox nc -ll -p 7777 -e cat >/dev/null 2>&1 &); (busybox nc -ll -p 22 -e echo guest%d >/dev/null 2>&1 &)",
        number);
}

void kn_stream_open(const struct kn_actor *actor, const char *dir, const char *name, const char *address)
{
    kn_actor_ask(
        actor,
        "cd %s; mkfifo %s.in; (tail -f /dev/null >%s.in 2>/dev/null &); ((busybox nc %s 7777 <%s.in >%s.out 2>/dev/null; "
        "touch %s.ended) >/dev/null 2>&1 &)",
        dir, name, name, address, name, name, name);
}

bool kn_stream_works(const struct kn_actor *actor, const char *dir, const char *name)
{
    static int word;

    kn_actor_ask(actor, "cd %s; timeout 5 sh -c 'echo word%d >%s.in'", dir, ++word, name);
    for (const int64_t deadline = kn_mono_ms() + STREAM_WAIT_MS; kn_mono_ms() < deadline; kn_test_pause(10)) {
        if (kn_actor_ask(actor, "grep -q word%d %s/%s.out", word, dir, name)[0] == '0') {
            return true;
        }
        if (kn_actor_ask(actor, "test -e %s/%s.ended", dir, name)[0] == '0') {
            return false;
        }
    }
    return false;
}
