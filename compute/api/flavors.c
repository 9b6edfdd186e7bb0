/* SPDX-License-Identifier: Apache-2.0 */
/* Flavors over HTTP: list, show, create, describe, delete. Rows are flavor.c's; extra specs and access have files of their own. */
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "compute/rows/flavor.h"
#include "compute/rows/view.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

static const struct kn_schema FLAVOR[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_FLAVOR_ID, .rule = &KN_TEXT_FLAVOR_ID),
    KN_SCHEMA("id", KN_IS_INTEGER, .flags = KN_NULLABLE),
    KN_SCHEMA("ram", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_MEMORY_MIB),
    KN_SCHEMA("vcpus", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_VCPUS),
    KN_SCHEMA("disk", KN_IS_INTEGER, .flags = KN_REQUIRED, .limit = KN_LIMIT_FLAVOR_DISK_GIB),
    KN_SCHEMA("OS-FLV-EXT-DATA:ephemeral", KN_IS_INTEGER, .limit = KN_LIMIT_FLAVOR_EPHEMERAL_GIB),
    KN_SCHEMA("swap", KN_IS_INTEGER, .limit = KN_LIMIT_FLAVOR_SWAP_MIB),
    KN_SCHEMA("rxtx_factor", KN_IS_NUMBER),
    KN_SCHEMA("os-flavor-access:is_public", KN_IS_BOOLEAN),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_FLAVOR_DESCRIPTION, .rule = &KN_TEXT_PRINTABLE, .since = 55),
    KN_SCHEMA_END,
};
static const struct kn_schema CREATE[] = {
    KN_SCHEMA("flavor", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = FLAVOR),
    KN_SCHEMA_END,
};
static const struct kn_schema DESCRIPTION[] = {
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_REQUIRED | KN_NULLABLE, .limit = KN_LIMIT_FLAVOR_DESCRIPTION, .rule = &KN_TEXT_PRINTABLE),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("flavor", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = DESCRIPTION),
    KN_SCHEMA_END,
};

static const struct kn_sort_key SORT_KEYS[] = {
    { "flavorid", "f.id", "text" },           { "id", "f.id", "text" },
    { "name", "f.name", "text" },             { "vcpus", "f.vcpus", "integer" },
    { "memory_mb", "f.memory_mib", "integer" }, { "root_gb", "f.disk_gib", "integer" },
    { "ephemeral_gb", "f.ephemeral_gib", "integer" }, { "swap", "f.swap_mib", "integer" },
    { "is_public", "f.is_public", "boolean" }, { "disabled", "f.disabled", "boolean" },
    { "created_at", "f.created_at", "timestamptz" }, { "updated_at", "f.created_at", "timestamptz" },
    { "description", "coalesce(f.description, '')", "text" }, { "rxtx_factor", "f.rxtx_factor", "real" },
    { NULL, NULL, NULL },
};
static const char *const QUERY[] = { "limit", "marker", "is_public", "minRam", "minDisk", "sort_key", "sort_dir", NULL };

static void write_brief(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, KN_FLAVOR_ID));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, KN_FLAVOR_NAME));
    kn_view_links(sb, req, "flavors", kn_rows_text(rows, row, KN_FLAVOR_ID));
    if (kn_since(req, 55)) {
        kn_jsonw_str(sb, "description", kn_rows_str(rows, row, KN_FLAVOR_DESCRIPTION));
    }
}

/* 1 -> 1.0: clients want a float. */
static void write_factor(struct kn_strbuf *sb, const char *text)
{
    kn_jsonw_raw(sb, "rxtx_factor", text);
    if (strpbrk(text, ".e") == NULL) {
        kn_strbuf_addstr(sb, ".0");
    }
}

static void write_full(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    int64_t swap = kn_rows_int(rows, row, KN_FLAVOR_SWAP);

    write_brief(sb, req, rows, row);
    kn_jsonw_int(sb, "ram", kn_rows_int(rows, row, KN_FLAVOR_MEMORY));
    kn_jsonw_int(sb, "disk", kn_rows_int(rows, row, KN_FLAVOR_DISK));
    if (swap == 0 && !kn_since(req, 75)) {
        kn_jsonw_str(sb, "swap", "");
    } else {
        kn_jsonw_int(sb, "swap", swap);
    }
    kn_jsonw_int(sb, "OS-FLV-EXT-DATA:ephemeral", kn_rows_int(rows, row, KN_FLAVOR_EPHEMERAL));
    kn_jsonw_bool(sb, "OS-FLV-DISABLED:disabled", kn_rows_bool(rows, row, KN_FLAVOR_DISABLED));
    kn_jsonw_int(sb, "vcpus", kn_rows_int(rows, row, KN_FLAVOR_VCPUS));
    kn_jsonw_bool(sb, "os-flavor-access:is_public", kn_rows_bool(rows, row, KN_FLAVOR_PUBLIC));
    write_factor(sb, kn_rows_text(rows, row, KN_FLAVOR_RXTX));
    if (kn_since(req, 61)) {
        kn_jsonw_raw(sb, "extra_specs", kn_rows_text(rows, row, KN_FLAVOR_SPECS));
    }
}

static void answer_one(const struct kn_request *req, const struct kn_rows *rows, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "flavor");
    write_full(&res->body, req, rows, 0);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

