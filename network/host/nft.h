/* SPDX-License-Identifier: Apache-2.0 */
/* nft: applies one nftables transaction; the cage of libnftables. One thread at a time. */
#ifndef KN_NETWORK_HOST_NFT_H
#define KN_NETWORK_HOST_NFT_H

#include "lib/base/error.h"

struct kn_network_nft;

/* Works on the namespace in which it is made. */
int kn_network_nft_new(struct kn_network_nft **ret_nft, struct kn_error *err);
void kn_network_nft_free(struct kn_network_nft *nft);
/* All of the text or nothing of it. */
int kn_network_nft_apply(struct kn_network_nft *nft, const char *text, struct kn_error *err);

#endif
