/* SPDX-License-Identifier: Apache-2.0 */
/* Paths against route tables: which route, with which parameters, and which tables are refused. */
#include <string.h>

#include "api/mounts.h"
#include "api/router.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static int handle(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    (void)err;
    return 0;
}

#define R(m, p, s, first, last) \
    { \
        .method = m, .path = p, .rule = KN_NOVA_HYPERVISORS, .status = s, .handle = handle, .since = first, \
        .until = last \
    }
#define END \
    { \
        .method = NULL \
    }

/* The status tells the routes apart. */
static const struct kn_route COMPUTE_ROUTES[] = {
    R("GET", "/v2.1/servers", 1, 0, 0),
    R("POST", "/v2.1/servers", 2, 0, 0),
    R("GET", "/v2.1/servers/detail", 3, 0, 0),
    R("GET", "/v2.1/servers/{id}", 4, 0, 0),
    R("POST", "/v2.1/servers/{id}/action", 5, 0, 0),
    R("GET", "/v2.1/servers/{id}/tags/{tag}", 6, 26, 0),
    R("GET", "/v2.1/os-networks", 7, 1, 35),
    R("GET", "/v2.1/os-hypervisors/{id}", 8, 0, 52),
    R("GET", "/v2.1/os-hypervisors/{id}", 9, 53, 0),
    R("HEAD", "/v2.1/os-networks", 10, 0, 0),
    END,
};
static const struct kn_api COMPUTE = { .name = "compute",
                                       .prefix = "/compute",
                                       .microversion_service = "compute",
                                       .major = 2,
                                       .min_minor = 1,
                                       .max_minor = 96,
                                       .project_in_path = true,
                                       .routes = COMPUTE_ROUTES };
static const struct kn_route IMAGE_ROUTES[] = { R("GET", "/v2/images", 20, 0, 0), END };
static const struct kn_api IMAGE = { .name = "image", .prefix = "/image", .routes = IMAGE_ROUTES };
static const struct kn_route VOLUME_ROUTES[] = {
    R("GET", "/v3/volumes", 30, 0, 0),
    R("GET", "/v3/volumes/detail", 31, 0, 0),
    R("GET", "/v3/volumes/{id}", 32, 0, 0),
    R("GET", "/v3/volumes/{id}/metadata/{key}", 33, 0, 0),
    END,
};
static const struct kn_api VOLUME = {
    .name = "volume", .prefix = "/volume", .project_in_path = true, .json_suffix = true, .routes = VOLUME_ROUTES
};
static const struct kn_api *const APIS[] = { &COMPUTE, &IMAGE, &VOLUME, NULL };

static struct kn_api_router *router;

