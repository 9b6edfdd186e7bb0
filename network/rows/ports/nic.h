/* SPDX-License-Identifier: Apache-2.0 */
/* nic: one port as a server sees it (kn_form_nic, lib/domain/form.h). Pure. */
#ifndef KN_NETWORK_ROWS_PORTS_NIC_H
#define KN_NETWORK_ROWS_PORTS_NIC_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/uuid.h"
#include "network/rows/ports/topology.h"

#define KN_TAP_SIZE 16 /* IFNAMSIZ */

/* The addresses outside that stand for the address a of the port p, as a statement has them: with spaces between them. */
#define KN_NIC_FLOATING \
    "(SELECT string_agg(host(f.ip), ' ' ORDER BY f.ip) FROM floating_ip f WHERE f.port_id = p.id AND f.fixed_ip = a.ip)"

struct kn_network_nic_address {
    const struct kn_network_subnet_view *subnet;
    struct kn_ip ip;
    const char *floating; /* what stands for it outside, with spaces between them; NULL: nothing. Borrowed */
};

struct kn_network_nic {
    char port[KN_UUID_SIZE];
    char mac[KN_MAC_SIZE];
    char *tag; /* NULL if none */
    const struct kn_network_view *network;
    struct kn_network_nic_address *addresses;
    int address_count;
};

void kn_network_nic_release(struct kn_network_nic *nic);
void kn_network_nic_add(struct kn_network_nic *nic, const struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                        const char *floating);
json_t *kn_network_nic_json(const struct kn_network_nic *nic);

void kn_network_tap_name(const char *port_id, char out[KN_TAP_SIZE]);

#endif
