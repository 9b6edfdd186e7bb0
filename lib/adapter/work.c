/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work: between the messages and the lanes. A command is kept here from its coming to its answer; what it means is its run function's. It must never
 * answer a command that is still found in its lane: asked again just then, it would be silent about it.
 */
#include "lib/adapter/work.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/metrics.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define TELL_MS 2000

static struct kn_metric ENDED = KN_COUNTER("kilonova_work_total", "commands on lanes that ended", "type", "outcome");
static struct kn_metric PENDING = KN_GAUGE("kilonova_work_pending", "commands that wait in lanes or run", NULL, NULL);

struct kn_works {
    struct kn_daemon *daemon; /* immutable, as all */
    struct kn_work_trade trade;
    struct kn_lanes *lanes;
};

struct kn_work {
    struct kn_works *works;         /* immutable, as errand */
    void (*errand)(void *ctx);      /* NULL: a command */
    struct kn_message command;      /* immutable: of the first time */
    pthread_mutex_t lock;           /* guards the three after it */
    struct kn_message envelope;     /* of the latest time, without its body */
    int percent;
    char detail[KN_SIZE_OF(WORK_DETAIL)];
    struct kn_lane_job *job;        /* its thread's, as the two after it */
    enum kn_work_outcome outcome;
    struct kn_work_answer answer;
};

static void work_free(struct kn_work *work)
{
    kn_message_release(&work->command);
    json_decref(work->answer.result);
    pthread_mutex_destroy(&work->lock);
    free(work);
}

static struct kn_work *work_new(struct kn_works *works)
{
    struct kn_work *work = KN_NEW(struct kn_work);

    work->works = works;
    pthread_mutex_init(&work->lock, NULL);
    return work;
}

/* --- what is said ---------------------------------------------------------------------------------------------------------------- */

static void say_working(struct kn_work *work)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    pthread_mutex_lock(&work->lock);
    kn_message_about(&m, "working", &work->envelope,
                     json_pack("{s:s, s:i, s:s}", "command", work->command.type->name, "percent", work->percent,
                               "detail", work->detail));
    pthread_mutex_unlock(&work->lock);
    if (m.task != 0 && kn_daemon_send(work->works->daemon, KN_TOPIC_REPLY, m.shard, &m, &err) < 0) {
        kn_log(KN_DEBUG, "a working was not sent", "why", err.message, NULL);
    }
}

/* Nobody finds the work any more, so its envelope stays. */
static void say_answer(const struct kn_work *work)
{
    struct kn_daemon *d = work->works->daemon;

    switch (work->outcome) {
    case KN_WORK_DONE:
        if (work->command.type->result != NULL) {
            kn_reply_done(d, &work->envelope, work->answer.result);
        }
        break;
    case KN_WORK_FAILED:
        kn_log_error(work->command.type->name, &work->answer.err);
        if (work->command.type->result != NULL) {
            kn_reply_failed(d, &work->envelope, &work->answer.err, work->answer.elsewhere);
        }
        break;
    case KN_WORK_LATER:
        kn_log_error(work->command.type->name, &work->answer.err);
        break;
    }
}

/* --- the trade ------------------------------------------------------------------------------------------------------------------- */

static void work_run(struct kn_lane_job *job, void *arg)
{
    struct kn_work *work = arg;

    work->job = job;
    if (work->errand != NULL) {
        work->errand(work->works->trade.ctx);
        return;
    }
    kn_log_request(work->command.request_id);
    work->outcome = (enum kn_work_outcome)work->works->trade.run(work->works->trade.ctx, work, &work->answer);
    kn_log_request(NULL);
}

static void work_end(void *arg, enum kn_lane_end how)
{
    static const char *const NAMES[] = {
        [KN_WORK_DONE] = "done", [KN_WORK_FAILED] = "failed", [KN_WORK_LATER] = "later"
    };
    _Static_assert(KN_COUNT(NAMES) == KN_WORK_LATER + 1, "a name for every outcome");
    struct kn_work *work = arg;

    if (work->errand == NULL && how != KN_LANE_DROPPED) {
        if (how == KN_LANE_CANCELLED) {
            work->outcome = KN_WORK_FAILED;
            kn_fail(&work->answer.err, KN_CANCELLED, "it was cancelled before it began");
        }
        kn_log_request(work->command.request_id);
        say_answer(work);
        kn_log_request(NULL);
        kn_metric_add(&ENDED, 1, work->command.type->name, NAMES[work->outcome]);
    }
    kn_metric_set(&PENDING, kn_lanes_pending(work->works->lanes) - (how == KN_LANE_RAN), NULL,
                  NULL); /* one that ran is counted until this returns */
    work_free(work);
}

/* The newest envelope is answered; and the newer one learns how far it is, to say so. */
static void again(void *arg, void *newer)
{
    struct kn_work *work = arg;
    struct kn_work *asked = newer;

    pthread_mutex_lock(&work->lock);
    work->envelope = asked->envelope;
    asked->percent = work->percent;
    kn_copy(asked->detail, sizeof(asked->detail), work->detail);
    pthread_mutex_unlock(&work->lock);
}

static void work_tell(void *arg, int percent, const char *detail)
{
    struct kn_work *work = arg;

    pthread_mutex_lock(&work->lock);
    work->percent = percent;
    kn_copy(work->detail, sizeof(work->detail), detail);
    pthread_mutex_unlock(&work->lock);
    say_working(work);
}

static void *work_enter(void *ctx)
{
    const struct kn_works *works = ctx;
    struct kn_db *db = kn_daemon_db(&works->daemon->conf, works->trade.db);

    kn_db_plan_once(db);
    return db;
}

