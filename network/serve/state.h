/* SPDX-License-Identifier: Apache-2.0 */
/* state: what hosts are told of networks, and the outbox of what they must hear (network/rows/change.h). */
#ifndef KN_NETWORK_SERVE_STATE_H
#define KN_NETWORK_SERVE_STATE_H

#include "lib/adapter/daemon.h"

/* Takes what waits in the outbox. */
int kn_network_state_work(struct kn_daemon *d, struct kn_error *err);

#endif
