/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots as clients see and make them, and their end. Who makes one holds the volume's row, so that no server gets the volume before its copy is known to be under way.
 * What is made of a snapshot is found by asking for it, never counted.
 */
#include "volume/rows/snapshot.h"

#include <string.h>

#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/rows/backend.h"
#include "volume/rows/holder.h"
#include "volume/rows/noun.h"
#include "volume/rows/volume.h"

#define ALWAYS_FORCED 66 /* the microversion whose clients need not say that a volume may be in use */
#define GETS (KN_REST_LIST | KN_REST_SHOW)
#define SAID (KN_REST_POST | KN_REST_CLEAR)
#define NAME .limit = KN_LIMIT_VOLUME_NAME
#define DESCRIPTION .limit = KN_LIMIT_VOLUME_DESCRIPTION

static const struct kn_schema META[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA_END };

/* While a backup of it is made. */
#define IS_BACKED_UP \
    "EXISTS (SELECT FROM volume_backup b WHERE b.snapshot_id = s.id AND b.volume_id = s.volume_id " \
    "AND b.status = 'creating' AND b.location IS NULL)"
#define STATUS "CASE WHEN s.status = 'available' AND " IS_BACKED_UP " THEN 'backing-up' ELSE s.status END"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("created_at", "s.created_at", KN_REST_TIME, KN_REST_ALWAYS | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "s.updated_at", KN_REST_TIME, KN_REST_ALWAYS | KN_REST_SORT),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT,
                 KN_REST_ALWAYS | KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE | KN_REST_CLEAR, .column = "name", NAME),
    KN_REST_ATTR("description", "s.description", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_WRITE | KN_REST_CLEAR,
                 .column = "description", DESCRIPTION),
    KN_REST_ATTR("volume_id", "s.volume_id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("status", STATUS, KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND, .column = "status"),
    KN_REST_ATTR("size", "s.size_gib", KN_REST_INT, KN_REST_ALWAYS, .column = "size_gib"),
    KN_REST_ATTR("metadata", "s.metadata", KN_REST_JSON, KN_REST_ALWAYS | SAID, .column = "metadata",
                 .form = "coalesce(?::jsonb, '{}')", .inner = META, .inner_shape = KN_IS_MAP,
                 .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_REST_ATTR(
        "os-extended-snapshot-attributes:progress",
        "coalesce(s.progress, CASE s.status WHEN 'available' THEN '100%' WHEN 'deleting' THEN '100%' ELSE '0%' END)",
        KN_REST_TEXT, GETS, .read = KN_CINDER_SNAPSHOT_EXTENDED),
    KN_REST_ATTR("os-extended-snapshot-attributes:project_id", "s.project_id", KN_REST_TEXT, GETS,
                 .read = KN_CINDER_SNAPSHOT_EXTENDED),
    KN_REST_ATTR("group_snapshot_id", "s.group_snapshot_id", KN_REST_UUID, KN_REST_SHOWN, .since = 14),
    KN_REST_ATTR("user_id", "s.user_id", KN_REST_TEXT, KN_REST_SHOWN, .since = 41),
    KN_REST_ATTR("consumes_quota", "true", KN_REST_BOOL, KN_REST_SHOWN, .since = 65),
    KN_REST_ATTR("project_id", "s.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    /* What bodies say beside. */
    KN_REST_ATTR("volume_id", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_REQUIRED | KN_REST_NULL,
                 .rule = &KN_TEXT_UUID),
    KN_REST_ATTR("force", NULL, KN_REST_BOOL, KN_REST_POST),
    KN_REST_ATTR("display_name", "s.name", KN_REST_TEXT, KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE | KN_REST_CLEAR,
                 NAME),
    KN_REST_ATTR("display_description", NULL, KN_REST_TEXT, KN_REST_PUT | KN_REST_CLEAR, DESCRIPTION),
    /* What no body says. */
    KN_REST_ATTR("of_volume", NULL, KN_REST_UUID, 0, .column = "volume_id"),
    KN_REST_ATTR("part_of", NULL, KN_REST_UUID, 0, .column = "group_snapshot_id"),
    KN_REST_ATTR("type_id", NULL, KN_REST_UUID, 0, .column = "type_id"),
    KN_REST_ATTR("image", NULL, KN_REST_JSON, 0, .column = "image"),
    KN_REST_ATTR("is_bootable", NULL, KN_REST_BOOL, 0, .column = "bootable"),
    KN_REST_ATTR("pinned", "s.metadata", KN_REST_JSON, 0, .column = "metadata"), /* one by one: labels.c */
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("created_at", kn_rest_time, .since = 60, .sql = "s.created_at"),
    KN_REST_PARAM("metadata", kn_volume_filter_metadata, .since = 22, .sql = "s.metadata"),
    KN_REST_PARAM("project_id", kn_rest_ignored),
    KN_REST_PARAM("updated_at", kn_rest_time, .since = 60, .sql = "s.updated_at"),
    KN_REST_PARAMS_END,
};

/* --- making and changing -------------------------------------------------------------------------------------------------- */

static int snapshot_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    kn_volume_take_old(object, "name", "display_name");
    kn_volume_take_old(object, "description", "display_description");
    if (strcmp(req->method, "POST") != 0) {
        return json_object_size(object) > 0
                   ? 0
                   : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute snapshot: nothing to update");
    }
    if (!json_is_string(json_object_get(object, "volume_id"))) {
        return kn_fail(err, KN_NOT_FOUND, "Volume None could not be found.");
    }
    return req->microversion < ALWAYS_FORCED || kn_schema_bool(object, "force", true)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward "
                         "compatability, however, when the 'force' flag is passed with a value evaluating to True, it "
                         "is silently ignored.");
}

