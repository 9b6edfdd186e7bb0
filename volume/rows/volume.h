/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume: the rows of volumes and the rules that every access obeys. The API writes wishes: creating, deleting, attaching,
 * detaching; the conductor writes what came of them. The SQL of the table `volume` on the API's side lives in volume.c, volume_write.c,
 * noun.c and attach.c.
 */
#ifndef KN_VOLUME_ROWS_VOLUME_H
#define KN_VOLUME_ROWS_VOLUME_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"

#define KN_VOLUME_ZONE "nova"

/* SQL: is it just read for a backup? What was copied by its host is its server's again. volume: its id, as SQL. */
#define KN_VOLUME_IS_BACKED_UP(volume) \
    "EXISTS (SELECT FROM volume_backup b WHERE b.volume_id = " volume \
    " AND b.snapshot_id IS NULL AND b.status = 'creating' " \
    "AND b.copy IS DISTINCT FROM 'made' AND b.location IS NULL)"

/* Cinder's statuses of volumes (cinder/objects/fields.py, VolumeStatus.ALL): what an administrator may reset one to, as far as it is possible. Ended by NULL. */
extern const char *const kn_volume_statuses[];

/* One row. The pointers live as long as the rows they came from. */
struct kn_volume {
    const char *id;
    const char *project_id;
    const char *user_id;
    const char *name; /* NULL = none */
    const char *description; /* NULL = none */
    int64_t size_gib;
    const char *status;
    const char *zone;
    bool is_bootable;
    bool is_shared; /* multiattach: it may have an attachment for each of several servers */
    const char *metadata; /* JSON object */
    const char *type_id;
    const char *image; /* what is known of the image in it, JSON object; NULL = nothing */
    int64_t extends_from_gib; /* what it was until it has grown to size_gib; 0 = it has */
    const char *group_id; /* whose member it is; NULL = none's */
    const char *key_id; /* names its key; NULL = it is not encrypted */
};

/* Whether a backup reads its disk, which clients see as `backing-up`: asked under the lock of its row, which whoever backs it up held, too. */
int kn_volume_is_read(struct kn_db *db, const char *id, bool *ret_is_read, struct kn_error *err);

/* A volume of the caller's project, any for an admin; KN_NOT_FOUND otherwise. update: locked until the transaction ends. */
int kn_volume_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                  struct kn_rows **ret_rows, struct kn_volume *ret, struct kn_error *err);

/* --- writing: inside a transaction where more than one statement is due ---------------------------------------------- */

/* Another image is in it from now on: what is known of that, JSON. */
int kn_volume_know_image(struct kn_db *db, const char *id, const char *image, struct kn_error *err);
int kn_volume_set_bootable(struct kn_db *db, const char *id, bool bootable, struct kn_error *err);
/* An admin's word, whatever the status was. */
int kn_volume_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err);

/* Every wish that changes a status; the table is in volume_write.c. */
enum kn_volume_event {
    KN_VOLUME_ATTACH,
    KN_VOLUME_RESERVE, /* an attachment that a client makes */
    KN_VOLUME_SHARE, /* a shared one's attachment */
    KN_VOLUME_DETACH,
    KN_VOLUME_DELETE,
    KN_VOLUME_FORCE_DELETE,
    KN_VOLUME_UNMANAGE, /* its row goes, its disk stays */
    KN_VOLUME_DELETE_GROUPED, /* with its group */
    KN_VOLUME_EXTEND,
    KN_VOLUME_EXTEND_HELD, /* with the server that has it (holder.h) */
    KN_VOLUME_UPLOAD,
    KN_VOLUME_REVERT,
    KN_VOLUME_REIMAGE,
    KN_VOLUME_REBUILD, /* the same with the server that boots from it, which is off meanwhile */
    KN_VOLUME_COPY_HELD, /* a snapshot, with the server that has it (holder.h) */
    KN_VOLUME_RESTORE,
    KN_VOLUME_COPY, /* a snapshot or a clone is made of it: it stays what it is */
    KN_VOLUME_RETYPE,
    KN_VOLUME_TRANSFER,
    KN_VOLUME_EVENT_COUNT
};
/* May a volume of this status be wished so? Pure. */
bool kn_volume_allows(const char *status, enum kn_volume_event event);
/* KN_BAD_REQUEST, in Cinder's words, when the status does not allow it. */
int kn_volume_move(struct kn_db *db, const struct kn_volume *v, enum kn_volume_event event, struct kn_error *err);
/* After its attachments changed, in the transaction that holds its row: the status is what they say. */
int kn_volume_follow(struct kn_db *db, const char *id, struct kn_error *err);

#endif
