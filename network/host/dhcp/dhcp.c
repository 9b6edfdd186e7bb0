/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dhcp.c: compiles dnsmasq's files. Knows dnsmasq's words; dnsmasq.c knows its process. Golden texts:
 * tests/unit/network/test_host_state.c.
 */
#include "network/host/dhcp/dhcp.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"

#define METADATA "169.254.169.254/32"
#define DOMAIN "openstacklocal" /* of networks that say none; Neutron's */

bool kn_network_host_dhcp_dir_ok(const char *dir)
{
    static const char OK[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

    return dir[0] == '/' && dir[strspn(dir, OK)] == '\0';
}

/* A subnet that is served, with the address that it is served from. */
struct served {
    const struct kn_network_state_subnet *subnet;
    struct kn_ip from;
};

static size_t served_of(const struct kn_network_host_network *network, struct served **ret)
{
    struct served *list = kn_alloc((network->wanted->subnet_count + 1) * sizeof(*list));
    size_t count = 0;

    for (size_t i = 0; i < network->wanted->subnet_count; i++) {
        list[count].subnet = &network->wanted->subnets[i];
        count += kn_network_state_dhcp_ip(network->wanted, list[count].subnet, &list[count].from);
    }
    *ret = list;
    return count;
}

static const char *domain_of(const struct kn_network_host_network *network)
{
    return network->wanted->domain[0] != '\0' ? network->wanted->domain : DOMAIN;
}

/* --- what is served ------------------------------------------------------------------------------------------------ */

static bool gives_v6(const struct kn_network_state_subnet *subnet)
{
    return subnet->cidr.ip.family == 6 && subnet->dhcp && subnet->address_mode == KN_RA_STATEFUL;
}

static void range_v4(const struct kn_network_state_subnet *subnet, struct kn_strbuf *out)
{
    const uint32_t mask = subnet->cidr.length == 0 ? 0 : UINT32_MAX << (32 - subnet->cidr.length);
    const struct kn_ip first = kn_ip_prefix_first(&subnet->cidr), netmask = kn_ip_v4(mask);
    char a[KN_IP_SIZE], b[KN_IP_SIZE];

    kn_strbuf_addf(out, "dhcp-range=set:s%.8s,%s,static,%s,86400\n", subnet->id, kn_ip_text(&first, a),
                   kn_ip_text(&netmask, b));
}

/* Is there anything of a subnet of IPv6 for dnsmasq to give? It ends where it is told of a prefix of less than 64 bits. */
static bool has_range_v6(const struct kn_network_state_subnet *subnet)
{
    return subnet->cidr.length >= 64 && (subnet->ra_mode != KN_RA_NONE || subnet->address_mode != KN_RA_NONE);
}

/* The flags of its router advertisements follow from the words: addresses by DHCP (M), other things by DHCP (O), or neither. */
static void range_v6(const struct kn_network_state_subnet *subnet, struct kn_strbuf *out)
{
    const struct kn_ip first = kn_ip_prefix_first(&subnet->cidr);
    char a[KN_IP_SIZE];
    const char *mode = gives_v6(subnet)                                                                ? "static"
                       : subnet->address_mode == KN_RA_STATELESS || subnet->ra_mode == KN_RA_STATELESS ? "ra-stateless"
                                                                                                       : "ra-only";

    kn_strbuf_addf(out, "dhcp-range=set:s%.8s,%s,%s,%d,86400\n", subnet->id, kn_ip_text(&first, a), mode,
                   subnet->cidr.length);
}

/* They say prefixes, MTU and name servers, and never "I am a router": that is a router's to say. */
static void advertisements(const struct kn_network_host_network *network, const struct served *served, size_t count,
                           struct kn_strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (served[i].subnet->cidr.ip.family == 6 && served[i].subnet->ra_mode != KN_RA_NONE) {
            kn_strbuf_addf(out, "enable-ra\nra-param=" KN_HOST_DHCP_IFACE ",mtu:%d,60,0\n", network->wanted->mtu);
            return;
        }
    }
}

