/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of a record, made from its table once and kept for ever. It runs nothing: objects.c does. */
#include "conductor/store/record.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

const struct kn_conductor_record *const kn_conductor_records[KN_RECORDS] = {
    &kn_conductor_record_server,         &kn_conductor_record_attachment_unused,
    &kn_conductor_record_attachment,     &kn_conductor_record_server_volumes,
    &kn_conductor_record_growth,         &kn_conductor_record_snapshot,
    &kn_conductor_record_group_snapshot, &kn_conductor_record_server_snapshots,
    &kn_conductor_record_backup_wait,    &kn_conductor_record_backup_copy,
    &kn_conductor_record_backup,         &kn_conductor_record_volume,
    &kn_conductor_record_image,          &kn_conductor_record_port
};

static struct kn_batch_stmt made[KN_RECORDS]; /* main thread */
static struct kn_stmt loads[KN_RECORDS];      /* main thread */

int kn_conductor_record_column_count(const struct kn_conductor_record *record)
{
    int n = 0;

    while (n < KN_RECORD_COLUMNS && record->columns[n].name != NULL) {
        n++;
    }
    return n;
}

int kn_conductor_record_column(const struct kn_conductor_record *record, const char *name)
{
    for (int i = 0; i < kn_conductor_record_column_count(record); i++) {
        if (strcmp(record->columns[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static char *make_sql(const struct kn_conductor_record *record)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;

    kn_strbuf_addf(&sql, "UPDATE %s t SET ", record->table);
    for (int i = 0; i < kn_conductor_record_column_count(record); i++) {
        const struct kn_conductor_column *column = &record->columns[i];

        kn_strbuf_addf(&sql, "%s%s = CASE WHEN (u.mask & %ld) <> 0 THEN ", i == 0 ? "" : ", ", column->name, 1L << i);
        if (column->becomes != NULL) {
            kn_strbuf_addstr(&sql, column->becomes);
        } else {
            kn_strbuf_addf(&sql, "u.%s", column->name);
        }
        kn_strbuf_addf(&sql, " ELSE t.%s END", column->name);
    }
    if (record->always != NULL) {
        kn_strbuf_addf(&sql, ", %s", record->always);
    }
    kn_strbuf_addstr(&sql, " FROM @ WHERE t.id = u.id");
    if (record->guard != NULL) {
        kn_strbuf_addf(&sql, " AND %s", record->guard);
    }
    return kn_strbuf_detach(&sql);
}

static void record_make(const struct kn_conductor_record *record, struct kn_batch_stmt *ret)
{
    ret->name = kn_asprintf("change_%s", record->name != NULL ? record->name : record->table);
    ret->columns[0] = (struct kn_batch_column){ "id", "uuid" };
    ret->columns[1] = (struct kn_batch_column){ "mask", "int" };
    for (int i = 0; i < kn_conductor_record_column_count(record); i++) {
        ret->columns[i + 2] = (struct kn_batch_column){ record->columns[i].name, record->columns[i].type };
    }
    ret->sql = make_sql(record);
}

/* A record that is not among them is a programming error. */
static int place_of_record(const struct kn_conductor_record *record)
{
    int at = 0;

    while (kn_conductor_records[at] != record) {
        at++;
    }
    return at;
}

struct kn_batch_stmt *kn_conductor_record_stmt(const struct kn_conductor_record *record)
{
    struct kn_batch_stmt *stmt = &made[place_of_record(record)];

    if (stmt->sql == NULL) {
        record_make(record, stmt);
    }
    return stmt;
}

static char *make_load(const struct kn_conductor_record *record)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;

    kn_strbuf_addstr(&sql, "SELECT t.id, json_build_object(");
    for (const struct kn_conductor_knowledge *k = record->knows; k->name != NULL; k++) {
        kn_strbuf_addf(&sql, "%s'%s', %s", k == record->knows ? "" : ", ", k->name, k->sql);
    }
    kn_strbuf_addf(&sql, ") FROM %s WHERE t.id = ANY($1::uuid[])", record->from);
    return kn_strbuf_detach(&sql);
}

const struct kn_stmt *kn_conductor_record_load(const struct kn_conductor_record *record)
{
    struct kn_stmt *stmt = &loads[place_of_record(record)];

    if (record->knows != NULL && stmt->sql == NULL) {
        stmt->name = kn_asprintf("load_%s", record->table);
        stmt->params = 1;
        stmt->sql = make_load(record);
    }
    return record->knows == NULL ? NULL : stmt;
}

const struct kn_conductor_knowledge *kn_conductor_record_knows(const struct kn_conductor_record *record,
                                                               const char *name)
{
    for (const struct kn_conductor_knowledge *k = record->knows; k != NULL && k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0) {
            return k;
        }
    }
    return NULL;
}
