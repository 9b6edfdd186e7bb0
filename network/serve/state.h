/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what hosts are told of networks. The outbox of what changed (network/rows/change.h) becomes deltas, one a host that it concerns; a host that says hello, asks,
 * or stays behind for long is told everything.
 *
 * Versions are a host's own and grow by one with each telling. A message that is lost is no harm: the host's next one does not fit and it asks, or its
 * heartbeats say an older version than it was told. A crash between the commit and the sending is such a loss.
 */
#ifndef KN_NETWORK_SERVE_STATE_H
#define KN_NETWORK_SERVE_STATE_H

#include "lib/adapter/daemon.h"

struct kn_network_states;

/* Hosts of this hypervisor hear nothing of networks; "": all hear. */
const char *kn_network_state_silent(const struct kn_daemon *d);
/* Takes what waits in the outbox and tells whom it concerns. What cannot be told is set aside, with a line in the log; the others are told. */
int kn_network_state_work(struct kn_daemon *d, struct kn_network_states *states, struct kn_error *err);
/* Every second or two: what waits in the outbox, and everything for hosts that are behind (states.h). */
int kn_network_state_tick(struct kn_daemon *d, struct kn_network_states *states, struct kn_error *err);

#endif
