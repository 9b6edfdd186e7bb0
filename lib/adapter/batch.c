/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many rows in one statement: builds the two twins of a batch statement and collects the rows as array literals. It knows no table and no
 * transaction; db.c runs what it builds.
 */
#include "lib/adapter/batch.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/mem.h"

static pthread_mutex_t building = PTHREAD_MUTEX_INITIALIZER;

static int columns_of(const struct kn_batch_stmt *stmt)
{
    int n = 0;

    while (n < KN_BATCH_COLUMNS && stmt->columns[n].name != NULL) {
        n++;
    }
    return n;
}

static void add_source(struct kn_strbuf *sql, const struct kn_batch_stmt *stmt, bool many)
{
    kn_strbuf_addstr(sql, many ? "unnest(" : "(SELECT ");
    for (int i = 0; i < columns_of(stmt); i++) {
        kn_strbuf_addf(sql, "%s$%d::%s%s", i == 0 ? "" : ", ", i + 1, stmt->columns[i].type, many ? "[]" : "");
        if (!many) {
            kn_strbuf_addf(sql, " AS %s", stmt->columns[i].name);
        }
    }
    kn_strbuf_addstr(sql, many ? ") AS u(" : ") u");
    for (int i = 0; many && i < columns_of(stmt); i++) {
        kn_strbuf_addf(sql, "%s%s", i == 0 ? "" : ", ", stmt->columns[i].name);
    }
    kn_strbuf_addstr(sql, many ? ")" : "");
}

static void build_twin(const struct kn_batch_stmt *stmt, bool many, struct kn_stmt *ret)
{
    const char *at = strchr(stmt->sql, '@');
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sql = KN_STRBUF_INIT;

    kn_strbuf_add(&sql, stmt->sql, (size_t)(at - stmt->sql));
    add_source(&sql, stmt, many);
    kn_strbuf_addstr(&sql, at + 1);
    ret->name = kn_asprintf("%s_%s", stmt->name, many ? "many" : "one");
    ret->sql = kn_strbuf_detach(&sql);
    ret->params = columns_of(stmt);
}

static void batch_build(struct kn_batch_stmt *stmt)
{
    pthread_mutex_lock(&building);
    if (!stmt->built) {
        build_twin(stmt, false, &stmt->one);
        build_twin(stmt, true, &stmt->many);
        stmt->built = true;
    }
    pthread_mutex_unlock(&building);
}

void kn_batch_init(struct kn_batch *batch, struct kn_batch_stmt *stmt)
{
    batch_build(stmt);
    *batch = (struct kn_batch){ .stmt = stmt };
    for (int i = 0; i < KN_BATCH_COLUMNS; i++) {
        batch->arrays[i] = (struct kn_array)KN_ARRAY_INIT;
    }
}

void kn_batch_release(struct kn_batch *batch)
{
    for (int i = 0; i < KN_BATCH_COLUMNS; i++) {
        kn_array_release(&batch->arrays[i]);
        free(batch->first[i]);
    }
}

void kn_batch_add(struct kn_batch *batch, const char *value)
{
    if (batch->rows == 0) {
        batch->first[batch->column] = kn_strdup(value);
    }
    kn_array_add(&batch->arrays[batch->column], value);
    batch->column++;
    if (batch->column == batch->stmt->one.params) {
        batch->column = 0;
        batch->rows++;
    }
}

void kn_batch_addint(struct kn_batch *batch, int64_t value)
{
    struct kn_arg arg;

    kn_batch_add(batch, kn_arg_int(&arg, value));
}

void kn_batch_addbool(struct kn_batch *batch, bool value)
{
    kn_batch_add(batch, value ? "t" : "f");
}

int kn_batch_run(struct kn_batch *batch, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *args[KN_BATCH_COLUMNS];

    if (batch->rows == 0) {
        return 0;
    }
    for (int i = 0; i < batch->stmt->one.params; i++) {
        args[i] = batch->rows == 1 ? batch->first[i] : kn_array_value(&batch->arrays[i]);
    }
    return kn_db_run(db, batch->rows == 1 ? &batch->stmt->one : &batch->stmt->many, args, ret_rows, err);
}
