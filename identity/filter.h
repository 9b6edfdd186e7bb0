/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: which rows of a noun a list wants: Keystone's query parameters (exact, and name__contains and its kin), a page, and what the
 * caller may see at all; sort_key= and sort_dir= by any field but tags. A noun says once what can be asked of it (struct kn_listing); user text only ever travels as a parameter.
 */
#ifndef KN_IDENTITY_FILTER_H
#define KN_IDENTITY_FILTER_H

#include "lib/adapter/db.h"

#define KN_FILTER_MAX 32 /* conditions of one list */

enum kn_field_kind {
    KN_FIELD_TEXT,     /* key=, key__contains=, key__startswith=, key__endswith=, and with an i before the word for any case */
    KN_FIELD_BOOLEAN,
    KN_FIELD_TIME,     /* key=lt:2026-11-21T10:00:00Z; lt, lte, gt, gte, eq, neq; NULL compares with nothing and sorts last */
    KN_FIELD_TAGS,     /* "a,b": has all of them */
    KN_FIELD_TAGS_ANY,
    KN_FIELD_NOT_TAGS,
    KN_FIELD_NOT_TAGS_ANY,
};

struct kn_field {
    const char *key;    /* NULL ends a table */
    const char *column;
    enum kn_field_kind kind;
};

struct kn_listing {
    const char *select;       /* up to and with "WHERE true", columns as view.c wants them; the first one is the id */
    const char *from;         /* the table, for the marker's row; it has the columns id and name */
    const struct kn_field *fields;
    const char *realm;        /* "domain_id = ?": only of one domain */
    const char *of;           /* "id IN (SELECT … ?)": only what belongs to something; NULL if nobody asks that */
};

/* Borrowed strings throughout. */
struct kn_filter {
    struct {
        const char *key;
        const char *value;
    } items[KN_FILTER_MAX];
    int count;
    const char *realm;      /* only of this domain, NULL = of any */
    const char *of;         /* only what belongs to it: a user's projects, a group's users */
    const char *marker;     /* only what comes after this id */
    int64_t limit;          /* 0 = all */
};

bool kn_filter_has(const struct kn_filter *f, const char *key);
/* KN_BAD_REQUEST: too many. */
int kn_filter_add(struct kn_filter *f, const char *key, const char *value, struct kn_error *err);
/* Pure: the statement and its parameters (args has room for KN_FILTER_MAX + 8). What no field names is ignored, as Keystone does. */
int kn_filter_text(const struct kn_listing *listing, const struct kn_filter *f, struct kn_strbuf *sql, const char **args,
                   int *ret_count, struct kn_error *err);
/* By what was asked for (else by name), and id. With a limit one row more, if there is one, so that the caller knows of a next page. KN_NOT_FOUND: no such marker. */
int kn_filter_run(struct kn_db *db, const struct kn_listing *listing, const struct kn_filter *f, struct kn_rows **ret_rows,
                  struct kn_error *err);

#endif
