/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeping the store. It relies on two locks and on nothing else, not on time: a .part's lock says whether its writer lives, a
 * blob's lock orders dropping against uploading (blob.h). So it may run at any time, against any number of APIs.
 */
#include "image/serve/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "image/data/blob.h"
#include "image/rows/image.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

/*
 * Takes the dead writer's place and leaves; file and lock are gone before "queued" is to be read. 0: somebody lives there, or its work is
 * done; 1: done.
 */
static int bury(struct kn_db *db, const char *dir, const char *id, const char *status, struct kn_error *err)
{
    const bool is_stage = strcmp(status, "uploading") == 0;
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *w = NULL;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_image_blob_open(dir, id, KN_BLOB_UPLOAD, 0, &w, err) < 0) {
        return err->code == KN_CONFLICT ? 0 : -1;
    }
    if (is_stage && kn_image_blob_is_staged(dir, id)) {
        return 0; /* waits for its import */
    }
    if (kn_tx_begin(&tx, db, err) < 0) {
        return -1;
    }
    if (kn_image_move(db, id, status, is_stage ? KN_IMAGE_STAGE_FAILS : KN_IMAGE_UPLOAD_FAILS, err) < 0) {
        return err->code == KN_CONFLICT ? 0 : -1; /* it was just done with */
    }
    kn_image_blob_writer_free(kn_steal(&w));
    return kn_tx_commit(&tx, err) < 0 ? -1 : 1;
}

int kn_image_sweep_saving(struct kn_db *db, const char *dir, int *ret_count, struct kn_error *err)
{
    static const struct kn_stmt SAVING = {
        "image_saving", "SELECT id, status FROM image WHERE status IN ('saving', 'uploading') AND deleted_at IS NULL", 0
    };
    enum { ID, STATUS };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int count = 0;

    if (kn_db_run(db, &SAVING, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *id = kn_rows_text(rows, i, ID);
        const char *status = kn_rows_text(rows, i, STATUS);
        const bool waits = strcmp(status, "uploading") == 0 && kn_image_blob_is_staged(dir, id);
        const int buried = waits ? 0 : bury(db, dir, id, status, err);

        if (buried < 0) {
            return -1;
        }
        count += buried;
    }
    *ret_count = count;
    return 0;
}

int kn_image_drop(struct kn_db *db, const char *dir, const char *sha512, bool *ret_dropped, struct kn_error *err)
{
    static const struct kn_stmt USED = { "blob_used", "SELECT EXISTS (SELECT FROM image WHERE sha512 = $1)", 1 };
    enum { IS_USED };
    static const struct kn_stmt DELETE = { "blob_delete", "DELETE FROM blob WHERE sha512 = $1", 1 };
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_tx_begin(&tx, db, err) < 0 || kn_image_blob_lock(db, sha512, err) < 0 ||
        kn_db_run(db, &USED, KN_ARGS(sha512), &rows, err) < 0) {
        return -1;
    }
    const bool used = kn_rows_bool(rows, 0, IS_USED);
    if (!used &&
        (kn_db_run(db, &DELETE, KN_ARGS(sha512), NULL, err) < 0 || kn_image_blob_unlink(dir, sha512, err) < 0)) {
        return -1;
    }
    if (kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    if (ret_dropped != NULL) {
        *ret_dropped = !used;
    }
    return 0;
}

/* --- the store's directory ------------------------------------------------------------------------------------------ */

/* The image's id, if the file is one of its own with that suffix. */
static bool is_of_image(const char *name, const char *suffix, char id[KN_UUID_SIZE])
{
    kn_copy(id, KN_UUID_SIZE, name);
    return strlen(name) > KN_UUID_SIZE - 1 && strcmp(name + KN_UUID_SIZE - 1, suffix) == 0 && kn_uuid_valid(id);
}

/* A writer that begins now drops what is there as well as this does. */
static int drop_part(const char *dir, const char *id, enum kn_image_blob_kind kind, int *count, struct kn_error *err)
{
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *w = NULL;

    if (kn_image_blob_open(dir, id, kind, 0, &w, err) < 0) {
        return err->code == KN_CONFLICT || err->code == KN_NOT_FOUND ? 0 : -1;
    }
    (*count)++;
    return 0;
}

/* Drops what dead writers left; collects the names of data, and of images that have data staged. */
static int read_store(const char *dir, struct kn_array *blobs, struct kn_array *staged, int *count,
                      struct kn_error *err)
{
    DIR *d = opendir(dir);
    int rc = 0;

    if (d == NULL) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot read the image store \"%s\": %s", dir, strerror(errno));
    }
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        char id[KN_UUID_SIZE];

        if (kn_image_sha512_valid(e->d_name)) {
            kn_array_add(blobs, e->d_name);
        } else if (is_of_image(e->d_name, ".part", id)) {
            rc = drop_part(dir, id, KN_BLOB_UPLOAD, count, err);
        } else if (is_of_image(e->d_name, ".converted", id)) {
            rc = drop_part(dir, id, KN_BLOB_CONVERTED, count, err);
        } else if (is_of_image(e->d_name, ".staged", id)) {
            kn_array_add(staged, id);
        }
    }
    closedir(d);
    return rc;
}

/* Staged data whose image does not wait for it. Looked up after it was seen: what is staged meanwhile is not among it. */
static int drop_staged(struct kn_db *db, const char *dir, struct kn_array *staged, int *count, struct kn_error *err)
{
    static const struct kn_stmt UNWANTED = {
        "image_unwanted_stages",
        "SELECT s FROM unnest($1::uuid[]) s WHERE NOT EXISTS (SELECT FROM image i WHERE i.id = s AND i.deleted_at IS NULL "
        "AND i.status IN ('uploading', 'importing'))",
        1
    };
    enum { IMAGE_ID };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int rc = 0;

    if (staged->count == 0) {
        return 0;
    }
    if (kn_db_run(db, &UNWANTED, KN_ARGS(kn_array_value(staged)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; rc == 0 && i < kn_rows_count(rows); i++) {
        rc = drop_part(dir, kn_rows_text(rows, i, IMAGE_ID), KN_BLOB_STAGED, count, err);
    }
    return rc;
}

int kn_image_sweep_store(struct kn_db *db, const char *dir, int *ret_count, struct kn_error *err)
{
    /* a guess only: kn_image_drop() looks again under the lock */
    static const struct kn_stmt UNUSED = {
        "blob_unused",
        "SELECT sha512 FROM (SELECT unnest($1::text[]) AS sha512 UNION SELECT sha512 FROM blob) s "
        "WHERE NOT EXISTS (SELECT FROM image i WHERE i.sha512 = s.sha512)",
        1
    };
    enum { DIGEST };
    AUTO_RELEASE(kn_array) struct kn_array blobs = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array staged = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int count = 0;

    if (read_store(dir, &blobs, &staged, &count, err) < 0 || drop_staged(db, dir, &staged, &count, err) < 0 ||
        kn_db_run(db, &UNUSED, KN_ARGS(kn_array_value(&blobs)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        bool dropped = false;

        if (kn_image_drop(db, dir, kn_rows_text(rows, i, DIGEST), &dropped, err) < 0) {
            return -1;
        }
        count += dropped;
    }
    *ret_count = count;
    return 0;
}
