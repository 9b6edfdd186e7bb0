/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns in the query of a list. They are matched here and never in SQL, because a database would not stop at a costly one; so a page that
 * patterns choose from is found first, id by id, and then selected like any other.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define SCAN_BATCH 1000      /* rows that a scan reads at once */
#define SCAN_ROWS_MAX 200000 /* and in all */
#define SCAN_MATCH_MS 1000   /* how long it may match in all */
#define ID_SIZE 256

static int refuse_pattern(const char *name, const char *text, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST,
                   "Invalid input for query parameters %.80s. Value: %.100s. '%.100s' is not a 'regex': %s", name, text,
                   text, why);
}

/* What can be said without a pattern is said in SQL. */
static int add_match(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                     bool is_list, struct kn_error *err)
{
    struct kn_rest_pattern pattern = { .name = key, .text = value, .sql = a->sql, .is_list = is_list };
    char literal[KN_REGEX_MAX + 1];
    struct kn_error why = { 0 };

    if (strpbrk(value, ".*+?()[]{}|^$\\") == NULL) {
        kn_rest_where(l, "strpos(%C, ?) > 0", a->sql, value);
        return 0;
    }
    if (kn_regex_literal(value, literal)) {
        kn_rest_where(l, is_list ? "?::text = ANY (string_to_array(%C, ' '))" : "?::text = %C", a->sql, literal);
        return 0;
    }
    if (l->pattern_count == KN_REST_PATTERNS) {
        return kn_fail(err, KN_BAD_REQUEST, "Too many regular expressions in one query");
    }
    if (kn_regex_new(value, &pattern.regex, &why) < 0) {
        return refuse_pattern(key, value, why.message, err);
    }
    l->patterns[l->pattern_count++] = pattern;
    return 0;
}

int kn_rest_match(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                  struct kn_error *err)
{
    return add_match(l, a, key, value, false, err);
}

int kn_rest_match_one(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                      struct kn_error *err)
{
    return add_match(l, a, key, value, true, err);
}

static int scan_search(const struct kn_rest_pattern *p, const char *text, bool *ret_found, struct kn_error *err)
{
    struct kn_error why = { 0 };

    return kn_regex_search(p->regex, text, ret_found, &why) < 0 ? refuse_pattern(p->name, p->text, why.message, err)
                                                                : 0;
}

static int search_each(const struct kn_rest_pattern *p, const char *texts, bool *ret_found, struct kn_error *err)
{
    AUTO_FREE char *copy = kn_strdup(texts);
    char *rest = copy;

    for (char *one = strsep(&rest, " "); one != NULL && !*ret_found; one = strsep(&rest, " ")) {
        if (scan_search(p, one, ret_found, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All patterns match: behind the id stands what they search, in their order. What is NULL matches nothing. */
static int row_matches(const struct kn_rest_list *l, const struct kn_rows *rows, int row, bool *ret,
                       struct kn_error *err)
{
    for (int i = 0; i < l->pattern_count; i++) {
        const struct kn_rest_pattern *p = &l->patterns[i];
        const char *text = kn_rows_str(rows, row, 1 + i);
        bool found = false;

        if (text != NULL && (p->is_list ? search_each : scan_search)(p, text, &found, err) < 0) {
            return -1;
        }
        if (!found) {
            *ret = false;
            return 0;
        }
    }
    *ret = true;
    return 0;
}

/* The next rows behind the page's marker: ids and what the patterns search. */
static int read_batch(const struct kn_rest_list *l, const struct kn_rest_page *page, struct kn_rows **ret,
                      struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf columns = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;

    kn_strbuf_addstr(&columns, l->noun->id);
    for (int i = 0; i < l->pattern_count; i++) {
        kn_strbuf_addf(&columns, ", %s", l->patterns[i].sql);
    }
    kn_rest_list_select(l, columns.buf, &q);
    return kn_rest_page_add(l, page, &q, err) < 0 ? -1 : kn_rest_run(&q, l->req->db, ret, err);
}

/* Those of the rows that match, up to limit in all. */
static int match_batch(const struct kn_rest_list *l, const struct kn_rows *rows, int64_t limit, struct kn_array *ids,
                       struct kn_error *err)
{
    for (int row = 0; row < kn_rows_count(rows) && ids->count < limit; row++) {
        bool matches = false;

        if (row_matches(l, rows, row, &matches, err) < 0) {
            return -1;
        }
        if (matches) {
            kn_array_add(ids, kn_rest_id_of(rows, row));
        }
    }
    return 0;
}

/*
 * Batch after batch in the page's order, behind the page's marker, until there are enough. So a page is full as long as there is more, and the
 * next one goes on where it ended.
 */
int kn_rest_scan(const struct kn_rest_list *l, struct kn_array *ids, struct kn_error *err)
{
    const int64_t limit = l->page.limit > 0 ? l->page.limit : SCAN_ROWS_MAX;
    struct kn_rest_page page = l->page;
    char last[ID_SIZE];
    int64_t spent_ms = 0;

    page.limit = SCAN_BATCH;
    for (int seen = 0; ids->count < limit;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (read_batch(l, &page, &rows, err) < 0) {
            return -1;
        }
        const int64_t began_ms = kn_mono_ms();

        if (match_batch(l, rows, limit, ids, err) < 0) {
            return -1;
        }
        spent_ms += kn_mono_ms() - began_ms;
        if (kn_rows_count(rows) < SCAN_BATCH) {
            break;
        }
        seen += SCAN_BATCH;
        if (seen >= SCAN_ROWS_MAX || spent_ms > SCAN_MATCH_MS) {
            return refuse_pattern(l->patterns[0].name, l->patterns[0].text, "it takes too long among so many", err);
        }
        kn_copy(last, sizeof(last), kn_rest_id_of(rows, SCAN_BATCH - 1));
        page.marker = last;
    }
    return 0;
}
