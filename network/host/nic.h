/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nic: a NIC as the host sees it: everything parsed into numbers, so that no text of anybody reaches a rule, a
 * configuration file or an interface name unchecked. Pure.
 */
#ifndef KN_NETWORK_HOST_NIC_H
#define KN_NETWORK_HOST_NIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/uuid.h"
#include "network/address/ipam.h"

#define KN_HOST_NAME_SIZE 64 /* one DNS label */
#define KN_HOST_IFNAME 16
#define KN_HOST_LIST_MAX 20 /* name servers or routes of a subnet, as Neutron's default limits */

struct kn_network_host_route {
    uint32_t destination;
    int prefix;
    uint32_t nexthop;
};

struct kn_network_host_address {
    uint32_t ip;
    int prefix;
    uint32_t gateway; /* 0: none */
    bool dhcp;
    char subnet[KN_UUID_SIZE];
    uint32_t dns[KN_HOST_LIST_MAX];
    size_t dns_count;
    struct kn_network_host_route routes[KN_HOST_LIST_MAX];
    size_t route_count;
};

struct kn_network_host_nic {
    char server[KN_UUID_SIZE];
    char port[KN_UUID_SIZE];
    char network[KN_UUID_SIZE];
    char hostname[KN_HOST_NAME_SIZE]; /* "" if it is not a label */
    char tap[KN_HOST_IFNAME];
    uint8_t mac[6];
    int vni;
    int mtu;
    uint32_t dhcp_ip;  /* 0: no DHCP on this NIC's network */
    uint8_t dhcp_mac[6];
    struct kn_network_host_address *addresses;
    size_t address_count;
    json_t *json; /* as it came, for the state file */
    unsigned tap_index,
        bridge_index; /* the kernel's, when the tap was put into the bridge; a device that was made anew has another. 0: never */
};

/* Reads one NIC of a spec; KN_BAD_REQUEST says what is wrong with it. */
int kn_network_host_nic_parse(const char *server, const char *hostname, const json_t *json,
                              struct kn_network_host_nic **ret, struct kn_error *err);
void kn_network_host_nic_free(struct kn_network_host_nic *nic);
/* The address that DHCP gives: the first one on a subnet with DHCP; NULL if none. */
const struct kn_network_host_address *kn_network_host_nic_served(const struct kn_network_host_nic *nic);
bool kn_network_host_nic_equal(const struct kn_network_host_nic *a, const struct kn_network_host_nic *b);

bool kn_network_is_label(const char *text); /* letters, digits, hyphens inside; 1 to 63 */

#endif