static void work_leave(void *own)
{
    kn_db_free(own);
}

/* --- life -------------------------------------------------------------------------------------------------------------------------- */

int kn_works_new(struct kn_daemon *d, const struct kn_work_trade *trade, struct kn_works **ret_works,
                 struct kn_error *err)
{
    AUTO_FREE struct kn_works *works = KN_NEW(struct kn_works);
    const struct kn_lane_trade lanes = {
        .run = work_run,
        .end = work_end,
        .again = again,
        .tell = work_tell,
        .enter = trade->db != NULL ? work_enter : NULL,
        .leave = trade->db != NULL ? work_leave : NULL,
        .ctx = works,
    };
    const struct kn_lane_bounds bounds = { trade->threads, trade->jobs, trade->jobs_per_project, TELL_MS };

    works->daemon = d;
    works->trade = *trade;
    if (kn_lanes_new(&lanes, &bounds, &works->lanes, err) < 0) {
        return -1;
    }
    *ret_works = kn_steal(&works);
    return 0;
}

void kn_works_free(struct kn_works *works)
{
    if (works != NULL) {
        kn_lanes_free(works->lanes);
        free(works);
    }
}

/* --- main thread ----------------------------------------------------------------------------------------------------------------- */

/* What names one command of all that ever were. */
static void work_name_of(const struct kn_message *m, char out[96])
{
    if (m->type->is_question) {
        kn_copy(out, 96, m->question);
    } else {
        snprintf(out, 96, "%" PRId64 " %d %d %" PRId64, m->task, m->attempt, m->part, m->generation);
    }
}

int kn_works_take(struct kn_works *works, const char *key, const char *name, const struct kn_message *command,
                  struct kn_error *err)
{
    struct kn_work *work = work_new(works);
    char own[96] = "";
    bool is_new = false;

    work->command = *command;
    work->command.body = json_incref(command->body);
    work->command.result = NULL;
    work->envelope = work->command;
    work->envelope.body = NULL;
    if (command->task != 0 || command->type->is_question) {
        work_name_of(command, own);
    }
    const int rc = kn_lanes_add(works->lanes,
                                &(struct kn_lane_place){ key, command->project, name != NULL ? name : own,
                                                         works->trade.is_far != NULL && works->trade.is_far(command) },
                                work, &is_new, err);
    if (rc == 0 && !is_new) {
        say_working(work);
    }
    if (rc < 0 || !is_new) {
        work_free(work);
    }
    kn_metric_set(&PENDING, kn_lanes_pending(works->lanes), NULL, NULL);
    return rc;
}

int kn_works_errand(struct kn_works *works, const char *key, void (*run_it)(void *ctx), struct kn_error *err)
{
    struct kn_work *work = work_new(works);
    bool is_new = false;

    work->errand = run_it;
    const int rc = kn_lanes_add(works->lanes, &(struct kn_lane_place){ key, "", key, false }, work, &is_new, err);
    if (rc < 0 || !is_new) {
        work_free(work);
    }
    return rc;
}

struct pick {
    bool (*match)(const struct kn_work *work, const void *what);
    const void *what;
};

static bool picks(const void *arg, const void *what)
{
    const struct kn_work *work = arg;
    const struct pick *pick = what;

    return work->errand == NULL && pick->match(work, pick->what);
}

struct doom {
    bool (*match)(const struct kn_message *command, const void *what);
    const void *what;
};

static bool work_is_doomed(const struct kn_work *work, const void *what)
{
    const struct doom *doom = what;

    return doom->match(&work->command, doom->what);
}

void kn_works_cancel_where(struct kn_works *works, bool (*match)(const struct kn_message *command, const void *what),
                           const void *what)
{
    kn_lanes_cancel(works->lanes, picks, &(struct pick){ work_is_doomed, &(struct doom){ match, what } });
}

/* Under the lanes' lock, as again(), which alone changes the envelope. */
static bool is_meant(const struct kn_work *work, const void *what)
{
    const struct kn_message *m = &work->envelope, *cancel = what;

    return cancel->task != 0 && m->task == cancel->task && m->attempt == cancel->attempt && m->part == cancel->part &&
           m->generation == cancel->generation;
}

void kn_works_cancel(struct kn_works *works, const struct kn_message *cancel)
{
    kn_lanes_cancel(works->lanes, picks, &(struct pick){ is_meant, cancel });
}

/* --- for run() -------------------------------------------------------------------------------------------------------------------- */

const struct kn_message *kn_work_command(const struct kn_work *work)
{
    return &work->command;
}

struct kn_db *kn_work_db(const struct kn_work *work)
{
    return kn_lane_own(work->job);
}

int kn_work_check(const struct kn_work *work, struct kn_error *err)
{
    if (work == NULL) {
        return 0;
    }
    switch (kn_lane_word(work->job)) {
    case KN_LANE_GO_ON:
        return 0;
    case KN_LANE_STOP:
        return kn_fail(err, KN_UNAVAILABLE, "the daemon stops");
    case KN_LANE_CANCEL:
        break;
    }
    return kn_fail(err, KN_CANCELLED, "it was cancelled");
}

int kn_work_progress(struct kn_work *work, const char *what, int64_t done, int64_t size, struct kn_error *err)
{
    const double share = size > 0 ? (double)done / (double)size * 100 : 0;

    if (work == NULL) {
        return 0;
    }
    if (kn_work_check(work, err) < 0) {
        return -1;
    }
    kn_lane_tell(work->job, share < 0 ? 0 : share > 100 ? 100 : (int)share, what);
    return 0;
}
