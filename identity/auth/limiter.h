/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter: how often somebody may be wrong. A bucket a name (user and address): it holds FAILURES, a failure takes one out, and
 * they come back one by one over time. Success costs nothing. A fixed number of buckets; the one that was used longest ago is given
 * up, so a flood of names cannot grow it. Pure: the time comes from the caller. Not thread-safe.
 */
#ifndef KN_IDENTITY_AUTH_LIMITER_H
#define KN_IDENTITY_AUTH_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define KN_LIMITER_FAILURES 10
#define KN_LIMITER_RETURN_MS 6000 /* one comes back in this time */
#define KN_LIMITER_SETS 1024
#define KN_LIMITER_WAYS 4

struct kn_identity_limiter_bucket {
    uint64_t name; /* hash; 0 = free */
    int64_t full_at_ms; /* when all failures are forgotten */
};

struct kn_identity_limiter {
    struct kn_identity_limiter_bucket bucket[KN_LIMITER_SETS][KN_LIMITER_WAYS];
};

/* May this name try? */
bool kn_identity_limiter_allows(const struct kn_identity_limiter *limiter, const char *name, int64_t now_ms);
void kn_identity_limiter_failed(struct kn_identity_limiter *limiter, const char *name, int64_t now_ms);

#endif
