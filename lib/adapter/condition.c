/* SPDX-License-Identifier: Apache-2.0 */
/* What main thread and door share of a daemon's health, and the judgement. It must never touch the database or the bus: whatever hangs, this answers. */
#include "lib/adapter/condition.h"

#include <stdio.h>

#include "lib/base/mem.h"

#define LATE_MS 15000 /* daemons go round every 1 to 5 s */

void kn_condition_beat(struct kn_condition *c, int64_t now_ms)
{
    pthread_mutex_lock(&c->lock);
    c->beat_ms = now_ms;
    c->missed[0] = '\0';
    pthread_mutex_unlock(&c->lock);
}

void kn_condition_missed(struct kn_condition *c, const char *why)
{
    pthread_mutex_lock(&c->lock);
    kn_copy(c->missed, sizeof(c->missed), why);
    pthread_mutex_unlock(&c->lock);
}

void kn_condition_stuck(struct kn_condition *c, const char *why)
{
    pthread_mutex_lock(&c->lock);
    kn_copy(c->stuck, sizeof(c->stuck), why != NULL ? why : "");
    pthread_mutex_unlock(&c->lock);
}

bool kn_condition_ill(struct kn_condition *c, int64_t now_ms, char ret_text[KN_CONDITION_TEXT])
{
    bool is_ill = true;

    pthread_mutex_lock(&c->lock);
    const int64_t silent_ms = c->beat_ms == 0 ? 0 : now_ms - c->beat_ms;
    if (silent_ms > LATE_MS) {
        snprintf(ret_text, KN_CONDITION_TEXT, "no heartbeat for %lld s: %s", (long long)silent_ms / 1000,
                 c->missed[0] != '\0'  ? c->missed
                 : c->stuck[0] != '\0' ? c->stuck
                                       : "it waits for something that does not answer");
    } else if (c->stuck[0] != '\0') {
        snprintf(ret_text, KN_CONDITION_TEXT, "stuck: %s", c->stuck);
    } else {
        is_ill = false;
    }
    pthread_mutex_unlock(&c->lock);
    return is_ill;
}
