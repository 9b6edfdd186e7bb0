/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router: the route tables of all services, compiled into one tree of path segments a service. Pure: it sees segments, a method and a
 * microversion, and knows nothing of callers.
 *
 * A word wins over {…}; {…} matches one non-empty segment. A service with project_in_path answers each route also with one more
 * segment behind the version ("/v2.1/{project_id}/servers"): it is taken out and handed back for the front door to check. A service with
 * json_suffix reads "/v2.0/networks.json" and "/v2.0/networks/{uuid}.json" without the suffix, as old clients write them; a key that
 * somebody chose keeps what he called it.
 */
#ifndef KN_API_ROUTER_H
#define KN_API_ROUTER_H

#include <stdbool.h>

#include "lib/adapter/http.h"
#include "lib/base/cleanup.h"

#define KN_ROUTE_PARAMS 4
#define KN_SEGMENTS_MAX 16

struct kn_api_router;
struct kn_api_router_node;

/* Where a path leads. */
struct kn_api_route_place {
    const struct kn_api_router_node *node;
    const char *params[KN_ROUTE_PARAMS];
    const char *project_id; /* the extra segment; NULL = none */
};

/*
 * apis ends with NULL. Refuses what would make a table ambiguous or unsafe: a route without policy, without a handler, with too many
 * parameters, or two that answer the same method, path and microversion.
 */
int kn_api_router_new(const struct kn_api *const *apis, struct kn_api_router **ret_router, struct kn_error *err);
void kn_api_router_free(struct kn_api_router *router);
KN_DEFINE_AUTO(kn_api_router);

/* The service whose prefix the raw path begins with; *ret_rest is what follows it ("" or "/…"). NULL = nobody's. */
const struct kn_api *kn_api_router_api(const struct kn_api_router *router, const char *raw_path, const char **ret_rest);
/* False: no route has this path. The last segment is cut where it stands when its suffix is none of its own. */
bool kn_api_router_find(const struct kn_api_router *router, const struct kn_api *api, const char *const *segments,
                        int count, struct kn_api_route_place *ret_place);
/*
 * The route of a place. NULL with *ret_why KN_NOT_FOUND (not at this microversion) or KN_METHOD_NOT_ALLOWED. HEAD finds GET's route
 * when it has none of its own.
 */
const struct kn_route *kn_api_router_pick(const struct kn_api_route_place *place, const char *method, int minor,
                                          enum kn_code *ret_why);
/*
 * A parameter that is called {id}, {volume} or {port} names an object of ours: the uuid in it is put into lower case where it stands. What
 * somebody else has chosen (flavors, regions, keys, tags) is called otherwise.
 */
void kn_api_router_settle(const struct kn_route *route, const char *const *params);
/* Whether its path says that the route lists things: a GET that names none, below which single ones lie; or such a list's "/detail". */
bool kn_api_router_lists(const struct kn_api_route_place *place, const struct kn_route *route);
/* What of the original a path without a route belongs to, that is not built here; NULL = nobody has such a path. */
const struct kn_unbuilt *kn_api_router_unbuilt(const struct kn_api *api, const char *const *segments, int count);
/* "GET, HEAD, PUT": what a place answers. */
void kn_api_router_allow(const struct kn_api_route_place *place, struct kn_strbuf *out);

/*
 * Cuts "/a/b%20c" at its slashes into decoded segments (memory of the request). Returns how many; -1 and KN_BAD_REQUEST if it
 * is not percent-encoded UTF-8, KN_NOT_FOUND if it has more than KN_SEGMENTS_MAX. "/a/" has an empty segment at its end.
 */
int kn_api_router_split(struct kn_request *req, const char *raw, const char *segments[KN_SEGMENTS_MAX],
                        struct kn_error *err);

#endif
