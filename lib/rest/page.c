/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order, markers and links of lists. The marker's own sort values are read first; the list then asks for what comes behind them,
 * which an index understands when all keys go one way.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

/* Does this list have pages at this microversion at all? */
static bool has_pages(const struct kn_rest_list *l)
{
    return l->req->microversion >= l->noun->pages_since;
}

bool kn_rest_page_knows(const struct kn_rest_list *l, const char *key)
{
    const struct kn_rest_manners *m = l->noun->manners;
    const bool pages = has_pages(l), sorts = !l->noun->unsorted;
    const struct {
        const char *word;
        bool is_known;
    } WORDS[] = {
        { "limit", pages },
        { "marker", pages && !l->noun->by_offset },
        { "sort_key", sorts },
        { "sort_dir", sorts },
        { "sort", m->sorts_by_list },
        { "offset", m->has_offset || (pages && l->noun->by_offset) },
        { "page_reverse", m->has_reverse },
        { "fields", m->has_fields },
        { "with_count", m->has_count_since_45 },
    };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (WORDS[i].is_known && strcmp(WORDS[i].word, key) == 0) {
            return true;
        }
    }
    return false;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

/* A number, as large as may be: what does not fit is more than anybody has. A sign is for services that have words for it. */
static int read_count(const struct kn_rest_list *l, const char *key, int64_t *ret, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;
    const char *text = kn_rest_asked(l, key, 0);
    const char *digits = text != NULL && m->negative_limit != NULL ? text + strspn(text, " ") : text;

    if (text == NULL) {
        return 0;
    }
    digits += m->negative_limit != NULL && (digits[0] == '-' || digits[0] == '+');
    const size_t len = strlen(digits), most = m->limit_digits;
    if (len == 0 || strspn(digits, "0123456789") != len || (most > 0 && len > most)) {
        return kn_rest_fail(err, KN_BAD_REQUEST, m->bad_limit, key, text);
    }
    const long long count = strtoll(text, NULL, 10); /* of what does not fit: the largest that does */
    if (count < 0) {
        return kn_rest_fail(err, KN_BAD_REQUEST, m->negative_limit, key, text);
    }
    *ret = count;
    return 0;
}

static int read_limit(struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;
    struct kn_rest_page *page = &l->page;
    const int64_t limit_default = l->noun->limit_default > 0 ? l->noun->limit_default : m->limit_default;

    page->is_asked = kn_rest_asked(l, "limit", 0) != NULL;
    page->limit = limit_default;
    if (read_count(l, "limit", &page->limit, err) < 0) {
        return -1;
    }
    if (page->is_asked && page->limit == 0) {
        l->is_empty = l->is_empty || !(m->zero_is_all || l->noun->by_offset);
        page->is_asked = false;
        page->limit = limit_default;
    }
    if (m->limit_max > 0 && page->limit > m->limit_max) {
        page->limit = m->limit_max;
    }
    return 0;
}

static int page_fail_key(const struct kn_rest_list *l, const char *key, size_t len, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf keys = KN_STRBUF_INIT;
    AUTO_FREE char *name = kn_strndup(key, len);

    for (const struct kn_rest_attr *a = l->noun->attrs; a->name != NULL; a++) {
        if ((a->may & KN_REST_SORT) != 0 && kn_rest_readable(a, l->req)) {
            kn_strbuf_addf(&keys, "%s%s", keys.len > 0 ? ", " : "", a->name);
        }
    }
    return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_key, keys.buf, name);
}

static int add_key(struct kn_rest_list *l, const char *key, size_t len, struct kn_error *err)
{
    const struct kn_rest_attr *a = kn_rest_attr(l->noun, l->req, key, len, KN_REST_SORT);

    if (a == NULL || a->sql == NULL) {
        return page_fail_key(l, key, len, err);
    }
    if (l->page.count == KN_REST_KEYS) {
        return kn_fail(err, KN_BAD_REQUEST, "at most %d sort keys are taken", KN_REST_KEYS);
    }
    l->page.keys[l->page.count++] = a;
    return 0;
}

/* A direction that was found to be one. */
static bool is_down(const char *word)
{
    return word[0] == 'd' || word[0] == 'D';
}

static int read_direction(const struct kn_rest_list *l, const char *text, size_t len, bool *ret, struct kn_error *err)
{
    AUTO_FREE char *word = kn_strndup(text, len);

    int (*compare)(const char *, const char *) = l->noun->manners->any_case ? strcasecmp : strcmp;

    if (compare(word, "asc") != 0 && compare(word, "desc") != 0) {
        return kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_direction, "sort_dir", word);
    }
    *ret = is_down(word);
    return 0;
}

