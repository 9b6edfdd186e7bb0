/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator asks about back ends: pools and their room, which all share, what one can do, and what Cinder has around services that run as clusters. There is no
 * cluster, and nothing to clean up: work that was interrupted goes on by itself.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"
#include "volume/rows/capabilities.h"
#include "volume/rows/type.h"

/* The back end's name is that of its protocol, too. */
static const struct {
    const char *name, *title, *description;
} BACKENDS[] = {
    { "file", "Files in a directory", "Disks as files in a directory that every host sees at the same path" },
    { "nbd", "Disks by NBD", "Disks as files of one machine, which serves each to the host that has it" },
};

/* As a volume's os-vol-host-attr:host is (volume/rows/noun.c). */
static char *pools_name(const char *backend)
{
    return kn_asprintf(KN_VOLUME_HOST "@%s#%s", backend, backend);
}

/* --- pools -------------------------------------------------------------------------------------------------------------------- */

/* What the query asks for leaves a pool in: its name, and what a type asks of it. */
struct pools_asked {
    const char *name; /* NULL: any */
    json_t *specs; /* NULL: any type */
    bool detail;
};

static int pools_read(struct kn_request *req, struct pools_asked *ret, struct kn_error *err)
{
    static const struct kn_stmt SPECS = { "volume_pool_specs",
                                          "SELECT extra_specs FROM volume_type WHERE $1 IN (id::text, name)", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *type = req->microversion >= 35 ? kn_request_query(req, "volume_type") : NULL;

    if (kn_request_query_bool(req, "detail", false, &ret->detail, err) < 0 ||
        (type != NULL && kn_db_run(req->db, &SPECS, KN_ARGS(type), &rows, err) < 0)) {
        return -1;
    }
    if (type != NULL && kn_rows_count(rows) == 0) {
        return kn_volume_type_missing(type, KN_NOT_FOUND, err);
    }
    ret->name = req->microversion >= 28 ? kn_request_query(req, "name") : NULL;
    ret->specs = type != NULL ? json_loads(kn_rows_text(rows, 0, KN_ONLY), 0, NULL) : NULL;
    return 0;
}

static void pools_print(const struct pools_asked *asked, const char *backend, json_t *capabilities, const char *now,
                        struct kn_strbuf *out)
{
    AUTO_FREE char *name = pools_name(backend);
    const char *unmet = NULL;

    if ((asked->name != NULL && strcmp(asked->name, name) != 0) ||
        (asked->specs != NULL && !kn_volume_capabilities_fit(capabilities, asked->specs, &unmet))) {
        return;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", name);
    if (asked->detail) {
        json_object_set_new(capabilities, "updated", json_string(now));
        json_object_set_new(capabilities, "timestamp", json_string(now));
        AUTO_FREE char *text = json_dumps(capabilities, JSON_COMPACT);
        kn_jsonw_raw(out, "capabilities", text);
    }
    kn_jsonw_end_object(out);
}

int kn_volume_api_pools(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt PROMISED = {
        "volume_pool",
        "SELECT coalesce(sum(gib), 0)::bigint, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') FROM volume_promise",
        0
    };
    enum { GIB, NOW };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *backends = NULL;
    struct pools_asked asked = { 0 };

    if (pools_read(req, &asked, err) < 0) {
        return -1;
    }
    json_auto_t *specs = asked.specs; /* goes with this call */
    (void)specs;
    if (kn_db_run(req->db, &PROMISED, KN_NO_ARGS, &rows, err) < 0 ||
        kn_volume_backends(req->db, req->conf, &backends, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "pools");
    for (int i = 0; i < kn_rows_count(backends); i++) {
        const char *backend = kn_rows_text(backends, i, KN_BACKEND_NAME);
        json_auto_t *capabilities = kn_volume_capabilities(backend, req->conf->volume_file_gib,
                                                           kn_rows_int(rows, 0, GIB));

        pools_print(&asked, backend, capabilities, kn_rows_text(rows, 0, NOW), &res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_volume_api_capabilities(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *backends = NULL;
    struct kn_strbuf *out = &res->body;

    if (kn_volume_backends(req->db, req->conf, &backends, err) < 0) {
        return -1;
    }
    const int row = kn_volume_backend_row(backends, req->params[0]);
    if (row < 0) {
        return kn_fail(err, KN_NOT_FOUND, "Can't find service: %.64s", req->params[0]);
    }
    const char *backend = kn_rows_text(backends, row, KN_BACKEND_NAME);
    AUTO_FREE char *namespace = kn_asprintf("OS::Storage::Capabilities::" KN_VOLUME_HOST "@%s", backend);
    json_auto_t *said = kn_volume_capabilities(backend, req->conf->volume_file_gib, 0);
    static const char *const SAID[] = { "vendor_name", "volume_backend_name", "pool_name", "driver_version",
                                        "storage_protocol" };

    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "namespace", namespace);
    for (size_t i = 0; i < KN_COUNT(SAID); i++) {
        kn_jsonw_str(out, SAID[i], kn_json_str(said, SAID[i]));
    }
    for (size_t i = 0; i < KN_COUNT(BACKENDS); i++) {
        if (strcmp(BACKENDS[i].name, backend) == 0) {
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
