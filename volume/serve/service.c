/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kilonova-volume on the bus: makes and removes disks and says how a host reaches them, by the driver's functions. What becomes
 * of the volume's row is the conductor's; here it is only read, to keep the promise that no more is sold than there is. Each volume has a lane: a disk that
 * takes its time keeps nobody else's waiting.
 */
#include "volume/serve/service.h"

#include <string.h>
#include <time.h>

#include "lib/adapter/task.h"
#include "lib/adapter/work.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "volume/serve/driver.h"

#define JOBS_MAX 16384
#define JOBS_OF_ONE 4096
#define TRIES 120 /* two minutes of a database that is away */

/* The driver of a volume; one so far. */
static const struct kn_volume_driver *const DRIVER = &kn_volume_driver_file;

/* A command under way. */
struct volume_call {
    const struct kn_conf *conf;
    struct kn_work *work;
    const struct kn_message *m;
    json_t *result; /* NULL = {} */
};

/* Everything sold up to this volume, in the order of selling: whoever came first is served. */
static int check_capacity(const struct volume_call *c, struct kn_error *err)
{
    static const struct kn_stmt SOLD = {
        "volume_sold",
        "SELECT coalesce(sum(o.size_gib), 0), count(*) FROM volume v JOIN volume o "
        "ON (o.created_at, o.id) <= (v.created_at, v.id) AND o.status <> 'error' WHERE v.id = $1",
        1
    };
    enum { GIB, THERE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *volume = kn_json_str(c->m->body, "volume");

    if (kn_db_run(kn_work_db(c->work), &SOLD, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_int(rows, 0, THERE) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "volume \"%s\" does not exist", volume);
    }
    const int64_t capacity_gib = DRIVER->capacity_gib(c->conf);
    if (kn_rows_int(rows, 0, GIB) > capacity_gib) {
        return kn_fail(err, KN_NO_VALID_HOST,
                       "no back end has room for volume \"%s\": %lld of %lld GiB would be promised", volume,
                       (long long)kn_rows_int(rows, 0, GIB), (long long)capacity_gib);
    }
    return 0;
}

/* --- what the driver asks meanwhile ------------------------------------------------------------------------------------------------ */

static int service_look(void *ctx, struct kn_error *err)
{
    const struct volume_call *c = ctx;

    return kn_work_progress(c->work, c->m->type->name, 0, -1, err);
}

/*
 * The loop has looked before the command came into its lane, which may be a while ago, and this process may not be the active one any more. The volume is
 * locked now: what was decided since, by whomever, has its turn after this, or has made it stale.
 */
static int wanted(void *ctx, struct kn_error *err)
{
    const struct volume_call *c = ctx;
    struct kn_message *const one[] = { (struct kn_message[]){ { .task = c->m->task, .attempt = c->m->attempt } } };
    bool current = false;

    if (kn_task_sift(kn_work_db(c->work), one, 1, &current, err) < 0) {
        return -1;
    }
    return current ? 0
                   : kn_fail(err, KN_STALE, "task %lld is not at attempt %d any more", (long long)c->m->task,
                             c->m->attempt);
}

/* --- the commands ------------------------------------------------------------------------------------------------------------------ */

typedef int command(struct volume_call *c, struct kn_error *err);

static int service_create(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };

    return check_capacity(c, err) < 0 ? -1
                                      : DRIVER->create(c->conf, kn_json_str(c->m->body, "volume"),
                                                       kn_json_int(c->m->body, "size_gib"), &watch, err);
}

static int delete(struct volume_call *c, struct kn_error *err)
{
    const struct kn_volume_watch watch = { service_look, wanted, c };

    return DRIVER->remove(c->conf, kn_json_str(c->m->body, "volume"), &watch, err);
}

static int connect(struct volume_call *c, struct kn_error *err)
{
    json_t *connection = NULL;

    if (DRIVER->connect(c->conf, kn_json_str(c->m->body, "volume"), kn_json_str(c->m->body, "host"), &connection, err) <
        0) {
        return -1;
    }
    c->result = json_pack("{s:o}", "connection", connection);
    return 0;
}