/* name:asc,size — and, in an old syntax, names alone with one direction beside them. */
static int read_sort_list(struct kn_rest_list *l, const char *text, const char *beside, struct kn_error *err)
{
    for (const char *p = text;; p++) {
        const size_t item = strcspn(p, ",");
        const char *colon = memchr(p, ':', item);
        const size_t key = colon != NULL ? (size_t)(colon - p) : item;
        bool *down = &l->page.descending[l->page.count];

        *down = !l->noun->ascending;
        if (add_key(l, p, key, err) < 0 ||
            (colon != NULL && read_direction(l, colon + 1, item - key - 1, down, err) < 0) ||
            (colon == NULL && beside != NULL && read_direction(l, beside, strcspn(beside, ","), down, err) < 0)) {
            return -1;
        }
        p += item;
        if (*p == '\0') {
            return 0;
        }
    }
}

static int count_of(const struct kn_rest_list *l, const char *key)
{
    int count = 0;

    while (kn_rest_asked(l, key, count) != NULL) {
        count++;
    }
    return count;
}

static int check_pairs(const struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;
    const int directions = count_of(l, "sort_dir");

    return m->bad_pairs == NULL || (m->one_for_all && directions <= 1) || directions == count_of(l, "sort_key")
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "%s", m->bad_pairs);
}

static int read_sort_keys(struct kn_rest_list *l, struct kn_error *err)
{
    bool down = !l->noun->ascending;
    const char *key, *direction;
    int i = 0;

    for (; (key = kn_rest_asked(l, "sort_key", i)) != NULL; i++) {
        direction = kn_rest_asked(l, "sort_dir", i);
        if (add_key(l, key, strlen(key), err) < 0 ||
            (direction != NULL && read_direction(l, direction, strlen(direction), &down, err) < 0)) {
            return -1;
        }
        l->page.descending[i] = down;
    }
    return 0;
}

static void append_key(struct kn_rest_list *l, const char *name, size_t len, bool down)
{
    struct kn_rest_page *page = &l->page;

    for (const struct kn_rest_attr *a = l->noun->attrs; a->name != NULL; a++) {
        if (strlen(a->name) != len || strncmp(a->name, name, len) != 0) {
            continue;
        }
        for (int i = 0; i < page->count; i++) {
            if (page->keys[i] == a) {
                return;
            }
        }
        page->keys[page->count] = a;
        page->descending[page->count++] = down;
        return;
    }
}

/* The default order if none was asked for, and what makes any order total. */
static void settle_order(struct kn_rest_list *l)
{
    const struct kn_rest_noun *noun = l->noun;
    const char *direction = kn_rest_asked(l, "sort_dir", 0);

    if (l->noun->unsorted) {
        direction = NULL;
    }
    if (l->page.count == 0) {
        append_key(l, noun->order, strlen(noun->order), direction != NULL ? is_down(direction) : !noun->ascending);
    }
    const bool down = l->page.descending[l->page.count - 1];
    for (const char *p = noun->ties; *p != '\0'; p += *p == ',') {
        append_key(l, p, strcspn(p, ","), down);
        p += strcspn(p, ",");
    }
}

static int read_sort(struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;
    const char *list = m->sorts_by_list ? kn_rest_asked(l, "sort", 0) : NULL;
    const char *keys = kn_rest_asked(l, "sort_key", 0), *direction = kn_rest_asked(l, "sort_dir", 0);
    bool ignored;
    int rc = 0;

    if (l->noun->unsorted) {
        settle_order(l);
        return 0;
    }
    if (list != NULL) {
        if (keys != NULL || direction != NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "%s", m->mixed_sorts);
        }
        rc = read_sort_list(l, list, NULL, err);
    } else if (check_pairs(l, err) < 0) {
        return -1;
    } else if (keys != NULL && m->splits_keys && strchr(keys, ',') != NULL) {
        rc = read_sort_list(l, keys, direction, err);
    } else if (keys != NULL) {
        rc = read_sort_keys(l, err);
    } else if (direction != NULL) {
        rc = read_direction(l, direction, strlen(direction), &ignored, err);
    }
    if (rc == 0) {
        settle_order(l);
    }
    return rc;
}

int kn_rest_page_read(struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;

    if (has_pages(l)) {
        l->page.marker = l->noun->by_offset ? NULL : kn_rest_asked(l, "marker", 0);
        if (read_limit(l, err) < 0 ||
            (kn_rest_page_knows(l, "offset") && read_count(l, "offset", &l->page.offset, err) < 0)) {
            return -1;
        }
    }
    if ((m->has_reverse && kn_request_query_bool(l->req, "page_reverse", false, &l->page.reverse, err) < 0)) {
        return -1;
    }
    return read_sort(l, err);
}