/* Only an admin may ask for private flavors, or for all ("None"); everybody else sees the public ones and those of his project. */
static int add_public(const struct kn_request *req, struct kn_select *sel, struct kn_error *err)
{
    const char *asked = kn_request_query(req, "is_public");
    bool is_public = true;

    if (!req->caller.is_admin) {
        kn_select_add(sel, " AND NOT f.disabled AND (f.is_public OR EXISTS (SELECT FROM flavor_access a WHERE a.flavor_id = f.id "
                           "AND a.project_id = ?))", req->caller.project_id);
        return 0;
    }
    if (asked != NULL && strcasecmp(asked, "none") == 0) {
        return 0;
    }
    if (kn_request_query_bool(req, "is_public", true, &is_public, NULL) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid is_public filter [%.60s]", asked);
    }
    kn_select_text(sel, is_public ? " AND f.is_public" : " AND NOT f.is_public");
    return 0;
}

static int add_minimum(const struct kn_request *req, struct kn_select *sel, const char *name, const char *condition,
                       struct kn_error *err)
{
    const char *value = kn_request_query(req, name);

    if (value == NULL) {
        return 0;
    }
    if (value[0] == '\0' || strlen(value) > 9 || value[strspn(value, "0123456789")] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid %s filter [%.60s]", name, value);
    }
    kn_select_add(sel, condition, value);
    return 0;
}

static int list(struct kn_request *req, struct kn_response *res, bool full, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_page page;
    struct kn_order order;
    int count = 0;

    kn_select_text(&sel, KN_FLAVOR_SELECT);
    if (kn_query_known(req, QUERY, 75, err) < 0 || kn_page_read(req, &page, err) < 0 ||
        kn_order_read(req, SORT_KEYS, "flavorid", false, &SORT_KEYS[0], &order, err) < 0 || add_public(req, &sel, err) < 0 ||
        add_minimum(req, &sel, "minRam", " AND f.memory_mib >= ?::bigint", err) < 0 ||
        add_minimum(req, &sel, "minDisk", " AND f.disk_gib >= ?::bigint", err) < 0 ||
        kn_select_page(&sel, req->db, &order, &page, "flavor f", "f.id = ?", &marker, err) < 0 ||
        kn_select_run(&sel, req->db, &rows, err) < 0) {
        return -1;
    }
    count = kn_rows_count(rows);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "flavors");
    for (int row = 0; row < count; row++) {
        kn_jsonw_object(&res->body, NULL);
        if (full) {
            write_full(&res->body, req, rows, row);
        } else {
            write_brief(&res->body, req, rows, row);
        }
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_page_links(&res->body, req, &page, "flavors_links", full ? "/flavors/detail" : "/flavors", count,
                  count > 0 ? kn_rows_str(rows, count - 1, KN_FLAVOR_ID) : NULL);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_flavors_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, false, err);
}

int kn_flavors_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list(req, res, true, err);
}

int kn_flavors_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_flavor_get(req->db, req->params[0], kn_visible_project(req), &rows, err) < 0) {
        return -1;
    }
    answer_one(req, rows, res);
    return 0;
}

static void factor_text(const json_t *value, char out[32])
{
    if (json_is_string(value)) {
        snprintf(out, 32, "%.31s", json_string_value(value));
    } else {
        snprintf(out, 32, "%g", value != NULL ? json_number_value(value) : 1.0);
    }
}

/* The id as a client wrote it: text, a number, or null for one of ours. */
static void id_text(const json_t *value, char out[KN_SIZE_OF(FLAVOR_ID)])
{
    if (json_is_string(value)) {
        kn_copy(out, KN_SIZE_OF(FLAVOR_ID), json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(out, KN_SIZE_OF(FLAVOR_ID), "%lld", (long long)json_integer_value(value));
    } else {
        kn_uuid_make(out);
    }
}

int kn_flavors_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *in = NULL;
    char id[KN_SIZE_OF(FLAVOR_ID)], factor[32];
    struct kn_flavor flavor;

    if (kn_schema_check(CREATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "flavor");
    id_text(json_object_get(in, "id"), id);
    factor_text(json_object_get(in, "rxtx_factor"), factor);
    flavor = (struct kn_flavor){
        .id = id,
        .name = kn_json_str(in, "name"),
        .vcpus = kn_schema_int(in, "vcpus", 0),
        .memory_mib = kn_schema_int(in, "ram", 0),
        .disk_gib = kn_schema_int(in, "disk", 0),
        .ephemeral_gib = kn_schema_int(in, "OS-FLV-EXT-DATA:ephemeral", 0),
        .swap_mib = kn_schema_int(in, "swap", 0),
        .rxtx_factor = factor,
        .description = json_string_value(json_object_get(in, "description")),
        .is_public = kn_schema_bool(in, "os-flavor-access:is_public", true),
    };
    if (kn_flavor_insert(req->db, &flavor, &rows, err) < 0) {
        return -1;
    }
    answer_one(req, rows, res);
    return 0;
}

int kn_flavors_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *in = NULL;

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "flavor");
    if (kn_flavor_describe(req->db, req->params[0], json_string_value(json_object_get(in, "description")), &rows, err) < 0) {
        return -1;
    }
    answer_one(req, rows, res);
    return 0;
}

int kn_flavors_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_flavor_delete(req->db, req->params[0], err);
}
