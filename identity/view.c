/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the JSON of domains, projects, users, groups and roles. Columns come in the order that each noun's SELECT (…_COLUMNS) names. */
#include "identity/view.h"

#include <string.h>

#include "identity/nouns.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

void kn_view_self(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/%s/%s", req->base_url, collection, id);

    kn_jsonw_object(sb, "links");
    kn_jsonw_str(sb, "self", self);
    kn_jsonw_end_object(sb);
}

static void add_options(struct kn_strbuf *sb, bool immutable)
{
    kn_jsonw_object(sb, "options");
    if (immutable) {
        kn_jsonw_bool(sb, "immutable", true);
    }
    kn_jsonw_end_object(sb);
}

void kn_view_members(struct kn_strbuf *sb, const char *object)
{
    size_t len = strlen(object);

    if (len > 2) { /* more than {} */
        kn_strbuf_addch(sb, ',');
        kn_strbuf_add(sb, object + 1, len - 2);
    }
}

void kn_view_domain(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 2));
    kn_jsonw_bool(sb, "enabled", kn_rows_bool(rows, row, 3));
    kn_jsonw_raw(sb, "tags", kn_rows_str(rows, row, 4));
    add_options(sb, kn_rows_bool(rows, row, 5));
    kn_view_members(sb, kn_rows_text(rows, row, 6));
    kn_view_self(sb, req, "domains", kn_rows_text(rows, row, 0));
}

void kn_view_project(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "domain_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 3));
    kn_jsonw_bool(sb, "enabled", kn_rows_bool(rows, row, 4));
    kn_jsonw_str(sb, "parent_id", kn_rows_str(rows, row, 5));
    kn_jsonw_raw(sb, "tags", kn_rows_str(rows, row, 6));
    kn_jsonw_bool(sb, "is_domain", kn_rows_bool(rows, row, 7));
    add_options(sb, kn_rows_bool(rows, row, 8));
    kn_view_members(sb, kn_rows_text(rows, row, 9));
    kn_view_self(sb, req, "projects", kn_rows_text(rows, row, 0));
}

static void add_if_set(struct kn_strbuf *sb, const char *key, const char *value)
{
    if (value[0] != '\0') {
        kn_jsonw_str(sb, key, value);
    }
}

void kn_view_password_expiry(struct kn_strbuf *sb, int64_t expires_us)
{
    char time[KN_TIME_SIZE];

    kn_time_iso_us(expires_us, time);
    kn_jsonw_str(sb, "password_expires_at", expires_us > 0 ? time : NULL);
}

void kn_view_user(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "domain_id", kn_rows_str(rows, row, 2));
    add_if_set(sb, "description", kn_rows_text(rows, row, 3));
    kn_jsonw_bool(sb, "enabled", kn_rows_bool(rows, row, 4));
    add_if_set(sb, "email", kn_rows_text(rows, row, 5));
    add_if_set(sb, "default_project_id", kn_rows_text(rows, row, 6));
    kn_view_password_expiry(sb, kn_rows_int(rows, row, 7));
    kn_jsonw_raw(sb, "options", kn_rows_str(rows, row, 8));
    kn_view_members(sb, kn_rows_text(rows, row, 9));
    kn_view_self(sb, req, "users", kn_rows_text(rows, row, 0));
}

void kn_view_group(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "domain_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 3));
    kn_view_members(sb, kn_rows_text(rows, row, 4));
    kn_view_self(sb, req, "groups", kn_rows_text(rows, row, 0));
}

void kn_view_role(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "domain_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "description", kn_rows_str(rows, row, 3));
    add_options(sb, kn_rows_bool(rows, row, 4));
    kn_view_members(sb, kn_rows_text(rows, row, 5));
    kn_view_self(sb, req, "roles", kn_rows_text(rows, row, 0));
}

struct link {
    struct kn_strbuf *sb;
    const char *separator;
    const char *except; /* a key that is left out; NULL = none */
};

/* What was asked, asked again. */
static void add_query(void *ctx, const char *key, const char *value)
{
    struct link *link = ctx;

    if (link->except != NULL && strcmp(key, link->except) == 0) {
        return;
    }
    kn_strbuf_addstr(link->sb, link->separator);
    kn_strbuf_addurl(link->sb, key);
    kn_strbuf_addch(link->sb, '=');
    kn_strbuf_addurl(link->sb, value);
    link->separator = "&";
}

/* last_id: the last one of a page that has a next one; NULL if it has none. */
static void list_links(struct kn_strbuf *sb, const struct kn_request *req, const char *last_id)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf next = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf self = KN_STRBUF_INIT;
    struct link to_next = { &next, "?", "marker" }, to_self = { &self, "?", NULL };

    kn_strbuf_addf(&self, "%s%s", req->base_url, req->path);
    if (last_id != NULL) {
        kn_strbuf_addstr(&next, self.buf);
        kn_request_query_each(req, add_query, &to_next);
        kn_strbuf_addf(&next, "%smarker=", to_next.separator);
        kn_strbuf_addurl(&next, last_id);
    }
    kn_request_query_each(req, add_query, &to_self);
    kn_jsonw_object(sb, "links");
    kn_jsonw_str(sb, "next", last_id != NULL ? next.buf : NULL);
    kn_jsonw_str(sb, "self", self.buf);
    kn_jsonw_null(sb, "previous");
    kn_jsonw_end_object(sb);
}

void kn_view_list_links(struct kn_strbuf *sb, const struct kn_request *req)
{
    list_links(sb, req, NULL);
}

void kn_view_page(struct kn_response *res, const struct kn_request *req, const char *key, const struct kn_rows *rows,
                  int64_t limit, kn_view *view)
{
    bool more = limit > 0 && kn_rows_count(rows) > limit;
    int count = more ? (int)limit : kn_rows_count(rows);

    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, key);
    for (int i = 0; i < count; i++) {
        kn_jsonw_object(&res->body, NULL);
        view(&res->body, req, rows, i);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    list_links(&res->body, req, more ? kn_rows_text(rows, count - 1, 0) : NULL);
    if (more) {
        kn_jsonw_bool(&res->body, "truncated", true);
    }
    kn_jsonw_end_object(&res->body);
}

void kn_view_list(struct kn_response *res, const struct kn_request *req, const char *key, const struct kn_rows *rows,
                  kn_view *view)
{
    kn_view_page(res, req, key, rows, 0, view);
}

int kn_view_one(struct kn_response *res, const struct kn_request *req, const char *key, const char *id,
                const struct kn_rows *rows, kn_view *view, struct kn_error *err)
{
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find %s: %s.", key, id);
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, key);
    view(&res->body, req, rows, 0);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
