/* SPDX-License-Identifier: Apache-2.0 */
/* POST, GET, PATCH and DELETE of images. Rules are image.c's, words patch.c's and property.c's; here they meet HTTP. */
#include <stdint.h>
#include <string.h>

#include "image/api/patch.h"
#include "image/api/private.h"
#include "image/rows/import_order.h"
#include "image/rows/noun.h"
#include "image/rows/property.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"
#include "lib/rest/write.h"

/* The properties of the user's own, out of a draft and under the name that their column goes by. */
static void gather_own(json_t *draft)
{
    json_t *own = json_object(), *value = NULL;
    const char *name = NULL;
    void *next = NULL;

    json_object_foreach_safe (draft, next, name, value) {
        if (kn_image_property(name) == NULL) {
            json_object_set(own, name, value);
            json_object_del(draft, name);
        }
    }
    json_object_set_new(draft, KN_IMAGE_OWN, own);
}

int kn_image_api_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *draft = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf location = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf methods = KN_STRBUF_INIT;
    const char *id = NULL;

    if (kn_image_draft_new(req->body, req->caller.project_id, &draft, err) < 0 ||
        kn_image_check_draft(draft, NULL, &req->caller, err) < 0) {
        return -1;
    }
    gather_own(draft);
    if (kn_rest_insert(&kn_image_noun, req, draft, &id, err) < 0) {
        return -1;
    }
    for (int i = 0; i < KN_IMPORT_METHOD_COUNT; i++) {
        kn_strbuf_addf(&methods, "%s%s", i > 0 ? "," : "", kn_image_import_method_names[i]);
    }
    kn_strbuf_addf(&location, "%s/v2/images/%s", req->base_url, id);
    kn_response_header(res, "Location", location.buf);
    kn_response_header(res, "OpenStack-image-import-methods", methods.buf);
    kn_response_header(res, "OpenStack-image-store-ids", KN_IMAGE_STORE);
    return kn_rest_show(&kn_image_noun, req, id, KN_REST_CHANGED, res, err);
}

int kn_image_api_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_image_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_image_api_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_image_noun, req, KN_REST_LIST, NULL, res, err);
}

/* --- changes -------------------------------------------------------------------------------------------------------- */

/* A PATCH says what becomes of the row as it is: the whole draft is laid over it. */
static int apply_patch(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    const int dialect = kn_image_patch_dialect_of(kn_request_header(req, "Content-Type"));
    const bool is_queued = strcmp(kn_rest_was(&kn_image_noun, now, "status"), "queued") == 0;
    json_auto_t *before = kn_rest_object(&kn_image_noun, now),
                *own = json_loads(kn_rest_was(&kn_image_noun, now, KN_IMAGE_OWN), 0, NULL);

    (void)id;
    json_object_update(object, before);
    json_object_update_missing(object, own);
    if (kn_image_patch(object, req->body, (enum kn_image_patch_dialect)dialect, is_queued, err) < 0 ||
        kn_image_check_draft(object, before, &req->caller, err) < 0) {
        return -1;
    }
    gather_own(object);
    return 0;
}

int kn_image_api_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_rest_noun noun = kn_image_noun;
    json_auto_t *draft = json_object();

    if (kn_image_patch_dialect_of(kn_request_header(req, "Content-Type")) == 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA,
                       "Image PATCH expects Content-Type one of: application/openstack-images-v2.0-json-patch, "
                       "application/openstack-images-v2.1-json-patch");
    }
    noun.decide = apply_patch;
    return kn_rest_change(&noun, req, req->params[0], draft, err) < 0
               ? -1
               : kn_rest_show(&kn_image_noun, req, req->params[0], KN_REST_CHANGED, res, err);
}

/* --- properties, by compute's route ------------------------------------------------------------------------------------------- */

struct properties_change {
    const struct kn_image_properties_wish *wish;
    json_t *after; /* what the image has then */
};

static int properties_check_name(const char *name, const json_t *value, struct kn_error *err)
{
    if (kn_image_property(name) != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is an attribute of images, no property of one", name);
    }
    return kn_image_property_mutable(name, err) < 0 || kn_image_property_check(name, value, false, err) < 0 ? -1 : 0;
}

