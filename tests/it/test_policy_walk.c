/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every route of every service, asked by everybody: without a token, with a forged one, and with each role in each kind of scope, over a
 * real listener and the real door. The handlers are taken out: 410 means "would have been let in". What each rule promises stands in
 * docs/policy.md, cell by cell; what may be public, and what a reader may write, is listed route by route. What rules decide inside requests
 * is asked by test_policy_cases.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/door.h"
#include "api/mounts.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/matrix.h"
#include "tests/support/test.h"

#define LET_IN 410
#define OWN "0123456789abcdef0123456789abcdef"
#define FOREIGN "fedcba9876543210fedcba9876543210"
#define DOMAIN "00112233445566778899aabbccddeeff" /* of the domain-scoped tokens, and of the projects of the others */

/* --- the callers: their token is their name --- */

static const struct {
    const char *name;   /* NULL: sends no token */
    const char *column; /* of docs/policy.md; NULL: 401 wherever a token is wanted */
    uint32_t roles;
    bool project, system, domain;
} CALLERS[] = {
    { NULL, "nobody", 0, false, false, false },
    { "forged", NULL, 0, false, false, false },
    { "unscoped", "any token", 0, false, false, false },
    { "stranger", "any project", 0, true, false, false }, /* a role without a meaning */
    { "reader", "reader", 1, true, false, false },
    { "member", "member", 3, true, false, false },
    { "manager", "manager", 7, true, false, false },
    { "admin", "admin", 15, true, false, false },
    { "service", "service", KN_ROLE_SERVICE, true, false, false },
    { "domain-reader", "domain reader", 1, false, false, true },
    { "domain-manager", "domain manager", 7, false, false, true },
    { "domain-admin", "domain admin", 15, false, false, true },
    { "system-reader", "system reader", 1, false, true, false },
    { "system-admin", "system admin", 15, false, true, false },
};
#define CALLER_COUNT KN_COUNT(CALLERS)

static int authenticate(const char *token, struct kn_caller *ret, struct kn_error *err)
{
    for (size_t i = 2; i < CALLER_COUNT; i++) {
        if (strcmp(CALLERS[i].name, token) == 0) {
            *ret = (struct kn_caller){ .roles = CALLERS[i].roles, .system_scoped = CALLERS[i].system };
            kn_copy(ret->user_id, sizeof(ret->user_id), "me");
            kn_copy(ret->project_id, sizeof(ret->project_id), CALLERS[i].project ? OWN : "");
            kn_copy(ret->project_domain_id, sizeof(ret->project_domain_id), CALLERS[i].project ? DOMAIN : "");
            kn_copy(ret->domain_id, sizeof(ret->domain_id), CALLERS[i].domain ? DOMAIN : "");
            return 0;
        }
    }
    return kn_fail(err, KN_UNAUTHORIZED, "forged");
}

/* --- the tables, with their handlers taken out --- */

static int let_in(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    return kn_fail(err, KN_GONE, "let in");
}

/* Where the row has a say, a stranger's is another refusal (test_network_standard.c); here no row is there to be seen, and nothing is said of it. */
static int keep_out(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_policy_refuse(req->route->rule, err);
}

static int let_in_upload(struct kn_request *req, int64_t length, void **ret_ctx, struct kn_error *err)
{
    (void)req;
    (void)length;
    (void)ret_ctx;
    return kn_fail(err, KN_GONE, "let in");
}

static const struct kn_upload UPLOAD = { .begin = let_in_upload };

static struct {
    struct kn_api apis[8];
    const struct kn_api *list[9];
    int count;
    struct kn_conf conf;
    struct kn_api_door door;
    struct kn_http_server *server;
    struct kn_test_http http;
} world;

static void copy_table(const struct kn_api *api)
{
    struct kn_api *copy = &world.apis[world.count];
    size_t n = 0;

    while (api->routes[n].method != NULL) {
        n++;
    }
    struct kn_route *routes = kn_alloc((n + 1) * sizeof(*routes));
    for (size_t i = 0; i < n; i++) {
        routes[i] = api->routes[i];
        routes[i].handle = api->routes[i].upload != NULL ? NULL : let_in;
        routes[i].refuses = api->routes[i].refuses != NULL ? keep_out : NULL;
        routes[i].upload = api->routes[i].upload != NULL ? &UPLOAD : NULL;
    }
    *copy = *api;
    copy->routes = routes;
    copy->is_slow = NULL;
    world.list[world.count++] = copy;
}

