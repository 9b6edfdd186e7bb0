/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator asks about back ends: pools and their room, what one can do, and what Cinder has around services that run as clusters. New volumes go to one
 * back end (volume.driver), so there is one pool, no cluster, and nothing to clean up: work that was interrupted goes on by itself.
 */
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/version.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"

#define VENDOR "Open Source" /* as drivers of Cinder say that are no vendor's */

/* The back end's name is that of its protocol, too. */
static const struct {
    const char *name, *title, *description;
} BACKENDS[] = {
    { "file", "Files in a directory", "Disks as files in a directory that every host sees at the same path" },
    { "nbd", "Disks by NBD", "Disks as files of one machine, which serves each to the host that has it" },
};

static const char *pools_backend(const struct kn_request *req)
{
    return req->conf->volume_driver;
}

static char *pools_host(const struct kn_request *req)
{
    return kn_asprintf("kilonova@%s", pools_backend(req));
}

/* As a volume's os-vol-host-attr:host is (volume/rows/noun.c). */
static char *pools_name(const struct kn_request *req)
{
    return kn_asprintf("kilonova@%s#%s", pools_backend(req), pools_backend(req));
}

/* --- pools -------------------------------------------------------------------------------------------------------------------- */

static void pools_print_capabilities(const struct kn_request *req, const char *now, int64_t promised_gib,
                                     struct kn_strbuf *out)
{
    const int64_t all_gib = req->conf->volume_file_gib;

    kn_jsonw_object(out, "capabilities");
    kn_jsonw_str(out, "volume_backend_name", pools_backend(req));
    kn_jsonw_str(out, "pool_name", pools_backend(req));
    kn_jsonw_str(out, "vendor_name", VENDOR);
    kn_jsonw_str(out, "driver_version", KN_VERSION);
    kn_jsonw_str(out, "storage_protocol", pools_backend(req));
    kn_jsonw_int(out, "total_capacity_gb", all_gib);
    kn_jsonw_int(out, "free_capacity_gb", all_gib > promised_gib ? all_gib - promised_gib : 0);
    kn_jsonw_int(out, "allocated_capacity_gb", promised_gib);
    kn_jsonw_int(out, "provisioned_capacity_gb", promised_gib);
    kn_jsonw_int(out, "reserved_percentage", 0);
    kn_jsonw_bool(out, "thin_provisioning_support", true);
    kn_jsonw_bool(out, "thick_provisioning_support", false);
    kn_jsonw_bool(out, "QoS_support", false);
    kn_jsonw_bool(out, "multiattach", false);
    kn_jsonw_bool(out, "replication_enabled", false);
    kn_jsonw_str(out, "updated", now);
    kn_jsonw_str(out, "timestamp", now);
    kn_jsonw_end_object(out);
}

