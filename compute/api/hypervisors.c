/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-hypervisors as a table, for admins. From 2.53 on ids are uuids and searching is a query; from 2.88 on nothing is counted. Capacity and
 * usage are the scheduler's to write.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/hypervisor.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static void hypervisors_print_state(const struct kn_request *req, const char *name, const char *value,
                                    struct kn_strbuf *out)
{
    kn_jsonw_str(out, name, kn_compute_host_is_up(req, value) ? "up" : "down");
}

#define DETAIL KN_REST_LIST | KN_REST_SHOW
#define COUNT(name, sql) KN_REST_ATTR(name, sql, KN_REST_INT, DETAIL, .until = 87)
#define FREE_MIB "h.memory_mib - h.used_memory_mib - h.reserved_memory_mib"
#define SERVICE(id) "json_build_object('id', " id ", 'host', h.name, 'disabled_reason', " KN_HOST_REASON ")"
#define SERVERS \
    "(SELECT json_agg(json_build_object('uuid', s.id, 'name', s.name) ORDER BY s.created_at) FROM server s " \
    "WHERE s.host = h.name AND s.deleted_at IS NULL)"

/* Its silence and, behind a space, what it said. */
#define UPTIME "coalesce((" KN_HOST_SILENCE ")::text, '') || ' ' || coalesce(g.uptime, '')"

/* Of a host that is down nobody knows. */
static void hypervisors_print_uptime(const struct kn_request *req, const char *name, const char *value,
                                     struct kn_strbuf *out)
{
    const char *text = strchr(value, ' ');

    kn_jsonw_str(out, name,
                 text != NULL && text[1] != '\0' && kn_compute_host_is_up(req, value[0] == ' ' ? "" : value) ? text + 1
                                                                                                             : NULL);
}

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "h.uuid", KN_REST_UUID, KN_REST_ALWAYS, .since = 53),
    KN_REST_ATTR("id", KN_NUMBER_OF("h.uuid"), KN_REST_INT, KN_REST_ALWAYS, .until = 52),
    KN_REST_ATTR("hypervisor_hostname", "h.name", KN_REST_TEXT, KN_REST_ALWAYS),
    KN_REST_ATTR("state", KN_HOST_SILENCE, KN_REST_TEXT, KN_REST_ALWAYS, .print = hypervisors_print_state),
    KN_REST_ATTR("status", "CASE WHEN " KN_HOST_DISABLED " THEN 'disabled' ELSE 'enabled' END", KN_REST_TEXT,
                 KN_REST_ALWAYS),
    KN_REST_ATTR("hypervisor_type", "h.hypervisor_type", KN_REST_TEXT, DETAIL),
    KN_REST_ATTR("hypervisor_version", "h.hypervisor_version", KN_REST_INT, DETAIL),
    KN_REST_ATTR("host_ip", "h.underlay", KN_REST_TEXT, DETAIL),
    KN_REST_ATTR("service", SERVICE("h.uuid"), KN_REST_JSON, DETAIL, .since = 53),
    KN_REST_ATTR("service", SERVICE(KN_NUMBER_OF("h.uuid")), KN_REST_JSON, DETAIL, .until = 52),
    KN_REST_ATTR("uptime", UPTIME, KN_REST_TEXT, DETAIL, .since = 88, .print = hypervisors_print_uptime),
    COUNT("vcpus", "h.vcpus"),
    COUNT("vcpus_used", "h.used_vcpus"),
    COUNT("memory_mb", "h.memory_mib"),
    COUNT("memory_mb_used", "h.used_memory_mib + h.reserved_memory_mib"),
    COUNT("free_ram_mb", FREE_MIB),
    COUNT("local_gb", "h.disk_gib"),
    COUNT("local_gb_used", "h.used_disk_gib"),
    COUNT("free_disk_gb", "h.disk_gib - h.used_disk_gib"),
    COUNT("disk_available_least", "h.disk_gib - h.used_disk_gib"),
    COUNT("current_workload", "0"),
    COUNT("running_vms", "h.servers"),
    KN_REST_ATTR("cpu_info", "h.cpu_info", KN_REST_TEXT, DETAIL, .until = 27),
    KN_REST_ATTR("cpu_info", "h.cpu_info", KN_REST_JSON, DETAIL, .since = 28, .until = 87),
    KN_REST_ATTR("servers", SERVERS, KN_REST_JSON, KN_REST_EXTRA | KN_REST_IF_SET, .until = 74),
    KN_REST_ATTR("servers", "coalesce(" SERVERS ", '[]')", KN_REST_JSON, KN_REST_EXTRA, .since = 75),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("hypervisor_hostname_pattern", NULL, .since = 53),
    KN_REST_PARAM("with_servers", NULL, .since = 53),
    KN_REST_PARAMS_END,
};
static const char *const SHOW_QUERY[] = { "with_servers", NULL };

/* What the uptime's own route shows of it, until 2.87. */
static const struct kn_rest_attr UPTIME_ATTRS[] = {
    KN_REST_ATTR("id", "h.uuid", KN_REST_UUID, KN_REST_SHOW, .since = 53),
    KN_REST_ATTR("id", KN_NUMBER_OF("h.uuid"), KN_REST_INT, KN_REST_SHOW, .until = 52),
    KN_REST_ATTR("hypervisor_hostname", "h.name", KN_REST_TEXT, KN_REST_SHOW),
    KN_REST_ATTR("state", KN_HOST_SILENCE, KN_REST_TEXT, KN_REST_SHOW, .print = hypervisors_print_state),
    KN_REST_ATTR("status", "CASE WHEN " KN_HOST_DISABLED " THEN 'disabled' ELSE 'enabled' END", KN_REST_TEXT,
                 KN_REST_SHOW),
    KN_REST_ATTR("uptime", UPTIME, KN_REST_TEXT, KN_REST_SHOW, .print = hypervisors_print_uptime),
    KN_REST_ATTRS_END,
};