static int start(void **state)
{
    static const struct kn_http_ops OPS = { .open = kn_api_door_open,
                                            .dispatch = kn_api_door_dispatch,
                                            .refuse = kn_api_door_refuse,
                                            .finish = kn_api_door_finish };
    static const struct kn_http_limits LIMITS = { .threads = 1, .max_body = 65536 };
    struct kn_error err = { 0 };

    (void)state;
    for (int i = 0; kn_api_mounts[i] != NULL; i++) {
        copy_table(kn_api_mounts[i]);
    }
    kn_log_init("walk", KN_WARNING);
    kn_conf_defaults(&world.conf);
    world.door.authenticate = authenticate;
    assert_ok(kn_api_door_init(&world.door, world.list, &world.conf, NULL, &err), &err);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, &world.door, &world.server, &err), &err);
    world.http = kn_test_http_open(kn_http_port(world.server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kn_test_http_close(&world.http);
    kn_http_stop(world.server);
    kn_api_door_release(&world.door);
    for (int i = 0; i < world.count; i++) {
        void *routes = NULL;
        memcpy(&routes, &world.apis[i].routes, sizeof(routes));
        free(routes);
    }
    return 0;
}

/* --- asking --- */

/* The route's path with `id` for its first parameter and "x" for the others; project: put behind the version, NULL = none. */
static char *path_of(const struct kn_api *api, const struct kn_route *route, const char *id, const char *project)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    int segment = 0;

    kn_strbuf_addstr(&sb, api->prefix);
    for (const char *at = route->path; *at != '\0'; segment++) {
        size_t len = strcspn(at + 1, "/") + 1;
        if (segment == 1 && project != NULL) {
            kn_strbuf_addf(&sb, "/%s", project);
        }
        if (at[1] == '{') {
            kn_strbuf_addf(&sb, "/%s", id);
            id = "x";
        } else {
            kn_strbuf_add(&sb, at, len);
        }
        at += len;
    }
    return kn_strbuf_detach(&sb);
}

static int ask(const struct kn_api *api, const char *method, const char *path, const char *token, int minor)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf headers = KN_STRBUF_INIT;

    if (token != NULL) {
        kn_strbuf_addf(&headers, "X-Auth-Token: %s\r\n", token);
    }
    if (api->microversion_service != NULL) {
        kn_strbuf_addf(&headers, "OpenStack-API-Version: %s %d.%d\r\n", api->microversion_service, api->major, minor);
    }
    kn_test_http_ask(&world.http, method, path, headers.buf, NULL);
    return world.http.status;
}

static int minor_of(const struct kn_api *api, const struct kn_route *route)
{
    return route->since > 0 ? route->since : api->min_minor;
}

static void expect(const struct kn_api *api, const struct kn_route *route, const char *path, size_t caller,
                   int expected)
{
    int got = ask(api, route->method, path, CALLERS[caller].name, minor_of(api, route));
    if (got != expected) {
        fail_msg("%s %s by %s (%s): %d, expected %d", route->method, path,
                 CALLERS[caller].name != NULL ? CALLERS[caller].name : "nobody", kn_policy_name(route->rule), got,
                 expected);
    }
}

/* By an admin, at a microversion where the route is not. */
static void expect_at(const struct kn_api *api, const struct kn_route *route, const char *path, int minor)
{
    int got = ask(api, route->method, path, "admin", minor);
    if (got != 404) {
        fail_msg("%s %s at %d.%d: %d, expected 404", route->method, path, api->major, minor, got);
    }
}

/* At what is nobody's. */
static int expected_of(const struct kn_route *route, size_t caller)
{
    if (kn_policy_is_public(route->rule)) {
        return LET_IN;
    }
    if (caller < 2) {
        return 401;
    }
    const char *cell = kn_test_matrix(route->rule, CALLERS[caller].column);
    return strcmp(cell, "yes") == 0 || strcmp(cell, "own") == 0 ? LET_IN : 403;
}

