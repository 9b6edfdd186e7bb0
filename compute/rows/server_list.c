/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns the query of GET /servers into SQL made of fixed pieces. Up to 2.74 a parameter that nobody knows or that is not for this
 * caller is left out, as Nova does; from 2.75 on an unknown one is refused. Writes no JSON.
 */
#include "compute/rows/server_list_private.h"

#include <string.h>
#include <strings.h>

#include "compute/rows/view.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define FOR_ADMINS 1000 /* a microversion that never comes */

#define NIC_ADDRESSES(version)                                                                                          \
    "(SELECT string_agg(ip->>'address', ' ') FROM jsonb_array_elements(s.nics) nic, jsonb_array_elements(nic->'ips') ip "   \
    "WHERE ip->>'version' = '" version "')"

static const struct kn_list_filter FILTERS[] = {
    { "name", REGEX_FILTER, 1, 1, "s.name" },
    { "display_name", REGEX_FILTER, 1, FOR_ADMINS, "s.name" },
    { "status", NO_FILTER, 1, 1, NULL },
    { "flavor", TEXT_FILTER, 1, 1, " AND s.flavor->>'id' = ?" },
    { "image", UUID_FILTER, 1, 1, " AND s.image_id = ?::uuid" },
    { "image_ref", UUID_FILTER, 1, FOR_ADMINS, " AND s.image_id = ?::uuid" },
    { "ip", ADDRESS_FILTER, 1, 1, NIC_ADDRESSES("4") },
    { "ip6", ADDRESS_FILTER, 1, 5, NIC_ADDRESSES("6") },
    { "reservation_id", REGEX_FILTER, 1, 1, "s.reservation_id" },
    { "changes-since", TIME_FILTER, 1, 1, " AND s.updated_at >= ?::timestamptz" },
    { "changes-before", TIME_FILTER, 66, 66, " AND s.updated_at < date_trunc('second', ?::timestamptz) + '1 second'" }, /* as shown */
    { "all_tenants", NO_FILTER, 1, 1, NULL },
    { "project_id", NO_FILTER, 1, FOR_ADMINS, NULL },
    { "tenant_id", NO_FILTER, 1, FOR_ADMINS, NULL },
    { "deleted", NO_FILTER, 1, FOR_ADMINS, NULL },
    { "soft_deleted", NO_FILTER, 1, FOR_ADMINS, NULL },
    { "tags", TAGS_FILTER, 26, 26, " AND s.tags @> string_to_array(?, ',')" },
    { "tags-any", TAGS_FILTER, 26, 26, " AND s.tags && string_to_array(?, ',')" },
    { "not-tags", TAGS_FILTER, 26, 26, " AND NOT s.tags @> string_to_array(?, ',')" },
    { "not-tags-any", TAGS_FILTER, 26, 26, " AND NOT s.tags && string_to_array(?, ',')" },
    { "locked", BOOL_FILTER, 73, 73, " AND s.locked = ?::boolean" },
    { "availability_zone", REGEX_FILTER, 1, 83, "s.zone" },
    { "config_drive", BOOL_FILTER, 1, 83, " AND s.config_drive = ?::boolean" },
    { "key_name", REGEX_FILTER, 1, 83, "s.key_name" },
    { "created_at", TIME_FILTER, 1, 83, " AND date_trunc('second', s.created_at) = ?::timestamptz" },
    { "launched_at", TIME_FILTER, 1, 83, " AND s.launched_at = ?::timestamptz" },
    { "terminated_at", TIME_FILTER, 1, 83, " AND s.terminated_at = ?::timestamptz" },
    { "power_state", NUMBER_FILTER, 1, 83, " AND s.power_state = ?::bigint" },
    { "task_state", TEXT_FILTER, 1, 83, " AND s.task_state = ?" },
    { "vm_state", TEXT_FILTER, 1, 83, " AND s.vm_state = ?" },
    { "progress", NUMBER_FILTER, 1, 83, " AND ?::bigint = 0" },
    { "user_id", TEXT_FILTER, 1, 83, " AND s.user_id = ?" },
    { "hostname", REGEX_FILTER, 1, 90, "s.hostname" },
    { "host", TEXT_FILTER, 1, FOR_ADMINS, " AND s.host = ?" },
    { "node", REGEX_FILTER, 1, FOR_ADMINS, "s.host" },
    { "uuid", UUID_FILTER, 1, FOR_ADMINS, " AND s.id = ?::uuid" },
    { "description", REGEX_FILTER, 1, FOR_ADMINS, "coalesce(s.description, '')" },
    { "display_description", REGEX_FILTER, 1, FOR_ADMINS, "coalesce(s.description, '')" },
    { "launch_index", NUMBER_FILTER, 1, FOR_ADMINS, " AND s.launch_index = ?::bigint" },
    { "access_ip_v4", REGEX_FILTER, 1, FOR_ADMINS, "s.access_ipv4" },
    { "access_ip_v6", REGEX_FILTER, 1, FOR_ADMINS, "s.access_ipv6" },
    { "kernel_id", TEXT_FILTER, 1, FOR_ADMINS, " AND ? = ''" },
    { "ramdisk_id", TEXT_FILTER, 1, FOR_ADMINS, " AND ? = ''" },
    { "root_device_name", TEXT_FILTER, 1, FOR_ADMINS, " AND ? = '/dev/vda'" },
    { "auto_disk_config", BOOL_FILTER, 1, FOR_ADMINS, " AND (s.disk_config = 'AUTO') = ?::boolean" },
    { "locked_by", TEXT_FILTER, 1, FOR_ADMINS, " AND s.locked AND ? IN ('admin', 'owner')" },
    { "limit", NO_FILTER, 1, 1, NULL },
    { "marker", NO_FILTER, 1, 1, NULL },
    { "sort_key", NO_FILTER, 1, 1, NULL },
    { "sort_dir", NO_FILTER, 1, 1, NULL },
    { "block_device_mapping", BAD_FILTER, 1, 1, NULL },
    { "services", BAD_FILTER, 1, 1, NULL },
    { "metadata", BAD_FILTER, 1, 1, NULL },
    { "system_metadata", BAD_FILTER, 1, 1, NULL },
    { "info_cache", BAD_FILTER, 1, 1, NULL },
    { "security_groups", BAD_FILTER, 1, 1, NULL },
    { "pci_devices", BAD_FILTER, 1, 1, NULL },
};

