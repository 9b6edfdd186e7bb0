/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: GET of many and of one, for every noun alike. Out of its table come the SELECT, the filters, the order, the pages and their
 * links. A page starts behind its marker by comparing sort values, so page 500 costs what page 1 costs. A row is visible or it does
 * not exist: there is no third answer.
 */
#ifndef KN_REST_LIST_H
#define KN_REST_LIST_H

#include "lib/adapter/regex.h"
#include "lib/rest/noun.h"

#define KN_REST_KEYS 8
#define KN_REST_PATTERNS 16

struct kn_rest_page {
    int64_t limit;              /* 0 = all */
    bool is_asked;              /* the caller gave a limit */
    int64_t offset;
    const char *marker;         /* NULL = from the beginning */
    bool reverse;               /* the page before the marker; rows come backwards */
    const struct kn_rest_attr *keys[KN_REST_KEYS + 2];
    bool descending[KN_REST_KEYS + 2];
    int count;
};

/* A condition that the handler brings along, each '?' of it the value: where the caller's realm ends, whose things are asked for. */
struct kn_rest_bound {
    const char *form; /* NULL ends a list of them */
    const char *value; /* NULL: the form has no '?' */
};

/* A parameter that somebody else than the query string asks for. */
struct kn_rest_wish {
    const char *key; /* NULL ends a table */
    const char *value;
};

/* A regular expression that was asked for, and what it searches. */
struct kn_rest_pattern {
    struct kn_regex *regex;
    const char *name, *text; /* of the parameter */
    const char *sql;
    bool is_list; /* of texts parted by spaces, each for itself */
};

#define KN_REST_NO_WISHES ((const struct kn_rest_wish[]){ { NULL, NULL } }) /* whatever the request says */

/* A list while it is put together. */
struct kn_rest_list {
    struct kn_request *req;
    const struct kn_rest_wish *wishes; /* instead of the request's parameters; NULL: those */
    const struct kn_rest_noun *noun;
    unsigned view; /* KN_REST_BRIEF or KN_REST_LIST */
    const struct kn_rest_bound *bounds; /* hold for the list and its marker; NULL: none */
    struct kn_rest_query query; /* the conditions: " AND …" */
    struct kn_rest_page page;
    struct kn_rest_pattern patterns[KN_REST_PATTERNS]; /* what SQL does not judge (scan.c) */
    int pattern_count;
    bool is_empty; /* a filter can match nothing */
    bool comes_again; /* nothing was asked for that makes its statement one of many */
    bool marks_all; /* a marker may be anybody's */
    bool sees_all; /* not only what is visible to the caller: an admin, as a rule */
};

void kn_rest_list_release(struct kn_rest_list *l);

/* The i-th value of a parameter; NULL if there is none. */
const char *kn_rest_asked(const struct kn_rest_list *l, const char *key, int i);

/* The finished answer. path: as in "/volumes/detail", NULL = the noun's own. */
int kn_rest_list(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view, const char *path,
                 struct kn_response *res, struct kn_error *err);
/* The same of what lies within bounds. */
int kn_rest_list_within(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view, const char *path,
                        const struct kn_rest_bound *bounds, struct kn_response *res, struct kn_error *err);
/*
 * The rows alone, for whoever shows them otherwise. wishes: instead of the request's parameters; bounds: NULL = none. *ret_rows stays NULL if
 * none can match.
 */
int kn_rest_rows(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                 const struct kn_rest_wish *wishes, const struct kn_rest_bound *bounds, struct kn_rows **ret_rows,
                 struct kn_error *err);
/* The answer of a list that was read (kn_rest_list_read) and whose rows came from elsewhere. */
void kn_rest_write_page(const struct kn_rest_list *l, const struct kn_rows *rows, const char *path,
                        struct kn_response *res);
/* From the service's microversion on a parameter that `names` (ended by NULL) does not hold is KN_BAD_REQUEST: for what is no list. */
int kn_rest_only(const struct kn_rest_noun *noun, const struct kn_request *req, const char *const *names,
                 struct kn_error *err);
