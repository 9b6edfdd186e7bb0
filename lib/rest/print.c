/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as JSON: the columns of a SELECT and the members of an object come from the same walk over the table. */
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

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

static bool is_shown(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, const struct kn_rest_attr *a)
{
    return view == KN_REST_NOW ? a->sql != NULL : (a->may & view) != 0 && kn_rest_readable(a, req) && is_asked(noun, req, a->name);
}

void kn_rest_columns(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, struct kn_strbuf *sql)
{
    if (noun->columns != NULL) {
        kn_strbuf_addstr(sql, noun->columns);
        return;
    }
    kn_strbuf_addstr(sql, noun->id);
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (!is_shown(noun, req, view, a) || a->sql == NULL) {
            continue;
        }
        if (a->type == KN_REST_TIME) {
            kn_strbuf_addf(sql, ", to_char(%s AT TIME ZONE 'UTC', '%s')", a->sql, noun->manners->time);
        } else if (a->type == KN_REST_TAGS) {
            kn_strbuf_addf(sql, ", to_json(%s)", a->sql);
        } else {
            kn_strbuf_addf(sql, ", %s", a->sql);
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

static void write_cell(struct kn_strbuf *out, const struct kn_rest_attr *a, const struct kn_rows *rows, int row, int col)
{
    if ((a->may & KN_REST_IF_SET) != 0 && kn_rows_text(rows, row, col)[0] == '\0') {
        return;
    }
    if (a->type == KN_REST_MEMBERS) {
        write_members(out, kn_rows_text(rows, row, col));
    } else if (kn_rows_null(rows, row, col)) {
        kn_jsonw_null(out, a->name);
    } else if (a->type == KN_REST_BOOL) {
        kn_jsonw_bool(out, a->name, kn_rows_bool(rows, row, col));
    } else if (a->type == KN_REST_INT) {
        kn_jsonw_int(out, a->name, kn_rows_int(rows, row, col));
    } else if (a->type == KN_REST_JSON || a->type == KN_REST_TAGS) {
        kn_jsonw_raw(out, a->name, kn_rows_text(rows, row, col));
    } else {
        kn_jsonw_str(out, a->name, kn_rows_text(rows, row, col));
    }
}

void kn_rest_members(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, const struct kn_rows *rows,
                     int row, struct kn_strbuf *out)
{
    int col = 1;

    for (const struct kn_rest_attr *a = noun->attrs; noun->columns == NULL && a->name != NULL; a++) {
        if (!is_shown(noun, req, view, a)) {
            continue;
        }
        if (a->type == KN_REST_LINKS) {
            noun->manners->links(req, noun, kn_rest_id_of(rows, row), out);
        } else if (a->print != NULL) {
            a->print(req, a->name, kn_rows_text(rows, row, col++), out);
        } else if (a->sql != NULL) {
            write_cell(out, a, rows, row, col++);
        }
    }
    if (noun->print != NULL) {
        noun->print(req, noun, rows, row, view, out);
    }
}

const char *kn_rest_cell(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view, const char *name,
                         const struct kn_rows *rows, int row)
{
    int col = 1;

    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (!is_shown(noun, req, view, a) || a->sql == NULL) {
            continue;
        }
        if (strcmp(a->name, name) == 0) {
            return kn_rows_str(rows, row, col);
        }
        col++;
    }
    return NULL;
}

const char *kn_rest_was(const struct kn_rest_noun *noun, const struct kn_rows *now, const char *name)
{
    const char *text = kn_rest_cell(noun, NULL, KN_REST_NOW, name, now, 0);

    return text != NULL ? text : "";
}

const char *kn_rest_id_of(const struct kn_rows *rows, int row)
{
    return kn_rows_text(rows, row, 0);
}
