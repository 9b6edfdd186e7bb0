/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.c: the entries that say who is where: MAC -> port in the bridge, MAC -> other host and address -> MAC on the VXLAN
 * device, and to which hosts what is for everybody goes. Reads what the kernel has, writes only the difference; so whoever meddled is corrected at the next table.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/link/behind.h"
#include "network/host/link/private.h"

/* One entry of either kind. */
struct peer_entry {
    bool is_neighbour;    /* ip -> mac; else mac -> dst */
    bool in_bridge;       /* of the bridge, without dst */
    unsigned device;      /* index */
    uint8_t mac[6];
    struct kn_ip address; /* ip or dst; none in the bridge */
};

struct entries {
    struct peer_entry *items;
    size_t count;
    unsigned index; /* of the device that is asked about; 0: of any */
};

static void add(struct entries *list, struct peer_entry entry)
{
    if ((list->count & (list->count - 1)) == 0) { /* grows by doubling */
        list->items = kn_realloc_array(list->items, list->count == 0 ? 1 : list->count * 2, sizeof(entry));
    }
    list->items[list->count++] = entry;
}

static int link_peers_compare(const void *a, const void *b)
{
    const struct peer_entry *x = a, *y = b;
    int mac = memcmp(x->mac, y->mac, sizeof(x->mac));

    if (x->device != y->device) {
        return x->device > y->device ? 1 : -1;
    }
    if (x->is_neighbour != y->is_neighbour) {
        return x->is_neighbour ? 1 : -1;
    }
    if (x->in_bridge != y->in_bridge) {
        return x->in_bridge ? 1 : -1;
    }
    if (mac != 0) {
        return mac;
    }
    return kn_ip_compare(&x->address, &y->address);
}

/* Each once. */
static void sort(struct entries *list)
{
    size_t kept = 0;

    if (list->count < 2) {
        return;
    }
    qsort(list->items, list->count, sizeof(*list->items), link_peers_compare);
    for (size_t i = 1; i < list->count; i++) {
        if (link_peers_compare(&list->items[kept], &list->items[i]) != 0) {
            list->items[++kept] = list->items[i];
        }
    }
    list->count = kept + 1;
}

/* --- what the kernel has ------------------------------------------------------------------------------------------ */

/* The device's own address and the like are not ours: only static entries with a MAC count. */
static bool link_peers_is_ours(const struct ndmsg *nd, const struct nlattr *mac, const struct nlattr *dst,
                               bool in_bridge)
{
    if (mac == NULL || nla_len(mac) != 6 || (nd->ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0) {
        return false;
    }
    if (nd->ndm_family == AF_INET || nd->ndm_family == AF_INET6) {
        return dst != NULL && (nd->ndm_state & NUD_PERMANENT) != 0;
    }
    return in_bridge ? (nd->ndm_state & NUD_PERMANENT) == 0 : dst != NULL;
}

static int read_entry(struct nl_msg *msg, void *arg)
{
    struct entries *list = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct ndmsg *nd = nlmsg_data(header);
    struct nlattr *mac = nlmsg_find_attr(header, sizeof(*nd), NDA_LLADDR);
    struct nlattr *dst = nlmsg_find_attr(header, sizeof(*nd), NDA_DST);
    bool in_bridge = nd->ndm_family == AF_BRIDGE && nlmsg_find_attr(header, sizeof(*nd), NDA_MASTER) != NULL;

    if ((list->index == 0 || (unsigned)nd->ndm_ifindex == list->index) && link_peers_is_ours(nd, mac, dst, in_bridge)) {
        struct peer_entry entry = { .is_neighbour = nd->ndm_family != AF_BRIDGE,
                                    .in_bridge = in_bridge,
                                    .device = (unsigned)nd->ndm_ifindex };

        memcpy(entry.mac, nla_data(mac), sizeof(entry.mac));
        if (!in_bridge && (nla_len(dst) == 4 || nla_len(dst) == 16)) {
            entry.address.family = nla_len(dst) == 4 ? 4 : 6;
            memcpy(entry.address.bytes, nla_data(dst), (size_t)nla_len(dst));
        }
        add(list, entry);
    }
    return NL_OK;
}

/* Answers of a batch are counted, not matched: nobody keeps the numbers up. */
static int any_number(struct nl_msg *msg, void *arg)
{
    (void)msg, (void)arg;
    return NL_OK;
}

static int dump(struct kn_network_links *links, struct nl_msg *msg, struct entries *list, struct kn_error *err)
{
    struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
    int rc = nl_send_auto(links->socket, msg);

    nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, read_entry, list);
    nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_number, NULL);
    if (rc >= 0) {
        rc = nl_recvmsgs(links->socket, cb);
    }
    nl_cb_put(cb);
    nlmsg_free(msg);
    return rc < 0 ? kn_fail(err, KN_INTERNAL, "reading forwarding entries: %s", nl_geterror(rc)) : 0;
}

