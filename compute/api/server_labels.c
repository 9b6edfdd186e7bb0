/* SPDX-License-Identifier: Apache-2.0 */
/* A server's metadata and tags over HTTP; the statements are in server_labels.c. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/adapter/quota.h"
#include "lib/domain/schema.h"

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
static const struct kn_schema METADATA[] = {
    KN_SCHEMA("metadata", KN_IS_MAP, .flags = KN_REQUIRED, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema META[] = {
    KN_SCHEMA("meta", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_ONE_ITEM, .rule = &KN_TEXT_META_KEY,
              .inner = VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema TAG[] = {
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG),
    KN_SCHEMA_END,
};
static const struct kn_schema TAGS[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_TAGS, .inner = TAG),
    KN_SCHEMA_END,
};

/* The server, if this caller may write on it now. */
static int open_server(struct kn_request *req, const char *action, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0 ||
        kn_compute_server_may(req, rows, kn_server_action(action), err) < 0) {
        return -1;
    }
    *ret = kn_steal(&rows);
    return 0;
}

static void server_labels_answer_metadata(struct kn_response *res, const char *json)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "metadata", json);
    kn_jsonw_end_object(&res->body);
}

int kn_compute_server_metadata_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    server_labels_answer_metadata(res, kn_rows_text(rows, 0, KN_SERVER_METADATA));
    return 0;
}

typedef int write_metadata(struct kn_db *db, const char *id, const char *json, int64_t limit, struct kn_rows **ret,
                           struct kn_error *err);

static void server_labels_wake(const struct kn_request *req, const char *id, int64_t task)
{
    if (task > 0) {
        kn_task_wake(req->bus, id, task);
    }
}

/* Writes the object as it was sent; *ret: what is there now. */
static int write_object(struct kn_request *req, const json_t *object, write_metadata *write, struct kn_rows **ret,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *json = json_dumps(object, JSON_COMPACT);
    AUTO_TX struct kn_tx tx = { NULL };
    const char *id;
    int64_t task = 0, most = 0;

    if (open_server(req, "update metadata", &rows, err) < 0 ||
        kn_quota_limit(req->db, KN_QUOTA_METADATA, kn_rows_text(rows, 0, KN_SERVER_PROJECT), &most, err) < 0) {
        return -1;
    }
    id = kn_rows_text(rows, 0, KN_SERVER_ID);
    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_compute_server_describe_begin(req->db, id, err) < 0 ||
        write(req->db, id, json, most, ret, err) < 0 || kn_compute_server_describe(req, rows, &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    server_labels_wake(req, id, task);
    return 0;
}

static int server_labels_write_all(struct kn_request *req, struct kn_response *res, write_metadata *write,
                                   struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *now = NULL;

    if (kn_schema_check(METADATA, req->body, req->microversion, err) < 0 ||
        write_object(req, json_object_get(req->body, "metadata"), write, &now, err) < 0) {
        return -1;
    }
    server_labels_answer_metadata(res, kn_rows_text(now, 0, kn_rows_col(now, "metadata")));
    return 0;
}

int kn_compute_server_metadata_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return server_labels_write_all(req, res, kn_compute_server_metadata_merge, err);
}

int kn_compute_server_metadata_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return server_labels_write_all(req, res, kn_compute_server_metadata_replace, err);
}

static void answer_meta(struct kn_response *res, const char *key, const json_t *value)
{
    json_t *meta = json_object();

    json_object_set(meta, key, (json_t *)(uintptr_t)value); /* shares the reference; the value is not changed */
    kn_response_json(res, json_pack("{s:o}", "meta", meta));
}

int kn_compute_server_meta_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *metadata = NULL;
    const json_t *value = NULL;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    metadata = json_loads(kn_rows_text(rows, 0, KN_SERVER_METADATA), 0, NULL);
    value = json_object_get(metadata, req->params[1]);
    if (value != NULL) {
        answer_meta(res, req->params[1], value);
    }
    json_decref(metadata);
    return value != NULL ? 0 : kn_fail(err, KN_NOT_FOUND, "Metadata item was not found");
}

