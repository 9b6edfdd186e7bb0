/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON: the columns of a SELECT and the members of an object come from the same walk over the table. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/together.h"
#include "lib/rest/type.h"

static bool is_asked(const struct kn_rest_noun *noun, const struct kn_request *req, const char *name)
{
    const char *field;

    if (!noun->manners->has_fields || kn_request_query(req, "fields") == NULL) {
        return true;
    }
    for (int i = 0; (field = kn_request_query_at(req, "fields", i)) != NULL; i++) {
        if (strcmp(field, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_shown(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     const struct kn_rest_attr *a)
{
    return view == KN_REST_NOW ? a->sql != NULL
                               : (a->may & view) != 0 && kn_rest_readable(a, req) && is_asked(noun, req, a->name);
}

void kn_rest_shown_key(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                       struct kn_strbuf *out)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        kn_strbuf_addch(out, is_shown(noun, req, view, a) ? '1' : '0');
    }
}

/* Is an attribute's expression selected as it stands? */
static bool is_bare(const struct kn_rest_noun *noun, const struct kn_rest_attr *a)
{
    return a->type != KN_REST_TAGS && (a->type != KN_REST_TIME || noun->manners->time == NULL);
}

/* The walk that a SELECT and whoever reads its rows share. The id is no second column, nor what says KN_REST_AGAIN if another has it already. */
struct print_walk {
    const struct kn_rest_noun *noun;
    const struct kn_request *req;
    unsigned view;
    const struct kn_rest_attr *at; /* the next to be looked at */
    const struct kn_rest_attr *columns[KN_REST_SHOWN_MAX]; /* whose column it was first; the id goes before them */
    int count;
};

static struct print_walk print_walk_of(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view)
{
    return (struct print_walk){ .noun = noun, .req = req, .view = view, .at = noun->attrs };
}

/* -1: it has none. */
static int column_of(struct print_walk *w, const struct kn_rest_attr *a)
{
    if (a->sql == NULL) {
        return -1;
    }
    if (strcmp(a->sql, w->noun->id) == 0 && is_bare(w->noun, a)) {
        return 0;
    }
    for (int i = 0; (a->may & KN_REST_AGAIN) != 0 && i < w->count; i++) {
        if (strcmp(w->columns[i]->sql, a->sql) == 0 && is_bare(w->noun, w->columns[i]) == is_bare(w->noun, a)) {
            return i + 1;
        }
    }
    if (w->count == KN_REST_SHOWN_MAX) {
        abort(); /* more than any noun has */
    }
    w->columns[w->count++] = a;
    return w->count;
}

/* The next attribute that is shown, and in *ret_col its column; NULL at the end. */
static const struct kn_rest_attr *walk_on(struct print_walk *w, int *ret_col)
{
    for (; w->at->name != NULL; w->at++) {
        if (is_shown(w->noun, w->req, w->view, w->at)) {
            *ret_col = column_of(w, w->at);
            return w->at++;
        }
    }
    return NULL;
}

void kn_rest_columns(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     struct kn_strbuf *sql)
{
    struct print_walk walk = print_walk_of(noun, req, view);
    const struct kn_rest_attr *a;
    int col, last = 0;

    if (noun->columns != NULL) {
        kn_strbuf_addstr(sql, noun->columns);
        return;
    }
    kn_strbuf_addstr(sql, noun->id);
    while ((a = walk_on(&walk, &col)) != NULL) {
        if (col <= last) {
            continue;
        }
        last = col;
        kn_strbuf_addstr(sql, ", ");
        if (is_bare(noun, a)) {
            kn_strbuf_addstr(sql, a->sql);
        } else if (a->type == KN_REST_TAGS) {
            kn_strbuf_addf(sql, "to_json(%s)", a->sql);
        } else {
            kn_strbuf_addf(sql, "to_char(%s AT TIME ZONE 'UTC', '%s')", a->sql, noun->manners->time);
        }
    }
}

/* {"a":1} -> ,"a":1 */
static void write_members(struct kn_strbuf *out, const char *object)
{
    const size_t len = strlen(object);

    if (len > 2) { /* more than {} */
        kn_strbuf_addstr(out, out->buf[out->len - 1] == '{' ? "" : ",");
        kn_strbuf_add(out, object + 1, len - 2);
    }
}

#define TO_SECONDS 19 /* "2026-11-21 10:00:00"; what follows is a fraction, and the zone */

void kn_rest_print_time(struct kn_strbuf *out, const char *name, const char *text, bool fine)
{
    char time[] = "0000-00-00T00:00:00.000000";
    const size_t len = text != NULL ? strcspn(text, "+") : 0; /* sessions are in UTC: "+00" */

    if (len < TO_SECONDS) {
        kn_jsonw_null(out, name);
        return;
    }
    memcpy(time, text, len < sizeof(time) ? len : sizeof(time) - 1);
    time[10] = 'T';
    if (!fine) {
        time[TO_SECONDS] = 'Z';
        time[TO_SECONDS + 1] = '\0';
    }
    kn_jsonw_str(out, name, time);
}

static void write_cell(struct kn_strbuf *out, const struct kn_rest_noun *noun, const struct kn_rest_attr *a,
                       const char *text)
{
    if (text == NULL || ((a->may & KN_REST_IF_SET) != 0 && text[0] == '\0')) {
        if ((a->may & KN_REST_IF_SET) == 0 && a->type != KN_REST_MEMBERS) {
            kn_jsonw_null(out, a->name);
        }
    } else if (a->type == KN_REST_MEMBERS) {
        write_members(out, text);
    } else if (a->type == KN_REST_BOOL) {
        kn_jsonw_bool(out, a->name, text[0] == 't');
    } else if (a->type == KN_REST_INT || a->type == KN_REST_JSON || a->type == KN_REST_TAGS) {
        kn_jsonw_raw(out, a->name, text);
    } else if (a->type == KN_REST_REAL) {
        kn_jsonw_raw(out, a->name, text);
        kn_strbuf_addstr(out, strpbrk(text, ".e") == NULL ? ".0" : "");
    } else if (a->type == KN_REST_TIME && noun->manners->time == NULL) {
        kn_rest_print_time(out, a->name, text, (a->may & KN_REST_FINE) != 0);
    } else {
        kn_jsonw_str(out, a->name, text);
    }
}

void kn_rest_printer_init(struct kn_rest_printer *p, const struct kn_rest_noun *noun, const struct kn_request *req,
                          unsigned view)
{
    struct print_walk walk = print_walk_of(noun, req, view);
    const struct kn_rest_attr *a;
    int col;

    p->noun = noun;
    p->req = req;
    p->view = view;
    p->count = 0;
    p->last = -1;
    while (noun->columns == NULL && (a = walk_on(&walk, &col)) != NULL) {
        if (col < 0 && a->print == NULL && a->type != KN_REST_LINKS) {
            continue;
        }
        if (p->count == KN_REST_SHOWN_MAX) {
            abort(); /* more than any noun has */
        }
        p->shown[p->count++] = (struct kn_rest_shown){ .attr = a, .col = col };
    }
}

/* As it was written for the row before, if that one had the same. */
static bool copy_shared(const struct kn_rest_printer *p, struct kn_rest_shown *s, const struct kn_rows *rows, int row,
                        struct kn_strbuf *out)
{
    if (p->last < 0 || strcmp(kn_rows_text(rows, p->last, s->col), kn_rows_text(rows, row, s->col)) != 0) {
        return false;
    }
    kn_strbuf_grow(out, s->len);
    kn_strbuf_add(out, out->buf + s->at, s->len); /* there is room: it does not move */
    s->at = out->len - s->len;
    return true;
}

void kn_rest_print(struct kn_rest_printer *p, const struct kn_rows *rows, int row, struct kn_strbuf *out)
{
    for (int i = 0; i < p->count; i++) {
        struct kn_rest_shown *s = &p->shown[i];
        const struct kn_rest_attr *a = s->attr;
        const bool is_shared = (a->may & KN_REST_SHARED) != 0;

        if (is_shared && copy_shared(p, s, rows, row, out)) {
            continue;
        }
        s->at = out->len;
        if (a->type == KN_REST_LINKS) {
            p->noun->manners->links(p->req, p->noun, kn_rest_id_of(rows, row), out);
        } else if (a->print != NULL) {
            a->print(p->req, a->name, s->col >= 0 ? kn_rows_text(rows, row, s->col) : "", out);
        } else {
            write_cell(out, p->noun, a, kn_rows_str(rows, row, s->col));
        }
        s->len = out->len - s->at;
    }
    p->last = row;
    if (p->noun->print != NULL) {
        p->noun->print(p->req, p->noun, rows, row, p->view, out);
    }
}

void kn_rest_members(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                     const struct kn_rows *rows, int row, struct kn_strbuf *out)
{
    struct kn_rest_printer printer;

    kn_rest_printer_init(&printer, noun, req, view);
    kn_rest_print(&printer, rows, row, out);
}

const char *kn_rest_cell(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, const char *name,
                         const struct kn_rows *rows, int row)
{
    struct print_walk walk = print_walk_of(noun, req, view);
    const struct kn_rest_attr *a;
    int col;

    while ((a = walk_on(&walk, &col)) != NULL) {
        if (col >= 0 && strcmp(a->name, name) == 0) {
            return kn_rows_str(rows, row, col);
        }
    }
    return NULL;
}

const char *kn_rest_was(const struct kn_rest_noun *noun, const struct kn_rows *now, const char *name)
{
    const char *text = kn_rest_cell(noun, NULL, KN_REST_NOW, name, now, 0);

    return text != NULL ? text : "";
}

static json_t *print_value_of(const struct kn_rest_attr *a, const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    switch (kn_rest_shape(a->type)) {
    case KN_IS_INTEGER:
        return json_integer(strtoll(text, NULL, 10));
    case KN_IS_BOOLEAN:
        return json_boolean(text[0] == 't');
    case KN_IS_LIST:
    case KN_IS_ANY:
        return json_loads(text, JSON_DECODE_ANY, NULL);
    case KN_IS_STRING:
    case KN_IS_NUMBER:
    case KN_IS_OBJECT:
    case KN_IS_MAP:
    case KN_IS_NULL:
        break;
    }
    return json_string(text);
}

json_t *kn_rest_object(const struct kn_rest_noun *noun, const struct kn_rows *now)
{
    json_t *object = json_object();

    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if ((a->may & KN_REST_PUT) != 0 && a->sql != NULL) {
            json_object_set_new(object, a->name,
                                print_value_of(a, kn_rest_cell(noun, NULL, KN_REST_NOW, a->name, now, 0)));
        }
    }
    return object;
}

const char *kn_rest_id_of(const struct kn_rows *rows, int row)
{
    enum { ID_COLUMN }; /* kn_rest_columns() begins with it */

    return kn_rows_text(rows, row, ID_COLUMN);
}
