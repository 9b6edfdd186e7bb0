/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network: one network on this host: what the state says of it, and which taps stand for its ports. Keeps pointers into the state and to plugs; who owns
 * those (host.c) tells of every change. network/host/build.h makes the kernel agree.
 */
#ifndef KN_NETWORK_HOST_NETWORK_H
#define KN_NETWORK_HOST_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/hmap.h"
#include "network/host/nic.h"
#include "network/host/state/state.h"

/* Whether its dnsmasq answers (network/host/dhcp/probe.h). */
struct kn_network_probe {
    int fd; /* -1: none */
    uint16_t id;
    bool is_asked, has_answered;
    int missed; /* questions in a row */
    int64_t heard_ms, told_ms;
};

struct kn_network_host_network {
    char id[KN_UUID_SIZE];
    char bridge[KN_HOST_IFNAME]; /* kb<8> */
    char vxlan[KN_HOST_IFNAME];  /* kx<8> */
    char veth[KN_HOST_IFNAME];   /* kd<8> */
    char netns[KN_HOST_IFNAME];  /* kn-<8> */
    char *dir;                   /* dnsmasq's files: <state>/networks/<id> */
    const struct kn_network_state_network *wanted; /* NULL: it is not of this host any more */
    struct kn_hmap *ports;       /* id -> const struct kn_network_state_port: bound here */
    struct kn_hmap *peers;       /* id -> const struct kn_network_state_peer: bound elsewhere */
    struct kn_hmap *plugs;       /* port's id -> struct kn_network_plug: those of the ports that have a tap */
    bool built;                  /* the kernel agrees, as far as we know */
    int built_mtu;               /* with that MTU; another one may take what devices know of neighbours along */
    char why[256];               /* what is wrong if it does not */
    bool has_doors[2];           /* the metadata sockets that were handed out: of IPv4, of IPv6 */
    struct kn_network_probe probe;
    bool names_changed;          /* of peers: dnsmasq hears of them at the next tick */
    struct kn_hmap *led; /* address of a pair -> the MAC and port it leads to, as guests here know it; owned */
};

struct kn_network_host_network *kn_network_host_network_new(const char *networks_dir, const char *id);
void kn_network_host_network_free(void *network);

/* Can a device of the network have an address of that family? Below IPv6's least MTU it has none of that. */
bool kn_network_host_network_speaks(const struct kn_network_host_network *network, uint8_t family);
/* Somebody who lives on the network. */
struct kn_network_resident {
    const char *id, *hostname;
    const uint8_t *mac;
    const struct kn_network_ips *ips;
    const struct kn_network_state_port *port; /* NULL: it lives elsewhere */
    const struct kn_network_state_pair *pairs;
    size_t pair_count;
    const struct kn_network_state_announced *announced;
    size_t announced_count;
    const struct kn_ip *underlay; /* of its host; NULL: here */
};
/* All of them in the order of their ids; a new array. with_peers: also those that live elsewhere. */
struct kn_network_resident *kn_network_host_network_residents(const struct kn_network_host_network *network,
                                                              bool with_peers, size_t *ret_count);
/* Is nobody else of those that live elsewhere on the peer's host? NULL: true. */
bool kn_network_host_network_is_last(const struct kn_network_host_network *network,
                                     const struct kn_network_state_peer *peer);
/* The subnet of that id; NULL if the network has none such. */
const struct kn_network_state_subnet *kn_network_host_network_subnet(const struct kn_network_host_network *network,
                                                                     const char *id);

#endif
