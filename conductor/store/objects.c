/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and writes any record from its table; what is special about one stands in its object_*.c. Here also: the records that have nothing
 * special about them.
 */
#include "conductor/store/objects.h"

#include "lib/base/hmap.h"

/* kilonova-image writes what becomes of an image itself: it alone knows when the data is whole. */
const struct kn_conductor_record kn_conductor_record_image = {
    .table = "image",
    .guard = "t.status <> 'deleted'",
    .always = "updated_at = now()",
    .columns = { { "status", "text", NULL } },
};

/* Where a port is bound is kilonova-network's to write (port_binding); a task may say whom it serves. */
const struct kn_conductor_record kn_conductor_record_port = {
    .table = "port",
    .always = "updated_at = now()",
    .columns = { { "device_owner", "text", NULL } },
};

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static json_t *objects_parse_object(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);

    return object == NULL ? json_object() : object;
}

static int objects_load(struct kn_db *db, const struct kn_conductor_record *record,
                        struct kn_conductor_task *const *tasks, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_hmap) struct kn_hmap *row_of = kn_hmap_new(NULL);

    for (int i = 0; i < count; i++) {
        if (tasks[i]->flow->object == record) {
            kn_array_add(&ids, tasks[i]->object_id);
        }
    }
    if (ids.count == 0 || record->knows == NULL) {
        return 0;
    }
    if (kn_db_run(db, kn_conductor_record_load(record), KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_hmap_put(row_of, kn_rows_text(rows, i, KN_LOADED_ID), (void *)(uintptr_t)(i + 1));
    }
    for (int i = 0; i < count; i++) {
        uintptr_t row = (uintptr_t)kn_hmap_get(row_of, tasks[i]->object_id);

        if (tasks[i]->flow->object == record && row != 0) {
            json_decref(tasks[i]->object);
            tasks[i]->object = objects_parse_object(kn_rows_text(rows, (int)row - 1, KN_LOADED_KNOWN));
        }
    }
    return 0;
}

int kn_conductor_objects_load(struct kn_db *db, struct kn_conductor_task *const *tasks, int count, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        json_decref(tasks[i]->object);
        tasks[i]->object = json_object();
    }
    for (int i = 0; i < KN_RECORDS; i++) {
        if (objects_load(db, kn_conductor_records[i], tasks, count, err) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < count; i++) {
        kn_conductor_task_settle(tasks[i]);
    }
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

/* The changes of one record on their way: those of rows that stay, and the ids of rows that go. */
struct pending {
    const struct kn_conductor_record *record;
    struct kn_batch batch;
    struct kn_hmap *batched; /* ids: one statement writes a row once */
    struct kn_array held; /* the same */
    struct kn_array ending;
};

static int objects_run(struct pending *pending, struct kn_db *db, struct kn_error *err)
{
    const struct kn_stmt *hold = pending->record->hold;

    if (hold != NULL && pending->batch.rows > 0 &&
        kn_db_run(db, hold, KN_ARGS(kn_array_value(&pending->held)), NULL, err) < 0) {
        return -1;
    }
    return kn_batch_run(&pending->batch, db, NULL, err);
}

static int objects_flush(struct pending *pending, struct kn_db *db, struct kn_error *err)
{
    int rc = objects_run(pending, db, err);

    kn_array_clear(&pending->held);
    kn_batch_release(&pending->batch);
    kn_batch_init(&pending->batch, pending->batch.stmt);
    kn_hmap_free(pending->batched);
    pending->batched = kn_hmap_new(NULL);
    return rc;
}

static int objects_add_row(struct pending *pending, struct kn_db *db, const struct kn_conductor_change_row *row,
                           struct kn_error *err)
{
    if (row->ends) {
        kn_array_add(&pending->ending, row->id);
        return 0;
    }
    if (kn_hmap_get(pending->batched, row->id) != NULL && objects_flush(pending, db, err) < 0) {
        return -1;
    }
    kn_hmap_put(pending->batched, row->id, pending);
    kn_array_add(&pending->held, row->id);
    kn_batch_add(&pending->batch, row->id);
    kn_batch_addint(&pending->batch, row->mask);
    for (int i = 0; i < kn_conductor_record_column_count(row->record); i++) {
        kn_batch_add(&pending->batch, row->values[i]);
    }
    return 0;
}

static int objects_add_rows(struct pending *pending, struct kn_db *db, const struct kn_conductor_change *const *changes,
                            int count, struct kn_error *err)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < changes[i]->count; j++) {
            const struct kn_conductor_change_row *row = &changes[i]->rows[j];

            if (row->record == pending->record && objects_add_row(pending, db, row, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int write_record(struct kn_db *db, const struct kn_conductor_record *record,
                        const struct kn_conductor_change *const *changes, int count, struct kn_error *err)
{
    struct pending pending = {
        .record = record, .batched = kn_hmap_new(NULL), .held = KN_ARRAY_INIT, .ending = KN_ARRAY_INIT
    };
    int rc;

    kn_batch_init(&pending.batch, kn_conductor_record_stmt(record));
    rc = objects_add_rows(&pending, db, changes, count, err);
    rc = rc < 0 ? rc : objects_run(&pending, db, err);
    rc = rc < 0 || pending.ending.count == 0 ? rc : record->end(db, kn_array_value(&pending.ending), err);
    kn_batch_release(&pending.batch);
    kn_hmap_free(pending.batched);
    kn_array_release(&pending.held);
    kn_array_release(&pending.ending);
    return rc;
}

int kn_conductor_objects_write(struct kn_db *db, const struct kn_conductor_change *const *changes, int count,
                               struct kn_error *err)
{
    for (int i = 0; i < KN_RECORDS; i++) {
        if (write_record(db, kn_conductor_records[i], changes, count, err) < 0) {
            return -1;
        }
    }
    return 0;
}
