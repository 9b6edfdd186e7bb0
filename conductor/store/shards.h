/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shards: which shards this conductor leases. The truth is the table `shard`; ownership changes by bumping the epoch, and every write
 * of a conductor locks its shards' rows and compares the epoch, so that one that was frozen and wakes up cannot write.
 *
 * An owner is one life of a conductor: its host and its boot id. Two with one host's name (a cloned machine) are two owners, so none renews the
 * other's leases. A conductor that starts holds the lock of its name (lib/adapter/namesake.h), so every earlier boot of its host is dead, and it
 * takes their shards at once instead of waiting for the leases to end.
 */
#ifndef KN_CONDUCTOR_STORE_SHARDS_H
#define KN_CONDUCTOR_STORE_SHARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/uuid.h"

struct kn_conductor_shards {
    char host[256];
    char owner[300]; /* host/boot */
    int64_t lease_ms;
    bool mine[KN_SHARDS];
    int64_t epoch[KN_SHARDS];
    int64_t
        lease_until_ms; /* kn_boot_ms() before the statement that wrote the leases, plus the lease: never later than the table's */
};

/* How many shards each of `live` conductors should have at most. Pure. */
int kn_conductor_shards_share(int live);
/* Nothing is leased yet. */
void kn_conductor_shards_init(struct kn_conductor_shards *shards, const char *host, const char *boot, int64_t lease_ms);
/* Takes what earlier boots of this host held. Only while the lock of its name is held: they must be dead. */
int kn_conductor_shards_reclaim(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err);
/* Renews, takes what is free, gives up what is too much. What changed is seen by comparing `mine` before and after. */
int kn_conductor_shards_renew(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err);
/* Whether the leases have ended by our own clock: then somebody else may have the shards, until a renewal has compared the epochs. Pure. */
bool kn_conductor_shards_lapsed(const struct kn_conductor_shards *shards, int64_t now_ms);
/* Gives all up: the other conductors need not wait. */
int kn_conductor_shards_release(struct kn_conductor_shards *shards, struct kn_db *db, struct kn_error *err);
/*
 * Inside a transaction: locks the rows of my shards and says which still stand at my epoch; the rest is no longer mine.
 */
int kn_conductor_shards_lock(const struct kn_conductor_shards *shards, struct kn_db *db, bool ret_valid[KN_SHARDS],
                             struct kn_error *err);
/* {1,5,9} as an argument for = ANY(). */
const char *kn_conductor_shards_array(const struct kn_conductor_shards *shards, struct kn_array *array);

#endif