#define HYPERVISOR(id_sql, type, its_attrs) \
    { \
        .one = "hypervisor", .many = "hypervisors", .label = "Hypervisor", .path = "/os-hypervisors", \
        .absent = "Hypervisor with ID '%2' could not be found.", \
        .from = "any_host h JOIN agent g ON g.id = h.agent_id", .id = id_sql, .id_type = type, \
        .order = "hypervisor_hostname", .ascending = true, .ties = "", .unsorted = true, .pages_since = 33, \
        .strict_since = 53, .attrs = its_attrs, .params = PARAMS, .manners = &KN_REST_NOVA \
    }

#define NUMBER "(" KN_NUMBER_OF("h.uuid") ")::text"
static const struct kn_rest_noun BY_UUID = HYPERVISOR("h.uuid", KN_REST_UUID, ATTRS);
static const struct kn_rest_noun BY_NUMBER = HYPERVISOR(NUMBER, KN_REST_TEXT, ATTRS);
static const struct kn_rest_noun UPTIME_BY_UUID = HYPERVISOR("h.uuid", KN_REST_UUID, UPTIME_ATTRS);
static const struct kn_rest_noun UPTIME_BY_NUMBER = HYPERVISOR(NUMBER, KN_REST_TEXT, UPTIME_ATTRS);

static const struct kn_rest_noun *noun_of(const struct kn_request *req)
{
    return req->microversion >= 53 ? &BY_UUID : &BY_NUMBER;
}

/* Those whose name holds the pattern: all of them, or KN_NOT_FOUND. */
static int list_matching(struct kn_request *req, const char *pattern, unsigned view, struct kn_response *res,
                         struct kn_error *err)
{
    const struct kn_rest_bound matching[] = { { "strpos(h.name, ?) > 0", pattern }, { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_rows(noun_of(req), req, view, KN_REST_NO_WISHES, matching, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "No hypervisor matching '%.255s' could be found.", pattern);
    }
    kn_rest_write_all(noun_of(req), req, view, rows, res);
    return 0;
}

/* with_servers=true adds to a view. */
static int add_servers(const struct kn_request *req, unsigned *view, struct kn_error *err)
{
    bool with_servers = false;

    if (req->microversion >= 53 && kn_request_query_bool(req, "with_servers", false, &with_servers, err) < 0) {
        return -1;
    }
    *view |= with_servers ? KN_REST_EXTRA : 0u;
    return 0;
}

static int hypervisors_list(struct kn_request *req, unsigned view, const char *path, struct kn_response *res,
                            struct kn_error *err)
{
    const char *pattern = req->microversion >= 53 ? kn_request_query(req, "hypervisor_hostname_pattern") : NULL;

    if (add_servers(req, &view, err) < 0) {
        return -1;
    }
    if (pattern == NULL) {
        return kn_rest_list(noun_of(req), req, view, path, res, err);
    }
    if (kn_request_query(req, "limit") != NULL || kn_request_query(req, "marker") != NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not "
                       "supported.");
    }
    return list_matching(req, pattern, view, res, err);
}

int kn_compute_hypervisors_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return hypervisors_list(req, KN_REST_BRIEF, NULL, res, err);
}

int kn_compute_hypervisors_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return hypervisors_list(req, KN_REST_LIST, "/os-hypervisors/detail", res, err);
}

/* Up to 2.52: /os-hypervisors/{pattern}/search and …/servers. */
int kn_compute_hypervisors_search(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_matching(req, req->params[0], KN_REST_BRIEF, res, err);
}

int kn_compute_hypervisors_servers(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_matching(req, req->params[0], KN_REST_BRIEF | KN_REST_EXTRA, res, err);
}

int kn_compute_hypervisors_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    unsigned view = KN_REST_SHOW;

    if (kn_rest_only(noun_of(req), req, SHOW_QUERY, err) < 0 || add_servers(req, &view, err) < 0) {
        return -1;
    }
    if (req->microversion >= 53 && !kn_uuid_valid(req->params[0])) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", req->params[0]);
    }
    return kn_rest_show(noun_of(req), req, req->params[0], view, res, err);
}

int kn_compute_hypervisors_uptime(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_noun *noun = req->microversion >= 53 ? &UPTIME_BY_UUID : &UPTIME_BY_NUMBER;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *silence;

    if (req->microversion >= 53 && !kn_uuid_valid(req->params[0])) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", req->params[0]);
    }
    if (kn_rest_find(noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    silence = kn_rest_cell(noun, req, KN_REST_SHOW, "state", rows, 0);
    if (silence == NULL || !kn_compute_host_is_up(req, silence)) {
        return kn_fail(err, KN_BAD_REQUEST, "Compute service of %.255s is unavailable at this time.",
                       kn_rest_cell(noun, req, KN_REST_SHOW, "hypervisor_hostname", rows, 0));
    }
    kn_rest_write_one(noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_compute_hypervisors_statistics(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_hypervisor_totals(req->db, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_raw(&res->body, "hypervisor_statistics", kn_rows_text(rows, 0, kn_rows_col(rows, "totals")));
    kn_jsonw_end_object(&res->body);
    return 0;
}
