/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns in the query of GET /servers. They are matched here and never in SQL, because a database would not stop at a costly one; so a
 * page that patterns choose from is found first, id by id, and then selected like any other.
 */
#include <string.h>

#include "compute/rows/server_list_private.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define SCAN_BATCH 1000      /* rows that a scan reads at once */
#define SCAN_ROWS_MAX 200000 /* and in all */
#define SCAN_MATCH_MS 1000   /* how long it may match in all */

void kn_list_reading_release(struct kn_list_reading *r)
{
    kn_select_release(&r->sel);
    for (size_t i = 0; i < r->pattern_count; i++) {
        kn_regex_free(r->patterns[i].regex);
    }
}

static int refuse_pattern(const struct kn_list_pattern *p, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for query parameters %s. Value: %.100s. '%.100s' is not a 'regex': %s",
                   p->filter->name, p->text, p->text, why);
}

static int add_pattern(struct kn_list_reading *r, const struct kn_list_filter *f, const char *value)
{
    struct kn_list_pattern pattern = { .filter = f, .text = value };
    struct kn_error why = { 0 };

    if (r->is_scan) {
        return 0;
    }
    if (kn_regex_new(value, &pattern.regex, &why) < 0) {
        return refuse_pattern(&pattern, why.message, r->err);
    }
    r->patterns[r->pattern_count++] = pattern;
    return 0;
}

/* What can be said without a pattern is said in SQL. */
int kn_list_pattern(struct kn_list_reading *r, const struct kn_list_filter *f, const char *value)
{
    char *literal = r->literals[r->literal_count];

    if (strpbrk(value, ".*+?()[]{}|^$\\") == NULL) {
        kn_strbuf_addf(&r->sel.sql, " AND strpos(%s, ", f->sql);
        kn_select_add(&r->sel, "?) > 0", value);
        return 0;
    }
    if (r->literal_count + 1 == KN_LIST_PATTERNS || r->pattern_count == KN_LIST_PATTERNS) {
        return kn_fail(r->err, KN_BAD_REQUEST, "Too many regular expressions in one query");
    }
    if (!kn_regex_literal(value, literal)) {
        return add_pattern(r, f, value);
    }
    r->literal_count++;
    kn_select_add(&r->sel, " AND ?", literal);
    kn_strbuf_addf(&r->sel.sql, f->kind == ADDRESS_FILTER ? "::text = ANY (string_to_array(%s, ' '))" : "::text = %s", f->sql);
    return 0;
}

static int search(const struct kn_list_pattern *p, const char *text, bool *ret_found, struct kn_error *err)
{
    struct kn_error why = { 0 };

    return kn_regex_search(p->regex, text, ret_found, &why) < 0 ? refuse_pattern(p, why.message, err) : 0;
}

static int search_addresses(const struct kn_list_pattern *p, const char *texts, bool *ret_found, struct kn_error *err)
{
    AUTO_FREE char *copy = kn_strdup(texts);
    char *rest = copy;

    for (char *one = strsep(&rest, " "); one != NULL && !*ret_found; one = strsep(&rest, " ")) {
        if (search(p, one, ret_found, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All patterns match: column 1 + i of the row is what pattern i searches. What is NULL matches nothing. */
static int row_matches(const struct kn_list_reading *r, const struct kn_rows *rows, int row, bool *ret)
{
    for (size_t i = 0; i < r->pattern_count; i++) {
        const struct kn_list_pattern *p = &r->patterns[i];
        const char *text = kn_rows_str(rows, row, (int)i + 1);
        bool found = false;

        if (text != NULL && (p->filter->kind == ADDRESS_FILTER ? search_addresses : search)(p, text, &found, r->err) < 0) {
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

/* The next rows behind a marker: ids and what the patterns search. */
static int read_batch(const struct kn_list_reading *r, const struct kn_order *order, const char *marker, struct kn_rows **ret)
{
    AUTO_RELEASE(kn_list_reading) struct kn_list_reading batch = { .req = r->req, .sel = KN_SELECT_INIT, .is_scan = true, .err = r->err };
    AUTO(kn_rows) struct kn_rows *marker_row = NULL;
    struct kn_page page = { .limit = SCAN_BATCH, .marker = marker };

    kn_select_text(&batch.sel, "SELECT s.id");
    for (size_t i = 0; i < r->pattern_count; i++) {
        kn_strbuf_addf(&batch.sel.sql, ", %s", r->patterns[i].filter->sql);
    }
    kn_select_text(&batch.sel, " FROM server s WHERE true");
    return kn_list_filters(&batch) < 0 ||
                   kn_select_page(&batch.sel, r->req->db, order, &page, "server s", "s.id = ?::uuid", &marker_row, r->err) < 0 ||
                   kn_select_run(&batch.sel, r->req->db, ret, r->err) < 0
               ? -1
               : 0;
}

/* Those of the rows that match, up to limit in all. */
static int match_batch(const struct kn_list_reading *r, const struct kn_rows *rows, int64_t limit, struct kn_array *ids)
{
    for (int row = 0; row < kn_rows_count(rows) && ids->count < limit; row++) {
        bool matches = false;

        if (row_matches(r, rows, row, &matches) < 0) {
            return -1;
        }
        if (matches) {
            kn_array_add(ids, kn_rows_text(rows, row, 0));
        }
    }
    return 0;
}

/*
 * The ids of a page that patterns choose from: batch after batch in the page's order, behind the page's marker, until there are
 * enough. So a page is full as long as there is more, and the next one goes on where it ended.
 */
static int scan(const struct kn_list_reading *r, const struct kn_order *order, const struct kn_page *page, struct kn_array *ids)
{
    char last[KN_UUID_SIZE] = "";
    int64_t spent_ms = 0;

    for (int seen = 0; ids->count < page->limit;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        if (read_batch(r, order, last[0] != '\0' ? last : page->marker, &rows) < 0) {
            return -1;
        }
        int64_t began_ms = kn_mono_ms();

        if (match_batch(r, rows, page->limit, ids) < 0) {
            return -1;
        }
        spent_ms += kn_mono_ms() - began_ms;
        if (kn_rows_count(rows) < SCAN_BATCH) {
            break;
        }
        seen += SCAN_BATCH;
        if (seen >= SCAN_ROWS_MAX || spent_ms > SCAN_MATCH_MS) {
            return refuse_pattern(&r->patterns[0], "it takes too long among so many servers", r->err);
        }
        kn_copy(last, sizeof(last), kn_rows_text(rows, SCAN_BATCH - 1, 0));
    }
    return 0;
}

int kn_list_page(struct kn_list_reading *r, bool brief, const struct kn_order *order, struct kn_page *page, struct kn_array *ids,
                       struct kn_arg *silence, struct kn_rows **ret_marker)
{
    if (r->pattern_count == 0) {
        return kn_select_page(&r->sel, r->req->db, order, page, "server s", "s.id = ?::uuid", ret_marker, r->err);
    }
    if (scan(r, order, page, ids) < 0) {
        return -1;
    }
    kn_select_release(&r->sel);
    r->sel = (struct kn_select)KN_SELECT_INIT;
    kn_server_select(&r->sel, r->req, brief, silence);
    kn_select_add(&r->sel, " AND s.id = ANY (?::uuid[])", kn_array_value(ids));
    page->marker = NULL; /* the ids are behind it already */
    return kn_select_page(&r->sel, r->req->db, order, page, "server s", "s.id = ?::uuid", ret_marker, r->err);
}

