/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes: who runs next. A lane stands in the list of the project of its first job while it has one and no thread; a project stands in the ring while it
 * has such lanes. It knows nothing of messages, and must never call a trade under its lock, except for again().
 */
#include "lib/adapter/lanes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define STACK_BYTES (512 * 1024)

struct project {
    struct project *next;      /* in the ring */
    struct lane *ready, *ready_last;
    int running, running_far, pending;
    char name[];
};

struct kn_lane_job {
    struct kn_lane_job *next;  /* in its lane; among the cancelled */
    void *arg;
    struct project *project;   /* immutable; guarded by the lock what it points to */
    struct kn_lanes *lanes;    /* immutable */
    atomic_int word;           /* enum kn_lane_word */
    void *own;                 /* its thread's, as told_ms */
    int64_t told_ms;
    bool is_far;               /* immutable */
    char name[];
};

struct lane {
    struct lane *next;           /* in the ready list of its project */
    struct project *ready_at;    /* in whose list it stands; NULL: in none */
    struct kn_lane_job *first, *last;
    struct kn_lane_job *running; /* a thread holds it */
    char key[];
};

struct kn_lanes {
    struct kn_lane_trade trade;   /* immutable, as bounds */
    struct kn_lane_bounds bounds;
    pthread_t *threads;           /* main thread, as thread_count */
    int thread_count;
    pthread_mutex_t lock;         /* guards all below */
    pthread_cond_t wake;
    struct kn_hmap *lanes;        /* key -> struct lane, those with a job waiting or running */
    struct kn_hmap *projects;     /* name -> struct project, those with such jobs */
    struct project *ring, *ring_last;
    int pending, running_far;
    bool is_stopping;
};

/* --- projects and their ready lanes, under the lock ------------------------------------------------------------------------- */

static struct project *lanes_project_of(struct kn_lanes *l, const char *name)
{
    struct project *project = kn_hmap_get(l->projects, name);

    if (project == NULL) {
        const size_t size = strlen(name) + 1;
        project = kn_alloc(sizeof(*project) + size);
        memcpy(project->name, name, size);
        kn_hmap_put(l->projects, name, project);
    }
    return project;
}

static void ring_push(struct kn_lanes *l, struct project *project)
{
    project->next = NULL;
    *(l->ring != NULL ? &l->ring_last->next : &l->ring) = project;
    l->ring_last = project;
}

static void ring_remove(struct kn_lanes *l, const struct project *project)
{
    struct project *before = NULL;

    for (struct project *p = l->ring; p != project; p = p->next) {
        before = p;
    }
    *(before != NULL ? &before->next : &l->ring) = project->next;
    if (l->ring_last == project) {
        l->ring_last = before;
    }
}

static void ready_push(struct kn_lanes *l, struct lane *lane)
{
    struct project *project = lane->first->project;

    if (project->ready == NULL) {
        ring_push(l, project);
    }
    lane->next = NULL;
    *(project->ready != NULL ? &project->ready_last->next : &project->ready) = lane;
    project->ready_last = lane;
    lane->ready_at = project;
    pthread_cond_signal(&l->wake);
}

static void ready_remove(struct kn_lanes *l, struct lane *lane)
{
    struct project *project = lane->ready_at;
    struct lane *before = NULL;

    for (struct lane *at = project->ready; at != lane; at = at->next) {
        before = at;
    }
    *(before != NULL ? &before->next : &project->ready) = lane->next;
    if (project->ready_last == lane) {
        project->ready_last = before;
    }
    lane->ready_at = NULL;
    if (project->ready == NULL) {
        ring_remove(l, project);
    }
}

/* One thread stays free of every project, for whoever comes next: its first job must not wait for somebody's days of downloads. */
static bool may_run(const struct kn_lanes *l, const struct project *project)
{
    return l->bounds.threads == 1 || project->name[0] == '\0' || project->running < l->bounds.threads - 1;
}