static int read_neighbours(struct kn_network_links *links, uint8_t family, unsigned device, struct entries *list,
                           struct kn_error *err)
{
    struct nl_msg *neighbours = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
    struct ndmsg nd = { .ndm_family = family };

    nlmsg_append(neighbours, &nd, sizeof(nd), NLMSG_ALIGNTO);
    nla_put_u32(neighbours, NDA_IFINDEX, device);
    return dump(links, neighbours, list, err);
}

static int read_forwarding(struct kn_network_links *links, struct entries *list, struct kn_error *err)
{
    struct nl_msg *forwarding = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
    struct ifinfomsg port = { .ifi_family = AF_BRIDGE, .ifi_index = (int)list->index };

    nlmsg_append(forwarding, &port, sizeof(port), NLMSG_ALIGNTO);
    return dump(links, forwarding, list, err);
}

static int read_kernel(struct kn_network_links *links, struct entries *list, struct kn_error *err)
{
    return read_forwarding(links, list, err) < 0 || read_neighbours(links, AF_INET, list->index, list, err) < 0
               ? -1
               : read_neighbours(links, AF_INET6, list->index, list, err);
}

/* Of all ports of a bridge at once. */
static int read_bridge(struct kn_network_links *links, unsigned bridge, struct entries *list, struct kn_error *err)
{
    struct nl_msg *forwarding = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);
    struct ifinfomsg any = { .ifi_family = AF_BRIDGE };

    nlmsg_append(forwarding, &any, sizeof(any), NLMSG_ALIGNTO);
    nla_put_u32(forwarding, IFLA_MASTER, bridge);
    return dump(links, forwarding, list, err);
}

/* --- what it shall have ------------------------------------------------------------------------------------------- */

/* To where what is for everybody is sent: no MAC, once for each host. */
static bool link_peers_floods(const struct peer_entry *entry)
{
    static const uint8_t EVERYBODY[6] = { 0 };

    return !entry->in_bridge && !entry->is_neighbour && memcmp(entry->mac, EVERYBODY, sizeof(EVERYBODY)) == 0;
}

static int entry_flags(const struct peer_entry *entry)
{
    return NLM_F_CREATE | (entry->in_bridge || entry->is_neighbour ? NLM_F_REPLACE
                           : link_peers_floods(entry)              ? NLM_F_APPEND
                                                                   : 0);
}

static struct nl_msg *entry_message(const struct peer_entry *entry, unsigned index, bool there)
{
    struct nl_msg *msg = nlmsg_alloc_simple(there ? RTM_NEWNEIGH : RTM_DELNEIGH, there ? entry_flags(entry) : 0);
    struct ndmsg nd = {
        .ndm_family = !entry->is_neighbour         ? AF_BRIDGE
                      : entry->address.family == 4 ? AF_INET
                                                   : AF_INET6,
        .ndm_ifindex = (int)index,
        .ndm_state = entry->in_bridge ? NUD_NOARP : NUD_PERMANENT,
        .ndm_flags = entry->is_neighbour ? 0
                     : entry->in_bridge  ? NTF_MASTER
                                         : NTF_SELF,
    };

    nlmsg_append(msg, &nd, sizeof(nd), NLMSG_ALIGNTO);
    if (there || !entry->is_neighbour) {
        nla_put(msg, NDA_LLADDR, sizeof(entry->mac), entry->mac);
    }
    if (!entry->in_bridge) {
        nla_put(msg, NDA_DST, entry->address.family == 4 ? 4 : 16, entry->address.bytes);
    }
    return msg;
}

