/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shards: which shards this conductor leases. The truth is the table `shard`; ownership changes by bumping the epoch, and every write
 * of a conductor locks its shards' rows and compares the epoch, so that one that was frozen and wakes up cannot write.
 *
 * owner is the conductor's stable name (binary and host), so that a conductor that was killed and restarted takes its own shards back at
 * once instead of waiting for their leases to end.
 */
#ifndef KN_CONDUCTOR_SHARDS_H
#define KN_CONDUCTOR_SHARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/uuid.h"

struct kn_shards {
    char owner[300];
    int64_t lease_ms;
    bool mine[KN_SHARDS];
    int64_t epoch[KN_SHARDS];
    int64_t lease_until_ms; /* kn_boot_ms() before the statement that wrote the leases, plus the lease: never later than the table's */
};

/* How many shards each of `live` conductors should have at most. Pure. */
int kn_shards_share(int live);
/* Takes back what an earlier life of this owner held. */
int kn_shards_reclaim(struct kn_shards *shards, struct kn_db *db, struct kn_error *err);
/* Renews, takes what is free, gives up what is too much. What changed is seen by comparing `mine` before and after. */
int kn_shards_renew(struct kn_shards *shards, struct kn_db *db, struct kn_error *err);
/* Whether the leases have ended by our own clock: then somebody else may have the shards, until a renewal has compared the epochs. Pure. */
bool kn_shards_lapsed(const struct kn_shards *shards, int64_t now_ms);
/* Gives all up: the other conductors need not wait. */
int kn_shards_release(struct kn_shards *shards, struct kn_db *db, struct kn_error *err);
/*
 * Inside a transaction: locks the rows of my shards and says which still stand at my epoch; the rest is no longer mine.
 */
int kn_shards_lock(const struct kn_shards *shards, struct kn_db *db, bool ret_valid[KN_SHARDS], struct kn_error *err);
/* {1,5,9} as an argument for = ANY(). */
const char *kn_shards_array(const struct kn_shards *shards, struct kn_array *array);

#endif