static int disconnect(struct volume_call *c, struct kn_error *err)
{
    return DRIVER->disconnect(c->conf, kn_json_str(c->m->body, "volume"), kn_json_str(c->m->body, "server"),
                              kn_json_str(c->m->body, "host"), err);
}

static const struct {
    const char *type;
    command *run;
} COMMANDS[] = {
    { "volume.create", service_create },
    { "volume.delete", delete },
    { "volume.connect", connect },
    { "volume.disconnect", disconnect },
};

static command *command_of(const struct kn_message *m)
{
    for (size_t i = 0; i < KN_COUNT(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].type, m->type->name) == 0) {
            return COMMANDS[i].run;
        }
    }
    return NULL;
}

/* Again while the database is away; it is asked for again should it stay so. */
static int service_obey(void *ctx, struct kn_work *work, struct kn_work_answer *ret)
{
    struct volume_call call = { .conf = ctx, .work = work, .m = kn_work_command(work) };
    struct kn_backoff backoff = { .min_ms = 10, .max_ms = 1000 };

    for (int tries = 1;; tries++) {
        struct kn_error told = { 0 };

        kn_error_clear(&ret->err);
        if (command_of(call.m)(&call, &ret->err) == 0) {
            ret->result = call.result;
            return KN_WORK_DONE;
        }
        if (kn_work_check(work, &told) < 0) {
            ret->err = told;
            return told.code == KN_CANCELLED ? KN_WORK_FAILED : KN_WORK_LATER;
        }
        if (ret->err.code != KN_UNAVAILABLE || tries == TRIES) {
            return ret->err.code != KN_UNAVAILABLE ? KN_WORK_FAILED : KN_WORK_LATER;
        }
        const int64_t pause_ms = kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
    }
}

/* --- the service: it gives the commands away, and never waits for a disk ------------------------------------------------------------- */

/* What a volume's removal makes needless: older commands for it that have not come to their end. */
static bool service_is_doomed(const struct kn_message *m, const void *what)
{
    const struct kn_message *removal = what;

    return m->task < removal->task && strcmp(m->type->name, "volume.create") == 0 &&
           strcmp(kn_json_str(m->body, "volume"), kn_json_str(removal->body, "volume")) == 0;
}

static void serve_service_take(struct kn_daemon *d, struct kn_works *works, const struct kn_message *m)
{
    struct kn_error err = { 0 };

    if (strcmp(m->type->name, "cancel") == 0) {
        kn_works_cancel(works, m);
        return;
    }
    if (command_of(m) == NULL) {
        return;
    }
    if (strcmp(m->type->name, "volume.delete") == 0) {
        kn_works_cancel_where(works, service_is_doomed, m);
    }
    if (kn_works_take(works, kn_json_str(m->body, "volume"), NULL, m, &err) < 0) {
        kn_log_error(m->type->name, &err);
        kn_reply_failed(d, m, &err, false);
    }
}

static int volume_handle(struct kn_daemon *d, void *state, struct kn_message **messages, int count,
                         struct kn_error *err)
{
    (void)err;
    for (int i = 0; i < count; i++) {
        serve_service_take(d, state, messages[i]);
    }
    return 0;
}

static int volume_start(struct kn_daemon *d, void **ret_state, struct kn_error *err)
{
    const struct kn_work_trade trade = { .run = service_obey,
                                         .ctx = &d->conf,
                                         .db = "volume-work",
                                         .threads = (int)d->conf.volume_threads,
                                         .jobs = JOBS_MAX,
                                         .jobs_per_project = JOBS_OF_ONE };
    struct kn_works *works = NULL;

    if (DRIVER->start(&d->conf, err) < 0 || kn_works_new(d, &trade, &works, err) < 0) {
        return -1;
    }
    *ret_state = works;
    return 0;
}

static void volume_stop(struct kn_daemon *d, void *state)
{
    (void)d;
    kn_works_free(state);
}

const struct kn_service kn_volume_service = {
    .name = "volume",
    .topic = KN_TOPIC_VOLUME,
    .obeys_tasks = true,
    .works_long = true,
    .start = volume_start,
    .handle = volume_handle,
    .stop = volume_stop,
};
