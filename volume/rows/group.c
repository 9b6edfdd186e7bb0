/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as clients see, make and change them. Which volumes one has is asked of the volumes' rows; that it is gone with its last volume the conductor sees to (conductor/store/object_volume.c). */
#include "volume/rows/group.h"

#include <string.h>

#include "lib/adapter/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "volume/rows/group_type.h"
#include "volume/rows/type.h"
#include "volume/rows/volume.h"

#define GETS (KN_REST_LIST | KN_REST_SHOW)
#define OPTIONAL (KN_REST_NULL | KN_REST_NULL_IS_NOTHING)
#define STATUS "volume_group_status(g.id, g.status)"
#define TYPES \
    "(SELECT coalesce(json_agg(t.type_id ORDER BY t.type_id), '[]') FROM volume_group_volume_type t WHERE t.group_id = g.id)"
#define VOLUMES \
    "(SELECT coalesce(json_agg(v.id ORDER BY v.created_at, v.id), '[]') FROM volume v WHERE v.group_id = g.id)"

static const struct kn_schema TYPE[] = { KN_SCHEMA("volume_type", KN_IS_STRING, .limit = KN_LIMIT_VOLUME_WORD),
                                         KN_SCHEMA_END };

/* Its volumes are for whoever asks: list_volume=True. */
static void group_print_volumes(const struct kn_request *req, const char *name, const char *value,
                                struct kn_strbuf *out)
{
    struct kn_error ignored = { 0 };
    bool is_asked = false;

    if (kn_request_query_bool(req, "list_volume", false, &is_asked, &ignored) == 0 && is_asked) {
        kn_jsonw_raw(out, name, value);
    }
}

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "g.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("status", STATUS, KN_REST_TEXT, GETS | KN_REST_FIND, .column = "status"),
    KN_REST_ATTR("availability_zone", "g.zone", KN_REST_TEXT, GETS | KN_REST_FIND | KN_REST_POST | KN_REST_CLEAR,
                 .column = "zone", .limit = KN_LIMIT_VOLUME_WORD),
    KN_REST_ATTR("created_at", "g.created_at", KN_REST_TIME, GETS | KN_REST_SORT),
    KN_REST_ATTR("name", "g.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_WRITE | OPTIONAL,
                 .column = "name", .limit = KN_LIMIT_VOLUME_NAME),
    KN_REST_ATTR("description", "g.description", KN_REST_TEXT, GETS | KN_REST_WRITE | OPTIONAL, .column = "description",
                 .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("group_type", "g.group_type_id", KN_REST_UUID, GETS | KN_REST_FILTER),
    KN_REST_ATTR("volume_types", TYPES, KN_REST_JSON, GETS),
    KN_REST_ATTR("group_snapshot_id", "g.group_snapshot_id", KN_REST_UUID, GETS, .since = 14,
                 .column = "group_snapshot_id"),
    KN_REST_ATTR("source_group_id", "g.source_group_id", KN_REST_UUID, GETS, .since = 14, .column = "source_group_id"),
    KN_REST_ATTR("volumes", VOLUMES, KN_REST_JSON, GETS, .since = 25, .print = group_print_volumes),
    KN_REST_ATTR("replication_status", "'disabled'", KN_REST_TEXT, GETS, .since = 38),
    KN_REST_ATTR("project_id", "g.project_id", KN_REST_TEXT, GETS, .read = KN_CINDER_GROUP_PROJECT, .since = 58),
    KN_REST_ATTR("project_id", "g.project_id", KN_REST_TEXT, KN_REST_FILTER, .read = KN_CINDER_PROJECT_FILTER),
    /* What bodies say beside. */
    KN_REST_ATTR("group_type", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_REQUIRED,
                 .limit = KN_LIMIT_VOLUME_GROUP_TYPE_NAME),
    KN_REST_ATTR("volume_types", NULL, KN_REST_JSON, KN_REST_POST | KN_REST_REQUIRED | KN_REST_UNIQUE, .inner = TYPE,
                 .inner_shape = KN_IS_LIST, .limit = KN_LIMIT_VOLUME_GROUP_TYPES),
    KN_REST_ATTR("add_volumes", NULL, KN_REST_TEXT, KN_REST_PUT | OPTIONAL, .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("remove_volumes", NULL, KN_REST_TEXT, KN_REST_PUT | OPTIONAL, .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    /* What no body says. */
    KN_REST_ATTR("type_id", NULL, KN_REST_UUID, 0, .column = "group_type_id"),
    KN_REST_ATTR("members", "(SELECT count(*) FROM volume v WHERE v.group_id = g.id)", KN_REST_INT, 0),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("list_volume", NULL),
    KN_REST_PARAM("project_id", kn_rest_ignored),
    KN_REST_PARAMS_END,
};

/* --- making one ------------------------------------------------------------------------------------------------------------- */

static int group_find_types(struct kn_request *req, json_t *object, struct kn_error *err)
{
    json_t *ids = json_object();
    const json_t *wanted;
    size_t i;

    json_object_set_new(object, "types", ids);
    json_array_foreach (json_object_get(object, "volume_types"), i, wanted) {
        char id[KN_UUID_SIZE];

        if (kn_volume_type_find(req, json_string_value(wanted), id, err) < 0) {
            return -1;
        }
        json_object_set_new(ids, id, json_true());
    }
    return 0;
}

static int group_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *zone = kn_json_str(object, "availability_zone");
    char type[KN_UUID_SIZE];

    if (strcmp(req->method, "POST") != 0) {
        return 0; /* whether it says anything is seen beside the row */
    }
    if (*zone != '\0' && strcmp(zone, KN_VOLUME_ZONE) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Availability zone '%.64s' is invalid.", zone);
    }
    if (kn_volume_group_type_find(req, kn_json_str(object, "group_type"), type, err) < 0 ||
        group_find_types(req, object, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "type_id", json_string(type));
    json_object_set_new(object, "status", json_string("available"));
    return json_object_set_new(object, "availability_zone", json_string(KN_VOLUME_ZONE));
}

static int group_write_types(struct kn_db *db, const char *id, const json_t *types, struct kn_error *err)
{
    static const struct kn_stmt WRITE = {
        "volume_group_write_types",
        "INSERT INTO volume_group_volume_type (group_id, type_id) SELECT $1, t FROM unnest($2::uuid[]) t", 2
    };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    const char *type;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)types, type, value) { /* jansson walks over non-const objects only */
        kn_array_add(&ids, type);
    }
    return kn_db_run(db, &WRITE, KN_ARGS(id, kn_array_value(&ids)), NULL, err);
}

