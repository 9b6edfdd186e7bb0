/* SPDX-License-Identifier: Apache-2.0 */
/* Changes as values: filled by hand or from a flow's lines. It knows records and tasks, and writes nothing. */
#include "conductor/store/change.h"

#include <string.h>

#include "conductor/flows/context.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/json_text.h"

void kn_conductor_change_release(struct kn_conductor_change *change)
{
    for (int i = 0; i < change->count; i++) {
        for (int c = 0; c < KN_RECORD_COLUMNS; c++) {
            free(change->rows[i].values[c]);
        }
    }
    free(change->rows);
    *change = (struct kn_conductor_change)KN_CHANGE_INIT;
}

static struct kn_conductor_change_row *change_find(const struct kn_conductor_change *change,
                                                   const struct kn_conductor_record *record, const char *id)
{
    for (int i = 0; i < change->count; i++) {
        if (change->rows[i].record == record && strcmp(change->rows[i].id, id) == 0) {
            return &change->rows[i];
        }
    }
    return NULL;
}

const struct kn_conductor_change_row *kn_conductor_change_row(const struct kn_conductor_change *change,
                                                              const struct kn_conductor_record *record, const char *id)
{
    return change_find(change, record, id);
}

static struct kn_conductor_change_row *row_of(struct kn_conductor_change *change,
                                              const struct kn_conductor_record *record, const char *id)
{
    struct kn_conductor_change_row *row = change_find(change, record, id);

    if (row == NULL) {
        change->rows = kn_realloc_array(change->rows, (size_t)change->count + 1, sizeof(*change->rows));
        row = &change->rows[change->count++];
        *row = (struct kn_conductor_change_row){ .record = record };
        kn_copy(row->id, sizeof(row->id), id);
    }
    return row;
}

/* Takes the value. */
static void change_set(struct kn_conductor_change *change, const struct kn_conductor_record *record, const char *id,
                       const char *column, char *value)
{
    struct kn_conductor_change_row *row = row_of(change, record, id);
    int at = kn_conductor_record_column(record, column);

    if (at < 0) {
        kn_log(KN_ERROR, "a change of a column that its record does not declare", "table", record->table, "column",
               column, NULL);
        abort();
    }
    free(row->values[at]);
    row->values[at] = value;
    row->mask |= UINT32_C(1) << at;
}

void kn_conductor_change_set(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                             const char *id, const char *column, const char *value)
{
    change_set(change, record, id, column, kn_strdup(value));
}

void kn_conductor_change_set_int(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                                 const char *id, const char *column, int64_t value)
{
    change_set(change, record, id, column, kn_asprintf("%lld", (long long)value));
}

void kn_conductor_change_set_json(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                                  const char *id, const char *column, const json_t *value)
{
    char *text = NULL;

    if (json_is_string(value)) {
        text = kn_strdup(json_string_value(value));
    } else if (!json_is_null(value)) {
        text = kn_json_text(value);
    }
    change_set(change, record, id, column, text);
}

void kn_conductor_change_end(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                             const char *id)
{
    row_of(change, record, id)->ends = true;
}

/* --- said by flows -------------------------------------------------------------------------------------------------------- */

/* Borrowed, or in *ret_made a new reference; NULL: there is none. */
static const json_t *change_value_of(const struct kn_conductor_becomes *line, const struct kn_conductor_task *task,
                                     json_t **ret_made)
{
    switch (line->from) {
    case KN_FROM_INPUT:
        return kn_conductor_wished(task, line->text);
    case KN_FROM_CONTEXT:
        return kn_conductor_found(task, line->text);
    case KN_FROM_MADE:
        return *ret_made = line->make(task);
    case KN_FROM_TEXT:
        break;
    }
    return NULL;
}

static void add_line(struct kn_conductor_change *change, const struct kn_conductor_becomes *line,
                     const struct kn_conductor_task *task)
{
    const char *id = line->whose == NULL ? task->object_id : kn_conductor_wished_str(task, line->whose);
    json_t *made = NULL;
    const json_t *value;

    if (line->column == NULL) {
        kn_conductor_change_end(change, line->record, id);
        return;
    }
    if (line->from == KN_FROM_TEXT) {
        kn_conductor_change_set(change, line->record, id, line->column, line->text);
        return;
    }
    value = change_value_of(line, task, &made);
    if (value != NULL) {
        kn_conductor_change_set_json(change, line->record, id, line->column, value);
    }
    json_decref(made);
}

void kn_conductor_change_becomes(struct kn_conductor_change *change, const struct kn_conductor_becomes *list,
                                 const struct kn_conductor_task *task)
{
    for (const struct kn_conductor_becomes *line = list; line != NULL && line->record != NULL; line++) {
        add_line(change, line, task);
    }
}

int kn_conductor_becomes_check(const struct kn_conductor_becomes *list, struct kn_error *err)
{
    for (const struct kn_conductor_becomes *line = list; line != NULL && line->record != NULL; line++) {
        if (line->column == NULL && line->record->end == NULL) {
            return kn_fail(err, KN_INTERNAL, "no task ends a row of \"%s\"", line->record->table);
        }
        if (line->column != NULL && kn_conductor_record_column(line->record, line->column) < 0) {
            return kn_fail(err, KN_INTERNAL, "record \"%s\" declares no column \"%s\"", line->record->table,
                           line->column);
        }
    }
    return 0;
}
