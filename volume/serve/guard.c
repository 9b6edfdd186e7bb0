/* SPDX-License-Identifier: Apache-2.0 */
/* guard: see the header. One round looks at every export, then waits until one of their daemons ends, somebody pokes, or it is time. */
#include "volume/serve/guard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/adapter/daemon.h"
#include "lib/base/clock.h"
#include "lib/base/backoff.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "volume/serve/export.h"

#define COMPARE_MS 30000
#define AGAIN_MIN_MS 200
#define AGAIN_MAX_MS 30000

struct kn_volume_guard {
    const struct kn_conf *conf; /* immutable, as poke */
    int poke; /* an eventfd */
    atomic_bool is_stopping;
    pthread_t thread;
    /* The thread's alone. */
    struct kn_db *db;
    struct kn_backoff backoff; /* of what does not come up */
    int64_t compare_at_ms;
};

static int guard_has(void *ctx, const char *volume, const char *server, bool *ret, struct kn_error *err)
{
    static const struct kn_stmt HAS = { "guard_has", "SELECT 1 FROM attachment WHERE volume_id = $1 AND server_id = $2",
                                        2 };
    struct kn_volume_guard *g = ctx;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(g->db, &HAS, KN_ARGS(volume, server), &rows, err) < 0) {
        return -1;
    }
    *ret = kn_rows_count(rows) > 0;
    return 0;
}

/* What the database cannot be asked about is taken for wanted: a disk that is away hurts somebody. */
static bool guard_mend(struct kn_volume_guard *g, const char *volume, bool compares, int *ret_process)
{
    struct kn_error err = { 0 }, again = { 0 };

    if (kn_volume_export_mend(g->conf, volume, compares ? guard_has : NULL, g, ret_process, &err) == 0) {
        return true;
    }
    kn_log(KN_WARNING, "an export is not as it should be", "volume", volume, "error", err.message, NULL);
    if (compares) {
        kn_volume_export_mend(g->conf, volume, NULL, NULL, ret_process, &again);
    }
    return false;
}

/* *ret_fds (heap): of what runs, behind the poke. False: something is not as it should be, and is to be tried again. */
static bool guard_round(struct kn_volume_guard *g, bool compares, struct pollfd **ret_fds, size_t *ret_count)
{
    AUTO_FREE kn_volume_export_id *ids = NULL;
    struct kn_error err = { 0 };
    size_t count = 0;
    bool is_good = kn_volume_export_list(g->conf, &ids, &count, &err) == 0;

    *ret_fds = kn_alloc((count + 1) * sizeof(**ret_fds));
    (*ret_fds)[0] = (struct pollfd){ .fd = g->poke, .events = POLLIN };
    *ret_count = 1;
    if (!is_good) {
        kn_log_error("looking at exports", &err);
    }
    for (size_t i = 0; i < count; i++) {
        int process = -1;

        is_good &= guard_mend(g, ids[i], compares, &process);
        if (process >= 0) {
            (*ret_fds)[(*ret_count)++] = (struct pollfd){ .fd = process, .events = POLLIN };
        }
    }
    return is_good;
}

static void guard_wait(struct kn_volume_guard *g, struct pollfd *fds, size_t count, int64_t ms)
{
    uint64_t pokes;

    if (poll(fds, count, (int)(ms > 0 ? ms : 0)) > 0 && fds[0].revents != 0 &&
        read(g->poke, &pokes, sizeof(pokes)) < 0) {
        kn_log(KN_WARNING, "cannot read the guard's poke", NULL);
    }
    for (size_t i = 1; i < count; i++) {
        close(fds[i].fd);
    }
}

static void *guard_loop(void *ctx)
{
    struct kn_volume_guard *g = ctx;

    while (!g->is_stopping) {
        const bool compares = kn_mono_ms() >= g->compare_at_ms;
        AUTO_FREE struct pollfd *fds = NULL;
        size_t count = 0;
        const bool is_good = guard_round(g, compares, &fds, &count);

        if (compares && is_good) {
            g->compare_at_ms = kn_mono_ms() + COMPARE_MS;
        }
        if (is_good) {
            kn_backoff_reset(&g->backoff);
        }
        guard_wait(g, fds, count,
                   is_good ? g->compare_at_ms - kn_mono_ms() : kn_backoff_next(&g->backoff, (uint32_t)kn_mono_us()));
    }
    return NULL;
}

int kn_volume_guard_new(const struct kn_conf *conf, struct kn_volume_guard **ret, struct kn_error *err)
{
    AUTO(kn_volume_guard) struct kn_volume_guard *g = KN_NEW(struct kn_volume_guard);

    g->conf = conf;
    g->backoff = (struct kn_backoff){ .min_ms = AGAIN_MIN_MS, .max_ms = AGAIN_MAX_MS };
    g->db = kn_daemon_db(conf, "volume-guard");
    g->poke = eventfd(0, EFD_CLOEXEC);
    if (g->poke < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
    }
    if (pthread_create(&g->thread, NULL, guard_loop, g) != 0) {
        close(g->poke);
        g->poke = -1;
        return kn_fail(err, KN_INTERNAL, "cannot start a thread");
    }
    *ret = kn_steal(&g);
    return 0;
}

void kn_volume_guard_poke(struct kn_volume_guard *guard)
{
    if (guard->poke >= 0 && write(guard->poke, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0) {
        kn_log(KN_WARNING, "cannot poke the guard", NULL);
    }
}

void kn_volume_guard_free(struct kn_volume_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    if (guard->poke >= 0) {
        guard->is_stopping = true;
        kn_volume_guard_poke(guard);
        pthread_join(guard->thread, NULL);
        close(guard->poke);
    }
    kn_db_free(guard->db);
    free(guard);
}