void kn_network_host_dhcp_conf(const struct kn_network_host_network *network, struct kn_strbuf *out)
{
    AUTO_FREE struct served *served = NULL;
    const size_t count = served_of(network, &served);
    const char *dir = network->dir, *domain = domain_of(network);

    kn_strbuf_addstr(out, "# Written by kilonova-agent; every change is lost.\n"
                          "interface=" KN_HOST_DHCP_IFACE "\n"
                          "except-interface=lo\n"
                          "bind-interfaces\n"
                          "dhcp-authoritative\n"
                          "dhcp-no-override\n"
                          "no-ping\n"
                          "quiet-dhcp\n"
                          "quiet-dhcp6\n"
                          "quiet-ra\n"
                          "domain-needed\n"
                          "no-resolv\n"
                          "no-hosts\n"
                          "expand-hosts\n"
                          "user=root\n"
                          "dhcp-lease-max=65536\n");
    kn_strbuf_addf(out, "domain=%s\nlocal=/%s/\n", domain, domain);
    kn_strbuf_addf(out, "pid-file=%s/pid\ndhcp-leasefile=%s/leases\n", dir, dir);
    kn_strbuf_addf(out, "dhcp-hostsfile=%s/hosts\ndhcp-optsfile=%s/options\naddn-hosts=%s/names\n", dir, dir, dir);
    advertisements(network, served, count, out);
    for (size_t i = 0; i < count; i++) {
        if (served[i].subnet->cidr.ip.family == 4) {
            range_v4(served[i].subnet, out);
        } else if (has_range_v6(served[i].subnet)) {
            range_v6(served[i].subnet, out);
        }
    }
}

/* --- hosts --------------------------------------------------------------------------------------------------------- */

/* The address of that family that DHCP gives to the port: the first one on a subnet that gives some; NULL if none. */
static const struct kn_ip *given(const struct kn_network_host_network *network,
                                 const struct kn_network_state_port *port, uint8_t family)
{
    for (size_t i = 0; i < port->ips.count; i++) {
        const struct kn_network_state_subnet *subnet = kn_network_host_network_subnet(network, port->subnets[i]);
        struct kn_ip from;

        if (port->ips.items[i].family == family && subnet != NULL && subnet->dhcp &&
            (family == 4 || gives_v6(subnet)) && kn_network_state_dhcp_ip(network->wanted, subnet, &from)) {
            return &port->ips.items[i];
        }
    }
    return NULL;
}

static void host_line(const struct kn_network_host_network *network, const struct kn_network_state_port *port,
                      struct kn_strbuf *out)
{
    const struct kn_ip *v4 = given(network, port, 4), *v6 = given(network, port, 6);
    char mac[KN_MAC_TEXT], text[KN_IP_SIZE];

    if (v4 == NULL && v6 == NULL && port->option_count == 0) {
        return;
    }
    kn_network_mac_text(port->mac, mac);
    kn_strbuf_addstr(out, mac);
    if (port->option_count > 0) {
        kn_strbuf_addf(out, ",set:p%.13s", port->id);
    }
    if (v4 != NULL) {
        kn_strbuf_addf(out, ",%s", kn_ip_text(v4, text));
    }
    if (v6 != NULL) {
        kn_strbuf_addf(out, ",[%s]", kn_ip_text(v6, text));
    }
    if (port->hostname[0] != '\0') { /* what a client is told to be called: a label */
        kn_strbuf_addf(out, ",%.*s", (int)strcspn(port->hostname, "."), port->hostname);
    }
    kn_strbuf_addch(out, '\n');
}

void kn_network_host_dhcp_hosts(const struct kn_network_host_network *network, struct kn_strbuf *out)
{
    size_t count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, false, &count);

    for (size_t i = 0; i < count; i++) {
        if (!residents[i].port->is_router) {
            host_line(network, residents[i].port, out);
        }
    }
}

