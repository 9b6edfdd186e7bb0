/* SPDX-License-Identifier: Apache-2.0 */
/* nic: one port as a server sees it (kn_form_nic, lib/domain/form.h). Pure. */
#ifndef KN_NETWORK_ROWS_NIC_H
#define KN_NETWORK_ROWS_NIC_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/uuid.h"
#include "network/rows/topology.h"

#define KN_TAP_SIZE 16 /* IFNAMSIZ */

struct kn_nic_address {
    const struct kn_subnet_view *subnet;
    char ip[KN_IPV4_SIZE];
};

struct kn_nic {
    char port[KN_UUID_SIZE];
    char mac[KN_MAC_SIZE];
    char *tag; /* NULL if none */
    const struct kn_network_view *network;
    struct kn_nic_address *addresses;
    int address_count;
};

void kn_nic_release(struct kn_nic *nic);
void kn_nic_add(struct kn_nic *nic, const struct kn_subnet_view *subnet, const char *ip);
json_t *kn_nic_json(const struct kn_nic *nic);

void kn_tap_name(const char *port_id, char out[KN_TAP_SIZE]);

#endif
