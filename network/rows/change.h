/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: what hosts must hear of. A row that hosts derive something from (docs/messages.md, net.state) changes together with a row of
 * `network_change` that names it, in one transaction; kilonova-network takes those rows in order, reads what is there by then, tells each host that it
 * concerns and deletes them. So nobody needs to know which hosts there are, and nothing that was committed is forgotten, whoever dies in between.
 *
 * Name a thing BEFORE the statement that changes or deletes it: what it belonged to until then is noted with it. Naming it twice is harmless.
 *
 *   a network       its subnets, its DHCP port, its MTU, …: whatever is not a port's
 *   a port          its addresses, groups, pairs, state, options; its end. A port that is bound nowhere costs nothing
 *   a group         its rules; not who is in it: that is the ports'
 *   addresses       an address group
 *   a policy        of QoS
 *   a router        its interfaces, their address scopes, routes, floating addresses, forwardings, its place
 */
#ifndef KN_NETWORK_ROWS_CHANGE_H
#define KN_NETWORK_ROWS_CHANGE_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"

enum kn_network_changed {
    KN_CHANGED_NETWORK,
    KN_CHANGED_PORT,
    KN_CHANGED_GROUP,
    KN_CHANGED_ADDRESSES,
    KN_CHANGED_POLICY,
    KN_CHANGED_ROUTER,
    KN_CHANGED_COUNT
};

/* In the transaction of the change itself. */
int kn_network_change(struct kn_db *db, enum kn_network_changed kind, const char *id, struct kn_error *err);
int kn_network_change_many(struct kn_db *db, enum kn_network_changed kind, struct kn_array *ids, struct kn_error *err);

/* All that is on a network, and the routers that have a leg there. */
int kn_network_change_on(struct kn_db *db, const char *network_id, struct kn_error *err);

/* The routers that have a leg on a subnet of the pool, whose address scope is the leg's. */
int kn_network_change_of_pool(struct kn_db *db, const char *pool_id, struct kn_error *err);

/* The ports of a server, whose name is theirs. */
int kn_network_change_server(struct kn_db *db, const char *server_id, struct kn_error *err);

/*
 * Behind the commit: wakes kilonova-network. One that is not woken looks by itself a few seconds later. It is `tell` of
 * struct kn_rest_noun; what changed stands in the outbox, not in `changed`, which may be NULL.
 */
void kn_network_change_tell(struct kn_request *req, const json_t *changed);

#endif
