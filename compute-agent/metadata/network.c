/* SPDX-License-Identifier: Apache-2.0 */
/* metadata/network: OpenStack's network_data.json, for guests that do not ask DHCP. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/metadata/documents.h"
#include "lib/base/cleanup.h"
#include "lib/domain/message.h"

/* 24 -> "255.255.255.0", or of IPv6 64 -> "ffff:ffff:ffff:ffff::" */
static void netmask(bool is_v6, int64_t prefix, char out[INET6_ADDRSTRLEN])
{
    uint8_t mask[16] = { 0 };

    for (int64_t bit = 0; bit < prefix && bit < (is_v6 ? 128 : 32); bit++) {
        mask[bit / 8] = (uint8_t)(mask[bit / 8] | 0x80U >> bit % 8);
    }
    inet_ntop(is_v6 ? AF_INET6 : AF_INET, mask, out, INET6_ADDRSTRLEN);
}

static void network_add_route(json_t *routes, const char *network, const char *mask, const char *gateway)
{
    json_array_append_new(routes,
                          json_pack("{s:s, s:s, s:s}", "network", network, "netmask", mask, "gateway", gateway));
}

static json_t *routes_of(const json_t *ip)
{
    json_t *routes = json_array();
    const char *gateway = kn_json_str(ip, "gateway");
    const bool is_v6 = kn_json_int(ip, "version") == 6;
    size_t i;
    json_t *route;

    if (gateway[0] != '\0') {
        network_add_route(routes, is_v6 ? "::" : "0.0.0.0", is_v6 ? "::" : "0.0.0.0", gateway);
    }
    json_array_foreach (json_object_get(ip, "routes"), i, route) {
        char network[64];
        char mask[INET6_ADDRSTRLEN];
        int prefix = 0;
        if (sscanf(kn_json_str(route, "destination"), "%63[^/]/%d", network, &prefix) == 2) {
            netmask(is_v6, prefix, mask);
            network_add_route(routes, network, mask, kn_json_str(route, "nexthop"));
        }
    }
    return routes;
}

/* How the guest gets it, in Nova's words: "ipv4_dhcp", "ipv6_slaac"; what it has to be told of, "ipv4" and "ipv6". */
static json_t *network_type(const json_t *ip)
{
    const char *mode = kn_json_str(ip, "mode");

    if (kn_json_int(ip, "version") == 6) {
        return json_sprintf("ipv6%s%s", mode[0] != '\0' ? "_" : "", mode);
    }
    return json_string(kn_json_bool(ip, "dhcp") ? "ipv4_dhcp" : "ipv4");
}

static void network_add_address(const json_t *nic, const json_t *ip, json_t *networks)
{
    const bool is_v6 = kn_json_int(ip, "version") == 6;
    json_t *doc = json_pack("{s:o, s:o, s:s, s:s}", "id", json_sprintf("network%zu", json_array_size(networks)), "type",
                            network_type(ip), "link", kn_json_str(nic, "tap"), "network_id",
                            kn_json_str(nic, "network"));

    if (is_v6 || !kn_json_bool(ip, "dhcp")) {
        char mask[INET6_ADDRSTRLEN];

        netmask(is_v6, kn_json_int(ip, "prefix"), mask);
        json_object_set_new(doc, "ip_address", json_string(kn_json_str(ip, "address")));
        json_object_set_new(doc, "netmask", json_string(mask));
        json_object_set_new(doc, "routes", routes_of(ip));
    }
    json_array_append_new(networks, doc);
}

/* Of a subnet that the guest asks for its addresses it is told once, however many there are: it asks once. */
static bool is_told_already(const json_t *ips, size_t at)
{
    const json_t *ip = json_array_get(ips, at);
    const char *mode = kn_json_str(ip, "mode");

    if (kn_json_int(ip, "version") == 6 ? mode[0] == '\0' : !kn_json_bool(ip, "dhcp")) {
        return false;
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(kn_json_str(json_array_get(ips, i), "subnet"), kn_json_str(ip, "subnet")) == 0) {
            return true;
        }
    }
    return false;
}

static void add_dns(const json_t *ip, json_t *services)
{
    size_t i;
    json_t *address;

    json_array_foreach (json_object_get(ip, "dns"), i, address) {
        json_array_append_new(services, json_pack("{s:s, s:O}", "type", "dns", "address", address));
    }
}

static void add_nic(const json_t *nic, json_t *links, json_t *networks, json_t *services)
{
    int64_t mtu = kn_json_int(nic, "mtu");
    size_t i;
    json_t *ip;

    json_array_append_new(links, json_pack("{s:s, s:s, s:s, s:o, s:s}", "id", kn_json_str(nic, "tap"), "vif_id",
                                           kn_json_str(nic, "port"), "type", "bridge", "mtu",
                                           mtu > 0 ? json_integer(mtu) : json_null(), "ethernet_mac_address",
                                           kn_json_str(nic, "mac")));
    json_array_foreach (json_object_get(nic, "ips"), i, ip) {
        if (!is_told_already(json_object_get(nic, "ips"), i)) {
            network_add_address(nic, ip, networks);
            add_dns(ip, services);
        }
    }
}

bool kn_agent_metadata_network_data(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    json_t *links = json_array();
    json_t *networks = json_array();
    json_t *services = json_array();
    json_t *doc = json_pack("{s:o, s:o, s:o}", "links", links, "networks", networks, "services", services);
    AUTO_FREE char *text = NULL;
    size_t i;
    json_t *nic;

    json_array_foreach (json_object_get(guest->spec, "nics"), i, nic) {
        add_nic(nic, links, networks, services);
    }
    text = json_dumps(doc, 0);
    json_decref(doc);
    kn_strbuf_addstr(body, text != NULL ? text : "{}");
    return true;
}
