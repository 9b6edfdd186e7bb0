/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the matching of paths. The tree is built once at the start and never changes, so any number of threads read it without a
 * lock. It must never decide about callers: that is policy's.
 */
#include "api/router.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"

struct entry {
    const struct kn_route *route;
    struct entry *next;
};

struct kn_api_router_node {
    const char *word; /* not NUL-terminated; NULL in a {…} */
    size_t len;
    struct kn_api_router_node *next;  /* sibling */
    struct kn_api_router_node *words; /* children */
    struct kn_api_router_node *param; /* the child for {…} */
    struct entry *routes;
};

struct router_tree {
    const struct kn_api *api;
    size_t prefix_len;
    struct kn_api_router_node root;
};

struct kn_api_router {
    struct router_tree *trees;
    int count;
};

/* The child for one segment of a route's path, made if it is not there. */
static struct kn_api_router_node *router_grow(struct kn_api_router_node *node, const char *word, size_t len)
{
    if (word[0] == '{') {
        if (node->param == NULL) {
            node->param = KN_NEW(struct kn_api_router_node);
        }
        return node->param;
    }
    for (struct kn_api_router_node *child = node->words; child != NULL; child = child->next) {
        if (child->len == len && memcmp(child->word, word, len) == 0) {
            return child;
        }
    }
    struct kn_api_router_node *child = KN_NEW(struct kn_api_router_node);
    child->word = word;
    child->len = len;
    child->next = node->words;
    node->words = child;
    return child;
}

static bool overlap(const struct kn_route *a, const struct kn_route *b)
{
    int a_until = a->until > 0 ? a->until : INT32_MAX;
    int b_until = b->until > 0 ? b->until : INT32_MAX;
    return strcmp(a->method, b->method) == 0 && a->since <= b_until && b->since <= a_until;
}

static int router_refuse(const struct kn_api *api, const struct kn_route *route, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_INTERNAL, "route %s %s%s %s", route->method, api->prefix, route->path, why);
}

static int router_check(const struct kn_api *api, const struct kn_route *route, struct kn_error *err)
{
    int params = 0;
    for (const char *at = route->path; (at = strchr(at, '{')) != NULL; at++) {
        params++;
    }
    if (route->rule <= KN_RULE_NONE || route->rule >= KN_RULE_COUNT) {
        return router_refuse(api, route, "names no rule of policy", err);
    }
    if ((route->handle == NULL) == (route->upload == NULL)) {
        return router_refuse(api, route, "needs either a handler or an upload", err);
    }
    if (route->refuses != NULL && route->handle == NULL) {
        return router_refuse(api, route, "refuses by a handler and has none", err);
    }
    if (params > KN_ROUTE_PARAMS) {
        return router_refuse(api, route, "has too many parameters", err);
    }
    return 0;
}

static int router_add_route(struct router_tree *tree, const struct kn_route *route, struct kn_error *err)
{
    struct kn_api_router_node *node = &tree->root;

    if (router_check(tree->api, route, err) < 0) {
        return -1;
    }
    for (const char *at = route->path; *at == '/';) {
        size_t len = strcspn(++at, "/");
        node = router_grow(node, at, len);
        at += len;
    }
    for (const struct entry *e = node->routes; e != NULL; e = e->next) {
        if (overlap(e->route, route)) {
            return router_refuse(tree->api, route, "is there twice", err);
        }
    }
    struct entry *entry = KN_NEW(struct entry);
    entry->route = route;
    entry->next = node->routes;
    node->routes = entry;
    return 0;
}

int kn_api_router_new(const struct kn_api *const *apis, struct kn_api_router **ret_router, struct kn_error *err)
{
    AUTO(kn_api_router) struct kn_api_router *router = KN_NEW(struct kn_api_router);

    while (apis[router->count] != NULL) {
        router->count++;
    }
    router->trees = kn_alloc((size_t)router->count * sizeof(*router->trees) + 1);
    for (int i = 0; i < router->count; i++) {
        router->trees[i].api = apis[i];
        router->trees[i].prefix_len = strlen(apis[i]->prefix);
        for (const struct kn_route *route = apis[i]->routes; route->method != NULL; route++) {
            if (router_add_route(&router->trees[i], route, err) < 0) {
                return -1;
            }
        }
    }
    *ret_router = kn_steal(&router);
    return 0;
}

