/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's /v2/metadefs: namespaces, and what they hold. A route names the kind of items by a word of its path, so that the four
 * kinds share their handlers. Who does not see a namespace is told that there is none; only admins write, says the route table.
 */
#include <stdlib.h>
#include <string.h>

#include "image/api/private.h"
#include "image/rows/metadef_store.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

static inline void json_auto(json_t **json)
{
    json_decref(*json);
}
#define AUTO_JSON __attribute__((cleanup(json_auto)))

/* --- what the path and the query say ---------------------------------------------------------------------------------- */

static const char *query_or(const struct kn_request *req, const char *key, const char *dflt)
{
    const char *value = kn_request_query(req, key);

    return value != NULL ? value : dflt;
}

static int read_limit(const struct kn_request *req, int64_t *ret, struct kn_error *err)
{
    const char *text = query_or(req, "limit", "1000");
    char *end = NULL;
    const long long limit = strtoll(text, &end, 10);

    if (text[0] == '\0' || *end != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be an integer");
    }
    if (limit < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be positive");
    }
    *ret = limit < KN_MAX_PAGE ? limit : KN_MAX_PAGE;
    return 0;
}

static int read_order(const struct kn_request *req, enum kn_metadef_order *ret, struct kn_error *err)
{
    static const char *const KEYS[] = {
        [KN_METADEF_BY_AGE] = "created_at", [KN_METADEF_BY_CHANGE] = "updated_at", [KN_METADEF_BY_NAME] = "namespace",
    };
    _Static_assert(KN_COUNT(KEYS) == KN_METADEF_ORDERS, "a key for each order");
    const char *key = query_or(req, "sort_key", KEYS[KN_METADEF_BY_AGE]);

    for (int i = 0; i < KN_METADEF_ORDERS; i++) {
        if (strcmp(key, KEYS[i]) == 0) {
            *ret = (enum kn_metadef_order)i;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid sort key: %.32s. It must be one of the following: created_at, updated_at, namespace.", key);
}

static int read_page(const struct kn_request *req, struct kn_metadef_page *ret, struct kn_error *err)
{
    const char *direction = query_or(req, "sort_dir", "desc");

    ret->marker = query_or(req, "marker", "");
    ret->visibility = query_or(req, "visibility", "");
    ret->ascending = strcmp(direction, "asc") == 0;
    if (!ret->ascending && strcmp(direction, "desc") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid sort direction: %.32s", direction);
    }
    if (read_order(req, &ret->order, err) < 0) {
        return -1;
    }
    if (ret->visibility[0] != '\0' && strcmp(ret->visibility, "public") != 0 && strcmp(ret->visibility, "private") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid visibility value: %.32s", ret->visibility);
    }
    return read_limit(req, &ret->limit, err);
}

/* a,b as an array literal; NULL if the query does not ask. */
static const char *read_types(const struct kn_request *req, struct kn_array *list)
{
    const char *text = kn_request_query(req, "resource_types");

    while (text != NULL && *text != '\0') {
        const size_t len = strcspn(text, ",");
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf word = KN_STRBUF_INIT;

        kn_strbuf_add(&word, text, len);
        kn_array_add(list, word.buf);
        text += len + (text[len] == ',');
    }
    return list->count > 0 ? kn_array_value(list) : NULL;
}

/* The namespace of the path, if the caller sees it; to_delete: and if it lets go of what it holds. */
static int see(struct kn_request *req, bool to_delete, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_metadef_namespace_get(req->db, &req->caller, req->params[0], "", &rows, err) < 0) {
        return -1;
    }
    if (to_delete && kn_rows_bool(rows, 0, 2)) {
        return kn_fail(err, KN_FORBIDDEN, "Metadata definition namespace %.100s is protected.", req->params[0]);
    }
    return 0;
}

/* The kind that the path names, in a namespace that the caller sees; NULL and an error otherwise. */
static const struct kn_metadef_kind *kind_of(struct kn_request *req, bool to_delete, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kn_metadef_kind(req->params[1]);

    if (kind == NULL) {
        kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
        return NULL;
    }
    return see(req, to_delete, err) < 0 ? NULL : kind;
}

/* --- namespaces ------------------------------------------------------------------------------------------------------- */

/* The query without its marker, for the links "first" and "next". */
static void visit_param(void *ctx, const char *key, const char *value)
{
    struct kn_strbuf *params = ctx;

    if (strcmp(key, "marker") != 0) {
        kn_strbuf_addch(params, params->len == 0 ? '?' : '&');
        kn_strbuf_addurl(params, key);
        kn_strbuf_addch(params, '=');
        kn_strbuf_addurl(params, value);
    }
}

static void print_pages(struct kn_request *req, const struct kn_rows *rows, int64_t limit, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf link = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf params = KN_STRBUF_INIT;
    const int count = kn_rows_count(rows);

    kn_request_query_each(req, visit_param, &params);
    kn_strbuf_addf(&link, "/v2/metadefs/namespaces%s", params.buf);
    kn_jsonw_str(out, "first", link.buf);
    if (count > 0 && count == limit) {
        kn_strbuf_addf(&link, "%cmarker=", params.len == 0 ? '?' : '&');
        kn_strbuf_addurl(&link, kn_rows_text(rows, count - 1, 0));
        kn_jsonw_str(out, "next", link.buf);
    }
}

static void print_list(const struct kn_rows *rows, const char *key, bool is_map, struct kn_strbuf *out)
{
    is_map ? kn_jsonw_object(out, key) : kn_jsonw_array(out, key);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_raw(out, is_map ? kn_rows_text(rows, i, 0) : NULL, kn_rows_text(rows, i, 1));
    }
    is_map ? kn_jsonw_end_object(out) : kn_jsonw_end_array(out);
}

