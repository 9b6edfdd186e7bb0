/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cut.c: the connections that the kernel tracks in this namespace, by nfnetlink over libnl: all are read, and those that nobody wants are
 * deleted by the tuple that they came with. A connection that is cut so is translated anew, or not at all, by its next packet.
 */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "network/host/link/inside.h"
#include "network/host/router/router.h"

struct cut_doomed {
    uint8_t family;
    void *tuple; /* CTA_TUPLE_ORIG as it came */
    int size;
};

struct cut {
    kn_network_inside_wants *wants;
    const void *ctx;
    struct cut_doomed *doomed;
    size_t count;
};

static int cut_type(int message)
{
    return NFNL_SUBSYS_CTNETLINK << 8 | message;
}

static struct nl_msg *cut_message(int message, int flags, uint8_t family)
{
    struct nl_msg *msg = nlmsg_alloc_simple(cut_type(message), flags);
    struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0 };

    nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
    return msg;
}

static struct kn_ip cut_ip(struct nlattr *const attrs[CTA_IP_MAX + 1], int v4, int v6)
{
    struct kn_ip ip = KN_IP_NONE;

    if (attrs[v4] != NULL && nla_len(attrs[v4]) == 4) {
        ip.family = 4;
        memcpy(ip.bytes, nla_data(attrs[v4]), 4);
    } else if (attrs[v6] != NULL && nla_len(attrs[v6]) == 16) {
        ip.family = 6;
        memcpy(ip.bytes, nla_data(attrs[v6]), 16);
    }
    return ip;
}

struct cut_tuple {
    struct kn_ip source, destination;
    uint8_t protocol;
    uint16_t source_port, destination_port;
};

static uint16_t cut_port(struct nlattr *attr)
{
    return attr != NULL && nla_len(attr) == 2 ? ntohs(nla_get_u16(attr)) : 0;
}

static bool cut_read_tuple(struct nlattr *attr, struct cut_tuple *ret)
{
    struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

    if (attr == NULL || nla_parse_nested(tuple, CTA_TUPLE_MAX, attr, NULL) < 0 || tuple[CTA_TUPLE_IP] == NULL ||
        tuple[CTA_TUPLE_PROTO] == NULL || nla_parse_nested(ip, CTA_IP_MAX, tuple[CTA_TUPLE_IP], NULL) < 0 ||
        nla_parse_nested(proto, CTA_PROTO_MAX, tuple[CTA_TUPLE_PROTO], NULL) < 0) {
        return false;
    }
    *ret = (struct cut_tuple){ .source = cut_ip(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC),
                               .destination = cut_ip(ip, CTA_IP_V4_DST, CTA_IP_V6_DST),
                               .protocol = proto[CTA_PROTO_NUM] != NULL ? nla_get_u8(proto[CTA_PROTO_NUM]) : 0,
                               .source_port = cut_port(proto[CTA_PROTO_SRC_PORT]),
                               .destination_port = cut_port(proto[CTA_PROTO_DST_PORT]) };
    return true;
}

static int cut_read(struct nl_msg *msg, void *arg)
{
    struct cut *cut = arg;
    struct nlmsghdr *header = nlmsg_hdr(msg);
    const struct nfgenmsg *head = nlmsg_data(header);
    struct nlattr *original = nlmsg_find_attr(header, sizeof(*head), CTA_TUPLE_ORIG);
    struct cut_tuple there, back;

    if (!cut_read_tuple(original, &there) ||
        !cut_read_tuple(nlmsg_find_attr(header, sizeof(*head), CTA_TUPLE_REPLY), &back)) {
        return NL_OK;
    }
    const struct kn_network_router_flow flow = { .protocol = there.protocol,
                                                 .source = there.source,
                                                 .destination = there.destination,
                                                 .reply_source = back.source,
                                                 .reply_destination = back.destination,
                                                 .destination_port = there.destination_port,
                                                 .reply_source_port = back.source_port };

    if (!cut->wants(cut->ctx, &flow)) {
        cut->doomed = kn_realloc_array(cut->doomed, cut->count + 1, sizeof(*cut->doomed));
        struct cut_doomed *doomed = &cut->doomed[cut->count++];

        *doomed = (struct cut_doomed){ head->nfgen_family, kn_alloc((size_t)nla_len(original)), nla_len(original) };
        memcpy(doomed->tuple, nla_data(original), (size_t)doomed->size);
    }
    return NL_OK;
}

static int cut_dump(struct nl_sock *socket, struct cut *cut, struct kn_error *err)
{
    struct nl_msg *msg = cut_message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
    int rc = nl_send_auto(socket, msg);

    nlmsg_free(msg);
    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, cut_read, cut);
    if (rc >= 0) {
        rc = nl_recvmsgs_default(socket);
    }
    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
    return rc < 0 ? kn_fail(err, KN_INTERNAL, "reading tracked connections: %s", nl_geterror(rc)) : 0;
}

/* One that ended meanwhile is cut. */
static int cut_delete(struct nl_sock *socket, const struct cut_doomed *doomed, struct kn_error *err)
{
    struct nl_msg *msg = cut_message(IPCTNL_MSG_CT_DELETE, 0, doomed->family);

    nla_put(msg, CTA_TUPLE_ORIG | NLA_F_NESTED, doomed->size, doomed->tuple);
    const int rc = nl_send_sync(socket, msg);

    return rc < 0 && rc != -NLE_OBJ_NOTFOUND
               ? kn_fail(err, KN_INTERNAL, "cutting a tracked connection: %s", nl_geterror(rc))
               : 0;
}

int kn_network_inside_cut(kn_network_inside_wants *wants, const void *ctx, struct kn_error *err)
{
    struct cut cut = { .wants = wants, .ctx = ctx };
    struct nl_sock *socket = nl_socket_alloc();
    int rc = nl_connect(socket, NETLINK_NETFILTER);

    rc = rc < 0 ? kn_fail(err, KN_INTERNAL, "netlink: %s", nl_geterror(rc)) : cut_dump(socket, &cut, err);
    for (size_t i = 0; i < cut.count; i++) {
        rc = rc < 0 ? rc : cut_delete(socket, &cut.doomed[i], err);
        free(cut.doomed[i].tuple);
    }
    free(cut.doomed);
    nl_socket_free(socket);
    return rc;
}