/* {"volume": {…}}; KN_NOT_FOUND for what is no id, does not exist or is not visible. view: KN_REST_SHOW or _CHANGED. */
int kn_rest_show(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                 struct kn_response *res, struct kn_error *err);

/* The row that kn_rest_show() writes, for who has to look at it first: kn_rest_cell() reads it. bounds: NULL = none. */
int kn_rest_find(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                 const struct kn_rest_bound *bounds, struct kn_rows **ret_rows, struct kn_error *err);
/* The statement that finds it. Returns the place of its id among the statement's values. */
int kn_rest_find_sql(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     const struct kn_rest_bound *bounds, const char *id, struct kn_rest_query *q);
/* The one that finds all of them that are there (ids: an array literal), with the same columns. */
void kn_rest_find_many_sql(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                           const struct kn_rest_bound *bounds, const char *ids, struct kn_rest_query *q);
/* {"volume": {…}} of the first row, of that row, {"volumes": […]} of all: of statements whose columns are kn_rest_columns()'. */
void kn_rest_write_one(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, struct kn_response *res);
void kn_rest_write_row(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, int row, struct kn_response *res);
void kn_rest_write_all(const struct kn_rest_noun *noun, struct kn_request *req, unsigned view,
                       const struct kn_rows *rows, struct kn_response *res);

/* The answer to a POST of many, in the order of the ids (an array literal). */
int kn_rest_show_many(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_array *ids,
                      struct kn_response *res, struct kn_error *err);

/* " AND " and each of them. */
void kn_rest_add_bounds(struct kn_rest_query *q, const struct kn_rest_bound *bounds);
/* What kn_rest_list() does before the database has a say: the query becomes conditions and a page, and these a statement. */
int kn_rest_list_read(struct kn_rest_list *l, struct kn_error *err);
/* Only a marker, and a pattern, ask the database. */
int kn_rest_list_sql(struct kn_rest_list *l, struct kn_rest_query *ret, struct kn_error *err);

/* --- for filters ------------------------------------------------------------------------------------------------------ */

/* " AND " and the form, "%C" the attribute's expression, '?' the value. */
void kn_rest_where(struct kn_rest_list *l, const char *form, const char *expression, const char *value);

/* The usual ones. A value that cannot be one of the attribute's type matches nothing, unless the name says otherwise. */
kn_rest_filter kn_rest_equal; /* the one value */
kn_rest_filter kn_rest_any_of; /* one of all values of the repeated parameter */
kn_rest_filter kn_rest_in; /* "x", "eq:x", "in:a,\"b,c\""; KN_BAD_REQUEST for quotes inside of words */
kn_rest_filter kn_rest_boolean; /* true as Python's words, anything else is false */
kn_rest_filter kn_rest_boolean_word; /* true and false in words; KN_BAD_REQUEST for others */
kn_rest_filter kn_rest_true_false; /* these two words alone; KN_BAD_REQUEST for others */
kn_rest_filter
    kn_rest_time; /* lt:, lte:, gt:, gte:, eq:, neq: and a time, or a time alone; several by commas if the service has that. KN_BAD_REQUEST for others */
kn_rest_filter kn_rest_flag; /* as kn_rest_boolean_word, and true without a word */
kn_rest_filter kn_rest_compared_time; /* one of them, never a time alone */
kn_rest_filter kn_rest_number; /* KN_BAD_REQUEST for what is none */
kn_rest_filter
    kn_rest_tags; /* "a,b": has all; by the parameter's name "tags-any", "not-tags", "not-tags-any": has one, not all, none */
kn_rest_filter kn_rest_ignored;
kn_rest_filter kn_rest_since; /* this time or later; KN_BAD_REQUEST for what is none */
kn_rest_filter kn_rest_until; /* this time or earlier; changes-before no earlier than changes-since */
kn_rest_filter kn_rest_match; /* a regular expression that is searched for; text without any in it is found as it is */
kn_rest_filter kn_rest_match_one; /* the same in one of the texts, parted by spaces, that the expression gives */
kn_rest_filter kn_rest_refused; /* known, and no filter: KN_BAD_REQUEST */

