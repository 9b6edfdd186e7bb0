/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL of single servers: reading one, and the wishes about it. A wish names the states that it was decided on, so that of
 * two at once one wins and the other is told; nothing here walks a task or touches what the conductor writes.
 */
#include "compute/rows/server.h"

#include <string.h>

#include "compute/rows/server_deferred.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/noun.h"

#define X(id, sql) ", " sql
#define COLUMNS "SELECT s.id" KN_SERVER_COLUMNS(X)

static const struct kn_stmt GET_ADMIN = { "server_get_admin",
                                          COLUMNS " FROM server s WHERE s.id = $1 AND s.deleted_at IS NULL", 1 };
static const struct kn_stmt GET = {
    "server_get", COLUMNS " FROM server s WHERE s.id = $1 AND s.project_id = $2 AND s.deleted_at IS NULL", 2
};
static const struct kn_stmt BEGIN_ACTION = {
    "server_begin_action",
    "UPDATE server SET task_state = coalesce($4, task_state), updated_at = now() WHERE id = $1 AND deleted_at IS NULL "
    "AND vm_state = $2 AND task_state IS NOT DISTINCT FROM $3",
    4
};
static const struct kn_stmt BEGIN_DELETE = {
    "server_begin_delete",
    "UPDATE server SET task_state = 'deleting', updated_at = now() WHERE id = $1 AND deleted_at IS NULL "
    "AND NOT (task_state IS NOT DISTINCT FROM 'deleting' AND EXISTS (SELECT FROM task t WHERE t.object_id = $1 "
    "AND t.kind = 'server.delete' AND " KN_TASK_IS_OPEN("t.state") "))",
    1
};
static const struct kn_stmt LOCK = {
    "server_lock",
    "UPDATE server SET locked = true, locked_by = $2, locked_reason = $3 WHERE id = $1 AND deleted_at IS NULL", 3
};
static const struct kn_stmt UNLOCK = {
    "server_unlock",
    "UPDATE server SET locked = false, locked_by = NULL, locked_reason = NULL WHERE id = $1 AND deleted_at IS NULL", 1
};
static const struct kn_stmt RESET = {
    "server_reset",
    "UPDATE server SET vm_state = $2, task_state = NULL, updated_at = now() WHERE id = $1 AND deleted_at IS NULL "
    "AND soft_deleted_at IS NULL "
    "AND ($2 <> 'active' OR (host IS NOT NULL AND launched_at IS NOT NULL))",
    2
};
static const struct kn_stmt UPDATE_ROW = {
    "server_update",
    "UPDATE server SET name = coalesce($2, name), hostname = coalesce($3, hostname), "
    "description = CASE WHEN $4::boolean THEN $5 ELSE description END, access_ipv4 = coalesce($6, access_ipv4), "
    "access_ipv6 = coalesce(host($7::inet), access_ipv6), disk_config = coalesce($8, disk_config), updated_at = now() "
    "WHERE id = $1 AND deleted_at IS NULL",
    8
};
static const struct kn_stmt REBUILD_ROW = {
    "server_rebuild",
    "UPDATE server SET image_id = $2::uuid, metadata = coalesce($3::jsonb, metadata), "
    "key_name = CASE WHEN $4::boolean THEN $5 ELSE key_name END, key_data = CASE WHEN $4::boolean THEN $6 ELSE key_data END, "
    "user_data = CASE WHEN $7::boolean THEN $8 ELSE user_data END, image_properties = $9::jsonb, "
    "files = $10::jsonb, config_drive = config_drive OR $10::jsonb IS NOT NULL WHERE id = $1 AND deleted_at IS NULL",
    10
};
static const struct kn_stmt SHELVED = { "server_shelved",
                                        "UPDATE server SET shelved_image = $2 WHERE id = $1 AND deleted_at IS NULL",
                                        2 };
static const struct kn_stmt PIN = { "server_pin",
                                    "UPDATE server SET pinned_zone = $2 WHERE id = $1 AND deleted_at IS NULL", 2 };
/* One row: where it is pinned to, and where it is; it is held, so that what is decided holds. */
static const struct kn_stmt PINNED = {
    "server_pinned", "SELECT pinned_zone, zone FROM server WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", 1
};
enum { PINNED_TO, PINNED_IN };
static const struct kn_stmt TOLD = { "server_told", "SELECT key_name, user_data, hostname FROM server WHERE id = $1",
                                     1 };
