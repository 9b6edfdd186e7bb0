/* SPDX-License-Identifier: Apache-2.0 */
/*
 * external.c: flat networks on a host. A device learns and floods as a switch does, because who lives behind it is nobody's to say; guests' ports do not
 * (link.c). The table of a translated network is its own, so that nothing of others' rules is touched.
 */
#include "network/host/link/external.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "network/host.h"
#include "network/host/link/inside.h"
#include "network/host/link/private.h"
#include "network/host/firewall/nft.h"

#define NAMES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* --- the list ------------------------------------------------------------------------------------------------------- */

struct physical {
    char name[KN_NETWORK_NAME_SIZE], device[KN_DEVICE_NAME_SIZE];
};

/* The next entry from *at on; false at the end, or (with *at unmoved) where there is none. */
static bool physical_next(const char **at, struct physical *ret)
{
    const char *start = *at + strspn(*at, ", ");
    const size_t name = strspn(start, NAMES), device = start[name] == ':' ? strspn(start + name + 1, NAMES) : 0;
    const char *end = start + name + 1 + device;

    if (name == 0 || device == 0 || name >= sizeof(ret->name) || device >= sizeof(ret->device) ||
        (*end != '\0' && *end != ',' && *end != ' ')) {
        return false;
    }
    kn_copy(ret->name, name + 1, start);
    kn_copy(ret->device, device + 1, start + name + 1);
    *at = end;
    return true;
}

int kn_network_physical_check(const char *list, struct kn_error *err)
{
    struct physical one, other;
    const char *at = list;

    while (physical_next(&at, &one)) {
        for (const char *rest = at; physical_next(&rest, &other);) {
            if (strcmp(one.name, other.name) == 0 ||
                (strcmp(one.device, other.device) == 0 && strcmp(one.device, KN_PHYSICAL_NAT) != 0)) {
                return kn_fail(err, KN_BAD_REQUEST, "agent.physical_networks names \"%s:%s\" and \"%s:%s\"", one.name,
                               one.device, other.name, other.device);
            }
        }
    }
    at += strspn(at, ", ");
    return *at == '\0' ? 0
                       : kn_fail(err, KN_BAD_REQUEST, "agent.physical_networks: \"%.64s\" is no \"name:device,…\"", at);
}

json_t *kn_network_physical_names(const char *list)
{
    json_t *names = json_array();
    struct physical one;

    while (physical_next(&list, &one)) {
        json_array_append_new(names, json_string(one.name));
    }
    return names;
}

bool kn_network_physical_device(const char *list, const char *name, char ret_device[KN_DEVICE_NAME_SIZE])
{
    struct physical one;

    while (physical_next(&list, &one)) {
        if (strcmp(one.name, name) == 0) {
            kn_copy(ret_device, KN_DEVICE_NAME_SIZE, one.device);
            return true;
        }
    }
    return false;
}

/* --- a device --------------------------------------------------------------------------------------------------------- */

/* An address by which the host is reached; link-local ones of IPv6 every device has. */
static bool external_is_own(const char *device, char ret_ip[KN_IP_SIZE])
{
    struct ifaddrs *list = NULL;
    bool found = false;

    if (getifaddrs(&list) < 0) {
        return false;
    }
    for (const struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next) {
        const struct sockaddr_in6 *in6 = (const void *)at->ifa_addr;

        found = at->ifa_addr != NULL && strcmp(at->ifa_name, device) == 0 &&
                (at->ifa_addr->sa_family == AF_INET ||
                 (at->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)));
        if (found) {
            const struct sockaddr_in *in = (const void *)at->ifa_addr;

            inet_ntop(at->ifa_addr->sa_family,
                      at->ifa_addr->sa_family == AF_INET ? (const void *)&in->sin_addr : &in6->sin6_addr, ret_ip,
                      KN_IP_SIZE);
        }
    }
    freeifaddrs(list);
    return found;
}

