/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deletion that waits says at once, in the row, that the server is deleted: from then on it counts in no quota and nothing but a restore or another deletion can begin on it,
 * whatever its guest is at. What runs on it meanwhile is ended first: tasks of one server run one after the other.
 */
#include "compute/rows/server_deferred.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/mem.h"

static const struct kn_stmt HIDE = {
    "server_hide",
    "UPDATE server SET task_state = 'soft-deleting', soft_deleted_at = now(), updated_at = now() WHERE id = $1 "
    "AND deleted_at IS NULL AND soft_deleted_at IS NULL AND launched_at IS NOT NULL "
    "AND NOT (task_state IS NOT DISTINCT FROM 'deleting' AND EXISTS (SELECT FROM task t WHERE t.object_id = $1 "
    "AND t.kind = 'server.delete' AND t.state IN ('run', 'undo')))",
    1
};
static const struct kn_stmt UNHIDE = {
    "server_unhide", "UPDATE server SET soft_deleted_at = NULL WHERE id = $1 AND soft_deleted_at IS NOT NULL", 1
};

bool kn_compute_server_is_kept(const struct kn_request *req, const struct kn_rows *rows)
{
    return req->conf->compute_reclaim_instance_interval > 0 && !kn_rows_null(rows, 0, KN_SERVER_LAUNCHED);
}

/* What the server counts as, `times` over. */
static void deferred_claim(const struct kn_rows *rows, int64_t times, struct kn_quota_claims *claims)
{
    const char *project = kn_rows_text(rows, 0, KN_SERVER_PROJECT);

    kn_quota_claim(claims, project, KN_QUOTA_INSTANCES, times);
    kn_quota_claim(claims, project, KN_QUOTA_CORES, times * kn_rows_int(rows, 0, KN_SERVER_VCPUS));
    kn_quota_claim(claims, project, KN_QUOTA_RAM, times * kn_rows_int(rows, 0, KN_SERVER_MEMORY));
}

int kn_compute_server_soft_delete(const struct kn_request *req, const struct kn_rows *rows, struct kn_error *err)
{
    const char *id = kn_rows_text(rows, 0, KN_SERVER_ID);
    const struct kn_task_wish wish = {
        "server.softDelete", id, kn_rows_text(rows, 0, KN_SERVER_PROJECT), req->caller.user_id, req->request_id, NULL
    };
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims back = KN_QUOTA_CLAIMS("compute");
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t changed = 0, task = 0;

    deferred_claim(rows, -1, &back);
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_db_change(req->db, &HIDE, KN_ARGS(id), &changed, err) < 0) {
        return -1;
    }
    if (changed == 0) {
        return 0; /* it is hidden already, goes for good, or is gone */
    }
    if (kn_task_insert(req->db, &wish, &task, err) < 0 || kn_quota_take(req->db, &back, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, id, task);
    return 0;
}

/* kn_compute_server_also */
static int restore_begin(const struct kn_request *req, const char *server, void *ctx, json_t *input,
                         struct kn_error *err)
{
    (void)ctx;
    (void)input;
    return kn_db_run(req->db, &UNHIDE, KN_ARGS(server), NULL, err);
}

int kn_compute_server_restore(const struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("compute");
    const struct kn_compute_server_also also = { restore_begin, NULL, &claims, NULL };
    const struct kn_server_action *action = kn_server_action("restore");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *input = json_object();

    if (kn_compute_server_get(req, id, &rows, err) < 0 || kn_compute_server_may(req, rows, action, err) < 0) {
        return -1;
    }
    deferred_claim(rows, 1, &claims);
    return kn_compute_server_act(req, id, action, input, &also, err);
}
