/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of groups as clients see and make them, and their end. The parts are snapshots like others (snapshot.c), but for their task, which is one for all. */
#include "volume/rows/group_snapshot.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/rows/backend.h"
#include "volume/rows/group.h"
#include "volume/rows/snapshot.h"

#define GETS (KN_REST_LIST | KN_REST_SHOW)
#define OPTIONAL (KN_REST_NULL | KN_REST_NULL_IS_NOTHING)

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("group_id", "s.group_id", KN_REST_UUID, GETS | KN_REST_FILTER),
    KN_REST_ATTR("group_type_id", "s.group_type_id", KN_REST_UUID, GETS | KN_REST_CHANGED),
    KN_REST_ATTR("status", "s.status", KN_REST_TEXT, GETS | KN_REST_FIND, .column = "status"),
    KN_REST_ATTR("created_at", "s.created_at", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_POST | OPTIONAL,
                 .column = "name", .limit = KN_LIMIT_VOLUME_NAME),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, GETS | KN_REST_POST | OPTIONAL, .column = "description",
                 .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, GETS, .read = KN_CINDER_GROUP_SNAPSHOT_PROJECT,
                 .since = 58),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    /* What bodies say beside, and what no body says. */
    KN_REST_ATTR("group_id", NULL, KN_REST_UUID, KN_REST_POST | KN_REST_REQUIRED, .column = "group_id",
                 .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("its_type", NULL, KN_REST_UUID, 0, .column = "group_type_id"),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("project_id", kn_rest_ignored),
    KN_REST_PARAMS_END,
};

/* --- making one ------------------------------------------------------------------------------------------------------------- */

static int group_snapshot_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                 struct kn_error *err)
{
    enum { VOLUME };
    AUTO(kn_rows) struct kn_rows *members = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *group = kn_json_str(object, "group_id");
    json_t *volumes = json_array();
    struct kn_volume_group g;

    (void)id;
    (void)now;
    json_object_set_new(object, "volumes", volumes);
    if (kn_volume_group_hold(req->db, &req->caller, group, &members, &rows, &g, err) < 0) {
        return -1;
    }
    if (strcmp(g.project_id, req->caller.project_id) != 0) {
        return kn_fail(err, KN_NOT_FOUND, "Group %s could not be found.", g.id);
    }
    if (strcmp(g.status, "available") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid group: Group status must be available, but current status is: %s",
                       g.status);
    }
    if (g.members == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid group: Group %s has no volumes.", g.id);
    }
    for (int i = 0; i < kn_rows_count(members); i++) {
        json_array_append_new(volumes, json_string(kn_rows_text(members, i, VOLUME)));
    }
    json_object_set_new(object, "its_type", json_string(g.type_id));
    return json_object_set_new(object, "status", json_string("creating"));
}

static int group_snapshot_add_part(struct kn_request *req, const char *id, const json_t *object, const char *volume,
                                   struct kn_quota_claims *claims, json_t *ret_parts, struct kn_error *err)
{
    json_auto_t *part = json_pack("{s:s, s:s, s:O?, s:O?}", "volume_id", volume, "part_of", id, "name",
                                  json_object_get(object, "name"), "description",
                                  json_object_get(object, "description"));
    const char *made = NULL;

    if (kn_rest_insert_in(&kn_volume_snapshot_noun, req, part, claims, &made, err) < 0) {
        return -1;
    }
    return json_array_append_new(ret_parts, json_pack("{s:s, s:s}", "snapshot", made, "volume", volume));
}

/* The parts, the task that makes them all, and what they count as: the transaction's last statement. */
static int group_snapshot_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("volume");
    json_auto_t *input = json_pack("{s:[]}", "snapshots");
    const struct kn_task_wish wish = { "group_snapshot.create", id,   req->caller.project_id, req->caller.user_id,
                                       req->request_id,         input };
    const json_t *volume;
    int64_t task = 0;
    size_t i;

    (void)now;
    json_array_foreach (json_object_get(object, "volumes"), i, volume) {
        if (group_snapshot_add_part(req, id, object, json_string_value(volume), &claims,
                                    json_object_get(input, "snapshots"), err) < 0) {
            return -1;
        }
    }
    if (kn_task_insert(req->db, &wish, &task, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "task", json_integer(task));
    return kn_quota_take(req->db, &claims, err);
}

const struct kn_rest_noun kn_volume_group_snapshot_noun = {
    .one = "group_snapshot",
    .many = "group_snapshots",
    .label = "GroupSnapshot",
    .path = "/group_snapshots",
    .from = "volume_group_snapshot s",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible = "s.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .links_key = "group_snapshot_links",
    .pages_since = 29,
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume_group_snapshot",
    .project_column = "project_id",
    .user_column = "user_id",
    .decide = group_snapshot_decide,
    .after = group_snapshot_after,
    .tell = kn_rest_tell_task,
};

/* --- one row ---------------------------------------------------------------------------------------------------------------- */

