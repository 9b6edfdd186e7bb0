/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall_agent: a kn_actor_work that is a host's firewall and the state it stands for. "put <line of state_world.h>", "apply", "check", "digests" ("same",
 * "none", "others: …"), "allows <port> in|out <source> <destination> <protocol> <port>" (by the state), "walks <from> <to> <source> <destination> <protocol>
 * <port>" (by what the kernel lists), "shape <tap> <kbit/s to the guest> <from it>", "random <seed> <steps>": so many random deltas, each of which
 * the kernel must take and be left with what a whole would have made of it.
 */
#ifndef KN_TESTS_SUPPORT_FIREWALL_AGENT_H
#define KN_TESTS_SUPPORT_FIREWALL_AGENT_H

#include <stddef.h>

void kn_firewall_agent(const char *line, char *answer, size_t size);

#endif
