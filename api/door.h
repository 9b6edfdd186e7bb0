/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door: the way of every request. On the event thread: request id, service, token, route, microversion, policy, project of the path
 * (door.c). On a worker: body, handler, error in the service's dialect (door_answer.c). The listener is lib/adapter/http*.
 */
#ifndef KN_API_DOOR_H
#define KN_API_DOOR_H

#include "api/router.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

struct kn_api_door {
    const struct kn_api *const *apis; /* ended by NULL; all of it immutable after kn_api_door_init() */
    struct kn_api_router *router;
    const struct kn_conf *conf;
    struct kn_bus *bus;
    struct kn_questions *questions; /* NULL: no host can be asked; outlives the listener */
    /* Who a token belongs to; kn_identity_check(), or a test's own. */
    int (*authenticate)(const char *token, struct kn_caller *ret_caller, struct kn_error *err);
    /* Whether the access rules of a token that has some allow this; kn_identity_allows(). NULL: such tokens may nothing. */
    int (*allows)(const struct kn_request *req, const char *service, struct kn_error *err);
};

/* The door's own part of a request: req->door. */
struct kn_api_door_request {
    const struct kn_api *api; /* NULL: no service has this path */
    char request_id[KN_REQUEST_ID_SIZE];
    const char *host_url; /* how the caller reached us, without a service */
    bool unrouted;
    bool lists; /* its route lists things, and its query does not ask for a few */
    bool plain_errors;
    bool refused; /* by the rule of its route, whose `refuses` says how */
};

int kn_api_door_init(struct kn_api_door *door, const struct kn_api *const *apis, const struct kn_conf *conf,
                     struct kn_bus *bus, struct kn_error *err);
void kn_api_door_release(struct kn_api_door *door);
/* A request gets its id and its service, by nothing but its path. Returns what follows the service's prefix. */
const char *kn_api_door_meet(struct kn_api_door *door, struct kn_request *req);
/* For struct kn_http_ops; ctx is the struct kn_api_door. */
int kn_api_door_open(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res);
/* Whose request it is, to the fair queues: a project; a person without one; an address and the account that it claims. */
bool kn_api_door_join(void *ctx, struct kn_request *req);
void kn_api_door_names(void *ctx, struct kn_request *req, const char *body, size_t len,
                       const char *names[KN_HTTP_NAMES]);
bool kn_api_door_is_list(void *ctx, const struct kn_request *req);
bool kn_api_door_is_slow(void *ctx, const struct kn_request *req);
void kn_api_door_dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res);
void kn_api_door_refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res);
void kn_api_door_finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us);

/* The entry of every JSON body. KN_BAD_REQUEST says where it is broken; a name that is there twice is broken, too. */
int kn_api_body_parse(const char *body, size_t len, json_t **ret_json, struct kn_error *err);

#endif