/* What only `want` has, or with there false: what only `have` has. Both sorted. */
static int change_difference(struct kn_network_links_batch *batch, const struct entries *have,
                             const struct entries *want, bool there, struct kn_error *err)
{
    const struct entries *from = there ? want : have, *other = there ? have : want;

    for (size_t i = 0, j = 0; i < from->count; i++) {
        while (j < other->count && link_peers_compare(&other->items[j], &from->items[i]) < 0) {
            j++;
        }
        bool in_both = j < other->count && link_peers_compare(&other->items[j], &from->items[i]) == 0;

        if (!in_both &&
            kn_network_links_batch_add(batch, entry_message(&from->items[i], want->index, there), err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Removes what is not wanted, then adds what is not there. Sorts both. */
static int link_peers_settle(struct kn_network_links *links, struct entries *have, struct entries *want,
                             const char *name, struct kn_error *err)
{
    struct kn_network_links_batch batch = KN_LINKS_BATCH(links);
    int rc;

    sort(have);
    sort(want);
    batch.fine[0] = ENOENT; /* a removed one that was not there */
    batch.fine[1] = EEXIST; /* an added one that was */
    rc = change_difference(&batch, have, want, false, err) < 0 ? -1 : change_difference(&batch, have, want, true, err);
    return kn_network_links_batch_end(&batch, "cannot change forwarding of interface", name, err) < 0 ? -1 : rc;
}

/* The address that SLAAC gives it on every link: whoever speaks IPv6 is asked for it. */
static bool has_v6(const struct kn_network_state_peer *peer)
{
    for (size_t i = 0; i < peer->ips.count; i++) {
        if (peer->ips.items[i].family == 6) {
            return true;
        }
    }
    return false;
}

static void add_peer(struct entries *want, const struct kn_network_state_peer *peer)
{
    static const struct kn_ip_prefix LINK_LOCAL = { .ip = { .family = 6, .bytes = { 0xfe, 0x80 } }, .length = 64 };
    struct peer_entry entry = { .device = want->index, .address = peer->underlay };

    memcpy(entry.mac, peer->mac, sizeof(entry.mac));
    add(want, entry);
    entry.address = KN_IP_NONE;
    entry.in_bridge = true;
    add(want, entry);
    entry.in_bridge = false;
    entry.is_neighbour = true;
    for (size_t i = 0; i < peer->ips.count; i++) {
        entry.address = peer->ips.items[i];
        add(want, entry);
    }
    if (has_v6(peer)) {
        entry.address = kn_ip_eui64(&LINK_LOCAL, peer->mac);
        add(want, entry);
    }
}

static void add_flood(struct entries *want, const struct kn_network_state_peer *peer)
{
    add(want, (struct peer_entry){ .device = want->index, .address = peer->underlay });
}

/* One on this host is behind its tap. */
static void add_behind(struct entries *want, const struct kn_network_behind *behind)
{
    struct peer_entry entry = { .is_neighbour = true, .device = want->index, .address = behind->ip };

    if (behind->underlay == NULL) {
        return;
    }
    memcpy(entry.mac, behind->mac, sizeof(entry.mac));
    if (behind->ip.family != 0) {
        add(want, entry);
    }
    if (behind->is_station) {
        entry.is_neighbour = false;
        entry.address = *behind->underlay;
        add(want, entry);
        entry.in_bridge = true;
        entry.address = KN_IP_NONE;
        add(want, entry);
    }
}

static void add_peers(struct entries *want, const struct kn_network_state_peer *const *peers, size_t count,
                      struct kn_network_link_behind behind)
{
    for (size_t i = 0; i < count; i++) {
        add_peer(want, peers[i]);
        add_flood(want, peers[i]);
    }
    for (size_t i = 0; i < behind.count; i++) {
        add_behind(want, &behind.items[i]);
    }
}

int kn_network_link_peers(struct kn_network_links *links, const char *vxlan,
                          const struct kn_network_state_peer *const *peers, size_t count,
                          struct kn_network_link_behind behind, struct kn_error *err)
{
    struct entries have = { .index = kn_network_link_index(vxlan) }, want = { .index = have.index };
    int rc = -1;

    add_peers(&want, peers, count, behind);
    if (read_kernel(links, &have, err) == 0) {
        rc = link_peers_settle(links, &have, &want, vxlan, err);
    }
    free(have.items);
    free(want.items);
    return rc;
}

int kn_network_link_peer(struct kn_network_links *links, const char *vxlan, const struct kn_network_state_peer *gone,
                         bool is_last, const struct kn_network_state_peer *come, struct kn_error *err)
{
    struct entries have = { .index = kn_network_link_index(vxlan) }, want = { .index = have.index };

    if (gone != NULL) {
        add_peer(&have, gone);
    }
    if (gone != NULL && is_last) {
        add_flood(&have, gone);
    }
    if (come != NULL) {
        add_peer(&want, come);
        add_flood(&want, come);
    }
    int rc = link_peers_settle(links, &have, &want, vxlan, err);

    free(have.items);
    free(want.items);
    return rc;
}

int kn_network_link_station(struct kn_network_links *links, const char *port, const uint8_t mac[6],
                            struct kn_error *err)
{
    struct peer_entry entry = { .in_bridge = true };

    memcpy(entry.mac, mac, sizeof(entry.mac));
    return kn_network_links_send(links, entry_message(&entry, kn_network_link_index(port), true), 0,
                                 "cannot change forwarding of interface", port, err);
}

int kn_network_link_stations(struct kn_network_links *links, const char *port, const uint8_t (*macs)[6], size_t count,
                             struct kn_error *err)
{
    struct entries have = { .index = kn_network_link_index(port) }, want = { .index = have.index };
    int rc = -1;

    for (size_t i = 0; i < count; i++) {
        struct peer_entry entry = { .in_bridge = true, .device = want.index };

        memcpy(entry.mac, macs[i], sizeof(entry.mac));
        add(&want, entry);
    }
    if (read_forwarding(links, &have, err) == 0) {
        rc = link_peers_settle(links, &have, &want, port, err);
    }
    free(have.items);
    free(want.items);
    return rc;
}

/* --- whether it has ------------------------------------------------------------------------------------------------ */

/* The first of `from` that `other` has not; device 0: of any. Both sorted. NULL: none. */
static const struct peer_entry *first_missing(const struct entries *from, const struct entries *other, unsigned device)
{
    for (size_t i = 0, j = 0; i < from->count; i++) {
        while (j < other->count && link_peers_compare(&other->items[j], &from->items[i]) < 0) {
            j++;
        }
        if ((device == 0 || from->items[i].device == device) &&
            (j >= other->count || link_peers_compare(&other->items[j], &from->items[i]) != 0)) {
            return &from->items[i];
        }
    }
    return NULL;
}

static void say_entry(const struct peer_entry *entry, const char *what, char why[KN_STOCK_WHY])
{
    char name[IF_NAMESIZE] = "?", mac[KN_MAC_TEXT], ip[KN_IP_SIZE] = "";

    if_indextoname(entry->device, name);
    kn_network_mac_text(entry->mac, mac);
    if (entry->address.family != 0) {
        kn_ip_text(&entry->address, ip);
    }
    snprintf(why, KN_STOCK_WHY, "%s %s %s %s%s%s", name, what, entry->is_neighbour ? "a neighbour" : "a way to", mac,
             ip[0] != '\0' ? " at " : "", ip);
}

bool kn_network_link_forwards(struct kn_network_links *links, const struct kn_network_link_forwarding *wanted,
                              char why[KN_STOCK_WHY], struct kn_error *err)
{
    const unsigned vxlan = wanted->vxlan == NULL ? 0 : kn_network_link_index(wanted->vxlan);
    struct entries have = { .index = 0 }, want = { .index = vxlan };
    bool is_same = false;

    if (vxlan != 0) {
        add_peers(&want, wanted->peers, wanted->peer_count, wanted->behind);
    }
    for (size_t i = 0; i < wanted->station_count; i++) {
        struct peer_entry entry = { .in_bridge = true, .device = kn_network_link_index(wanted->stations[i].port) };

        memcpy(entry.mac, wanted->stations[i].mac, sizeof(entry.mac));
        add(&want, entry);
    }
    snprintf(why, KN_STOCK_WHY, "what it forwards cannot be read");
    if (read_bridge(links, kn_network_link_index(wanted->bridge), &have, err) == 0 &&
        (vxlan == 0 || (read_neighbours(links, AF_INET, vxlan, &have, err) == 0 &&
                        read_neighbours(links, AF_INET6, vxlan, &have, err) == 0))) {
        sort(&have);
        sort(&want);
        const struct peer_entry *missing = first_missing(&want, &have, 0),
                                *more = vxlan == 0 ? NULL : first_missing(&have, &want, vxlan);

        is_same = missing == NULL && more == NULL;
        if (!is_same) {
            say_entry(missing != NULL ? missing : more, missing != NULL ? "lacks" : "has, of others,", why);
        }
    }
    free(have.items);
    free(want.items);
    return is_same;
}
