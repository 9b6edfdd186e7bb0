/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: what a task makes of rows, as a value: a list of {record, id, column, value}. Flows say it in tables (struct kn_conductor_becomes), the engine
 * makes it, objects.c writes it, many at once. Pure.
 *
 *   static const struct kn_conductor_becomes DONE[] = {
 *       KN_SET(kn_conductor_record_server, "vm_state", "active"), KN_SET(kn_conductor_record_server, "task_state", NULL),
 *       KN_SET_FOUND(kn_conductor_record_server, "power_state", "power_state"), KN_BECOMES_END,
 *   };
 *
 * A column that its record does not declare is a programming error and aborts; test_change asks for every column of every flow.
 */
#ifndef KN_CONDUCTOR_STORE_CHANGE_H
#define KN_CONDUCTOR_STORE_CHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "conductor/store/record.h"
#include "lib/base/error.h"
#include "lib/base/uuid.h"

struct kn_conductor_task;

/* Everything that a change says of one row. */
struct kn_conductor_change_row {
    const struct kn_conductor_record *record;
    char id[KN_UUID_SIZE];
    bool ends;
    uint32_t mask;                   /* a bit for each column that is set */
    char *values[KN_RECORD_COLUMNS]; /* as PostgreSQL reads them; NULL: SQL NULL */
};

struct kn_conductor_change {
    struct kn_conductor_change_row *rows;
    int count;
};

#define KN_CHANGE_INIT \
    { \
        NULL, 0 \
    }

void kn_conductor_change_release(struct kn_conductor_change *change);

/* value NULL: SQL NULL. What was said of the column before is forgotten. */
void kn_conductor_change_set(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                             const char *id, const char *column, const char *value);
void kn_conductor_change_set_int(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                                 const char *id, const char *column, int64_t value);
/* Texts, numbers and truth values as they are, null as SQL NULL, everything else as JSON. Borrows value. */
void kn_conductor_change_set_json(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                                  const char *id, const char *column, const json_t *value);
/* The row goes, whatever else is said of it. */
void kn_conductor_change_end(struct kn_conductor_change *change, const struct kn_conductor_record *record,
                             const char *id);
/* What is said of the row, NULL for nothing. */
const struct kn_conductor_change_row *kn_conductor_change_row(const struct kn_conductor_change *change,
                                                              const struct kn_conductor_record *record, const char *id);

/* --- said by flows -------------------------------------------------------------------------------------------------------- */

enum kn_conductor_from {
    KN_FROM_TEXT = 1, /* text itself; NULL: SQL NULL */
    KN_FROM_INPUT, /* the wish's value of this name; none: the column stays */
    KN_FROM_CONTEXT, /* what a step found out; nothing: the column stays */
    KN_FROM_MADE, /* a new reference; NULL: the column stays */
};

struct kn_conductor_becomes {
    const struct kn_conductor_record *record;
    const char *whose; /* the name in the wish that holds the row's id; NULL: the task's object */
    const char *column; /* NULL: the row goes */
    enum kn_conductor_from from;
    const char *text;
    json_t *(*make)(const struct kn_conductor_task *task);
};

#define KN_SET_OF(r, w, c, t) \
    { \
        .record = &(r), .whose = w, .column = c, .from = KN_FROM_TEXT, .text = t \
    }
#define KN_SET_FOUND_OF(r, w, c, k) \
    { \
        .record = &(r), .whose = w, .column = c, .from = KN_FROM_CONTEXT, .text = k \
    }
#define KN_SET_WISHED_OF(r, w, c, k) \
    { \
        .record = &(r), .whose = w, .column = c, .from = KN_FROM_INPUT, .text = k \
    }
#define KN_GOES_OF(r, w) \
    { \
        .record = &(r), .whose = w \
    }
#define KN_SET(r, c, t) KN_SET_OF(r, NULL, c, t)
#define KN_SET_FOUND(r, c, k) KN_SET_FOUND_OF(r, NULL, c, k)
#define KN_SET_MADE(r, c, f) \
    { \
        .record = &(r), .column = c, .from = KN_FROM_MADE, .make = f \
    }
#define KN_SET_MADE_OF(r, w, c, f) \
    { \
        .record = &(r), .whose = w, .column = c, .from = KN_FROM_MADE, .make = f \
    }
#define KN_GOES(r) KN_GOES_OF(r, NULL)
#define KN_BECOMES_END \
    { \
        .record = NULL \
    }

/* Adds what the list says of this task; NULL says nothing. */
void kn_conductor_change_becomes(struct kn_conductor_change *change, const struct kn_conductor_becomes *list,
                                 const struct kn_conductor_task *task);
/* Whether every line of the list names a column that its record has, and an end only where rows end. KN_INTERNAL says which does not. */
int kn_conductor_becomes_check(const struct kn_conductor_becomes *list, struct kn_error *err);

#endif
