/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of images as SQL. Each parameter of the query string becomes a piece of the WHERE by a row of FILTERS or, if no
 * row knows it, a comparison with a property of the user's own; order and paging are query_sort.c's. Text from the user
 * never becomes SQL: it travels as an argument, or is one of our own words.
 */
#include "image/query_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

void kn_image_query_init(struct kn_image_query *q, const struct kn_caller *caller)
{
    *q = (struct kn_image_query){ .caller = caller, .where = KN_STRBUF_INIT, .sql = KN_STRBUF_INIT,
                                  .limit = KN_IMAGE_LIMIT_DEFAULT, .member_status = "accepted" };
    q->args[q->count++] = kn_strdup(caller->project_id);
    q->args[q->count++] = kn_strdup(caller->is_admin ? "t" : "f");
}

void kn_image_query_release(struct kn_image_query *q)
{
    for (int i = 0; i < q->count; i++) {
        free(q->args[i]);
    }
    q->count = 0;
    kn_strbuf_release(&q->where);
    kn_strbuf_release(&q->sql);
}

int kn_query_arg(struct kn_image_query *q, char *value, struct kn_error *err)
{
    if (q->count == KN_QUERY_ARGS_MAX) {
        free(value);
        return kn_fail(err, KN_BAD_REQUEST, "too many filters");
    }
    q->args[q->count++] = value;
    return 0;
}

/* " AND " + before + $n + after */
static int add_condition(struct kn_image_query *q, const char *before, const char *value, const char *after,
                         struct kn_error *err)
{
    if (kn_query_arg(q, kn_strdup(value), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where, " AND %s$%d%s", before, q->count, after);
    return 0;
}

/* --- filters -------------------------------------------------------------------------------------------------------- */

struct filter {
    const char *key;
    int (*add)(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err);
    const char *column;
};

static int add_equal(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return add_condition(q, "", value, f->column, err);
}

static int fail_quote(const char *text, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid filter value '%.128s'. %s", text, why);
}

/* Quotes stand around whole items. Glance's rules and words (glance/common/utils.py, validate_quotes). */
static int check_quotes(const char *text, struct kn_error *err)
{
    bool quoted = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '"' || (p > text && p[-1] == '\\')) {
            continue;
        }
        if (!quoted && p > text && p[-1] != ',') {
            return fail_quote(text, "There is no comma before opening quotation mark.", err);
        }
        if (quoted && p[1] != '\0' && p[1] != ',') {
            return fail_quote(text, "There is no comma after closing quotation mark.", err);
        }
        quoted = !quoted;
    }
    return quoted ? fail_quote(text, "The quote is not closed.", err) : 0;
}

/* a,"b,c",d -> {a; b,c; d} */
static void split_list(struct kn_array *list, const char *text)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf item = KN_STRBUF_INIT;
    bool quoted = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' && (p == text || p[-1] != '\\')) {
            quoted = !quoted;
        } else if (*p == ',' && !quoted) {
            kn_array_add(list, item.buf);
            kn_strbuf_clear(&item);
        } else {
            kn_strbuf_addch(&item, *p);
        }
    }
    kn_array_add(list, item.buf);
}

static const char *after_prefix(const char *value, const char *prefix)
{
    const size_t len = strlen(prefix);

    return strncmp(value, prefix, len) == 0 ? value + len : NULL;
}