static int external_plug(struct kn_network_links *links, const char *device, const char *bridge, struct kn_error *err)
{
    const struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = (int)kn_network_link_index(device) };
    char ip[KN_IP_SIZE];

    if (info.ifi_index == 0) {
        return kn_fail(err, KN_INTERNAL, "the device \"%s\" of a physical network is not there", device);
    }
    if (external_is_own(device, ip)) {
        return kn_fail(err, KN_INTERNAL,
                       "the device \"%s\" of a physical network has the host's address %s: a bridge would cut it off",
                       device, ip);
    }
    if (kn_network_link_up(links, device, 0, err) < 0 ||
        kn_network_link_enslave(links, device, bridge, true, err) < 0) {
        return -1;
    }
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, 0);

    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    struct nlattr *port = nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED);

    nla_put_u8(msg, IFLA_BRPORT_LEARNING, 1);
    nla_put_u8(msg, IFLA_BRPORT_UNICAST_FLOOD, 1);
    nla_put_u8(msg, IFLA_BRPORT_MCAST_FLOOD, 1);
    nla_put_u8(msg, IFLA_BRPORT_GUARD, 0);
    nla_nest_end(msg, port);
    return kn_network_links_send(links, msg, 0, "cannot set bridge port", device, err);
}

/* --- the host as a gateway -------------------------------------------------------------------------------------------- */

void kn_network_external_rules(const struct kn_network_state_network *network, struct kn_strbuf *out)
{
    char cidr[KN_IP_PREFIX_SIZE];

    kn_strbuf_addf(out, "add table ip kilonova_%.8s\ndelete table ip kilonova_%.8s\ntable ip kilonova_%.8s {\n",
                   network->id, network->id, network->id);
    kn_strbuf_addstr(out, "  chain postrouting {\n    type nat hook postrouting priority 100; policy accept;\n");
    for (size_t i = 0; i < network->subnet_count; i++) {
        if (network->subnets[i].cidr.ip.family == 4) {
            kn_ip_prefix_text(&network->subnets[i].cidr, cidr);
            kn_strbuf_addf(out, "    ip saddr %s ip daddr != %s oifname != \"kb*\" masquerade\n", cidr, cidr);
        }
    }
    kn_strbuf_addstr(out, "  }\n}\n");
}

/* An address of the bridge itself, of either family. */
static int external_address(struct kn_network_links *links, const char *bridge,
                            const struct kn_network_state_subnet *subnet, bool there, struct kn_error *err)
{
    const bool is_v4 = subnet->gateway.family == 4;
    struct nl_msg *msg = nlmsg_alloc_simple(there ? RTM_NEWADDR : RTM_DELADDR, there ? NLM_F_CREATE | NLM_F_EXCL : 0);
    struct ifaddrmsg info = { .ifa_family = is_v4 ? AF_INET : AF_INET6,
                              .ifa_prefixlen = subnet->cidr.length,
                              .ifa_index = kn_network_link_index(bridge) };

    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    nla_put(msg, IFA_LOCAL, is_v4 ? 4 : 16, subnet->gateway.bytes);
    nla_put(msg, IFA_ADDRESS, is_v4 ? 4 : 16, subnet->gateway.bytes);
    return kn_network_links_send(links, msg, there ? NLE_EXIST : NLE_NOADDR, "cannot change an address of interface",
                                 bridge, err);
}

static int external_forward(struct kn_error *err)
{
    AUTO_CLOSE int fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, "1", 1) == 1 ? 0 : kn_fail(err, KN_INTERNAL, "cannot let this host forward packets");
}

static int external_apply(const char *text, struct kn_error *err)
{
    struct kn_network_nft *nft = NULL;
    int rc = kn_network_nft_new(&nft, err);

    if (rc == 0) {
        rc = kn_network_nft_apply(nft, text, err);
    }
    kn_network_nft_free(nft);
    return rc;
}