/* --- who comes and who goes ------------------------------------------------------------------------------------------------- */

/* What a PUT says of volumes: "id,id,…". */
static void group_split(const json_t *object, const char *key, bool ids_alone, struct kn_array *ret)
{
    const char *p = kn_json_str(object, key);

    while (*p != '\0') {
        const size_t len = strcspn(p, ",");
        AUTO_FREE char *id = kn_asprintf("%.*s", (int)len, p);

        if (len > 0 && (!ids_alone || kn_uuid_valid(id))) {
            kn_array_add(ret, id);
        }
        p += len + (p[len] == ',');
    }
}

static int group_before_lock(struct kn_request *req, const char *id, struct kn_error *err)
{
    static const struct kn_stmt HOLD = {
        "volume_group_hold_named",
        "SELECT 1 FROM volume WHERE id = ANY($1::uuid[]) AND project_id = (SELECT project_id FROM volume_group WHERE id = $2) ORDER BY id FOR UPDATE",
        2
    };
    const json_t *said = json_object_get(req->body, "group");
    AUTO_RELEASE(kn_array) struct kn_array named = KN_ARRAY_INIT;

    group_split(said, "add_volumes", true, &named);
    group_split(said, "remove_volumes", true, &named);
    return named.count == 0 ? 0 : kn_db_run(req->db, &HOLD, KN_ARGS(kn_array_value(&named), id), NULL, err);
}

#define NAMED "CASE WHEN w.id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN w.id::uuid END"
#define CANNOT(verb, to) "Invalid volume: Cannot " verb " volume %.64s " to " group %s because "

static int group_judge_add(const char *id, const struct kn_rows *rows, int row, struct kn_error *err)
{
    enum { VOLUME, STATUS_OF, TYPE_OF, GROUP, FITS };
    const char *volume = kn_rows_text(rows, row, VOLUME), *status = kn_rows_str(rows, row, STATUS_OF),
               *group = kn_rows_str(rows, row, GROUP);

    if (status == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT("add", "to") "volume cannot be found.", volume, id);
    }
    if (group != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT("add", "to") "it is already in group %s.", volume, id, group);
    }
    if (!kn_rows_bool(rows, row, FITS)) {
        return kn_fail(err, KN_BAD_REQUEST, CANNOT("add", "to") "volume type %s is not supported by the group.", volume,
                       id, kn_rows_text(rows, row, TYPE_OF));
    }
    return strcmp(status, "available") == 0 || strcmp(status, "in-use") == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         CANNOT("add", "to") "volume is in an invalid state: %s. Valid states are: ('available', "
                                             "'in-use').",
                         volume, id, status);
}

