/* SPDX-License-Identifier: Apache-2.0 */
/* nic.c: turns a port and its addresses into the JSON that travels to the agent and lies in server.nics. No rows, no I/O. */
#include "network/rows/ports/nic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

void kn_network_nic_release(struct kn_network_nic *nic)
{
    free(nic->tag);
    free(nic->addresses);
    nic->tag = NULL;
    nic->addresses = NULL;
}

void kn_network_nic_add(struct kn_network_nic *nic, const struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                        const char *floating)
{
    nic->addresses = kn_realloc_array(nic->addresses, (size_t)nic->address_count + 1, sizeof(*nic->addresses));
    nic->addresses[nic->address_count++] = (struct kn_network_nic_address){ subnet, *ip, floating };
}

static json_t *nic_floating(const char *words)
{
    json_t *list = json_array();

    for (size_t len; *words != '\0'; words += len + (words[len] == ' ')) {
        len = strcspn(words, " ");
        json_array_append_new(list, json_stringn(words, len));
    }
    return list;
}

static json_t *address_json(const struct kn_network_nic_address *address)
{
    const struct kn_network_subnet_view *subnet = address->subnet;
    char text[KN_IP_SIZE];
    json_t *json = json_pack("{s:s, s:i, s:i, s:s, s:O, s:O, s:b}", "address", kn_ip_text(&address->ip, text), "prefix",
                             (int)subnet->cidr.length, "version", (int)address->ip.family, "subnet", subnet->id, "dns",
                             subnet->dns, "routes", subnet->routes, "dhcp", subnet->dhcp);

    if (subnet->gateway.family != 0) {
        json_object_set_new(json, "gateway", json_string(kn_ip_text(&subnet->gateway, text)));
    }
    if (address->floating != NULL) {
        json_object_set_new(json, "floating", nic_floating(address->floating));
    }
    return json;
}

json_t *kn_network_nic_json(const struct kn_network_nic *nic)
{
    const struct kn_network_view *network = nic->network;
    char tap[KN_TAP_SIZE], text[KN_IP_SIZE];

    kn_network_tap_name(nic->port, tap);
    json_t *ips = json_array();
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:s}", "port", nic->port, "network", network->id,
                             "network_name", network->name, "mac", nic->mac, "vni", (json_int_t)network->vni, "mtu",
                             (json_int_t)network->mtu, "ips", ips, "tap", tap);

    if (nic->tag != NULL) {
        json_object_set_new(json, "tag", json_string(nic->tag));
    }
    for (int i = 0; i < nic->address_count; i++) {
        const struct kn_network_subnet_view *subnet = nic->addresses[i].subnet;

        json_array_append_new(ips, address_json(&nic->addresses[i]));
        if (subnet->dhcp && subnet->dhcp_ip.family == 4 && json_object_get(json, "dhcp_ip") == NULL) {
            json_object_set_new(json, "dhcp_ip", json_string(kn_ip_text(&subnet->dhcp_ip, text)));
            json_object_set_new(json, "dhcp_mac", json_string(network->dhcp_mac));
        }
    }
    return json;
}

void kn_network_tap_name(const char *port_id, char out[KN_TAP_SIZE])
{
    snprintf(out, KN_TAP_SIZE, "tap%.11s", port_id);
}
