/* SPDX-License-Identifier: Apache-2.0 */
/* backoff: how long to wait before the next try; pure, jitter from the caller's seed. */
#ifndef KN_BASE_BACKOFF_H
#define KN_BASE_BACKOFF_H

#include <stdint.h>

struct kn_backoff {
    int64_t min_ms;
    int64_t max_ms;
    int64_t next_ms; /* 0 = first */
};

/* Doubles from min to max, each answer between half and the whole of the current step. */
int64_t kn_backoff_next(struct kn_backoff *b, uint32_t random);
void kn_backoff_reset(struct kn_backoff *b);

#endif
