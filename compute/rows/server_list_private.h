/* SPDX-License-Identifier: Apache-2.0 */
/* server_list_private: a list's query while it is read: its filters as a table (server_list.c), those of them that are patterns (server_list_scan.c). */
#ifndef KN_COMPUTE_ROWS_SERVER_LIST_PRIVATE_H
#define KN_COMPUTE_ROWS_SERVER_LIST_PRIVATE_H

#include "compute/rows/server_list.h"
#include "lib/adapter/regex.h"
#include "lib/base/clock.h"

enum kn_list_filter_kind {
    TEXT_FILTER,
    UUID_FILTER,   /* what is no uuid matches nothing */
    REGEX_FILTER,  /* plain text is looked for as it is; what a pattern matches is not SQL's to say: see scan() */
    ADDRESS_FILTER, /* the same of one of the addresses that a text holds, parted by spaces */
    NUMBER_FILTER,
    BOOL_FILTER,
    TIME_FILTER,
    TAGS_FILTER,   /* a,b,c */
    NO_FILTER,     /* known; read elsewhere */
    BAD_FILTER,    /* Nova refuses it by name */
};

struct kn_list_filter {
    const char *name;
    enum kn_list_filter_kind kind;
    int since;          /* first microversion that knows it */
    int for_all;        /* first microversion in which everybody may use it */
    const char *sql;    /* '?' is the value; of a regex: the expression that is searched */
};

#define KN_LIST_PATTERNS 16
struct kn_list_pattern {
    const struct kn_list_filter *filter;
    struct kn_regex *regex;
    const char *text;
};

struct kn_list_reading {
    const struct kn_request *req;
    struct kn_select sel;
    bool nothing;
    char times[6][KN_TIME_SIZE]; /* with their zone, for PostgreSQL */
    size_t time_count;
    char literals[KN_LIST_PATTERNS][KN_REGEX_MAX + 1]; /* of patterns that one text alone matches */
    size_t literal_count;
    struct kn_list_pattern patterns[KN_LIST_PATTERNS]; /* the others */
    size_t pattern_count;
    bool is_scan; /* the patterns are in hand already */
    struct kn_error *err;
    int result;
};

void kn_list_reading_release(struct kn_list_reading *r);
/* Adds what the query says to r->sel. */
int kn_list_filters(struct kn_list_reading *r);
/* Adds a filter whose value is text or a pattern. */
int kn_list_pattern(struct kn_list_reading *r, const struct kn_list_filter *f, const char *value);
/*
 * Finishes r->sel: one page of what was asked for. ids (of what the patterns chose), silence and ret_marker must live until it has run; if there
 * are patterns, page->marker is used up.
 */
int kn_list_page(struct kn_list_reading *r, bool brief, const struct kn_order *order, struct kn_page *page, struct kn_array *ids,
                 struct kn_arg *silence, struct kn_rows **ret_marker);

#endif