/* Into change->after. */
static int properties_work_out(struct properties_change *change, const json_t *own, struct kn_error *err)
{
    const struct kn_image_properties_wish *wish = change->wish;
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)own, name, value) {
        if (!wish->whole) {
            json_object_set(change->after, name, value);
        } else if (json_object_get(wish->set, name) == NULL && kn_image_property_mutable(name, err) < 0) {
            return -1;
        }
    }
    json_object_foreach ((json_t *)(uintptr_t)wish->set, name, value) {
        if (!json_equal(json_object_get(own, name), value) && properties_check_name(name, value, err) < 0) {
            return -1;
        }
        json_object_set(change->after, name, value);
    }
    if (wish->drop != NULL &&
        (kn_image_property_mutable(wish->drop, err) < 0 ||
         (json_object_del(change->after, wish->drop) < 0 && kn_fail(err, KN_NOT_FOUND, "Invalid metadata key") < 0))) {
        return -1;
    }
    return wish->most < 0 || wish->set == NULL || (int64_t)json_object_size(change->after) <= wish->most
               ? 0
               : kn_fail(err, KN_QUOTA, "Image metadata limit exceeded");
}

/* As apply_patch(), of properties alone. */
static int apply_properties(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                            struct kn_error *err)
{
    struct properties_change *change = req->own;
    json_auto_t *before = kn_rest_object(&kn_image_noun, now),
                *own = json_loads(kn_rest_was(&kn_image_noun, now, KN_IMAGE_OWN), 0, NULL);

    (void)id;
    if (properties_work_out(change, own, err) < 0) {
        return -1;
    }
    json_object_update(object, before);
    json_object_update_missing(object, change->after);
    if (kn_image_draft_check(object, err) < 0 || kn_image_check_draft(object, before, &req->caller, err) < 0) {
        return -1;
    }
    gather_own(object);
    return 0;
}

int kn_image_properties_change(struct kn_request *req, const char *id, const struct kn_image_properties_wish *wish,
                               json_t **ret, struct kn_error *err)
{
    struct kn_rest_noun noun = kn_image_noun;
    json_auto_t *draft = json_object(), *after = json_object();
    struct properties_change change = { wish, after };

    noun.decide = apply_properties;
    req->own = &change;
    const int rc = kn_rest_change(&noun, req, id, draft, err);

    req->own = NULL;
    if (rc == 0) {
        *ret = json_incref(after);
    }
    return rc;
}

/* The task that drops the data when nobody else refers to it; the row says "deleted" at once. */
static int delete_with_task(struct kn_request *req, const struct kn_image *image, int64_t *ret_task,
                            struct kn_error *err)
{
    json_auto_t *input = json_pack("{s:s*}", "sha512", image->sha512);
    const struct kn_task_wish wish = {
        .kind = "image.delete",
        .object_id = image->id,
        .project_id = req->caller.project_id,
        .user_id = req->caller.user_id,
        .request_id = req->request_id,
        .input = input,
    };

    if (image->is_protected) {
        return kn_fail(err, KN_FORBIDDEN, "Image %s is protected and cannot be deleted.", image->id);
    }
    return kn_image_delete(req->db, image->id, err) < 0 || kn_task_cancel(req->db, image->id, err) < 0
               ? -1
               : kn_task_insert(req->db, &wish, ret_task, err);
}

int kn_image_api_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    int64_t task = 0;

    (void)res;
    /* Tasks first, then the row: so everybody locks them. Without the right to it, nothing of this stays. Behind it again: what was wished in between. */
    if (kn_tx_begin(&tx, req->db, err) < 0 ||
        (kn_uuid_valid(req->params[0]) && kn_task_cancel(req->db, req->params[0], err) < 0) ||
        kn_image_get(req->db, &req->caller, req->params[0], true, &rows, &image, err) < 0 ||
        kn_image_check_owner(&image, &req->caller, err) < 0 || delete_with_task(req, &image, &task, err) < 0 ||
        kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, image.id, task);
    return 0;
}
