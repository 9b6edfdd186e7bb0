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
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

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
static void services_print_state(const struct kn_request *req, const char *name, const char *value,
                                 struct kn_strbuf *out)
{
    kn_jsonw_str(out, name, kn_compute_host_is_up(req, value) ? "up" : "down");
}

/* Every host as nova-compute, then the conductors and schedulers. */
#define ALL_OF_THEM \
    "(SELECT h.uuid, 'nova-compute' AS binary_name, h.name AS host, h.zone, " KN_HOST_DISABLED \
    " AS disabled, " KN_HOST_REASON " AS reason, " KN_HOST_SILENCE " AS silence, g.last_seen AS seen, h.forced_down " \
    "FROM any_host h JOIN agent g ON g.id = h.agent_id UNION ALL " \
    "SELECT s.uuid, replace(s.binary_name, 'kilonova-', 'nova-'), s.host, 'internal', false, 'stuck: ' || s.stuck, " \
    "CASE WHEN s.stuck IS NULL THEN " KN_SILENCE_OF( \
        "s.last_seen") " END, s.last_seen, false FROM service s " \
                       "WHERE s.binary_name IN ('kilonova-conductor', 'kilonova-scheduler')) v"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "v.uuid", KN_REST_UUID, KN_REST_SHOWN, .since = 53),
    KN_REST_ATTR("id", KN_NUMBER_OF("v.uuid"), KN_REST_INT, KN_REST_SHOWN, .until = 52),
    KN_REST_ATTR("binary", "v.binary_name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("host", "v.host", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER),
    KN_REST_ATTR("zone", "v.zone", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("status", "CASE WHEN v.disabled THEN 'disabled' ELSE 'enabled' END", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("state", "v.silence", KN_REST_TEXT, KN_REST_SHOWN, .print = services_print_state),
    KN_REST_ATTR("updated_at", "v.seen", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("disabled_reason", "v.reason", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("forced_down", "v.forced_down", KN_REST_BOOL, KN_REST_SHOWN, .since = 11),
    KN_REST_ATTRS_END,
};
#define SERVICES(id_sql, type) \
    { \
        .one = "service", .many = "services", .label = "Service", .path = "/os-services", \
        .absent = "Service %2 not found.", .from = ALL_OF_THEM, .id = id_sql, .id_type = type, .order = "zone", \
        .ascending = true, .ties = "host,binary", .unsorted = true, .pages_since = KN_REST_NEVER, .attrs = ATTRS, \
        .manners = &KN_REST_NOVA \
    }
static const struct kn_rest_noun SERVICE = SERVICES("v.uuid", KN_REST_UUID);
static const struct kn_rest_noun BY_NUMBER = SERVICES("(" KN_NUMBER_OF("v.uuid") ")::text", KN_REST_TEXT);

int kn_compute_services_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&SERVICE, req, KN_REST_LIST, NULL, res, err);
}

static const char *services_cell(const struct kn_request *req, const char *name, const struct kn_rows *rows, int row)
{
    const char *text = kn_rest_cell(&SERVICE, req, KN_REST_LIST, name, rows, row);

    return text != NULL ? text : "";
}

static int not_compute(const char *binary, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST,
                   "Updating a %.80s service is not supported. Only " COMPUTE " services can be updated.", binary);
}

/* From 2.53 on: PUT /os-services/{uuid}. */
static int read_decision(const json_t *body, struct kn_compute_host_decision *ret, struct kn_error *err)
{
    const char *status = json_string_value(json_object_get(body, "status"));
    const char *reason = json_string_value(json_object_get(body, "disabled_reason"));
    struct kn_compute_host_decision decision = { .reason = reason };

    if (reason != NULL && (status == NULL || strcmp(status, "disabled") != 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Specifying disabled_reason is only valid when status is 'disabled'.");
    }
    if (status == NULL && json_object_get(body, "forced_down") == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "No updates were requested. Fields 'status' or 'forced_down' should be specified.");
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

int kn_compute_services_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_compute_host_decision decision;
    const char *id = req->params[0];

    if (kn_schema_check(UPDATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    if (!kn_uuid_valid(id)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", id);
    }
    if (kn_rest_find(&SERVICE, req, id, KN_REST_LIST, NULL, &rows, err) < 0 ||
        read_decision(req->body, &decision, err) < 0) {
        return -1;
    }
    if (strcmp(services_cell(req, "binary", rows, 0), COMPUTE) != 0) {
        return not_compute(services_cell(req, "binary", rows, 0), err);
    }
    return kn_compute_host_decide(req->db, services_cell(req, "host", rows, 0), &decision, err) < 0
               ? -1
               : kn_rest_show(&SERVICE, req, id, KN_REST_CHANGED, res, err);
}

/* Up to 2.52 the last part of the path says what to do, the body to whom. */
static int read_old_decision(const struct kn_request *req, struct kn_compute_host_decision *ret, struct kn_error *err)
{
    const char *verb = req->params[0];
    const char *reason = json_string_value(json_object_get(req->body, "disabled_reason"));
    struct kn_compute_host_decision decision = { 0 };

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
    } else if (strcmp(verb, "force-down") == 0 && kn_compute_since(req, 11)) {
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
    struct kn_compute_host_decision decision;
    const char *host = NULL, *binary = NULL;

    if (kn_schema_check(OLD_UPDATE, req->body, req->microversion, err) < 0 ||
        read_old_decision(req, &decision, err) < 0) {
        return -1;
    }
    host = kn_json_str(req->body, "host");
    binary = kn_json_str(req->body, "binary");
    if (strcmp(binary, COMPUTE) != 0) {
        return not_compute(binary, err);
    }
    if (kn_compute_host_decide(req->db, host, &decision, err) < 0) {
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

/* What speaks again comes back by itself, so only what is silent can be deleted; a host with servers cannot, as in Nova. */
int kn_compute_services_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const bool by_uuid = kn_compute_since(req, 53);
    const struct kn_rest_noun *noun = by_uuid ? &SERVICE : &BY_NUMBER;
    const char *id = req->params[0], *binary, *host;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)res;
    if (by_uuid ? !kn_uuid_valid(id) : id[strspn(id, "0123456789")] != '\0') {
        return by_uuid ? kn_fail(err, KN_BAD_REQUEST, "Invalid uuid %.80s", id)
                       : kn_fail(err, KN_BAD_REQUEST, "id must be an integer");
    }
    if (kn_rest_find(noun, req, id, KN_REST_LIST, NULL, &rows, err) < 0) {
        return -1;
    }
    binary = services_cell(req, "binary", rows, 0);
    host = services_cell(req, "host", rows, 0);
    return strcmp(binary, COMPUTE) == 0
               ? kn_compute_host_remove(req->db, host, req->conf->scheduler_agent_timeout_s, err)
               : kn_compute_daemon_remove(req->db, binary, host, req->conf->scheduler_agent_timeout_s, err);
}

/* --- zones: the rows are services, sorted by zone, host, binary --- */

static bool same(const struct kn_request *req, const struct kn_rows *rows, int a, int b, const char *name)
{
    return strcmp(services_cell(req, name, rows, a), services_cell(req, name, rows, b)) == 0;
}

static bool services_is_up(const struct kn_request *req, const struct kn_rows *rows, int row)
{
    return kn_compute_host_is_up(req, services_cell(req, "state", rows, row));
}

static bool services_is_enabled(const struct kn_request *req, const struct kn_rows *rows, int row)
{
    return strcmp(services_cell(req, "status", rows, row), "enabled") == 0;
}

static bool zone_available(const struct kn_request *req, const struct kn_rows *rows, int from, int to)
{
    while (from < to && !(services_is_up(req, rows, from) && services_is_enabled(req, rows, from))) {
        from++;
    }
    return from < to;
}

static void write_zone_hosts(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int from,
                             int to)
{
    kn_jsonw_object(sb, "hosts");
    for (int row = from; row < to; row++) {
        if (row == from || !same(req, rows, row, row - 1, "host")) {
            kn_strbuf_addstr(sb, row == from ? "" : "},");
            kn_strbuf_addjson(sb, services_cell(req, "host", rows, row));
            kn_strbuf_addstr(sb, ":{");
        }
        kn_jsonw_object(sb, services_cell(req, "binary", rows, row));
        kn_jsonw_bool(sb, "available", services_is_up(req, rows, row));
        kn_jsonw_bool(sb, "active", services_is_enabled(req, rows, row));
        kn_rest_print_time(sb, "updated_at", services_cell(req, "updated_at", rows, row), true);
        kn_jsonw_end_object(sb);
    }
    kn_strbuf_addstr(sb, to > from ? "}" : "");
    kn_jsonw_end_object(sb);
}

static void write_zone(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int from, int to,
                       bool detail)
{
    bool available = zone_available(req, rows, from, to);

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "zoneName", services_cell(req, "zone", rows, from));
    kn_jsonw_object(sb, "zoneState");
    kn_jsonw_bool(sb, "available", available);
    kn_jsonw_end_object(sb);
    if (detail && available) {
        write_zone_hosts(sb, req, rows, from, to);
    } else {
        kn_jsonw_null(sb, "hosts");
    }
    kn_jsonw_end_object(sb);
}

/* Only admins see hosts, and the zone of the daemons that are no hosts. */
static int list_zones(struct kn_request *req, struct kn_response *res, bool detail, struct kn_error *err)
{
    static const struct kn_rest_wish HOSTS[] = { { "binary", COMPUTE }, { NULL, NULL } };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int from = 0;

    if (kn_rest_rows(&SERVICE, req, KN_REST_LIST, detail ? KN_REST_NO_WISHES : HOSTS, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "availabilityZoneInfo");
    for (int to = 1; to <= kn_rows_count(rows); to++) {
        if (to == kn_rows_count(rows) || !same(req, rows, from, to, "zone")) {
            write_zone(&res->body, req, rows, from, to, detail);
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
