/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition: how a daemon is, told by its main thread, asked by its door (health.c). A main thread that hangs cannot say so: what it says is that it got
 * round, and whoever asks looks how long ago that was. Pure but for the lock; a zeroed one is ready, and well.
 */
#ifndef KN_ADAPTER_CONDITION_H
#define KN_ADAPTER_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KN_CONDITION_TEXT 400

struct kn_condition {
    pthread_mutex_t lock;
    int64_t beat_ms;  /* guarded by lock, as all of it: monotonic, its last round; 0: none yet */
    char missed[300]; /* why the round after it failed; "": it did not, or is not over */
    char stuck[300];  /* why it gets nowhere although it goes round */
};

/* A whole round was gone: the database took the heartbeat (an agent: the loop rang its timers). */
void kn_condition_beat(struct kn_condition *c, int64_t now_ms);
/* A round failed. One is no illness; many in a row are, because no beat comes. */
void kn_condition_missed(struct kn_condition *c, const char *why);
/* NULL: it gets on. */
void kn_condition_stuck(struct kn_condition *c, const char *why);
/* Whether it is ill; then *ret_text says how, in one line. */
bool kn_condition_ill(struct kn_condition *c, int64_t now_ms, char ret_text[KN_CONDITION_TEXT]);

#endif
