/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertiser: router advertisements that say who the router of an IPv6 subnet is, on every host that carries its network. A router lives on one host, and
 * nothing is flooded between hosts: so the host says it in the router's name, with its MAC and its link-local address, inside the network's namespace, where
 * solicitations are heard. Prefixes, name servers and addresses are dnsmasq's to say (dhcp.h), which never calls itself a router.
 *
 * One thread, started by the first router; it says nothing that it was not told by kn_network_advertiser_set(). An advertisement holds for half an hour, so
 * guests keep their route while the agent is away; one whose router went is taken back at once.
 */
#ifndef KN_NETWORK_HOST_DHCP_ADVERTISER_H
#define KN_NETWORK_HOST_DHCP_ADVERTISER_H

#include "network/host/network.h"

#define KN_ADVERT_SIZE 86 /* bytes of a frame */
#define KN_ADVERT_LIFETIME_S 1800

struct kn_network_advert {
    uint8_t mac[6]; /* the router's leg */
    int mtu;
    bool is_managed, has_other; /* as the network's own advertisements say */
};

/* Whoever has the gateway's address of a subnet with advertisements: a new array. Pure. */
struct kn_network_advert *kn_network_adverts_of(const struct kn_network_host_network *network, size_t *ret_count);
/* The frame. lifetime_s 0: no router any more. Pure. */
void kn_network_advert_frame(const struct kn_network_advert *advert, int lifetime_s, uint8_t out[KN_ADVERT_SIZE]);

struct kn_network_advertiser;

struct kn_network_advertiser *kn_network_advertiser_new(void);
void kn_network_advertiser_free(struct kn_network_advertiser *advertiser); /* says no farewell: the routers go on */
/* The network's routers from now on, borrowed for the call; the same again costs nothing. None: those that were are taken back. */
int kn_network_advertiser_set(struct kn_network_advertiser *advertiser, const struct kn_network_host_network *network,
                              const struct kn_network_advert *adverts, size_t count, struct kn_error *err);
/* The network left this host: nothing more is said. */
void kn_network_advertiser_drop(struct kn_network_advertiser *advertiser, const char *network);

#endif