static int group_judge_adds(struct kn_request *req, const char *id, struct kn_array *adds, struct kn_error *err)
{
    static const struct kn_stmt ADDS = {
        "volume_group_adds",
        "SELECT w.id, v.status, v.type_id, v.group_id, EXISTS (SELECT FROM volume_group_volume_type t WHERE t.group_id = g.id AND t.type_id = v.type_id) "
        "FROM volume_group g CROSS JOIN unnest($2::text[]) w(id) LEFT JOIN volume v ON v.id = " NAMED
        " AND v.project_id = g.project_id "
        "WHERE g.id = $1 AND v.group_id IS DISTINCT FROM g.id",
        2
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (adds->count > 0 && kn_db_run(req->db, &ADDS, KN_ARGS(id, kn_array_value(adds)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; rows != NULL && i < kn_rows_count(rows); i++) {
        if (group_judge_add(id, rows, i, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int group_judge_removals(struct kn_request *req, const char *id, struct kn_array *removals, struct kn_error *err)
{
    static const struct kn_stmt REMOVALS = {
        "volume_group_removals",
        "SELECT w.id, v.status FROM unnest($2::text[]) w(id) LEFT JOIN volume v ON v.id = " NAMED
        " AND v.group_id = $1 "
        "WHERE coalesce(v.status, '') NOT IN ('available', 'in-use', 'error', 'error_deleting')",
        2
    };
    enum { VOLUME, STATUS_OF };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (removals->count > 0 && kn_db_run(req->db, &REMOVALS, KN_ARGS(id, kn_array_value(removals)), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return 0;
    }
    return kn_rows_str(rows, 0, STATUS_OF) == NULL
               ? kn_fail(err, KN_BAD_REQUEST, CANNOT("remove", "from") "it is not in the group.",
                         kn_rows_text(rows, 0, VOLUME), id)
               : kn_fail(err, KN_BAD_REQUEST,
                         CANNOT("remove", "from") "volume is in an invalid state: %s. Valid states are: ('available', "
                                                  "'in-use', 'error', 'error_deleting').",
                         kn_rows_text(rows, 0, VOLUME), id, kn_rows_text(rows, 0, STATUS_OF));
}

static bool group_says(const struct kn_rows *now, const json_t *object, const char *key)
{
    const json_t *said = json_object_get(object, key);

    return json_is_string(said) && strcmp(json_string_value(said), kn_rest_was(&kn_volume_group_noun, now, key)) != 0;
}

static int group_refuse_both(struct kn_array *adds, const json_t *object, struct kn_error *err)
{
    const char *removed = kn_json_str(object, "remove_volumes");
    AUTO_FREE char *added = kn_strdup(kn_json_str(object, "add_volumes"));
    char *rest = NULL;

    for (char *id = strtok_r(added, ",", &rest); adds->count > 0 && id != NULL; id = strtok_r(NULL, ",", &rest)) {
        if (strstr(removed, id) != NULL) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid volume: UUIDs ['%.64s'] are in both add and remove volume list.", id);
        }
    }
    return 0;
}

static int group_judge(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array adds = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array removals = KN_ARRAY_INIT;

    if (now == NULL || object == NULL) {
        return 0;
    }
    group_split(object, "add_volumes", false, &adds);
    group_split(object, "remove_volumes", false, &removals);
    if (group_refuse_both(&adds, object, err) < 0 || group_judge_adds(req, id, &adds, err) < 0 ||
        group_judge_removals(req, id, &removals, err) < 0) {
        return -1;
    }
    if (adds.count + removals.count == 0 && !group_says(now, object, "name") &&
        !group_says(now, object, "description")) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid group: Cannot update group %s because no valid name, description, add_volumes, or "
                       "remove_volumes were provided.",
                       id);
    }
    return adds.count + removals.count == 0 ||
                   strcmp(kn_rest_was(&kn_volume_group_noun, now, "status"), "available") == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid group: Group status must be available.");
}

static int group_full(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid group: Group %s would have more than %d volumes.", id,
                   KN_MAX_VOLUME_GROUP_VOLUMES);
}

/* Who was judged is held. */
static int group_move(struct kn_request *req, const char *id, const json_t *object, struct kn_error *err)
{
    static const struct kn_stmt MOVE = {
        "volume_group_move",
        "UPDATE volume SET group_id = CASE WHEN id = ANY($2::uuid[]) THEN $1::uuid END, updated_at = now() "
        "WHERE (id = ANY($2::uuid[]) AND group_id IS NULL) OR (id = ANY($3::uuid[]) AND group_id = $1)",
        3
    };
    static const struct kn_stmt COUNT = { "volume_group_count", "SELECT count(*) FROM volume WHERE group_id = $1", 1 };
    AUTO_RELEASE(kn_array) struct kn_array adds = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array removals = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    group_split(object, "add_volumes", false, &adds);
    group_split(object, "remove_volumes", false, &removals);
    if (adds.count + removals.count == 0) {
        return 0;
    }
    if (kn_db_run(req->db, &MOVE, KN_ARGS(id, kn_array_value(&adds), kn_array_value(&removals)), NULL, err) < 0 ||
        kn_db_run(req->db, &COUNT, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_int(rows, 0, KN_ONLY) <= KN_MAX_VOLUME_GROUP_VOLUMES ? 0 : group_full(id, err);
}

static int group_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    if (now == NULL) {
        return group_write_types(req->db, id, json_object_get(object, "types"), err);
    }
    return object != NULL ? group_move(req, id, object, err) : 0;
}

static const struct kn_rest_counts COUNTS = {
    "volume",
    { "volume_group_counts",
      "SELECT g.project_id, 'groups', count(*)::bigint FROM volume_group g WHERE g.id = ANY($1::uuid[]) GROUP BY g.project_id",
      1 },
    false
};

static const struct kn_rest_clash CLASHES[] = {
    { "volume_group_type_in_use", KN_NOT_FOUND, "Group type could not be found." },
    { "volume_type_in_use", KN_NOT_FOUND,
      "Volume type could not be found." }, /* both: gone while they were looked at */
    { NULL, 0, NULL },
};

const struct kn_rest_noun kn_volume_group_noun = {
    .one = "group",
    .many = "groups",
    .label = "Group",
    .path = "/groups",
    .from = "volume_group g",
    .id = "g.id",
    .id_type = KN_REST_UUID,
    .visible = "g.project_id = ?",
    .order = "created_at",
    .ties = "created_at,id",
    .links_key = "group_links",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_rest_all_tenants,
    .manners = &KN_REST_CINDER,
    .table = "volume_group",
    .project_column = "project_id",
    .user_column = "user_id",
    .check = group_check,
    .decide = group_judge,
    .after = group_after,
    .before_lock = group_before_lock,
    .counts = &COUNTS,
    .clashes = CLASHES,
};

/* --- one row ---------------------------------------------------------------------------------------------------------------- */

int kn_volume_group_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                        struct kn_rows **ret_rows, struct kn_volume_group *ret, struct kn_error *err)
{
    static const struct kn_stmt LOCK = { "volume_group_lock", "SELECT 1 FROM volume_group WHERE id = $1 FOR UPDATE",
                                         1 };
    static const struct kn_stmt GET = { "volume_group_get",
                                        "SELECT g.id, g.project_id, g.group_type_id, " STATUS
                                        ", (SELECT count(*) FROM volume v WHERE v.group_id = g.id) "
                                        "FROM volume_group g WHERE g.id = $1 AND (g.project_id = $2 OR $3::boolean)",
                                        3 };
    enum { ID, PROJECT, TYPE_OF, STATUS_OF, MEMBERS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    /* Held first and then read: what whoever held it before has written is seen. */
    if (kn_uuid_valid(id) &&
        ((update && kn_db_run(db, &LOCK, KN_ARGS(id), NULL, err) < 0) ||
         kn_db_run(db, &GET,
                   KN_ARGS(id, caller->project_id, kn_policy_allows(KN_CINDER_GROUP, caller, NULL) ? "t" : "f"), &rows,
                   err) < 0)) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Group %.64s could not be found.", id);
    }
    *ret = (struct kn_volume_group){
        .id = kn_rows_text(rows, 0, ID),
        .project_id = kn_rows_text(rows, 0, PROJECT),
        .type_id = kn_rows_text(rows, 0, TYPE_OF),
        .status = kn_rows_text(rows, 0, STATUS_OF),
        .members = kn_rows_int(rows, 0, MEMBERS),
    };
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_volume_group_join(struct kn_request *req, const char *id, const char *type_id, struct kn_error *err)
{
    static const struct kn_stmt FITS = { "volume_group_takes_type",
                                         "SELECT 1 FROM volume_group_volume_type WHERE group_id = $1 AND type_id = $2",
                                         2 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *types = NULL;
    struct kn_volume_group g;

    if (kn_volume_group_get(req->db, &req->caller, id, true, &rows, &g, err) < 0) {
        return -1;
    }
    if (strcmp(g.project_id, req->caller.project_id) != 0) {
        return kn_fail(err, KN_NOT_FOUND, "Group %s could not be found.", g.id);
    }
    if (strcmp(g.status, "available") != 0 && strcmp(g.status, "creating") != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: Originating group status must be one of 'available, creating' values");
    }
    if (g.members >= KN_MAX_VOLUME_GROUP_VOLUMES) {
        return group_full(g.id, err);
    }
    if (kn_db_run(req->db, &FITS, KN_ARGS(g.id, type_id), &types, err) < 0) {
        return -1;
    }
    return kn_rows_count(types) > 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: Invalid volume_type provided: %s (requested type "
                         "must be supported by this group).",
                         type_id);
}

#define HOLD_TRIES 8

/* Volumes are held before their group is: who has come or gone in between shows only then, and nobody is asked for a lock in the other order; so what was held is let go, and held again. */
int kn_volume_group_hold(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_rows **ret_members,
                         struct kn_rows **ret_rows, struct kn_volume_group *ret, struct kn_error *err)
{
    static const struct kn_stmt HOLD = { "volume_group_hold_members",
                                         "SELECT id, status FROM volume WHERE group_id = $1 ORDER BY id FOR UPDATE",
                                         1 };
    static const struct kn_stmt MARK = { "volume_group_hold_mark", "SAVEPOINT volume_group_hold", 0 };
    static const struct kn_stmt LET_GO = { "volume_group_hold_let_go", "ROLLBACK TO SAVEPOINT volume_group_hold", 0 };
    AUTO(kn_rows) struct kn_rows *seen = NULL;

    /* Seen before anything is held: nobody waits for what is others'. */
    if (kn_volume_group_get(db, caller, id, false, &seen, ret, err) < 0 ||
        kn_db_run(db, &MARK, KN_NO_ARGS, NULL, err) < 0) {
        return -1;
    }
    for (int tries = 1;; tries++) {
        AUTO(kn_rows) struct kn_rows *members = NULL;
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (kn_db_run(db, &HOLD, KN_ARGS(id), &members, err) < 0 ||
            kn_volume_group_get(db, caller, id, true, &rows, ret, err) < 0) {
            return -1;
        }
        if (ret->members == kn_rows_count(members)) {
            *ret_members = kn_steal(&members);
            *ret_rows = kn_steal(&rows);
            return 0;
        }
        if (tries == HOLD_TRIES) {
            return kn_fail(err, KN_CONFLICT, "Group %s was changed by somebody else.", ret->id);
        }
        if (kn_db_run(db, &LET_GO, KN_NO_ARGS, NULL, err) < 0) {
            return -1;
        }
    }
}

int kn_volume_group_like(struct kn_db *db, const char *id, json_t *ret_object, struct kn_error *err)
{
    static const struct kn_stmt LIKE = {
        "volume_group_like",
        "SELECT g.group_type_id, t.type_id FROM volume_group g JOIN volume_group_volume_type t ON t.group_id = g.id WHERE g.id = $1",
        1
    };
    enum { GROUP_TYPE, VOLUME_TYPE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *types = json_object();

    json_object_set_new(ret_object, "types", types);
    if (kn_db_run(db, &LIKE, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        json_object_set_new(types, kn_rows_text(rows, i, VOLUME_TYPE), json_true());
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Group %.64s could not be found.", id);
    }
    json_object_set_new(ret_object, "type_id", json_string(kn_rows_text(rows, 0, GROUP_TYPE)));
    json_object_set_new(ret_object, "status", json_string("making")); /* seen as its volumes say */
    return json_object_set_new(ret_object, "availability_zone", json_string(KN_VOLUME_ZONE));
}

int kn_volume_group_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_group_set_status",
                                        "UPDATE volume_group SET status = $2, updated_at = now() WHERE id = $1", 2 };

    return kn_db_run(db, &SET, KN_ARGS(id, status), NULL, err);
}

int kn_volume_group_end(struct kn_db *db, const struct kn_volume_group *g, struct kn_error *err)
{
    static const struct kn_stmt END = { "volume_group_end", "DELETE FROM volume_group WHERE id = $1", 1 };

    return kn_db_run(db, &END, KN_ARGS(g->id), NULL, err) < 0
               ? -1
               : kn_quota_take_one(db, g->project_id, KN_QUOTA_VOLUME_GROUPS, -1, err);
}
