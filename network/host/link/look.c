/* SPDX-License-Identifier: Apache-2.0 */
/* look.c: one question, one socket: what answers to it is in nobody's way. */
#include "network/host/link/look.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "network/host/link/private.h"

typedef int look_read(struct nl_msg *msg, void *arg);

/* Frees msg. missing_is_fine: an error of the kernel is an answer, too. */
static int look_ask(struct nl_msg *msg, look_read *read, void *arg, bool missing_is_fine, struct kn_error *err)
{
    AUTO(kn_network_links) struct kn_network_links *links = NULL;

    if (kn_network_links_open(&links, err) < 0) {
        nlmsg_free(msg);
        return -1;
    }
    nl_socket_disable_auto_ack(links->socket);
    nl_socket_modify_cb(links->socket, NL_CB_VALID, NL_CB_CUSTOM, read, arg);
    int rc = nl_send_auto(links->socket, msg);

    rc = rc < 0 ? rc : nl_recvmsgs_default(links->socket);
    nlmsg_free(msg);
    return rc >= 0 || missing_is_fine ? 0 : kn_fail(err, KN_INTERNAL, "asking the kernel: %s", nl_geterror(rc));
}

static struct kn_ip look_ip(struct nlattr *attr)
{
    struct kn_ip ip = KN_IP_NONE;

    if (attr != NULL && (nla_len(attr) == 4 || nla_len(attr) == 16)) {
        ip.family = nla_len(attr) == 4 ? 4 : 6;
        memcpy(ip.bytes, nla_data(attr), (size_t)nla_len(attr));
    }
    return ip;
}

static void look_name(unsigned index, char name[KN_HOST_IFNAME])
{
    char text[IF_NAMESIZE] = "";

    kn_copy(name, KN_HOST_IFNAME, index != 0 && if_indextoname(index, text) != NULL ? text : "");
}

/* --- devices ---------------------------------------------------------------------------------------------------------- */

static int look_read_device(struct nl_msg *msg, void *arg)
{
    struct kn_network_look_device *device = arg;
    const struct ifinfomsg *info = nlmsg_data(nlmsg_hdr(msg));
    struct nlattr *master = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*info), IFLA_MASTER);

    device->is_there = true;
    device->is_up = (info->ifi_flags & IFF_UP) != 0;
    device->has_carrier = (info->ifi_flags & IFF_RUNNING) != 0;
    look_name(master == NULL ? 0 : nla_get_u32(master), device->bridge);
    return NL_OK;
}

int kn_network_look_device(const char *name, struct kn_network_look_device *ret, struct kn_error *err)
{
    const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)kn_network_link_index(name) };

    *ret = (struct kn_network_look_device){ .is_there = false };
    if (info.ifi_index == 0) {
        return 0;
    }
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    return look_ask(msg, look_read_device, ret, true, err);
}

/* --- who is behind what ----------------------------------------------------------------------------------------------- */

struct look_entry {
    const uint8_t *mac;
    bool in_bridge; /* of the bridge, else of the device itself */
    unsigned bridge, found;
    struct kn_ip far;
};

static int look_read_entry(struct nl_msg *msg, void *arg)
{
    struct look_entry *entry = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct ndmsg *nd = nlmsg_data(header);
    struct nlattr *mac = nlmsg_find_attr(header, sizeof(*nd), NDA_LLADDR),
                  *dst = nlmsg_find_attr(header, sizeof(*nd), NDA_DST);
    const bool in_bridge = nlmsg_find_attr(header, sizeof(*nd), NDA_MASTER) != NULL;

    if (nd->ndm_family != AF_BRIDGE || mac == NULL || nla_len(mac) != 6 || memcmp(nla_data(mac), entry->mac, 6) != 0) {
        return NL_OK;
    }
    if (!entry->in_bridge && dst != NULL && !in_bridge) {
        entry->far = look_ip(dst);
    }
    if (entry->in_bridge && (in_bridge || (unsigned)nd->ndm_ifindex == entry->bridge)) {
        /* what the bridge takes for itself: a MAC of its own */
        entry->found = (nd->ndm_state & NUD_PERMANENT) != 0 ? entry->bridge : (unsigned)nd->ndm_ifindex;
    }
    return NL_OK;
}

