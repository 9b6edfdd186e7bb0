/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob: the content-addressed store, a directory that every API and kilonova-image see (image.store_dir).
 *
 *   <sha512>         data, whole and verified, mode 0444; never written again
 *   <image id>.part  data on its way in, locked (F_OFD_SETLK) by its writer for as long as that lives
 *
 * A .part whose lock can be taken has no writer any more: whoever takes it may start over or drop it. So a killed writer
 * leaves nothing that needs a clean shutdown. A file gets its final name inside the transaction that writes its row in
 * `blob`, under kn_blob_lock(); it is dropped under the same lock. Hence: a row has a file, except between the
 * unlink of a drop that then failed and the next attempt, when no image refers to it.
 */
#ifndef KN_IMAGE_BLOB_H
#define KN_IMAGE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/inspect.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_blob_writer;

/*
 * Begins to write an image's data from nothing, whatever a dead writer left. length: announced, -1 = unknown; limit: the most
 * that is taken. KN_CONFLICT: somebody else writes this image now. KN_TOO_LARGE: announced more than the limit or than there is room.
 */
int kn_blob_writer_new(const char *dir, const char *image_id, int64_t length, int64_t limit, struct kn_blob_writer **ret,
                       struct kn_error *err);
/* KN_TOO_LARGE: above the limit, or the disk is full. */
int kn_blob_write(struct kn_blob_writer *w, const void *data, size_t len, struct kn_error *err);
/* No more data: digests are known from here on, and the bytes are on the disk. */
int kn_blob_seal(struct kn_blob_writer *w, struct kn_error *err);
/* Reads the sealed data's header. */
int kn_blob_inspect(const struct kn_blob_writer *w, const char *disk_format, int64_t max_virtual,
                    struct kn_inspection *ret, struct kn_error *err);
const char *kn_blob_sha512(const struct kn_blob_writer *w);
const char *kn_blob_md5(const struct kn_blob_writer *w);
int64_t kn_blob_size(const struct kn_blob_writer *w);
/*
 * Gives the sealed data its name, durably, over a file that may be there with the same content. Inside the transaction that
 * holds kn_blob_lock() and inserts the row.
 */
int kn_blob_keep(struct kn_blob_writer *w, struct kn_error *err);
/* Drops what was not kept. */
void kn_blob_writer_free(struct kn_blob_writer *w);
KN_DEFINE_AUTO(kn_blob_writer);

/* Until the end of the transaction nobody else adds or drops data with this digest. */
int kn_blob_lock(struct kn_db *db, const char *sha512, struct kn_error *err);
/* An open file of stored data, or -1. */
int kn_blob_read(const char *dir, const char *sha512, int *ret_fd, int64_t *ret_size, struct kn_error *err);
/* Removes the file; one that is not there is no error. */
int kn_blob_unlink(const char *dir, const char *sha512, struct kn_error *err);
bool kn_sha512_valid(const char *text); /* 128 lower-case hex digits */

#endif
