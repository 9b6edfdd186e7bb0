/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c: devices by netlink messages over libnl. peers.c owns the forwarding entries; nobody else talks to rtnetlink.
 */
#include "network/host/link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "network/host/link/private.h"

#define VXLAN_PORT 4789

int kn_network_links_open(struct kn_network_links **ret_links, struct kn_error *err)
{
    struct kn_network_links *links = KN_NEW(struct kn_network_links);

    links->socket = nl_socket_alloc();
    nl_socket_disable_seq_check(links->socket); /* answers of a batch are counted, not matched */
    int rc = nl_connect(links->socket, NETLINK_ROUTE);

    if (rc < 0) {
        kn_network_links_free(links);
        return kn_fail(err, KN_INTERNAL, "netlink: %s", nl_geterror(rc));
    }
    *ret_links = links;
    return 0;
}

void kn_network_links_free(struct kn_network_links *links)
{
    if (links != NULL) {
        nl_socket_free(links->socket);
        free(links);
    }
}

unsigned kn_network_link_index(const char *name)
{
    return if_nametoindex(name);
}

int kn_network_links_send(struct kn_network_links *links, struct nl_msg *msg, int fine, const char *what,
                          const char *name, struct kn_error *err)
{
    int rc = nl_send_sync(links->socket, msg);

    if (rc < 0 && rc != -fine) {
        return kn_fail(err, KN_INTERNAL, "%s \"%s\": %s", what, name, nl_geterror(rc));
    }
    return 0;
}

/* A message about a link; index 0 with a name to find or make one by name. */
static struct nl_msg *link_message(int type, int flags, int family, unsigned index, const char *name)
{
    struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
    struct ifinfomsg info = { .ifi_family = (unsigned char)family, .ifi_index = (int)index };

    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    if (name != NULL) {
        nla_put_string(msg, IFLA_IFNAME, name);
    }
    return msg;
}

/* Without this every device would speak IPv6 on its own as soon as it is up: in one message with IFF_UP it comes too late. */
static int keep_silent(struct kn_network_links *links, const char *name, struct kn_error *err)
{
    struct nl_msg *msg = link_message(RTM_NEWLINK, 0, AF_UNSPEC, 0, name);
    struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC), *inet6 = nla_nest_start(msg, AF_INET6);

    nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    nla_nest_end(msg, inet6);
    nla_nest_end(msg, spec);
    return kn_network_links_send(links, msg, NLE_AF_NOSUPPORT, "cannot bring up interface", name, err);
}

/* What the kernel lacks (IPv6, or an MTU that is too small for it) is silent as it is. */
static int set_ip(const char *name, const char *setting, const char *value, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("/proc/sys/net/%.4s/conf/%s/%s", setting, name, setting + 5);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 || write(fd, value, 1) == 1
               ? 0
               : kn_fail(err, KN_INTERNAL, "cannot set %s of interface \"%s\": %s", setting, name, strerror(errno));
}

static bool has_ip(const char *name, const char *setting, char value)
{
    AUTO_FREE char *path = kn_asprintf("/proc/sys/net/%.4s/conf/%s/%s", setting, name, setting + 5);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char is = value;

    return fd < 0 || read(fd, &is, 1) != 1 || is == value;
}

bool kn_network_link_was_gateway(const char *name, bool is_gateway)
{
    return has_ip(name, "ipv6/accept_ra", '0') && has_ip(name, "ipv6/disable_ipv6", is_gateway ? '0' : '1') &&
           has_ip(name, "ipv4/arp_ignore", is_gateway ? '0' : '8');
}

int kn_network_link_is_gateway(const char *name, bool is_gateway, struct kn_error *err)
{
    if (set_ip(name, "ipv6/accept_ra", "0", err) < 0 ||
        set_ip(name, "ipv6/disable_ipv6", is_gateway ? "0" : "1", err) < 0) {
        return -1;
    }
    return set_ip(name, "ipv4/arp_ignore", is_gateway ? "0" : "8", err);
}

/* Sends a new link of a kind whose data `put` writes; one that is there already is fine. */
static int link_make(struct kn_network_links *links, const char *name, const char *kind,
                     void (*put)(struct nl_msg *msg, const void *arg), const void *arg, struct kn_error *err)
{
    struct nl_msg *msg = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC, 0, name);
    struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);

    nla_put_string(msg, IFLA_INFO_KIND, kind);
    struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);

    put(msg, arg);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
    return kn_network_links_send(links, msg, NLE_EXIST, "cannot make interface", name, err);
}

