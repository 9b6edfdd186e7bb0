/* SPDX-License-Identifier: Apache-2.0 */
/* default-types: which type the volumes of a project have that name none. Projects without a row have that of all. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"
#include "volume/rows/type.h"

static const struct kn_schema WISH[] = {
    KN_SCHEMA("volume_type", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_TYPE_NAME,
              .rule = &KN_TEXT_NAME),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = {
    KN_SCHEMA("default_type", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = WISH),
    KN_SCHEMA_END,
};

static void default_types_print(const char *name, const char *project, const char *type, struct kn_strbuf *out)
{
    kn_jsonw_object(out, name);
    kn_jsonw_str(out, "project_id", project);
    kn_jsonw_str(out, "volume_type_id", type);
    kn_jsonw_end_object(out);
}

int kn_volume_api_default_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt ALL = { "volume_type_defaults",
                                        "SELECT project_id, type_id FROM volume_type_default ORDER BY project_id", 0 };
    enum { PROJECT, TYPE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &ALL, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "default_types");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        default_types_print(NULL, kn_rows_text(rows, i, PROJECT), kn_rows_text(rows, i, TYPE), &res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_default_type(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt ONE = { "volume_type_default_of",
                                        "SELECT type_id FROM volume_type_default WHERE project_id = $1", 1 };
    enum { TYPE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &ONE, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Default type for project %.64s not found.", req->params[0]);
    }
    kn_jsonw_object(&res->body, NULL);
    default_types_print("default_type", req->params[0], kn_rows_text(rows, 0, TYPE), &res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_default_type_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SET = { "volume_type_default_set",
                                        "INSERT INTO volume_type_default (project_id, type_id) VALUES ($1, $2) "
                                        "ON CONFLICT (project_id) DO UPDATE SET type_id = excluded.type_id",
                                        2 };
    char type[KN_UUID_SIZE];

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const char *wanted = kn_json_str(json_object_get(req->body, "default_type"), "volume_type");
    if (!kn_limit_fits(KN_LIMIT_FLAVOR_TENANT, req->params[0])) {
        return kn_fail(err, KN_NOT_FOUND, "Project with id %.64s not found.", req->params[0]);
    }
    if (kn_volume_type_find(req, wanted, type, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_volume_type_missing(wanted, KN_BAD_REQUEST, err) : -1;
    }
    if (kn_db_run(req->db, &SET, KN_ARGS(req->params[0], type), NULL, err) < 0) {
        return strcmp(kn_db_constraint(req->db), "volume_type_in_use") == 0
                   ? kn_volume_type_missing(wanted, KN_BAD_REQUEST, err)
                   : -1;
    }
    kn_jsonw_object(&res->body, NULL);
    default_types_print("default_type", req->params[0], type, &res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* Of a project that has none it takes nothing away, which is what was asked for. */
int kn_volume_api_default_type_unset(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt UNSET = { "volume_type_default_unset",
                                          "DELETE FROM volume_type_default WHERE project_id = $1", 1 };

    (void)res;
    return kn_db_run(req->db, &UNSET, KN_ARGS(req->params[0]), NULL, err);
}