/* A noun's `narrow`: an admin who says all_tenants sees everybody's; lists are the caller's project's otherwise. */
int kn_rest_all_tenants(struct kn_rest_list *l, struct kn_error *err);

/* --- page.c ----------------------------------------------------------------------------------------------------------- */

bool kn_rest_page_knows(const struct kn_rest_list *l,
                        const char *key); /* limit, marker, sort, … as the service has them */
int kn_rest_page_read(struct kn_rest_list *l, struct kn_error *err);
/* Appends what comes behind the marker, the order and the limit. KN_NOT_FOUND or KN_BAD_REQUEST: no such marker. */
int kn_rest_page_add(const struct kn_rest_list *l, const struct kn_rest_page *page, struct kn_rest_query *sql,
                     struct kn_error *err);
/* How many of the rows (NULL: none were looked for) belong to the page, and which of them comes i-th. */
int kn_rest_page_count(const struct kn_rest_list *l, const struct kn_rows *rows);
int kn_rest_page_row(const struct kn_rest_list *l, int count, int i);
/* "volumes_links":[…], if the service offers one here. */
void kn_rest_page_links(const struct kn_rest_list *l, const char *path, const struct kn_rows *rows,
                        struct kn_strbuf *out);

/* The address of the first page; of the page behind a marker (NULL: of this page); heap. For services whose links are an object of their own. */
char *kn_rest_page_first(const struct kn_rest_list *l, const char *path);
char *kn_rest_page_next(const struct kn_rest_list *l, const char *path, const char *marker);

/* --- scan.c ----------------------------------------------------------------------------------------------------------- */

/* The ids of the page that the list's patterns choose. KN_BAD_REQUEST: a pattern that costs too much. */
int kn_rest_scan(const struct kn_rest_list *l, struct kn_array *ids, struct kn_error *err);
/* "SELECT <columns> FROM … WHERE <the list's conditions>", without a page. */
void kn_rest_list_select(const struct kn_rest_list *l, const char *columns, struct kn_rest_query *ret);

/* --- print.c ---------------------------------------------------------------------------------------------------------- */

/* "a, b, c" for the SELECT: what this caller is shown in this view, then the id. */
void kn_rest_columns(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     struct kn_strbuf *sql);
/* What writes many rows: the walk over the table is made once. */
#define KN_REST_SHOWN_MAX 96
struct kn_rest_printer {
    const struct kn_rest_noun *noun;
    const struct kn_request *req;
    unsigned view;
    int count;
    struct kn_rest_shown {
        const struct kn_rest_attr *attr;
        int col; /* -1: none */
        size_t at, len; /* of a shared one: where it was written last */
    } shown[KN_REST_SHOWN_MAX];
    int last; /* the row that was written last; -1: none */
};
void kn_rest_printer_init(struct kn_rest_printer *p, const struct kn_rest_noun *noun, const struct kn_request *req,
                          unsigned view);
/* The object's members, from a row of such a SELECT; the braces are the caller's. One printer writes rows of one result into one text. */
void kn_rest_print(struct kn_rest_printer *p, const struct kn_rows *rows, int row, struct kn_strbuf *out);
/* The same of one row. */
void kn_rest_members(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     const struct kn_rows *rows, int row, struct kn_strbuf *out);
/* An attribute's cell of such a row; NULL if it is NULL or not shown. */
const char *kn_rest_cell(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, const char *name,
                         const struct kn_rows *rows, int row);
/* An attribute of a row that was read in the view KN_REST_NOW; "" if it is NULL. */
const char *kn_rest_was(const struct kn_rest_noun *noun, const struct kn_rows *now, const char *name);
/* What a PUT may say, as such a row has it: a body that would change nothing. json_decref it. */
json_t *kn_rest_object(const struct kn_rest_noun *noun, const struct kn_rows *now);
const char *kn_rest_id_of(const struct kn_rows *rows, int row);
/* "name":"2026-11-21T10:00:00Z" from PostgreSQL's text of a timestamp; fine: "2026-11-21T10:00:00.123456"; no text: null. */
void kn_rest_print_time(struct kn_strbuf *out, const char *name, const char *text, bool fine);

#endif
