/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c: from rows that changed to what hosts are told. One telling is one transaction that sees one moment (REPEATABLE READ): whoever commits later left a row in
 * the outbox that comes later. Which things there are, and whose, the rows of source.c say; this file only knows what was told and what is wanted:
 *
 *   the outbox names things -> hosts that were told of them, and those where they are now
 *   of the latter: which roots they shall have, against those that they were told of; what hangs on a new root is told with it
 *   of everything: whom it concerns now is put, whom it concerned is dropped
 */
#include "network/serve/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/serve/nics.h"
#include "network/serve/roots.h"
#include "network/serve/source.h"
#include "network/serve/states.h"
#include "network/serve/telling.h"

#define AT_ONCE 200 /* rows of the outbox */
#define WHOLE_AT_ONCE 16 /* hosts */

/* clang-format off */
static const struct kn_stmt ONE_MOMENT = { "state_one_moment", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", 0 };

/* $1: only this row; 0: the oldest ones. */
static const struct kn_stmt TAKE = {
    "state_take",
    "SELECT c.seq, c.kind, c.id, c.placed, h.name FROM (SELECT * FROM network_change WHERE aside IS NULL AND ($1::bigint = 0 OR seq = $1::bigint) ORDER BY seq LIMIT $2::int) c"
    " LEFT JOIN LATERAL unnest(c.hosts) AS h(name) ON true ORDER BY c.seq", 2
};
enum { C_SEQ, C_KIND, C_ID, C_PLACED, C_HOST };

static const struct kn_stmt DONE = { "state_done", "DELETE FROM network_change WHERE seq = ANY($1::bigint[])", 1 };
static const struct kn_stmt ASIDE = { "state_aside", "UPDATE network_change SET aside = $2 WHERE seq = $1::bigint", 2 };
static const struct kn_stmt WAITING = { "state_waiting", "SELECT seq FROM network_change WHERE aside IS NULL ORDER BY seq LIMIT $1::int", 1 };
enum { W_SEQ };
static const struct kn_stmt FORGET = { "state_forget", "DELETE FROM network_change WHERE aside IS NOT NULL AND made_at < now() - interval '7 days'", 0 };

/* Each of these hosts that hears of networks goes to its next version; its row is held until the end, which orders everybody. */
static const struct kn_stmt BUMP = {
    "state_bump",
    "WITH bumped AS (INSERT INTO host_network_state AS s (host, version) SELECT h.name, 1 FROM host h WHERE h.name = ANY($1::text[])"
    " AND lower(h.hypervisor_type) <> $2 ORDER BY h.name ON CONFLICT (host) DO UPDATE SET version = s.version + 1 RETURNING s.host, s.version)"
    " SELECT b.host, b.version, h.agent_id FROM bumped b JOIN host h ON h.name = b.host", 2
};
enum { B_HOST, B_VERSION, B_AGENT };

static const struct kn_stmt ROOTS_TOLD = { "state_roots_told", "SELECT host, id FROM host_network_object WHERE kind = $1 AND id = ANY($2::uuid[])", 2 };
/* clang-format on */

enum { HOST, THING }; /* the columns of all that says who has what */

#define CHANGE_KINDS 8

/* What the outbox says, in the order of source.c's change kinds. */
struct state_change {
    const char *kind;
    struct kn_array ids, seqs;
    struct kn_hmap *seen;
};

struct state_work {
    struct kn_db *db;
    struct kn_network_telling telling;
    struct state_change changes[CHANGE_KINDS];
    size_t change_count;
    struct kn_array seqs;        /* all of them */
    struct kn_array shown, renamed; /* ports and networks of which servers show something */
    struct kn_hmap *concerned;   /* host -> itself */
    struct kn_hmap *recomputed;  /* host -> itself: whose roots may be others now */
};

static void state_work_init(struct state_work *work, struct kn_db *db, bool is_whole)
{
    *work = (struct state_work){ .db = db,
                                 .seqs = KN_ARRAY_INIT,
                                 .shown = KN_ARRAY_INIT,
                                 .renamed = KN_ARRAY_INIT,
                                 .concerned = kn_hmap_new(NULL),
                                 .recomputed = kn_hmap_new(NULL) };
    kn_network_telling_init(&work->telling, is_whole);
}

static void state_work_release(struct state_work *work)
{
    for (size_t i = 0; i < work->change_count; i++) {
        kn_array_release(&work->changes[i].ids);
        kn_array_release(&work->changes[i].seqs);
        kn_hmap_free(work->changes[i].seen);
    }
    kn_array_release(&work->seqs);
    kn_array_release(&work->shown);
    kn_array_release(&work->renamed);
    kn_hmap_free(work->concerned);
    kn_hmap_free(work->recomputed);
    kn_network_telling_release(&work->telling);
}

static void state_names_of(const struct kn_hmap *set, struct kn_array *ret)
{
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(set, &at, &name, &value);) {
        kn_array_add(ret, name);
    }
}