/* At what the path calls the caller's own, in the page's words. */
static int expected_at(const struct kn_route *route, size_t caller, const char *own, bool is_his)
{
    const bool granted = is_his && strcmp(kn_test_matrix(route->rule, CALLERS[caller].column), "path") == 0 &&
                         strstr(kn_test_matrix(route->rule, "granted to"), own) != NULL;

    return granted ? LET_IN : expected_of(route, caller);
}

static void each_route(void (*visit)(const struct kn_api *api, const struct kn_route *route))
{
    for (int i = 0; i < world.count; i++) {
        for (const struct kn_route *route = world.apis[i].routes; route->method != NULL; route++) {
            visit(&world.apis[i], route);
        }
    }
}

/* --- the walks --- */

static void by_everybody(const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *path = path_of(api, route, "nobodys", NULL);
    for (size_t c = 0; c < CALLER_COUNT; c++) {
        expect(api, route, path, c, expected_of(route, c));
    }
}

/* The project in the path: its own changes nothing, another one is refused even to an admin. */
static void by_project_in_path(const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *own = path_of(api, route, "nobodys", OWN);
    AUTO_FREE char *foreign = path_of(api, route, "nobodys", FOREIGN);

    for (size_t c = 0; api->project_in_path && c < CALLER_COUNT; c++) {
        int expected = expected_of(route, c);
        expect(api, route, own, c, expected == LET_IN && !CALLERS[c].project ? 400 : expected);
        expect(api, route, foreign, c, expected == LET_IN ? 400 : expected);
    }
}

/* One's own user, project or domain in the path opens what the policy names, and nothing else. */
static void by_self(const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *me = path_of(api, route, "me", NULL);
    AUTO_FREE char *mine = path_of(api, route, OWN, NULL);
    AUTO_FREE char *home = path_of(api, route, DOMAIN, NULL);

    if (strchr(route->path, '{') == NULL) {
        return;
    }
    for (size_t c = 2; c < CALLER_COUNT; c++) {
        bool at_home = CALLERS[c].project || CALLERS[c].domain;
        expect(api, route, me, c, expected_at(route, c, "the user of the path", true));
        expect(api, route, mine, c, expected_at(route, c, "of the path's project", CALLERS[c].project));
        expect(api, route, home, c, expected_at(route, c, "of the path's domain", at_home));
    }
}

/* The same path, whatever its parameters are called. */
static bool same_shape(const char *a, const char *b)
{
    for (; *a == *b && *a != '\0'; a++, b++) {
        if (*a == '{') {
            a += strcspn(a, "}");
            b += strcspn(b, "}");
        }
    }
    return *a == *b;
}

/* Whether the table has the same route for the microversion below this one's first. */
static bool has_older(const struct kn_api *api, const struct kn_route *route)
{
    for (const struct kn_route *other = api->routes; other->method != NULL; other++) {
        if (other != route && strcmp(other->method, route->method) == 0 && same_shape(other->path, route->path) &&
            other->until == route->since - 1) {
            return true;
        }
    }
    return false;
}

/* Outside its microversions a route is not there; an unknown method is refused; nothing is behind an empty segment. */
static void by_mistake(const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *path = path_of(api, route, "nobodys", NULL);
    AUTO_FREE char *slash = kn_asprintf("%s/", path);

    if (route->since > api->min_minor && !has_older(api, route)) {
        expect_at(api, route, path, route->since - 1);
    }
    assert_in_range(ask(api, "BREW", path, "admin", minor_of(api, route)), 404, 405);
    int status = ask(api, route->method, slash, "admin", minor_of(api, route));
    assert_int_equal(status, api->dialect == KN_DIALECT_KEYSTONE ? expected_of(route, 7) : 404);
    assert_int_equal(ask(api, "BREW", path, NULL, minor_of(api, route)) / 100, 4);
}

static void test_everybody(void **state)
{
    (void)state;
    each_route(by_everybody);
}

static void test_project_in_path(void **state)
{
    (void)state;
    each_route(by_project_in_path);
}

