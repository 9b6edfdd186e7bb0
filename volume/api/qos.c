/* SPDX-License-Identifier: Apache-2.0 */
/* qos-specs over HTTP. What they say and who has them is volume/rows/qos.h's. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/qos.h"

/* {"qos_specs": {…}, "links": […]}, as Cinder has it: the links stand beside. */
static void qos_add_links(const struct kn_request *req, const char *id, struct kn_strbuf *out)
{
    out->buf[--out->len] = '\0'; /* the last brace */
    KN_REST_CINDER.links(req, &kn_volume_qos_noun, id, out);
    kn_jsonw_end_object(out);
}

int kn_volume_api_qos_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_qos_noun, req, KN_REST_LIST, NULL, res, err);
}

int kn_volume_api_qos(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_rest_show(&kn_volume_qos_noun, req, req->params[0], KN_REST_SHOW, res, err) < 0) {
        return -1;
    }
    qos_add_links(req, req->params[0], &res->body);
    return 0;
}

int kn_volume_api_qos_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *object = NULL;
    const char *id = NULL;

    if (kn_rest_body(&kn_volume_qos_noun, req, KN_REST_POST, &object, err) < 0 ||
        kn_rest_insert(&kn_volume_qos_noun, req, object, &id, err) < 0 ||
        kn_rest_show(&kn_volume_qos_noun, req, id, KN_REST_CHANGED, res, err) < 0) {
        return -1;
    }
    qos_add_links(req, id, &res->body);
    return 0;
}

int kn_volume_api_qos_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_schema BODY[] = { KN_SCHEMA("qos_specs", KN_IS_OBJECT, .flags = KN_REQUIRED),
                                             KN_SCHEMA_END };

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0 ||
        kn_volume_qos_set(req->db, req->params[0], json_object_get(req->body, "qos_specs"), err) < 0) {
        return -1;
    }
    AUTO_FREE char *said = json_dumps(req->body, JSON_COMPACT);
    kn_strbuf_addstr(&res->body, said);
    return 0;
}

int kn_volume_api_qos_unset(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_schema KEY[] = { KN_SCHEMA("key", KN_IS_STRING, .limit = KN_LIMIT_META_KEY), KN_SCHEMA_END };
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("keys", KN_IS_LIST, .flags = KN_REQUIRED | KN_UNIQUE, .limit = KN_LIMIT_VOLUME_METADATA,
                  .inner = KEY),
        KN_SCHEMA_END,
    };

    (void)res;
    return kn_schema_check(BODY, req->body, req->microversion, err) < 0
               ? -1
               : kn_volume_qos_unset(req->db, req->params[0], json_object_get(req->body, "keys"), err);
}

int kn_volume_api_qos_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool by_force = false;

    (void)res;
    return kn_request_query_bool(req, "force", false, &by_force, err) < 0
               ? -1
               : kn_volume_qos_delete(req->db, req->params[0], by_force, err);
}

int kn_volume_api_qos_associations(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt TYPES = { "volume_qos_types",
                                          "SELECT id, name FROM volume_type WHERE qos_id = $1 ORDER BY created_at, id",
                                          1 };
    enum { ID, NAME };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool is_owned = false;

    if (kn_rest_see(&kn_volume_qos_noun, req, req->params[0], &is_owned, err) < 0 ||
        kn_db_run(req->db, &TYPES, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "qos_associations");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "association_type", "volume_type");
        kn_jsonw_str(&res->body, "name", kn_rows_text(rows, i, NAME));
        kn_jsonw_str(&res->body, "id", kn_rows_text(rows, i, ID));
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* The type that the query names. */
static const char *qos_type(const struct kn_request *req, struct kn_error *err)
{
    const char *type = kn_request_query(req, "vol_type_id");

    if (type == NULL || *type == '\0') {
        kn_fail(err, KN_BAD_REQUEST, "Volume Type id must not be None.");
        return NULL;
    }
    return type;
}

int kn_volume_api_qos_associate(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *type = qos_type(req, err);

    (void)res;
    return type == NULL ? -1 : kn_volume_qos_associate(req->db, req->params[0], type, err);
}

int kn_volume_api_qos_disassociate(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *type = qos_type(req, err);
    bool is_owned = false;

    (void)res;
    return type == NULL || kn_rest_see(&kn_volume_qos_noun, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_volume_qos_disassociate(req->db, req->params[0], type, err);
}

int kn_volume_api_qos_disassociate_all(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    bool is_owned = false;

    (void)res;
    return kn_rest_see(&kn_volume_qos_noun, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_volume_qos_disassociate(req->db, req->params[0], NULL, err);
}