/* --- options ------------------------------------------------------------------------------------------------------- */

/* Clients that take option 121 ignore the router option, so the default route is in both. */
static void routes_line(const struct served *served, const char *option, struct kn_strbuf *out)
{
    const struct kn_network_state_subnet *subnet = served->subnet;
    char ip[KN_IP_PREFIX_SIZE], via[KN_IP_SIZE];

    kn_strbuf_addf(out, "tag:s%.8s,%s," METADATA ",%s", subnet->id, option, kn_ip_text(&served->from, via));
    for (size_t i = 0; i < subnet->route_count; i++) {
        const struct kn_network_state_route *route = &subnet->routes[i];

        if (route->destination.ip.family == 4 && route->nexthop.family == 4) {
            kn_strbuf_addf(out, ",%s,%s", kn_ip_prefix_text(&route->destination, ip), kn_ip_text(&route->nexthop, via));
        }
    }
    if (subnet->gateway.family == 4) {
        kn_strbuf_addf(out, ",0.0.0.0/0,%s", kn_ip_text(&subnet->gateway, via));
    }
    kn_strbuf_addch(out, '\n');
}

/* Who names no servers of his own gets ours, which knows the network's names and nothing else. */
static void dns_line(const struct served *served, const char *option, struct kn_strbuf *out)
{
    const struct kn_network_state_subnet *subnet = served->subnet;
    const uint8_t family = subnet->cidr.ip.family;
    char text[KN_IP_SIZE];
    bool said = false;

    kn_strbuf_addf(out, "tag:s%.8s,%s:dns-server", subnet->id, option);
    for (size_t i = 0; i < subnet->dns.count; i++) {
        if (subnet->dns.items[i].family == family) {
            kn_strbuf_addf(out, family == 4 ? ",%s" : ",[%s]", kn_ip_text(&subnet->dns.items[i], text));
            said = true;
        }
    }
    if (!said) {
        kn_strbuf_addf(out, family == 4 ? ",%s" : ",[%s]", kn_ip_text(&served->from, text));
    }
    kn_strbuf_addch(out, '\n');
}

static void options_v4(const struct kn_network_host_network *network, const struct served *served,
                       struct kn_strbuf *out)
{
    const struct kn_network_state_subnet *subnet = served->subnet;
    char ip[KN_IP_SIZE];

    kn_strbuf_addf(out, "tag:s%.8s,option:mtu,%d\n", subnet->id, network->wanted->mtu);
    routes_line(served, "option:classless-static-route", out);
    routes_line(served, "249", out); /* the same for old Windows */
    kn_strbuf_addf(out, "tag:s%.8s,option:router", subnet->id);
    if (subnet->gateway.family == 4) {
        kn_strbuf_addf(out, ",%s", kn_ip_text(&subnet->gateway, ip));
    }
    kn_strbuf_addch(out, '\n');
    dns_line(served, "option", out);
}

static void options_v6(const struct kn_network_host_network *network, const struct served *served,
                       struct kn_strbuf *out)
{
    dns_line(served, "option6", out);
    kn_strbuf_addf(out, "tag:s%.8s,option6:domain-search,%s\n", served->subnet->id, domain_of(network));
}

static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == '\0';
}

