/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.c: addresses and routes of a namespace by rtnetlink: dumped, compared, and what differs is written. Of addresses, what the kernel makes for
 * itself is ours, too (no device has any: they come up without IPv6 of their own); of routes, those that say RTPROT_STATIC.
 */
#include "network/host/link/inside.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "network/host/link/private.h"

/* One of either kind, as it is compared. */
struct inside_entry {
    unsigned device; /* of an address */
    struct kn_ip ip; /* the address; where a route leads */
    uint8_t length;
    struct kn_ip via; /* of a route; of an address: what it reaches, if that is not its own range */
};

struct inside_entries {
    struct inside_entry *items;
    size_t count;
    unsigned lo;
};

static int inside_family(const struct kn_ip *ip)
{
    return ip->family == 4 ? AF_INET : AF_INET6;
}

static size_t inside_width(const struct kn_ip *ip)
{
    return ip->family == 4 ? 4 : 16;
}

static struct kn_ip inside_read_ip(int family, struct nlattr *attr)
{
    struct kn_ip ip = { .family = family == AF_INET ? 4 : 6 };

    if (attr != NULL && (size_t)nla_len(attr) == inside_width(&ip)) {
        memcpy(ip.bytes, nla_data(attr), inside_width(&ip));
    }
    return ip;
}

static bool inside_equal(const struct inside_entry *a, const struct inside_entry *b)
{
    return a->device == b->device && a->length == b->length && kn_ip_equal(&a->ip, &b->ip) &&
           kn_ip_equal(&a->via, &b->via);
}

static bool inside_has(const struct inside_entries *list, const struct inside_entry *entry)
{
    for (size_t i = 0; i < list->count; i++) {
        if (inside_equal(&list->items[i], entry)) {
            return true;
        }
    }
    return false;
}

static void inside_add(struct inside_entries *list, struct inside_entry entry)
{
    if ((list->count & (list->count - 1)) == 0) { /* grows by doubling */
        list->items = kn_realloc_array(list->items, list->count == 0 ? 1 : list->count * 2, sizeof(entry));
    }
    list->items[list->count++] = entry;
}

static int inside_dump(struct kn_network_links *links, struct nl_msg *msg, int (*read)(struct nl_msg *msg, void *arg),
                       void *arg, struct kn_error *err)
{
    struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
    int rc = nl_send_auto(links->socket, msg);

    nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, read, arg);
    if (rc >= 0) {
        rc = nl_recvmsgs(links->socket, cb);
    }
    nl_cb_put(cb);
    nlmsg_free(msg);
    return rc < 0 ? kn_fail(err, KN_INTERNAL, "reading a namespace: %s", nl_geterror(rc)) : 0;
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static int inside_read_address(struct nl_msg *msg, void *arg)
{
    struct inside_entries *list = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct ifaddrmsg *info = nlmsg_data(header);
    struct nlattr *local = nlmsg_find_attr(header, sizeof(*info), IFA_LOCAL);

    struct nlattr *address = nlmsg_find_attr(header, sizeof(*info), IFA_ADDRESS);

    if (local == NULL) {
        local = address;
    }
    const struct kn_ip ip = inside_read_ip(info->ifa_family, local), to = inside_read_ip(info->ifa_family, address);

    if (info->ifa_index != list->lo && (info->ifa_family == AF_INET || info->ifa_family == AF_INET6)) {
        inside_add(list, (struct inside_entry){ .device = info->ifa_index,
                                                .ip = ip,
                                                .length = info->ifa_prefixlen,
                                                .via = kn_ip_equal(&ip, &to) ? KN_IP_NONE : to });
    }
    return NL_OK;
}

static int inside_list_addresses(struct kn_network_links *links, struct inside_entries *list, struct kn_error *err)
{
    const struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);

    nlmsg_append(msg, (void *)(uintptr_t)&all, sizeof(all), NLMSG_ALIGNTO);
    return inside_dump(links, msg, inside_read_address, list, err);
}

static int inside_set_address(struct kn_network_links *links, const struct inside_entry *entry, bool there,
                              struct kn_error *err)
{
    struct nl_msg *msg = nlmsg_alloc_simple(there ? RTM_NEWADDR : RTM_DELADDR,
                                            there ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    struct ifaddrmsg info = { .ifa_family = (unsigned char)inside_family(&entry->ip),
                              .ifa_prefixlen = entry->length,
                              .ifa_flags = entry->ip.family == 6 ? IFA_F_NODAD : 0,
                              .ifa_index = entry->device };
    char text[KN_IP_SIZE];

    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    nla_put(msg, IFA_LOCAL, (int)inside_width(&entry->ip), entry->ip.bytes);
    nla_put(msg, IFA_ADDRESS, (int)inside_width(&entry->ip),
            entry->via.family == 0 ? entry->ip.bytes : entry->via.bytes);
    return kn_network_links_send(links, msg, there ? NLE_EXIST : NLE_NOADDR, "cannot change an address",
                                 kn_ip_text(&entry->ip, text), err);
}

int kn_network_inside_addresses(struct kn_network_links *links, struct kn_network_inside_address *wanted, size_t count,
                                struct kn_error *err)
{
    struct inside_entries have = { .lo = if_nametoindex("lo") }, want = { .count = 0 };
    int rc = inside_list_addresses(links, &have, err);
    bool is_less = false;

