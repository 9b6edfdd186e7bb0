/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stock: all devices of the calling thread's namespace, listed once, and whether what was built stands among them as it was built. Reads and changes nothing.
 */
#ifndef KN_NETWORK_HOST_LINK_STOCK_H
#define KN_NETWORK_HOST_LINK_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "network/host/nic.h"

#define KN_STOCK_WHY 128

struct kn_network_stock_device {
    char name[KN_HOST_IFNAME];
    unsigned index, bridge; /* bridge: the index of the one that it is in; 0: none */
    int mtu;
    bool is_up, learns, floods; /* the last two: as a bridge's port */
};

struct kn_network_stock {
    struct kn_network_stock_device *items; /* by name */
    size_t count;
};

int kn_network_stock_take(struct kn_network_stock **ret_stock, struct kn_error *err);
void kn_network_stock_free(struct kn_network_stock *stock);
KN_DEFINE_AUTO(kn_network_stock);

/* NULL: there is none of that name. */
const struct kn_network_stock_device *kn_network_stock_find(const struct kn_network_stock *stock, const char *name);

struct kn_network_stock_want {
    const char *name, *bridge; /* bridge NULL: it is in none of ours */
    int mtu; /* 0: any */
    bool is_wire; /* learns and floods as a switch's port does; the others of a bridge do neither */
};
/* The device is there, up, of that MTU and in that bridge. If not, why says what is otherwise. */
bool kn_network_stock_has(const struct kn_network_stock *stock, const struct kn_network_stock_want *want,
                          char why[KN_STOCK_WHY]);
/* A number of what all devices are, in whatever order they are listed. */
uint64_t kn_network_stock_digest(const struct kn_network_stock *stock);

#endif
