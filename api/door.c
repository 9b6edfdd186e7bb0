/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decisions before a handler runs, in OpenStack's order: who asks (401), what for (404, 405), in which microversion (406),
 * whether it may (403), and for which project (400). It runs on an event thread: it must never block, so no database.
 */
#include "api/door.h"

#include <stdlib.h>
#include <string.h>

#include "api/address.h"
#include "api/dialect.h"
#include "api/microversion.h"
#include "api/versions.h"
#include "lib/base/mem.h"

#define ACCOUNT_BYTES 16384
#define SHORT_PAGE 50 /* things; a list of no more is no long one */

static struct kn_api_door_request *door_request(struct kn_api_door *door, struct kn_request *req)
{
    if (req->door == NULL) {
        struct kn_api_door_request *own = kn_request_alloc(req, sizeof(*own));
        kn_request_id_make(own->request_id);
        req->request_id = own->request_id;
        req->conf = door->conf;
        req->bus = door->bus;
        req->questions = door->questions;
        req->door = own;
    }
    return req->door;
}

static void set_urls(struct kn_request *req, struct kn_api_door_request *own, const struct kn_conf *conf)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    const struct kn_api_address address = {
        .proto = kn_request_header(req, "X-Forwarded-Proto"),
        .forwarded_host = kn_request_header(req, "X-Forwarded-Host"),
        .host = kn_request_header(req, "Host"),
        .listen = conf->api_listen,
    };

    kn_api_address_add(&address, &url);
    own->host_url = kn_request_strdup(req, url.buf);
    kn_strbuf_addstr(&url, own->api != NULL ? own->api->prefix : "");
    req->base_url = kn_request_strdup(req, url.buf);
}

static bool reads(const struct kn_request *req)
{
    return strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
}

static int authenticate(const struct kn_api_door *door, struct kn_request *req, struct kn_error *err)
{
    const char *token = kn_request_header(req, "X-Auth-Token");

    if (token == NULL || token[0] == '\0') {
        return kn_fail(err, KN_UNAUTHORIZED, "The request you have made requires authentication.");
    }
    if (door->authenticate(token, &req->caller, err) < 0) {
        return -1;
    }
    req->caller.token = kn_request_strdup(req, token);
    return 0;
}

/* The segments again as one path, decoded; Keystone does not mind slashes at the end. */
static int door_split(struct kn_request *req, const struct kn_api *api, const char *rest,
                      const char *segments[KN_SEGMENTS_MAX], struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
    int count = kn_api_router_split(req, rest, segments, err);

    while (count > 0 && segments[count - 1][0] == '\0' && api->dialect == KN_DIALECT_KEYSTONE) {
        count--;
    }
    for (int i = 0; i < count; i++) {
        kn_strbuf_addch(&path, '/');
        kn_strbuf_addstr(&path, segments[i]);
    }
    req->path = kn_request_strdup(req, path.buf);
    return count;
}

/* 404: in the framework's words, or, of what the original has and this cloud has not, in the service's. */
static int nothing_there(struct kn_request *req, const char *const *segments, int count, struct kn_error *err)
{
    struct kn_api_door_request *own = req->door;
    const struct kn_unbuilt *gap = kn_api_router_unbuilt(own->api, segments, count);

    own->unrouted = gap == NULL;
    if (gap != NULL) {
        kn_fail(err, KN_NOT_FOUND, "The resource could not be found: this cloud has no %s; that is not built here.",
                gap->what);
    } else {
        kn_fail(err, KN_NOT_FOUND, "The resource could not be found.");
    }
    return kn_fail_name(err, "HTTPNotFound");
}

static int find_place(const struct kn_api_door *door, struct kn_request *req, const char *rest,
                      struct kn_api_route_place *ret_place, struct kn_error *err)
{
    struct kn_api_door_request *own = req->door;
    const char *segments[KN_SEGMENTS_MAX];
    int count = door_split(req, own->api, rest, segments, err);

    if (count < 0) {
        return -1;
    }
    if (!kn_api_router_find(door->router, own->api, segments, count, ret_place)) {
        return nothing_there(req, segments, count, err);
    }
    memcpy(req->params, ret_place->params, sizeof(req->params));
    return 0;
}

static int choose_version(struct kn_request *req, const struct kn_api *api, struct kn_error *err)
{
    return kn_api_microversion_choose(api, kn_request_header(req, "OpenStack-API-Version"),
                                      kn_request_header(req, "X-OpenStack-Nova-API-Version"), &req->microversion, err);
}

static int pick_route(struct kn_request *req, const char *rest, const struct kn_api_route_place *place,
                      struct kn_response *res, struct kn_error *err)
{
    const struct kn_api_door_request *own = req->door;
    const char *segments[KN_SEGMENTS_MAX];
    enum kn_code why = KN_NOT_FOUND;

