/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the arithmetic of failed logins. A bucket is one number: the time at which it is full again. It must never block or allocate. */
#include "identity/auth/limiter.h"

#include <stddef.h>

/* FNV-1a; 0 stands for a free bucket. */
static uint64_t hash(const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) {
        h = (h ^ (uint8_t)*name) * UINT64_C(1099511628211);
    }
    return h != 0 ? h : 1;
}

static int limiter_find(const struct kn_identity_limiter *l, uint64_t name)
{
    for (int i = 0; i < KN_LIMITER_WAYS; i++) {
        if (l->bucket[name % KN_LIMITER_SETS][i].name == name) {
            return i;
        }
    }
    return -1;
}

bool kn_identity_limiter_allows(const struct kn_identity_limiter *l, const char *name, int64_t now_ms)
{
    uint64_t h = hash(name);
    int way = limiter_find(l, h);

    return way < 0 ||
           l->bucket[h % KN_LIMITER_SETS][way].full_at_ms - now_ms <= (KN_LIMITER_FAILURES - 1) * KN_LIMITER_RETURN_MS;
}

void kn_identity_limiter_failed(struct kn_identity_limiter *l, const char *name, int64_t now_ms)
{
    uint64_t h = hash(name);
    struct kn_identity_limiter_bucket *set = l->bucket[h % KN_LIMITER_SETS];
    int way = limiter_find(l, h);

    if (way < 0) {
        way = 0;
        for (int i = 1; i < KN_LIMITER_WAYS; i++) {
            way = set[i].full_at_ms < set[way].full_at_ms ? i : way;
        }
        set[way] = (struct kn_identity_limiter_bucket){ .name = h };
    }
    int64_t from = set[way].full_at_ms > now_ms ? set[way].full_at_ms : now_ms;
    set[way].full_at_ms = from + KN_LIMITER_RETURN_MS;
}