/* --- the marker ------------------------------------------------------------------------------------------------------- */

static bool goes_down(const struct kn_rest_page *page, int key)
{
    return page->descending[key] != page->reverse;
}

static int no_marker(const struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_rest_manners *m = l->noun->manners;

    if (l->noun->any_marker) {
        return 0;
    }
    return m->missing_marker == NULL || l->noun->absent_marker
               ? kn_rest_not_found(l->noun, l->page.marker, err)
               : kn_rest_fail(err, m->marker_code, m->missing_marker, l->noun->label, l->page.marker);
}

/* The marker's sort values, of a row that the caller sees; untouched where the noun takes any marker and this is none. */
static int read_marker(const struct kn_rest_list *l, const char *marker, struct kn_rows **ret, struct kn_error *err)
{
    const struct kn_rest_noun *noun = l->noun;
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_rest_fits(noun->id_type, marker)) {
        return no_marker(l, err);
    }
    for (int i = 0; i < l->page.count; i++) {
        kn_rest_text(&q, i == 0 ? "SELECT " : ", ");
        kn_rest_sort_key(l->page.keys[i], noun->manners, &q.sql);
        kn_rest_text(&q, "::text");
    }
    kn_strbuf_addf(&q.sql, " FROM %s WHERE %s = ", noun->from, noun->id);
    kn_rest_add(&q, "?", marker);
    if (noun->kept != NULL) {
        kn_strbuf_addf(&q.sql, " AND %s", noun->kept);
    }
    if (noun->visible != NULL && !l->marks_all && !l->sees_all) {
        kn_rest_text(&q, " AND ");
        kn_rest_add(&q, noun->visible, l->req->caller.project_id);
    }
    kn_rest_add_bounds(&q, l->bounds);
    if (kn_rest_run(&q, l->req->db, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return no_marker(l, err);
    }
    *ret = kn_steal(&rows);
    return 0;
}

static bool one_way(const struct kn_rest_page *page)
{
    for (int i = 1; i < page->count; i++) {
        if (page->descending[i] != page->descending[0]) {
            return false;
        }
    }
    return true;
}

static void page_add_value(const struct kn_rest_list *l, struct kn_rest_query *sql, const struct kn_rows *marker,
                           int key)
{
    kn_rest_add(sql, "?", kn_rows_text(marker, 0, key));
    kn_strbuf_addf(&sql->sql, "::%s", kn_rest_sql_type(l->page.keys[key]->type));
}

/* (a, b) < (A, B) */
static void add_behind_one_way(const struct kn_rest_list *l, struct kn_rest_query *sql, const struct kn_rows *marker)
{
    for (int i = 0; i < l->page.count; i++) {
        kn_rest_text(sql, i == 0 ? " AND (" : ", ");
        kn_rest_sort_key(l->page.keys[i], l->noun->manners, &sql->sql);
    }
    kn_rest_text(sql, goes_down(&l->page, 0) ? ") < (" : ") > (");
    for (int i = 0; i < l->page.count; i++) {
        kn_rest_text(sql, i == 0 ? "" : ", ");
        page_add_value(l, sql, marker, i);
    }
    kn_rest_text(sql, ")");
}

/* (a < A) OR (a = A AND b > B) OR … */
static void add_behind_mixed(const struct kn_rest_list *l, struct kn_rest_query *sql, const struct kn_rows *marker)
{
    for (int last = 0; last < l->page.count; last++) {
        kn_rest_text(sql, last == 0 ? " AND ((" : ") OR (");
        for (int i = 0; i <= last; i++) {
            kn_rest_text(sql, i == 0 ? "" : " AND ");
            kn_rest_sort_key(l->page.keys[i], l->noun->manners, &sql->sql);
            kn_rest_text(sql, i < last ? " = " : goes_down(&l->page, i) ? " < " : " > ");
            page_add_value(l, sql, marker, i);
        }
    }
    kn_rest_text(sql, "))");
}

int kn_rest_page_add(const struct kn_rest_list *l, const struct kn_rest_page *page, struct kn_rest_query *sql,
                     struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *marker = NULL;

    if (page->marker != NULL && read_marker(l, page->marker, &marker, err) < 0) {
        return -1;
    }
    if (marker != NULL) {
        (one_way(&l->page) ? add_behind_one_way : add_behind_mixed)(l, sql, marker);
    }
    for (int i = 0; i < l->page.count; i++) {
        kn_rest_text(sql, i == 0 ? " ORDER BY " : ", ");
        kn_rest_sort_key(l->page.keys[i], l->noun->manners, &sql->sql);
        kn_rest_text(sql, goes_down(&l->page, i) ? " DESC" : "");
    }
    if (page->limit > 0) {
        kn_strbuf_addf(&sql->sql, " LIMIT %lld", (long long)page->limit + l->noun->manners->reads_ahead);
    }
    if (page->offset > 0) {
        kn_strbuf_addf(&sql->sql, " OFFSET %lld", (long long)page->offset);
    }
    return 0;
}