    req->route = kn_api_router_pick(place, req->method, req->microversion, &why);
    if (req->route != NULL) {
        kn_api_router_settle(req->route, req->params);
        return 0;
    }
    if (why == KN_METHOD_NOT_ALLOWED && kn_api_dialect_knows_405(own->api->dialect)) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf allow = KN_STRBUF_INIT;
        kn_api_router_allow(place, &allow);
        kn_response_header(res, "Allow", allow.buf);
        return kn_fail(err, why, "The method %s is not allowed for this resource.", req->method);
    }
    /* Not at this microversion is nowhere; what can be read, but not made, is not built. */
    int count = why == KN_METHOD_NOT_ALLOWED ? kn_api_router_split(req, rest, segments, err) : 0;
    return nothing_there(req, segments, count, err);
}

/* auth: why there is no caller; NULL if there is one. Where rows have a say in the refusal, it is a worker's. */
static int check_policy(const struct kn_request *req, const struct kn_error *auth, struct kn_error *err)
{
    struct kn_api_door_request *own = req->door;

    switch (kn_policy_admit(req->route->rule, auth == NULL ? &req->caller : NULL, req->params[0])) {
    case KN_ALLOW:
        return 0;
    case KN_DENY_UNAUTHENTICATED:
        *err = *auth;
        return -1;
    case KN_DENY_FORBIDDEN:
        break;
    }
    own->refused = req->route->refuses != NULL;
    return own->refused ? 0 : kn_policy_refuse(req->route->rule, err);
}

/* An application credential with access rules asks for what they name and for nothing else. */
static int check_rules(const struct kn_api_door *door, const struct kn_request *req, const struct kn_api *api,
                       struct kn_error *err)
{
    if (!req->caller.has_rules || kn_policy_is_public(req->route->rule)) {
        return 0;
    }
    return door->allows != NULL ? door->allows(req, api->name, err)
                                : kn_fail(err, KN_FORBIDDEN, "access rules are not known here");
}

static int door_check_project(const struct kn_request *req, const char *project_id, struct kn_error *err)
{
    if (project_id == NULL || strcmp(project_id, req->caller.project_id) == 0) {
        return 0;
    }
    return kn_fail(err, KN_BAD_REQUEST,
                   "Malformed request URL: URL's project_id '%s' doesn't match Context's project_id '%s'", project_id,
                   req->caller.project_id);
}

/* Keystone's lists have no pages. */
static bool asks_for_few(const struct kn_request *req, const struct kn_api *api)
{
    const char *limit = api->dialect != KN_DIALECT_KEYSTONE ? kn_request_query(req, "limit") : NULL;
    const size_t len = limit != NULL ? strlen(limit) : 0;

    return len > 0 && len < 9 && strspn(limit, "0123456789") == len && strtoll(limit, NULL, 10) <= SHORT_PAGE;
}

/* The way of a request to its route. */
static int admit(const struct kn_api_door *door, struct kn_request *req, const char *rest, struct kn_response *res,
                 struct kn_error *err)
{
    struct kn_api_door_request *own = req->door;
    struct kn_error auth_err = { 0 };
    bool known = authenticate(door, req, &auth_err) == 0;
    struct kn_api_route_place place;

    if (find_place(door, req, rest, &place, err) < 0) {
        if (!known && own->api->dialect != KN_DIALECT_KEYSTONE) {
            *err = auth_err;
        }
        return -1;
    }
    req->microversion = own->api->min_minor;
    if (choose_version(req, own->api, err) < 0 || pick_route(req, rest, &place, res, err) < 0 ||
        check_policy(req, known ? NULL : &auth_err, err) < 0 || check_rules(door, req, own->api, err) < 0 ||
        door_check_project(req, place.project_id, err) < 0) {
        return -1;
    }
    own->plain_errors = own->api->dialect == KN_DIALECT_GLANCE && req->route->upload != NULL;
    if (kn_request_query_read(req, err) < 0 || (own->api->vets_query != NULL && own->api->vets_query(req, err) < 0)) {
        return -1;
    }
    own->lists = (kn_api_router_lists(&place, req->route) ||
                  (own->api->is_list != NULL && own->api->is_list(req->route))) &&
                 !asks_for_few(req, own->api);
    return 0;
}

/* A client that prefers the JSON-home document says so first. */
static bool answers_home(const struct kn_api *api, const struct kn_request *req, const char *rest,
                         struct kn_response *res)
{
    static const char TYPE[] = "application/json-home";
    const char *accept = kn_request_header(req, "Accept");

