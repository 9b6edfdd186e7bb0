/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: the forwarding tables of networks, as the hosts that carry them need to know. A table is read whole with its version
 * inside the batch's transaction and sent after the commit; what is lost on the way comes again with the agent's next hello.
 */
#ifndef KN_NETWORK_SERVE_PEERS_H
#define KN_NETWORK_SERVE_PEERS_H

#include "lib/adapter/daemon.h"
#include "lib/adapter/db.h"

/* One binding of a port, as a table has it. */
struct kn_network_peer {
    const char *network;
    int64_t version;         /* the network's */
    const char *host, *agent;
    const char *underlay;    /* "": cannot be reached */
    const char *mac, *ips;   /* ips: a JSON list */
    bool is_active;          /* false: about to come */
};

struct kn_network_peers {
    struct kn_rows *rows;    /* hold the texts of ports */
    struct kn_network_peer *ports;   /* by network, then by host */
    int count;
};

#define KN_PEERS_INIT \
    { \
        NULL, NULL, 0 \
    }
void kn_network_peers_release(struct kn_network_peers *peers);

/* Bumps the versions of these networks and reads their tables. Nothing to do for none. */
int kn_network_peers_bump(struct kn_db *db, struct kn_array *network_ids, struct kn_network_peers *ret,
                          struct kn_error *err);
/* Reads the tables of all networks on the agent's hosts, as they are. */
int kn_network_peers_of_agent(struct kn_db *db, const char *agent, struct kn_network_peers *ret, struct kn_error *err);
/* Sends net.peers for every (network, host) of the tables; agent: only to this one, NULL = to all. */
void kn_network_peers_send(struct kn_daemon *d, const struct kn_network_peers *peers, const char *agent);

/* What kn_network_peers_send() sends, one call a message; body is the callee's. ports: by network, then by host. Pure. */
typedef void kn_network_peers_told(void *ctx, const char *agent, json_t *body);
void kn_network_peers_tell(const struct kn_network_peer *ports, int count, const char *only_agent,
                           kn_network_peers_told *tell, void *ctx);

#endif
