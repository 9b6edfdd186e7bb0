/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: the forwarding tables of networks, as the hosts that carry them need to know. A table is read whole with its version
 * inside the batch's transaction and sent after the commit; what is lost on the way comes again with the agent's next hello.
 */
#ifndef KN_NETWORK_SERVE_PEERS_H
#define KN_NETWORK_SERVE_PEERS_H

#include "lib/adapter/daemon.h"
#include "lib/adapter/db.h"

struct kn_peers {
    struct kn_rows *versions; /* id, version */
    struct kn_rows *ports;    /* a bound port a row, by network */
};

#define KN_PEERS_INIT { NULL, NULL }
void kn_peers_release(struct kn_peers *peers);

/* Bumps the versions of these networks and reads their tables. Nothing to do for none. */
int kn_peers_bump(struct kn_db *db, struct kn_array *network_ids, struct kn_peers *ret, struct kn_error *err);
/* Reads the tables of all networks on the agent's hosts, as they are. */
int kn_peers_of_agent(struct kn_db *db, const char *agent, struct kn_peers *ret, struct kn_error *err);
/* Sends net.peers for every (network, host) of the tables; agent: only to this one, NULL = to all. */
void kn_peers_send(struct kn_daemon *d, const struct kn_peers *peers, const char *agent);

#endif
