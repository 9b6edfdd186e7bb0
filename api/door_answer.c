/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the second half of a request's way: its JSON, its handler, the error's dialect, and what every answer carries. It is where
 * errors of requests are logged, once. It must never log a token or a query.
 */
#include <stdio.h>
#include <string.h>

#include "api/dialect.h"
#include "api/door.h"
#include "api/microversion.h"
#include "lib/adapter/metrics.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

static struct kn_metric REQUESTS = KN_COUNTER("kilonova_http_requests_total", "requests answered", "service", "status");
/* clang-format off */
static struct kn_metric DURATION = KN_HISTOGRAM("kilonova_http_request_ms", "time until the answer stood", "service", "method");
/* clang-format on */

/* POST, PUT and PATCH have JSON; what others send is nobody's. */
static bool has_json(const struct kn_request *req)
{
    return req->method[0] == 'P';
}

int kn_api_body_parse(const char *body, size_t len, json_t **ret_json, struct kn_error *err)
{
    json_error_t why;
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, &why);

    if (json == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Malformed request body: %s near line %d, column %d", why.text, why.line,
                       why.column);
    }
    *ret_json = json;
    return 0;
}

static bool ignores_body(const struct kn_request *req)
{
    const struct kn_api_door_request *own = req->door;

    return own->api->ignores_body != NULL && own->api->ignores_body(req->route);
}

static int door_answer_parse_body(struct kn_request *req, const char *body, size_t len, struct kn_error *err)
{
    const char *type = kn_request_header(req, "Content-Type");

    if (len == 0 || !has_json(req) || ignores_body(req)) {
        return 0;
    }
    if (type != NULL && strcasestr(type, "json") == NULL) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "Unsupported Content-Type \"%.100s\": this takes application/json",
                       type);
    }
    return kn_api_body_parse(body, len, &req->body, err);
}

void kn_api_door_dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    const struct kn_api_door_request *own = req->door;
    struct kn_error err = { 0 };

    if (door_answer_parse_body(req, body, len, &err) < 0 ||
        (own->refused ? req->route->refuses : req->route->handle)(req, res, &err) < 0) {
        kn_response_reset(res);
        kn_api_door_refuse(ctx, req, &err, res);
    }
}

void kn_api_door_refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    struct kn_api_door *door = ctx;

    if (req->door == NULL) { /* refused by its head alone */
        kn_api_door_meet(door, req);
    }
    const struct kn_api_door_request *own = req->door;
    AUTO_FREE char *identity = kn_asprintf("%s/identity",
                                           own->host_url != NULL ? own->host_url : door->conf->api_public_url);
    const struct kn_api_dialect_ask ask = {
        .dialect = own->api != NULL ? own->api->dialect : KN_DIALECT_NOVA,
        .accept = kn_request_header(req, "Accept"),
        .request_id = own->request_id,
        .identity_url = identity,
        .unrouted = own->unrouted || own->api == NULL,
        .plain = own->plain_errors,
    };
    if (kn_code_status(err->code) >= 500 || err->is_private) {
        kn_log_request(own->request_id);
        kn_log_error(req->path, err);
        kn_log_request(NULL);
    }
    kn_api_dialect_error(&ask, err, res);
}

/* What the caller, another service as a rule, calls the whole of its errand. */
static const char *global_id(const struct kn_request *req)
{
    const char *id = kn_request_header(req, "X-Openstack-Request-Id");
    return kn_request_id_valid(id) ? id : NULL;
}

static const char *service_name(const struct kn_api_door_request *own)
{
    return own != NULL && own->api != NULL ? own->api->name : "none";
}

static void door_answer_add_headers(const struct kn_request *req, const struct kn_api_door_request *own,
                                    struct kn_response *res)
{
    kn_response_header(res, "x-openstack-request-id", own->request_id);
    if (own->api == NULL) {
        return;
    }
    if (own->api->dialect == KN_DIALECT_NOVA || own->api->dialect == KN_DIALECT_CINDER) {
        kn_response_header(res, "x-compute-request-id", own->request_id);
    }
    if (own->api->dialect == KN_DIALECT_KEYSTONE) {
        kn_response_header(res, "Vary", "X-Auth-Token");
    }
    kn_api_microversion_headers(own->api, req->microversion, res);
}

/* A path that is a secret, the token of a console, is told as the route that it takes. */
static const char *logged_path(const struct kn_request *req)
{
    return req->route != NULL && req->route->rule == KN_NOVA_CONSOLE_TOKEN ? req->route->path : req->path;
}

void kn_api_door_finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    const struct kn_api_door_request *own = req->door;
    char status[12], ms[24];

    (void)ctx;
    snprintf(status, sizeof(status), "%d", res->status);
    snprintf(ms, sizeof(ms), "%.3f", (double)took_us / 1000);
    kn_metric_add(&REQUESTS, 1, service_name(own), status);
    kn_metric_observe_ms(&DURATION, (double)took_us / 1000, service_name(own),
                         req->route != NULL ? req->method : "other");
    if (own == NULL) {
        return;
    }
    door_answer_add_headers(req, own, res);
    kn_log_request(own->request_id);
    kn_log(KN_INFO, "request", "service", service_name(own), "method", req->method, "path", logged_path(req), "status",
           status, "ms", ms, "user", req->caller.user_id[0] != '\0' ? req->caller.user_id : NULL, "project",
           req->caller.project_id[0] != '\0' ? req->caller.project_id : NULL, "remote", kn_request_remote(req),
           "global_request", global_id(req), NULL);
    kn_log_request(NULL);
}
