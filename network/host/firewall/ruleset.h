/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset: a host's firewall as a function of its state (network/host/state/state.h). Pure: objects in, the text of ONE nftables transaction out;
 * network/host/firewall/firewall.h applies it. Every object compiles by itself into declarations, elements and chains that are counted, so a change costs
 * what changed, and what deltas made is what a whole would have made (tests/unit/network/test_ruleset.c, tests/it/test_network_firewall.c).
 *
 * Two tables, because this kernel's bridge family knows no connections:
 *
 *   bridge kilonova   what a tap may send at all: its MAC, addresses, neighbour answers; no DHCP server, no router advertisement. It marks what
 *                     passes with the port's set of groups: in prerouting the sender's, in forward the receiver's.
 *   inet kilonova     what groups allow, by br_netfilter: bridged packets in prerouting (leaving a guest) and forward (entering one), each in
 *                     its network's zone of conntrack. A mark leads to the chain of that set of groups, that to one chain a group: what a packet
 *                     costs depends neither on how many ports there are nor on how many groups.
 *
 * The text is written as nft lists it with all numbers numeric, so that the kernel's listing can be held against it (ruleset_audit.h).
 */
#ifndef KN_NETWORK_HOST_FIREWALL_RULESET_H
#define KN_NETWORK_HOST_FIREWALL_RULESET_H

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"
#include "network/host/state/state.h"

struct kn_network_ruleset;

struct kn_network_ruleset *kn_network_ruleset_new(void);
void kn_network_ruleset_free(struct kn_network_ruleset *ruleset);
KN_DEFINE_AUTO(kn_network_ruleset);

/* The object of that kind and id is this one now (the struct of state.h, borrowed for the call); NULL: it went. */
void kn_network_ruleset_put(struct kn_network_ruleset *ruleset, enum kn_network_kind kind, const char *id,
                            const void *object);
/* Both tables in place of whatever there was. */
void kn_network_ruleset_whole(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out);
/* From what was settled last to what is put now; nothing for no change. */
void kn_network_ruleset_delta(const struct kn_network_ruleset *ruleset, struct kn_strbuf *out);
/* The kernel has what whole or delta said. */
void kn_network_ruleset_settled(struct kn_network_ruleset *ruleset);

/* Whether the address is one of that remote group's, by what is put now. */
bool kn_network_ruleset_has_member(const struct kn_network_ruleset *ruleset, const char *group, const struct kn_ip *ip);

#endif
