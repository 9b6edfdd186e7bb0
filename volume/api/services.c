/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-services: the daemons that choose the back end of new volumes as cinder-scheduler, the back ends that keep them as cinder-volume. A back end that is disabled or frozen gets
 * no new volumes; what it has it keeps and serves, and of a frozen one nothing is deleted and no snapshot made. Daemons are not switched: who stops one stops the process.
 */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "volume/api/private.h"
#include "volume/rows/backend.h"

#define DAEMON "cinder-scheduler"
#define BACKEND "cinder-volume"
#define SINCE_CLUSTERS 7
#define SINCE_BACKEND_STATE 49

/* --- the list ------------------------------------------------------------------------------------------------------------------ */

/* A row as it is shown. */
struct services_row {
    const char *binary, *host, *seen, *reason;
    bool is_disabled, is_up, is_frozen;
};

/* As Cinder filters: a host's name stands for all that is on it. */
static bool services_asked(const struct kn_request *req, const struct services_row *s)
{
    const char *host = kn_request_query(req, "host"), *binary = kn_request_query(req, "binary");
    const size_t len = host != NULL ? strlen(host) : 0;

    return (binary == NULL || strcmp(binary, s->binary) == 0) &&
           (host == NULL || strcmp(host, s->host) == 0 || (strncmp(host, s->host, len) == 0 && s->host[len] == '@'));
}

static void services_print(const struct kn_request *req, const struct services_row *s, struct kn_strbuf *out)
{
    const bool is_backend = strcmp(s->binary, BACKEND) == 0;

    if (!services_asked(req, s)) {
        return;
    }
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "binary", s->binary);
    kn_jsonw_str(out, "host", s->host);
    kn_jsonw_str(out, "zone", KN_VOLUME_ZONE);
    kn_jsonw_str(out, "status", s->is_disabled ? "disabled" : "enabled");
    kn_jsonw_str(out, "state", s->is_up ? "up" : "down");
    kn_jsonw_str(out, "updated_at", s->seen);
    kn_jsonw_str(out, "disabled_reason", s->reason);
    if (req->microversion >= SINCE_CLUSTERS) {
        kn_jsonw_null(out, "cluster");
    }
    if (is_backend) {
        if (req->microversion >= SINCE_BACKEND_STATE) {
            kn_jsonw_str(out, "backend_state", s->is_up ? "up" : "down");
        }
        kn_jsonw_str(out, "replication_status", "disabled");
        kn_jsonw_null(out, "active_backend_id");
        kn_jsonw_bool(out, "frozen", s->is_frozen);
    }
    kn_jsonw_end_object(out);
}

static int services_daemons(struct kn_request *req, struct kn_strbuf *out, struct kn_error *err)
{
    static const struct kn_stmt DAEMONS = {
        "volume_services",
        "SELECT host, stuck IS NULL AND last_seen > now() - interval '60 seconds', "
        "to_char(last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), 'stuck: ' || stuck "
        "FROM service WHERE binary_name = 'kilonova-volume' ORDER BY host",
        0
    };
    enum { HOST, UP, SEEN, STUCK };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &DAEMONS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        services_print(req,
                       &(struct services_row){ .binary = DAEMON,
                                               .host = kn_rows_text(rows, i, HOST),
                                               .seen = kn_rows_text(rows, i, SEEN),
                                               .reason = kn_rows_str(rows, i, STUCK),
                                               .is_up = kn_rows_bool(rows, i, UP) },
                       out);
    }
    return 0;
}

static int services_backends(struct kn_request *req, struct kn_strbuf *out, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_volume_backends(req->db, req->conf, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *host = kn_asprintf(KN_VOLUME_HOST "@%s", kn_rows_text(rows, i, KN_BACKEND_NAME));

        services_print(req,
                       &(struct services_row){ .binary = BACKEND,
                                               .host = host,
                                               .seen = kn_rows_str(rows, i, KN_BACKEND_SEEN),
                                               .reason = kn_rows_str(rows, i, KN_BACKEND_REASON),
                                               .is_disabled = kn_rows_bool(rows, i, KN_BACKEND_DISABLED),
                                               .is_up = kn_rows_bool(rows, i, KN_BACKEND_UP),
                                               .is_frozen = kn_rows_bool(rows, i, KN_BACKEND_FROZEN) },
                       out);
    }
    return 0;
}

