/* SPDX-License-Identifier: Apache-2.0 */
/* nft.c: hands a text to libnftables, which sends it to the kernel as one transaction. Never makes up rules itself. */
#include "network/host/nft.h"

#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct kn_network_nft {
    struct nft_ctx *ctx;
};

int kn_network_nft_new(struct kn_network_nft **ret_nft, struct kn_error *err)
{
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

    if (ctx == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot start libnftables");
    }
    nft_ctx_buffer_error(ctx);
    nft_ctx_buffer_output(ctx);
    *ret_nft = KN_NEW(struct kn_network_nft);
    (*ret_nft)->ctx = ctx;
    return 0;
}

void kn_network_nft_free(struct kn_network_nft *nft)
{
    if (nft != NULL) {
        nft_ctx_free(nft->ctx);
        free(nft);
    }
}

int kn_network_nft_apply(struct kn_network_nft *nft, const char *text, struct kn_error *err)
{
    if (nft_run_cmd_from_buffer(nft->ctx, text) == 0) {
        return 0;
    }
    const char *said = nft_ctx_get_error_buffer(nft->ctx);

    return kn_fail(err, KN_INTERNAL, "nftables: %.*s", (int)strcspn(said, "\n"), said);
}
