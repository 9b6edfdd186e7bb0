/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: one statement for many rows, and its twin for one.
 *
 * PostgreSQL writes 100 rows of one statement 20 times cheaper than 100 statements, but plans an unnest of one row badly. So a batch
 * statement is written once, with @ where its rows come from, and becomes two prepared ones:
 *
 *   static struct kn_batch_stmt TOUCH = { "touch", "UPDATE t SET a = u.a FROM @ WHERE t.id = u.id RETURNING t.id",
 *                                         { { "id", "bigint" }, { "a", "text" } } };
 *     n = 1:  … FROM (SELECT $1::bigint AS id, $2::text AS a) u …
 *     n > 1:  … FROM unnest($1::bigint[], $2::text[]) AS u(id, a) …
 *
 * A condition that a partial index has as well (deleted_at IS NULL, state IN ('run', 'undo')) does not belong beside such a join: a
 * planner without statistics takes that index to hold next to nothing, and walks all of it with every row in its hand.
 */
#ifndef KN_ADAPTER_BATCH_H
#define KN_ADAPTER_BATCH_H

#include "lib/adapter/db.h"

#define KN_BATCH_COLUMNS 28

struct kn_batch_column {
    const char *name;
    const char *type;
};

/* name, sql and columns are given; the rest is built on first use, under a lock, and lives for ever. */
struct kn_batch_stmt {
    const char *name;
    const char *sql;
    struct kn_batch_column columns[KN_BATCH_COLUMNS]; /* ended by name == NULL, or full */
    struct kn_stmt one;
    struct kn_stmt many;
    bool built;
};

struct kn_batch {
    struct kn_batch_stmt *stmt;
    struct kn_array arrays[KN_BATCH_COLUMNS];
    char *first[KN_BATCH_COLUMNS]; /* the first row's values, for the twin */
    int column;                    /* next to be added */
    int rows;
};

void kn_batch_init(struct kn_batch *batch, struct kn_batch_stmt *stmt);
void kn_batch_release(struct kn_batch *batch);
/* Values of a row, column by column; the last column's value completes the row. */
void kn_batch_add(struct kn_batch *batch, const char *value); /* NULL: SQL NULL */
void kn_batch_addint(struct kn_batch *batch, int64_t value);
void kn_batch_addbool(struct kn_batch *batch, bool value);
/* Runs it; nothing for no rows (then *ret_rows stays untouched). */
int kn_batch_run(struct kn_batch *batch, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err);

#endif
