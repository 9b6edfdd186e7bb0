/* SPDX-License-Identifier: Apache-2.0 */
/* nft: applies one nftables transaction, and lists what the kernel has; the cage of libnftables. One thread at a time. */
#ifndef KN_NETWORK_HOST_FIREWALL_NFT_H
#define KN_NETWORK_HOST_FIREWALL_NFT_H

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

struct kn_network_nft;

/* Works on the namespace in which it is made. */
int kn_network_nft_new(struct kn_network_nft **ret_nft, struct kn_error *err);
void kn_network_nft_free(struct kn_network_nft *nft);
/* All of the text or nothing of it. */
int kn_network_nft_apply(struct kn_network_nft *nft, const char *text, struct kn_error *err);
/* The same for a table that nobody compares with anything: the generation below does not count it. */
int kn_network_nft_apply_aside(struct kn_network_nft *nft, const char *text, struct kn_error *err);
/* The table of that family ("bridge", "inet") and name as nft lists it, all numbers numeric, without counters; KN_NOT_FOUND if there is none. */
int kn_network_nft_list(struct kn_network_nft *nft, const char *family, const char *table, struct kn_strbuf *out,
                        struct kn_error *err);
/* Grows with every transaction of anybody in the namespace but those that this process made aside. */
int kn_network_nft_generation(struct kn_network_nft *nft, uint32_t *ret_generation, struct kn_error *err);

#endif
