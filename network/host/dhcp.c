/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dhcp.c: compiles dnsmasq's files. Knows dnsmasq's words; dnsmasq.c knows its process. Golden texts:
 * tests/unit/network/test_host_rules.c.
 */
#include "network/host/dhcp.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"

#define METADATA "169.254.169.254/32"

bool kn_network_host_dhcp_dir_ok(const char *dir)
{
    static const char OK[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    return dir[0] == '/' && dir[strspn(dir, OK)] == '\0';
}

static const char *ip_text(uint32_t ip, char out[KN_IPV4_SIZE])
{
    kn_network_ipv4_text(ip, out);
    return out;
}

/* Calls visit once for each subnet with DHCP, in the order of the NICs. */
static void each_subnet(const struct kn_network_host_nic *const *nics, size_t count,
                        void (*visit)(const struct kn_network_host_nic *nic,
                                      const struct kn_network_host_address *address, struct kn_strbuf *out),
                        struct kn_strbuf *out)
{
    AUTO_FREE const char **seen = NULL;
    size_t seen_count = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < nics[i]->address_count; j++) {
            const struct kn_network_host_address *address = &nics[i]->addresses[j];
            size_t k = 0;

            while (k < seen_count && strcmp(seen[k], address->subnet) != 0) {
                k++;
            }
            if (k == seen_count && address->dhcp && nics[i]->dhcp_ip != 0) {
                seen = kn_realloc_array(seen, seen_count + 1, sizeof(*seen));
                seen[seen_count++] = address->subnet;
                visit(nics[i], address, out);
            }
        }
    }
}

static void range_line(const struct kn_network_host_nic *nic, const struct kn_network_host_address *address,
                       struct kn_strbuf *out)
{
    uint32_t mask = address->prefix == 0 ? 0 : UINT32_MAX << (32 - address->prefix);
    char net[KN_IPV4_SIZE], netmask[KN_IPV4_SIZE];

    (void)nic;
    kn_strbuf_addf(out, "dhcp-range=set:s%.8s,%s,static,%s,86400\n", address->subnet, ip_text(address->ip & mask, net),
                   ip_text(mask, netmask));
}

void kn_network_host_dhcp_conf(const char *dir, const struct kn_network_host_nic *const *nics, size_t count,
                               struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "# Written by kilonova-agent; every change is lost.\n"
                          "port=0\n"
                          "interface=" KN_HOST_DHCP_IFACE "\n"
                          "except-interface=lo\n"
                          "bind-interfaces\n"
                          "dhcp-authoritative\n"
                          "dhcp-no-override\n"
                          "no-ping\n"
                          "quiet-dhcp\n"
                          "user=root\n"
                          "dhcp-lease-max=65536\n");
    kn_strbuf_addf(out, "pid-file=%s/pid\ndhcp-leasefile=%s/leases\n", dir, dir);
    kn_strbuf_addf(out, "dhcp-hostsfile=%s/hosts\ndhcp-optsfile=%s/options\n", dir, dir);
    each_subnet(nics, count, range_line, out);
}

void kn_network_host_dhcp_hosts(const struct kn_network_host_nic *const *nics, size_t count, struct kn_strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct kn_network_host_address *address = kn_network_host_nic_served(nics[i]);
        char mac[KN_MAC_TEXT], ip[KN_IPV4_SIZE];

        if (address == NULL) {
            continue;
        }
        kn_network_mac_text(nics[i]->mac, mac);
        kn_strbuf_addf(out, "%s,%s", mac, ip_text(address->ip, ip));
        if (nics[i]->hostname[0] != '\0') {
            kn_strbuf_addf(out, ",%s", nics[i]->hostname);
        }
        kn_strbuf_addch(out, '\n');
    }
}

/* Clients that take option 121 ignore the router option, so the default route is in both. */
static void routes_line(const struct kn_network_host_nic *nic, const struct kn_network_host_address *address,
                        const char *option, struct kn_strbuf *out)
{
    char ip[KN_IPV4_SIZE], via[KN_IPV4_SIZE];

    kn_strbuf_addf(out, "tag:s%.8s,%s," METADATA ",%s", address->subnet, option, ip_text(nic->dhcp_ip, via));
    for (size_t i = 0; i < address->route_count; i++) {
        const struct kn_network_host_route *route = &address->routes[i];

        kn_strbuf_addf(out, ",%s/%d,%s", ip_text(route->destination, ip), route->prefix, ip_text(route->nexthop, via));
    }
    if (address->gateway != 0) {
        kn_strbuf_addf(out, ",0.0.0.0/0,%s", ip_text(address->gateway, via));
    }
    kn_strbuf_addch(out, '\n');
}

static void option_lines(const struct kn_network_host_nic *nic, const struct kn_network_host_address *address,
                         struct kn_strbuf *out)
{
    char ip[KN_IPV4_SIZE];

    kn_strbuf_addf(out, "tag:s%.8s,option:mtu,%d\n", address->subnet, nic->mtu);
    routes_line(nic, address, "option:classless-static-route", out);
    routes_line(nic, address, "249", out); /* the same for old Windows */
    kn_strbuf_addf(out, "tag:s%.8s,option:router", address->subnet);
    if (address->gateway != 0) {
        kn_strbuf_addf(out, ",%s", ip_text(address->gateway, ip));
    }
    kn_strbuf_addf(out, "\ntag:s%.8s,option:dns-server", address->subnet);
    for (size_t i = 0; i < address->dns_count; i++) {
        kn_strbuf_addf(out, ",%s", ip_text(address->dns[i], ip));
    }
    kn_strbuf_addch(out, '\n');
}

void kn_network_host_dhcp_options(const struct kn_network_host_nic *const *nics, size_t count, struct kn_strbuf *out)
{
    each_subnet(nics, count, option_lines, out);
}

/* "1763722800 fa:16:3e:00:00:01 10.0.0.3 vm 01:…" */
static bool lease_is_ours(const char *line, const struct kn_network_host_nic *const *nics, size_t count)
{
    char mac_text[KN_MAC_TEXT], ip_word[KN_IPV4_SIZE];
    uint8_t mac[6];
    uint32_t ip;

    if (sscanf(line, "%*u %17s %15s", mac_text, ip_word) != 2 || !kn_network_mac_parse(mac_text, mac) ||
        !kn_network_ipv4_parse(ip_word, &ip)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct kn_network_host_address *address = kn_network_host_nic_served(nics[i]);

        if (address != NULL && address->ip == ip && memcmp(nics[i]->mac, mac, sizeof(mac)) == 0) {
            return true;
        }
    }
    return false;
}

void kn_network_host_dhcp_prune(const char *leases, const struct kn_network_host_nic *const *nics, size_t count,
                                struct kn_strbuf *out)
{
    for (const char *line = leases; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        AUTO_FREE char *copy = kn_asprintf("%.*s", (int)(len < 1024 ? len : 1024), line);

        if (lease_is_ours(copy, nics, count)) {
            kn_strbuf_add(out, line, len);
            kn_strbuf_addch(out, '\n');
        }
        line += len + (line[len] == '\n');
    }
}