/* Half of the threads, and the last of them for the next project. */
static bool may_run_far(const struct kn_lanes *l, const struct project *project)
{
    const int most = l->bounds.threads > 1 ? l->bounds.threads / 2 : 1;

    return l->running_far < most && (most == 1 || project->running_far < most - 1);
}

static struct lane *ready_of(const struct kn_lanes *l, const struct project *project)
{
    struct lane *lane = may_run(l, project) ? project->ready : NULL;

    while (lane != NULL && lane->first->is_far && !may_run_far(l, project)) {
        lane = lane->next;
    }
    return lane;
}

/* The next lane by turn, out of the lists; its project goes behind all others. */
static struct lane *ready_pop(struct kn_lanes *l)
{
    struct project *project = l->ring;
    struct lane *lane = NULL;

    while (project != NULL && (lane = ready_of(l, project)) == NULL) {
        project = project->next;
    }
    if (lane == NULL) {
        return NULL;
    }
    ready_remove(l, lane);
    if (project->ready != NULL) {
        ring_remove(l, project);
        ring_push(l, project);
    }
    return lane;
}

/* --- jobs, under the lock ----------------------------------------------------------------------------------------------------- */

/* Out of the books; end() and free() are left. */
static void discount(struct kn_lanes *l, struct kn_lane_job *job)
{
    l->pending--;
    if (--job->project->pending == 0) {
        kn_hmap_del(l->projects, job->project->name);
    }
    job->project = NULL;
}

static struct kn_lane_job *lanes_begin(struct kn_lanes *l, struct lane *lane)
{
    struct kn_lane_job *job = lane->first;

    lane->first = job->next;
    lane->running = job;
    job->project->running++;
    job->project->running_far += job->is_far;
    l->running_far += job->is_far;
    return job;
}

/* The job is over; the lane goes on, or away. */
static void lanes_release(struct kn_lanes *l, struct lane *lane)
{
    struct kn_lane_job *job = lane->running;

    lane->running = NULL;
    job->project->running--;
    job->project->running_far -= job->is_far;
    l->running_far -= job->is_far;
    discount(l, job);
    if (lane->first == NULL) {
        kn_hmap_del(l->lanes, lane->key);
    } else if (!l->is_stopping) {
        ready_push(l, lane);
    }
}

/* --- the threads --------------------------------------------------------------------------------------------------------------- */

/* Until end() came back the lane is held: what follows begins when what was is told. */
static void run_one(struct kn_lanes *l, struct lane *lane, void *own)
{
    struct kn_lane_job *job = lanes_begin(l, lane);

    pthread_mutex_unlock(&l->lock);
    job->own = own;
    job->told_ms = kn_mono_ms();
    l->trade.run(job, job->arg);
    pthread_mutex_lock(&l->lock);
    job->name[0] = '\0'; /* asked for again from here on, it is new */
    void *arg = job->arg;
    job->arg = NULL;
    pthread_mutex_unlock(&l->lock);
    l->trade.end(arg, KN_LANE_RAN);
    pthread_mutex_lock(&l->lock);
    lanes_release(l, lane);
    free(job);
}

