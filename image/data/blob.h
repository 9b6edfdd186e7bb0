/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob: the content-addressed store, a directory that every API and kilonova-image see (image.store_dir).
 *
 *   <sha512>         data, whole and verified, mode 0444; never written again
 *   <image id>.part  data on its way in, locked (F_OFD_SETLK) by its writer for as long as that lives
 *   <image id>.staged     data that waits for its import; belongs to an image that is uploading or importing
 *   <image id>.converted  what an import makes of it, locked like a .part
 *
 * A .part whose lock can be taken has no writer any more: whoever takes it may start over or drop it. So a killed writer
 * leaves nothing that needs a clean shutdown. A file gets its final name inside the transaction that writes its row in
 * `blob`, under kn_image_blob_lock(); it is dropped under the same lock. Hence: a row has a file, except between the
 * unlink of a drop that then failed and the next attempt, when no image refers to it.
 */
#ifndef KN_IMAGE_DATA_BLOB_H
#define KN_IMAGE_DATA_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/data/inspect.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_image_blob_writer;

/* The files of data that is not whole yet; see above. */
enum kn_image_blob_kind {
    KN_BLOB_UPLOAD,    /* .part, digested while it comes */
    KN_BLOB_STAGE,     /* .part, to be staged */
    KN_BLOB_STAGED,    /* .staged: there already, written by kn_image_blob_stage() */
    KN_BLOB_CONVERTED, /* .converted: another program writes it, then it is adopted */
    KN_BLOB_KIND_COUNT
};

/*
 * Begins to write an image's data from nothing, whatever a dead writer left. length: announced, -1 = unknown; limit: the most
 * that is taken. KN_CONFLICT: somebody else writes this image now. KN_TOO_LARGE: announced more than the limit or than there is room.
 */
int kn_image_blob_writer_new(const char *dir, const char *image_id, enum kn_image_blob_kind kind, int64_t length,
                             int64_t limit, struct kn_image_blob_writer **ret, struct kn_error *err);
/* The same without a length. KN_NOT_FOUND: KN_BLOB_STAGED, and nothing is staged. */
int kn_image_blob_open(const char *dir, const char *image_id, enum kn_image_blob_kind kind, int64_t limit,
                       struct kn_image_blob_writer **ret, struct kn_error *err);
/* KN_TOO_LARGE: above the limit, or the disk is full. */
int kn_image_blob_write(struct kn_image_blob_writer *w, const void *data, size_t len, struct kn_error *err);
typedef int kn_image_blob_progress(void *ctx, int64_t done, int64_t size, struct kn_error *err);
/* Takes the file as it is for what was written: digests it. progress is called every MiB; its -1 ends it. */
int kn_image_blob_adopt(struct kn_image_blob_writer *w, kn_image_blob_progress *progress, void *ctx,
                        struct kn_error *err);
/* No more data: digests are known from here on, and the bytes are on the disk. */
int kn_image_blob_seal(struct kn_image_blob_writer *w, struct kn_error *err);
/* Reads the header of what is written so far. */
int kn_image_blob_inspect(const struct kn_image_blob_writer *w, const char *disk_format, int64_t max_virtual,
                          struct kn_image_inspection *ret, struct kn_error *err);
const char *kn_image_blob_sha512(const struct kn_image_blob_writer *w);
const char *kn_image_blob_md5(const struct kn_image_blob_writer *w);
int64_t kn_image_blob_size(const struct kn_image_blob_writer *w);
/*
 * Gives the sealed data its name, durably, over a file that may be there with the same content. Inside the transaction that
 * holds kn_image_blob_lock() and inserts the row.
 */
int kn_image_blob_keep(struct kn_image_blob_writer *w, struct kn_error *err);
/* Makes the data that was written the image's staged data, durably. */
int kn_image_blob_stage(struct kn_image_blob_writer *w, struct kn_error *err);
bool kn_image_blob_is_staged(const char *dir, const char *image_id);
/* Drops what is staged for an image that is gone. */
void kn_image_blob_unstage(const char *dir, const char *image_id);
/* The file will stay when the writer goes: somebody takes it up later. */
void kn_image_blob_leave(struct kn_image_blob_writer *w);
const char *kn_image_blob_path(const struct kn_image_blob_writer *w);
/* Drops what was not kept. */
void kn_image_blob_writer_free(struct kn_image_blob_writer *w);
KN_DEFINE_AUTO(kn_image_blob_writer);

/* Until the end of the transaction nobody else adds or drops data with this digest. */
int kn_image_blob_lock(struct kn_db *db, const char *sha512, struct kn_error *err);
/* An open file of stored data, or -1. */
int kn_image_blob_read(const char *dir, const char *sha512, int *ret_fd, int64_t *ret_size, struct kn_error *err);
/* Removes the file; one that is not there is no error. */
int kn_image_blob_unlink(const char *dir, const char *sha512, struct kn_error *err);
bool kn_image_sha512_valid(const char *text); /* 128 lower-case hex digits */

#endif
