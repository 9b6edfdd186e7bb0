/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall: makes the kernel's tables those of the state. Keeps a compiled ruleset; a change is one nftables transaction of what changed, and if the kernel
 * does not take it because somebody else was at the tables, one of everything. Connections that a change no longer allows are ended: tracked ones are
 * forgotten, and TCP's are kept for hours in a set of those that may not be picked up again in their middle. Works on the namespace in which it is made;
 * one thread at a time.
 */
#ifndef KN_NETWORK_HOST_FIREWALL_FIREWALL_H
#define KN_NETWORK_HOST_FIREWALL_FIREWALL_H

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "network/host/firewall/ruleset.h"
#include "network/host/firewall/ruleset_audit.h"
#include "network/host/state/state.h"

struct kn_network_firewall;

/* Fails, and says why, where the kernel does not show bridged packets to the firewall: br_netfilter, which it loads if it can. */
int kn_network_firewall_new(struct kn_network_firewall **ret_firewall, struct kn_error *err);
void kn_network_firewall_free(struct kn_network_firewall *firewall); /* the tables stay */
KN_DEFINE_AUTO(kn_network_firewall);

/* One object as it was and as it is, structs of that kind; NULL: it was not, it is not. Borrowed for the call; nothing is sent yet. */
void kn_network_firewall_change(struct kn_network_firewall *firewall, enum kn_network_kind kind, const void *before,
                                const void *after);
/*
 * Sends what changed and ends what is no longer allowed. `state` holds the objects as they are now. If it fails, nothing of it is in the kernel, and the
 * next apply or check sends it again.
 */
int kn_network_firewall_apply(struct kn_network_firewall *firewall, const struct kn_network_state *state,
                              struct kn_error *err);
/* Ends what a change left to be ended, because connections had been looked at just before (cut.h); nothing while they rest. */
int kn_network_firewall_cut(struct kn_network_firewall *firewall, const struct kn_network_state *state,
                            struct kn_error *err);
/*
 * What the kernel has against what it should have; repaired, and the log says what differed first. Costs nothing while nobody has sent a transaction since.
 * Also what a start calls after everything was said by kn_network_firewall_change: tables that are right already are left alone.
 */
int kn_network_firewall_check(struct kn_network_firewall *firewall, struct kn_error *err);

/* Equal if the kernel has what it should have; "" for the kernel's if it has no tables of ours. */
int kn_network_firewall_digests(struct kn_network_firewall *firewall, char ret_wanted[KN_RULESET_DIGEST_SIZE],
                                char ret_kernel[KN_RULESET_DIGEST_SIZE], struct kn_error *err);

/* Appends our tables as the kernel lists them, and the one that keeps routers silent (fence.h); those that it does not have are left out. */
int kn_network_firewall_listed(struct kn_network_firewall *firewall, struct kn_strbuf *out, struct kn_error *err);
const struct kn_network_ruleset *kn_network_firewall_ruleset(const struct kn_network_firewall *firewall);

#endif
