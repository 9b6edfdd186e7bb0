/* SPDX-License-Identifier: Apache-2.0 */
/* os-hypervisors over HTTP, for admins. From 2.53 on ids are uuids and searching is a query; from 2.88 on nothing is counted. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/hypervisor.h"
#include "compute/rows/view.h"
#include "lib/base/uuid.h"

#define STR(col) kn_rows_str(rows, row, col)
#define INT(col) kn_rows_int(rows, row, col)

static const char *const LIST_QUERY[] = { "limit", "marker", "hypervisor_hostname_pattern", "with_servers", NULL };
static const char *const SHOW_QUERY[] = { "with_servers", NULL };
static const struct kn_sort_key BY_NAME = { "name", "h.name", "text" };

static void write_id(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    if (kn_since(req, 53)) {
        kn_jsonw_str(sb, "id", STR(KN_HYPERVISOR_UUID));
    } else {
        kn_jsonw_int(sb, "id", INT(KN_HYPERVISOR_NUMBER));
    }
}

/* The sums and differences that 2.88 took away; `at`: the column of vcpus, for one host and for the totals alike. */
static void write_counts(struct kn_strbuf *sb, const struct kn_rows *rows, int row, int at)
{
    int64_t memory = INT(at + 2), memory_used = INT(at + 3), disk = INT(at + 4), disk_used = INT(at + 5);

    kn_jsonw_int(sb, "vcpus", INT(at));
    kn_jsonw_int(sb, "vcpus_used", INT(at + 1));
    kn_jsonw_int(sb, "memory_mb", memory);
    kn_jsonw_int(sb, "memory_mb_used", memory_used);
    kn_jsonw_int(sb, "free_ram_mb", memory - memory_used);
    kn_jsonw_int(sb, "local_gb", disk);
    kn_jsonw_int(sb, "local_gb_used", disk_used);
    kn_jsonw_int(sb, "free_disk_gb", disk - disk_used);
    kn_jsonw_int(sb, "disk_available_least", disk - disk_used);
    kn_jsonw_int(sb, "current_workload", 0);
    kn_jsonw_int(sb, "running_vms", INT(at + 6));
}

static void write_detail(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "hypervisor_type", STR(KN_HYPERVISOR_TYPE));
    kn_jsonw_int(sb, "hypervisor_version", INT(KN_HYPERVISOR_VERSION));
    kn_jsonw_str(sb, "host_ip", STR(KN_HYPERVISOR_IP));
    kn_jsonw_object(sb, "service");
    write_id(sb, req, rows, row);
    kn_jsonw_str(sb, "host", STR(KN_HYPERVISOR_NAME));
    kn_jsonw_str(sb, "disabled_reason", STR(KN_HYPERVISOR_REASON));
    kn_jsonw_end_object(sb);
    if (kn_since(req, 88)) {
        kn_jsonw_null(sb, "uptime"); /* no agent reports it */
        return;
    }
    write_counts(sb, rows, row, KN_HYPERVISOR_VCPUS);
    if (kn_since(req, 28)) {
        kn_jsonw_raw(sb, "cpu_info", STR(KN_HYPERVISOR_CPU_INFO));
    } else {
        kn_jsonw_str(sb, "cpu_info", STR(KN_HYPERVISOR_CPU_INFO));
    }
}

/* servers: host, id, name; NULL: they were not asked for. */
static void write_servers(struct kn_strbuf *sb, const struct kn_request *req, const char *host, const struct kn_rows *servers)
{
    bool any = false;

    for (int i = 0; i < kn_rows_count(servers); i++) {
        if (strcmp(kn_rows_text(servers, i, 0), host) != 0) {
            continue;
        }
        if (!any) {
            kn_jsonw_array(sb, "servers");
            any = true;
        }
        kn_jsonw_object(sb, NULL);
        kn_jsonw_str(sb, "uuid", kn_rows_str(servers, i, 1));
        kn_jsonw_str(sb, "name", kn_rows_str(servers, i, 2));
        kn_jsonw_end_object(sb);
    }
    if (any) {
        kn_jsonw_end_array(sb);
    } else if (kn_since(req, 75)) {
        kn_jsonw_raw(sb, "servers", "[]");
    }
}

static void write_one(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row, bool detail,
                      const struct kn_rows *servers)
{
    kn_jsonw_object(sb, NULL);
    write_id(sb, req, rows, row);
    kn_jsonw_str(sb, "hypervisor_hostname", STR(KN_HYPERVISOR_NAME));
    kn_jsonw_str(sb, "state", kn_rows_bool(rows, row, KN_HYPERVISOR_UP) ? "up" : "down");
    kn_jsonw_str(sb, "status", kn_rows_bool(rows, row, KN_HYPERVISOR_DISABLED) ? "disabled" : "enabled");
    if (detail) {
        write_detail(sb, req, rows, row);
    }
    if (servers != NULL) {
        write_servers(sb, req, kn_rows_text(rows, row, KN_HYPERVISOR_NAME), servers);
    }
    kn_jsonw_end_object(sb);
}

