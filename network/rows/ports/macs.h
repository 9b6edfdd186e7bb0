/* SPDX-License-Identifier: Apache-2.0 */
/*
 * macs: which MAC address is next on a network. Drawn at random, handed out only if the network has no port with it, and once in a
 * batch: 24 random bits are few, so that a batch of 500 on a network of 10,000 ports would collide one time in four.
 * Belongs to one transaction, like the topology that owns it; the unique constraint port_mac is the net below.
 */
#ifndef KN_NETWORK_ROWS_PORTS_MACS_H
#define KN_NETWORK_ROWS_PORTS_MACS_H

#include "lib/adapter/db.h"

#define KN_MAC_SIZE 18

struct kn_network_macs;

struct kn_network_macs *kn_network_macs_new(void);
void kn_network_macs_free(struct kn_network_macs *macs);
/* Says that a port will be made there: what is wanted is looked up in one statement, at the first draw. */
void kn_network_macs_want(struct kn_network_macs *macs, const char *network_id);
/* One that no port of the network has: fa:16:3e and three random bytes, as Neutron's. Fails only when the database does. */
int kn_network_macs_draw(struct kn_network_macs *macs, struct kn_db *db, const char *network_id,
                         char ret_mac[KN_MAC_SIZE], struct kn_error *err);

#endif