/* name=x, name=eq:x, name=in:a,b */
static int add_in(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array list = KN_ARRAY_INIT;
    const char *in = after_prefix(value, "in:");
    const char *eq = after_prefix(value, "eq:");

    if (in != NULL && check_quotes(in, err) < 0) {
        return -1;
    }
    if (in != NULL) {
        split_list(&list, in);
    } else {
        kn_array_add(&list, eq != NULL ? eq : value);
    }
    kn_strbuf_addf(&q->where, " AND %s", f->column);
    if (kn_query_arg(q, kn_strdup(kn_array_value(&list)), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where, " = ANY ($%d::text[])", q->count);
    return 0;
}

/* As rows write them. */
static int add_ids(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    AUTO_FREE char *lower = kn_strdup(value);

    for (char *c = lower; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return add_in(q, f, lower, err);
}

static int add_number(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    char *end = NULL;
    struct kn_arg number;

    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (value[0] == '\0' || *end != '\0' || errno != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Unable to filter on a range with a non-numeric value.");
    }
    return add_condition(q, f->column, kn_arg_int(&number, n), "::bigint", err);
}

static int read_bool(const char *key, const char *value, bool *ret, struct kn_error *err)
{
    const bool yes = strcasecmp(value, "true") == 0;

    if (!yes && strcasecmp(value, "false") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid value '%.32s' for '%s' filter. Valid values are 'true' or 'false'.",
                       value, key);
    }
    *ret = yes;
    return 0;
}

static int add_bool(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    bool yes = false;

    return read_bool(f->key, value, &yes, err) < 0 ? -1 : add_condition(q, f->column, yes ? "t" : "f", "::boolean", err);
}

/* created_at=gte:2026-11-21T10:00:00Z; no operator means eq */
static int add_time(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    static const struct {
        const char *prefix, *sql;
    } OPS[] = { { "gte:", " >= " }, { "gt:", " > " }, { "lte:", " <= " }, { "lt:", " < " }, { "neq:", " <> " },
                { "eq:", " = " }, { "", " = " } };
    char time[KN_TIME_SIZE];
    int64_t us = 0;
    size_t i = 0;

    while (after_prefix(value, OPS[i].prefix) == NULL) {
        i++;
    }
    if (kn_time_parse(after_prefix(value, OPS[i].prefix), &us) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Bad \"%s\" query filter format. Use ISO 8601 DateTime notation.", f->key);
    }
    kn_time_iso_us_z(us, time);
    AUTO_FREE char *before = kn_asprintf("date_trunc('second', %s)%s", f->column, OPS[i].sql);
    return add_condition(q, before, time, "::timestamptz", err);
}

static int add_tag(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return add_condition(q, "i.tags @> ARRAY[", value, "::text]", err);
}

static int set_visibility(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    static const char *const WORDS[] = { "community", "public", "private", "shared", "all" };

    (void)f;
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcmp(WORDS[i], value) == 0) {
            q->visibility = WORDS[i];
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid visibility value: %.32s", value);
}

static int set_member_status(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    static const char *const WORDS[] = { "pending", "accepted", "rejected", "all" };

    (void)f;
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcmp(WORDS[i], value) == 0) {
            q->member_status = WORDS[i];
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid status: %.32s", value);
}

static int set_hidden(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    return read_bool(f->key, value, &q->hidden, err);
}

static int set_marker(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    (void)err;
    q->marker = value;
    return 0;
}

static int set_limit(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    char *end = NULL;

    (void)f;
    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (value[0] == '\0' || *end != '\0' || errno == EINVAL) {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be an integer");
    }
    if (n < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "limit param must be positive");
    }
    q->limit = n > KN_MAX_PAGE ? KN_MAX_PAGE : (int)n;
    return 0;
}

static int refuse(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)q;
    (void)value;
    return kn_fail(err, KN_BAD_REQUEST, "The \"%s\" filter is no longer available on v2.", f->key);
}

static int add_sort(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return kn_query_sort(q, value, err);
}

static int add_sort_key(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return kn_query_sort_key(q, value, err);
}

static int add_sort_dir(struct kn_image_query *q, const struct filter *f, const char *value, struct kn_error *err)
{
    (void)f;
    return kn_query_sort_dir(q, value, err);
}

/* --- the table ------------------------------------------------------------------------------------------------------ */

