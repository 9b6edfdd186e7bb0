/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link: bridges, VXLAN devices, veths, taps, addresses and forwarding entries by netlink. Everything is an ensure or
 * accepts that the thing is gone. One struct kn_network_links is one netlink socket: of the namespace in which it was opened, one thread
 * at a time.
 */
#ifndef KN_NETWORK_HOST_LINK_LINK_H
#define KN_NETWORK_HOST_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/ip.h"
#include "network/host/link/stock.h"
#include "network/host/state/state.h"

#define KN_LINK_IPV6_MTU 1280 /* RFC 8200, 5: below it a device has no IPv6 at all */

struct kn_network_links;

int kn_network_links_open(struct kn_network_links **ret_links, struct kn_error *err);
void kn_network_links_free(struct kn_network_links *links);
KN_DEFINE_AUTO(kn_network_links);

/* 0 if there is no such interface in the calling thread's namespace. */
unsigned kn_network_link_index(const char *name);

/* Each makes the device if absent, sets its MTU and brings it up without IPv6. */
int kn_network_link_bridge(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err);
int kn_network_link_ifb(struct kn_network_links *links, const char *name, struct kn_error *err);
/* underlay: its local address, also changed on a device that is there. */
int kn_network_link_vxlan(struct kn_network_links *links, const char *name, int vni, const struct kn_ip *underlay,
                          int mtu, struct kn_error *err);
int kn_network_link_tap(struct kn_network_links *links, const char *name, int mtu,
                        struct kn_error *err); /* persistent, vnet_hdr */
/* The peer lives in the namespace of ns_fd under peer_name with this MAC. */
int kn_network_link_veth(struct kn_network_links *links, const char *name, int ns_fd, const char *peer_name,
                         const uint8_t peer_mac[6], int mtu, struct kn_error *err);
/* Up, with that MTU (0: as it is) and without IPv6 of its own. */
int kn_network_link_up(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err);
/* A bridge that is none has no IPv6 and answers no ARP, whatever addresses the host has elsewhere; nobody's router advertisements count on either. */
int kn_network_link_is_gateway(const char *name, bool is_gateway, struct kn_error *err);
/* Is that still so? */
bool kn_network_link_was_gateway(const char *name, bool is_gateway);
int kn_network_link_delete(struct kn_network_links *links, const char *name, struct kn_error *err);

/* Makes the device a port of the bridge: nothing is learned, unknown unicast is not flooded; broadcast: it gets broadcast and multicast. */
int kn_network_link_enslave(struct kn_network_links *links, const char *name, const char *bridge, bool multicast,
                            struct kn_error *err);
/* Out of whatever bridge it is in, and down: nothing passes it. One that is gone is fine. */
int kn_network_link_leave(struct kn_network_links *links, const char *name, struct kn_error *err);
/* name has this MAC, which may change while it is up. */
int kn_network_link_mac(struct kn_network_links *links, const char *name, const uint8_t mac[6], struct kn_error *err);

/* A static entry of the bridge: this MAC is behind this port; and its end. */
int kn_network_link_station(struct kn_network_links *links, const char *port, const uint8_t mac[6],
                            struct kn_error *err);

/* Of all MACs behind this port of a bridge, these and no other; costs a look at the kernel's. */
int kn_network_link_stations(struct kn_network_links *links, const char *port, const uint8_t (*macs)[6], size_t count,
                             struct kn_error *err);

/* What is behind peers beside themselves (network/host/link/behind.h). */
struct kn_network_behind;
struct kn_network_link_behind {
    const struct kn_network_behind *items;
    size_t count;
};
/* Makes the device's forwarding, bridge and neighbour entries exactly those of these peers; what is for everybody goes once to each of their hosts. */
int kn_network_link_peers(struct kn_network_links *links, const char *vxlan,
                          const struct kn_network_state_peer *const *peers, size_t count,
                          struct kn_network_link_behind behind, struct kn_error *err);
/*
 * The same as a change: the entries of one that goes (NULL: nobody) and of one that comes (NULL: nobody), which have nothing behind them. What was not there
 * is fine. is_last: on the host of the one that goes nobody else is, by now.
 */
int kn_network_link_peer(struct kn_network_links *links, const char *vxlan, const struct kn_network_state_peer *gone,
                         bool is_last, const struct kn_network_state_peer *come, struct kn_error *err);

/* A MAC that a bridge has behind a port. */
struct kn_network_link_station {
    const char *port;
    uint8_t mac[6];
};
/* Who is where, as a network's devices shall know it. */
struct kn_network_link_forwarding {
    const char *bridge, *vxlan; /* vxlan NULL: it has none */
    const struct kn_network_state_peer *const *peers;
    size_t peer_count;
    struct kn_network_link_behind behind;
    const struct kn_network_link_station *stations;
    size_t station_count;
};
/* Do they? Of the VXLAN device this and no more. Reads only; if not, why says what is otherwise. What cannot be read is not so, and err says why. */
bool kn_network_link_forwards(struct kn_network_links *links, const struct kn_network_link_forwarding *wanted,
                              char why[KN_STOCK_WHY], struct kn_error *err);

#endif
