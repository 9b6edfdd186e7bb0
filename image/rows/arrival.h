/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrival: data that comes for an image, whoever brings it: its owner through the API, or a host through the data door. The order of things: the writer's lock
 * on <id>.part first, then the status; data; then, sealed and inspected, one transaction under the blob's lock that writes the blob's row, makes the image active
 * and renames the file. Whoever finds "saving" and gets the lock knows that the writer died (image/serve/sweep.c, or the next upload of the same image). So at no time is
 * an image active without its verified data, nor does a dead upload block the next.
 */
#ifndef KN_IMAGE_ROWS_ARRIVAL_H
#define KN_IMAGE_ROWS_ARRIVAL_H

#include "image/data/blob.h"
#include "image/rows/image.h"
#include "lib/adapter/conf.h"
#include "lib/base/uuid.h"

struct kn_image_arrival {
    char image_id[KN_UUID_SIZE];
    char disk_format[16];
    enum kn_image_event failure;
    struct kn_image_blob_writer *writer;
    /* What else has to be true when the image becomes active, asked and written in that transaction before anything else; NULL: nothing. */
    int (*condition)(struct kn_db *db, const void *ctx, struct kn_error *err);
    const void *condition_ctx;
};

void kn_image_arrival_free(struct kn_image_arrival *arrival);
KN_DEFINE_AUTO(kn_image_arrival);

/*
 * The lock first, then the status. image: id, owner, status and disk_format are read; length: announced, -1 = unknown. kind: KN_BLOB_UPLOAD, or KN_BLOB_STAGE for
 * data that waits for its import.
 */
int kn_image_arrival_begin(struct kn_db *db, const struct kn_conf *conf, const struct kn_image *image, int64_t length,
                           enum kn_image_blob_kind kind, struct kn_image_arrival **ret, struct kn_error *err);
/*
 * Back to queued. The file and its lock go after the row is ours and before anybody reads "queued": who reads it may begin at once, and
 * his "saving" is never taken for ours. What cannot be written now, the sweep repairs.
 */
void kn_image_arrival_give_up(struct kn_db *db, struct kn_image_arrival *arrival);
/*
 * All of it came: sealed, inspected as what it is said to be, and the image's in one transaction. format: what the image's disk_format becomes, NULL: it stays.
 * sha512: what it must be, NULL: whatever it is. After -1 it is to be given up.
 */
int kn_image_arrival_end(struct kn_db *db, const struct kn_conf *conf, struct kn_image_arrival *arrival,
                         const char *format, const char *sha512, struct kn_error *err);

#endif