static int external_translate(struct kn_network_links *links, const struct kn_network_state_network *network,
                              const char *bridge, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    for (size_t i = 0; i < network->subnet_count; i++) {
        if (network->subnets[i].gateway.family != 0 &&
            external_address(links, bridge, &network->subnets[i], true, err) < 0) {
            return -1;
        }
    }
    kn_network_external_rules(network, &text);
    return external_forward(err) < 0 ? -1 : external_apply(text.buf, err);
}

/* The host was its gateway before agent.physical_networks gave it a device. */
static int external_step_back(struct kn_network_links *links, const struct kn_network_state_network *network,
                              const char *bridge, struct kn_error *err)
{
    for (size_t i = 0; i < network->subnet_count; i++) {
        if (network->subnets[i].gateway.family != 0 &&
            external_address(links, bridge, &network->subnets[i], false, err) < 0) {
            return -1;
        }
    }
    return kn_network_external_end(network->id, err);
}

int kn_network_external_build(struct kn_network_links *links, const char *device,
                              const struct kn_network_state_network *network, const char *bridge, struct kn_error *err)
{
    if (strcmp(device, KN_PHYSICAL_NAT) == 0) {
        return external_translate(links, network, bridge, err);
    }
    return external_step_back(links, network, bridge, err) < 0 ? -1 : external_plug(links, device, bridge, err);
}

/* With a rule for each subnet of IPv4. */
static bool external_has_table(const struct kn_network_state_network *network)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf listed = KN_STRBUF_INIT;
    AUTO_FREE char *table = kn_asprintf("kilonova_%.8s", network->id);
    struct kn_network_nft *nft = NULL;
    struct kn_error missing;
    bool stands = kn_network_nft_new(&nft, &missing) == 0 &&
                  kn_network_nft_list(nft, "ip", table, &listed, &missing) == 0;

    for (size_t i = 0; i < network->subnet_count && stands; i++) {
        char cidr[KN_IP_PREFIX_SIZE];
        AUTO_FREE char *rule = kn_asprintf("ip saddr %s ip daddr", kn_ip_prefix_text(&network->subnets[i].cidr, cidr));

        stands = network->subnets[i].cidr.ip.family != 4 || strstr(listed.buf, rule) != NULL;
    }

    kn_network_nft_free(nft);
    return stands;
}

/* Does the bridge answer for every gateway of IPv4? */
static bool external_is_gateway(const struct kn_network_state_network *network, const char *bridge)
{
    struct ifaddrs *list = NULL;
    size_t missing = 0;

    if (getifaddrs(&list) < 0) {
        return true; /* nobody knows */
    }
    for (size_t i = 0; i < network->subnet_count; i++) {
        const struct kn_ip *gateway = &network->subnets[i].gateway;
        bool found = gateway->family != 4;

        for (const struct ifaddrs *at = list; at != NULL && !found; at = at->ifa_next) {
            found = at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET && strcmp(at->ifa_name, bridge) == 0 &&
                    memcmp(&((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr, gateway->bytes, 4) == 0;
        }
        missing += !found;
    }
    freeifaddrs(list);
    return missing == 0;
}

bool kn_network_external_stands(const struct kn_network_stock *stock, const char *device,
                                const struct kn_network_state_network *network, const char *bridge,
                                char why[KN_STOCK_WHY])
{
    if (strcmp(device, KN_PHYSICAL_NAT) != 0) {
        return kn_network_stock_has(stock,
                                    &(struct kn_network_stock_want){
                                        .name = device, .bridge = bridge, .is_wire = true },
                                    why);
    }
    if (!external_is_gateway(network, bridge)) {
        snprintf(why, KN_STOCK_WHY, "%s lacks a gateway's address", bridge);
        return false;
    }
    snprintf(why, KN_STOCK_WHY, "the table kilonova_%.8s is not as it was", network->id);
    return external_has_table(network);
}

int kn_network_external_end(const char *network_id, struct kn_error *err)
{
    AUTO_FREE char *text = kn_asprintf("add table ip kilonova_%.8s\ndelete table ip kilonova_%.8s\n", network_id,
                                       network_id);

    return external_apply(text, err);
}
