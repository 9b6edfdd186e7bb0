/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the arithmetic of waiting between tries. It reads no clock and draws no random number: both are the caller's, so that
 * tests see every answer. It must never give less than half of min_ms nor more than max_ms.
 */
#include "lib/base/backoff.h"

int64_t kn_backoff_next(struct kn_backoff *b, uint32_t random)
{
    int64_t step = b->next_ms > 0 ? b->next_ms : b->min_ms;
    if (step > b->max_ms) {
        step = b->max_ms;
    }
    b->next_ms = step > b->max_ms / 2 ? b->max_ms : step * 2;
    int64_t half = step / 2;
    return step - half + (int64_t)random % (half + 1);
}

void kn_backoff_reset(struct kn_backoff *b)
{
    b->next_ms = 0;
}
