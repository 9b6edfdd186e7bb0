/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST …/import: the wish becomes a row of image_task, the image importing and a task for the conductor, in one transaction. Nothing is
 * read, fetched or converted here: kilonova-image does that.
 */
#include <string.h>

#include "image/api/private.h"
#include "image/data/fetch.h"
#include "image/rows/image_task.h"
#include "image/rows/import_order.h"
#include "lib/adapter/task.h"
#include "lib/base/cleanup.h"

/* In Glance's order and words: which statuses a method starts from. */
static int check_status(const struct kn_image *image, const struct kn_image_import_order *order, struct kn_error *err)
{
    const bool active = strcmp(image->status, "active") == 0;

    if (active && order->method != KN_IMPORT_COPY) {
        return kn_fail(err, KN_CONFLICT, "Image with status active cannot be target for import");
    }
    if (!active && order->method == KN_IMPORT_COPY) {
        return kn_fail(err, KN_CONFLICT, "Only images with status active can be targeted for copying");
    }
    if (order->method == KN_IMPORT_DOWNLOAD && strcmp(image->status, "queued") != 0) {
        return kn_fail(err, KN_CONFLICT, "Image needs to be in 'queued' state to use 'web-download' method");
    }
    if (order->method == KN_IMPORT_DIRECT && strcmp(image->status, "uploading") != 0) {
        return kn_fail(err, KN_CONFLICT, "Image needs to be staged before 'glance-direct' method can be used");
    }
    return order->method == KN_IMPORT_COPY ? 0 : kn_image_refuse_brought(image, KN_IMAGE_IMPORT_BEGINS, err);
}

static int import_check_formats(const struct kn_image *image, struct kn_error *err)
{
    if (image->container_format == NULL) {
        return kn_fail(err, KN_CONFLICT, "'container_format' needs to be set before import");
    }
    if (image->disk_format == NULL) {
        return kn_fail(err, KN_CONFLICT, "'disk_format' needs to be set before import");
    }
    if (!kn_image_inspectable(image->disk_format) && kn_image_convertible(image->disk_format) == NULL) {
        return kn_fail(err, KN_CONFLICT, "data of disk_format '%s' can neither be inspected nor converted",
                       image->disk_format);
    }
    return 0;
}

static int check_who(const struct kn_request *req, const struct kn_image *image,
                     const struct kn_image_import_order *order, struct kn_error *err)
{
    if (order->method != KN_IMPORT_COPY) {
        return kn_image_check_owner(image, &req->caller, err);
    }
    return kn_policy_check(KN_GLANCE_COPY_IMAGE, &req->caller, NULL, err);
}

static int check_where(const struct kn_request *req, const struct kn_image *image,
                       const struct kn_image_import_order *order, struct kn_error *err)
{
    const struct kn_image_fetch_rules rules = { req->conf->image_download_networks, req->conf->image_download_ports };

    if (order->names_unknown_store) {
        return kn_fail(err, KN_CONFLICT, "Unknown scheme: there is one store, '" KN_IMAGE_STORE "'");
    }
    if (order->method == KN_IMPORT_COPY && !order->all_stores) {
        return kn_fail(err, KN_BAD_REQUEST, "Image is already present at store '" KN_IMAGE_STORE "'");
    }
    if (order->method == KN_IMPORT_DIRECT && !kn_image_blob_is_staged(req->conf->image_store_dir, image->id)) {
        return kn_fail(err, KN_CONFLICT, "The data of image %s is still being staged", image->id);
    }
    return order->method == KN_IMPORT_DOWNLOAD ? kn_image_fetch_check(order->uri, &rules, err) : 0;
}

static int write_wish(struct kn_request *req, const struct kn_image *image, int64_t *ret_task, struct kn_error *err)
{
    json_auto_t *shown = json_pack("{s:s, s:O, s:[s]}", "image_id", image->id, "import_req", req->body, "backend",
                                   KN_IMAGE_STORE);
    struct kn_image_task_wish wish = { .image_id = image->id,
                                       .owner = req->caller.project_id,
                                       .user_id = req->caller.user_id,
                                       .request_id = req->request_id,
                                       .input = shown };

    kn_uuid_make(wish.id);
    json_auto_t *input = json_pack("{s:s}", "import", wish.id);
    const struct kn_task_wish task = {
        .kind = "image.import",
        .object_id = image->id,
        .project_id = req->caller.project_id,
        .user_id = req->caller.user_id,
        .request_id = req->request_id,
        .input = input,
    };
    if (kn_image_task_insert(req->db, &wish, err) < 0 ||
        kn_image_move(req->db, image->id, image->status, KN_IMAGE_IMPORT_BEGINS, err) < 0) {
        return -1;
    }
    return kn_task_insert(req->db, &task, ret_task, err);
}

int kn_image_api_import(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_import_order order;
    struct kn_image image;
    int64_t task = 0;

    (void)res;
    if (kn_image_import_order_parse(req->body, &order, err) < 0 || kn_tx_begin(&tx, req->db, err) < 0 ||
        kn_image_get(req->db, &req->caller, req->params[0], true, &rows, &image, err) < 0 ||
        check_status(&image, &order, err) < 0 || import_check_formats(&image, err) < 0 ||
        check_who(req, &image, &order, err) < 0 || check_where(req, &image, &order, err) < 0) {
        return -1;
    }
    if (order.method == KN_IMPORT_COPY) { /* every store there is has it */
        return kn_image_task_needless(req->db, image.id, err) < 0 ? -1 : kn_tx_commit(&tx, err);
    }
    if (write_wish(req, &image, &task, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_task_wake(req->bus, image.id, task);
    return 0;
}
