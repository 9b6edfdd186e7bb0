/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlab: little machines for tests of the network's host side. A machine is a network and mount namespace with a private
 * /run/netns; an actor is a process inside it that does what it is told, one line at a time; a guest is an actor in a namespace
 * of its own whose eth0 is wired to a tap of its host, as a hypervisor would. Needs root; every failure aborts the test.
 */
#ifndef KN_TESTS_SUPPORT_NETLAB_H
#define KN_TESTS_SUPPORT_NETLAB_H

#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct kn_machine {
    pid_t holder; /* keeps the namespaces alive */
};

struct kn_actor {
    pid_t pid;
    int fd;
};

/* Answers one line (without its end) in at most size - 1 characters; runs in the actor's process. */
typedef void kn_actor_work(const char *line, char *answer, size_t size);

void kn_machine_start(struct kn_machine *machine);
/* Ends the machine with all that still runs in it. */
void kn_machine_stop(struct kn_machine *machine);
/* Joins two machines by a cable called ul0, with these addresses (a.b.c.d/n). */
void kn_machine_cable(const struct kn_machine *a, const char *ip_a, const struct kn_machine *b, const char *ip_b);

/* Gives a machine a device that is wired to a bridge of another, which is made if need be; ip NULL: without an address. */
void kn_machine_plug(const struct kn_machine *machine, const char *device, const char *ip, const struct kn_machine *hub,
                     const char *bridge);

void kn_actor_start(struct kn_actor *actor, const struct kn_machine *machine, kn_actor_work *work);
/* Wires a guest to a tap that is there; it understands shell commands, like kn_shell. */
void kn_guest_start(struct kn_actor *guest, const struct kn_machine *machine, const char *tap, const char *mac);
/* The answer is valid until the next question. */
const char *kn_actor_ask(const struct kn_actor *actor, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without waiting for the answer: to be killed in the middle. */
void kn_actor_say(const struct kn_actor *actor, const char *line);
void kn_actor_kill(struct kn_actor *actor); /* SIGKILL, reaped */

/* Did the shell command succeed? */
bool kn_actor_runs(const struct kn_actor *actor, const char *command);
/*
 * Asked again until it is so, for a minute: a packet may come late, or be lost while a machine is busy. meanwhile: what is done between two tries; NULL:
 * nothing.
 */
void kn_actor_await(const struct kn_actor *actor, const char *command, bool works, void (*meanwhile)(void));

/* A kn_actor_work: runs the line with sh and answers its exit code, a space, and its output (line ends become spaces). */
void kn_shell(const char *line, char *answer, size_t size);

#define PING "busybox ping -c 1 -W 1 " /* before an address */

/* First in each test of a world that only root can make. */
#define need_root() \
    do { \
        if (geteuid() != 0) { \
            skip(); \
        } \
    } while (0)
/* The shell command succeeds. */
#define assert_runs(actor, ...) \
    do { \
        const char *said_ = kn_actor_ask(actor, __VA_ARGS__); \
        if (strncmp(said_, "0 ", 2) != 0) { \
            fail_msg("did not succeed: %s", said_); \
        } \
    } while (0)
/* The answer holds this text. */
#define assert_says(answer, text) \
    do { \
        const char *heard_ = (answer); \
        if (strstr(heard_, text) == NULL) { \
            fail_msg("wanted \"%s\" in: %s", text, heard_); \
        } \
    } while (0)

#endif
