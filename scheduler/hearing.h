/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hearing: a clock for silences, which stands still while nobody at all is heard on kn.report. Conductors speak there every two seconds: when
 * they are not heard either, it is the bus that is away (or we were busy), and no agent is down for that. Pure.
 */
#ifndef KN_SCHEDULER_HEARING_H
#define KN_SCHEDULER_HEARING_H

#include <stdint.h>

#define KN_HEARING_GAP_MS 10000 /* a silence of all that is longer does not count */

struct kn_scheduler_hearing {
    int64_t last_ms; /* monotonic: somebody was heard; the start counts */
    int64_t deaf_ms; /* all that did not count */
};

/* Somebody was heard. */
void kn_scheduler_hearing_heard(struct kn_scheduler_hearing *h, int64_t now_ms);
/* The clock. May step back by KN_HEARING_GAP_MS, when a silence turns out to be a gap. */
int64_t kn_scheduler_hearing_ms(const struct kn_scheduler_hearing *h, int64_t now_ms);

#endif
