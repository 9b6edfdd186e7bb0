/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's properties under compute's own routes, up to 2.38, for clients that know no other. The rows and who may change them are the image room's (image/api.h); how many
 * there may be says the caller's quota of metadata, as in Nova.
 */
#include <string.h>

#include "compute/api.h"
#include "image/api.h"
#include "lib/adapter/quota.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
static const struct kn_schema ALL[] = {
    KN_SCHEMA("metadata", KN_IS_MAP, .flags = KN_REQUIRED, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema ONE[] = {
    KN_SCHEMA("meta", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_ONE_ITEM, .rule = &KN_TEXT_META_KEY,
              .inner = VALUE),
    KN_SCHEMA_END,
};

static int image_metadata_absent(struct kn_error *err)
{
    return err->code == KN_NOT_FOUND && strcmp(err->message, "Invalid metadata key") != 0
               ? kn_fail(err, KN_NOT_FOUND, "Image not found.")
               : -1;
}

static int image_metadata_read(struct kn_request *req, json_t **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_look image;

    if (kn_image_look_one(req->db, &req->caller, req->params[0], &rows, err) < 0) {
        return image_metadata_absent(err);
    }
    kn_image_look_at(rows, 0, &image);
    *ret = json_loads(image.properties, 0, NULL);
    return 0;
}

static void answer_with(struct kn_response *res, const char *key, const json_t *metadata)
{
    AUTO_FREE char *text = json_dumps(metadata, JSON_COMPACT);

    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, key, text != NULL ? text : "{}");
    kn_jsonw_end_object(&res->body);
}

int kn_compute_image_metadata_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *metadata = NULL;

    if (image_metadata_read(req, &metadata, err) < 0) {
        return -1;
    }
    answer_with(res, "metadata", metadata);
    json_decref(metadata);
    return 0;
}

int kn_compute_image_meta_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_t *metadata = NULL;

    if (image_metadata_read(req, &metadata, err) < 0) {
        return -1;
    }
    json_auto_t *owned = metadata;
    const json_t *value = json_object_get(owned, req->params[1]);

    if (value == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
    }
    json_auto_t *meta = json_pack("{s:O}", req->params[1], value);

    answer_with(res, "meta", meta);
    return 0;
}

/* *ret: all that the image has then. */
static int image_metadata_change(struct kn_request *req, struct kn_image_properties_wish *wish, json_t **ret,
                                 struct kn_error *err)
{
    if (kn_quota_limit(req->db, KN_QUOTA_METADATA, req->caller.project_id, &wish->most, err) < 0) {
        return -1;
    }
    return kn_image_properties_change(req, req->params[0], wish, ret, err) < 0 ? image_metadata_absent(err) : 0;
}

/* POST adds to what there is, PUT is all there is. */
static int image_metadata_put(struct kn_request *req, bool whole, struct kn_response *res, struct kn_error *err)
{
    struct kn_image_properties_wish wish = { .whole = whole };
    json_t *after = NULL;

    if (kn_schema_check(ALL, req->body, req->microversion, err) < 0) {
        return -1;
    }
    wish.set = json_object_get(req->body, "metadata");
    if (image_metadata_change(req, &wish, &after, err) < 0) {
        return -1;
    }
    answer_with(res, "metadata", after);
    json_decref(after);
    return 0;
}

int kn_compute_image_metadata_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return image_metadata_put(req, false, res, err);
}

int kn_compute_image_metadata_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return image_metadata_put(req, true, res, err);
}

int kn_compute_image_meta_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_image_properties_wish wish = { .whole = false };
    json_t *after = NULL;

    if (kn_schema_check(ONE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    wish.set = json_object_get(req->body, "meta");
    if (json_object_get(wish.set, req->params[1]) == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Request body and URI mismatch");
    }
    if (image_metadata_change(req, &wish, &after, err) < 0) {
        return -1;
    }
    json_decref(after);
    answer_with(res, "meta", wish.set);
    return 0;
}

int kn_compute_image_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_image_properties_wish wish = { .drop = req->params[1] };
    json_t *after = NULL;

    (void)res;
    if (image_metadata_change(req, &wish, &after, err) < 0) {
        return -1;
    }
    json_decref(after);
    return 0;
}
