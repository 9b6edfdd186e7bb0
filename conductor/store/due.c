/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is due, kind by kind: a statement marks the servers as an API would that was asked by their owners, and the tasks stand in the same transaction. Who restores or
 * unshelves one at that moment finds it busy, or it is not idle any more: the row decides.
 */
#include "conductor/store/due.h"

#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define BATCH 100
#define MARK(task_state, condition) \
    "UPDATE server SET task_state = '" task_state \
    "', updated_at = now() WHERE id IN (SELECT s.id FROM server s WHERE " condition \
    " AND s.deleted_at IS NULL AND s.task_state IS NULL LIMIT $2::int FOR UPDATE SKIP LOCKED) RETURNING id, project_id, user_id"

enum { DUE_ID, DUE_PROJECT, DUE_USER };

static int64_t reclaim_after_s(const struct kn_conf *conf)
{
    return conf->compute_reclaim_instance_interval;
}

static int64_t offload_after_s(const struct kn_conf *conf)
{
    return conf->compute_shelved_offload_time;
}

/* What of it has no seconds, or fewer, does not come by itself. */
static const struct {
    int64_t (*after_s)(const struct kn_conf *conf);
    const char *kind;
    struct kn_stmt mark;
} DUE[] = {
    { reclaim_after_s,
      "server.delete",
      { "due_reclaim",
        MARK("deleting", "s.soft_deleted_at < now() - $1::int * interval '1 second' AND s.vm_state = 'soft-delete'"),
        2 } },
    { offload_after_s,
      "server.shelveOffload",
      { "due_offload",
        MARK(
            "shelving_offloading",
            "s.shelved_at < now() - $1::int * interval '1 second' AND s.vm_state = 'shelved' AND s.soft_deleted_at IS NULL"),
        2 } },
};

static int due_insert(struct kn_db *db, const char *kind, const struct kn_rows *rows, struct kn_error *err)
{
    const int count = kn_rows_count(rows);
    AUTO_FREE struct kn_task_wish *wishes = kn_alloc(sizeof(*wishes) * (size_t)count);
    AUTO_FREE int64_t *ids = kn_alloc(sizeof(*ids) * (size_t)count);
    char request[KN_REQUEST_ID_SIZE];

    kn_request_id_make(request);
    for (int i = 0; i < count; i++) {
        wishes[i] = (struct kn_task_wish){ kind,
                                           kn_rows_text(rows, i, DUE_ID),
                                           kn_rows_text(rows, i, DUE_PROJECT),
                                           kn_rows_text(rows, i, DUE_USER),
                                           request,
                                           NULL };
    }
    return kn_task_insert_many(db, wishes, count, ids, err);
}

static int due_wish_kind(struct kn_db *db, size_t at, int64_t after_s, int *ret_count, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_arg seconds, most;

    if (kn_tx_begin(&tx, db, err) < 0 ||
        kn_db_run(db, &DUE[at].mark, KN_ARGS(kn_arg_int(&seconds, after_s), kn_arg_int(&most, BATCH)), &rows, err) <
            0) {
        return -1;
    }
    *ret_count = kn_rows_count(rows);
    return *ret_count == 0 ? 0 : due_insert(db, DUE[at].kind, rows, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_conductor_due_wish(struct kn_db *db, const struct kn_conf *conf, bool *ret_more, struct kn_error *err)
{
    bool more = false;

    for (size_t i = 0; i < KN_COUNT(DUE); i++) {
        const int64_t after_s = DUE[i].after_s(conf);
        int count = 0;

        if (after_s > 0 && due_wish_kind(db, i, after_s, &count, err) < 0) {
            return kn_fail_context(err, "wish %s", DUE[i].kind);
        }
        more = more || count == BATCH;
    }
    *ret_more = more;
    return 0;
}
