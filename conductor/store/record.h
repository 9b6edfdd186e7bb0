/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: what tasks may change of a kind of row, as a table. The statement that writes many changes of a record at once is made from it:
 *
 *   UPDATE server t SET zone = CASE WHEN (u.mask & 4) <> 0 THEN u.zone ELSE t.zone END, …, updated_at = now()
 *   FROM unnest(…) AS u(id, mask, …, zone, …) WHERE t.id = u.id AND t.vm_state <> 'deleted'
 *
 * and so is the one that loads them. So a new column is one line, and a new record a few: its table here, its name in kn_conductor_records. The mask says which columns a change has: NULL is a
 * value like another.
 */
#ifndef KN_CONDUCTOR_STORE_RECORD_H
#define KN_CONDUCTOR_STORE_RECORD_H

#include "lib/adapter/batch.h"
#include "lib/adapter/db.h"

#define KN_RECORD_COLUMNS (KN_BATCH_COLUMNS - 2) /* beside the id and the mask */

struct kn_conductor_becomes;

struct kn_conductor_column {
    const char *name;
    const char *type;    /* of what a change says: PostgreSQL's */
    const char *becomes; /* of t (the row) and u (the change), where it is not simply u's value; NULL: it is */
};

/* What a task knows of its object's row: kn_conductor_known(task, name). */
struct kn_conductor_knowledge {
    const char *name;
    const char *sql; /* of t (the row) and whatever the record is loaded from */
};

struct kn_conductor_record {
    const char *table;
    const char *name; /* of its statements; NULL: the table's */
    const struct kn_conductor_knowledge *knows; /* ended by name == NULL; NULL: nothing is loaded */
    const char *from;                 /* with knows: "server t LEFT JOIN …" */
    const struct kn_stmt *bump; /* voids what was decided for the rows $1::uuid[]; NULL: nothing to void */
    const struct kn_stmt *
        hold; /* locks the rows $1::uuid[] before they are written: a column may say what other rows say then; NULL: none does */
    const char *guard; /* what else holds of t where a change may still be written; NULL: nothing */
    const char *always; /* what every change sets as well; NULL: nothing */
    /* The rows' end, with all that ends with them: usage is given back in the same transaction. Doing it twice is doing it once. NULL: no task ends one. */
    int (*end)(struct kn_db *db, const char *ids, struct kn_error *err);
    const struct kn_conductor_becomes
        *broken; /* so that whoever looks at the object sees that it needs a hand; NULL: its own service writes it */
    struct kn_conductor_column columns[KN_RECORD_COLUMNS]; /* ended by name == NULL, or full */
};

extern const struct kn_conductor_record kn_conductor_record_server;
extern const struct kn_conductor_record kn_conductor_record_attachment;
extern const struct kn_conductor_record kn_conductor_record_attachment_unused; /* ended unless it is attached */
extern const struct kn_conductor_record kn_conductor_record_server_volumes;
extern const struct kn_conductor_record kn_conductor_record_server_snapshots; /* for an image that came to nothing */
extern const struct kn_conductor_record kn_conductor_record_growth; /* of a volume: ended by one that came to nothing */
extern const struct kn_conductor_record kn_conductor_record_snapshot;
extern const struct kn_conductor_record kn_conductor_record_group_snapshot; /* and with it its parts */
extern const struct kn_conductor_record kn_conductor_record_backup_wait; /* of a backup: ended when its copy is there */
extern const struct kn_conductor_record kn_conductor_record_backup_copy; /* of a backup: ended when nobody needs it */
extern const struct kn_conductor_record kn_conductor_record_backup;
extern const struct kn_conductor_record kn_conductor_record_volume;
extern const struct kn_conductor_record kn_conductor_record_image;
extern const struct kn_conductor_record kn_conductor_record_port;

/* All of them, in the order in which they are written: who refers to a row goes before it. */
enum { KN_RECORDS = 14 };
extern const struct kn_conductor_record *const kn_conductor_records[KN_RECORDS];

/* The column's place; -1 if the record declares none of this name. */
int kn_conductor_record_column(const struct kn_conductor_record *record, const char *name);
int kn_conductor_record_column_count(const struct kn_conductor_record *record);
/* Its statement, made at the first call: id, mask and then every column. Of this process's main thread only. */
struct kn_batch_stmt *kn_conductor_record_stmt(const struct kn_conductor_record *record);
enum { KN_LOADED_ID, KN_LOADED_KNOWN };
/* (id, JSON object of what is known) of the rows $1::uuid[]; NULL: nothing is. Made and owned likewise. */
const struct kn_stmt *kn_conductor_record_load(const struct kn_conductor_record *record);
/* NULL: a record's rows are not known by this name. */
const struct kn_conductor_knowledge *kn_conductor_record_knows(const struct kn_conductor_record *record,
                                                               const char *name);

#endif
