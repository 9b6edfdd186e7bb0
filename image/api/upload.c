/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT of an image's data, in pieces, with the memory of one piece: to be the image's at once, or staged for its import.
 *
 * What is done with what comes, and in which order, is image/rows/arrival.c's.
 */
#include <string.h>
#include <strings.h>

#include "image/api/private.h"
#include "image/rows/arrival.h"
#include "lib/base/cleanup.h"

static int check_media(const struct kn_request *req, struct kn_error *err)
{
    static const char TYPE[] = "application/octet-stream";
    const char *type = kn_request_header(req, "Content-Type");

    if (type == NULL || strncasecmp(type, TYPE, sizeof(TYPE) - 1) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "image data has the Content-Type application/octet-stream");
    }
    return 0;
}

static int upload_check_formats(const struct kn_image *image, struct kn_error *err)
{
    if (image->disk_format == NULL || image->container_format == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Properties disk_format, container_format must be set prior to saving data.");
    }
    if (!kn_image_inspectable(image->disk_format)) {
        kn_fail(err, KN_UNSUPPORTED_MEDIA, "data of disk_format \"%s\" cannot be inspected", image->disk_format);
        return kn_fail_hint(err, "convert it to raw or qcow2 first: qemu-img convert");
    }
    return 0;
}

/* There is one store; whoever names another is told so before he sends anything. */
static int check_store(const struct kn_request *req, struct kn_error *err)
{
    const char *store = kn_request_header(req, "x-image-meta-store");

    return store == NULL || strcmp(store, KN_IMAGE_STORE) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Unknown store '%.64s'", store);
}

/* An image of the caller's own, to which data may come, from him. */
static int get_target(struct kn_request *req, enum kn_image_event event, struct kn_rows **ret_rows,
                      struct kn_image *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (check_media(req, err) < 0 || check_store(req, err) < 0 ||
        kn_image_get(req->db, &req->caller, req->params[0], false, &rows, ret, err) < 0 ||
        kn_image_check_owner(ret, &req->caller, err) < 0 || kn_image_refuse_brought(ret, event, err) < 0) {
        return -1;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

static int api_upload_upload_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    struct kn_image_arrival *u = NULL;

    if (get_target(req, KN_IMAGE_UPLOAD_BEGINS, &rows, &image, err) < 0 || upload_check_formats(&image, err) < 0 ||
        kn_image_arrival_begin(req->db, req->conf, &image, length, KN_BLOB_UPLOAD, &u, err) < 0) {
        return -1;
    }
    *ret_ctx = u;
    return 0;
}

static int api_upload_upload_chunk(struct kn_request *req, void *ctx, const void *data, size_t len,
                                   struct kn_error *err)
{
    struct kn_image_arrival *u = ctx;

    (void)req;
    return kn_image_blob_write(u->writer, data, len, err);
}

static int upload_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_image_arrival) struct kn_image_arrival *u = ctx;

    (void)res;
    if (kn_image_arrival_end(req->db, req->conf, u, NULL, NULL, err) < 0) {
        kn_image_arrival_give_up(req->db, u);
        return -1;
    }
    return 0;
}

static void upload_abandon(struct kn_request *req, void *ctx)
{
    AUTO(kn_image_arrival) struct kn_image_arrival *u = ctx;

    kn_image_arrival_give_up(req->db, u);
}

/* --- staging ---------------------------------------------------------------------------------------------------------- */

static int stage_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    struct kn_image_arrival *u = NULL;

    if (get_target(req, KN_IMAGE_STAGE_BEGINS, &rows, &image, err) < 0 ||
        kn_image_arrival_begin(req->db, req->conf, &image, length, KN_BLOB_STAGE, &u, err) < 0) {
        return -1;
    }
    *ret_ctx = u;
    return 0;
}

/* What is staged is neither inspected nor digested before its import. */
static int stage_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_image_arrival) struct kn_image_arrival *u = ctx;

    (void)res;
    if (kn_image_staged(req->db, u->image_id, kn_image_blob_size(u->writer), err) < 0 ||
        kn_image_blob_stage(u->writer, err) < 0) {
        kn_image_arrival_give_up(req->db, u);
        return -1;
    }
    return 0;
}

const struct kn_upload kn_image_stage = { stage_begin, api_upload_upload_chunk, stage_end, upload_abandon };
const struct kn_upload kn_image_upload = { api_upload_upload_begin, api_upload_upload_chunk, upload_end,
                                           upload_abandon };