    if (api == NULL || api->home == NULL || accept == NULL || strncmp(accept, TYPE, strlen(TYPE)) != 0 ||
        !api->home(rest, &res->body)) {
        return false;
    }
    res->content_type = TYPE;
    return true;
}

static bool answers_itself(const struct kn_api_door *door, struct kn_request *req, const char *rest,
                           struct kn_response *res)
{
    struct kn_api_door_request *own = req->door;

    if (!reads(req)) {
        return false;
    }
    if (own->api == NULL && strcmp(req->raw_path, "/") == 0) {
        kn_api_versions_index(door->apis, own->host_url, res);
        return true;
    }
    if (answers_home(own->api, req, rest, res)) {
        return true;
    }
    return own->api != NULL && kn_api_versions_answer(own->api, rest, req->base_url, res);
}

const char *kn_api_door_meet(struct kn_api_door *door, struct kn_request *req)
{
    struct kn_api_door_request *own = door_request(door, req);
    const char *rest = "";

    own->api = kn_api_router_api(door->router, req->raw_path, &rest);
    set_urls(req, own, door->conf);
    if (own->api != NULL) {
        req->microversion = own->api->min_minor;
    }
    return rest;
}

int kn_api_door_open(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    struct kn_api_door *door = ctx;
    const char *rest = kn_api_door_meet(door, req);
    const struct kn_api_door_request *own = req->door;
    struct kn_error err = { 0 };

    if (answers_itself(door, req, rest, res)) {
        return -1;
    }
    if (own->api == NULL) {
        kn_fail(&err, KN_NOT_FOUND, "The resource could not be found.");
        kn_api_door_refuse(ctx, req, &err, res);
        return -1;
    }
    if (admit(door, req, rest, res, &err) < 0) {
        kn_api_door_refuse(ctx, req, &err, res);
        return -1;
    }
    res->status = req->route->status;
    *ret_upload = req->route->upload;
    return 0;
}

bool kn_api_door_is_list(void *ctx, const struct kn_request *req)
{
    const struct kn_api_door_request *own = req->door;

    (void)ctx;
    return own->lists;
}

bool kn_api_door_is_slow(void *ctx, const struct kn_request *req)
{
    const struct kn_api_door_request *own = req->door;

    (void)ctx;
    return own->api->is_slow != NULL && own->api->is_slow(req->route);
}

bool kn_api_door_join(void *ctx, struct kn_request *req)
{
    const struct kn_api_door_request *own = req->door;

    (void)ctx;
    return own->api->join != NULL && own->api->join(req);
}

/* "kind name" in the request's memory; NULL for nobody. */
static const char *queue_name(struct kn_request *req, const char *kind, const char *name)
{
    AUTO_FREE char *text = name[0] != '\0' ? kn_asprintf("%s %.300s", kind, name) : NULL;
    return text != NULL ? kn_request_strdup(req, text) : NULL;
}

/* Parsed on an event thread, so only while it is small; a longer one is as nameless as one that is broken. */
static const char *account_name(struct kn_request *req, const char *body, size_t len)
{
    const struct kn_api_door_request *own = req->door;
    json_t *json = body != NULL && len <= ACCOUNT_BYTES && own->api->account != NULL ? json_loadb(body, len, 0, NULL)
                                                                                     : NULL;
    AUTO_FREE char *account = json != NULL ? own->api->account(json) : NULL;

    json_decref(json);
    return account != NULL ? queue_name(req, "account", account) : NULL;
}

void kn_api_door_names(void *ctx, struct kn_request *req, const char *body, size_t len,
                       const char *names[KN_HTTP_NAMES])
{
    const struct kn_api_door *door = ctx;
    const struct kn_caller *caller = &req->caller;

    if (caller->project_id[0] != '\0' || caller->user_id[0] != '\0') {
        names[0] = caller->project_id[0] != '\0' ? queue_name(req, "project", caller->project_id)
                                                 : queue_name(req, "user", caller->user_id);
        return;
    }
    /* Behind a proxy all have one address, and it says nothing. */
    names[0] = door->conf->api_connections_per_address > 0 ? queue_name(req, "address", kn_request_remote(req)) : NULL;
    names[1] = kn_api_door_is_slow(ctx, req) ? account_name(req, body, len) : NULL;
}

int kn_api_door_init(struct kn_api_door *door, const struct kn_api *const *apis, const struct kn_conf *conf,
                     struct kn_bus *bus, struct kn_error *err)
{
    door->apis = apis;
    door->conf = conf;
    door->bus = bus;
    return kn_api_router_new(apis, &door->router, err);
}

void kn_api_door_release(struct kn_api_door *door)
{
    kn_api_router_free(door->router);
    door->router = NULL;
}