static int read_servers(const struct kn_request *req, const struct kn_rows *rows, struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array hosts = KN_ARRAY_INIT;

    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&hosts, kn_rows_text(rows, row, KN_HYPERVISOR_NAME));
    }
    return kn_hypervisor_servers(req->db, kn_array_value(&hosts), ret, err);
}

static int no_match(const char *pattern, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "No hypervisor matching '%.255s' could be found.", pattern);
}

struct listing {
    bool detail;
    bool with_servers;
    const char *pattern; /* NULL: all */
    bool links;
    const char *path;
};

static int list(struct kn_request *req, const struct listing *l, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *servers = NULL;
    const struct kn_order order = { { &BY_NAME }, { false }, 1 };
    struct kn_page page = { .limit = KN_MAX_PAGE };
    struct kn_arg silence;
    int count = 0;

    kn_hypervisor_select(&sel, &silence, req->conf->scheduler_agent_timeout_s);
    if (l->pattern != NULL) {
        kn_select_add(&sel, " AND strpos(h.name, ?) > 0", l->pattern);
    }
    if ((l->links && kn_page_read(req, &page, err) < 0) ||
        kn_select_page(&sel, req->db, &order, &page, "any_host h",
                       kn_since(req, 53) ? "h.uuid::text = ?" : "(hashtext(h.uuid::text) & 2147483647)::text = ?", &marker, err) < 0 ||
        kn_select_run(&sel, req->db, &rows, err) < 0 || (l->with_servers && read_servers(req, rows, &servers, err) < 0)) {
        return -1;
    }
    count = kn_rows_count(rows);
    if (count == 0 && l->pattern != NULL) {
        return no_match(l->pattern, err);
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "hypervisors");
    for (int row = 0; row < count; row++) {
        write_one(&res->body, req, rows, row, l->detail, servers);
    }
    kn_jsonw_end_array(&res->body);
    if (l->links && l->pattern == NULL && count > 0) {
        kn_page_links(&res->body, req, &page, "hypervisors_links", l->path, count,
                      kn_rows_str(rows, count - 1, kn_since(req, 53) ? KN_HYPERVISOR_UUID : KN_HYPERVISOR_NUMBER));
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int list_by_query(struct kn_request *req, bool detail, struct kn_response *res, struct kn_error *err)
{
    struct listing l = { .detail = detail, .links = kn_since(req, 33), .path = detail ? "/os-hypervisors/detail" : "/os-hypervisors" };

    if (kn_query_known(req, LIST_QUERY, 53, err) < 0) {
        return -1;
    }
    if (kn_since(req, 53)) {
        l.pattern = kn_request_query(req, "hypervisor_hostname_pattern");
        if (kn_request_query_bool(req, "with_servers", false, &l.with_servers, err) < 0) {
            return -1;
        }
    }
    if (l.pattern != NULL && (kn_request_query(req, "limit") != NULL || kn_request_query(req, "marker") != NULL)) {
        return kn_fail(err, KN_BAD_REQUEST, "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not "
                       "supported.");
    }
    return list(req, &l, res, err);
}

int kn_hypervisors_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_by_query(req, false, res, err);
}

int kn_hypervisors_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_by_query(req, true, res, err);
}

/* Up to 2.52: /os-hypervisors/{pattern}/search and …/servers. */
int kn_hypervisors_search(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct listing l = { .pattern = req->params[0] };

    return list(req, &l, res, err);
}

int kn_hypervisors_servers(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct listing l = { .pattern = req->params[0], .with_servers = true };

    return list(req, &l, res, err);
}

int kn_hypervisors_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *servers = NULL;
    const char *id = req->params[0];
    bool with_servers = false;
    struct kn_arg silence;

    if (kn_query_known(req, SHOW_QUERY, 53, err) < 0 ||
        (kn_since(req, 53) && kn_request_query_bool(req, "with_servers", false, &with_servers, err) < 0)) {
        return -1;
    }
    if (kn_since(req, 53) && !kn_uuid_valid(id)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", id);
    }
    kn_hypervisor_select(&sel, &silence, req->conf->scheduler_agent_timeout_s);
    kn_select_add(&sel, kn_since(req, 53) ? " AND h.uuid::text = lower(?)" : " AND (hashtext(h.uuid::text) & 2147483647)::text = ?", id);
    if (kn_select_run(&sel, req->db, &rows, err) < 0 || (with_servers && read_servers(req, rows, &servers, err) < 0)) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Hypervisor with ID '%.80s' could not be found.", id);
    }
    kn_strbuf_addstr(&res->body, "{\"hypervisor\":");
    write_one(&res->body, req, rows, 0, true, servers);
    kn_strbuf_addch(&res->body, '}');
    return 0;
}

int kn_hypervisors_statistics(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_hypervisor_totals(req->db, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "hypervisor_statistics");
    kn_jsonw_int(&res->body, "count", kn_rows_int(rows, 0, 0));
    write_counts(&res->body, rows, 0, 1);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