/* --- the answer ------------------------------------------------------------------------------------------------------- */

int kn_rest_page_count(const struct kn_rest_list *l, const struct kn_rows *rows)
{
    const int count = rows != NULL ? kn_rows_count(rows) : 0;

    return l->page.limit > 0 && count > l->page.limit ? (int)l->page.limit : count;
}

int kn_rest_page_row(const struct kn_rest_list *l, int count, int i)
{
    return l->page.reverse ? count - 1 - i : i;
}

struct href {
    struct kn_strbuf text;
    const struct kn_rest_manners *manners;
    char separator;
    bool is_self;
};

static void copy_parameter(void *ctx, const char *key, const char *value)
{
    struct href *href = ctx;

    if (!href->is_self &&
        (strcmp(key, "marker") == 0 || (href->manners->has_reverse && strcmp(key, "page_reverse") == 0) ||
         (href->manners->has_offset && strcmp(key, "offset") == 0))) {
        return;
    }
    kn_strbuf_addch(&href->text, href->separator);
    kn_strbuf_addurl(&href->text, key);
    kn_strbuf_addch(&href->text, '=');
    kn_strbuf_addurl(&href->text, value);
    href->separator = '&';
}

/* Everything that was asked, asked again from another marker. marker "": from the beginning; NULL: exactly what was asked. */
static char *href_of(const struct kn_rest_list *l, const char *path, const char *marker, bool reverse)
{
    const struct kn_rest_manners *m = l->noun->manners;
    struct href href = { KN_STRBUF_INIT, m, '?', marker == NULL };

    kn_strbuf_addf(&href.text, "%s%s%s%s", m->root_is_path ? "" : l->req->base_url, m->root,
                   m->project_in_links ? l->req->caller.project_id : "", path);
    kn_request_query_each(l->req, copy_parameter, &href);
    if (marker != NULL && marker[0] != '\0') {
        kn_strbuf_addf(&href.text, "%cmarker=", href.separator);
        kn_strbuf_addurl(&href.text, marker);
    }
    kn_strbuf_addstr(&href.text, reverse ? "&page_reverse=True" : "");
    return kn_strbuf_detach(&href.text);
}

static void page_print_link(const struct kn_rest_list *l, const char *path, const char *rel, const char *marker,
                            struct kn_strbuf *out)
{
    AUTO_FREE char *href = href_of(l, path, marker, strcmp(rel, "previous") == 0);

    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "rel", rel);
    kn_jsonw_str(out, "href", href);
    kn_jsonw_end_object(out);
}

void kn_rest_page_links(const struct kn_rest_list *l, const char *path, const struct kn_rows *rows,
                        struct kn_strbuf *out)
{
    const struct kn_rest_manners *m = l->noun->manners;
    const int count = kn_rest_page_count(l, rows);
    const bool is_full = l->page.limit > 0 &&
                         (m->reads_ahead ? count > 0 && kn_rows_count(rows) > count : count == l->page.limit);
    /* Back to where one came from there is always a way, also from behind the end and from before the beginning. */
    const bool has_next = l->page.reverse || is_full, has_previous = m->has_reverse && (!l->page.reverse || is_full);
    const char *first = count > 0 ? kn_rest_id_of(rows, kn_rest_page_row(l, count, 0)) : "";
    const char *last = count > 0 ? kn_rest_id_of(rows, kn_rest_page_row(l, count, count - 1)) : "";

    if (m->page_links != NULL) {
        m->page_links(l, path, has_next && count > 0 ? last : NULL, out);
        return;
    }
    if ((count == 0 && !m->has_reverse) || l->noun->by_offset || (!has_next && !has_previous) ||
        (m->links_when_asked && !l->page.is_asked)) {
        return;
    }
    AUTO_FREE char *key = kn_asprintf("%s_links", l->noun->many);
    kn_jsonw_array(out, l->noun->links_key != NULL ? l->noun->links_key : key);
    if (has_next) {
        page_print_link(l, path, "next", last, out);
    }
    if (has_previous) {
        page_print_link(l, path, "previous", first, out);
    }
    kn_jsonw_end_array(out);
}

char *kn_rest_page_next(const struct kn_rest_list *l, const char *path, const char *marker)
{
    return href_of(l, path, marker, false);
}

char *kn_rest_page_first(const struct kn_rest_list *l, const char *path)
{
    return href_of(l, path, "", false);
}
