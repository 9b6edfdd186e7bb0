/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: empties the outbox of changes. Nothing is derived from its rows yet but the forwarding tables, which have their own way (peers.c). */
#include "network/serve/state.h"

/* clang-format off */
static const struct kn_stmt TAKE = { "state_take", "DELETE FROM network_change WHERE aside IS NULL", 0 };
/* clang-format on */

int kn_network_state_work(struct kn_daemon *d, struct kn_error *err)
{
    return kn_db_run(d->db, &TAKE, KN_NO_ARGS, NULL, err);
}
