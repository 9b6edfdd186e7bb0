/* SPDX-License-Identifier: Apache-2.0 */
/* os-services and os-availability-zone over HTTP: which daemons live, which hosts may be used, which zones they make. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/hypervisor.h"
#include "compute/rows/view.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

#define COMPUTE "nova-compute"

static const char *const STATUSES[] = { "enabled", "disabled", NULL };
static const struct kn_schema UPDATE[] = {
    KN_SCHEMA("status", KN_IS_STRING, .words = STATUSES),
    KN_SCHEMA("disabled_reason", KN_IS_STRING, .limit = KN_LIMIT_DISABLED_REASON),
    KN_SCHEMA("forced_down", KN_IS_BOOLEAN),
    KN_SCHEMA_END,
};
static const struct kn_schema OLD_UPDATE[] = {
    KN_SCHEMA("host", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_HOST, .rule = &KN_TEXT_FQDN),
    KN_SCHEMA("binary", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_BINARY),
    KN_SCHEMA("disabled_reason", KN_IS_STRING, .limit = KN_LIMIT_DISABLED_REASON),
    KN_SCHEMA("forced_down", KN_IS_BOOLEAN, .since = 11),
    KN_SCHEMA_END,
};
static const char *const LIST_QUERY[] = { "host", "binary", NULL };

static void write_service(struct kn_strbuf *sb, const struct kn_request *req, const char *key, const struct kn_rows *rows, int row)
{
    kn_jsonw_object(sb, key);
    if (kn_since(req, 53)) {
        kn_jsonw_str(sb, "id", kn_rows_str(rows, row, KN_SERVICE_UUID));
    } else {
        kn_jsonw_int(sb, "id", kn_rows_int(rows, row, KN_SERVICE_NUMBER));
    }
    kn_jsonw_str(sb, "binary", kn_rows_str(rows, row, KN_SERVICE_BINARY));
    kn_jsonw_str(sb, "host", kn_rows_str(rows, row, KN_SERVICE_HOST));
    kn_jsonw_str(sb, "zone", kn_rows_str(rows, row, KN_SERVICE_ZONE));
    kn_jsonw_str(sb, "status", kn_rows_bool(rows, row, KN_SERVICE_DISABLED) ? "disabled" : "enabled");
    kn_jsonw_str(sb, "state", kn_rows_bool(rows, row, KN_SERVICE_UP) ? "up" : "down");
    kn_view_time_us(sb, "updated_at", kn_rows_str(rows, row, KN_SERVICE_SEEN));
    kn_jsonw_str(sb, "disabled_reason", kn_rows_str(rows, row, KN_SERVICE_REASON));
    if (kn_since(req, 11)) {
        kn_jsonw_bool(sb, "forced_down", kn_rows_bool(rows, row, KN_SERVICE_FORCED_DOWN));
    }
    kn_jsonw_end_object(sb);
}

int kn_compute_services_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_query_known(req, LIST_QUERY, 75, err) < 0 ||
        kn_service_list(req->db, req->conf->scheduler_agent_timeout_s, kn_request_query(req, "host"),
                        kn_request_query(req, "binary"), NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "services");
    for (int row = 0; row < kn_rows_count(rows); row++) {
        write_service(&res->body, req, NULL, rows, row);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

static int not_compute(const char *binary, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Updating a %.80s service is not supported. Only " COMPUTE " services can be updated.",
                   binary);
}

/* From 2.53 on: PUT /os-services/{uuid}. */
static int read_decision(const json_t *body, struct kn_host_decision *ret, struct kn_error *err)
{
    const char *status = json_string_value(json_object_get(body, "status"));
    const char *reason = json_string_value(json_object_get(body, "disabled_reason"));
    struct kn_host_decision decision = { .reason = reason };

    if (reason != NULL && (status == NULL || strcmp(status, "disabled") != 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Specifying disabled_reason is only valid when status is 'disabled'.");
    }
    if (status == NULL && json_object_get(body, "forced_down") == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "No updates were requested. Fields 'status' or 'forced_down' should be specified.");
    }
    if (status != NULL) {
        decision.disabled = strcmp(status, "disabled") == 0 ? "t" : "f";
    }
    if (json_object_get(body, "forced_down") != NULL) {
        decision.forced_down = kn_schema_bool(body, "forced_down", false) ? "t" : "f";
    }
    *ret = decision;
    return 0;
}

static int find_service(struct kn_request *req, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_service_list(req->db, req->conf->scheduler_agent_timeout_s, NULL, NULL, id, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Service %.80s not found.", id);
    }
    *ret = kn_steal(&rows);
    return 0;
}

