/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs by the id of their import: waiting ones in a list, running ones with a thread. Each thread has its own database connection; the
 * service's own, which holds the lock of the one active writer, stays the main thread's. Two processes never meet in an import: its
 * files are locked by whoever works on them.
 */
#include "image/serve/import_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "image/serve/import.h"
#include "lib/adapter/metrics.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

static struct kn_metric IMPORTS = KN_COUNTER("kilonova_image_imports_total", "imports of images that ended", "outcome", NULL);

struct job {
    char task[KN_UUID_SIZE];       /* immutable */
    char project[65];              /* immutable: who waits for it */
    struct kn_message envelope;    /* guarded by lock; without its body */
    bool is_running;               /* guarded by lock */
    char request_id[KN_REQUEST_ID_SIZE]; /* immutable: of the first command that asked */
    struct job *next;              /* guarded by lock */
};

struct kn_import_queue {
    struct kn_daemon *daemon;      /* immutable, as the two after it once started */
    pthread_t *threads;
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *jobs;              /* guarded by lock; oldest first, running ones among them */
    atomic_bool stopping;
};

/* --- the list, under the lock ------------------------------------------------------------------------------------------- */

static struct job *find(struct kn_import_queue *q, const char *task)
{
    struct job *job = q->jobs;

    while (job != NULL && strcmp(job->task, task) != 0) {
        job = job->next;
    }
    return job;
}

/* One project never has all threads: two downloads from a slow server would keep everybody else waiting for days. */
static bool has_its_share(const struct kn_import_queue *q, const char *project)
{
    int running = 0;

    for (const struct job *job = q->jobs; job != NULL; job = job->next) {
        running += job->is_running && strcmp(job->project, project) == 0;
    }
    return running > 0 && running >= q->thread_count - 1;
}

static struct job *first_waiting(struct kn_import_queue *q)
{
    struct job *job = q->jobs;

    while (job != NULL && (job->is_running || (q->thread_count > 1 && has_its_share(q, job->project)))) {
        job = job->next;
    }
    return job;
}

static void append(struct kn_import_queue *q, struct job *job)
{
    struct job **end = &q->jobs;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = job;
}

static void drop(struct kn_import_queue *q, const struct job *job)
{
    struct job **at = &q->jobs;

    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
}

/* --- the threads --------------------------------------------------------------------------------------------------------- */

static struct job *take(struct kn_import_queue *q)
{
    struct job *job = NULL;

    pthread_mutex_lock(&q->lock);
    while (!atomic_load(&q->stopping) && (job = first_waiting(q)) == NULL) {
        pthread_cond_wait(&q->wake, &q->lock);
    }
    if (job != NULL) {
        job->is_running = true;
    }
    pthread_mutex_unlock(&q->lock);
    return job;
}

static void answer(struct kn_import_queue *q, const struct kn_message *envelope, enum kn_import_outcome outcome,
                   const struct kn_error *why)
{
    static const char *const NAMES[] = {
        [KN_IMPORT_DONE] = "done", [KN_IMPORT_FAILED] = "failed", [KN_IMPORT_LATER] = "later",
    };
    _Static_assert(KN_COUNT(NAMES) == KN_IMPORT_LATER + 1, "a name for every outcome in NAMES");

    kn_metric_add(&IMPORTS, 1, NAMES[outcome], NULL);
    switch (outcome) {
    case KN_IMPORT_DONE:
        kn_reply_done(q->daemon, envelope, NULL);
        break;
    case KN_IMPORT_FAILED:
        kn_log_error("import", why);
        kn_reply_failed(q->daemon, envelope, why, false);
        break;
    case KN_IMPORT_LATER: /* the conductor asks again */
        kn_log_error("import, later", why);
        break;
    }
}

static void finish(struct kn_import_queue *q, struct job *job, enum kn_import_outcome outcome, const struct kn_error *why)
{
    pthread_mutex_lock(&q->lock);
    drop(q, job);
    pthread_cond_broadcast(&q->wake); /* what its project has waiting may begin */
    pthread_mutex_unlock(&q->lock);
    answer(q, &job->envelope, outcome, why);
    free(job);
}

static void *run(void *arg)
{
    struct kn_import_queue *q = arg;
    AUTO(kn_db) struct kn_db *db = kn_daemon_db(&q->daemon->conf, "image-import");

    kn_db_by_key(db);
    for (struct job *job = take(q); job != NULL; job = take(q)) {
        struct kn_error err = { 0 };

        kn_log_request(job->request_id);
        const enum kn_import_outcome outcome = kn_import_run(db, &q->daemon->conf, job->task, &q->stopping, &err);
        finish(q, job, outcome, &err);
        kn_log_request(NULL);
    }
    return NULL;
}

/* --- the main thread ----------------------------------------------------------------------------------------------------- */

int kn_import_queue_new(struct kn_daemon *d, struct kn_import_queue **ret, struct kn_error *err)
{
    struct kn_import_queue *q = KN_NEW(struct kn_import_queue);
    const int wanted = (int)d->conf.image_import_threads;

    q->daemon = d;
    q->threads = kn_alloc((size_t)wanted * sizeof(*q->threads));
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake, NULL);
    pthread_mutex_lock(&q->lock); /* they look at their number */
    while (q->thread_count < wanted && pthread_create(&q->threads[q->thread_count], NULL, run, q) == 0) {
        q->thread_count++;
    }
    pthread_mutex_unlock(&q->lock);
    if (q->thread_count < wanted) {
        kn_import_queue_free(q);
        return kn_fail(err, KN_INTERNAL, "cannot start %d threads", wanted);
    }
    *ret = q;
    return 0;
}

void kn_import_queue_add(struct kn_import_queue *q, const struct kn_message *command)
{
    const char *task = kn_json_str(command->body, "import");

    pthread_mutex_lock(&q->lock);
    struct job *job = find(q, task);
    if (job == NULL) {
        job = KN_NEW(struct job);
        kn_copy(job->task, sizeof(job->task), task);
        kn_copy(job->project, sizeof(job->project), kn_json_str(command->body, "project"));
        kn_copy(job->request_id, sizeof(job->request_id), command->request_id);
        append(q, job);
        pthread_cond_signal(&q->wake);
    }
    job->envelope = *command;
    job->envelope.body = NULL;
    pthread_mutex_unlock(&q->lock);
}

void kn_import_queue_free(struct kn_import_queue *q)
{
    if (q == NULL) {
        return;
    }
    pthread_mutex_lock(&q->lock);
    atomic_store(&q->stopping, true);
    pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->thread_count; i++) {
        pthread_join(q->threads[i], NULL);
    }
    while (q->jobs != NULL) {
        struct job *next = q->jobs->next;
        free(q->jobs);
        q->jobs = next;
    }
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    free(q->threads);
    free(q);
}
