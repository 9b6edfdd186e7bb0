/* SPDX-License-Identifier: Apache-2.0 */
/* Volume types over HTTP: the noun's own calls, its extra specs one by one, and who may use one that is not public. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api_private.h"
#include "volume/type.h"

/* "default" is a name of one, too. */
static const char *asked_id(const struct kn_request *req)
{
    return strcmp(req->params[0], "default") == 0 ? KN_VOLUME_TYPE_ID : req->params[0];
}

int kn_volume_api_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_type_noun, req, KN_REST_LIST, NULL, res, err);
}

int kn_volume_api_type(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_volume_type_noun, req, asked_id(req), KN_REST_SHOW, res, err);
}

/* No type encrypts: nothing, of one that is there. */
int kn_volume_api_type_encryption(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_volume_api_type(req, res, err) < 0) {
        return -1;
    }
    kn_strbuf_clear(&res->body);
    kn_strbuf_addstr(&res->body, "{}");
    return 0;
}

int kn_volume_api_type_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_type_noun, req, res, err);
}

int kn_volume_api_type_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_type_noun, req, req->params[0], res, err);
}

int kn_volume_api_type_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&kn_volume_type_noun, req, req->params[0], err);
}

/* --- extra specs ------------------------------------------------------------------------------------------------------ */

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE), KN_SCHEMA_END };
static const struct kn_schema SPECS[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SPECS, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};

/* Changes the type of the path; KN_NOT_FOUND when that touched nothing. */
static int touch(struct kn_request *req, const struct kn_stmt *stmt, const char *const *args, struct kn_error *err)
{
    int64_t count = 0;

    if (!kn_uuid_valid(req->params[0])) {
        return kn_rest_not_found(&kn_volume_type_noun, req->params[0], err);
    }
    if (kn_db_change(req->db, stmt, args, &count, err) < 0) {
        return -1;
    }
    return count > 0 ? 0 : kn_rest_not_found(&kn_volume_type_noun, req->params[0], err);
}

static int read_specs(struct kn_request *req, struct kn_rows **ret, struct kn_error *err)
{
    static const struct kn_stmt READ = {
        "volume_type_specs", "SELECT extra_specs, extra_specs->>$2 FROM volume_type WHERE id = $1", 2
    };

    if (kn_uuid_valid(req->params[0]) && kn_db_run(req->db, &READ, KN_ARGS(req->params[0], req->params[1]), ret, err) < 0) {
        return -1;
    }
    return *ret != NULL && kn_rows_count(*ret) > 0 ? 0 : kn_rest_not_found(&kn_volume_type_noun, req->params[0], err);
}