    for (size_t i = 0; i < count; i++) {
        inside_add(&want, (struct inside_entry){ .device = wanted[i].device,
                                                 .ip = wanted[i].ip,
                                                 .length = wanted[i].length,
                                                 .via = wanted[i].peer });
    }
    for (size_t i = 0; i < have.count && rc == 0; i++) {
        if (!inside_has(&want, &have.items[i])) {
            rc = inside_set_address(links, &have.items[i], false, err);
            is_less = true;
        }
    }
    if (is_less && rc == 0) { /* with the first address of a range the kernel takes the others of it away */
        have.count = 0;
        rc = inside_list_addresses(links, &have, err);
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        wanted[i].is_new = !inside_has(&have, &want.items[i]);
        rc = wanted[i].is_new ? inside_set_address(links, &want.items[i], true, err) : 0;
    }
    free(have.items);
    free(want.items);
    return rc;
}

/* --- routes ------------------------------------------------------------------------------------------------------- */

static int inside_read_route(struct nl_msg *msg, void *arg)
{
    struct inside_entries *list = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct rtmsg *info = nlmsg_data(header);

    if (info->rtm_protocol == RTPROT_STATIC && info->rtm_table == RT_TABLE_MAIN &&
        (info->rtm_family == AF_INET || info->rtm_family == AF_INET6)) {
        inside_add(list,
                   (struct inside_entry){
                       .ip = inside_read_ip(info->rtm_family, nlmsg_find_attr(header, sizeof(*info), RTA_DST)),
                       .length = info->rtm_dst_len,
                       .via = inside_read_ip(info->rtm_family, nlmsg_find_attr(header, sizeof(*info), RTA_GATEWAY)) });
    }
    return NL_OK;
}

static int inside_list_routes(struct kn_network_links *links, struct inside_entries *list, struct kn_error *err)
{
    const struct rtmsg all = { .rtm_family = AF_UNSPEC };
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);

    nlmsg_append(msg, (void *)(uintptr_t)&all, sizeof(all), NLMSG_ALIGNTO);
    return inside_dump(links, msg, inside_read_route, list, err);
}

/* What cannot be reached now is no failure: its leg may come later, and then it is built again. */
static int inside_set_route(struct kn_network_links *links, const struct inside_entry *entry, bool there,
                            struct kn_error *err)
{
    struct nl_msg *msg = nlmsg_alloc_simple(there ? RTM_NEWROUTE : RTM_DELROUTE,
                                            there ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    struct rtmsg info = { .rtm_family = (unsigned char)inside_family(&entry->ip),
                          .rtm_dst_len = entry->length,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = RT_SCOPE_UNIVERSE,
                          .rtm_type = RTN_UNICAST };

    nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
    if (entry->length > 0) {
        nla_put(msg, RTA_DST, (int)inside_width(&entry->ip), entry->ip.bytes);
    }
    nla_put(msg, RTA_GATEWAY, (int)inside_width(&entry->ip), entry->via.bytes);
    const int rc = nl_send_sync(links->socket, msg);

    if (rc < 0 && rc != -NLE_OBJ_NOTFOUND && rc != -NLE_FAILURE && rc != -NLE_INVAL && rc != -NLE_EXIST) {
        return kn_fail(err, KN_INTERNAL, "cannot change a router's route: %s", nl_geterror(rc));
    }
    return 0;
}

int kn_network_inside_routes(struct kn_network_links *links, const struct kn_network_inside_route *wanted, size_t count,
                             struct kn_error *err)
{
    struct inside_entries have = { .count = 0 }, want = { .count = 0 };
    int rc = inside_list_routes(links, &have, err);

    for (size_t i = 0; i < count; i++) {
        inside_add(&want, (struct inside_entry){ .ip = kn_ip_prefix_first(&wanted[i].to),
                                                 .length = wanted[i].to.length,
                                                 .via = wanted[i].via });
    }
    for (size_t i = 0; i < have.count && rc == 0; i++) {
        rc = inside_has(&want, &have.items[i]) ? 0 : inside_set_route(links, &have.items[i], false, err);
    }
    for (size_t i = 0; i < want.count && rc == 0; i++) {
        rc = inside_has(&have, &want.items[i]) ? 0 : inside_set_route(links, &want.items[i], true, err);
    }
    free(have.items);
    free(want.items);
    return rc;
}

/* --- as numbers ------------------------------------------------------------------------------------------------------ */

static uint64_t inside_mix(uint64_t digest, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    }
    return digest;
}

static uint64_t inside_digest(const struct inside_entries *list)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct inside_entry *entry = &list->items[i];
        uint64_t one = inside_mix(14695981039346656037u, &entry->device, sizeof(entry->device));

        one = inside_mix(one, entry->ip.bytes, inside_width(&entry->ip));
        one = inside_mix(one, &entry->length, sizeof(entry->length));
        digest += inside_mix(one, entry->via.bytes, entry->via.family == 0 ? 0 : inside_width(&entry->via));
    }
    return digest;
}

int kn_network_inside_digests(struct kn_network_links *links, uint64_t *ret_addresses, uint64_t *ret_routes,
                              struct kn_error *err)
{
    struct inside_entries addresses = { .lo = if_nametoindex("lo") }, routes = { .count = 0 };
    const int rc = inside_list_addresses(links, &addresses, err) < 0 ? -1 : inside_list_routes(links, &routes, err);

    if (rc == 0) {
        *ret_addresses = inside_digest(&addresses);
        *ret_routes = inside_digest(&routes);
    }
    free(addresses.items);
    free(routes.items);
    return rc;
}