static void release_node(struct kn_api_router_node *node)
{
    while (node->routes != NULL) {
        struct entry *next = node->routes->next;
        free(node->routes);
        node->routes = next;
    }
    while (node->words != NULL) {
        struct kn_api_router_node *next = node->words->next;
        release_node(node->words);
        free(node->words);
        node->words = next;
    }
    if (node->param != NULL) {
        release_node(node->param);
        free(node->param);
    }
}

void kn_api_router_free(struct kn_api_router *router)
{
    if (router == NULL) {
        return;
    }
    for (int i = 0; i < router->count; i++) {
        release_node(&router->trees[i].root);
    }
    free(router->trees);
    free(router);
}

const struct kn_api *kn_api_router_api(const struct kn_api_router *router, const char *raw_path, const char **ret_rest)
{
    for (int i = 0; i < router->count; i++) {
        const struct router_tree *tree = &router->trees[i];
        const char *rest = raw_path + tree->prefix_len;
        if (strncmp(raw_path, tree->api->prefix, tree->prefix_len) == 0 && (*rest == '/' || *rest == '\0')) {
            *ret_rest = rest;
            return tree->api;
        }
    }
    return NULL;
}

/* Walks down; a dead end behind a word is tried again behind the {…} beside it. */
static const struct kn_api_router_node *router_walk(const struct kn_api_router_node *node, const char *const *segments,
                                                    int count, const char **params)
{
    if (count == 0) {
        return node->routes != NULL ? node : NULL;
    }
    size_t len = strlen(segments[0]);
    if (len == 0) {
        return NULL;
    }
    for (const struct kn_api_router_node *child = node->words; child != NULL; child = child->next) {
        if (child->len == len && memcmp(child->word, segments[0], len) == 0) {
            const struct kn_api_router_node *end = router_walk(child, segments + 1, count - 1, params);
            if (end != NULL) {
                return end;
            }
            break;
        }
    }
    if (node->param == NULL) {
        return NULL;
    }
    *params = segments[0];
    const struct kn_api_router_node *end = router_walk(node->param, segments + 1, count - 1, params + 1);
    if (end == NULL) {
        *params = NULL;
    }
    return end;
}

static const struct router_tree *tree_of(const struct kn_api_router *router, const struct kn_api *api)
{
    int i = 0;
    while (router->trees[i].api != api) {
        i++;
    }
    return &router->trees[i];
}

/* The place of these segments, with one more behind the version where the service has that. */
static bool router_find(const struct router_tree *tree, const char *const *segments, int count,
                        struct kn_api_route_place *ret_place)
{
    const struct kn_api *api = tree->api;
    struct kn_api_route_place place = { 0 };

    place.node = router_walk(&tree->root, segments, count, place.params);
    if (place.node == NULL && api->project_in_path && count > 2 && segments[1][0] != '\0' &&
        strspn(segments[1], "0123456789abcdef-") == strlen(segments[1])) {
        const char *without[KN_SEGMENTS_MAX] = { segments[0] };
        memcpy(without + 1, segments + 2, (size_t)(count - 2) * sizeof(*without));
        place.project_id = segments[1];
        place.node = router_walk(&tree->root, without, count - 1, place.params);
    }
    if (place.node == NULL) {
        return false;
    }
    *ret_place = place;
    return true;
}

bool kn_api_router_find(const struct kn_api_router *router, const struct kn_api *api, const char *const *segments,
                        int count, struct kn_api_route_place *ret_place)
{
    static const char SUFFIX[] = ".json";
    const struct router_tree *tree = tree_of(router, api);
    char *last = count > 0 ? (char *)(uintptr_t)segments[count - 1] : NULL; /* the request's own memory */
    size_t len = last != NULL ? strlen(last) : 0, stem = len - (sizeof(SUFFIX) - 1);

    if (api->json_suffix && len > sizeof(SUFFIX) - 1 && strcmp(last + stem, SUFFIX) == 0) {
        last[stem] = '\0';
        if (router_find(tree, segments, count, ret_place) && (ret_place->node->word != NULL || kn_uuid_valid(last))) {
            return true;
        }
        last[stem] = SUFFIX[0]; /* it is somebody's key */
    }
    return router_find(tree, segments, count, ret_place);
}

static bool router_in_range(const struct kn_route *route, int minor)
{
    return minor >= route->since && (route->until == 0 || minor <= route->until);
}

static const struct kn_route *pick(const struct kn_api_route_place *place, const char *method, int minor,
                                   enum kn_code *ret_why)
{
    for (const struct entry *e = place->node->routes; e != NULL; e = e->next) {
        if (strcmp(e->route->method, method) == 0) {
            *ret_why = KN_NOT_FOUND;
            if (router_in_range(e->route, minor)) {
                return e->route;
            }
        }
    }
    return NULL;
}

