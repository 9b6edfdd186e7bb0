/* SPDX-License-Identifier: Apache-2.0 */
/* host: how a host leaves the books (table host), for the operator's command and for compute's door. */
#ifndef KN_ADAPTER_HOST_H
#define KN_ADAPTER_HOST_H

#include <stdint.h>

#include "lib/adapter/db.h"

/* What keeps a host in the books; all zero: nothing. */
struct kn_host_obstacles {
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
int kn_host_remove(struct kn_db *db, const char *host, int64_t silent_s, struct kn_host_obstacles *ret,
                   struct kn_error *err);

#endif
