/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image: the rows of images and the rules that every access obeys: who sees one, who may change it, which status follows
 * which. The SQL of the table `image` lives in image.c, image_write.c and noun.c and nowhere else.
 */
#ifndef KN_IMAGE_ROWS_IMAGE_H
#define KN_IMAGE_ROWS_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/data/inspect.h"
#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"

/* One row. The pointers live as long as the rows they came from. */
struct kn_image {
    const char *id;
    const char *owner;
    const char *name;             /* NULL = none; so the formats */
    const char *status;
    const char *visibility;
    const char *disk_format;
    const char *container_format;
    int64_t min_disk_gib;
    int64_t min_ram_mib;
    bool is_protected;
    bool is_hidden;
    bool is_brought;              /* by a task of a server or a volume: nobody else brings its data */
    const char *properties;       /* JSON object */
    const char *tags;             /* JSON array */
    const char *sha512;           /* NULL without data; so the next three */
    const char *md5;
    const char *size;             /* decimal */
    const char *virtual_size;
    const char *created_at;       /* 2026-11-21T10:00:00Z */
    const char *updated_at;
};

/* The one store's name. */
#define KN_IMAGE_STORE "file"

/* The columns and tables that kn_image_at() reads; what is there at all; what a project sees of it. */
#define KN_IMAGE_TIME(column) "to_char(i." column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define KN_IMAGE_COLUMNS \
    "i.id, i.owner, i.name, i.status, i.visibility, i.disk_format, i.container_format, i.min_disk, i.min_ram, " \
    "i.protected, i.os_hidden, i.properties, to_json(i.tags), i.sha512, b.md5, i.size, i.virtual_size, " KN_IMAGE_TIME( \
        "created_at") ", " KN_IMAGE_TIME("updated_at") ", i.brought_by IS NOT NULL"
#define KN_IMAGE_FROM "image i LEFT JOIN blob b USING (sha512)"
#define KN_IMAGE_KEPT "i.deleted_at IS NULL"
#define KN_IMAGE_SEEN(project) \
    "(i.owner = " project " OR i.visibility IN ('public', 'community') OR (i.visibility = 'shared' AND EXISTS " \
    "(SELECT FROM image_member m WHERE m.image_id = i.id AND m.member = " project ")))"

void kn_image_at(const struct kn_rows *rows, int row, struct kn_image *ret);
/* An image that the caller sees; KN_NOT_FOUND otherwise. update: the row is locked until the transaction ends. */
int kn_image_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                 struct kn_rows **ret_rows, struct kn_image *ret, struct kn_error *err);
/* Its owner or an admin; KN_FORBIDDEN otherwise. */
int kn_image_check_owner(const struct kn_image *image, const struct kn_caller *caller, struct kn_error *err);
/* What a draft says that only an admin may say: public images, other owners. before: NULL for a new one. */
int kn_image_check_draft(const json_t *draft, const json_t *before, const struct kn_caller *caller,
                         struct kn_error *err);

/* Every change of status there is; the table in status.c says from where to where. */
enum kn_image_event {
    KN_IMAGE_UPLOAD_BEGINS,   /* by the holder of the writer's lock */
    KN_IMAGE_UPLOAD_FAILS,
    KN_IMAGE_UPLOAD_ENDS,     /* only by kn_image_activate(), as the end of an import */
    KN_IMAGE_STAGE_BEGINS,    /* by the holder of the writer's lock */
    KN_IMAGE_STAGE_FAILS,
    KN_IMAGE_IMPORT_BEGINS,
    KN_IMAGE_IMPORT_FAILS,
    KN_IMAGE_IMPORT_ENDS,
    KN_IMAGE_DEACTIVATE,
    KN_IMAGE_REACTIVATE,
    KN_IMAGE_EVENT_COUNT
};
/* KN_CONFLICT when the image is in none of the statuses that the event starts from; current: for the message. */
int kn_image_move(struct kn_db *db, const char *id, const char *current, enum kn_image_event event,
                  struct kn_error *err);
/*
 * KN_CONFLICT for an image whose data a task of a server or a volume brings, which is whole or goes with that task: no client has anything to say about its data, and the task's own door (image/serve/receive.c)
 * does not ask this.
 */
int kn_image_refuse_brought(const struct kn_image *image, enum kn_image_event event, struct kn_error *err);
/* True when the event changes nothing: the image stands where it leads. */
bool kn_image_stands(const char *status, enum kn_image_event event);

struct kn_image_data {
    const char *sha512;
    const char *md5;
    int64_t size;
    int64_t virtual_size;
    const char *disk_format; /* NULL: as it was; else what the data was converted to */
};
/*
 * Writes the blob's row and makes the image active by KN_IMAGE_UPLOAD_ENDS or KN_IMAGE_IMPORT_ENDS, inside a transaction under
 * kn_image_blob_lock(). KN_GONE: it was deleted meanwhile.
 */
int kn_image_activate(struct kn_db *db, const char *id, enum kn_image_event event, const struct kn_image_data *data,
                      struct kn_error *err);
/* What is staged for it has this size. KN_GONE: it does not want it any more. */
int kn_image_staged(struct kn_db *db, const char *id, int64_t size, struct kn_error *err);
/* Marks it deleted and lets go of its data. KN_NOT_FOUND if it is gone already. */
int kn_image_delete(struct kn_db *db, const char *id, struct kn_error *err);

/*
 * As image.rotate says it (its body): what is too much of a server's backups of a type goes, oldest first; of the owner of the newest, and none that is protected.
 * *ret_rows: those that went.
 */
/* An image that was made for the server alone: deleted, and *ret_rows as of kn_image_rotate(). One that is gone or another's: no rows. */
int kn_image_discard(struct kn_db *db, const char *id, const char *server, struct kn_rows **ret_rows,
                     struct kn_error *err);
enum kn_image_rotated_col { KN_ROTATED_ID, KN_ROTATED_SHA512 };
int kn_image_rotate(struct kn_db *db, const json_t *body, struct kn_rows **ret_rows, struct kn_error *err);
/*
 * As image.compose says it: active, with data of no byte, once all snapshots that it is are there; from then on they are for themselves. KN_CONFLICT: one is missing; KN_NOT_FOUND: it is gone, or
 * another server's.
 */
int kn_image_compose(struct kn_db *db, const struct kn_conf *conf, const json_t *body, struct kn_error *err);
/* Images whose server's task is over, and brought nothing: nobody will. */
int kn_image_drop_unbrought(struct kn_db *db, int *ret_count, struct kn_error *err);

#endif