/* extra_dhcp_opts. One that dnsmasq does not know is passed over by it, with a line in its log. */
static void port_options(const struct kn_network_state_port *port, struct kn_strbuf *out)
{
    for (size_t i = 0; i < port->option_count; i++) {
        const struct kn_network_state_option *option = &port->options[i];
        const char *family = option->version == 6 ? "option6:" : is_number(option->name) ? "" : "option:";

        if (option->name[0] != '\0' &&
            option->name[strspn(option->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+")] ==
                '\0') {
            kn_strbuf_addf(out, "tag:p%.13s,%s%s%s%s\n", port->id, family, option->name,
                           option->value[0] != '\0' ? "," : "", option->value);
        }
    }
}

void kn_network_host_dhcp_options(const struct kn_network_host_network *network, struct kn_strbuf *out)
{
    AUTO_FREE struct served *served = NULL;
    const size_t count = served_of(network, &served);
    size_t residents_count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, false,
                                                                                        &residents_count);

    for (size_t i = 0; i < count; i++) {
        if (served[i].subnet->cidr.ip.family == 4) {
            options_v4(network, &served[i], out);
        } else {
            options_v6(network, &served[i], out);
        }
    }
    for (size_t i = 0; i < residents_count; i++) {
        port_options(residents[i].port, out);
    }
}

/* --- names --------------------------------------------------------------------------------------------------------- */

/* "host-10-0-0-5": whoever has no name has this one, and so has everybody else. */
static void address_name(const char *ip, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "host-");
    for (; *ip != '\0'; ip++) {
        kn_strbuf_addch(out, *ip == '.' || *ip == ':' ? '-' : *ip);
    }
}

/* What dnsmasq does not complete by itself, because there is a dot in it: a name below the domain, or one that has its domain. */
static void full_name(const char *name, const char *domain, struct kn_strbuf *out)
{
    const size_t length = strlen(name);

    if (length == 0 || strchr(name, '.') == NULL) {
        kn_strbuf_addf(out, "%s%s", name, length > 0 ? " " : "");
    } else if (name[length - 1] == '.') {
        kn_strbuf_addf(out, "%.*s ", (int)(length - 1), name);
    } else {
        kn_strbuf_addf(out, "%s.%s ", name, domain);
    }
}

/* Everybody on the network, wherever he lives. */
void kn_network_host_dhcp_names(const struct kn_network_host_network *network, struct kn_strbuf *out)
{
    size_t count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, true, &count);
    char ip[KN_IP_SIZE];

    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < residents[i].ips->count; n++) {
            kn_ip_text(&residents[i].ips->items[n], ip);
            kn_strbuf_addf(out, "%s ", ip);
            full_name(residents[i].hostname, domain_of(network), out);
            address_name(ip, out);
            kn_strbuf_addch(out, '\n');
        }
    }
}

/* --- leases -------------------------------------------------------------------------------------------------------- */

static bool is_somebodys(const struct kn_network_resident *residents, size_t count, const uint8_t *mac,
                         const struct kn_ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < residents[i].ips->count; n++) {
            if ((mac == NULL || memcmp(residents[i].mac, mac, 6) == 0) &&
                kn_ip_equal(&residents[i].ips->items[n], ip)) {
                return true;
            }
        }
    }
    return false;
}

/* "1763722800 fa:16:3e:00:00:01 10.0.0.3 vm 01:…", "duid 00:01:…", and behind that "1763722800 7340033 2001:db8::3 vm 00:01:…" */
static bool lease_is_ours(const char *line, const struct kn_network_resident *residents, size_t count)
{
    char who[64], ip_word[KN_IP_SIZE];
    uint8_t mac[6];
    struct kn_ip ip;

    if (strncmp(line, "duid ", 5) == 0) {
        return true;
    }
    if (sscanf(line, "%*u %63s %45s", who, ip_word) != 2 || !kn_ip_parse(ip_word, &ip)) {
        return false;
    }
    return ip.family == 6 ? is_somebodys(residents, count, NULL, &ip)
                          : kn_network_mac_parse(who, mac) && is_somebodys(residents, count, mac, &ip);
}

void kn_network_host_dhcp_prune(const char *leases, const struct kn_network_host_network *network,
                                struct kn_strbuf *out)
{
    size_t count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, false, &count);

    for (const char *line = leases; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        AUTO_FREE char *copy = kn_asprintf("%.*s", (int)(len < 1024 ? len : 1024), line);

        if (lease_is_ours(copy, residents, count)) {
            kn_strbuf_add(out, line, len);
            kn_strbuf_addch(out, '\n');
        }
        line += len + (line[len] == '\n');
    }
}
