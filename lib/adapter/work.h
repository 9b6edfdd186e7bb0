/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work: commands that take long, on lanes (lanes.h). The daemon's main thread gives them and goes on reading; each is answered when it is done, in the
 * envelope of the latest time that it was asked for. Asked again while it waits or runs, it is not done twice: `working` says that it is here, and so
 * does a work that is on its way every few seconds. `cancel` ends what waits at once and what runs at its next safe point, and it is answered as failed,
 * KN_CANCELLED. What the daemon's end cuts short is not answered: whoever asked hears the next life's hello and asks again.
 */
#ifndef KN_ADAPTER_WORK_H
#define KN_ADAPTER_WORK_H

#include "lib/adapter/daemon.h"
#include "lib/adapter/lanes.h"

struct kn_works; /* a daemon's */
struct kn_work;  /* one command under way, in the hands of its thread */

enum kn_work_outcome {
    KN_WORK_DONE,   /* answered with the result */
    KN_WORK_FAILED, /* answered with the error */
    KN_WORK_LATER,  /* not answered, so it is asked for again: nothing is decided */
};

struct kn_work_answer {
    json_t *result; /* NULL = {}; taken over */
    struct kn_error err;
    bool elsewhere; /* failed here, but another host could do it */
};

/* Says an enum kn_work_outcome. */
typedef int kn_work_run(void *ctx, struct kn_work *work, struct kn_work_answer *ret);

struct kn_work_trade {
    kn_work_run *run;
    void *ctx;
    const char *db; /* name of a database connection that each thread gets; NULL: none */
    int threads;
    int jobs;             /* that wait or run: one more is refused */
    int jobs_per_project;
    bool (*is_far)(const struct kn_message
                       *command); /* does it wait for what is outside of this cloud (lanes.h)? NULL: none does */
};

/* d and its configuration outlive the works. */
int kn_works_new(struct kn_daemon *d, const struct kn_work_trade *trade, struct kn_works **ret_works,
                 struct kn_error *err);
void kn_works_free(struct kn_works *works); /* tells what runs, waits for it, drops the rest */
KN_DEFINE_AUTO(kn_works);

/*
 * Main thread. Commands of one key are done in their order. name: what makes two commands the same one; NULL: their task, attempt, part and generation.
 * -1: refused, and the caller says so; nothing is kept of the command either way.
 */
int kn_works_take(struct kn_works *works, const char *key, const char *name, const struct kn_message *command,
                  struct kn_error *err);
/* Something that nobody asked for, in a lane of its own; not queued twice. */
int kn_works_errand(struct kn_works *works, const char *key, void (*run)(void *ctx), struct kn_error *err);
/* The message `cancel`: what was asked for last by exactly its task, attempt, part and generation ends; anything else, what is over, older or newer, is left as it is. */
void kn_works_cancel(struct kn_works *works, const struct kn_message *cancel);
/* The same for commands that match; called under a lock. */
void kn_works_cancel_where(struct kn_works *works, bool (*match)(const struct kn_message *command, const void *what),
                           const void *what);

/* --- for run(); a NULL work is one that nobody watches ------------------------------------------------------------------------ */

/* As it was asked for the first time. */
const struct kn_message *kn_work_command(const struct kn_work *work);
/* The thread's own connection. */
struct kn_db *kn_work_db(const struct kn_work *work);
/* A safe point. KN_CANCELLED, or KN_UNAVAILABLE: the daemon stops. */
int kn_work_check(const struct kn_work *work, struct kn_error *err);
/* A safe point that says how far it is: `done` of `size` (-1: nobody knows); what: "fetching the image". */
int kn_work_progress(struct kn_work *work, const char *what, int64_t done, int64_t size, struct kn_error *err);

#endif
