/* SPDX-License-Identifier: Apache-2.0 */
/* scheduler/api: what compute's door asks of this room: its table `host` is nobody else's to shorten. */
#ifndef KN_SCHEDULER_API_H
#define KN_SCHEDULER_API_H

#include <stdint.h>

#include "lib/adapter/db.h"

/* What keeps a host in the books; all zero: nothing. */
struct kn_scheduler_obstacles {
    int64_t servers; /* are on it */
    int64_t places; /* are held on it */
    bool is_heard; /* its agent spoke within silent_s, heard_s ago */
    int64_t heard_s;
    char agent[256];
};

/*
 * Takes a host out of the books, held meanwhile so that nobody claims a place on it. KN_NOT_FOUND; KN_CONFLICT with *ret filled: something is in the way, the caller
 * has the words.
 */
int kn_scheduler_host_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_scheduler_obstacles *ret,
                             struct kn_error *err);

#endif