int kn_compute_server_meta_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *now = NULL;
    const json_t *meta = NULL;

    if (kn_schema_check(META, req->body, req->microversion, err) < 0) {
        return -1;
    }
    meta = json_object_get(req->body, "meta");
    if (json_object_get(meta, req->params[1]) == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Request body and URI mismatch");
    }
    if (write_object(req, meta, kn_compute_server_metadata_merge, &now, err) < 0) {
        return -1;
    }
    kn_response_json(res, json_incref(req->body));
    return 0;
}

int kn_compute_server_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_TX struct kn_tx tx = { NULL };
    int64_t task = 0;

    (void)res;
    if (open_server(req, "update metadata", &rows, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_compute_server_describe_begin(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), err) < 0 ||
        kn_compute_server_metadata_remove(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), req->params[1], err) < 0 ||
        kn_compute_server_describe(req, rows, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    server_labels_wake(req, kn_rows_text(rows, 0, KN_SERVER_ID), task);
    return 0;
}

/* --- tags --- */

int kn_compute_server_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "tags", kn_rows_text(rows, 0, KN_SERVER_TAGS));
    kn_jsonw_end_object(&res->body);
    return 0;
}

static bool seen_before(const json_t *tags, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (json_equal(json_array_get(tags, i), json_array_get(tags, at))) {
            return true;
        }
    }
    return false;
}

int kn_compute_server_tags_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_array) struct kn_array literal = KN_ARRAY_INIT;
    json_t *tags = NULL, *kept = NULL;

    if (kn_schema_check(TAGS, req->body, req->microversion, err) < 0 ||
        open_server(req, "update tag", &rows, err) < 0) {
        return -1;
    }
    tags = json_object_get(req->body, "tags");
    kept = json_array();
    for (size_t i = 0; i < json_array_size(tags); i++) {
        if (!seen_before(tags, i)) {
            kn_array_add(&literal, json_string_value(json_array_get(tags, i)));
            json_array_append(kept, json_array_get(tags, i));
        }
    }
    kn_response_json(res, json_pack("{s:o}", "tags", kept)); /* the door drops it if the rest fails */
    return kn_compute_server_tags_replace(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), kn_array_value(&literal), err);
}

int kn_compute_server_tags_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)res;
    return open_server(req, "update tag", &rows, err) < 0
               ? -1
               : kn_compute_server_tags_replace(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), "{}", err);
}

static int no_tag(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Server %s has no tag '%.60s'", req->params[0], req->params[1]);
}

int kn_compute_server_tag_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *tags = NULL;
    bool found = false;

    (void)res;
    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    tags = json_loads(kn_rows_text(rows, 0, KN_SERVER_TAGS), 0, NULL);
    for (size_t i = 0; i < json_array_size(tags) && !found; i++) {
        found = strcmp(json_string_value(json_array_get(tags, i)), req->params[1]) == 0;
    }
    json_decref(tags);
    return found ? 0 : no_tag(req, err);
}

int kn_compute_server_tag_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;
    const char *tag = req->params[1];
    json_auto_t *body = json_pack("{s:s}", "tag", tag); /* judged as one of a whole list is */
    struct kn_error why = { 0 };
    bool is_new = false;

    if (kn_schema_check(TAG, body, req->microversion, &why) < 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Tag '%.60s' is invalid. It must be a non empty string without characters '/' and "
                       "','. Maximum length is 60",
                       tag);
    }
    if (open_server(req, "update tag", &rows, err) < 0 ||
        kn_compute_server_tag_add(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), tag, &is_new, err) < 0) {
        return -1;
    }
    if (is_new) {
        kn_strbuf_addf(&location, "%s/v2.1/servers/%s/tags/", req->base_url, req->params[0]);
        kn_strbuf_addurl(&location, tag);
        kn_response_header(res, "Location", location.buf);
    }
    res->status = is_new ? 201 : 204;
    return 0;
}

int kn_compute_server_tag_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    bool removed = false;

    (void)res;
    if (open_server(req, "update tag", &rows, err) < 0 ||
        kn_compute_server_tag_remove(req->db, kn_rows_text(rows, 0, KN_SERVER_ID), req->params[1], &removed, err) < 0) {
        return -1;
    }
    return removed ? 0 : no_tag(req, err);
}
