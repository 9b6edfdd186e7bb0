/* SPDX-License-Identifier: Apache-2.0 */
/* A volume's metadata over HTTP: whole and item by item. Every change is made on a locked row. */
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/domain/schema.h"
#include "volume/api/private.h"

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
#define MAP(n) \
    KN_SCHEMA(n, KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY, \
              .inner = VALUE)
static const struct kn_schema WHOLE_BODY[] = { MAP("metadata"), KN_SCHEMA_END };
static const struct kn_schema ITEM_BODY[] = { MAP("meta"), KN_SCHEMA_END };

static void metadata_print(struct kn_response *res, const char *key, json_t *value)
{
    AUTO_FREE char *text = json_dumps(value, JSON_COMPACT);

    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, key, text);
    kn_jsonw_end_object(&res->body);
}

/* The volume's metadata as it is; the caller drops it. */
static int read_metadata(struct kn_request *req, bool update, json_t **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_volume v;

    if (kn_volume_get(req->db, &req->caller, req->params[0], update, &rows, &v, err) < 0) {
        return -1;
    }
    *ret = json_loads(v.metadata, 0, NULL);
    return 0;
}

static int metadata_missing(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume %s has no metadata with key %.64s.", req->params[0], req->params[1]);
}

/* What change() makes of it is written, unless it says -1. */
static int metadata_change(struct kn_request *req,
                           int (*apply)(struct kn_request *req, json_t *metadata, struct kn_error *err), json_t **ret,
                           struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    json_auto_t *metadata = NULL;

    if (kn_tx_begin(&tx, req->db, err) < 0 || read_metadata(req, true, &metadata, err) < 0 ||
        apply(req, metadata, err) < 0) {
        return -1;
    }
    if (json_object_size(metadata) > KN_MAX_VOLUME_METADATA) {
        return kn_fail(err, KN_TOO_LARGE, "Maximum number of metadata items exceeded: at most %d",
                       KN_MAX_VOLUME_METADATA);
    }
    if (kn_volume_set_metadata(req->db, req->params[0], metadata, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    *ret = json_incref(metadata);
    return 0;
}

int kn_volume_api_metadata(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *metadata = NULL;

    if (read_metadata(req, false, &metadata, err) < 0) {
        return -1;
    }
    metadata_print(res, "metadata", metadata);
    return 0;
}

static int metadata_merge(struct kn_request *req, json_t *metadata, struct kn_error *err)
{
    (void)err;
    return json_object_update(metadata, json_object_get(req->body, "metadata"));
}

static int metadata_replace(struct kn_request *req, json_t *metadata, struct kn_error *err)
{
    json_object_clear(metadata);
    return metadata_merge(req, metadata, err);
}

static int set_item(struct kn_request *req, json_t *metadata, struct kn_error *err)
{
    json_t *meta = json_object_get(req->body, "meta");
    json_t *value = json_object_get(meta, req->params[1]);

    if (value == NULL || json_object_size(meta) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "Request body and URI mismatch.");
    }
    return json_object_set(metadata, req->params[1], value);
}

static int delete_item(struct kn_request *req, json_t *metadata, struct kn_error *err)
{
    return json_object_del(metadata, req->params[1]) == 0 ? 0 : metadata_missing(req, err);
}

static int change_whole(struct kn_request *req, struct kn_response *res,
                        int (*apply)(struct kn_request *req, json_t *metadata, struct kn_error *err),
                        struct kn_error *err)
{
    json_auto_t *metadata = NULL;

    if (kn_schema_check(WHOLE_BODY, req->body, req->microversion, err) < 0 ||
        metadata_change(req, apply, &metadata, err) < 0) {
        return -1;
    }
    metadata_print(res, "metadata", metadata);
    return 0;
}

int kn_volume_api_metadata_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return change_whole(req, res, metadata_merge, err);
}

int kn_volume_api_metadata_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return change_whole(req, res, metadata_replace, err);
}

int kn_volume_api_meta(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *metadata = NULL;
    json_auto_t *meta = NULL;

    if (read_metadata(req, false, &metadata, err) < 0) {
        return -1;
    }
    json_t *value = json_object_get(metadata, req->params[1]);
    if (value == NULL) {
        return metadata_missing(req, err);
    }
    meta = json_pack("{s:O}", req->params[1], value);
    metadata_print(res, "meta", meta);
    return 0;
}

int kn_volume_api_meta_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *metadata = NULL;

    if (kn_schema_check(ITEM_BODY, req->body, req->microversion, err) < 0 ||
        metadata_change(req, set_item, &metadata, err) < 0) {
        return -1;
    }
    metadata_print(res, "meta", json_object_get(req->body, "meta"));
    return 0;
}

int kn_volume_api_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *metadata = NULL;

    (void)res;
    return metadata_change(req, delete_item, &metadata, err);
}
