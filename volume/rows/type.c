/* SPDX-License-Identifier: Apache-2.0 */
/* Volume types as a table of lib/rest, and the rules of their rows. */
#include "volume/rows/type.h"

#include <string.h>
#include <strings.h>

#include "lib/adapter/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define VISIBLE \
    "(t.is_public OR EXISTS (SELECT FROM volume_type_project p WHERE p.type_id = t.id AND p.project_id = ?))"

static const struct kn_schema SPEC[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                         KN_SCHEMA_END };

/* Not in the answer to a PUT, as in Cinder. */
static void type_print_access(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    if (strcmp(req->method, "PUT") != 0) {
        kn_jsonw_bool(out, name, *value == 't');
    }
}

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "t.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_SORT),
    KN_REST_ATTR("name", "t.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_SORT | KN_REST_WRITE | KN_REST_REQUIRED,
                 .column = "name", .limit = KN_LIMIT_VOLUME_TYPE_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("name", "t.name", KN_REST_TEXT, KN_REST_FILTER,
                 .read = KN_CINDER_TYPE_SENSITIVE), /* administrators alone, as in Cinder */
    KN_REST_ATTR("description", "t.description", KN_REST_TEXT,
                 KN_REST_ALWAYS | KN_REST_SORT | KN_REST_WRITE | KN_REST_NULL, .column = "description",
                 .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("is_public", "t.is_public", KN_REST_BOOL, KN_REST_ALWAYS | KN_REST_SORT | KN_REST_PUT,
                 .column = "is_public"),
    KN_REST_ATTR("os-volume-type-access:is_public", "t.is_public", KN_REST_BOOL, KN_REST_ALWAYS | KN_REST_POST,
                 .column = "is_public", .print = type_print_access),
    KN_REST_ATTR("extra_specs", "t.extra_specs", KN_REST_JSON, KN_REST_ALWAYS | KN_REST_POST,
                 .read = KN_CINDER_TYPE_SENSITIVE, .column = "extra_specs", .inner = SPEC, .inner_shape = KN_IS_MAP,
                 .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_REST_ATTR("specs", "t.extra_specs", KN_REST_JSON, 0, .column = "extra_specs"), /* one by one: labels.c */
    KN_REST_ATTR("qos_specs_id", "t.qos_id", KN_REST_UUID, KN_REST_LIST | KN_REST_SHOW, .read = KN_CINDER_TYPE_QOS),
    KN_REST_ATTR("created_at", "t.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTRS_END,
};

/* is_public=None shows all to whoever may see all; what others say of it changes nothing. */
static int type_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    const char *asked = kn_request_query(l->req, "is_public");
    const bool chooses = kn_rest_reaches_all(l->req);
    bool is_public = true;

    if (asked == NULL || !chooses) {
        l->sees_all = false;
        return 0;
    }
    if (strcasecmp(asked, "none") == 0) {
        return 0;
    }
    if (kn_request_query_bool(l->req, "is_public", true, &is_public, err) < 0) {
        return -1;
    }
    kn_rest_where(l, "t.is_public = ?::boolean", NULL, is_public ? "t" : "f");
    return 0;
}

/* Members see none of the specs: they name back ends. */
static void type_print(const struct kn_request *req, const struct kn_rest_noun *noun, const struct kn_rows *rows,
                       int row, unsigned view, struct kn_strbuf *out)
{
    (void)noun;
    (void)rows;
    (void)row;
    (void)view;
    if (!kn_policy_allows(KN_CINDER_TYPE_SENSITIVE, &req->caller, NULL)) {
        kn_jsonw_raw(out, "extra_specs", "{}");
    }
}

static int type_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return json_object_size(object) > 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Specify volume type name, description, is_public or a combination thereof.");
}

static int type_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    (void)now;
    if (object != NULL) {
        return 0;
    }
    return strcmp(id, KN_VOLUME_TYPE_ID) != 0
               ? kn_quota_forget_type(req->db, id, err)
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid volume type: the volume type %s is the default type and cannot be deleted", id);
}

static int type_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    if (strcmp(constraint, "volume_type_in_use") == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Target volume type is still in use.");
    }
    return strcmp(constraint, "volume_type_name") == 0
               ? kn_fail(err, KN_CONFLICT, "Volume Type %.255s already exists.",
                         json_string_value(json_object_get(object, "name")))
               : kn_fail(err, KN_CONFLICT, "Volume type %.36s was changed by somebody else.", req->params[0]);
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("is_public", NULL), /* narrow() */
    KN_REST_PARAMS_END,
};

const struct kn_rest_noun kn_volume_type_noun = {
    .one = "volume_type",
    .many = "volume_types",
    .label = "Volume type",
    .path = "/types",
    .from = "volume_type t",
    .id = "t.id",
    .id_type = KN_REST_UUID,
    .visible = VISIBLE,
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = type_narrow,
    .print = type_print,
    .manners = &KN_REST_CINDER,
    .table = "volume_type",
    .check = type_check,
    .decide = type_decide,
    .clash = type_clash,
};

int kn_volume_type_default(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    static const struct kn_stmt DEFAULT = { "volume_type_default",
                                            "SELECT type_id FROM volume_type_default WHERE project_id = $1", 1 };
    enum { ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &DEFAULT, KN_ARGS(req->caller.project_id), &rows, err) < 0) {
        return -1;
    }
    kn_copy(ret_id, KN_UUID_SIZE, kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, ID) : KN_VOLUME_TYPE_ID);
    return 0;
}

int kn_volume_type_missing(const char *wanted, enum kn_code code, struct kn_error *err)
{
    return kn_fail(err, code, "Volume type %s%.64s could not be found.", kn_uuid_valid(wanted) ? "" : "with name ",
                   wanted);
}

int kn_volume_type_find(struct kn_request *req, const char *wanted, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    enum { ID };
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    const bool is_chosen = wanted != NULL;
    char dflt[KN_UUID_SIZE];

    if (!is_chosen && kn_volume_type_default(req, dflt, err) < 0) {
        return -1;
    }
    wanted = is_chosen ? wanted : dflt;
    kn_rest_text(&q, "SELECT t.id ");
    kn_rest_text(&q, "FROM volume_type t WHERE ");
    kn_rest_add(&q, "? IN (t.id::text, t.name)", wanted);
    if (is_chosen && !kn_policy_allows(KN_CINDER_TYPE, &req->caller, NULL)) {
        kn_rest_text(&q, " AND ");
        kn_rest_add(&q, VISIBLE, req->caller.project_id);
    }
    kn_rest_add(&q, " ORDER BY t.id::text = ? DESC LIMIT 1", wanted);
    if (kn_rest_run(&q, req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_volume_type_missing(wanted, KN_NOT_FOUND, err);
    }
    kn_copy(ret_id, KN_UUID_SIZE, kn_rows_text(rows, 0, ID));
    return 0;
}
