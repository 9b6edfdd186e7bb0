/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside: what a namespace of ours has, a router's or that of DHCP: addresses of its devices and routes, made exactly what is wanted; the difference is
 * all that is written. To be called inside the namespace, with a socket that was opened there.
 */
#ifndef KN_NETWORK_HOST_LINK_INSIDE_H
#define KN_NETWORK_HOST_LINK_INSIDE_H

#include "lib/base/ip.h"
#include "network/host/link/link.h"

struct kn_network_inside_address {
    unsigned device; /* index */
    struct kn_ip ip;
    uint8_t length;
    struct kn_ip
        peer; /* what is reached with that address though it is in another range: `length` is of it; of no family: none */
    bool is_new; /* set by kn_network_inside_addresses(): it was not there */
};
/* All devices but lo have these addresses and no others. */
int kn_network_inside_addresses(struct kn_network_links *links, struct kn_network_inside_address *wanted, size_t count,
                                struct kn_error *err);

struct kn_network_inside_route {
    struct kn_ip_prefix to;
    struct kn_ip via;
};
/* These are the routes over others, beside those that come of addresses. One whose next hop cannot be reached is left out. */
int kn_network_inside_routes(struct kn_network_links *links, const struct kn_network_inside_route *wanted, size_t count,
                             struct kn_error *err);

/* A number of the addresses of all devices but lo, and one of the static routes, as they are; in whatever order they are listed. */
int kn_network_inside_digests(struct kn_network_links *links, uint64_t *ret_addresses, uint64_t *ret_routes,
                              struct kn_error *err);

/* Tells the neighbours of a device that the address is here: gratuitous ARP, unsolicited neighbour advertisement (is_router: of a router). Lost ones are no failure. */
void kn_network_inside_announce(unsigned device, const uint8_t mac[6], const struct kn_ip *ip, bool is_router);

/* Calls ask for each connection that is tracked here and cuts those that it does not want. */
struct kn_network_router_flow;
typedef bool kn_network_inside_wants(const void *ctx, const struct kn_network_router_flow *flow);
int kn_network_inside_cut(kn_network_inside_wants *wants, const void *ctx, struct kn_error *err);

#endif
