/* SPDX-License-Identifier: Apache-2.0 */
/* os-hosts: where kilonova-volume runs, and what lies there: the back end is one directory that each of them serves, so each shows all of it. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "volume/api/private.h"

int kn_volume_api_hosts(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt HOSTS = { "volume_hosts",
                                          "SELECT host, stuck IS NULL AND last_seen > now() - interval '60 seconds', "
                                          "to_char(last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') "
                                          "FROM service WHERE binary_name = 'kilonova-volume' ORDER BY host",
                                          0 };
    enum { HOST, UP, SEEN };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *zone = kn_request_query(req, "zone");
    struct kn_strbuf *out = &res->body;

    if (kn_db_run(req->db, &HOSTS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_array(out, "hosts");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (zone != NULL && *zone != '\0' && strcmp(zone, KN_VOLUME_ZONE) != 0) {
            break;
        }
        kn_jsonw_object(out, NULL);
        kn_jsonw_str(out, "host_name", kn_rows_text(rows, i, HOST));
        kn_jsonw_str(out, "service", "cinder-volume");
        kn_jsonw_str(out, "zone", KN_VOLUME_ZONE);
        kn_jsonw_str(out, "service-status", kn_rows_bool(rows, i, UP) ? "available" : "unavailable");
        kn_jsonw_str(out, "service-state", "enabled");
        kn_jsonw_str(out, "last-update", kn_rows_text(rows, i, SEEN));
        kn_jsonw_end_object(out);
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
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
    static const struct kn_stmt THERE = { "volume_host",
                                          "SELECT 1 FROM service WHERE binary_name = 'kilonova-volume' AND host = $1",
                                          1 };
    static const struct kn_stmt LIES = {
        "volume_host_lies",
        "SELECT CASE WHEN grouping(project_id) = 1 THEN '(total)' ELSE project_id END, sum(v), sum(vg), sum(s), sum(sg) FROM ("
        "SELECT project_id, count(*) AS v, sum(size_gib) AS vg, 0 AS s, 0 AS sg FROM volume GROUP BY project_id UNION ALL "
        "SELECT project_id, 0, 0, count(*), sum(size_gib) FROM volume_snapshot GROUP BY project_id UNION ALL SELECT NULL, 0, 0, 0, 0) f "
        "GROUP BY GROUPING SETS ((project_id), ()) HAVING grouping(project_id) = 1 OR project_id IS NOT NULL "
        "ORDER BY grouping(project_id) DESC, 1",
        0
    };
    AUTO(kn_rows) struct kn_rows *there = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *out = &res->body;

    if (kn_db_run(req->db, &THERE, KN_ARGS(req->params[0]), &there, err) < 0) {
        return -1;
    }
    if (kn_rows_count(there) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Host %.64s could not be found.", req->params[0]);
    }
    if (kn_db_run(req->db, &LIES, KN_NO_ARGS, &rows, err) < 0) {
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