int kn_volume_api_type_specs(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (read_specs(req, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "extra_specs", kn_rows_text(rows, 0, 0));
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int no_spec(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume Type %s has no extra specs with key %.64s.", req->params[0], req->params[1]);
}

int kn_volume_api_type_spec(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (read_specs(req, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_null(rows, 0, 1)) {
        return no_spec(req, err);
    }
    kn_strbuf_addstr(&res->body, "{");
    kn_strbuf_addjson(&res->body, req->params[1]);
    kn_strbuf_addstr(&res->body, ":");
    kn_strbuf_addjson(&res->body, kn_rows_text(rows, 0, 1));
    kn_strbuf_addstr(&res->body, "}");
    return 0;
}

static int merge_specs(struct kn_request *req, const json_t *specs, struct kn_error *err)
{
    static const struct kn_stmt MERGE = {
        "volume_type_merge", "UPDATE volume_type SET extra_specs = extra_specs || $2::jsonb, updated_at = now() WHERE id = $1", 2
    };
    AUTO_FREE char *text = json_dumps(specs, JSON_COMPACT);

    return touch(req, &MERGE, KN_ARGS(req->params[0], text), err);
}

int kn_volume_api_type_specs_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *specs;
    AUTO_FREE char *text = NULL;

    if (kn_schema_check(SPECS, req->body, req->microversion, err) < 0) {
        return -1;
    }
    specs = json_object_get(req->body, "extra_specs");
    text = json_dumps(specs, JSON_COMPACT);
    if (merge_specs(req, specs, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "extra_specs", text);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* {"<key>": "<value>"}, the key that the path names and no other. */
int kn_volume_api_type_spec_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_schema body[] = { KN_SCHEMA(req->params[1], KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_EXTRA_SPEC_VALUE), KN_SCHEMA_END };

    if (kn_schema_check(body, req->body, req->microversion, err) < 0 || merge_specs(req, req->body, err) < 0) {
        return -1;
    }
    return kn_volume_api_type_spec(req, res, err);
}

int kn_volume_api_type_spec_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt DROP = {
        "volume_type_drop_spec",
        "UPDATE volume_type SET extra_specs = extra_specs - $2, updated_at = now() WHERE id = $1 AND extra_specs ? $2", 2
    };

    (void)res;
    if (touch(req, &DROP, KN_ARGS(req->params[0], req->params[1]), err) < 0) {
        return err->code == KN_NOT_FOUND ? no_spec(req, err) : -1;
    }
    return 0;
}

/* --- access ----------------------------------------------------------------------------------------------------------- */

static const struct kn_schema PROJECT[] = {
    KN_SCHEMA("project", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_TENANT, .rule = &KN_TEXT_PROJECT), KN_SCHEMA_END,
};
static const struct kn_schema ACCESS_BODY[] = {
    KN_SCHEMA("addProjectAccess", KN_IS_OBJECT, .inner = PROJECT), KN_SCHEMA("removeProjectAccess", KN_IS_OBJECT, .inner = PROJECT),
    KN_SCHEMA_END,
};

/* Of a public type there is no list of who may use it: everybody may. */
static int refuse_public(struct kn_request *req, struct kn_error *err)
{
    static const struct kn_stmt PUBLIC = { "volume_type_public", "SELECT is_public FROM volume_type WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(req->params[0]) && kn_db_run(req->db, &PUBLIC, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_rest_not_found(&kn_volume_type_noun, req->params[0], err);
    }
    return kn_rows_bool(rows, 0, 0) ? kn_fail(err, KN_CONFLICT, "Type access modification is not applicable to public volume type.") : 0;
}

int kn_volume_api_type_access(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt WHO = {
        "volume_type_who", "SELECT project_id FROM volume_type_project WHERE type_id = $1 ORDER BY project_id", 1
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (refuse_public(req, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail(err, KN_NOT_FOUND, "Access list not available for public volume types.") : -1;
    }
    if (kn_db_run(req->db, &WHO, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "volume_type_access");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "volume_type_id", req->params[0]);
        kn_jsonw_str(&res->body, "project_id", kn_rows_text(rows, i, 0));
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_type_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt ADD = {
        "volume_type_allow", "INSERT INTO volume_type_project (type_id, project_id) VALUES ($1, $2)", 2
    };
    static const struct kn_stmt REMOVE = {
        "volume_type_forbid", "DELETE FROM volume_type_project WHERE type_id = $1 AND project_id = $2", 2
    };
    int64_t count = 0;

    (void)res;
    if (kn_schema_check(ACCESS_BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "A body names one action.");
    }
    const bool adds = json_object_get(req->body, "addProjectAccess") != NULL;
    const json_t *wish = json_object_get(req->body, adds ? "addProjectAccess" : "removeProjectAccess");
    const char *project = json_string_value(json_object_get(wish, "project"));

    if (refuse_public(req, err) < 0) {
        return -1;
    }
    if (kn_db_change(req->db, adds ? &ADD : &REMOVE, KN_ARGS(req->params[0], project), &count, err) < 0) {
        return strcmp(kn_db_constraint(req->db), "volume_type_project_pkey") == 0
                   ? kn_fail(err, KN_CONFLICT, "Volume type access for %s / %.64s combination already exists.", req->params[0], project)
                   : -1;
    }
    return count > 0 ? 0
                     : kn_fail(err, KN_NOT_FOUND, "Volume type access not found for %s / %.64s combination.", req->params[0], project);
}