static void test_self(void **state)
{
    (void)state;
    each_route(by_self);
}

static void test_mistakes(void **state)
{
    (void)state;
    each_route(by_mistake);
}

static bool listed(const char *const *list, const struct kn_api *api, const struct kn_route *route)
{
    AUTO_FREE char *line = kn_asprintf("%s %s%s", route->method, api->prefix, route->path);
    for (; *list != NULL; list++) {
        if (strcmp(*list, line) == 0) {
            return true;
        }
    }
    return false;
}

static void only_login_is_public(const struct kn_api *api, const struct kn_route *route)
{
    static const char *const LISTED[] = { "POST /identity/v3/auth/tokens", "POST /identity/v3/users/{id}/password",
                                          NULL };
    if (kn_policy_is_public(route->rule) && !listed(LISTED, api, route)) {
        fail_msg("%s %s%s is public", route->method, api->prefix, route->path);
    }
}

/*
 * Keys belong to the user, not to the project, as in Nova; so does what a user lends by a trust, which the handler sees to; ending one's
 * own token is nobody's business.
 */
static void readers_do_not_write(const struct kn_api *api, const struct kn_route *route)
{
    static const char *const LISTED[] = {
        "POST /identity/v3/auth/tokens",
        "DELETE /identity/v3/auth/tokens",
        "POST /identity/v3/users/{id}/password",
        "POST /identity/v3/users/{user}/credentials/OS-EC2",
        "DELETE /identity/v3/users/{user}/credentials/OS-EC2/{id}",
        "POST /identity/v3/ec2tokens",
        "POST /identity/v3/s3tokens",
        "POST /identity/v3/credentials",
        "PATCH /identity/v3/credentials/{id}",
        "DELETE /identity/v3/credentials/{id}",
        "POST /identity/v3/users/{user}/application_credentials",
        "POST /identity/v3/OS-TRUST/trusts",
        "DELETE /identity/v3/OS-TRUST/trusts/{id}",
        "POST /compute/v2.1/os-keypairs",
        "DELETE /compute/v2.1/os-keypairs/{name}",
        NULL,
    };
    bool writes = strcmp(route->method, "GET") != 0 && strcmp(route->method, "HEAD") != 0;
    for (size_t c = 2; c < CALLER_COUNT; c++) {
        const bool is_reader = (CALLERS[c].roles & ~(uint32_t)KN_ROLE_READER) == 0;
        if (writes && is_reader && expected_of(route, c) == LET_IN && !listed(LISTED, api, route)) {
            fail_msg("%s %s%s is open to %s by %s", route->method, api->prefix, route->path, CALLERS[c].name,
                     kn_policy_name(route->rule));
        }
    }
}

/* --- the rules themselves --- */

static bool is_of_a_route(enum kn_rule rule)
{
    for (int i = 0; i < world.count; i++) {
        for (const struct kn_route *route = world.apis[i].routes; route->method != NULL; route++) {
            if (route->rule == rule) {
                return true;
            }
        }
    }
    return false;
}

/* Nobody's rule, and one that decides nothing, is a mistake in the table; that handlers ask what `decides` says, holds the lint. */
static void test_rules(void **state)
{
    (void)state;
    for (enum kn_rule rule = KN_RULE_NONE + 1; rule < KN_RULE_COUNT; rule++) {
        bool reached = false;
        for (size_t c = 0; c < CALLER_COUNT; c++) {
            reached |= CALLERS[c].column != NULL && strcmp(kn_test_matrix(rule, CALLERS[c].column), "-") != 0;
        }
        if (!reached) {
            fail_msg("%s is granted to nobody", kn_policy_name(rule));
        }
        if (!is_of_a_route(rule) && kn_policy_what(rule)[0] == '\0') {
            fail_msg("%s decides nothing", kn_policy_name(rule));
        }
    }
}

static void test_lists(void **state)
{
    (void)state;
    each_route(only_login_is_public);
    each_route(readers_do_not_write);
}