int kn_volume_api_services(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "services");
    if (services_daemons(req, &res->body, err) < 0 || services_backends(req, &res->body, err) < 0) {
        return -1;
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- switching ------------------------------------------------------------------------------------------------------------------ */

/* As Cinder's schemas cinder/api/schemas/services.py have them. */
#define HOST_ROW KN_SCHEMA("host", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_HOST)
#define CLUSTER_ROW KN_SCHEMA("cluster", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_WORD)
static const struct kn_schema SWITCH[] = {
    KN_SCHEMA("binary", KN_IS_STRING, .limit = KN_LIMIT_BINARY),
    KN_SCHEMA("service", KN_IS_STRING, .limit = KN_LIMIT_BINARY),
    HOST_ROW,
    CLUSTER_ROW,
    KN_SCHEMA_END,
};
static const struct kn_schema SWITCH_OFF[] = {
    KN_SCHEMA("binary", KN_IS_STRING, .limit = KN_LIMIT_BINARY),
    KN_SCHEMA("service", KN_IS_STRING, .limit = KN_LIMIT_BINARY),
    HOST_ROW,
    CLUSTER_ROW,
    KN_SCHEMA("disabled_reason", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_DISABLED_REASON,
              .rule = &KN_TEXT_NAME),
    KN_SCHEMA_END,
};

/* The back end that a body names by host; *ret_rows are kn_volume_backends(). */
static int services_find(struct kn_request *req, const char *host, struct kn_rows **ret_rows, int *ret_row,
                         struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_volume_backends(req->db, req->conf, &rows, err) < 0) {
        return -1;
    }
    *ret_row = strchr(host, '#') == NULL ? kn_volume_backend_row(rows, host) : -1;
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* *ret_name: the back end that is to be switched, living as long as the rows. */
static int services_switchable(struct kn_request *req, const char *binary, const char *host, struct kn_rows **ret_rows,
                               const char **ret_name, struct kn_error *err)
{
    static const struct kn_stmt THERE = { "volume_service_there",
                                          "SELECT 1 FROM service WHERE binary_name = 'kilonova-volume' AND host = $1",
                                          1 };
    AUTO(kn_rows) struct kn_rows *daemon = NULL;
    int row = -1;

    if (host == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: Host field is missing.");
    }
    if (services_find(req, host, ret_rows, &row, err) < 0 ||
        (strcmp(binary, DAEMON) == 0 && kn_db_run(req->db, &THERE, KN_ARGS(host), &daemon, err) < 0)) {
        return -1;
    }
    if (daemon != NULL && kn_rows_count(daemon) > 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input received: " DAEMON
                       " on host %.64s cannot be switched: stop its daemon. Only " BACKEND
                       " services can be enabled and disabled.",
                       host);
    }
    if (row < 0 || strcmp(binary, BACKEND) != 0) {
        return kn_fail(err, KN_NOT_FOUND, "Service %.64s could not be found on host %.64s.", binary, host);
    }
    *ret_name = kn_rows_text(*ret_rows, row, KN_BACKEND_NAME);
    return 0;
}

