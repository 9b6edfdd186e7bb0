/* SPDX-License-Identifier: Apache-2.0 */
/* link_private: what the two files of host_link share; nobody else includes it. */
#ifndef KN_NETWORK_HOST_LINK_PRIVATE_H
#define KN_NETWORK_HOST_LINK_PRIVATE_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "network/host/link.h"

struct kn_network_links {
    struct nl_sock *socket;
};

/* Sends and waits for the answer; frees msg. An error of the code `fine` (NLE_…, 0 = none) counts as success. */
int kn_network_links_send(struct kn_network_links *links, struct nl_msg *msg, int fine, const char *what,
                          const char *name, struct kn_error *err);

#endif
