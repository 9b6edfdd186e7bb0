/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network: one network as a host wants it: who is plugged in here, who lives elsewhere; and its state file. Pure but for the
 * file. network/host/build.h makes the kernel agree.
 */
#ifndef KN_NETWORK_HOST_NETWORK_H
#define KN_NETWORK_HOST_NETWORK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "network/host/link.h"
#include "network/host/nic.h"

struct kn_network_host_network {
    char id[KN_UUID_SIZE];
    char bridge[KN_HOST_IFNAME]; /* kb<8> */
    char vxlan[KN_HOST_IFNAME];  /* kx<8> */
    char veth[KN_HOST_IFNAME];   /* kd<8> */
    char netns[KN_HOST_IFNAME];  /* kn-<8> */
    char *dir;                   /* dnsmasq's files: <state>/networks/<id> */
    char *path;                  /* the state file: <state>/networks/<id>.json */
    struct kn_network_host_nic **nics;   /* plugged in here */
    size_t nic_count;
    int64_t version;             /* of the peers; -1: none came yet */
    json_t *peers_json;          /* as it came; NULL: none */
    struct kn_network_link_peer *peers;  /* ips point into peer_ips */
    uint32_t *peer_ips;
    size_t peer_count;
    bool built;                  /* the kernel agrees, as far as we know */
    bool has_door;               /* the metadata socket was handed out */
};

struct kn_network_host_network *kn_network_host_network_new(const char *networks_dir, const char *id);
void kn_network_host_network_free(void *network);

/* Takes the NIC, in place of one with the same port. */
void kn_network_host_network_put(struct kn_network_host_network *network, struct kn_network_host_nic *nic);
/* Hands out the NIC of that index and forgets it. */
struct kn_network_host_nic *kn_network_host_network_take(struct kn_network_host_network *network, size_t index);
struct kn_network_host_nic *kn_network_host_network_find(const struct kn_network_host_network *network,
                                                         const char *port); /* NULL if absent */
bool kn_network_host_network_serves_dhcp(const struct kn_network_host_network *network);

/* The "peers" array of net.peers. KN_BAD_REQUEST and nothing changed if any of it is wrong; an older version is nothing (*ret_new false). */
int kn_network_host_network_set_peers(struct kn_network_host_network *network, int64_t version, const json_t *peers,
                                      bool *ret_new, struct kn_error *err);

/* Writes the state file; removes it when nobody is plugged in. */
int kn_network_host_network_save(const struct kn_network_host_network *network, struct kn_error *err);
/* What kn_network_host_network_save wrote. */
int kn_network_host_network_parse(const char *networks_dir, const char *text, struct kn_network_host_network **ret,
                                  struct kn_error *err);

#endif