static int server_not_found(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Instance %.80s could not be found.", id);
}

int kn_compute_server_get(const struct kn_request *req, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_uuid_valid(id)) {
        return server_not_found(id, err);
    }
    if (kn_db_run(req->db, kn_rest_reaches_all(req) ? &GET_ADMIN : &GET, KN_ARGS(id, req->caller.project_id), &rows,
                  err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return server_not_found(id, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

/* Guests of its host's kind do not know it. */
static bool server_cannot(const struct kn_rows *rows, const char *action)
{
    json_auto_t *cannot = kn_rows_null(rows, 0, KN_SERVER_CANNOT)
                              ? NULL
                              : json_loads(kn_rows_text(rows, 0, KN_SERVER_CANNOT), 0, NULL);
    const json_t *word;
    size_t i;

    json_array_foreach (cannot, i, word) {
        if (json_is_string(word) && strcmp(json_string_value(word), action) == 0) {
            return true;
        }
    }
    return false;
}

bool kn_compute_server_boots_from_volume(const struct kn_rows *rows)
{
    return kn_rows_text(rows, 0, KN_SERVER_IMAGE)[0] == '\0';
}

int kn_compute_server_may(const struct kn_request *req, const struct kn_rows *rows,
                          const struct kn_server_action *action, struct kn_error *err)
{
    const char *id = kn_rows_text(rows, 0, KN_SERVER_ID);

    if (kn_server_action_allowed(action, id, kn_rows_text(rows, 0, KN_SERVER_VM_STATE),
                                 kn_rows_str(rows, 0, KN_SERVER_TASK_STATE), kn_rows_bool(rows, 0, KN_SERVER_LOCKED),
                                 kn_policy_allows(KN_NOVA_SERVER_LOCKED, &req->caller, NULL), err) < 0) {
        return -1;
    }
    if (action->flow != NULL && strcmp(action->name, "delete") != 0 && kn_rows_null(rows, 0, KN_SERVER_LAUNCHED)) {
        return kn_fail(err, KN_CONFLICT, "Cannot '%s' instance %s which has never been active", action->name, id);
    }
    if (server_cannot(rows, action->name)) {
        return kn_fail(err, KN_CONFLICT, "Operation '%s' not supported for instance (%s): its host does not know it.",
                       action->name, id);
    }
    return strcmp(action->name, "createBackup") == 0 && kn_compute_server_boots_from_volume(rows)
               ? kn_fail(err, KN_BAD_REQUEST, "Backup is not supported for volume-backed instances.")
               : 0;
}

/* The row and the task, in one transaction. *ret_begun: false when the row was not as it was seen. */
static int begin_action(const struct kn_request *req, const struct kn_rows *seen, const struct kn_server_action *action,
                        json_t *input, const struct kn_compute_server_also *also, bool *ret_begun, struct kn_error *err)
{
    const char *id = kn_rows_text(seen, 0, KN_SERVER_ID);
    const struct kn_task_wish wish = {
        action->flow, id, kn_rows_text(seen, 0, KN_SERVER_PROJECT), req->caller.user_id, req->request_id, input
    };
    const struct kn_task_wish next = {
        also != NULL ? also->then : NULL, id, wish.project_id, wish.user_id, wish.request_id, NULL
    };
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t changed = 0, task = 0, behind = 0;

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_db_change(req->db, &BEGIN_ACTION,
                     KN_ARGS(id, kn_rows_text(seen, 0, KN_SERVER_VM_STATE), kn_rows_str(seen, 0, KN_SERVER_TASK_STATE),
                             action->during),
                     &changed, err) < 0) {
        return -1;
    }
    if (changed == 0) {
        *ret_begun = false;
        return 0;
    }
    if ((also != NULL && also->run(req, id, also->ctx, input, err) < 0) ||
        kn_task_insert(req->db, &wish, &task, err) < 0 ||
        (next.kind != NULL && kn_task_insert(req->db, &next, &behind, err) < 0) ||
        (also != NULL && also->claims != NULL && kn_quota_take(req->db, also->claims, err) < 0) ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    *ret_begun = true;
    kn_task_wake(req->bus, id, task);
    if (behind != 0) {
        kn_task_wake(req->bus, id, behind);
    }
    return 0;
}

int kn_compute_server_act(const struct kn_request *req, const char *id, const struct kn_server_action *action,
                          json_t *input, const struct kn_compute_server_also *also, struct kn_error *err)
{
    for (int try = 0; try < 3; try++) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        bool begun = false;

        if (kn_compute_server_get(req, id, &rows, err) < 0 || kn_compute_server_may(req, rows, action, err) < 0 ||
            begin_action(req, rows, action, input, also, &begun, err) < 0) {
            return -1;
        }
        if (begun) {
            return 0;
        }
    }
    return kn_fail(err, KN_CONFLICT, "Instance %s changes its state too quickly; try again", id);
}

int kn_compute_server_delete(const struct kn_request *req, const char *id, bool for_good, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_task_wish wish = { "server.delete", id, NULL, req->caller.user_id, req->request_id, NULL };
    int64_t changed = 0, task = 0;

    if (kn_compute_server_get(req, id, &rows, err) < 0 ||
        kn_compute_server_may(req, rows, kn_server_action("delete"), err) < 0) {
        return -1;
    }
    if (!for_good && kn_compute_server_is_kept(req, rows)) {
        return kn_compute_server_soft_delete(req, rows, err);
    }
    id = kn_rows_text(rows, 0, KN_SERVER_ID);
    wish.object_id = id;
    wish.project_id = kn_rows_text(rows, 0, KN_SERVER_PROJECT);
    /* Tasks first, then the row: so everybody locks them. Behind it again: what was wished in between. */
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_task_cancel(req->db, id, err) < 0 ||
        kn_db_change(req->db, &BEGIN_DELETE, KN_ARGS(id), &changed, err) < 0) {
        return -1;
    }
    if (changed == 0) {
        return 0; /* on its way already */
    }
    if (kn_task_cancel(req->db, id, err) < 0 || kn_task_insert(req->db, &wish, &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, id, task);
    return 0;
}

int kn_compute_server_record(const struct kn_request *req, const struct kn_rows *rows, const char *kind,
                             struct kn_error *err)
{
    const struct kn_task_wish wish = { kind,
                                       kn_rows_text(rows, 0, KN_SERVER_ID),
                                       kn_rows_text(rows, 0, KN_SERVER_PROJECT),
                                       req->caller.user_id,
                                       req->request_id,
                                       NULL };

    return kn_task_record(req->db, &wish, err);
}

/* Done at once: the row and its place in the server's history, in one transaction. */
static int act_at_once(const struct kn_request *req, const struct kn_rows *rows, const char *kind,
                       const struct kn_stmt *stmt, const char *const *args, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };

    return kn_tx_begin(&tx, req->db, err) < 0 || kn_db_run(req->db, stmt, args, NULL, err) < 0 ||
                   kn_compute_server_record(req, rows, kind, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_compute_server_lock(const struct kn_request *req, const char *id, const char *reason, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *by = NULL;

    if (kn_compute_server_get(req, id, &rows, err) < 0) {
        return -1;
    }
    by = strcmp(kn_rows_text(rows, 0, KN_SERVER_PROJECT), req->caller.project_id) == 0 ? "owner" : "admin";
    return act_at_once(req, rows, "server.lock", &LOCK, KN_ARGS(kn_rows_text(rows, 0, KN_SERVER_ID), by, reason), err);
}

int kn_compute_server_unlock(const struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, id, &rows, err) < 0) {
        return -1;
    }
    if (strcmp(kn_rows_text(rows, 0, KN_SERVER_LOCKED_BY), "admin") == 0 &&
        kn_policy_check(KN_NOVA_SERVER_UNLOCK_OVERRIDE, &req->caller, NULL, err) < 0) {
        return -1;
    }
    return act_at_once(req, rows, "server.unlock", &UNLOCK, KN_ARGS(kn_rows_text(rows, 0, KN_SERVER_ID)), err);
}

/* What is said holds at once; that it is active is held against what its host sees. */
static int reset_to_active(const struct kn_request *req, const struct kn_rows *rows, struct kn_error *err)
{
    const struct kn_task_wish wish = { "server.resetState",
                                       kn_rows_text(rows, 0, KN_SERVER_ID),
                                       kn_rows_text(rows, 0, KN_SERVER_PROJECT),
                                       req->caller.user_id,
                                       req->request_id,
                                       NULL };
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t task = 0;

    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_db_run(req->db, &RESET, KN_ARGS(wish.object_id, "active"), NULL, err) < 0 ||
        kn_task_insert(req->db, &wish, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, wish.object_id, task);
    return 0;
}

int kn_compute_server_reset_state(const struct kn_request *req, const char *id, const char *vm_state,
                                  struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, id, &rows, err) < 0) {
        return -1;
    }
    if (strcmp(kn_rows_text(rows, 0, KN_SERVER_VM_STATE), "soft-delete") ==
        0) { /* restore and forceDelete are its ways out */
        return kn_fail(err, KN_CONFLICT, "Cannot 'resetState' instance %s while it is in vm_state soft-delete",
                       kn_rows_text(rows, 0, KN_SERVER_ID));
    }
    if (strcmp(vm_state, "active") == 0 &&
        (kn_rows_null(rows, 0, KN_SERVER_HOST) || kn_rows_null(rows, 0, KN_SERVER_LAUNCHED))) {
        return kn_fail(err, KN_CONFLICT, "Cannot 'resetState' instance %s to active: it has never been active",
                       kn_rows_text(rows, 0, KN_SERVER_ID));
    }
    return strcmp(vm_state, "active") == 0 ? reset_to_active(req, rows, err)
                                           : act_at_once(req, rows, "server.resetState", &RESET,
                                                         KN_ARGS(kn_rows_text(rows, 0, KN_SERVER_ID), vm_state), err);
}