int kn_metadef_api_namespaces(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array types = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_metadef_page page;

    if (read_page(req, &page, err) < 0 ||
        (page.marker[0] != '\0' && kn_metadef_namespace_get(req->db, &req->caller, page.marker, "", &marker, err) < 0)) {
        return -1;
    }
    page.resource_types = read_types(req, &types);
    if (kn_metadef_namespace_list(req->db, &req->caller, &page, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    print_pages(req, rows, page.limit, &res->body);
    print_list(rows, "namespaces", false, &res->body);
    kn_jsonw_str(&res->body, "schema", "/v2/schemas/metadefs/namespaces");
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int answer_namespace(struct kn_request *req, const char *name, const char *resource_type, struct kn_response *res,
                            struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_metadef_namespace_get(req->db, &req->caller, name, resource_type, &rows, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, kn_rows_text(rows, 0, 1));
    return 0;
}

int kn_metadef_api_namespace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return answer_namespace(req, req->params[0], query_or(req, "resource_type", ""), res, err);
}

int kn_metadef_api_namespace_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;

    if (kn_metadef_check(&kn_metadef_namespace, req->body, err) < 0 ||
        kn_metadef_namespace_add(req->db, req->body, req->caller.project_id, err) < 0) {
        return -1;
    }
    const char *name = json_string_value(json_object_get(req->body, "namespace"));
    kn_strbuf_addf(&location, "%s/v2/metadefs/namespaces/", req->base_url);
    kn_strbuf_addurl(&location, name);
    kn_response_header(res, "Location", location.buf);
    return answer_namespace(req, name, "", res, err);
}

int kn_metadef_api_namespace_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (see(req, false, err) < 0 || kn_metadef_check(&kn_metadef_namespace, req->body, err) < 0 ||
        kn_metadef_namespace_set(req->db, req->params[0], req->body, req->caller.project_id, err) < 0) {
        return -1;
    }
    return answer_namespace(req, json_string_value(json_object_get(req->body, "namespace")), "", res, err);
}

int kn_metadef_api_namespace_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return see(req, true, err) < 0 ? -1 : kn_metadef_namespace_drop(req->db, req->params[0], err);
}

/* --- items ------------------------------------------------------------------------------------------------------------ */

