/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's /v2/metadefs: namespaces, and what they hold. A route names the kind of items by a word of its path, so that the four
 * kinds share their handlers. Who does not see a namespace is told that there is none; only admins write, says the route table.
 */
#include <string.h>
#include <strings.h>

#include "image/api/private.h"
#include "image/rows/metadef.h"
#include "lib/base/jsonw.h"
#include "lib/rest/write.h"

/* --- namespaces ------------------------------------------------------------------------------------------------------- */

int kn_image_metadef_api_namespaces(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_image_metadef_namespaces, req, KN_REST_LIST, NULL, res, err);
}

/* resource_type=: what that association puts before the names of properties. */
int kn_image_metadef_api_namespace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt PREFIX = {
        "metadef_prefix",
        "SELECT body->>'prefix' FROM metadef_item WHERE namespace = $1 AND kind = 'resource_type' AND name = $2 AND body ? 'prefix'",
        2
    };
    enum { THE_PREFIX };
    const char *type = kn_request_query(req, "resource_type");
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (type != NULL && kn_db_run(req->db, &PREFIX, KN_ARGS(req->params[0], type), &rows, err) < 0) {
        return -1;
    }
    req->params[1] = rows != NULL && kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, THE_PREFIX) : NULL;
    return kn_rest_show(&kn_image_metadef_namespaces, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_image_metadef_api_namespace_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;
    const char *name = NULL;
    json_t *object = NULL;

    if (kn_rest_body(&kn_image_metadef_namespaces, req, KN_REST_POST, &object, err) < 0 ||
        kn_rest_insert(&kn_image_metadef_namespaces, req, object, &name, err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&location, "%s/v2/metadefs/namespaces/", req->base_url);
    kn_strbuf_addurl(&location, name);
    kn_response_header(res, "Location", location.buf);
    return kn_rest_show(&kn_image_metadef_namespaces, req, name, KN_REST_CHANGED, res, err);
}

int kn_image_metadef_api_namespace_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *object = NULL;

    if (kn_rest_body(&kn_image_metadef_namespaces, req, KN_REST_PUT, &object, err) < 0 ||
        kn_rest_change(&kn_image_metadef_namespaces, req, req->params[0], object, err) < 0) {
        return -1;
    }
    return kn_rest_show(&kn_image_metadef_namespaces, req, kn_schema_text(object, "namespace", ""), KN_REST_CHANGED,
                        res, err);
}

int kn_image_metadef_api_namespace_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&kn_image_metadef_namespaces, req, req->params[0], err);
}

/* --- items ------------------------------------------------------------------------------------------------------------ */

/* The kind that the path names, in a namespace that the caller sees; NULL and an error otherwise. */
static const struct kn_image_metadef_kind *metadefs_kind_of(struct kn_request *req, struct kn_error *err)
{
    bool is_owned = false;

    for (int i = 0; i < KN_METADEF_KINDS; i++) {
        if (strcmp(kn_image_metadef_kinds[i].collection, req->params[1]) == 0) {
            return kn_rest_see(&kn_image_metadef_namespaces, req, req->params[0], &is_owned, err) < 0
                       ? NULL
                       : &kn_image_metadef_kinds[i];
        }
    }
    kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
    return NULL;
}

/* The kind of a path that ends with an item's name. */
static const struct kn_image_metadef_kind *part_of(struct kn_request *req, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = metadefs_kind_of(req, err);

    if (kind != NULL && !kind->has_parts) {
        kn_fail(err, KN_METHOD_NOT_ALLOWED, "an association with a resource type can only be made and deleted");
        return NULL;
    }
    return kind;
}

#define INSIDE(req) ((const struct kn_rest_bound[]){ { "i.namespace = ?", (req)->params[0] }, { NULL, NULL } })

int kn_image_metadef_api_items(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = metadefs_kind_of(req, err);

    return kind == NULL ? -1 : kn_rest_list_within(kind->noun, req, KN_REST_LIST, NULL, INSIDE(req), res, err);
}

