/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life: the life of one supervised process as a table. Pure: no clock, no process; `now` is a parameter and what is to
 * be done is the answer.
 *
 *              start            exited             due              stop        restart
 *   idle       running, spawn   -                  -                -           running, spawn
 *   running    -                waiting            -                stopping,   restarting, ask
 *                                                                   ask
 *   waiting    running, spawn   -                  running, spawn   idle        running, spawn
 *   stopping   restarting       idle               stopping, kill   -           restarting
 *   restarting -                running, spawn     restarting, kill stopping    -
 *
 * A process that dies by itself waits 0.2 s before it is started again, longer each time up to 5 s, and is taken for
 * healthy again once it ran for 10 s.
 */
#ifndef KN_LAB_LIFE_H
#define KN_LAB_LIFE_H

#include <stdint.h>

#include "lib/base/backoff.h"

/* X(name, word) */
#define KN_LIFE_STATES(X) \
    X(KN_LIFE_IDLE, "idle")             /* does not run and shall not */ \
    X(KN_LIFE_RUNNING, "running")       /* runs and shall */ \
    X(KN_LIFE_WAITING, "waiting")       /* died; is started again at due_ms */ \
    X(KN_LIFE_STOPPING, "stopping")     /* was asked to end; is killed at due_ms */ \
    X(KN_LIFE_RESTARTING, "restarting") /* the same, and is started once it ended */

enum kn_lab_life_state {
#define X(name, word) name,
    KN_LIFE_STATES(X)
#undef X
        KN_LIFE_STATE_COUNT
};

enum kn_lab_life_event {
    KN_LIFE_START,   /* somebody wants it to run */
    KN_LIFE_EXITED,  /* it ended, or could not be started */
    KN_LIFE_DUE,     /* due_ms has come */
    KN_LIFE_STOP,    /* somebody wants it to end */
    KN_LIFE_RESTART, /* somebody wants a new one */
    KN_LIFE_EVENT_COUNT
};

enum kn_lab_life_action { KN_LIFE_NOTHING, KN_LIFE_SPAWN, KN_LIFE_ASK, KN_LIFE_KILL };

struct kn_lab_life {
    enum kn_lab_life_state state;
    struct kn_backoff backoff;
    int64_t started_ms;
    int64_t due_ms;     /* INT64_MAX: never */
    int64_t grace_ms;   /* between ask and kill */
    uint32_t restarts;  /* how often it was started again without being asked */
};

void kn_lab_life_init(struct kn_lab_life *life, int64_t grace_ms);
/* Moves life and says what to do about it. random: any number, for the jitter. */
enum kn_lab_life_action kn_lab_life_step(struct kn_lab_life *life, enum kn_lab_life_event event, int64_t now_ms,
                                         uint32_t random);
const char *kn_lab_life_word(enum kn_lab_life_state state);

#endif
