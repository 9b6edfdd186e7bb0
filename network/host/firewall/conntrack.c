/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack.c: two netlink dumps, one a family; what is to end is gathered during the dump and ended after it, because a socket does one thing at a
 * time. Never decides what ends.
 */
#include "network/host/firewall/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct kn_network_conntrack {
    struct nfct_handle *handle;
};

int kn_network_conntrack_open(struct kn_network_conntrack **ret_conntrack, struct kn_error *err)
{
    struct nfct_handle *handle = nfct_open(CONNTRACK, 0);

    if (handle == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot ask for connections: %s", strerror(errno));
    }
    *ret_conntrack = KN_NEW(struct kn_network_conntrack);
    (*ret_conntrack)->handle = handle;
    return 0;
}

void kn_network_conntrack_free(struct kn_network_conntrack *conntrack)
{
    if (conntrack != NULL) {
        nfct_close(conntrack->handle);
        free(conntrack);
    }
}

/* What is gathered in a dump. */
struct ending {
    const struct kn_network_ender *ender;
    struct nf_conntrack **items;
    size_t count, room;
};

static void read_ip(const struct nf_conntrack *ct, enum nf_conntrack_attr v4, enum nf_conntrack_attr v6,
                    struct kn_ip *ip)
{
    bool is_v4 = nfct_get_attr_u8(ct, ATTR_L3PROTO) == AF_INET;
    const void *bytes = nfct_get_attr(ct, is_v4 ? v4 : v6);

    *ip = KN_IP_NONE;
    if (bytes != NULL) {
        ip->family = is_v4 ? 4 : 6;
        memcpy(ip->bytes, bytes, is_v4 ? 4 : 16);
    }
}

static void read_packet(const struct nf_conntrack *ct, bool is_reply, struct kn_network_packet *packet)
{
    packet->protocol = nfct_get_attr_u8(ct, ATTR_L4PROTO);
    read_ip(ct, is_reply ? ATTR_REPL_IPV4_SRC : ATTR_ORIG_IPV4_SRC, is_reply ? ATTR_REPL_IPV6_SRC : ATTR_ORIG_IPV6_SRC,
            &packet->source);
    read_ip(ct, is_reply ? ATTR_REPL_IPV4_DST : ATTR_ORIG_IPV4_DST, is_reply ? ATTR_REPL_IPV6_DST : ATTR_ORIG_IPV6_DST,
            &packet->destination);
    if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6) {
        packet->source_port = nfct_get_attr_u8(ct, ATTR_ICMP_TYPE);
        packet->destination_port = nfct_get_attr_u8(ct, ATTR_ICMP_CODE);
        return;
    }
    packet->source_port = ntohs(nfct_get_attr_u16(ct, is_reply ? ATTR_REPL_PORT_SRC : ATTR_ORIG_PORT_SRC));
    packet->destination_port = ntohs(nfct_get_attr_u16(ct, is_reply ? ATTR_REPL_PORT_DST : ATTR_ORIG_PORT_DST));
}

static int conntrack_see(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *data)
{
    struct ending *ending = data;
    struct kn_network_connection connection = { .zone = nfct_get_attr_u16(ct, ATTR_ZONE) };

    (void)type;
    read_packet(ct, false, &connection.original);
    read_packet(ct, true, &connection.reply);
    if (!ending->ender->ends(ending->ender->ctx, &connection)) {
        return NFCT_CB_CONTINUE;
    }
    if (ending->count == ending->room) {
        ending->room = ending->room * 2 + 64;
        ending->items = kn_realloc_array(ending->items, ending->room, sizeof(struct nf_conntrack *));
    }
    ending->items[ending->count++] = ct;
    return NFCT_CB_STOLEN;
}

static int conntrack_dump(struct kn_network_conntrack *conntrack, uint32_t family, struct ending *ending,
                          struct kn_error *err)
{
    nfct_callback_register(conntrack->handle, NFCT_T_ALL, conntrack_see, ending);
    int rc = nfct_query(conntrack->handle, NFCT_Q_DUMP, &family);

    nfct_callback_unregister(conntrack->handle);
    return rc == 0 ? 0 : kn_fail(err, KN_INTERNAL, "cannot list connections: %s", strerror(errno));
}

int kn_network_conntrack_end(struct kn_network_conntrack *conntrack, const struct kn_network_ender *ender,
                             struct kn_error *err)
{
    struct ending ending = { .ender = ender };
    int rc = conntrack_dump(conntrack, AF_INET, &ending, err) < 0 ? -1
                                                                  : conntrack_dump(conntrack, AF_INET6, &ending, err);

    if (rc == 0 && ender->found != NULL) {
        rc = ender->found(ender->ctx, err);
    }
    for (size_t i = 0; i < ending.count; i++) {
        if (rc == 0 && nfct_query(conntrack->handle, NFCT_Q_DESTROY, ending.items[i]) < 0 && errno != ENOENT) {
            rc = kn_fail(err, KN_INTERNAL, "cannot end a connection: %s", strerror(errno));
        }
        nfct_destroy(ending.items[i]);
    }
    free(ending.items);
    return rc;
}
