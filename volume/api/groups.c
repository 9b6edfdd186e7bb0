/* SPDX-License-Identifier: Apache-2.0 */
/* Groups over HTTP. What bodies may say is volume/rows/group.c's; that a group is deleted with its volumes is said here. */
#include <string.h>
#include <strings.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/group.h"

int kn_volume_api_groups(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_group_noun, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_volume_api_groups_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_group_noun, req, KN_REST_LIST, "/groups/detail", res, err);
}

int kn_volume_api_group(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_group_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_group_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_group_noun, req, res, err);
}

/* The answer has no body. */
int kn_volume_api_group_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *object = NULL;

    (void)res;
    return kn_rest_body(&kn_volume_group_noun, req, KN_REST_PUT, &object, err) < 0
               ? -1
               : kn_rest_change(&kn_volume_group_noun, req, req->params[0], object, err);
}

/* --- its end ---------------------------------------------------------------------------------------------------------------- */

enum { MEMBER_ID, MEMBER_STATUS }; /* of kn_volume_group_hold() */

static int groups_judge_end(const struct kn_volume_group *g, const struct kn_rows *members, bool with_volumes,
                            struct kn_error *err)
{
    if (!with_volumes && strcmp(g->status, "available") != 0 && strcmp(g->status, "error") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid group: Group status must be available or error, but current status is: %s", g->status);
    }
    if (!with_volumes && g->members > 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid group: Group %s still contains volumes. The delete-volumes flag is required to delete "
                       "it.",
                       g->id);
    }
    for (int i = 0; i < kn_rows_count(members); i++) {
        if (strcmp(kn_rows_text(members, i, MEMBER_STATUS), "in-use") == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid group: Volume in group %s is attached. Need to detach first.",
                           g->id);
        }
    }
    return 0;
}

static int groups_refuse_kept(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt KEPT = { "volume_group_kept",
                                         "SELECT 1 FROM volume_group_snapshot WHERE group_id = $1 LIMIT 1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &KEPT, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid group: Group has existing snapshots.");
}

static int groups_doom_members(struct kn_request *req, const struct kn_rows *members, json_t *ret_wakes,
                               struct kn_error *err)
{
    for (int i = 0; i < kn_rows_count(members); i++) {
        if (strcmp(kn_rows_text(members, i, MEMBER_STATUS), "deleting") != 0 &&
            kn_volume_api_doom(req, kn_rows_text(members, i, MEMBER_ID), KN_VOLUME_DELETE_GROUPED, false, ret_wakes,
                               err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What its volumes are about is asked to stop, before any of their rows is held: so everybody locks them. */
static int groups_cancel(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt OF = { "volume_group_members", "SELECT id FROM volume WHERE group_id = $1 ORDER BY id",
                                       1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &OF, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (kn_task_cancel(db, kn_rows_text(rows, i, MEMBER_ID), err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int groups_delete(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    const bool with_volumes = kn_schema_bool(in, "delete-volumes", false);
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *members = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_auto_t *wakes = json_object();
    const char *volume;
    json_t *task;
    struct kn_volume_group g;

    if (kn_tx_begin(&tx, req->db, err) < 0 || (with_volumes && groups_cancel(req->db, req->params[0], err) < 0) ||
        kn_volume_group_hold(req->db, &req->caller, req->params[0], &members, &rows, &g, err) < 0 ||
        groups_judge_end(&g, members, with_volumes, err) < 0 || groups_refuse_kept(req->db, g.id, err) < 0 ||
        groups_doom_members(req, members, wakes, err) < 0 ||
        (g.members > 0 ? kn_volume_group_set_status(req->db, g.id, "deleting", err)
                       : kn_volume_group_end(req->db, &g, err)) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    json_object_foreach (wakes, volume, task) {
        kn_task_wake(req->bus, volume, json_integer_value(task));
    }
    return 0;
}

/* --- actions ---------------------------------------------------------------------------------------------------------------- */

static int groups_reset(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    static const char *const STATUSES[] = { "error",   "available", "creating", "deleting",
                                            "deleted", "updating",  "in-use",   "error_deleting" };
    const char *status = kn_json_str(in, "status");

    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcasecmp(STATUSES[i], status) == 0) {
            return kn_volume_group_set_status(req->db, req->params[0], STATUSES[i], err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST,
                   "Group status: %.64s is invalid, valid status are: ('error', 'available', 'creating', 'deleting', "
                   "'deleted', 'updating', 'in-use', 'error_deleting').",
                   status);
}

static int groups_no_replica(struct kn_request *req, const json_t *in, struct kn_error *err)
{
    (void)in;
    return kn_fail(err, KN_BAD_REQUEST, "Invalid group type: Group %.36s is not a replication group type.",
                   req->params[0]);
}

static const struct kn_schema DELETE[] = { KN_SCHEMA("delete-volumes", KN_IS_BOOLEAN), KN_SCHEMA_END };
static const struct kn_schema RESET[] = {
    KN_SCHEMA("status", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_STATUS),
    KN_SCHEMA_END,
};
static const struct kn_schema FAILOVER[] = {
    KN_SCHEMA("allow_attached_volume", KN_IS_BOOLEAN),
    KN_SCHEMA("secondary_backend_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("delete", KN_IS_OBJECT, .inner = DELETE),
    KN_SCHEMA("reset_status", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("enable_replication", KN_IS_ANY),
    KN_SCHEMA("disable_replication", KN_IS_ANY),
    KN_SCHEMA("failover_replication", KN_IS_OBJECT, .inner = FAILOVER),
    KN_SCHEMA("list_replication_targets", KN_IS_ANY),
    KN_SCHEMA_END,
};
static const struct {
    const char *name;
    int (*run)(struct kn_request *req, const json_t *in, struct kn_error *err);
    enum kn_rule rule;
    int since; /* minor microversion */
} ACTIONS[] = {
    { "delete", groups_delete, KN_CINDER_GROUP_DELETE, 13 },
    { "reset_status", groups_reset, KN_CINDER_GROUP_RESET, 20 },
    { "enable_replication", groups_no_replica, KN_CINDER_GROUP_REPLICATE, 38 },
    { "disable_replication", groups_no_replica, KN_CINDER_GROUP_UNREPLICATE, 38 },
    { "failover_replication", groups_no_replica, KN_CINDER_GROUP_FAILOVER, 38 },
    { "list_replication_targets", groups_no_replica, KN_CINDER_GROUP_REPLICAS, 38 },
};

int kn_volume_api_group_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume_group g;
    void *first = json_object_iter(req->body);
    const char *name = first != NULL ? json_object_iter_key(first) : "";

    (void)res;
    if (kn_volume_group_get(req->db, &req->caller, req->params[0], false, &rows, &g, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(ACTIONS) && json_object_size(req->body) == 1; i++) {
        if (strcmp(ACTIONS[i].name, name) == 0 && req->microversion >= ACTIONS[i].since) {
            return kn_policy_check(ACTIONS[i].rule, &req->caller, &(struct kn_target){ .project_id = g.project_id },
                                   err) < 0 ||
                           kn_schema_check(BODY, req->body, req->microversion, err) < 0
                       ? -1
                       : ACTIONS[i].run(req, json_object_iter_value(first), err);
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.64s", name);
}