/* --- what changed ---------------------------------------------------------------------------------------------------- */

static struct state_change *state_change_of(struct state_work *work, const char *kind)
{
    size_t i = 0;

    while (i < work->change_count && strcmp(work->changes[i].kind, kind) != 0) {
        i++;
    }
    if (i == work->change_count) {
        work->changes[work->change_count++] = (struct state_change){
            .kind = kind, .ids = KN_ARRAY_INIT, .seqs = KN_ARRAY_INIT, .seen = kn_hmap_new(NULL)
        };
    }
    return &work->changes[i];
}

/* NULL: of no kind that anybody is told of. */
static const char *change_kind(const char *kind)
{
    for (const struct kn_network_source *source = kn_network_sources; source->change != NULL; source++) {
        if (strcmp(source->change, kind) == 0) {
            return source->change;
        }
    }
    return NULL;
}

static void state_take_row(struct state_work *work, const struct kn_rows *rows, int row)
{
    const char *kind = change_kind(kn_rows_text(rows, row, C_KIND)), *id = kn_rows_text(rows, row, C_ID);

    if (row == 0 || kn_rows_int(rows, row, C_SEQ) != kn_rows_int(rows, row - 1, C_SEQ)) {
        kn_array_addint(&work->seqs, kn_rows_int(rows, row, C_SEQ));
        if (kind != NULL) {
            struct state_change *change = state_change_of(work, kind);

            kn_array_addint(&change->seqs, kn_rows_int(rows, row, C_SEQ));
            if (kn_hmap_get(change->seen, id) == NULL) {
                kn_hmap_put(change->seen, id, work);
                kn_array_add(&change->ids, id);
            }
        }
        if (strcmp(kn_rows_text(rows, row, C_KIND), "port") == 0 && !kn_rows_bool(rows, row, C_PLACED)) {
            kn_array_add(&work->shown, id);
        } else if (strcmp(kn_rows_text(rows, row, C_KIND), "network") == 0) {
            kn_array_add(&work->renamed, id);
        }
    }
    if (!kn_rows_null(rows, row, C_HOST)) {
        kn_hmap_put(work->recomputed, kn_rows_text(rows, row, C_HOST), work);
    }
}