static void *lanes_work(void *arg)
{
    struct kn_lanes *l = arg;
    void *own = l->trade.enter != NULL ? l->trade.enter(l->trade.ctx) : NULL;

    pthread_mutex_lock(&l->lock);
    while (!l->is_stopping) {
        struct lane *lane = ready_pop(l);
        if (lane != NULL) {
            run_one(l, lane, own);
        } else {
            pthread_cond_wait(&l->wake, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (l->trade.leave != NULL) {
        l->trade.leave(own);
    }
    return NULL;
}

static int lanes_start_threads(struct kn_lanes *l)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    l->threads = kn_realloc_array(NULL, (size_t)l->bounds.threads, sizeof(*l->threads));
    while (l->thread_count < l->bounds.threads &&
           pthread_create(&l->threads[l->thread_count], &attr, lanes_work, l) == 0) {
        l->thread_count++;
    }
    pthread_attr_destroy(&attr);
    return l->thread_count;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

int kn_lanes_new(const struct kn_lane_trade *trade, const struct kn_lane_bounds *bounds, struct kn_lanes **ret_lanes,
                 struct kn_error *err)
{
    AUTO(kn_lanes) struct kn_lanes *l = KN_NEW(struct kn_lanes);

    l->trade = *trade;
    l->bounds = *bounds;
    l->lanes = kn_hmap_new(free);
    l->projects = kn_hmap_new(free);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    if (lanes_start_threads(l) < bounds->threads) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot start %d worker threads", bounds->threads);
    }
    *ret_lanes = kn_steal(&l);
    return 0;
}

static void end_all(struct kn_lanes *l, struct kn_lane_job *jobs, enum kn_lane_end how)
{
    while (jobs != NULL) {
        AUTO_FREE struct kn_lane_job *job = jobs;
        jobs = job->next;
        l->trade.end(job->arg, how);
    }
}

static bool everything(const void *arg, const void *what)
{
    (void)arg;
    (void)what;
    return true;
}

/* Under the lock: matching jobs that wait leave their lane for *out. */
static int take_waiting(struct kn_lanes *l, struct lane *lane, kn_lane_match *match, const void *what,
                        struct kn_lane_job ***out)
{
    struct kn_lane_job **at = &lane->first;
    int taken = 0;

    lane->last = NULL;
    while (*at != NULL) {
        struct kn_lane_job *job = *at;
        if (!match(job->arg, what)) {
            lane->last = job;
            at = &job->next;
            continue;
        }
        *at = job->next;
        job->next = NULL;
        discount(l, job);
        **out = job;
        *out = &job->next;
        taken++;
    }
    return taken;
}

/* Under the lock: the lane after jobs were taken out of it; it stands where its first job belongs. */
static void lanes_settle(struct kn_lanes *l, struct lane *lane)
{
    if (lane->first == NULL && lane->running == NULL) {
        kn_hmap_del(l->lanes, lane->key);
    } else if (lane->running == NULL && !l->is_stopping) {
        ready_push(l, lane);
    }
}

static int cancel(struct kn_lanes *l, kn_lane_match *match, const void *what, enum kn_lane_word word,
                  struct kn_lane_job ***out)
{
    const char *key;
    void *value;
    int count = 0;

    for (size_t at = 0; kn_hmap_next(l->lanes, &at, &key, &value);) {
        struct lane *lane = value;
        bool matches = false;

        for (const struct kn_lane_job *job = lane->first; job != NULL && !matches; job = job->next) {
            matches = match(job->arg, what);
        }
        if (lane->running != NULL && lane->running->arg != NULL && match(lane->running->arg, what)) {
            atomic_store(&lane->running->word, (int)word);
            count++;
        }
        if (matches) {
            if (lane->ready_at != NULL) {
                ready_remove(l, lane);
            }
            count += take_waiting(l, lane, match, what, out);
            lanes_settle(l, lane);
        }
    }
    return count;
}

void kn_lanes_stop(struct kn_lanes *l)
{
    struct kn_lane_job *dropped = NULL;
    struct kn_lane_job **out = &dropped;

    pthread_mutex_lock(&l->lock);
    l->is_stopping = true;
    cancel(l, everything, NULL, KN_LANE_STOP, &out);
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
    end_all(l, dropped, KN_LANE_DROPPED);
    for (int i = 0; i < l->thread_count; i++) {
        pthread_join(l->threads[i], NULL);
    }
    l->thread_count = 0;
}

void kn_lanes_free(struct kn_lanes *l)
{
    if (l == NULL) {
        return;
    }
    kn_lanes_stop(l);
    kn_hmap_free(l->lanes);
    kn_hmap_free(l->projects);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l->threads);
    free(l);
}

/* --- adding ---------------------------------------------------------------------------------------------------------------------- */

static struct lane *lane_of(struct kn_lanes *l, const char *key)
{
    struct lane *lane = kn_hmap_get(l->lanes, key);

    if (lane == NULL) {
        const size_t size = strlen(key) + 1;
        lane = kn_alloc(sizeof(*lane) + size);
        memcpy(lane->key, key, size);
        kn_hmap_put(l->lanes, key, lane);
    }
    return lane;
}

/* The job of that name, waiting or running; one without a name is like no other. */
static struct kn_lane_job *lanes_find(const struct kn_lanes *l, const struct kn_lane_place *place)
{
    const struct lane *lane = kn_hmap_get(l->lanes, place->key);
    struct kn_lane_job *job = lane != NULL ? lane->running : NULL;

    if (lane == NULL || place->name[0] == '\0') {
        return NULL;
    }
    if (job != NULL && strcmp(job->name, place->name) == 0) {
        return job;
    }
    for (job = lane->first; job != NULL && strcmp(job->name, place->name) != 0;) {
        job = job->next;
    }
    return job;
}

static void lanes_append(struct kn_lanes *l, const struct kn_lane_place *place, void *arg)
{
    const size_t size = strlen(place->name) + 1;
    struct kn_lane_job *job = kn_alloc(sizeof(*job) + size);
    struct lane *lane = lane_of(l, place->key);
    const bool was_idle = lane->first == NULL && lane->running == NULL;

    job->arg = arg;
    job->lanes = l;
    job->is_far = place->is_far;
    job->project = lanes_project_of(l, place->project);
    memcpy(job->name, place->name, size);
    job->project->pending++;
    l->pending++;
    *(lane->first != NULL ? &lane->last->next : &lane->first) = job;
    lane->last = job;
    if (was_idle) {
        ready_push(l, lane);
    }
}

static int lanes_check_room(const struct kn_lanes *l, const char *name, struct kn_error *err)
{
    const struct project *project = kn_hmap_get(l->projects, name);

    if (l->is_stopping) {
        return kn_fail(err, KN_UNAVAILABLE, "it stops");
    }
    if (l->pending >= l->bounds.jobs) {
        return kn_fail(err, KN_UNAVAILABLE, "too much to do: %d jobs are waiting or under way", l->pending);
    }
    if (project != NULL && name[0] != '\0' && project->pending >= l->bounds.jobs_per_project) {
        return kn_fail(err, KN_UNAVAILABLE, "too much to do for project \"%s\": %d jobs are waiting or under way", name,
                       project->pending);
    }
    return 0;
}

int kn_lanes_add(struct kn_lanes *l, const struct kn_lane_place *place, void *arg, bool *ret_is_new,
                 struct kn_error *err)
{
    int rc = 0;

    pthread_mutex_lock(&l->lock);
    struct kn_lane_job *known = lanes_find(l, place);
    if (known != NULL) {
        l->trade.again(known->arg, arg);
        *ret_is_new = false;
    } else if ((rc = lanes_check_room(l, place->project, err)) == 0) {
        lanes_append(l, place, arg);
        *ret_is_new = true;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

int kn_lanes_cancel(struct kn_lanes *l, kn_lane_match *match, const void *what)
{
    struct kn_lane_job *cancelled = NULL;
    struct kn_lane_job **out = &cancelled;

    pthread_mutex_lock(&l->lock);
    const int count = cancel(l, match, what, KN_LANE_CANCEL, &out);
    pthread_mutex_unlock(&l->lock);
    end_all(l, cancelled, KN_LANE_CANCELLED);
    return count;
}

int kn_lanes_pending(struct kn_lanes *l)
{
    pthread_mutex_lock(&l->lock);
    const int pending = l->pending;
    pthread_mutex_unlock(&l->lock);
    return pending;
}

/* --- for run() ------------------------------------------------------------------------------------------------------------------ */

enum kn_lane_word kn_lane_word(const struct kn_lane_job *job)
{
    return (enum kn_lane_word)atomic_load(&job->word);
}

void kn_lane_tell(struct kn_lane_job *job, int percent, const char *detail)
{
    const int64_t now = kn_mono_ms();

    if (now - job->told_ms >= job->lanes->bounds.tell_ms) {
        job->told_ms = now;
        job->lanes->trade.tell(job->arg, percent, detail);
    }
}

void *kn_lane_own(const struct kn_lane_job *job)
{
    return job->own;
}