/* Of a volume that a server has: by force, or where clients need say none. *ret_server "": as any other. */
static int snapshot_hold_server(struct kn_request *req, const json_t *object, char ret_server[KN_UUID_SIZE],
                                struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    ret_server[0] = '\0';
    if (json_object_get(object, "part_of") != NULL) {
        return 0; /* of a group all are at rest */
    }
    if (kn_volume_get(req->db, &req->caller, kn_json_str(object, "volume_id"), false, &rows, &v, err) < 0) {
        return -1;
    }
    return strcmp(v.status, "in-use") == 0 &&
                   (req->microversion >= ALWAYS_FORCED || kn_schema_bool(object, "force", false))
               ? kn_volume_holder_hold(req->db, v.id, ret_server, err)
               : 0;
}

static int snapshot_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char server[KN_UUID_SIZE];
    struct kn_volume v;

    (void)id;
    if (now != NULL) {
        return 0;
    }
    if (snapshot_hold_server(req, object, server, err) < 0 ||
        kn_volume_get(req->db, &req->caller, kn_json_str(object, "volume_id"), true, &rows, &v, err) < 0 ||
        kn_volume_backend_refuse_frozen(req->db, req->conf, v.id, err) < 0 ||
        kn_volume_move(req->db, &v, server[0] != '\0' ? KN_VOLUME_COPY_HELD : KN_VOLUME_COPY, err) < 0) {
        return -1;
    }
    if (server[0] != '\0' &&
        (kn_volume_holder_check(req->db, &v, server, err) < 0 || kn_volume_holder_can_copy(req->db, &v, err) < 0)) {
        return -1;
    }
    json_object_set_new(object, "held_by", json_string(server));
    json_object_set_new(object, "of_volume", json_string(v.id));
    json_object_set_new(object, "size", json_integer(v.size_gib));
    json_object_set_new(object, "type_id", json_string(v.type_id));
    json_object_set_new(object, "image", v.image != NULL ? json_loads(v.image, 0, NULL) : json_null());
    json_object_set_new(object, "is_bootable", json_boolean(v.is_bootable));
    return json_object_set_new(object, "status", json_string("creating"));
}

static int snapshot_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:s}", "volume", kn_json_str(object, "of_volume"));
    const char *server = kn_json_str(object, "held_by");
    const bool is_held = *server != '\0';
    const struct kn_task_wish wish = { is_held ? "server.snapshot_volume" : "snapshot.create",
                                       is_held ? server : id,
                                       req->caller.project_id,
                                       req->caller.user_id,
                                       req->request_id,
                                       input };
    int64_t task = 0;

    if (now != NULL || json_object_get(object, "part_of") != NULL) {
        return 0; /* the task of a part is that of all */
    }
    if (is_held) {
        json_object_set_new(input, "snapshot", json_string(id));
    }
    return kn_task_insert(req->db, &wish, &task, err) < 0 ? -1
                                                          : json_object_set_new(object, "task", json_integer(task));
}

static const struct kn_rest_counts COUNTS = {
    "volume", { "volume_snapshot_counts", KN_VOLUME_COUNTS("volume_snapshot", "snapshots"), 1 }, false
};