static int setup(void **state)
{
    struct kn_error err = { 0 };
    (void)state;
    assert_ok(kn_api_router_new(APIS, &router, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kn_api_router_free(router);
    return 0;
}

/* Cuts in place; good enough without escapes. */
static int cut(char *path, const char **segments)
{
    int n = 0;
    while (*path == '/') {
        *path++ = '\0';
        segments[n++] = path;
        path += strcspn(path, "/");
    }
    return n;
}

/* The route's number; -404, -405. */
static int ask(const char *method, const char *raw, int minor, struct kn_api_route_place *place)
{
    const char *segments[KN_SEGMENTS_MAX], *rest = NULL;
    AUTO_FREE char *path = kn_strdup(raw);
    const struct kn_api *api = kn_api_router_api(router, path, &rest);
    enum kn_code why = KN_OK;

    if (api == NULL) {
        return -1;
    }
    int n = cut(path + (rest - path), segments);
    if (!kn_api_router_find(router, api, segments, n, place)) {
        return -404;
    }
    const struct kn_route *route = kn_api_router_pick(place, method, minor, &why);
    return route != NULL ? route->status : -kn_code_status(why);
}

static void test_matching(void **state)
{
    static const struct {
        const char *method, *path;
        int minor, expected;
    } CASES[] = {
        { "GET", "/compute/v2.1/servers", 1, 1 },
        { "HEAD", "/compute/v2.1/servers", 1, 1 },
        { "POST", "/compute/v2.1/servers", 1, 2 },
        { "PUT", "/compute/v2.1/servers", 1, -405 },
        { "GET", "/compute/v2.1/servers/", 1, -404 },
        { "GET", "/compute/v2.1//servers", 1, -404 },
        { "GET", "/compute/v2.1/servers/detail", 1, 3 },
        { "GET", "/compute/v2.1/servers/details", 1, 4 },
        { "POST", "/compute/v2.1/servers/detail/action", 1, 5 }, /* back from a word's dead end */
        { "POST", "/compute/v2.1/servers//action", 1, -404 },
        { "GET", "/compute/v2.1/servers/x/tags/y", 26, 6 },
        { "GET", "/compute/v2.1/servers/x/tags/y", 25, -404 },
        { "DELETE", "/compute/v2.1/servers/x/tags/y", 26, -405 },
        { "GET", "/compute/v2.1/os-networks", 35, 7 },
        { "GET", "/compute/v2.1/os-networks", 36, -404 },
        { "HEAD", "/compute/v2.1/os-networks", 36, 10 },
        { "GET", "/compute/v2.1/os-hypervisors/1", 52, 8 },
        { "GET", "/compute/v2.1/os-hypervisors/1", 53, 9 },
        { "GET", "/compute/v2.1", 1, -404 },
        { "GET", "/compute", 1, -404 },
        { "GET", "/computer/v2.1/servers", 1, -1 },
        { "GET", "/image/v2/images", 0, 20 },
        { "GET", "/image/v2/abc/images", 0, -404 },
        { "GET", "/compute/v2.1/servers/x/tags/y/z", 26, -404 },
        { "GET", "/volume/v3/volumes.json", 0, 30 },
        { "GET", "/volume/v3/0af/volumes.json", 0, 30 },
        { "GET", "/volume/v3/volumes/detail.json", 0, 31 },
        { "GET", "/volume/v3/volumes/5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab.json", 0, 32 },
        { "GET", "/volume/v3/volumes/x/metadata/y.json", 0, 33 },
        { "GET", "/volume/v3/nothing.json", 0, -404 },
        { "GET", "/volume/v3/volumes/.json", 0, 32 },
        { "GET", "/compute/v2.1/servers.json", 1, -404 },
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_api_route_place place;
        int got = ask(CASES[i].method, CASES[i].path, CASES[i].minor, &place);
        if (got != CASES[i].expected) {
            fail_msg("%s %s at %d: %d, expected %d", CASES[i].method, CASES[i].path, CASES[i].minor, got,
                     CASES[i].expected);
        }
    }
}

#define PLACE_SIZE 200

static int place_in(const struct kn_api *api, const char *raw, struct kn_api_route_place *place, char *buf)
{
    const char *segments[KN_SEGMENTS_MAX];
    kn_copy(buf, PLACE_SIZE, raw);
    return kn_api_router_find(router, api, segments, cut(buf, segments), place);
}

static int place_of(const char *raw, struct kn_api_route_place *place, char *buf)
{
    return place_in(&COMPUTE, raw, place, buf);
}

/* What is an id of ours loses the suffix, what somebody chose keeps it. */
static void test_suffix(void **state)
{
    struct kn_api_route_place place;
    char buf[PLACE_SIZE];

    (void)state;
    assert_true(place_in(&VOLUME, "/v3/volumes/5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab.json", &place, buf));
    assert_string_equal(place.params[0], "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab");
    assert_true(place_in(&VOLUME, "/v3/volumes/x/metadata/y.json", &place, buf));
    assert_string_equal(place.params[1], "y.json");
}

static void test_parameters(void **state)
{
    struct kn_api_route_place place;
    char buf[PLACE_SIZE];

    (void)state;
    assert_true(place_of("/v2.1/servers/abc/tags/t", &place, buf));
    assert_string_equal(place.params[0], "abc");
    assert_string_equal(place.params[1], "t");
    assert_null(place.params[2]);
    assert_null(place.project_id);
    assert_true(place_of("/v2.1/0af-9/servers/abc/tags/t", &place, buf));
    assert_string_equal(place.project_id, "0af-9");
    assert_string_equal(place.params[0], "abc");
    assert_false(place_of("/v2.1/XYZ/servers/abc", &place, buf));
    assert_false(place_of("/v2.1//servers/abc", &place, buf));
    assert_false(place_of("/v2.1/abc", &place, buf));
}

static void test_allow(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    struct kn_api_route_place place;
    char buf[PLACE_SIZE];

    (void)state;
    assert_true(place_of("/v2.1/servers", &place, buf));
    kn_api_router_allow(&place, &sb);
    assert_string_equal(sb.buf, "GET, HEAD, POST");
}

/* The tables of the real services: what queues as a long list, and what must never wait behind one. */
static void test_lists(void **state)
{
    static const struct {
        const char *path;
        bool lists;
    } CASES[] = {
        { "/compute/v2.1/servers", true },
        { "/compute/v2.1/servers/detail", true },
        { "/compute/v2.1/0af9/servers/detail", true }, /* a project in the path names nothing */
        { "/compute/v2.1/servers/x", false },
        { "/compute/v2.1/servers/x/tags", false },
        { "/compute/v2.1/servers/x/metadata", false },
        { "/compute/v2.1/limits", false },
        { "/compute/v2.1/os-quota-sets/x/detail", false },
        { "/compute/v2.1/os-hypervisors/detail", true },
        { "/network/v2.0/ports", true },
        { "/network/v2.0/ports/x", false },
        { "/image/v2/images", true },
        { "/image/v2/images/x/file", false },
        { "/volume/v3/0af9/volumes/detail", true },
        { "/volume/v3/volumes/x", false },
        { "/identity/v3/users", true },
        { "/identity/v3/auth/tokens", false },
        { "/identity/v3/auth/catalog", false },
    };
    AUTO(kn_api_router) struct kn_api_router *real = NULL;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_api_router_new(kn_api_mounts, &real, &err), &err);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        const char *segments[KN_SEGMENTS_MAX], *rest = NULL;
        const struct kn_api *api = kn_api_router_api(real, CASES[i].path, &rest);
        AUTO_FREE char *path = kn_strdup(rest);
        struct kn_api_route_place place;
        enum kn_code why = KN_OK;

        assert_true(kn_api_router_find(real, api, segments, cut(path, segments), &place));
        const struct kn_route *route = kn_api_router_pick(&place, "GET", api->max_minor, &why);
        assert_non_null(route);
        if (kn_api_router_lists(&place, route) != CASES[i].lists) {
            fail_msg("%s: %s", CASES[i].path, CASES[i].lists ? "is no list" : "is a list");
        }
    }
}

