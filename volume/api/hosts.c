/* SPDX-License-Identifier: Apache-2.0 */
/* os-hosts: what os-services shows, as old clients know it, and what lies on each back end. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"

/* An entry; those that are not asked for are passed over. */
static void hosts_entry(const struct kn_request *req, const char *host, const char *service, bool is_up,
                        bool is_disabled, const char *seen, struct kn_strbuf *out)
{
    const char *zone = kn_request_query(req, "zone");

    if (zone != NULL && *zone != '\0' && strcmp(zone, KN_VOLUME_ZONE) != 0) {
        return;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "host_name", host);
    kn_jsonw_str(out, "service", service);
    kn_jsonw_str(out, "zone", KN_VOLUME_ZONE);
    kn_jsonw_str(out, "service-status", is_up ? "available" : "unavailable");
    kn_jsonw_str(out, "service-state", is_disabled ? "disabled" : "enabled");
    kn_jsonw_str(out, "last-update", seen);
    kn_jsonw_end_object(out);
}

int kn_volume_api_hosts(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt DAEMONS = { "volume_hosts",
                                            "SELECT host, stuck IS NULL AND last_seen > now() - interval '60 seconds', "
                                            "to_char(last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') "
                                            "FROM service WHERE binary_name = 'kilonova-volume' ORDER BY host",
                                            0 };
    enum { HOST, UP, SEEN };
    AUTO(kn_rows) struct kn_rows *daemons = NULL;
    AUTO(kn_rows) struct kn_rows *backends = NULL;
    struct kn_strbuf *out = &res->body;

    if (kn_db_run(req->db, &DAEMONS, KN_NO_ARGS, &daemons, err) < 0 ||
        kn_volume_backends(req->db, req->conf, &backends, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_array(out, "hosts");
    for (int i = 0; i < kn_rows_count(daemons); i++) {
        hosts_entry(req, kn_rows_text(daemons, i, HOST), "cinder-scheduler", kn_rows_bool(daemons, i, UP), false,
                    kn_rows_text(daemons, i, SEEN), out);
    }
    for (int i = 0; i < kn_rows_count(backends); i++) {
        AUTO_FREE char *host = kn_asprintf(KN_VOLUME_HOST "@%s", kn_rows_text(backends, i, KN_BACKEND_NAME));

        hosts_entry(req, host, "cinder-volume", kn_rows_bool(backends, i, KN_BACKEND_UP),
                    kn_rows_bool(backends, i, KN_BACKEND_DISABLED), kn_rows_str(backends, i, KN_BACKEND_SEEN), out);
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
    return 0;
}

/* *ret_rows: kn_volume_backends(), and which of them the path names. */
static int volume_hosts_find(struct kn_request *req, struct kn_rows **ret_rows, int *ret_row, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_volume_backends(req->db, req->conf, &rows, err) < 0) {
        return -1;
    }
    const int row = strchr(req->params[0], '#') == NULL ? kn_volume_backend_row(rows, req->params[0]) : -1;
    if (row < 0) {
        return kn_fail(err, KN_NOT_FOUND, "Host %.64s could not be found.", req->params[0]);
    }
    *ret_row = row;
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_volume_api_host_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const WORDS[] = { "enable", "disable", NULL };
    static const struct kn_schema BODY[] = { KN_SCHEMA("status", KN_IS_STRING, .words = WORDS), KN_SCHEMA_END };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int row = 0;

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0 || volume_hosts_find(req, &rows, &row, err) < 0) {
        return -1;
    }
    const char *status = json_string_value(json_object_get(req->body, "status"));
    const bool disables = status != NULL && strcmp(status, "disable") == 0;
    const struct kn_volume_backend_word word = { .disabled = disables ? "t" : "f" };

    if (status != NULL && kn_volume_backend_decide(req->db, kn_rows_text(rows, row, KN_BACKEND_NAME), &word, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    if (status != NULL) {
        kn_jsonw_str(&res->body, "host", req->params[0]);
        kn_jsonw_str(&res->body, "status", disables ? "disabled" : "enabled");
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

static void hosts_print(const char *host, const struct kn_rows *rows, int row, struct kn_strbuf *out)
{
    enum { PROJECT, VOLUMES, GIB, SNAPSHOTS, SNAPSHOT_GIB };

    kn_jsonw_object(out, NULL);
    kn_jsonw_object(out, "resource");
    kn_jsonw_str(out, "host", host);
    kn_jsonw_str(out, "project", kn_rows_text(rows, row, PROJECT));
    kn_jsonw_str(out, "volume_count", kn_rows_text(rows, row, VOLUMES));
    kn_jsonw_str(out, "total_volume_gb", kn_rows_text(rows, row, GIB));
    kn_jsonw_str(out, "snapshot_count", kn_rows_text(rows, row, SNAPSHOTS));
    kn_jsonw_str(out, "total_snapshot_gb", kn_rows_text(rows, row, SNAPSHOT_GIB));
    kn_jsonw_end_object(out);
    kn_jsonw_end_object(out);
}

int kn_volume_api_host(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt LIES = {
        "volume_host_lies",
        "SELECT CASE WHEN grouping(project_id) = 1 THEN '(total)' ELSE project_id END, sum(v), sum(vg), sum(s), sum(sg) FROM ("
        "SELECT project_id, count(*) AS v, sum(size_gib) AS vg, 0 AS s, 0 AS sg FROM volume WHERE backend = $1 GROUP BY project_id UNION ALL "
        "SELECT s.project_id, 0, 0, count(*), sum(s.size_gib) FROM volume_snapshot s JOIN volume v ON v.id = s.volume_id AND v.backend = $1 "
        "GROUP BY s.project_id UNION ALL SELECT NULL, 0, 0, 0, 0) f "
        "GROUP BY GROUPING SETS ((project_id), ()) HAVING grouping(project_id) = 1 OR project_id IS NOT NULL "
        "ORDER BY grouping(project_id) DESC, 1",
        1
    };
    AUTO(kn_rows) struct kn_rows *backends = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *out = &res->body;
    int row = 0;

    if (volume_hosts_find(req, &backends, &row, err) < 0 ||
        kn_db_run(req->db, &LIES, KN_ARGS(kn_rows_text(backends, row, KN_BACKEND_NAME)), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_array(out, "host");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        hosts_print(req->params[0], rows, i, out);
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
    return 0;
}