static int server_change(struct kn_db *db, const struct kn_stmt *stmt, const char *const *args, struct kn_error *err)
{
    int64_t changed = 0;

    if (kn_db_change(db, stmt, args, &changed, err) < 0) {
        return -1;
    }
    return changed == 0 ? server_not_found(args[0], err) : 0;
}

int kn_compute_server_update(struct kn_db *db, const char *id, const struct kn_compute_server_update *update,
                             struct kn_error *err)
{
    return server_change(db, &UPDATE_ROW,
                         KN_ARGS(id, update->name, update->hostname, update->has_description ? "t" : "f",
                                 update->description, update->access_ipv4, update->access_ipv6, update->disk_config),
                         err);
}

int kn_compute_server_rebuilt(struct kn_db *db, const char *id, const struct kn_compute_server_rebuild *rebuild,
                              struct kn_error *err)
{
    return server_change(db, &REBUILD_ROW,
                         KN_ARGS(id, rebuild->image_id, rebuild->metadata, rebuild->has_key ? "t" : "f",
                                 rebuild->key_name, rebuild->key_data, rebuild->has_user_data ? "t" : "f",
                                 rebuild->user_data, rebuild->image_properties, rebuild->files),
                         err);
}

static const struct kn_stmt MACHINE = {
    "server_machine",
    "SELECT flavor->'extra_specs', flavor->>'vcpus', machine, coalesce(disks @? '$.**.cdrom ? (@ == true)', false), "
    "coalesce((SELECT h.hypervisor_type FROM host h WHERE h.name = s.host), '') FROM server s WHERE id = $1",
    1
};