int kn_network_look_station(const char *bridge, const uint8_t mac[6], char ret_device[KN_HOST_IFNAME],
                            struct kn_error *err)
{
    struct look_entry entry = { .mac = mac, .in_bridge = true, .bridge = kn_network_link_index(bridge) };
    const struct ifinfomsg info = { .ifi_family = AF_BRIDGE };

    ret_device[0] = '\0';
    if (entry.bridge == 0) {
        return 0;
    }
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);

    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    nla_put_u32(msg, IFLA_MASTER, entry.bridge);
    if (look_ask(msg, look_read_entry, &entry, false, err) < 0) {
        return -1;
    }
    look_name(entry.found, ret_device);
    return 0;
}

int kn_network_look_tunnel(const char *vxlan, const uint8_t mac[6], struct kn_ip *ret_far, struct kn_error *err)
{
    struct look_entry entry = { .mac = mac };
    const struct ifinfomsg info = { .ifi_family = AF_BRIDGE, .ifi_index = (int)kn_network_link_index(vxlan) };

    *ret_far = KN_IP_NONE;
    if (info.ifi_index == 0) {
        return 0;
    }
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);

    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    if (look_ask(msg, look_read_entry, &entry, false, err) < 0) {
        return -1;
    }
    *ret_far = entry.far;
    return 0;
}

struct look_neighbour {
    const struct kn_ip *ip;
    unsigned device;
    uint8_t *mac;
};

static int look_read_neighbour(struct nl_msg *msg, void *arg)
{
    struct look_neighbour *neighbour = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct ndmsg *nd = nlmsg_data(header);
    struct nlattr *mac = nlmsg_find_attr(header, sizeof(*nd), NDA_LLADDR);
    const struct kn_ip ip = look_ip(nlmsg_find_attr(header, sizeof(*nd), NDA_DST));

    if ((unsigned)nd->ndm_ifindex == neighbour->device && mac != NULL && nla_len(mac) == 6 &&
        kn_ip_equal(&ip, neighbour->ip) && (nd->ndm_state & (NUD_FAILED | NUD_INCOMPLETE)) == 0) {
        memcpy(neighbour->mac, nla_data(mac), 6);
    }
    return NL_OK;
}

int kn_network_look_neighbour(const char *device, const struct kn_ip *ip, uint8_t ret_mac[6], struct kn_error *err)
{
    struct look_neighbour neighbour = { ip, kn_network_link_index(device), ret_mac };
    const struct ndmsg nd = { .ndm_family = ip->family == 4 ? AF_INET : AF_INET6 };
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);

    memset(ret_mac, 0, 6);
    nlmsg_append(msg, (void *)(uintptr_t)&nd, sizeof(nd), NLMSG_ALIGNTO);
    nla_put_u32(msg, NDA_IFINDEX, neighbour.device);
    return look_ask(msg, look_read_neighbour, &neighbour, false, err);
}

/* --- routes ----------------------------------------------------------------------------------------------------------- */

static int look_read_route(struct nl_msg *msg, void *arg)
{
    struct kn_network_look_route *route = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct rtmsg *info = nlmsg_data(header);
    struct nlattr *device = nlmsg_find_attr(header, sizeof(*info), RTA_OIF);

    route->is_own = info->rtm_type == RTN_LOCAL;
    route->is_there = route->is_own || info->rtm_type == RTN_UNICAST;
    look_name(device == NULL ? 0 : nla_get_u32(device), route->device);
    route->via = look_ip(nlmsg_find_attr(header, sizeof(*info), RTA_GATEWAY));
    return NL_OK;
}

int kn_network_look_route(const struct kn_ip *to, struct kn_network_look_route *ret, struct kn_error *err)
{
    const struct rtmsg info = { .rtm_family = to->family == 4 ? AF_INET : AF_INET6,
                                .rtm_dst_len = (unsigned char)kn_ip_bits(to) };
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);

    *ret = (struct kn_network_look_route){ .is_there = false };
    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    nla_put(msg, RTA_DST, kn_ip_bits(to) / 8, to->bytes);
    return look_ask(msg, look_read_route, ret, true, err);
}
