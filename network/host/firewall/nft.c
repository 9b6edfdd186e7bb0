/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft.c: hands a text to libnftables, which sends it to the kernel as one transaction, and asks what the kernel has. Never makes up rules itself.
 * What libnftables cannot be asked, the generation, is asked by netlink.
 */
#include "network/host/firewall/nft.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct kn_network_nft {
    struct nft_ctx *ctx;
    struct nl_sock *socket;
};

int kn_network_nft_new(struct kn_network_nft **ret_nft, struct kn_error *err)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    struct nl_sock *socket = nl_socket_alloc();

    if (ctx == NULL || nl_connect(socket, NETLINK_NETFILTER) < 0) {
        nl_socket_free(socket);
        if (ctx != NULL) {
            nft_ctx_free(ctx);
        }
        return kn_fail(err, KN_INTERNAL, "cannot start libnftables");
    }
    nft_ctx_buffer_error(ctx);
    nft_ctx_buffer_output(ctx);
    nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
    *ret_nft = KN_NEW(struct kn_network_nft);
    (*ret_nft)->ctx = ctx;
    (*ret_nft)->socket = socket;
    return 0;
}

void kn_network_nft_free(struct kn_network_nft *nft)
{
    if (nft != NULL) {
        nft_ctx_free(nft->ctx);
        nl_socket_free(nft->socket);
        free(nft);
    }
}

static int nft_command(struct kn_network_nft *nft, const char *text, enum kn_code code, struct kn_error *err)
{
    if (nft_run_cmd_from_buffer(nft->ctx, text) == 0) {
        return 0;
    }
    const char *said = nft_ctx_get_error_buffer(nft->ctx);

    return kn_fail(err, code, "nftables: %.*s", (int)strcspn(said, "\n"), said);
}

int kn_network_nft_apply(struct kn_network_nft *nft, const char *text, struct kn_error *err)
{
    return nft_command(nft, text, KN_INTERNAL, err);
}

/* Transactions made aside; the lock is held over each of them and over reading the generation, so that both numbers are of one moment. */
static pthread_mutex_t aside_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t aside_count; /* guarded by it */

int kn_network_nft_apply_aside(struct kn_network_nft *nft, const char *text, struct kn_error *err)
{
    pthread_mutex_lock(&aside_lock);
    const int rc = kn_network_nft_apply(nft, text, err);

    aside_count += rc == 0;
    pthread_mutex_unlock(&aside_lock);
    return rc;
}

int kn_network_nft_list(struct kn_network_nft *nft, const char *family, const char *table, struct kn_strbuf *out,
                        struct kn_error *err)
{
    AUTO_FREE char *command = kn_asprintf("list table %s %s\n", family, table);

    if (nft_command(nft, command, KN_NOT_FOUND, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(out, nft_ctx_get_output_buffer(nft->ctx));
    return 0;
}

static int read_generation(struct nl_msg *msg, void *arg)
{
    struct nlattr *attrs[NFTA_GEN_MAX + 1];

    if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), attrs, NFTA_GEN_MAX, NULL) == 0 &&
        attrs[NFTA_GEN_ID] != NULL) {
        *(uint32_t *)arg = ntohl(nla_get_u32(attrs[NFTA_GEN_ID]));
    }
    return NL_OK;
}

static int nft_read_generation(struct kn_network_nft *nft, uint32_t *ret_generation, struct kn_error *err)
{
    struct nl_msg *msg = nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0);
    struct nfgenmsg head = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
    uint32_t generation = 0;

    nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
    nl_socket_modify_cb(nft->socket, NL_CB_VALID, NL_CB_CUSTOM, read_generation, &generation);
    nl_socket_disable_auto_ack(nft->socket);
    int rc = nl_send_auto(nft->socket, msg);

    nlmsg_free(msg);
    rc = rc < 0 ? rc : nl_recvmsgs_default(nft->socket);
    if (rc < 0) {
        return kn_fail(err, KN_INTERNAL, "nftables' generation: %s", nl_geterror(rc));
    }
    *ret_generation = generation;
    return 0;
}

int kn_network_nft_generation(struct kn_network_nft *nft, uint32_t *ret_generation, struct kn_error *err)
{
    pthread_mutex_lock(&aside_lock);
    const int rc = nft_read_generation(nft, ret_generation, err);

    *ret_generation -= rc == 0 ? aside_count : 0;
    pthread_mutex_unlock(&aside_lock);
    return rc;
}