int kn_compute_server_told(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &TOLD, KN_ARGS(id), ret, err);
}

int kn_compute_server_machine(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    return kn_db_run(db, &MACHINE, KN_ARGS(id), ret, err);
}

int kn_compute_server_shelved(struct kn_db *db, const char *id, const char *image, struct kn_error *err)
{
    return server_change(db, &SHELVED, KN_ARGS(id, image), err);
}

int kn_compute_server_pin(struct kn_db *db, const char *id, const char *zone, struct kn_error *err)
{
    return server_change(db, &PIN, KN_ARGS(id, zone), err);
}

int kn_compute_server_pin_again(struct kn_db *db, const char *id, const char *zone, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &PINNED, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return server_not_found(id, err);
    }
    const char *is = kn_rows_str(rows, 0, PINNED_TO);

    if (zone != NULL && is != NULL && strcmp(zone, is) != 0) {
        return kn_fail(err, KN_CONFLICT,
                       "Cannot change pinned availability zone directly. Unpin first by setting "
                       "pinned_availability_zone to null.");
    }
    if (zone != NULL && is == NULL && strcmp(zone, kn_rows_text(rows, 0, PINNED_IN)) != 0) {
        return kn_fail(err, KN_CONFLICT,
                       "Server can only be pinned to its current availability zone '%.255s', but '%.255s' was "
                       "requested.",
                       kn_rows_null(rows, 0, PINNED_IN) ? "None" : kn_rows_text(rows, 0, PINNED_IN), zone);
    }
    return kn_compute_server_pin(db, id, zone, err);
}
