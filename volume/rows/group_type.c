/* SPDX-License-Identifier: Apache-2.0 */
/* Types of groups as a table of lib/rest, and which of them a new group may have. */
#include "volume/rows/group_type.h"

#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static const struct kn_schema SPEC[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                         KN_SCHEMA_END };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "t.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_SORT),
    KN_REST_ATTR("name", "t.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_SORT | KN_REST_WRITE | KN_REST_REQUIRED,
                 .column = "name", .limit = KN_LIMIT_VOLUME_GROUP_TYPE_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("description", "t.description", KN_REST_TEXT,
                 KN_REST_ALWAYS | KN_REST_SORT | KN_REST_WRITE | KN_REST_NULL, .column = "description",
                 .limit = KN_LIMIT_VOLUME_DESCRIPTION),
    KN_REST_ATTR("is_public", "t.is_public", KN_REST_BOOL, KN_REST_ALWAYS | KN_REST_SORT | KN_REST_WRITE,
                 .column = "is_public"),
    KN_REST_ATTR("group_specs", "t.group_specs", KN_REST_JSON, KN_REST_ALWAYS | KN_REST_POST | KN_REST_CLEAR,
                 .read = KN_CINDER_GROUP_TYPE_SPECS, .column = "group_specs", .form = "coalesce(?::jsonb, '{}')",
                 .inner = SPEC, .inner_shape = KN_IS_MAP, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY),
    KN_REST_ATTR("specs", "t.group_specs", KN_REST_JSON, 0, .column = "group_specs"), /* one by one: labels.c */
    KN_REST_ATTR("created_at", "t.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTRS_END,
};

/* is_public=None shows all to whoever may see all; what others say of it changes nothing. Who says nothing sees the public ones. */
static int group_type_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    const char *asked = kn_request_query(l->req, "is_public");
    bool is_public = true;

    if (!kn_rest_reaches_all(l->req) || (asked != NULL && strcasecmp(asked, "none") == 0)) {
        return 0;
    }
    if (kn_request_query_bool(l->req, "is_public", true, &is_public, err) < 0) {
        return -1;
    }
    kn_rest_where(l, "t.is_public = ?::boolean", NULL, is_public ? "t" : "f");
    return 0;
}

static int group_type_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return json_object_size(object) > 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Specify group type name, description, is_public or a combination thereof.");
}

static int group_type_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    if (strcmp(constraint, "volume_group_type_in_use") == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Target group type is still in use.");
    }
    return strcmp(constraint, "volume_group_type_name") == 0
               ? kn_fail(err, KN_CONFLICT, "Group Type %.255s already exists.", kn_json_str(object, "name"))
               : kn_fail(err, KN_CONFLICT, "Group type %.36s was changed by somebody else.", req->params[0]);
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("is_public", NULL), /* narrow() */
    KN_REST_PARAMS_END,
};

const struct kn_rest_noun kn_volume_group_type_noun = {
    .one = "group_type",
    .many = "group_types",
    .label = "Group type",
    .path = "/group_types",
    .from = "volume_group_type t",
    .id = "t.id",
    .id_type = KN_REST_UUID,
    .visible = "(t.is_public AND ?::text IS NOT NULL)",
    .order = "created_at",
    .ties = "created_at,id",
    .links_key = "group_type_links",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = group_type_narrow,
    .manners = &KN_REST_CINDER,
    .table = "volume_group_type",
    .check = group_type_check,
    .clash = group_type_clash,
};

/* --- of new groups ---------------------------------------------------------------------------------------------------------- */

/* What no back end has is no wish that could be kept. A snapshot of a group is of one moment whatever the type says: its volumes are at rest until all copies are whole. */
static int group_type_can(const char *id, const char *specs_text, struct kn_error *err)
{
    json_auto_t *specs = json_loads(specs_text, 0, NULL);
    const char *key;
    json_t *value;

    json_object_foreach (specs, key, value) {
        const char *colon = strchr(key, ':'), *said = json_string_value(value);
        const bool is_asked = colon == NULL || strncmp(key, "capabilities:", strlen("capabilities:")) == 0;

        if (is_asked && strcmp(key, "consistent_group_snapshot_enabled") != 0 && said != NULL &&
            strcasecmp(said, "<is> False") != 0) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid group type: no back end has what group type %s asks for: %.64s.", id, key);
        }
    }
    return 0;
}

int kn_volume_group_type_find(struct kn_request *req, const char *wanted, char ret_id[KN_UUID_SIZE],
                              struct kn_error *err)
{
    static const struct kn_stmt FIND = { "volume_group_type_find",
                                         "SELECT id, group_specs FROM volume_group_type WHERE $1 IN (id::text, name) "
                                         "AND (is_public OR $2::boolean) ORDER BY id::text = $1 DESC LIMIT 1",
                                         2 };
    enum { ID, SPECS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &FIND,
                  KN_ARGS(wanted, kn_policy_allows(KN_CINDER_GROUP_TYPE, &req->caller, NULL) ? "t" : "f"), &rows,
                  err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND,
                       kn_uuid_valid(wanted) ? "Group type %.64s could not be found."
                                             : "Group type with name %.64s could not be found.",
                       wanted);
    }
    kn_copy(ret_id, KN_UUID_SIZE, kn_rows_text(rows, 0, ID));
    return group_type_can(ret_id, kn_rows_text(rows, 0, SPECS), err);
}
