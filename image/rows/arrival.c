/* SPDX-License-Identifier: Apache-2.0 */
/* Data that comes, in pieces, with the memory of one piece. The protocol is in arrival.h; who may bring it, its callers have judged. */
#include "image/rows/arrival.h"

#include <string.h>

#include "image/rows/quota.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define GIB (INT64_C(1) << 30)

void kn_image_arrival_free(struct kn_image_arrival *arrival)
{
    if (arrival != NULL) {
        kn_image_blob_writer_free(arrival->writer);
        free(arrival);
    }
}

int kn_image_arrival_begin(struct kn_db *db, const struct kn_conf *conf, const struct kn_image *image, int64_t length,
                           enum kn_image_blob_kind kind, struct kn_image_arrival **ret, struct kn_error *err)
{
    const bool is_stage = kind == KN_BLOB_STAGE;
    AUTO(kn_image_arrival) struct kn_image_arrival *a = KN_NEW(struct kn_image_arrival);

    if (kn_image_fits(db, image->owner, is_stage ? KN_QUOTA_IMAGE_STAGE : KN_QUOTA_IMAGE_SIZE, length, err) < 0) {
        return -1;
    }
    if (kn_image_blob_writer_new(conf->image_store_dir, image->id, kind, length, conf->image_max_gib * GIB, &a->writer,
                                 err) < 0) {
        return -1;
    }
    if (is_stage && kn_image_blob_is_staged(conf->image_store_dir, image->id) && strcmp(image->status, "queued") != 0) {
        return kn_fail(err, KN_CONFLICT, "The image %s has data on staging", image->id);
    }
    if (kn_image_move(db, image->id, image->status, is_stage ? KN_IMAGE_STAGE_BEGINS : KN_IMAGE_UPLOAD_BEGINS, err) <
        0) {
        return -1;
    }
    a->failure = is_stage ? KN_IMAGE_STAGE_FAILS : KN_IMAGE_UPLOAD_FAILS;
    kn_copy(a->image_id, sizeof(a->image_id), image->id);
    kn_copy(a->disk_format, sizeof(a->disk_format), image->disk_format != NULL ? image->disk_format : "");
    *ret = kn_steal(&a);
    return 0;
}

void kn_image_arrival_give_up(struct kn_db *db, struct kn_image_arrival *arrival)
{
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err;

    if (kn_tx_begin(&tx, db, &err) == 0 &&
        kn_image_move(db, arrival->image_id, "moving", arrival->failure, &err) == 0) {
        kn_image_blob_writer_free(kn_steal(&arrival->writer));
        if (kn_tx_commit(&tx, &err) == 0) {
            return;
        }
    }
    if (err.code != KN_CONFLICT) {
        kn_log_error("image left without its writer until the next sweep", &err);
    }
}

/* The transaction that makes the data the image's. */
static int arrival_commit(struct kn_db *db, struct kn_image_arrival *a, const char *format,
                          const struct kn_image_inspection *found, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    const struct kn_image_data data = {
        .sha512 = kn_image_blob_sha512(a->writer),
        .md5 = kn_image_blob_md5(a->writer),
        .size = kn_image_blob_size(a->writer),
        .virtual_size = found->virtual_size,
        .disk_format = format,
    };

    if (kn_tx_begin(&tx, db, err) < 0 || (a->condition != NULL && a->condition(db, a->condition_ctx, err) < 0) ||
        kn_image_blob_lock(db, data.sha512, err) < 0 ||
        kn_image_activate(db, a->image_id, KN_IMAGE_UPLOAD_ENDS, &data, err) < 0 ||
        kn_image_blob_keep(a->writer, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

int kn_image_arrival_end(struct kn_db *db, const struct kn_conf *conf, struct kn_image_arrival *arrival,
                         const char *format, const char *sha512, struct kn_error *err)
{
    struct kn_image_inspection found;

    if (kn_image_blob_seal(arrival->writer, err) < 0) {
        return -1;
    }
    if (sha512 != NULL && strcmp(sha512, kn_image_blob_sha512(arrival->writer)) != 0) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "what came is not what was sent: its sha512 is %.16s…, not %.16s…",
                       kn_image_blob_sha512(arrival->writer), sha512);
    }
    if (kn_image_blob_inspect(arrival->writer, format != NULL ? format : arrival->disk_format,
                              conf->image_max_gib * GIB, &found, err) < 0 ||
        arrival_commit(db, arrival, format, &found, err) < 0) {
        return -1;
    }
    kn_log(KN_INFO, "image data stored", "image", arrival->image_id, "sha512", kn_image_blob_sha512(arrival->writer),
           NULL);
    return 0;
}