int kn_metadef_api_items(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf schema = KN_STRBUF_INIT;
    const struct kn_metadef_kind *kind = kind_of(req, false, err);
    struct kn_metadef_page page;

    if (kind == NULL || read_page(req, &page, err) < 0 ||
        kn_metadef_item_list(req->db, req->params[0], kind, &page, &rows, err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&schema, "/v2/schemas/metadefs/%s", kind->collection);
    kn_jsonw_object(&res->body, NULL);
    print_list(rows, kind->list, kind->is_map, &res->body);
    kn_jsonw_str(&res->body, "schema", schema.buf);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int answer_item(struct kn_request *req, const struct kn_metadef_kind *kind, const char *name, struct kn_response *res,
                       struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_metadef_item_get(req->db, req->params[0], kind, name, &rows, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, kn_rows_text(rows, 0, 1));
    return 0;
}

/* {"tags": [{"name": …}, …]}: these instead of those that are there; with X-Openstack-Append: true, besides them. */
static int create_tags(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_metadef_field FIELDS[] = {
        { "tags", KN_METADEF_ITEMS, KN_METADEF_REQUIRED, NULL, &kn_metadef_tag },
        { NULL, KN_METADEF_TEXT, KN_METADEF_FREE, NULL, NULL },
    };
    static const struct kn_metadef_kind TAGS = { "tags", "tags", "tags", "tags", FIELDS, false, false };
    AUTO_TX struct kn_tx tx = { NULL };
    const char *append = kn_request_header(req, "X-Openstack-Append");
    size_t i;
    json_t *tag;

    if (kn_metadef_check(&TAGS, req->body, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        ((append == NULL || strcasecmp(append, "true") != 0) &&
         kn_metadef_item_drop(req->db, req->params[0], &kn_metadef_tag, NULL, err) < 0)) {
        return -1;
    }
    json_array_foreach(json_object_get(req->body, "tags"), i, tag) {
        if (kn_metadef_item_add(req->db, req->params[0], &kn_metadef_tag, NULL, tag, err) < 0) {
            return -1;
        }
    }
    kn_response_json(res, json_incref(req->body));
    return kn_tx_commit(&tx, err);
}

int kn_metadef_api_item_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kind_of(req, false, err);

    if (kind == NULL) {
        return -1;
    }
    if (kind == &kn_metadef_tag) {
        return create_tags(req, res, err);
    }
    if (kn_metadef_check(kind, req->body, err) < 0 ||
        kn_metadef_item_add(req->db, req->params[0], kind, NULL, req->body, err) < 0) {
        return -1;
    }
    return answer_item(req, kind, json_string_value(json_object_get(req->body, "name")), res, err);
}

int kn_metadef_api_tag_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kind_of(req, false, err);

    if (kind == NULL) {
        return -1;
    }
    if (kind != &kn_metadef_tag) {
        return kn_fail(err, KN_METHOD_NOT_ALLOWED, "only tags are made by their name alone");
    }
    AUTO_JSON json_t *body = json_pack("{s:s}", "name", req->params[2]);
    if (kn_metadef_check(kind, body, err) < 0 || kn_metadef_item_add(req->db, req->params[0], kind, NULL, body, err) < 0) {
        return -1;
    }
    return answer_item(req, kind, req->params[2], res, err);
}

/* The kind of a path that ends with an item's name. */
static const struct kn_metadef_kind *part_of(struct kn_request *req, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kind_of(req, false, err);

    if (kind != NULL && !kind->has_parts) {
        kn_fail(err, KN_METHOD_NOT_ALLOWED, "an association with a resource type can only be made and deleted");
        return NULL;
    }
    return kind;
}

int kn_metadef_api_item(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = part_of(req, err);

    return kind == NULL ? -1 : answer_item(req, kind, req->params[2], res, err);
}

int kn_metadef_api_item_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = part_of(req, err);

    if (kind == NULL || kn_metadef_check(kind, req->body, err) < 0 ||
        kn_metadef_item_set(req->db, req->params[0], kind, req->params[2], req->body, err) < 0) {
        return -1;
    }
    const char *renamed = json_string_value(json_object_get(req->body, "name"));
    return answer_item(req, kind, renamed != NULL ? renamed : req->params[2], res, err);
}

int kn_metadef_api_item_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kind_of(req, true, err);

    (void)res;
    return kind == NULL ? -1 : kn_metadef_item_drop(req->db, req->params[0], kind, req->params[2], err);
}

int kn_metadef_api_items_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_metadef_kind *kind = kind_of(req, true, err);

    (void)res;
    return kind == NULL ? -1 : kn_metadef_item_drop(req->db, req->params[0], kind, NULL, err);
}

int kn_metadef_api_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_metadef_types(req->db, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    print_list(rows, "resource_types", false, &res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_metadef_api_schema(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_metadef_schema_print(req->params[0], &res->body)
               ? 0
               : kn_fail(err, KN_NOT_FOUND, "there is no schema \"metadefs/%.64s\"", req->params[0]);
}
