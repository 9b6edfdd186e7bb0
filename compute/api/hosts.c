/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-hosts, until 2.42: what old clients know of hosts. Lists are those of os-services; what a host has and who uses it is counted from its row and its servers'. Switching a
 * host on and off, and its maintenance, no hypervisor does here, as Nova's with libvirt does not: os-services disables one.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/hypervisor.h"
#include "lib/base/jsonw.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

/* A blank one is none. */
static int hosts_filter(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                        struct kn_error *err)
{
    (void)key;
    (void)err;
    if (value[0] != '\0') {
        kn_rest_where(l, "%C = ?", a->sql, value);
    }
    return 0;
}

#define ALL_OF_THEM \
    "(SELECT h.name AS host, 'compute' AS service, h.zone FROM any_host h UNION ALL " \
    "SELECT s.host, replace(s.binary_name, 'kilonova-', ''), 'internal' FROM service s " \
    "WHERE s.binary_name IN ('kilonova-conductor', 'kilonova-scheduler')) v"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("host_name", "v.host", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("service", "v.service", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .filter = hosts_filter),
    KN_REST_ATTR("zone", "v.zone", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER, .filter = hosts_filter),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun HOSTS = {
    .one = "host",
    .many = "hosts",
    .label = "Host",
    .from = ALL_OF_THEM,
    .id = "v.host",
    .id_type = KN_REST_TEXT,
    .order = "host_name",
    .ascending = true,
    .ties = "host_name,service",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .attrs = ATTRS,
    .manners = &KN_REST_NOVA,
};

int kn_compute_hosts_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&HOSTS, req, KN_REST_LIST, NULL, res, err);
}

/* What it has, what is used of it, what its servers' flavors say, in all and of each project. */
static const struct kn_stmt RESOURCES = {
    "host_resources",
    "SELECT '(total)', vcpus, memory_mib, disk_gib FROM host WHERE name = $1 UNION ALL "
    "SELECT '(used_now)', used_vcpus, used_memory_mib + reserved_memory_mib, used_disk_gib FROM host WHERE name = $1 UNION ALL "
    "(SELECT coalesce(s.project_id, '(used_max)'), coalesce(sum((s.flavor->>'vcpus')::bigint), 0), coalesce(sum((s.flavor->>'ram')::bigint), 0), "
    "coalesce(sum((s.flavor->>'disk')::bigint + coalesce((s.flavor->>'ephemeral')::bigint, 0)), 0) FROM server s "
    "WHERE s.host = $1 AND s.deleted_at IS NULL GROUP BY ROLLUP (s.project_id) ORDER BY s.project_id NULLS FIRST)",
    1
};
enum { R_PROJECT, R_VCPUS, R_MEMORY, R_DISK };

static int hosts_find(struct kn_request *req, struct kn_error *err)
{
    return kn_compute_host_check(req->db, req->params[0], err) == 0 ? 0
           : err->code == KN_BAD_REQUEST
               ? kn_fail(err, KN_NOT_FOUND, "Compute host %.255s could not be found.", req->params[0])
               : -1;
}

int kn_compute_hosts_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (hosts_find(req, err) < 0 || kn_db_run(req->db, &RESOURCES, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "host");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_object(&res->body, "resource");
        kn_jsonw_str(&res->body, "host", req->params[0]);
        kn_jsonw_str(&res->body, "project", kn_rows_text(rows, i, R_PROJECT));
        kn_jsonw_int(&res->body, "cpu", kn_rows_int(rows, i, R_VCPUS));
        kn_jsonw_int(&res->body, "memory_mb", kn_rows_int(rows, i, R_MEMORY));
        kn_jsonw_int(&res->body, "disk_gb", kn_rows_int(rows, i, R_DISK));
        kn_jsonw_end_object(&res->body);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static const char *const SWITCH[] = { "enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE", NULL };
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("status", KN_IS_STRING, .words = SWITCH),
    KN_SCHEMA("maintenance_mode", KN_IS_STRING, .words = SWITCH),
    KN_SCHEMA_END,
};

int kn_compute_hosts_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (json_object_size(req->body) == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for field/attribute body: status or maintenance_mode is required.");
    }
    return hosts_find(req, err) < 0
               ? -1
               : kn_fail(err, KN_NOT_IMPLEMENTED, "Virt driver does not implement host %s.",
                         json_object_get(req->body, "status") != NULL ? "disabled status" : "maintenance mode");
}

int kn_compute_hosts_power(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return hosts_find(req, err) < 0
               ? -1
               : kn_fail(err, KN_NOT_IMPLEMENTED, "Virt driver does not implement host power management.");
}