const struct kn_rest_noun kn_volume_snapshot_noun = {
    .one = "snapshot",
    .many = "snapshots",
    .label = "Snapshot",
    .path = "/snapshots",
    .from = "volume_snapshot s",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible = "s.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume_snapshot",
    .project_column = "project_id",
    .user_column = "user_id",
    .check = snapshot_check,
    .decide = snapshot_decide,
    .after = snapshot_after,
    .tell = kn_volume_holder_tell,
    .counts = &COUNTS,
};

/* --- one row ---------------------------------------------------------------------------------------------------------------- */

#define SNAPSHOT_SELECT \
    "SELECT s.id, s.volume_id, s.project_id, s.status, s.size_gib, s.type_id, s.image, s.bootable, s.group_snapshot_id FROM volume_snapshot s "
enum { S_ID, S_VOLUME, S_PROJECT, S_STATUS, S_SIZE, S_TYPE, S_IMAGE, S_BOOTABLE, S_PART_OF };

static void snapshot_at(const struct kn_rows *rows, int row, struct kn_volume_snapshot *ret)
{
    *ret = (struct kn_volume_snapshot){
        .id = kn_rows_text(rows, row, S_ID),
        .volume_id = kn_rows_text(rows, row, S_VOLUME),
        .project_id = kn_rows_text(rows, row, S_PROJECT),
        .status = kn_rows_text(rows, row, S_STATUS),
        .size_gib = kn_rows_int(rows, row, S_SIZE),
        .type_id = kn_rows_text(rows, row, S_TYPE),
        .image = kn_rows_str(rows, row, S_IMAGE),
        .is_bootable = kn_rows_bool(rows, row, S_BOOTABLE),
        .group_snapshot_id = kn_rows_str(rows, row, S_PART_OF),
    };
}

int kn_volume_snapshot_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                           struct kn_rows **ret_rows, struct kn_volume_snapshot *ret, struct kn_error *err)
{
#define SNAPSHOT_OF SNAPSHOT_SELECT "WHERE s.id = $1 AND (s.project_id = $2 OR $3::boolean)"
    static const struct kn_stmt GET = { "volume_snapshot_get", SNAPSHOT_OF, 3 };
    static const struct kn_stmt LOCK = { "volume_snapshot_lock", SNAPSHOT_OF " FOR UPDATE OF s", 3 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) &&
        kn_db_run(db, update ? &LOCK : &GET,
                  KN_ARGS(id, caller->project_id, kn_policy_allows(KN_CINDER_SNAPSHOT, caller, NULL) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Snapshot %.64s could not be found.", id);
    }
    snapshot_at(rows, 0, ret);
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_volume_snapshot_see(struct kn_db *db, struct kn_volume_snapshot *s, struct kn_error *err)
{
    static const struct kn_stmt SEE = { "volume_snapshot_see",
                                        "SELECT " IS_BACKED_UP " FROM volume_snapshot s WHERE s.id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &SEE, KN_ARGS(s->id), &rows, err) < 0) {
        return -1;
    }
    if (strcmp(s->status, "available") == 0 && kn_rows_count(rows) > 0 && kn_rows_bool(rows, 0, KN_ONLY)) {
        s->status = "backing-up";
    }
    return 0;
}

int kn_volume_snapshot_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_snapshot_set_status",
                                        "UPDATE volume_snapshot SET status = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, status), NULL, err);
}

int kn_volume_snapshot_say(struct kn_db *db, const struct kn_volume_snapshot *s, const char *status,
                           const char *progress, struct kn_error *err)
{
    static const struct {
        const char *from, *to[4]; /* ended by NULL */
    } SAID_OF[] = {
        { "creating", { "creating", "available", "error", NULL } },
        { "deleting", { "deleting", "error_deleting", NULL } },
    };
    static const struct kn_stmt SAY = {
        "volume_snapshot_say",
        "UPDATE volume_snapshot s SET status = $2, progress = coalesce($3, progress), updated_at = now() WHERE id = $1 AND status = $4 "
        "AND NOT EXISTS (SELECT FROM task t WHERE t.object_id = s.id AND t.state IN ('run', 'undo'))",
        4
    };
    int64_t said = 0;
    size_t row = 0;

    while (row < KN_COUNT(SAID_OF) && strcmp(SAID_OF[row].from, s->status) != 0) {
        row++;
    }
    if (row == KN_COUNT(SAID_OF)) {
        return kn_fail(err, KN_BAD_REQUEST, "Snapshot status %s not allowed for update_snapshot_status", s->status);
    }
    const char *const *to = SAID_OF[row].to;
    while (*to != NULL && strcmp(*to, status) != 0) {
        to++;
    }
    if (*to == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Provided snapshot status %.64s not allowed for snapshot with status %s.",
                       status, s->status);
    }
    if (kn_db_change(db, &SAY, KN_ARGS(s->id, status, progress, s->status), &said, err) < 0) {
        return -1;
    }
    return said == 1
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Provided snapshot status %.64s not allowed for snapshot %s: this cloud is at work on it.",
                         status, s->id);
}

