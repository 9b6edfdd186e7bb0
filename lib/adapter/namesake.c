/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of a daemon's name (see namesake.h). The connection is for the lock alone: that of the daemon's work comes and goes with a standby's tries.
 * It must never wait long in the middle of a daemon's work, nor end a session that is not this process's own.
 */
#include "lib/adapter/namesake.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"

#define START_WAIT_MS 5000 /* for the session of a predecessor that was killed just now */
#define GHOST_WAIT_MS 2000 /* for a session of our own that was ended */

static const struct kn_stmt HOLDER = {
    "namesake_holder",
    "SELECT a.application_name, coalesce(host(a.client_addr), 'its own machine'), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') "
    "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)",
    1
};
static const struct kn_stmt END_GHOST = {
    "namesake_end_ghost",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND usename = current_user AND datname = current_database()",
    1
};

/* What the session calls itself: this life of this daemon. PostgreSQL keeps 63 bytes of it. */
static char *session_name(const struct kn_daemon *d)
{
    return kn_asprintf("%s %s", d->name, d->id);
}

static char *lock_name(const struct kn_daemon *d)
{
    return kn_asprintf("name kilonova-%s/%s", d->name, d->host);
}

/* Somebody has the lock. Ours is a session whose end the server has not noticed yet: it is ended, and *ret_ours says so. */
static int look_at_holder(const struct kn_daemon *d, bool *ret_ours, struct kn_error *err)
{
    enum { SESSION, MACHINE, SINCE }; /* of HOLDER */
    AUTO(kn_db) struct kn_db *db = kn_daemon_db(&d->conf, d->name);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *lock = lock_name(d);
    AUTO_FREE char *mine = session_name(d);

    if (kn_db_run(db, &HOLDER, KN_ARGS(lock), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0 || strcmp(kn_rows_text(rows, 0, SESSION), mine) == 0) {
        *ret_ours = true;
        return kn_db_run(db, &END_GHOST, KN_ARGS(mine), NULL, err);
    }
    kn_fail(err, KN_CONFLICT,
            "another kilonova-%s with the name \"%s\" is alive: \"%s\", connected to the database from %s since %s UTC",
            d->name, d->host, kn_rows_text(rows, 0, SESSION), kn_rows_text(rows, 0, MACHINE),
            kn_rows_text(rows, 0, SINCE));
    return kn_fail_hint(
        err,
        "give each daemon of a kind a daemon.host of its own; a frozen one counts as alive until its process has ended");
}

static int namesake_take(struct kn_daemon *d, int64_t wait_ms, struct kn_error *err)
{
    bool ours = false;

    if (kn_db_connect(d->name_db, wait_ms, err) == 0) {
        return 0;
    }
    if (!kn_db_locked_out(d->name_db) || look_at_holder(d, &ours, err) < 0) {
        return -1;
    }
    return ours ? kn_db_connect(d->name_db, GHOST_WAIT_MS, err) : -1;
}

int kn_namesake_start(struct kn_daemon *d, struct kn_error *err)
{
    AUTO_FREE char *session = session_name(d);
    AUTO_FREE char *lock = lock_name(d);

    d->name_db = kn_daemon_db(&d->conf, session);
    kn_db_hold(d->name_db, lock);
    return namesake_take(d, START_WAIT_MS, err);
}

int kn_namesake_keep(struct kn_daemon *d, struct kn_error *err)
{
    const int64_t session = kn_db_session(d->name_db);
    struct kn_error why = { 0 };

    if (namesake_take(d, 0, &why) == 0) {
        if (kn_db_session(d->name_db) != session) {
            kn_log(KN_WARNING, "the name was held by a connection that was lost; it is held again", "host", d->host,
                   NULL);
        }
        return 0;
    }
    if (why.code == KN_CONFLICT) {
        atomic_store(&d->ousted, true);
        atomic_store(&d->stopping, true);
    }
    *err = why;
    return -1;
}