static int answer_item(struct kn_request *req, const struct kn_image_metadef_kind *kind, const char *name,
                       struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(kind->noun, req, name, KN_REST_SHOW, INSIDE(req), &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(kind->noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

/* These instead of those that are there; with X-Openstack-Append: true, besides them. */
static int create_tags(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = &kn_image_metadef_kinds[KN_METADEF_TAG];
    const char *append = kn_request_header(req, "X-Openstack-Append");
    AUTO_TX struct kn_tx tx = { NULL };
    json_t *object = NULL, *tag = NULL;
    size_t i = 0;

    if (kn_rest_body(&kn_image_metadef_tag_list, req, KN_REST_POST, &object, err) < 0 ||
        kn_tx_begin(&tx, req->db, err) < 0 ||
        ((append == NULL || strcasecmp(append, "true") != 0) &&
         kn_image_metadef_item_drop(req->db, req->params[0], kind, NULL, err) < 0)) {
        return -1;
    }
    json_array_foreach (json_object_get(object, "tags"), i, tag) {
        if (kn_image_metadef_item_add(req->db, req->params[0], kind, NULL, tag, err) < 0) {
            return -1;
        }
    }
    kn_response_json(res, json_incref(req->body));
    return kn_tx_commit(&tx, err);
}

int kn_image_metadef_api_item_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = metadefs_kind_of(req, err);
    json_t *object = NULL;

    if (kind == NULL) {
        return -1;
    }
    if (kind == &kn_image_metadef_kinds[KN_METADEF_TAG]) {
        return create_tags(req, res, err);
    }
    return kn_rest_body(kind->noun, req, KN_REST_POST, &object, err) < 0 ||
                   kn_image_metadef_item_add(req->db, req->params[0], kind, NULL, object, err) < 0
               ? -1
               : answer_item(req, kind, kn_schema_text(object, "name", ""), res, err);
}

int kn_image_metadef_api_tag_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = metadefs_kind_of(req, err);
    json_auto_t *tag = json_pack("{s:s}", "name", req->params[2]);

    if (kind == NULL) {
        return -1;
    }
    if (kind != &kn_image_metadef_kinds[KN_METADEF_TAG]) {
        return kn_fail(err, KN_METHOD_NOT_ALLOWED, "only tags are made by their name alone");
    }
    if (!kn_limit_fits(KN_LIMIT_METADEF_NAME, req->params[2])) {
        return kn_fail(err, KN_BAD_REQUEST, "a name has 1 to %d characters", KN_MAX_METADEF_NAME);
    }
    return kn_image_metadef_item_add(req->db, req->params[0], kind, NULL, tag, err) < 0
               ? -1
               : answer_item(req, kind, req->params[2], res, err);
}

int kn_image_metadef_api_item(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = part_of(req, err);

    return kind == NULL ? -1 : answer_item(req, kind, req->params[2], res, err);
}

int kn_image_metadef_api_item_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = part_of(req, err);
    json_t *object = NULL;

    return kind == NULL || kn_rest_body(kind->noun, req, KN_REST_PUT, &object, err) < 0 ||
                   kn_image_metadef_item_set(req->db, req->params[0], kind, req->params[2], object, err) < 0
               ? -1
               : answer_item(req, kind, kn_schema_text(object, "name", req->params[2]), res, err);
}

static int metadefs_drop(struct kn_request *req, const char *name, struct kn_error *err)
{
    const struct kn_image_metadef_kind *kind = metadefs_kind_of(req, err);

    return kind == NULL ? -1 : kn_image_metadef_item_drop(req->db, req->params[0], kind, name, err);
}

int kn_image_metadef_api_item_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return metadefs_drop(req, req->params[2], err);
}

int kn_image_metadef_api_items_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return metadefs_drop(req, NULL, err);
}

/* --- what there is at all ----------------------------------------------------------------------------------------------- */

/* Every type of resource that a namespace was ever associated with, and those of this cloud. */
int kn_image_metadef_api_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    static const struct kn_stmt LIST = {
        "metadef_types",
        "SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'created_at', " TIME(
            "created_at") ", 'updated_at', " TIME("updated_at") ") ORDER BY name), '[]') FROM metadef_resource_type",
        0
    };
    enum { ALL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LIST, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "resource_types", kn_rows_text(rows, 0, ALL));
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_image_metadef_api_schema(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_image_metadef_schema_print(req->params[0], &res->body)
               ? 0
               : kn_fail(err, KN_NOT_FOUND, "there is no schema \"metadefs/%.64s\"", req->params[0]);
}
