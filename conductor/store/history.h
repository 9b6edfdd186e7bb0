/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: what is over is kept for its days (history.*), then it goes, in small batches. Nothing that is open, or that something living
 * refers to, ever goes.
 */
#ifndef KN_CONDUCTOR_STORE_HISTORY_H
#define KN_CONDUCTOR_STORE_HISTORY_H

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"

/* One kind of history: what is counted and dropped, oldest first. */
struct kn_conductor_history {
    const char *name;
    int64_t (*days)(const struct kn_conf *conf); /* 0 = for ever; NULL: it goes at once */
    struct kn_stmt count;                        /* $1: days */
    struct kn_stmt prune; /* $1: days, $2: how many at most; returns a row for each that went */
};

extern const struct kn_conductor_history kn_conductor_history[]; /* ended by name == NULL */

/* One batch of every kind; *ret_more: another one may find something. Each kind is a transaction of its own. */
int kn_conductor_history_prune(struct kn_db *db, const struct kn_conf *conf, bool *ret_more, struct kn_error *err);
/* How many of that kind would go now. */
int kn_conductor_history_count(struct kn_db *db, const struct kn_conf *conf, const struct kn_conductor_history *kind,
                               int64_t *ret, struct kn_error *err);

#endif