/* --- its end ---------------------------------------------------------------------------------------------------------------- */

/* The caller holds the snapshot's row: whoever makes a volume of it writes its row under the same lock. */
static int snapshot_refuse_used(struct kn_db *db, const struct kn_volume_snapshot *s, struct kn_error *err)
{
    static const struct kn_stmt USED = {
        "volume_snapshot_used",
        "SELECT v.id FROM volume v WHERE v.status = 'creating' AND v.snapshot_id = $1 UNION ALL "
        "SELECT v.id FROM volume v WHERE v.status = 'reverting' AND v.id = $2 UNION ALL "
        "SELECT b.id FROM volume_backup b WHERE b.status = 'creating' AND b.snapshot_id = $1 LIMIT 1",
        2
    };
    enum { USER };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &USED, KN_ARGS(s->id, s->volume_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid snapshot: Snapshot %s is just being copied to %s.", s->id,
                         kn_rows_text(rows, 0, USER));
}

/* One that is a task of its server is ended by that alone. */
static int snapshot_refuse_made(struct kn_db *db, const struct kn_volume_snapshot *s, struct kn_error *err)
{
    static const struct kn_stmt MADE = {
        "volume_snapshot_made",
        "SELECT 1 FROM task WHERE kind = 'server.snapshot_volume' AND state IN ('run', 'undo') AND input->>'snapshot' = $1",
        1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (strcmp(s->status, "creating") != 0) {
        return 0;
    }
    if (kn_db_run(db, &MADE, KN_ARGS(s->id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 ? 0
                                    : kn_fail(err, KN_BAD_REQUEST,
                                              "Invalid snapshot: Snapshot %s is just being made by the host of the "
                                              "server that has its volume.",
                                              s->id);
}

static bool snapshot_may_go(const char *status)
{
    return strcmp(status, "available") == 0 || strcmp(status, "error") == 0 || strcmp(status, "error_deleting") == 0;
}

int kn_volume_snapshot_doom(struct kn_request *req, const struct kn_volume_snapshot *s, bool by_force,
                            int64_t *ret_task, struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:s}", "volume", s->volume_id);
    const struct kn_task_wish wish = { "snapshot.delete",   s->id,           req->caller.project_id,
                                       req->caller.user_id, req->request_id, input };

    if (s->group_snapshot_id != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid snapshot: Snapshot %s must not be part of a group.", s->id);
    }
    if (!by_force && !snapshot_may_go(s->status)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid snapshot: Snapshot %s status must be available or error or error_deleting, but current "
                       "status is: %s.",
                       s->id, s->status);
    }
    return snapshot_refuse_used(req->db, s, err) < 0 || snapshot_refuse_made(req->db, s, err) < 0 ||
                   kn_volume_snapshot_set_status(req->db, s->id, "deleting", err) < 0
               ? -1
               : kn_task_insert(req->db, &wish, ret_task, err);
}

int kn_volume_snapshots_doom(struct kn_request *req, const struct kn_volume *v, bool cascade, json_t *ret_wakes,
                             struct kn_error *err)
{
    static const struct kn_stmt OF_VOLUME = { "volume_snapshots_of",
                                              SNAPSHOT_SELECT "WHERE s.volume_id = $1 ORDER BY s.id FOR UPDATE OF s",
                                              1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &OF_VOLUME, KN_ARGS(v->id), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct kn_volume_snapshot s;
        int64_t task = 0;

        snapshot_at(rows, i, &s);
        if (strcmp(s.status, "deleting") == 0 && cascade) {
            continue;
        }
        if (!cascade) {
            return kn_fail(
                err, KN_BAD_REQUEST,
                "Invalid volume: Volume %s status must be available or error and must not have snapshots, but "
                "%d of them depend on it.",
                v->id, kn_rows_count(rows));
        }
        if (strcmp(s.project_id, v->project_id) != 0) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid volume: Volume %s must not be disassociated from snapshots after volume transfer: "
                           "they are those of the project that gave it away.",
                           v->id);
        }
        if (kn_volume_snapshot_doom(req, &s, false, &task, err) < 0) {
            return -1;
        }
        json_object_set_new(ret_wakes, s.id, json_integer(task));
    }
    return 0;
}