const struct kn_route *kn_api_router_pick(const struct kn_api_route_place *place, const char *method, int minor,
                                          enum kn_code *ret_why)
{
    enum kn_code why = KN_METHOD_NOT_ALLOWED;
    const struct kn_route *route = pick(place, method, minor, &why);

    if (route == NULL && strcmp(method, "HEAD") == 0) {
        route = pick(place, "GET", minor, &why);
    }
    if (route == NULL) {
        *ret_why = why;
    }
    return route;
}

void kn_api_router_settle(const struct kn_route *route, const char *const *params)
{
    static const char *const IDS[] = { "{id}", "{volume}", "{port}" };

    for (const char *at = strchr(route->path, '{'); at != NULL; at = strchr(at + 1, '{'), params++) {
        for (size_t i = 0; i < KN_COUNT(IDS); i++) {
            if (strncmp(at, IDS[i], strlen(IDS[i])) == 0) {
                kn_uuid_lower((char *)(uintptr_t)*params); /* the request's own memory */
            }
        }
    }
}

static bool answers_get(const struct kn_api_router_node *node)
{
    const struct entry *e = node != NULL ? node->routes : NULL;

    while (e != NULL && strcmp(e->route->method, "GET") != 0) {
        e = e->next;
    }
    return e != NULL;
}

bool kn_api_router_lists(const struct kn_api_route_place *place, const struct kn_route *route)
{
    static const char DETAIL[] = "/detail";
    const size_t len = strlen(route->path);

    return strcmp(route->method, "GET") == 0 && place->params[0] == NULL &&
           (answers_get(place->node->param) ||
            (len >= sizeof(DETAIL) && strcmp(route->path + len - strlen(DETAIL), DETAIL) == 0));
}

/* Whether the segments begin with those of path. */
static bool is_below(const char *path, const char *const *segments, int count)
{
    int i = 0;

    for (; *path == '/' && i < count; i++) {
        size_t len = strcspn(++path, "/");
        if (path[0] == '{' ? segments[i][0] == '\0'
                           : strlen(segments[i]) != len || memcmp(segments[i], path, len) != 0) {
            return false;
        }
        path += len;
    }
    return *path == '\0';
}

static const struct kn_unbuilt *unbuilt(const struct kn_api *api, const char *const *segments, int count)
{
    for (const struct kn_unbuilt *u = api->unbuilt; u != NULL && u->path != NULL; u++) {
        if (is_below(u->path, segments, count)) {
            return u;
        }
    }
    return NULL;
}

const struct kn_unbuilt *kn_api_router_unbuilt(const struct kn_api *api, const char *const *segments, int count)
{
    const struct kn_unbuilt *found = unbuilt(api, segments, count);

    if (found == NULL && api->project_in_path && count > 2) {
        const char *without[KN_SEGMENTS_MAX] = { segments[0] };
        memcpy(without + 1, segments + 2, (size_t)(count - 2) * sizeof(*without));
        found = unbuilt(api, without, count - 1);
    }
    return found;
}

void kn_api_router_allow(const struct kn_api_route_place *place, struct kn_strbuf *out)
{
    static const char *const METHODS[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
    const char *comma = "";

    for (size_t i = 0; i < KN_COUNT(METHODS); i++) {
        enum kn_code why = KN_METHOD_NOT_ALLOWED;
        if (kn_api_router_pick(place, METHODS[i], 0, &why) != NULL || why == KN_NOT_FOUND) {
            kn_strbuf_addf(out, "%s%s", comma, METHODS[i]);
            comma = ", ";
        }
    }
}

int kn_api_router_split(struct kn_request *req, const char *raw, const char *segments[KN_SEGMENTS_MAX],
                        struct kn_error *err)
{
    int count = 0;

    while (*raw == '/') {
        size_t len = strcspn(++raw, "/");
        if (count == KN_SEGMENTS_MAX) {
            return kn_fail(err, KN_NOT_FOUND, "the path has more than %d parts", KN_SEGMENTS_MAX);
        }
        char *segment = kn_request_alloc(req, len + 1);
        if (kn_url_decode(raw, len, false, segment) < 0) {
            return kn_fail(err, KN_BAD_REQUEST, "the path of the URL is not percent-encoded UTF-8");
        }
        segments[count++] = segment;
        raw += len;
    }
    return count;
}