static const struct kn_sort_key SORT_KEYS[] = {
    { "created_at", "s.created_at", "timestamptz" },
    { "uuid", "s.id", "uuid" },
    { "display_name", "s.name", "text" },
    { "updated_at", "s.updated_at", "timestamptz" },
    { "launched_at", "coalesce(s.launched_at, '-infinity')", "timestamptz" },
    { "terminated_at", "coalesce(s.terminated_at, '-infinity')", "timestamptz" },
    { "vm_state", "s.vm_state", "text" },
    { "task_state", "coalesce(s.task_state, '')", "text" },
    { "power_state", "s.power_state", "smallint" },
    { "host", "coalesce(s.host, '')", "text" },
    { "node", "coalesce(s.host, '')", "text" },
    { "hostname", "s.hostname", "text" },
    { "image_ref", "coalesce(s.image_id::text, '')", "text" },
    { "instance_type_id", "s.flavor->>'id'", "text" },
    { "key_name", "coalesce(s.key_name, '')", "text" },
    { "launch_index", "s.launch_index", "integer" },
    { "availability_zone", "coalesce(s.zone, '')", "text" },
    { "display_description", "coalesce(s.description, '')", "text" },
    { "project_id", "s.project_id", "text" },
    { "user_id", "s.user_id", "text" },
    { "config_drive", "s.config_drive", "boolean" },
    { "auto_disk_config", "s.disk_config", "text" },
    { "access_ip_v4", "s.access_ipv4", "text" },
    { "access_ip_v6", "s.access_ipv6", "text" },
    { "locked", "s.locked", "boolean" },
    { NULL, NULL, NULL },
};

void kn_server_list_release(struct kn_server_list *list)
{
    if (list->rows != NULL) {
        kn_rows_free(list->rows);
        list->rows = NULL;
    }
}

static const struct kn_list_filter *find_filter(const struct kn_request *req, const char *name)
{
    for (size_t i = 0; i < KN_COUNT(FILTERS); i++) {
        if (strcmp(FILTERS[i].name, name) == 0 && kn_since(req, FILTERS[i].since)) {
            return &FILTERS[i];
        }
    }
    return NULL;
}

static int add_time(struct kn_list_reading *r, const struct kn_list_filter *f, const char *value)
{
    int64_t us = 0;

    if (kn_time_parse(value, &us) < 0) {
        return kn_fail(r->err, KN_BAD_REQUEST, "Invalid input for query parameters %s. Value: %.60s. '%.60s' is not a 'date-time'",
                       f->name, value, value);
    }
    if (r->time_count == KN_COUNT(r->times)) {
        return kn_fail(r->err, KN_BAD_REQUEST, "Too many times in one query");
    }
    kn_time_iso_us_z(us, r->times[r->time_count]);
    kn_select_add(&r->sel, f->sql, r->times[r->time_count++]);
    return 0;
}