/* flags: IFF_UP or 0, of those that are changed; MTU 0: as it is. */
static int link_set(struct kn_network_links *links, const char *name, int mtu, unsigned flags, unsigned change,
                    struct kn_error *err)
{
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_flags = flags, .ifi_change = change };

    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    nla_put_string(msg, IFLA_IFNAME, name);
    if (mtu > 0) {
        nla_put_u32(msg, IFLA_MTU, (uint32_t)mtu);
    }
    return kn_network_links_send(links, msg, 0, "cannot bring up interface", name, err);
}

/* A device whose MTU is too small for IPv6 gets it with a larger one, and would speak at once if it were up then. */
static int link_grow(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s", name);
    if (mtu < KN_LINK_IPV6_MTU || access("/proc/sys/net/ipv6", F_OK) < 0 || access(path, F_OK) == 0) {
        return 0;
    }
    return link_set(links, name, 0, 0, IFF_UP, err) < 0 ? -1 : link_set(links, name, mtu, 0, 0, err);
}

/* MTU (0: as it is), no IPv6 of its own, up. */
static int bring_up(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err)
{
    return link_grow(links, name, mtu, err) < 0 || keep_silent(links, name, err) < 0
               ? -1
               : link_set(links, name, mtu, IFF_UP, IFF_UP, err);
}

int kn_network_link_up(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err)
{
    return bring_up(links, name, mtu, err);
}

int kn_network_link_delete(struct kn_network_links *links, const char *name, struct kn_error *err)
{
    return kn_network_links_send(links, link_message(RTM_DELLINK, 0, AF_UNSPEC, 0, name), NLE_NODEV,
                                 "cannot remove interface", name, err);
}

static void put_bridge(struct nl_msg *msg, const void *arg)
{
    (void)arg;
    nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0);
    nla_put_u32(msg, IFLA_BR_STP_STATE, 0);
    nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0);
    nla_put_u8(msg, IFLA_BR_NF_CALL_IPTABLES,
               1); /* groups are asked of this bridge's packets, whatever the host says of others */
    nla_put_u8(msg, IFLA_BR_NF_CALL_IP6TABLES, 1);
}

static int set_bridge(struct kn_network_links *links, const char *name, struct kn_error *err)
{
    struct nl_msg *msg = link_message(RTM_NEWLINK, 0, AF_UNSPEC, 0, name);
    struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);

    nla_put_string(msg, IFLA_INFO_KIND, "bridge");
    struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);

    put_bridge(msg, NULL);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
    return kn_network_links_send(links, msg, 0, "cannot change interface", name, err);
}

int kn_network_link_bridge(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err)
{
    return link_make(links, name, "bridge", put_bridge, NULL, err) < 0 || set_bridge(links, name, err) < 0
               ? -1
               : bring_up(links, name, mtu, err);
}

static void put_nothing(struct nl_msg *msg, const void *arg)
{
    (void)msg;
    (void)arg;
}

int kn_network_link_ifb(struct kn_network_links *links, const char *name, struct kn_error *err)
{
    return link_make(links, name, "ifb", put_nothing, NULL, err) < 0 ? -1 : bring_up(links, name, 0, err);
}

struct vxlan {
    int vni;
    const struct kn_ip *underlay;
};

static void put_underlay(struct nl_msg *msg, const struct kn_ip *underlay)
{
    nla_put(msg, underlay->family == 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, underlay->family == 4 ? 4 : 16,
            underlay->bytes);
}

static void put_vxlan(struct nl_msg *msg, const void *arg)
{
    const struct vxlan *vxlan = arg;

    nla_put_u32(msg, IFLA_VXLAN_ID, (uint32_t)vxlan->vni);
    put_underlay(msg, vxlan->underlay);
    nla_put_u16(msg, IFLA_VXLAN_PORT, htons(VXLAN_PORT));
    nla_put_u8(msg, IFLA_VXLAN_LEARNING, 0);
    nla_put_u8(msg, IFLA_VXLAN_PROXY, 1);
}