/* Whether what the query asks for leaves the pool in: its name, and a type that it can serve. */
static int pools_match(struct kn_request *req, bool *ret, struct kn_error *err)
{
    static const struct kn_stmt SERVES = {
        "volume_pool_serves",
        "SELECT extra_specs - 'multiattach' <@ jsonb_build_object('volume_backend_name', $2::text) FROM volume_type WHERE $1 IN (id::text, name)",
        2
    };
    enum { SERVES_IT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *pool = pools_name(req);
    const char *name = req->microversion >= 28 ? kn_request_query(req, "name") : NULL,
               *type = req->microversion >= 35 ? kn_request_query(req, "volume_type") : NULL;

    if (type != NULL && kn_db_run(req->db, &SERVES, KN_ARGS(type, pools_backend(req)), &rows, err) < 0) {
        return -1;
    }
    if (type != NULL && kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Volume type with name %.64s could not be found.", type);
    }
    *ret = (name == NULL || strcmp(name, pool) == 0) && (type == NULL || kn_rows_bool(rows, 0, SERVES_IT));
    return 0;
}

int kn_volume_api_pools(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt PROMISED = {
        "volume_pool",
        "SELECT coalesce(sum(size_gib), 0), to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') FROM "
        "(SELECT size_gib, status FROM volume UNION ALL SELECT size_gib, status FROM volume_snapshot) o WHERE status <> 'error'",
        0
    };
    enum { GIB, NOW };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *pool = pools_name(req);
    bool detail = false, is_there = false;

    if (kn_request_query_bool(req, "detail", false, &detail, err) < 0 || pools_match(req, &is_there, err) < 0 ||
        kn_db_run(req->db, &PROMISED, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "pools");
    if (is_there) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "name", pool);
        if (detail) {
            pools_print_capabilities(req, kn_rows_text(rows, 0, NOW), kn_rows_int(rows, 0, GIB), &res->body);
        }
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_capabilities(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_FREE char *host = pools_host(req), *pool = pools_name(req);
    AUTO_FREE char *namespace = kn_asprintf("OS::Storage::Capabilities::%s", host);
    struct kn_strbuf *out = &res->body;

    if (strcmp(req->params[0], host) != 0 && strcmp(req->params[0], pool) != 0) {
        return kn_fail(err, KN_NOT_FOUND, "Can't find service: %.64s", req->params[0]);
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "namespace", namespace);
    kn_jsonw_str(out, "vendor_name", VENDOR);
    kn_jsonw_str(out, "volume_backend_name", pools_backend(req));
    kn_jsonw_str(out, "pool_name", pools_backend(req));
    kn_jsonw_str(out, "driver_version", KN_VERSION);
    kn_jsonw_str(out, "storage_protocol", pools_backend(req));
    for (size_t i = 0; i < KN_COUNT(BACKENDS); i++) {
        if (strcmp(BACKENDS[i].name, pools_backend(req)) == 0) {
            kn_jsonw_str(out, "display_name", BACKENDS[i].title);
            kn_jsonw_str(out, "description", BACKENDS[i].description);
        }
    }
    kn_jsonw_str(out, "visibility", "pool");
    kn_jsonw_raw(out, "replication_targets", "[]");
    kn_jsonw_raw(out, "properties", "{}");
    kn_jsonw_end_object(out);
    return 0;
}

/* --- clusters and workers ----------------------------------------------------------------------------------------------------- */

static int pools_no_cluster(const char *name, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Cluster %.64s could not be found.", name);
}

int kn_volume_api_cluster(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return pools_no_cluster(req->params[0], err);
}

int kn_volume_api_cluster_switch(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_HOST),
        KN_SCHEMA("binary", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_BINARY),
        KN_SCHEMA("disabled_reason", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_DISABLED_REASON),
        KN_SCHEMA_END,
    };

    (void)res;
    if (strcmp(req->params[0], "enable") != 0 && strcmp(req->params[0], "disable") != 0) {
        return kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
    }
    return kn_schema_check(BODY, req->body, req->microversion, err) < 0
               ? -1
               : pools_no_cluster(kn_json_str(req->body, "name"), err);
}

int kn_volume_api_cleanup(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const BINARIES[] = { "cinder-volume", "cinder-scheduler", NULL };
    static const char *const TYPES[] = { "volume", "snapshot", "Volume", "Snapshot", NULL };
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("cluster_name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_HOST),
        KN_SCHEMA("disabled", KN_IS_BOOLEAN),
        KN_SCHEMA("host", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_HOST),
        KN_SCHEMA("is_up", KN_IS_BOOLEAN),
        KN_SCHEMA("binary", KN_IS_STRING, .words = BINARIES),
        KN_SCHEMA("resource_id", KN_IS_STRING, .flags = KN_NULLABLE, .rule = &KN_TEXT_UUID),
        KN_SCHEMA("resource_type", KN_IS_STRING, .flags = KN_NULLABLE, .words = TYPES),
        KN_SCHEMA("service_id", KN_IS_INTEGER, .flags = KN_NULLABLE),
        KN_SCHEMA_END,
    };

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (json_is_string(json_object_get(req->body, "resource_id"))) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: There is no resource with UUID %s pending cleanup.",
                       kn_json_str(req->body, "resource_id"));
    }
    kn_strbuf_addstr(&res->body, "{\"cleaning\":[],\"unavailable\":[]}");
    return 0;
}