int kn_volume_group_snapshot_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                                 struct kn_rows **ret_rows, struct kn_volume_group_snapshot *ret, struct kn_error *err)
{
#define GROUP_SNAPSHOT_OF \
    "SELECT s.id, s.project_id, s.group_id, s.status FROM volume_group_snapshot s WHERE s.id = $1 AND (s.project_id = $2 OR $3::boolean)"
    static const struct kn_stmt GET = { "volume_group_snapshot_get", GROUP_SNAPSHOT_OF, 3 };
    static const struct kn_stmt LOCK = { "volume_group_snapshot_lock", GROUP_SNAPSHOT_OF " FOR UPDATE OF s", 3 };
    enum { ID, PROJECT, GROUP, STATUS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) &&
        kn_db_run(db, update ? &LOCK : &GET,
                  KN_ARGS(id, caller->project_id, kn_policy_allows(KN_CINDER_GROUP_SNAPSHOT, caller, NULL) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "GroupSnapshot %.64s could not be found.", id);
    }
    *ret = (struct kn_volume_group_snapshot){
        .id = kn_rows_text(rows, 0, ID),
        .project_id = kn_rows_text(rows, 0, PROJECT),
        .group_id = kn_rows_text(rows, 0, GROUP),
        .status = kn_rows_text(rows, 0, STATUS),
    };
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_volume_group_snapshot_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt SET = {
        "volume_group_snapshot_set_status",
        "UPDATE volume_group_snapshot SET status = $2, updated_at = now() WHERE id = $1", 2
    };

    return kn_db_run(db, &SET, KN_ARGS(id, status), NULL, err);
}

int kn_volume_group_snapshot_reset(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt RESET = {
        "volume_group_snapshot_reset",
        "UPDATE volume_group_snapshot SET status = $2, updated_at = now() WHERE id = $1::uuid"
        " AND NOT EXISTS (SELECT FROM task WHERE object_id = $1::uuid AND state IN ('run', 'undo'))",
        2
    };
    int64_t count = 0;

    return kn_db_change(db, &RESET, KN_ARGS(id, status), &count, err) < 0 ? -1
           : count > 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Group snapshot %s is being worked on: it says what came of it.", id);
}

int kn_volume_group_snapshot_parts(struct kn_db *db, const char *id, struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt PARTS = {
        "volume_group_snapshot_parts",
        "SELECT s.id, s.volume_id FROM volume_snapshot s WHERE s.group_snapshot_id = $1 ORDER BY s.id FOR UPDATE OF s",
        1
    };

    return kn_db_run(db, &PARTS, KN_ARGS(id), ret_rows, err);
}

/* --- its end ---------------------------------------------------------------------------------------------------------------- */

static bool group_snapshot_may_go(const char *status)
{
    return strcmp(status, "available") == 0 || strcmp(status, "error") == 0 || strcmp(status, "error_deleting") == 0;
}

int kn_volume_group_snapshot_doom(struct kn_request *req, const struct kn_volume_group_snapshot *s, int64_t *ret_task,
                                  struct kn_error *err)
{
    enum { PART, VOLUME };
    static const struct kn_stmt DOOM = {
        "volume_group_snapshot_doom",
        "UPDATE volume_snapshot SET status = 'deleting', updated_at = now() WHERE group_snapshot_id = $1", 1
    };
    static const struct kn_stmt USED = {
        "volume_group_snapshot_used",
        "SELECT 1 FROM volume_snapshot s WHERE s.group_snapshot_id = $1 AND (EXISTS (SELECT FROM volume v WHERE v.snapshot_id = s.id AND v.status = 'creating') "
        "OR EXISTS (SELECT FROM volume v WHERE v.id = s.volume_id AND v.status = 'reverting') "
        "OR EXISTS (SELECT FROM volume_backup b WHERE b.snapshot_id = s.id AND b.status = 'creating')) LIMIT 1",
        1
    };
    AUTO(kn_rows) struct kn_rows *parts = NULL;
    AUTO(kn_rows) struct kn_rows *used = NULL;
    json_auto_t *input = json_pack("{s:[]}", "snapshots");
    const struct kn_task_wish wish = { "group_snapshot.delete", s->id,           req->caller.project_id,
                                       req->caller.user_id,     req->request_id, input };

    if (kn_volume_group_snapshot_parts(req->db, s->id, &parts, err) < 0 ||
        kn_db_run(req->db, &USED, KN_ARGS(s->id), &used, err) < 0) {
        return -1;
    }
    if (!group_snapshot_may_go(s->status) || kn_rows_count(used) > 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid group snapshot: GroupSnapshot status must be available or error, and no Group can be "
                       "currently using it as source for its creation.");
    }
    for (int i = 0; i < kn_rows_count(parts); i++) {
        if (kn_volume_backend_refuse_frozen(req->db, req->conf, kn_rows_text(parts, i, VOLUME), err) < 0) {
            return -1;
        }
        json_array_append_new(json_object_get(input, "snapshots"),
                              json_pack("{s:s, s:s}", "snapshot", kn_rows_text(parts, i, PART), "volume",
                                        kn_rows_text(parts, i, VOLUME)));
    }
    return kn_volume_group_snapshot_set_status(req->db, s->id, "deleting", err) < 0 ||
                   kn_db_run(req->db, &DOOM, KN_ARGS(s->id), NULL, err) < 0
               ? -1
               : kn_task_insert(req->db, &wish, ret_task, err);
}