static int move_vxlan(struct kn_network_links *links, const char *name, const struct kn_ip *underlay,
                      struct kn_error *err)
{
    struct nl_msg *msg = link_message(RTM_NEWLINK, 0, AF_UNSPEC, 0, name);
    struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);

    nla_put_string(msg, IFLA_INFO_KIND, "vxlan");
    struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);

    put_underlay(msg, underlay);
    nla_nest_end(msg, data);
    nla_nest_end(msg, info);
    return kn_network_links_send(links, msg, 0, "cannot change interface", name, err);
}

int kn_network_link_vxlan(struct kn_network_links *links, const char *name, int vni, const struct kn_ip *underlay,
                          int mtu, struct kn_error *err)
{
    const struct vxlan vxlan = { vni, underlay };
    int rc = kn_network_link_index(name) != 0 ? move_vxlan(links, name, underlay, err)
                                              : link_make(links, name, "vxlan", put_vxlan, &vxlan, err);

    return rc < 0 ? -1 : bring_up(links, name, mtu, err);
}

struct veth {
    int ns_fd;
    const char *name;
    const uint8_t *mac;
    int mtu;
};

static void put_veth(struct nl_msg *msg, const void *arg)
{
    const struct veth *peer = arg;
    const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
    struct nlattr *nest = nla_nest_start(msg, VETH_INFO_PEER);

    nlmsg_append(msg, (void *)(uintptr_t)&info, sizeof(info), NLMSG_ALIGNTO);
    nla_put_string(msg, IFLA_IFNAME, peer->name);
    nla_put(msg, IFLA_ADDRESS, 6, peer->mac);
    nla_put_u32(msg, IFLA_MTU, (uint32_t)peer->mtu);
    nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)peer->ns_fd);
    nla_nest_end(msg, nest);
}

int kn_network_link_veth(struct kn_network_links *links, const char *name, int ns_fd, const char *peer_name,
                         const uint8_t peer_mac[6], int mtu, struct kn_error *err)
{
    const struct veth peer = { ns_fd, peer_name, peer_mac, mtu };

    return link_make(links, name, "veth", put_veth, &peer, err) < 0 ? -1 : bring_up(links, name, mtu, err);
}

/* A tap is made by its own device, not by netlink. */
static int make_tap(const char *name, struct kn_error *err)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    kn_copy(request.ifr_name, sizeof(request.ifr_name), name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make interface \"%s\": %s", name, strerror(errno));
    }
    return 0;
}

int kn_network_link_tap(struct kn_network_links *links, const char *name, int mtu, struct kn_error *err)
{
    if (kn_network_link_index(name) == 0 && make_tap(name, err) < 0) {
        return -1;
    }
    return bring_up(links, name, mtu, err);
}

static int set_port_flags(struct kn_network_links *links, const char *name, unsigned index, bool multicast,
                          struct kn_error *err)
{
    struct nl_msg *msg = link_message(RTM_SETLINK, 0, AF_BRIDGE, index, NULL);
    struct nlattr *port = nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED);

    nla_put_u8(msg, IFLA_BRPORT_LEARNING, 0);
    nla_put_u8(msg, IFLA_BRPORT_UNICAST_FLOOD, 0);
    nla_put_u8(msg, IFLA_BRPORT_MCAST_FLOOD, multicast);
    nla_put_u8(msg, IFLA_BRPORT_GUARD, 1); /* a guest that speaks STP loses its port */
    nla_nest_end(msg, port);
    return kn_network_links_send(links, msg, 0, "cannot set bridge port", name, err);
}

int kn_network_link_enslave(struct kn_network_links *links, const char *name, const char *bridge, bool multicast,
                            struct kn_error *err)
{
    unsigned index = kn_network_link_index(name), master = kn_network_link_index(bridge);

    if (index == 0 || master == 0) {
        return kn_fail(err, KN_INTERNAL, "interface \"%s\" is gone", index == 0 ? name : bridge);
    }
    struct nl_msg *msg = link_message(RTM_NEWLINK, 0, AF_UNSPEC, index, NULL);

    nla_put_u32(msg, IFLA_MASTER, master);
    if (kn_network_links_send(links, msg, 0, "cannot plug interface", name, err) < 0) {
        return -1;
    }
    return set_port_flags(links, name, index, multicast, err);
}