static int add_filter(struct kn_list_reading *r, const struct kn_list_filter *f, const char *value)
{
    switch (f->kind) {
    case TEXT_FILTER:
    case TAGS_FILTER:
        kn_select_add(&r->sel, f->sql, value);
        return 0;
    case UUID_FILTER:
        if (!kn_uuid_valid(value)) {
            r->nothing = true;
            return 0;
        }
        kn_select_add(&r->sel, f->sql, value);
        return 0;
    case NUMBER_FILTER:
        if (value[0] == '\0' || strlen(value) > 9 || value[strspn(value, "0123456789")] != '\0') {
            r->nothing = true;
            return 0;
        }
        kn_select_add(&r->sel, f->sql, value);
        return 0;
    case BOOL_FILTER: {
        bool wanted = false;

        if (kn_request_query_bool(r->req, f->name, false, &wanted, r->err) < 0) {
            return -1;
        }
        kn_select_add(&r->sel, f->sql, wanted ? "t" : "f");
        return 0;
    }
    case REGEX_FILTER:
    case ADDRESS_FILTER:
        return kn_list_pattern(r, f, value);
    case TIME_FILTER:
        return add_time(r, f, value);
    case NO_FILTER:
        return 0;
    case BAD_FILTER:
        return kn_fail(r->err, KN_BAD_REQUEST, "Invalid filter field: %s.", f->name);
    }
    return 0;
}

/* One parameter of the query. A repeated one counts once: its first value. */
static void visit(void *ctx, const char *key, const char *value)
{
    struct kn_list_reading *r = ctx;
    const struct kn_list_filter *f = find_filter(r->req, key);

    if (r->result < 0 || kn_request_query(r->req, key) != value) {
        return;
    }
    if (key[0] == '_') {
        r->result = kn_fail(r->err, KN_BAD_REQUEST, "Invalid filter field: %.60s.", key);
        return;
    }
    if (f == NULL) {
        if (kn_since(r->req, 75)) {
            r->result = kn_fail(r->err, KN_BAD_REQUEST, "Additional properties are not allowed ('%.80s' was unexpected)", key);
        }
        return;
    }
    if (r->req->caller.is_admin || kn_since(r->req, f->for_all)) {
        r->result = add_filter(r, f, value);
    }
}

/* " column IN ('a', 'b')": the words are lib/domain's own, never a user's. */
static void add_words(struct kn_strbuf *sql, const char *column, const char *const *words, int count)
{
    kn_strbuf_addf(sql, "%s IN (", column);
    for (int i = 0; i < count; i++) {
        kn_strbuf_addf(sql, "%s'%s'", i > 0 ? ", " : "", words[i]);
    }
    kn_strbuf_addch(sql, ')');
}

/* status=…: may be repeated, any of them will do; each names vm_states and perhaps task_states. */
static int add_status(struct kn_list_reading *r)
{
    struct kn_strbuf *sql = &r->sel.sql;
    const char *vm[8], *tasks[16];
    const char *status = kn_request_query(r->req, "status");
    bool known = false;

    if (status == NULL) {
        return 0;
    }
    kn_strbuf_addstr(sql, " AND (false");
    for (int i = 0; status != NULL; status = kn_request_query_at(r->req, "status", ++i)) {
        int vm_count = kn_server_states_of(status, vm, KN_COUNT(vm));
        int task_count = kn_server_tasks_of(status, tasks, KN_COUNT(tasks));

        if (vm_count > 0) {
            known = true;
            kn_strbuf_addstr(sql, " OR (");
            add_words(sql, "s.vm_state", vm, vm_count);
            if (task_count > 0) {
                add_words(sql, " AND s.task_state", tasks, task_count);
            }
            kn_strbuf_addch(sql, ')');
        }
    }
    kn_strbuf_addch(sql, ')');
    r->nothing = r->nothing || !known;
    return known || !kn_since(r->req, 38) ? 0 : kn_fail(r->err, KN_BAD_REQUEST, "Invalid status value");
}

