/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external: the physical networks that a host has, as agent.physical_networks says: "public:eth1,lab:nat". A network of type flat is the bridge of such a
 * device. "nat" is no device: the host itself is the gateway of the network's subnets, and what leaves by it leaves as the host: for labs, and for single
 * hosts without a wire to spare.
 */
#ifndef KN_NETWORK_HOST_LINK_EXTERNAL_H
#define KN_NETWORK_HOST_LINK_EXTERNAL_H

#include <jansson.h>

#include "lib/base/strbuf.h"
#include "network/host/link/link.h"
#include "network/host/link/stock.h"
#include "network/host/state/state.h"

#define KN_PHYSICAL_NAT "nat"
#define KN_DEVICE_NAME_SIZE 16

/* The device of a name; false: the host has none. */
bool kn_network_physical_device(const char *list, const char *name, char ret_device[KN_DEVICE_NAME_SIZE]);

/*
 * The network's bridge is there: what leads out of it is made. A device that is not there is a failure, and so is one that has addresses: it is the host's own, and
 * a bridge would cut the host off.
 */
int kn_network_external_build(struct kn_network_links *links, const char *device,
                              const struct kn_network_state_network *network, const char *bridge, struct kn_error *err);
/* Whether what was built is there still; if not, why says what is otherwise. */
bool kn_network_external_stands(const struct kn_network_stock *stock, const char *device,
                                const struct kn_network_state_network *network, const char *bridge,
                                char why[KN_STOCK_WHY]);
/* The bridge goes: the device leaves it (a bridge that is deleted does that by itself), nothing is translated any more. */
int kn_network_external_end(const char *network_id, struct kn_error *err);
/* One transaction: how the host translates for a network of the kind nat. */
void kn_network_external_rules(const struct kn_network_state_network *network, struct kn_strbuf *out);

#endif