/* What the original has and this cloud has not says so, in the service's own words and to its callers only. */
static void test_unbuilt_paths(void **state)
{
    int rows = 0;

    (void)state;
    for (int i = 0; i < world.count; i++) {
        const struct kn_api *api = &world.apis[i];
        for (const struct kn_unbuilt *u = api->unbuilt; u != NULL && u->path != NULL; u++, rows++) {
            const struct kn_route at = { .path = u->path };
            AUTO_FREE char *path = path_of(api, &at, "x", NULL), *below = kn_asprintf("%s/x/y", path);
            if (ask(api, "GET", below, "admin", api->max_minor) != 404 ||
                strstr(world.http.body.buf, "not built here") == NULL) {
                fail_msg("GET %s: %d %s", below, world.http.status, world.http.body.buf);
            }
            assert_int_equal(ask(api, "GET", below, NULL, api->max_minor),
                             api->dialect == KN_DIALECT_KEYSTONE ? 404 : 401);
        }
    }
    assert_true(rows > 50);
}

static void test_unknown_paths(void **state)
{
    (void)state;
    for (int i = 0; i < world.count; i++) {
        const struct kn_api *api = &world.apis[i];
        const char *version = api->dialect == KN_DIALECT_NOVA ? "/v2.1" : "";
        AUTO_FREE char *path = kn_asprintf("%s%s/no/such/path", api->prefix, version);
        AUTO_FREE char *broken = kn_asprintf("%s%s/%%zz", api->prefix, version);
        assert_int_equal(ask(api, "GET", path, "admin", api->min_minor), 404);
        assert_null(strstr(world.http.body.buf, "not built"));
        assert_int_equal(ask(api, "GET", path, NULL, api->min_minor), api->dialect == KN_DIALECT_KEYSTONE ? 404 : 401);
        assert_int_equal(ask(api, "GET", broken, "admin", api->min_minor), 400);
    }
}

/* --- heads that are no HTTP --- */

/* What was logged since. */
static char *logged(int saved, int file)
{
    char *text = kn_alloc(8192);

    dup2(saved, STDERR_FILENO);
    ssize_t n = pread(file, text, 8191, 0);
    assert_true(n >= 0);
    close(saved);
    close(file);
    return text;
}

/* The service's own words, a request id, a line of the log with it; and the library that reads HTTP says nothing itself. */
static void test_bad_heads(void **state)
{
    static const struct {
        const char *path, *opening;
    } CASES[] = {
        { "/compute/v2.1/servers", "{\"badRequest\":{\"code\":400,\"message\":\"" },
        { "/volume/v3/volumes", "{\"badRequest\":{\"code\":400,\"message\":\"" },
        { "/identity/v3/users", "{\"error\":{\"code\":400,\"message\":\"" },
        { "/network/v2.0/ports", "{\"NeutronError\":{\"type\":\"HTTPBadRequest\",\"message\":\"" },
        { "/image/v2/images", "400 Bad Request\n\n" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_test_http bad = kn_test_http_open(kn_http_port(world.server));
        AUTO_FREE char *text =
            kn_asprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nX-Auth-Token: admin\r\n\r\n"
                        "POST %s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: admin\r\n\r\n",
                        CASES[i].path, CASES[i].path);
        int saved = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);
        kn_log_init("walk", KN_INFO);
        dup2(file, STDERR_FILENO);
        kn_test_http_send(&bad, text, strlen(text));
        bool answered = kn_test_http_read(&bad, false);
        AUTO_FREE char *log = logged(saved, file);
        kn_log_init("walk", KN_WARNING);
        assert_true(answered);
        assert_int_equal(bad.status, 400);
        assert_memory_equal(bad.body.buf, CASES[i].opening, strlen(CASES[i].opening));
        assert_non_null(strstr(bad.body.buf, "the length of the body is not a number"));
        const char *id = kn_test_http_header(&bad, "x-openstack-request-id");
        assert_memory_equal(id, "req-", 4);
        assert_non_null(strstr(log, id));
        assert_non_null(strstr(log, "status=400"));
        assert_false(kn_test_http_read(&bad, false));
        kn_test_http_close(&bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody), cmocka_unit_test(test_project_in_path), cmocka_unit_test(test_self),
        cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_lists),           cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_bad_heads), cmocka_unit_test(test_unbuilt_paths),   cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
