/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cut: which connections a change of the state may have left without a rule that allows them. Notes zones and addresses while the state changes; then
 * looks at the tracked connections, asks allows.h about those of noted addresses, and ends the ones that nothing allows any more; and once more a second later,
 * because a packet that the rules before the change let pass may have been on its way during the first look. A change that
 * takes nothing away (a new port, a new group) costs nothing.
 */
#ifndef KN_NETWORK_HOST_FIREWALL_CUT_H
#define KN_NETWORK_HOST_FIREWALL_CUT_H

#include <stdint.h>

#include "lib/base/error.h"
#include "network/host/firewall/nft.h"
#include "network/host/firewall/ruleset.h"
#include "network/host/state/state.h"

struct kn_network_cuts;

/*
 * How long the tracked connections are left alone after a look at them took that long: a tenth of the time goes into looking, however many connections somebody
 * opens and however often he changes his rules; and nobody waits for more than a second. Pure.
 */
int64_t kn_network_cuts_rest_ms(int64_t took_ms);

struct kn_network_cuts *kn_network_cuts_new(void);
void kn_network_cuts_free(struct kn_network_cuts *cuts);
void kn_network_cuts_change(struct kn_network_cuts *cuts, enum kn_network_kind kind, const void *before,
                            const void *after);
/* After the rules are in the kernel, and again later: does nothing while nothing is due. What could not be looked at stays noted. *ret_barred: one more nftables transaction was sent. */
int kn_network_cuts_make(struct kn_network_cuts *cuts, struct kn_network_nft *nft,
                         const struct kn_network_ruleset *ruleset, const struct kn_network_state *state,
                         bool *ret_barred, struct kn_error *err);

#endif
