/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall_world: a host with a firewall (firewall_agent.h) and five guests on taps. Guests 1, 2 and 3 are 10.0.0.1 to 3 and fd00::1 to 3 of one network, in
 * the groups 91, 92 and 93; 4 and 5 are 10.0.0.1 and 2 of another. The groups let everything out and nothing in. Every guest serves what
 * tests/support/guest_net.py serves. Needs root: setup and teardown do nothing without, and tests begin with need_root().
 */
#ifndef KN_TESTS_SUPPORT_FIREWALL_WORLD_H
#define KN_TESTS_SUPPORT_FIREWALL_WORLD_H

#include "tests/support/test.h"

#include <unistd.h>

#include "tests/support/netlab.h"
#include "tests/support/scratch.h"

#define TAP(n) "tap0000000" #n "-11"
#define MAC(n) "fa:16:3e:00:00:0" #n
#define LOCAL(n) "fe80::f816:3eff:fe00:" #n
#define OUT "out:4:-1:-1:-1:any,out:6:-1:-1:-1:any"
#define PORT_LINE(n, net, last, more) "port " #n " net=" net " mac=" MAC(n) " ip=10.0.0." #last ",fd00::" #last " " more

struct kn_fire {
    struct kn_machine machine;
    struct kn_actor agent, shell, guests[6]; /* 0 is nobody */
    char dir[KN_TEST_DIR], tool[256];        /* tool: the command of guest_net.py */
};
extern struct kn_fire kn_fire;

enum kn_fire_probe { TCP4, TCP6, UDP4, UDP6, PING4, PING6 };

int kn_fire_setup(void **state);
int kn_fire_teardown(void **state);

/* Changes of the state, sent as one transaction; ends with NULL. */
void kn_fire_now(const char *line, ...);
/* From guest to guest of one network. Whether it passes is also what network/host/firewall/allows.h must say, and tables.h of what the kernel lists. */
void kn_fire_passes(int from, int to, enum kn_fire_probe probe, int port, bool wanted);

#endif
