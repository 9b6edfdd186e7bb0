/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the arithmetic of what is not heard: see hearing.h. It must never ask for the time itself. */
#include "scheduler/hearing.h"

static int64_t gap_ms(const struct kn_scheduler_hearing *h, int64_t now_ms)
{
    const int64_t silence_ms = now_ms - h->last_ms;

    return silence_ms > KN_HEARING_GAP_MS ? silence_ms : 0;
}

void kn_scheduler_hearing_heard(struct kn_scheduler_hearing *h, int64_t now_ms)
{
    h->deaf_ms += gap_ms(h, now_ms);
    h->last_ms = now_ms;
}

int64_t kn_scheduler_hearing_ms(const struct kn_scheduler_hearing *h, int64_t now_ms)
{
    return now_ms - h->deaf_ms - gap_ms(h, now_ms);
}
