/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes: a home for work that takes long. Threads, and in front of them a queue for each key: jobs of one key run one after the other in the order they
 * came, jobs of different keys side by side.
 *
 *   fair      a project never has all threads, whoever waits or not: the last one is kept for the next project; among those that wait it goes round, a job
 *             a turn. What is nobody's (project "") may have them all.
 *   far       what waits for somebody outside of this cloud never has more than half of the threads, nor a project the last of these: who is far and hangs holds up
 *             nobody who has nothing to do with him.
 *   bounded   so many jobs in all and of a project wait or run; one more is refused, and whoever asked hears it.
 *   watched   a job may be told to end: at its safe points it looks at kn_lane_word(). One that has not begun is taken out at once. It says how far it is.
 *
 * What a job is, is said by its trade, a row of functions; its argument belongs to the lanes from kn_lanes_add() until the trade's end().
 */
#ifndef KN_ADAPTER_LANES_H
#define KN_ADAPTER_LANES_H

#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_lanes;
struct kn_lane_job;

enum kn_lane_end {
    KN_LANE_RAN,       /* run() came back, whatever it was told */
    KN_LANE_CANCELLED, /* it never began */
    KN_LANE_DROPPED,   /* it never began, and the lanes stop */
};

/* None is called under the lock but again(). */
struct kn_lane_trade {
    void (*run)(struct kn_lane_job *job, void *arg);                       /* on a thread */
    void (*end)(void *arg,
                enum kn_lane_end how); /* nobody finds the job any more: arg is the trade's again. Any thread */
    void (*again)(void *arg, void *newer); /* a job of that name is here: it learns what the newer one says. Short */
    void (*tell)(void *arg, int percent, const char *detail); /* from kn_lane_tell(), at most every bounds.tell_ms */
    void *(*enter)(void *ctx); /* optional: what each thread has of its own */
    void (*leave)(void *own); /* with enter */
    void *ctx;
};

struct kn_lane_bounds {
    int threads;
    int jobs; /* that wait or run */
    int jobs_per_project; /* of them */
    int tell_ms;
};

/* Copies both. KN_UNAVAILABLE: not so many threads can be had. */
int kn_lanes_new(const struct kn_lane_trade *trade, const struct kn_lane_bounds *bounds, struct kn_lanes **ret_lanes,
                 struct kn_error *err);
/* What runs is told and waited for, what waits is dropped; nothing is taken from here on. */
void kn_lanes_stop(struct kn_lanes *lanes);
void kn_lanes_free(struct kn_lanes *lanes); /* stops first */
KN_DEFINE_AUTO(kn_lanes);

struct kn_lane_place {
    const char *key; /* the lane */
    const char *project; /* whose turn it takes; "" = nobody's */
    const char *name; /* of the job in its lane: asked for again, it is not queued twice */
    bool is_far; /* it waits for what is outside of this cloud */
};

/*
 * Takes arg when it returns 0 with *ret_is_new; without, a job of that name was there, waiting or running, and heard of it by again(): arg stays the
 * caller's, as after a failure. KN_UNAVAILABLE: full, or stopped.
 */
int kn_lanes_add(struct kn_lanes *lanes, const struct kn_lane_place *place, void *arg, bool *ret_is_new,
                 struct kn_error *err);

typedef bool kn_lane_match(const void *arg, const void *what);
/* Jobs that match (called under the lock): those that run are told, those that wait are gone. How many. */
int kn_lanes_cancel(struct kn_lanes *lanes, kn_lane_match *match, const void *what);
int kn_lanes_pending(struct kn_lanes *lanes);

/* --- for run() ------------------------------------------------------------------------------------------------------------ */

enum kn_lane_word { KN_LANE_GO_ON, KN_LANE_STOP, KN_LANE_CANCEL };
enum kn_lane_word kn_lane_word(const struct kn_lane_job *job);
/* How far it is. The first time counts from the job's begin, so that what is short says nothing. */
void kn_lane_tell(struct kn_lane_job *job, int percent, const char *detail);
/* What enter() gave this thread. */
void *kn_lane_own(const struct kn_lane_job *job);

#endif
