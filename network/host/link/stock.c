/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stock.c: one dump of the links of a namespace, on a socket of its own. Whoever looks after a host asks here and not device by device, so that a look costs
 * one question whatever the host carries.
 */
#include "network/host/link/stock.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/host/link/private.h"

/* --- listing ---------------------------------------------------------------------------------------------------------- */

/* What a bridge says of its port. */
static void stock_read_port(struct nlattr *info, struct kn_network_stock_device *device)
{
    struct nlattr *kinds[IFLA_INFO_MAX + 1], *port[IFLA_BRPORT_MAX + 1];

    if (info == NULL || nla_parse_nested(kinds, IFLA_INFO_MAX, info, NULL) < 0 || kinds[IFLA_INFO_SLAVE_KIND] == NULL ||
        strcmp(nla_get_string(kinds[IFLA_INFO_SLAVE_KIND]), "bridge") != 0 || kinds[IFLA_INFO_SLAVE_DATA] == NULL ||
        nla_parse_nested(port, IFLA_BRPORT_MAX, kinds[IFLA_INFO_SLAVE_DATA], NULL) < 0) {
        return;
    }
    device->learns = port[IFLA_BRPORT_LEARNING] != NULL && nla_get_u8(port[IFLA_BRPORT_LEARNING]) != 0;
    device->floods = port[IFLA_BRPORT_UNICAST_FLOOD] != NULL && nla_get_u8(port[IFLA_BRPORT_UNICAST_FLOOD]) != 0;
}

static int stock_read(struct nl_msg *msg, void *arg)
{
    struct kn_network_stock *stock = arg;
    const struct ifinfomsg *info = nlmsg_data(nlmsg_hdr(msg));
    struct nlattr *attrs[IFLA_MAX + 1];

    if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || attrs[IFLA_IFNAME] == NULL) {
        return NL_OK;
    }
    struct kn_network_stock_device device = {
        .index = (unsigned)info->ifi_index,
        .bridge = attrs[IFLA_MASTER] == NULL ? 0 : nla_get_u32(attrs[IFLA_MASTER]),
        .mtu = attrs[IFLA_MTU] == NULL ? 0 : (int)nla_get_u32(attrs[IFLA_MTU]),
        .is_up = (info->ifi_flags & IFF_UP) != 0,
    };

    kn_copy(device.name, sizeof(device.name), nla_get_string(attrs[IFLA_IFNAME]));
    stock_read_port(attrs[IFLA_LINKINFO], &device);
    if ((stock->count & (stock->count - 1)) == 0) { /* grows by doubling */
        stock->items = kn_realloc_array(stock->items, stock->count == 0 ? 1 : stock->count * 2, sizeof(device));
    }
    stock->items[stock->count++] = device;
    return NL_OK;
}

static int stock_compare(const void *a, const void *b)
{
    const struct kn_network_stock_device *x = a, *y = b;

    return strcmp(x->name, y->name);
}

int kn_network_stock_take(struct kn_network_stock **ret_stock, struct kn_error *err)
{
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    AUTO(kn_network_stock) struct kn_network_stock *stock = KN_NEW(struct kn_network_stock);
    const struct ifinfomsg all = { .ifi_family = AF_UNSPEC };

    if (kn_network_links_open(&links, err) < 0) {
        return -1;
    }
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP);

    nlmsg_append(msg, (void *)(uintptr_t)&all, sizeof(all), NLMSG_ALIGNTO);
    nl_socket_modify_cb(links->socket, NL_CB_VALID, NL_CB_CUSTOM, stock_read, stock);
    int rc = nl_send_auto(links->socket, msg);

    nlmsg_free(msg);
    rc = rc < 0 ? rc : nl_recvmsgs_default(links->socket);
    if (rc < 0) {
        return kn_fail(err, KN_INTERNAL, "listing interfaces: %s", nl_geterror(rc));
    }
    if (stock->count > 1) {
        qsort(stock->items, stock->count, sizeof(*stock->items), stock_compare);
    }
    *ret_stock = kn_steal(&stock);
    return 0;
}

void kn_network_stock_free(struct kn_network_stock *stock)
{
    if (stock != NULL) {
        free(stock->items);
        free(stock);
    }
}

/* --- comparing -------------------------------------------------------------------------------------------------------- */

const struct kn_network_stock_device *kn_network_stock_find(const struct kn_network_stock *stock, const char *name)
{
    struct kn_network_stock_device key = { .name = "" };

    kn_copy(key.name, sizeof(key.name), name);
    return stock->count == 0 ? NULL : bsearch(&key, stock->items, stock->count, sizeof(key), stock_compare);
}

bool kn_network_stock_has(const struct kn_network_stock *stock, const struct kn_network_stock_want *want,
                          char why[KN_STOCK_WHY])
{
    const struct kn_network_stock_device *device = kn_network_stock_find(stock, want->name);
    const struct kn_network_stock_device *bridge = want->bridge == NULL ? NULL
                                                                        : kn_network_stock_find(stock, want->bridge);

    if (device == NULL) {
        snprintf(why, KN_STOCK_WHY, "%s is gone", want->name);
    } else if (want->bridge != NULL && (bridge == NULL || device->bridge != bridge->index)) {
        snprintf(why, KN_STOCK_WHY, "%s is not in %s", want->name, want->bridge);
    } else if (!device->is_up) {
        snprintf(why, KN_STOCK_WHY, "%s is down", want->name);
    } else if (want->mtu != 0 && device->mtu != want->mtu) {
        snprintf(why, KN_STOCK_WHY, "%s has an MTU of %d, not %d", want->name, device->mtu, want->mtu);
    } else if (want->bridge != NULL && (device->learns != want->is_wire || device->floods != want->is_wire)) {
        snprintf(why, KN_STOCK_WHY, "%s %s", want->name,
                 want->is_wire ? "does not learn and flood" : "learns or floods");
    } else {
        return true;
    }
    return false;
}

uint64_t kn_network_stock_digest(const struct kn_network_stock *stock)
{
    uint64_t digest = 0;

    for (size_t i = 0; i < stock->count; i++) {
        const struct kn_network_stock_device *device = &stock->items[i];
        uint64_t one = 14695981039346656037u;

        for (const char *at = device->name; *at != '\0'; at++) {
            one = (one ^ (uint8_t)*at) * 1099511628211u;
        }
        one = (one ^ device->index) * 1099511628211u;
        one = (one ^ (uint64_t)device->mtu) * 1099511628211u;
        digest += (one ^ (uint64_t)device->is_up) * 1099511628211u;
    }
    return digest;
}