static void refused(const struct kn_route *routes, const char *why)
{
    const struct kn_api api = { .name = "x", .prefix = "/x", .routes = routes };
    const struct kn_api *const apis[] = { &api, NULL };
    struct kn_api_router *none = NULL;
    struct kn_error err = { 0 };

    assert_fails(kn_api_router_new(apis, &none, &err), &err, KN_INTERNAL);
    assert_non_null(strstr(err.message, why));
    assert_null(none);
}

static void test_bad_tables(void **state)
{
    const struct kn_route twice[] = { R("GET", "/a/{b}", 1, 0, 10), R("GET", "/a/{c}", 2, 10, 0), END };
    const struct kn_route nobody[] = { { .method = "GET", .path = "/a", .handle = handle }, END };
    const struct kn_route nothing[] = { { .method = "GET", .path = "/a", .rule = KN_NOVA_HYPERVISORS }, END };
    const struct kn_upload stream = { .begin = NULL };
    const struct kn_route mixed[] = {
        { .method = "PUT", .path = "/a", .rule = KN_NOVA_HYPERVISORS, .upload = &stream, .refuses = handle }, END
    };
    const struct kn_route many[] = { R("GET", "/{a}/{b}/{c}/{d}/{e}", 1, 0, 0), END };

    (void)state;
    refused(twice, "twice");
    refused(nobody, "policy");
    refused(nothing, "handler");
    refused(mixed, "refuses");
    refused(many, "parameters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching), cmocka_unit_test(test_parameters), cmocka_unit_test(test_suffix),
        cmocka_unit_test(test_allow),    cmocka_unit_test(test_lists),      cmocka_unit_test(test_bad_tables),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