static int state_take(struct state_work *work, int64_t only, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg which, limit;

    if (kn_db_run(work->db, &TAKE, KN_ARGS(kn_arg_int(&which, only), kn_arg_int(&limit, AT_ONCE)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        state_take_row(work, rows, row);
    }
    return 0;
}

/* --- whom it concerned, and where it is ------------------------------------------------------------------------------- */

/* What a statement says about who has what, kept until the hosts are known: marks can only be put on those. */
struct state_said {
    struct kn_rows *rows;
    int source;
};

struct state_saids {
    struct state_said *items;
    size_t count;
};

static void state_saids_release(struct state_saids *saids)
{
    for (size_t i = 0; i < saids->count; i++) {
        kn_rows_free(saids->items[i].rows);
    }
    free(saids->items);
}

static int state_ask(struct state_work *work, const struct kn_stmt *stmt, const char *const *args, int source,
                     struct kn_hmap *hosts, struct state_saids *saids, struct kn_error *err)
{
    struct kn_rows *rows = NULL;

    if (kn_db_run(work->db, stmt, args, &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_hmap_put(hosts, kn_rows_text(rows, row, HOST), work);
    }
    if (saids == NULL) {
        kn_rows_free(rows);
        return 0;
    }
    saids->items = kn_realloc_array(saids->items, saids->count + 1, sizeof(*saids->items));
    saids->items[saids->count++] = (struct state_said){ rows, source };
    return 0;
}

/* Before anything is written: what hosts were told. */
static int find_told(struct state_work *work, struct state_saids *told, struct kn_error *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && kn_network_sources[i].change != NULL; i++) {
        const struct kn_network_source *source = &kn_network_sources[i];

        for (size_t n = 0; rc == 0 && n < work->change_count; n++) {
            struct state_change *change = &work->changes[n];

            if (strcmp(change->kind, source->change) != 0) {
                continue;
            }
            if (source->root != NULL) {
                rc = state_ask(work, &ROOTS_TOLD, KN_ARGS(source->root, kn_array_value(&change->ids)), i,
                               work->concerned, told, err);
            } else {
                rc = state_ask(work, &source->told, KN_ARGS(kn_array_value(&change->seqs)), i, work->concerned, told,
                               err);
            }
            if (rc == 0 && source->seats.sql != NULL) {
                rc = state_ask(work, &source->seats, KN_ARGS(kn_array_value(&change->ids)), i, work->recomputed, NULL,
                               err);
            }
        }
    }
    return rc;
}

/* All hosts that will be told, at their new versions. */
static int state_bump(struct state_work *work, const char *silent, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    state_names_of(work->concerned, &hosts);
    state_names_of(work->recomputed, &hosts);
    if (hosts.count == 0) {
        return 0;
    }
    if (kn_db_run(work->db, &BUMP, KN_ARGS(kn_array_value(&hosts), silent), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_network_telling_add(&work->telling, kn_rows_text(rows, row, B_HOST), kn_rows_text(rows, row, B_AGENT),
                               kn_rows_int(rows, row, B_VERSION));
    }
    return 0;
}

/* --- the things themselves -------------------------------------------------------------------------------------------- */

static void state_mark(struct state_work *work, const struct state_saids *saids,
                       void (*mark)(struct kn_network_telling *, const char *, int, const char *))
{
    for (size_t i = 0; i < saids->count; i++) {
        const struct state_said *said = &saids->items[i];

        for (int row = 0; row < kn_rows_count(said->rows); row++) {
            mark(&work->telling, kn_rows_text(said->rows, row, HOST), said->source,
                 kn_rows_text(said->rows, row, THING));
        }
    }
}

/* After the roots: whom the changed things concern now. A root is put to whoever still has it. */
static int find_here(struct state_work *work, struct kn_error *err)
{
    AUTO_RELEASE(state_saids) struct state_saids here = { NULL, 0 };
    struct kn_hmap *nobody = kn_hmap_new(NULL);
    int rc = 0;

    for (int i = 0; rc == 0 && kn_network_sources[i].change != NULL; i++) {
        const struct kn_network_source *source = &kn_network_sources[i];

        for (size_t n = 0; rc == 0 && n < work->change_count; n++) {
            struct state_change *change = &work->changes[n];

            if (strcmp(change->kind, source->change) == 0) {
                rc = source->root != NULL
                         ? state_ask(work, &ROOTS_TOLD, KN_ARGS(source->root, kn_array_value(&change->ids)), i, nobody,
                                     &here, err)
                         : state_ask(work, &source->here, KN_ARGS(kn_array_value(&change->ids)), i, nobody, &here, err);
            }
        }
    }
    kn_hmap_free(nobody);
    if (rc == 0) {
        state_mark(work, &here, kn_network_telling_put);
    }
    return rc;
}

/* Of those that are told, the hosts whose roots may be others now. */
static int state_roots(struct state_work *work, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(work->recomputed, &at, &name, &value);) {
        if (kn_network_telling_host(&work->telling, name) != NULL) {
            kn_array_add(&hosts, name);
        }
    }
    return hosts.count == 0 ? 0 : kn_network_roots_settle(&work->telling, work->db, &hosts, err);
}

static int state_decide(struct state_work *work, const char *silent, struct kn_error *err)
{
    AUTO_RELEASE(state_saids) struct state_saids told = { NULL, 0 };

    if (find_told(work, &told, err) < 0 || state_bump(work, silent, err) < 0) {
        return -1;
    }
    if (kn_hmap_count(work->telling.hosts) == 0) {
        return 0;
    }
    state_mark(work, &told, kn_network_telling_drop);
    return state_roots(work, err) < 0 || find_here(work, err) < 0
               ? -1
               : kn_network_telling_read(&work->telling, work->db, err);
}

/* --- tellings --------------------------------------------------------------------------------------------------------- */

const char *kn_network_state_silent(const struct kn_daemon *d)
{
    return d->conf.agent_sim_network ? "" : "sim";
}

static int state_begin(struct kn_tx *tx, struct kn_db *db, struct kn_error *err)
{
    return kn_tx_begin(tx, db, err) < 0 ? -1 : kn_db_run(db, &ONE_MOMENT, KN_NO_ARGS, NULL, err);
}

/* *ret_more: there may be others. */
static int work_once(struct kn_daemon *d, struct kn_network_states *states, int64_t only, bool *ret_more,
                     struct kn_error *err)
{
    AUTO_RELEASE(state_work) struct state_work work;
    AUTO_TX struct kn_tx tx = { NULL };

    state_work_init(&work, d->db, false);
    if (state_begin(&tx, d->db, err) < 0 || state_take(&work, only, err) < 0) {
        return -1;
    }
    *ret_more = work.seqs.count >= AT_ONCE;
    if (work.seqs.count == 0) {
        return 0;
    }
    if (state_decide(&work, kn_network_state_silent(d), err) < 0 ||
        (work.shown.count + work.renamed.count > 0 &&
         kn_network_nics_refresh(d->db, &work.shown, &work.renamed, err) < 0) ||
        kn_db_run(d->db, &DONE, KN_ARGS(kn_array_value(&work.seqs)), NULL, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_states_note(states, &work.telling);
    kn_network_telling_send(&work.telling, d);
    return 0;
}

/* Each alone: one that cannot be told does not keep the others from being told. */
static int work_singly(struct kn_daemon *d, struct kn_network_states *states, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg limit;
    bool more;

    if (kn_db_run(d->db, &WAITING, KN_ARGS(kn_arg_int(&limit, AT_ONCE)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        struct kn_error why = { .code = KN_OK };

        if (work_once(d, states, kn_rows_int(rows, row, W_SEQ), &more, &why) == 0) {
            continue;
        }
        if (why.code == KN_UNAVAILABLE) {
            *err = why;
            return -1;
        }
        kn_fail_context(&why, "change %s", kn_rows_text(rows, row, W_SEQ));
        kn_log_error("hosts cannot be told of a change, it is set aside", &why);
        if (kn_db_run(d->db, &ASIDE, KN_ARGS(kn_rows_text(rows, row, W_SEQ), why.message), NULL, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_network_state_work(struct kn_daemon *d, struct kn_network_states *states, struct kn_error *err)
{
    for (bool more = true; more;) {
        if (work_once(d, states, 0, &more, err) == 0) {
            continue;
        }
        if (err->code == KN_UNAVAILABLE || work_singly(d, states, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int whole_once(struct kn_daemon *d, struct kn_network_states *states, struct kn_hmap *hosts,
                      struct kn_error *err)
{
    AUTO_RELEASE(state_work) struct state_work work;
    AUTO_TX struct kn_tx tx = { NULL };
    const char *name;
    void *value;

    state_work_init(&work, d->db, true);
    for (size_t at = 0; kn_hmap_next(hosts, &at, &name, &value);) {
        kn_hmap_put(work.recomputed, name, &work);
    }
    if (state_begin(&tx, d->db, err) < 0 || state_bump(&work, kn_network_state_silent(d), err) < 0 ||
        state_roots(&work, err) < 0 || kn_network_telling_read(&work.telling, d->db, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_telling_answer(&work.telling, hosts);
    kn_network_states_note(states, &work.telling);
    kn_network_telling_send(&work.telling, d);
    return 0;
}

int kn_network_state_tick(struct kn_daemon *d, struct kn_network_states *states, struct kn_error *err)
{
    if (kn_network_states_load(states, d->db, err) < 0 || kn_network_state_work(d, states, err) < 0) {
        return -1;
    }
    for (;;) {
        AUTO(kn_hmap) struct kn_hmap *hosts = kn_network_states_behind(states, WHOLE_AT_ONCE);

        if (kn_hmap_count(hosts) == 0) {
            break;
        }
        if (whole_once(d, states, hosts, err) < 0) {
            kn_network_states_again(states, hosts);
            return -1;
        }
    }
    return kn_network_states_prunes(states) ? kn_db_run(d->db, &FORGET, KN_NO_ARGS, NULL, err) : 0;
}
