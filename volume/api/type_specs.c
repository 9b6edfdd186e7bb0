/* SPDX-License-Identifier: Apache-2.0 */
/* Extra specs of volume types over HTTP, one by one and together. */
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/domain/schema.h"
#include "volume/api/private.h"
#include "volume/rows/type.h"

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                          KN_SCHEMA_END };
static const struct kn_schema SPECS[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SPECS, .rule = &KN_TEXT_META_KEY,
              .inner = VALUE),
    KN_SCHEMA_END,
};

/* Changes the type of the path; KN_NOT_FOUND when that touched nothing. */
static int type_specs_touch(struct kn_request *req, const struct kn_stmt *stmt, const char *const *args,
                            struct kn_error *err)
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

enum { ALL, ONE }; /* of read_specs() */

static int read_specs(struct kn_request *req, struct kn_rows **ret, struct kn_error *err)
{
    static const struct kn_stmt READ = { "volume_type_specs",
                                         "SELECT extra_specs, extra_specs->>$2 FROM volume_type WHERE id = $1", 2 };

    if (kn_uuid_valid(req->params[0]) &&
        kn_db_run(req->db, &READ, KN_ARGS(req->params[0], req->params[1]), ret, err) < 0) {
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
    kn_jsonw_raw(&res->body, "extra_specs", kn_rows_text(rows, 0, ALL));
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int no_spec(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume Type %s has no extra specs with key %.64s.", req->params[0],
                   req->params[1]);
}

int kn_volume_api_type_spec(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (read_specs(req, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_null(rows, 0, ONE)) {
        return no_spec(req, err);
    }
    kn_strbuf_addstr(&res->body, "{");
    kn_strbuf_addjson(&res->body, req->params[1]);
    kn_strbuf_addstr(&res->body, ":");
    kn_strbuf_addjson(&res->body, kn_rows_text(rows, 0, ONE));
    kn_strbuf_addstr(&res->body, "}");
    return 0;
}

static int merge_specs(struct kn_request *req, const json_t *specs, struct kn_error *err)
{
    static const struct kn_stmt MERGE = {
        "volume_type_merge",
        "UPDATE volume_type SET extra_specs = extra_specs || $2::jsonb, updated_at = now() WHERE id = $1", 2
    };
    AUTO_FREE char *text = json_dumps(specs, JSON_COMPACT);

    return type_specs_touch(req, &MERGE, KN_ARGS(req->params[0], text), err);
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
    const struct kn_schema body[] = {
        KN_SCHEMA(req->params[1], KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_EXTRA_SPEC_VALUE), KN_SCHEMA_END
    };

    if (kn_schema_check(body, req->body, req->microversion, err) < 0 || merge_specs(req, req->body, err) < 0) {
        return -1;
    }
    return kn_volume_api_type_spec(req, res, err);
}

int kn_volume_api_type_spec_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt DROP = {
        "volume_type_drop_spec",
        "UPDATE volume_type SET extra_specs = extra_specs - $2, updated_at = now() WHERE id = $1 AND extra_specs ? $2",
        2
    };

    (void)res;
    if (type_specs_touch(req, &DROP, KN_ARGS(req->params[0], req->params[1]), err) < 0) {
        return err->code == KN_NOT_FOUND ? no_spec(req, err) : -1;
    }
    return 0;
}