static const struct filter FILTERS[] = {
    { "changes-since", refuse, NULL },
    { "checksum", add_equal, " = b.md5" },
    { "container_format", add_in, "i.container_format" },
    { "created_at", add_time, "i.created_at" },
    { "disk_format", add_in, "i.disk_format" },
    { "id", add_ids, "i.id::text" },
    { "limit", set_limit, NULL },
    { "marker", set_marker, NULL },
    { "member_status", set_member_status, NULL },
    { "min_disk", add_number, "i.min_disk = " },
    { "min_disk_max", add_number, "i.min_disk <= " },
    { "min_disk_min", add_number, "i.min_disk >= " },
    { "min_ram", add_number, "i.min_ram = " },
    { "min_ram_max", add_number, "i.min_ram <= " },
    { "min_ram_min", add_number, "i.min_ram >= " },
    { "name", add_in, "i.name" },
    { "os_hash_algo", add_equal, " = CASE WHEN i.sha512 IS NULL THEN NULL ELSE 'sha512' END" },
    { "os_hash_value", add_equal, " = i.sha512" },
    { "os_hidden", set_hidden, NULL },
    { "owner", add_equal, " = i.owner" },
    { "protected", add_bool, "i.protected = " },
    { "size", add_number, "i.size = " },
    { "size_max", add_number, "i.size <= " },
    { "size_min", add_number, "i.size >= " },
    { "sort", add_sort, NULL },
    { "sort_dir", add_sort_dir, NULL },
    { "sort_key", add_sort_key, NULL },
    { "status", add_in, "i.status" },
    { "tag", add_tag, NULL },
    { "updated_at", add_time, "i.updated_at" },
    { "virtual_size", add_number, "i.virtual_size = " },
    { "virtual_size_max", add_number, "i.virtual_size <= " },
    { "virtual_size_min", add_number, "i.virtual_size >= " },
    { "visibility", set_visibility, NULL },
};

/* A property of the user's own. */
static int add_property(struct kn_image_query *q, const char *key, const char *value, struct kn_error *err)
{
    if (kn_query_arg(q, kn_strdup(key), err) < 0 || kn_query_arg(q, kn_strdup(value), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where, " AND i.properties @> jsonb_build_object($%d::text, $%d::text)", q->count - 1, q->count);
    return 0;
}

int kn_image_query_add(struct kn_image_query *q, const char *key, const char *value, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        if (strcmp(FILTERS[i].key, key) == 0) {
            return FILTERS[i].add(q, &FILTERS[i], value, err);
        }
    }
    return add_property(q, key, value, err);
}

/* Who sees what in a list: fewer than by id. Others' community images and unanswered offers show only when asked for. */
static int add_visible(struct kn_image_query *q, struct kn_error *err)
{
    const bool any_visibility = q->visibility != NULL && strcmp(q->visibility, "all") == 0;

    if (kn_query_arg(q, kn_strdup(q->member_status), err) < 0) {
        return -1;
    }
    kn_strbuf_addf(&q->where,
                   " AND ($2::boolean OR i.owner = $1 OR i.visibility IN ('public', 'community') OR "
                   "(i.visibility = 'shared' AND EXISTS (SELECT FROM image_member m WHERE m.image_id = i.id "
                   "AND m.member = $1 AND $%d::text IN (m.status, 'all'))))", q->count);
    if (q->visibility == NULL) {
        kn_strbuf_addstr(&q->where, " AND (i.owner = $1 OR i.visibility <> 'community')");
    }
    return q->visibility == NULL || any_visibility ? 0 : add_condition(q, "i.visibility = ", q->visibility, "", err);
}

int kn_image_query_finish(struct kn_image_query *q, struct kn_error *err)
{
    if (kn_query_settle_sorts(q, err) < 0 || add_visible(q, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&q->sql, kn_image_select);
    if (q->marker != NULL) {
        if (kn_query_arg(q, kn_strdup(q->marker), err) < 0) {
            return -1;
        }
        kn_strbuf_addf(&q->sql, "JOIN image mk ON mk.id = $%d ", q->count);
        kn_query_add_keyset(q);
    }
    kn_strbuf_addf(&q->sql, "WHERE i.deleted_at IS NULL AND i.os_hidden = %s%s", q->hidden ? "true" : "false",
                   q->where.buf);
    kn_query_add_order(q);
    kn_strbuf_addf(&q->sql, " LIMIT %d", q->limit);
    return 0;
}

int kn_image_query_run(struct kn_image_query *q, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_query(db, q->sql.buf, q->count, (const char *const *)q->args, ret_rows, err);
}
