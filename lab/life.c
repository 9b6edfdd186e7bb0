/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life: decides when a supervised process is started, asked to end and killed. supervise.c does what it says and must
 * not decide any of this itself.
 */
#include "lab/life.h"

#include "lib/base/mem.h"

#define BACKOFF_MIN_MS 400 /* a step answers between its half and its whole */
#define BACKOFF_MAX_MS 5000
#define HEALTHY_MS 10000

struct transition {
    enum kn_lab_life_state next;
    enum kn_lab_life_action action;
};

#define STAY(state) \
    { \
        KN_LIFE_##state, KN_LIFE_NOTHING \
    }
#define GO(state, action) \
    { \
        KN_LIFE_##state, KN_LIFE_##action \
    }

/* The picture is in life.h. */
static const struct transition transitions[][KN_LIFE_EVENT_COUNT] = {
    [KN_LIFE_IDLE] = {
        [KN_LIFE_START] = GO(RUNNING, SPAWN),
        [KN_LIFE_EXITED] = STAY(IDLE),
        [KN_LIFE_DUE] = STAY(IDLE),
        [KN_LIFE_STOP] = STAY(IDLE),
        [KN_LIFE_RESTART] = GO(RUNNING, SPAWN),
    },
    [KN_LIFE_RUNNING] = {
        [KN_LIFE_START] = STAY(RUNNING),
        [KN_LIFE_EXITED] = GO(WAITING, NOTHING),
        [KN_LIFE_DUE] = STAY(RUNNING),
        [KN_LIFE_STOP] = GO(STOPPING, ASK),
        [KN_LIFE_RESTART] = GO(RESTARTING, ASK),
    },
    [KN_LIFE_WAITING] = {
        [KN_LIFE_START] = GO(RUNNING, SPAWN),
        [KN_LIFE_EXITED] = STAY(WAITING),
        [KN_LIFE_DUE] = GO(RUNNING, SPAWN),
        [KN_LIFE_STOP] = GO(IDLE, NOTHING),
        [KN_LIFE_RESTART] = GO(RUNNING, SPAWN),
    },
    [KN_LIFE_STOPPING] = {
        [KN_LIFE_START] = GO(RESTARTING, NOTHING),
        [KN_LIFE_EXITED] = GO(IDLE, NOTHING),
        [KN_LIFE_DUE] = GO(STOPPING, KILL),
        [KN_LIFE_STOP] = STAY(STOPPING),
        [KN_LIFE_RESTART] = GO(RESTARTING, NOTHING),
    },
    [KN_LIFE_RESTARTING] = {
        [KN_LIFE_START] = STAY(RESTARTING),
        [KN_LIFE_EXITED] = GO(RUNNING, SPAWN),
        [KN_LIFE_DUE] = GO(RESTARTING, KILL),
        [KN_LIFE_STOP] = GO(STOPPING, NOTHING),
        [KN_LIFE_RESTART] = STAY(RESTARTING),
    },
};
_Static_assert(KN_COUNT(transitions) == KN_LIFE_STATE_COUNT, "every state has a row");

void kn_lab_life_init(struct kn_lab_life *life, int64_t grace_ms)
{
    *life = (struct kn_lab_life){
        .state = KN_LIFE_IDLE,
        .backoff = { .min_ms = BACKOFF_MIN_MS, .max_ms = BACKOFF_MAX_MS },
        .due_ms = INT64_MAX,
        .grace_ms = grace_ms,
    };
}

static void plan_restart(struct kn_lab_life *life, int64_t now_ms, uint32_t random)
{
    if (now_ms - life->started_ms >= HEALTHY_MS) {
        kn_backoff_reset(&life->backoff);
    }
    life->due_ms = now_ms + kn_backoff_next(&life->backoff, random);
    life->restarts++;
}

enum kn_lab_life_action kn_lab_life_step(struct kn_lab_life *life, enum kn_lab_life_event event, int64_t now_ms,
                                         uint32_t random)
{
    const struct transition *t = &transitions[life->state][event];
    enum kn_lab_life_state before = life->state;

    life->state = t->next;
    switch (t->action) {
    case KN_LIFE_SPAWN:
        life->started_ms = now_ms;
        life->due_ms = INT64_MAX;
        break;
    case KN_LIFE_ASK:
        life->due_ms = now_ms + life->grace_ms;
        break;
    case KN_LIFE_KILL:
        life->due_ms = INT64_MAX; /* nothing is stronger */
        break;
    case KN_LIFE_NOTHING:
        if (life->state == KN_LIFE_WAITING && before == KN_LIFE_RUNNING) {
            plan_restart(life, now_ms, random);
        } else if (life->state == KN_LIFE_IDLE) {
            life->due_ms = INT64_MAX;
            kn_backoff_reset(&life->backoff);
        }
        break;
    }
    return t->action;
}

const char *kn_lab_life_word(enum kn_lab_life_state state)
{
    static const char *const words[] = {
#define X(name, word) [name] = (word),
        KN_LIFE_STATES(X)
#undef X
    };

    return words[state];
}
