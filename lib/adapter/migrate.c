/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table schema_migration and the order in which migrations run. Every step locks, looks and applies ONE migration in one
 * transaction: so a connection lost in between, or a second machine that does the same, only means to look again. It must never
 * touch a database that disagrees with this binary about what was applied.
 */
#include "lib/adapter/migrate.h"

#include <string.h>

#define SELECT_APPLIED \
    "SELECT number, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') " \
    "FROM schema_migration ORDER BY number"
enum { APPLIED_NUMBER, APPLIED_NAME, APPLIED_CHECKSUM, APPLIED_AT };

static const struct kn_stmt LOCK = { "migrate_lock", "SELECT pg_advisory_xact_lock(7305216409)", 0 };
static const struct kn_stmt EXISTS = { "migrate_exists", "SELECT to_regclass('schema_migration') IS NOT NULL", 0 };
static const struct kn_stmt APPLIED = { "migrate_applied", SELECT_APPLIED, 0 };
static const struct kn_stmt RECORD = {
    "migrate_record",
    "INSERT INTO schema_migration (number, name, checksum) VALUES ($1, $2, $3)",
    3,
};
/* clang-format off */
static const char CREATE_TABLE[] =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "  number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
    "  applied_at timestamptz NOT NULL DEFAULT now())";
/* clang-format on */

/* What was applied must be the beginning of our list, unchanged. */
static int migrate_compare(const struct kn_rows *rows, const struct kn_migration *list, int count, struct kn_error *err)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        int64_t number = kn_rows_int(rows, row, APPLIED_NUMBER);
        const char *name = kn_rows_text(rows, row, APPLIED_NAME);
        if (count == 0 || number > list[count - 1].number) {
            kn_fail(err, KN_CONFLICT, "the database has migration \"%s\", which this program does not know", name);
            return kn_fail_hint(err, "it was migrated by a newer Kilonova: run that one");
        }
        if (row >= count || number != list[row].number) {
            return kn_fail(err, KN_CONFLICT, "the database has migration \"%s\" where this program expects \"%s\"",
                           name, row < count ? list[row].name : "none");
        }
        if (strcmp(kn_rows_text(rows, row, APPLIED_CHECKSUM), list[row].checksum) != 0) {
            return kn_fail(err, KN_CONFLICT, "migration \"%s\" was changed after it was applied", name);
        }
    }
    return 0;
}

/* *ret_rows stays NULL when the table is not there: nothing was ever applied. */
static int read_applied(struct kn_db *db, const struct kn_migration *list, int count, struct kn_rows **ret_rows,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *exists = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    if (kn_db_run(db, &EXISTS, KN_NO_ARGS, &exists, err) < 0) {
        return -1;
    }
    if (!kn_rows_bool(exists, 0, KN_ONLY)) {
        return 0;
    }
    if (kn_db_run(db, &APPLIED, KN_NO_ARGS, &rows, err) < 0 || migrate_compare(rows, list, count, err) < 0) {
        return -1;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

static int count_applied(const struct kn_rows *rows)
{
    return rows != NULL ? kn_rows_count(rows) : 0;
}

static int migrate_apply(struct kn_db *db, const struct kn_migration *m, struct kn_error *err)
{
    struct kn_arg number;
    if (kn_db_script(db, m->sql, err) < 0 ||
        kn_db_run(db, &RECORD, KN_ARGS(kn_arg_int(&number, m->number), m->name, m->checksum), NULL, err) < 0) {
        return kn_fail_context(err, "migration \"%s\"", m->name);
    }
    return 0;
}

/* Applies the next one that is missing; *ret_applied is NULL when there was none. */
static int apply_next(struct kn_db *db, const struct kn_migration *list, int count,
                      const struct kn_migration **ret_applied, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    if (kn_tx_begin(&tx, db, err) < 0 || kn_db_run(db, &LOCK, KN_NO_ARGS, NULL, err) < 0 ||
        kn_db_script(db, CREATE_TABLE, err) < 0 || read_applied(db, list, count, &rows, err) < 0) {
        return -1;
    }
    int done = count_applied(rows);
    const struct kn_migration *next = done < count ? &list[done] : NULL;
    if (next != NULL && migrate_apply(db, next, err) < 0) {
        return -1;
    }
    if (kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    *ret_applied = next;
    return 0;
}

int kn_migrate(struct kn_db *db, const struct kn_migration *list, int count, FILE *out, struct kn_error *err)
{
    const struct kn_migration *applied = NULL;
    do {
        if (apply_next(db, list, count, &applied, err) < 0) {
            return -1;
        }
        if (applied != NULL && out != NULL) {
            fprintf(out, "applied %s\n", applied->name);
        }
    } while (applied != NULL);
    return 0;
}

int kn_migrate_status(struct kn_db *db, const struct kn_migration *list, int count, FILE *out, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    if (read_applied(db, list, count, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        bool done = i < count_applied(rows);
        fprintf(out, "%-28s %s\n", list[i].name, done ? kn_rows_text(rows, i, APPLIED_AT) : "pending");
    }
    return 0;
}

int kn_migrate_check(struct kn_db *db, const struct kn_migration *list, int count, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    if (read_applied(db, list, count, &rows, err) < 0) {
        return -1;
    }
    int done = count_applied(rows);
    if (done == count) {
        return 0;
    }
    kn_fail(err, KN_UNAVAILABLE, "the database lacks migration \"%s\"", list[done].name);
    return kn_fail_hint(err, "run: kilonova db migrate");
}
