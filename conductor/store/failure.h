/* SPDX-License-Identifier: Apache-2.0 */
/* failure: what owners of volumes are told of wishes that failed, in the transaction in which they fail. */
#ifndef KN_CONDUCTOR_STORE_FAILURE_H
#define KN_CONDUCTOR_STORE_FAILURE_H

#include "conductor/store/store.h"

/* A message for each of the moves that was applied, ends in failure and concerns a volume. days: how long it stays; 0 = for ever. */
int kn_conductor_failures_tell(struct kn_db *db, const struct kn_conductor_move *moves, int count, int64_t days,
                               struct kn_error *err);

#endif