int kn_volume_api_service_switch(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *verb = strrchr(req->route->path, '/') + 1;
    const bool disables = strcmp(verb, "enable") != 0, has_reason = strcmp(verb, "disable-log-reason") == 0;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *name = NULL;

    if (kn_schema_check(has_reason ? SWITCH_OFF : SWITCH, req->body, req->microversion, err) < 0) {
        return -1;
    }
    const char *service = json_string_value(json_object_get(req->body, "service"));
    const char *binary = json_string_value(json_object_get(req->body, "binary"));
    const char *host = json_string_value(json_object_get(req->body, "host"));
    const char *reason = has_reason ? json_string_value(json_object_get(req->body, "disabled_reason")) : NULL;
    const char *which = binary != NULL ? binary : service;
    const struct kn_volume_backend_word word = { .disabled = disables ? "t" : "f", .reason = reason };

    if (which == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute binary. It is required.");
    }
    if (services_switchable(req, which, host, &rows, &name, err) < 0 ||
        kn_volume_backend_decide(req->db, name, &word, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_str(&res->body, "host", host);
    kn_jsonw_str(&res->body, "service", service != NULL ? service : "");
    kn_jsonw_str(&res->body, "binary", binary != NULL ? binary : "");
    kn_jsonw_str(&res->body, "status", disables ? "disabled" : "enabled");
    kn_jsonw_bool(&res->body, "disabled", disables);
    if (has_reason || !disables) {
        kn_jsonw_str(&res->body, "disabled_reason", reason);
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* --- freezing, failing over ----------------------------------------------------------------------------------------------------- */

static const struct kn_schema FREEZE[] = { HOST_ROW, CLUSTER_ROW, KN_SCHEMA_END };
static const struct kn_schema FAILOVER[] = {
    HOST_ROW,
    CLUSTER_ROW,
    KN_SCHEMA("backend_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_VOLUME_WORD),
    KN_SCHEMA_END,
};

/* The back end that a body names; there are no clusters, so naming one finds nothing. */
static int services_replicated(struct kn_request *req, struct kn_rows **ret_rows, int *ret_row, struct kn_error *err)
{
    const char *host = json_string_value(json_object_get(req->body, "host"));
    const char *cluster = json_string_value(json_object_get(req->body, "cluster"));
    const bool is_clustered = req->microversion >= 26 && cluster != NULL && *cluster != '\0';

    if (is_clustered == (host != NULL)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input received: %s",
                       req->microversion >= 26 ? "One and only one of cluster and host must be set."
                                               : "Host field is missing.");
    }
    if (!is_clustered && services_find(req, host, ret_rows, ret_row, err) < 0) {
        return -1;
    }
    return !is_clustered && *ret_row >= 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Invalid input received: No service found with %s=%.64s",
                         is_clustered ? "cluster" : "host", is_clustered ? cluster : host);
}

int kn_volume_api_service_freeze(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const bool freezes = strcmp(strrchr(req->route->path, '/'), "/freeze") == 0;
    const struct kn_volume_backend_word word = { .disabled = freezes ? "t" : "f",
                                                 .reason = freezes ? "frozen" : NULL,
                                                 .frozen = freezes ? "t" : "f" };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int row = -1;

    (void)res;
    if (kn_schema_check(FREEZE, req->body, req->microversion, err) < 0 ||
        services_replicated(req, &rows, &row, err) < 0) {
        return -1;
    }
    const char *name = kn_rows_text(rows, row, KN_BACKEND_NAME);
    return kn_rows_bool(rows, row, KN_BACKEND_FROZEN) != freezes
               ? kn_volume_backend_decide(req->db, name, &word, err)
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: No service could be changed: frozen in ['" KN_VOLUME_HOST
                         "@%s'] must be %s to failover.",
                         name, freezes ? "False" : "True");
}

/* Nothing is kept twice, so there is nothing to fail over to. */
int kn_volume_api_service_failover(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    int row = -1;

    (void)res;
    return kn_schema_check(FAILOVER, req->body, req->microversion, err) < 0 ||
                   services_replicated(req, &rows, &row, err) < 0
               ? -1
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input received: No service could be changed: replication_status in ['" KN_VOLUME_HOST
                         "@%s'] must be enabled or failed-over and must be up to failover.",
                         kn_rows_text(rows, row, KN_BACKEND_NAME));
}