/* Whose servers: the caller's project's, or everybody's for an admin that says all_tenants. */
static int add_project(struct kn_list_reading *r)
{
    const struct kn_request *req = r->req;
    const char *project = kn_request_query(req, "project_id");
    const char *asked = kn_request_query(req, "all_tenants");
    bool all = false;

    if (asked != NULL && asked[0] == '\0') {
        all = true; /* ?all_tenants alone */
    } else if (kn_request_query_bool(req, "all_tenants", false, &all, r->err) < 0) {
        return -1;
    }
    if (!all) {
        kn_select_add(&r->sel, " AND s.project_id = ?", req->caller.project_id);
        return 0;
    }
    if (!req->caller.is_admin) {
        return kn_fail(r->err, KN_FORBIDDEN, "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.");
    }
    project = project != NULL ? project : kn_request_query(req, "tenant_id");
    if (project != NULL) {
        kn_select_add(&r->sel, " AND s.project_id = ?", project);
    }
    return 0;
}

/* Deleted ones are shown to admins that ask, and to everybody who asks for changes. */
static int add_deleted(struct kn_list_reading *r)
{
    const struct kn_request *req = r->req;
    const char *vm[4];
    const char *status = kn_request_query(req, "status");
    bool wanted = false;
    bool changes = kn_request_query(req, "changes-since") != NULL ||
                   (kn_since(req, 66) && kn_request_query(req, "changes-before") != NULL);

    if (req->caller.is_admin && kn_request_query_bool(req, "deleted", false, &wanted, NULL) < 0) {
        wanted = false; /* Nova takes nonsense for no */
    }
    if (status != NULL && kn_server_states_of(status, vm, 4) == 1 && strcmp(vm[0], "deleted") == 0) {
        if (!req->caller.is_admin) {
            return kn_fail(r->err, KN_FORBIDDEN, "Only administrators may list deleted instances");
        }
        wanted = true;
    }
    if (wanted) {
        kn_select_text(&r->sel, " AND s.deleted_at IS NOT NULL");
    } else if (!changes || (req->caller.is_admin && kn_request_query(req, "deleted") != NULL)) {
        kn_select_text(&r->sel, " AND s.deleted_at IS NULL");
    }
    return 0;
}

static int check_sort_keys(const struct kn_request *req, struct kn_error *err)
{
    for (int i = 0; kn_request_query_at(req, "sort_key", i) != NULL; i++) {
        const char *key = kn_request_query_at(req, "sort_key", i);

        if (!req->caller.is_admin && (strcmp(key, "host") == 0 || strcmp(key, "node") == 0)) {
            return kn_fail(err, KN_FORBIDDEN, "Only administrators can sort servers by %s", key);
        }
    }
    return 0;
}

/* What is not the caller's is as good as absent. */
static int check_marker(const struct kn_request *req, const char *marker, struct kn_error *err)
{
    static const struct kn_stmt OWN = { "server_marker_own", "SELECT FROM server WHERE id = $1 AND project_id = $2", 2 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (marker == NULL) {
        return 0;
    }
    if (kn_uuid_valid(marker)) {
        if (req->caller.is_admin) {
            return 0;
        }
        if (kn_db_run(req->db, &OWN, KN_ARGS(marker, req->caller.project_id), &rows, err) < 0) {
            return -1;
        }
    }
    return rows != NULL && kn_rows_count(rows) > 0 ? 0 : kn_fail(err, KN_BAD_REQUEST, "marker [%.80s] not found", marker);
}

int kn_list_filters(struct kn_list_reading *r)
{
    kn_request_query_each(r->req, visit, r);
    return r->result < 0 || add_project(r) < 0 || add_status(r) < 0 || add_deleted(r) < 0 ? -1 : 0;
}

int kn_server_list_read(const struct kn_request *req, bool brief, struct kn_server_list *ret, struct kn_error *err)
{
    static const struct kn_sort_key BY_ID = { "id", "s.id", "uuid" };
    AUTO_RELEASE(kn_list_reading) struct kn_list_reading r = { .req = req, .sel = KN_SELECT_INIT, .err = err };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    struct kn_server_list list = { NULL, { 0 }, false };
    struct kn_order order;
    struct kn_arg silence;

    kn_server_select(&r.sel, req, brief, &silence);
    if (kn_list_filters(&r) < 0 || kn_page_read(req, &list.page, err) < 0 || check_sort_keys(req, err) < 0 ||
        kn_order_read(req, SORT_KEYS, "created_at", true, &BY_ID, &order, err) < 0 || check_marker(req, list.page.marker, err) < 0) {
        return -1;
    }
    list.nothing = r.nothing || list.page.limit == 0;
    if (!list.nothing && (kn_list_page(&r, brief, &order, &list.page, &ids, &silence, &marker) < 0 ||
                          kn_select_run(&r.sel, req->db, &list.rows, err) < 0)) {
        return -1;
    }
    *ret = list;
    return 0;
}
