/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leases: where routers live. A router's host holds it for as long as its agent is heard; kilonova-network gives it to another host when that has been
 * silent for KN_LEASE_MS, and its lease grows, so that of two hosts that know it the one with the older lease knows that it has nothing to say.
 *
 * The other half is the host's (network/host/router/fence.h): who could not tell the bus anything for KN_LEASE_HELD_MS has its routers silenced by its own kernel. That is less
 * than KN_LEASE_MS, and both count from the same heartbeat: the host from when it said it, we from when we heard it.
 */
#ifndef KN_NETWORK_SERVE_LEASES_H
#define KN_NETWORK_SERVE_LEASES_H

#include "lib/adapter/daemon.h"

struct kn_network_leases {
    int64_t since_ms;      /* monotonic: from when on everybody that speaks has been heard */
    int64_t worked_ms;     /* monotonic */
    int64_t heard_ms;      /* monotonic: when anybody at all was heard */
    struct kn_hmap *heard; /* agents since the last work, as a set */
    struct kn_hmap *said;  /* what agents said of hosts, until the hosts' rows are there */
};

void kn_network_leases_init(struct kn_network_leases *leases);
void kn_network_leases_release(struct kn_network_leases *leases);
/* A report: agent.hello says which networks its hosts have, any other that it lives. */
int kn_network_leases_hear(struct kn_network_leases *leases, struct kn_daemon *d, const struct kn_message *report,
                           struct kn_error *err);
/* Every second or so: writes down who was heard, gives routers that nobody holds to somebody. Hosts are told by the outbox. */
int kn_network_leases_work(struct kn_network_leases *leases, struct kn_daemon *d, struct kn_error *err);

#endif
