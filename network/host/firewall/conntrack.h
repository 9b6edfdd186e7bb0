/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack: the connections that the kernel tracks, seen and ended; the cage of libnetfilter_conntrack. Works on the namespace of the calling thread
 * when it is opened. One thread at a time.
 */
#ifndef KN_NETWORK_HOST_FIREWALL_CONNTRACK_H
#define KN_NETWORK_HOST_FIREWALL_CONNTRACK_H

#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "network/host/firewall/allows.h"

struct kn_network_conntrack;

int kn_network_conntrack_open(struct kn_network_conntrack **ret_conntrack, struct kn_error *err);
void kn_network_conntrack_free(struct kn_network_conntrack *conntrack);
KN_DEFINE_AUTO(kn_network_conntrack);

/* A connection: its first packet, as it was sent, and the one that answers it (not the reverse where addresses are translated). */
struct kn_network_connection {
    uint16_t zone;
    struct kn_network_packet original, reply;
};

/* What connections are asked, with the same ctx. */
struct kn_network_ender {
    bool (*ends)(void *ctx, const struct kn_network_connection *connection);
    int (*found)(void *ctx, struct kn_error *err); /* all were asked, none has ended yet; NULL: nothing to do then */
    void *ctx;
};

/*
 * Looks at every connection once and ends those that the ender says; what was ended meanwhile by others is fine. Takes time in the number of connections of the
 * namespace: 100,000 are some tenths of a second.
 */
int kn_network_conntrack_end(struct kn_network_conntrack *conntrack, const struct kn_network_ender *ender,
                             struct kn_error *err);

#endif
