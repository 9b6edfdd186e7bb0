/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT of an image's data, in pieces, with the memory of one piece: to be the image's at once, or staged for its import.
 *
 * The order of things: the writer's lock on <id>.part first, then status "saving"; data; then, sealed and inspected, one
 * transaction under the blob's lock that writes the blob's row, makes the image active and renames the file. Whoever finds
 * "saving" and gets the lock knows that the writer died (sweep.c, or the next upload of the same image). So at no
 * time is an image active without its verified data, nor does a dead upload block the next.
 */
#include <string.h>
#include <strings.h>

#include "image/api/private.h"
#include "image/rows/quota.h"
#include "image/data/blob.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define GIB (INT64_C(1) << 30)

struct upload {
    char image_id[KN_UUID_SIZE];
    char disk_format[16];
    enum kn_image_event failure;
    struct kn_image_blob_writer *writer;
};

static void upload_free(struct upload *u)
{
    if (u != NULL) {
        kn_image_blob_writer_free(u->writer);
        free(u);
    }
}
KN_DEFINE_AUTO(upload);

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

/* An image of the caller's own, to which data may come. */
static int get_target(struct kn_request *req, struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (check_media(req, err) < 0 || check_store(req, err) < 0 ||
        kn_image_get(req->db, &req->caller, req->params[0], false, &rows, ret, err) < 0 ||
        kn_image_check_owner(ret, &req->caller, err) < 0) {
        return -1;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* The lock first, then the status. */
static int api_upload_begin(struct kn_request *req, const struct kn_image *image, int64_t length,
                            enum kn_image_blob_kind kind, struct upload **ret, struct kn_error *err)
{
    const bool is_stage = kind == KN_BLOB_STAGE;
    AUTO(upload) struct upload *u = KN_NEW(struct upload);

    if (kn_image_fits(req->db, image->owner, is_stage ? KN_QUOTA_IMAGE_STAGE : KN_QUOTA_IMAGE_SIZE, length, err) < 0) {
        return -1;
    }
    if (kn_image_blob_writer_new(req->conf->image_store_dir, image->id, kind, length, req->conf->image_max_gib * GIB,
                                 &u->writer, err) < 0) {
        return -1;
    }
    if (is_stage && kn_image_blob_is_staged(req->conf->image_store_dir, image->id) &&
        strcmp(image->status, "queued") != 0) {
        return kn_fail(err, KN_CONFLICT, "The image %s has data on staging", image->id);
    }
    if (kn_image_move(req->db, image->id, image->status, is_stage ? KN_IMAGE_STAGE_BEGINS : KN_IMAGE_UPLOAD_BEGINS,
                      err) < 0) {
        return -1;
    }
    u->failure = is_stage ? KN_IMAGE_STAGE_FAILS : KN_IMAGE_UPLOAD_FAILS;
    kn_copy(u->image_id, sizeof(u->image_id), image->id);
    kn_copy(u->disk_format, sizeof(u->disk_format), image->disk_format != NULL ? image->disk_format : "");
    *ret = kn_steal(&u);
    return 0;
}

static int api_upload_upload_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    struct upload *u = NULL;

    if (get_target(req, &rows, &image, err) < 0 || upload_check_formats(&image, err) < 0 ||
        api_upload_begin(req, &image, length, KN_BLOB_UPLOAD, &u, err) < 0) {
        return -1;
    }
    *ret_ctx = u;
    return 0;
}

static int api_upload_upload_chunk(struct kn_request *req, void *ctx, const void *data, size_t len,
                                   struct kn_error *err)
{
    struct upload *u = ctx;

    (void)req;
    return kn_image_blob_write(u->writer, data, len, err);
}

/*
 * Back to queued. The file and its lock go after the row is ours and before anybody reads "queued": who reads it may begin at once, and
 * his "saving" is never taken for ours. What cannot be written now, the sweep repairs.
 */
static void upload_give_up(struct kn_request *req, struct upload *u)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err;

    if (kn_tx_begin(&tx, req->db, &err) == 0 && kn_image_move(req->db, u->image_id, "moving", u->failure, &err) == 0) {
        kn_image_blob_writer_free(kn_steal(&u->writer));
        if (kn_tx_commit(&tx, &err) == 0) {
            return;
        }
    }
    if (err.code != KN_CONFLICT) {
        kn_log_error("image left without its writer until the next sweep", &err);
    }
}

/* The transaction that makes the data the image's. */
static int upload_commit(struct kn_request *req, struct upload *u, const struct kn_image_inspection *found,
                         struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    const struct kn_image_data data = {
        .sha512 = kn_image_blob_sha512(u->writer),
        .md5 = kn_image_blob_md5(u->writer),
        .size = kn_image_blob_size(u->writer),
        .virtual_size = found->virtual_size,
    };

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_image_blob_lock(req->db, data.sha512, err) < 0 ||
        kn_image_activate(req->db, u->image_id, KN_IMAGE_UPLOAD_ENDS, &data, err) < 0 ||
        kn_image_blob_keep(u->writer, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

static int upload_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    AUTO(upload) struct upload *u = ctx;
    struct kn_image_inspection found;

    (void)res;
    if (kn_image_blob_seal(u->writer, err) < 0 ||
        kn_image_blob_inspect(u->writer, u->disk_format, req->conf->image_max_gib * GIB, &found, err) < 0 ||
        upload_commit(req, u, &found, err) < 0) {
        upload_give_up(req, u);
        return -1;
    }
    kn_log(KN_INFO, "image data stored", "image", u->image_id, "sha512", kn_image_blob_sha512(u->writer), NULL);
    return 0;
}

static void upload_abandon(struct kn_request *req, void *ctx)
{
    AUTO(upload) struct upload *u = ctx;

    upload_give_up(req, u);
}

/* --- staging ---------------------------------------------------------------------------------------------------------- */

static int stage_begin(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;
    struct upload *u = NULL;

    if (get_target(req, &rows, &image, err) < 0 || api_upload_begin(req, &image, length, KN_BLOB_STAGE, &u, err) < 0) {
        return -1;
    }
    *ret_ctx = u;
    return 0;
}

/* What is staged is neither inspected nor digested before its import. */
static int stage_end(struct kn_request *req, void *ctx, struct kn_response *res, struct kn_error *err)
{
    AUTO(upload) struct upload *u = ctx;

    (void)res;
    if (kn_image_staged(req->db, u->image_id, kn_image_blob_size(u->writer), err) < 0 ||
        kn_image_blob_stage(u->writer, err) < 0) {
        upload_give_up(req, u);
        return -1;
    }
    return 0;
}

const struct kn_upload kn_image_stage = { stage_begin, api_upload_upload_chunk, stage_end, upload_abandon };
const struct kn_upload kn_image_upload = { api_upload_upload_begin, api_upload_upload_chunk, upload_end,
                                           upload_abandon };
