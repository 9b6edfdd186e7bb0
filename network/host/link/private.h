/* SPDX-License-Identifier: Apache-2.0 */
/* private: what the two files of host_link share; nobody else includes it. */
#ifndef KN_NETWORK_HOST_LINK_PRIVATE_H
#define KN_NETWORK_HOST_LINK_PRIVATE_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "lib/base/strbuf.h"
#include "network/host/link/link.h"

struct kn_network_links {
    struct nl_sock *socket;
};

/* Sends and waits for the answer; frees msg. An error of the code `fine` (NLE_…, 0 = none) counts as success. */
int kn_network_links_send(struct kn_network_links *links, struct nl_msg *msg, int fine, const char *what,
                          const char *name, struct kn_error *err);

/*
 * Many messages in few system calls: gathered until they fill a buffer, then sent and answered together. The first error that is none of the two fine ones is
 * kept and fails the end.
 */
struct kn_network_links_batch {
    struct kn_network_links *links;
    struct kn_strbuf buffer;
    unsigned waiting;     /* messages in it */
    int fine[2];          /* errno values that are no failures */
    int failed;           /* errno; 0: none */
};
#define KN_LINKS_BATCH(l) \
    { \
        .links = (l), .buffer = KN_STRBUF_INIT \
    }
int kn_network_links_batch_add(struct kn_network_links_batch *batch, struct nl_msg *msg,
                               struct kn_error *err); /* frees msg */
int kn_network_links_batch_end(struct kn_network_links_batch *batch, const char *what, const char *name,
                               struct kn_error *err); /* sends the rest; the batch is empty then */

#endif