int kn_network_link_leave(struct kn_network_links *links, const char *name, struct kn_error *err)
{
    const unsigned index = kn_network_link_index(name);
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index, .ifi_change = IFF_UP };

    if (index == 0) {
        nlmsg_free(msg);
        return 0;
    }
    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    nla_put_u32(msg, IFLA_MASTER, 0);
    return kn_network_links_send(links, msg, NLE_NODEV, "cannot unplug interface", name, err);
}

static bool link_has_mac(const char *name, const uint8_t mac[6])
{
    struct ifreq request = { .ifr_flags = 0 };
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    kn_copy(request.ifr_name, sizeof(request.ifr_name), name);
    return fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0 && memcmp(request.ifr_hwaddr.sa_data, mac, 6) == 0;
}

int kn_network_link_mac(struct kn_network_links *links, const char *name, const uint8_t mac[6], struct kn_error *err)
{
    if (link_has_mac(name, mac)) {
        return 0;
    }
    struct nl_msg *msg = link_message(RTM_SETLINK, 0, AF_UNSPEC, 0, name);

    nla_put(msg, IFLA_ADDRESS, 6, mac);
    return kn_network_links_send(links, msg, 0, "cannot set the MAC of interface", name, err);
}

/* --- many at once ------------------------------------------------------------------------------------------------- */

#define BATCH_BYTES ((size_t)32 << 10)
#define BATCH_MESSAGES 128 /* their answers have to fit the socket's buffer */

static void batch_answer(struct kn_network_links_batch *batch, const struct nlmsghdr *header)
{
    const struct nlmsgerr *answer = nlmsg_data(header);
    const int code = header->nlmsg_type == NLMSG_ERROR ? -answer->error : 0;

    batch->waiting--;
    if (code != 0 && code != batch->fine[0] && code != batch->fine[1] && batch->failed == 0) {
        batch->failed = code;
    }
}

static int batch_read(struct kn_network_links_batch *batch, struct kn_error *err)
{
    struct sockaddr_nl from;
    unsigned char *data = NULL;
    int len = nl_recv(batch->links->socket, &from, &data, NULL);

    if (len <= 0) {
        return kn_fail(err, KN_INTERNAL, "netlink: %s", len < 0 ? nl_geterror(len) : "no answer");
    }
    for (const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)data;
         nlmsg_ok(header, len) && batch->waiting > 0; header = nlmsg_next((struct nlmsghdr *)(uintptr_t)header, &len)) {
        batch_answer(batch, header);
    }
    free(data);
    return 0;
}

static int batch_flush(struct kn_network_links_batch *batch, struct kn_error *err)
{
    int rc = 0;

    if (batch->waiting == 0) {
        return 0;
    }
    const int sent = nl_sendto(batch->links->socket, batch->buffer.buf, batch->buffer.len);

    if (sent < 0) {
        rc = kn_fail(err, KN_INTERNAL, "netlink: %s", nl_geterror(sent));
        batch->waiting = 0;
    }
    while (rc == 0 && batch->waiting > 0) {
        rc = batch_read(batch, err);
    }
    kn_strbuf_clear(&batch->buffer);
    return rc;
}

int kn_network_links_batch_add(struct kn_network_links_batch *batch, struct nl_msg *msg, struct kn_error *err)
{
    struct nlmsghdr *header = nlmsg_hdr(msg);

    nl_complete_msg(batch->links->socket, msg);
    header->nlmsg_flags |= NLM_F_ACK;
    kn_strbuf_add(&batch->buffer, header, header->nlmsg_len);
    kn_strbuf_add(&batch->buffer, "\0\0\0", NLMSG_ALIGN(header->nlmsg_len) - header->nlmsg_len);
    nlmsg_free(msg);
    batch->waiting++;
    return batch->buffer.len >= BATCH_BYTES || batch->waiting >= BATCH_MESSAGES ? batch_flush(batch, err) : 0;
}

int kn_network_links_batch_end(struct kn_network_links_batch *batch, const char *what, const char *name,
                               struct kn_error *err)
{
    const int rc = batch_flush(batch, err), failed = batch->failed;

    kn_strbuf_release(&batch->buffer);
    batch->failed = 0;
    return rc < 0 ? -1 : failed == 0 ? 0 : kn_fail(err, KN_INTERNAL, "%s \"%s\": %s", what, name, strerror(failed));
}