int kn_compute_services_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *before = NULL;
    AUTO(kn_rows) struct kn_rows *after = NULL;
    struct kn_host_decision decision;
    const char *id = req->params[0];

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (!kn_uuid_valid(id)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", id);
    }
    if (find_service(req, id, &before, err) < 0 || read_decision(req->body, &decision, err) < 0) {
        return -1;
    }
    if (strcmp(kn_rows_text(before, 0, KN_SERVICE_BINARY), COMPUTE) != 0) {
        return not_compute(kn_rows_text(before, 0, KN_SERVICE_BINARY), err);
    }
    if (kn_host_decide(req->db, kn_rows_text(before, 0, KN_SERVICE_HOST), &decision, err) < 0 ||
        find_service(req, id, &after, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    write_service(&res->body, req, "service", after, 0);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* Up to 2.52 the last part of the path says what to do, the body to whom. */
static int read_old_decision(const struct kn_request *req, struct kn_host_decision *ret, struct kn_error *err)
{
    const char *verb = req->params[0];
    const char *reason = json_string_value(json_object_get(req->body, "disabled_reason"));
    struct kn_host_decision decision = { 0 };

    if (strcmp(verb, "enable") == 0) {
        decision.disabled = "f";
    } else if (strcmp(verb, "disable") == 0) {
        decision.disabled = "t";
    } else if (strcmp(verb, "disable-log-reason") == 0) {
        if (reason == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Missing disabled reason field");
        }
        decision.disabled = "t";
        decision.reason = reason;
    } else if (strcmp(verb, "force-down") == 0 && kn_since(req, 11)) {
        if (json_object_get(req->body, "forced_down") == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Missing forced_down field");
        }
        decision.forced_down = kn_schema_bool(req->body, "forced_down", false) ? "t" : "f";
    } else {
        return kn_fail(err, KN_NOT_FOUND, "Unknown action");
    }
    *ret = decision;
    return 0;
}

int kn_compute_services_update_old(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_host_decision decision;
    const char *host = NULL, *binary = NULL;

    if (kn_schema_check(OLD_UPDATE, req->body, req->microversion, err) < 0 || read_old_decision(req, &decision, err) < 0) {
        return -1;
    }
    host = kn_json_str(req->body, "host");
    binary = kn_json_str(req->body, "binary");
    if (strcmp(binary, COMPUTE) != 0) {
        return not_compute(binary, err);
    }
    if (kn_host_decide(req->db, host, &decision, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "service");
    kn_jsonw_str(&res->body, "host", host);
    kn_jsonw_str(&res->body, "binary", binary);
    if (decision.disabled != NULL) {
        kn_jsonw_str(&res->body, "status", decision.disabled[0] == 't' ? "disabled" : "enabled");
    }
    if (decision.reason != NULL) {
        kn_jsonw_str(&res->body, "disabled_reason", decision.reason);
    }
    if (decision.forced_down != NULL) {
        kn_jsonw_bool(&res->body, "forced_down", decision.forced_down[0] == 't');
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- zones: the rows are services, sorted by zone, host, binary --- */

static bool same(const struct kn_rows *rows, int a, int b, int col)
{
    return strcmp(kn_rows_text(rows, a, col), kn_rows_text(rows, b, col)) == 0;
}

static bool zone_available(const struct kn_rows *rows, int from, int to)
{
    for (int row = from; row < to; row++) {
        if (kn_rows_bool(rows, row, KN_SERVICE_UP) && !kn_rows_bool(rows, row, KN_SERVICE_DISABLED)) {
            return true;
        }
    }
    return false;
}

static void write_zone_hosts(struct kn_strbuf *sb, const struct kn_rows *rows, int from, int to)
{
    kn_jsonw_object(sb, "hosts");
    for (int row = from; row < to; row++) {
        if (row == from || !same(rows, row, row - 1, KN_SERVICE_HOST)) {
            kn_strbuf_addstr(sb, row == from ? "" : "},");
            kn_strbuf_addjson(sb, kn_rows_text(rows, row, KN_SERVICE_HOST));
            kn_strbuf_addstr(sb, ":{");
        }
        kn_jsonw_object(sb, kn_rows_text(rows, row, KN_SERVICE_BINARY));
        kn_jsonw_bool(sb, "available", kn_rows_bool(rows, row, KN_SERVICE_UP));
        kn_jsonw_bool(sb, "active", !kn_rows_bool(rows, row, KN_SERVICE_DISABLED));
        kn_view_time_us(sb, "updated_at", kn_rows_str(rows, row, KN_SERVICE_SEEN));
        kn_jsonw_end_object(sb);
    }
    kn_strbuf_addstr(sb, to > from ? "}" : "");
    kn_jsonw_end_object(sb);
}

static void write_zone(struct kn_strbuf *sb, const struct kn_rows *rows, int from, int to, bool detail)
{
    bool available = zone_available(rows, from, to);

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "zoneName", kn_rows_str(rows, from, KN_SERVICE_ZONE));
    kn_jsonw_object(sb, "zoneState");
    kn_jsonw_bool(sb, "available", available);
    kn_jsonw_end_object(sb);
    if (detail && available) {
        write_zone_hosts(sb, rows, from, to);
    } else {
        kn_jsonw_null(sb, "hosts");
    }
    kn_jsonw_end_object(sb);
}

/* Only admins see hosts, and the zone of the daemons that are no hosts. */
static int list_zones(struct kn_request *req, struct kn_response *res, bool detail, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int from = 0;

    if (kn_service_list(req->db, req->conf->scheduler_agent_timeout_s, NULL, detail ? NULL : COMPUTE, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "availabilityZoneInfo");
    for (int to = 1; to <= kn_rows_count(rows); to++) {
        if (to == kn_rows_count(rows) || !same(rows, from, to, KN_SERVICE_ZONE)) {
            write_zone(&res->body, rows, from, to, detail);
            from = to;
        }
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_zones_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_zones(req, res, false, err);
}

int kn_compute_zones_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return list_zones(req, res, true, err);
}
