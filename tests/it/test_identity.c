/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keystone's calls end to end: a real door, a real database, real hashing. Logins into every scope, what tokens show, and above all what
 * makes a token worthless: each way of taking something away is tried against a token that worked a moment before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/door.h"
#include "identity/api.h"
#include "identity/bootstrap.h"
#include "identity/keys.h"
#include "identity/limiter.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#define ADMIN_SCOPE "{\"project\":{\"name\":\"admin\",\"domain\":{\"id\":\"default\"}}}"

static struct {
    struct kn_test_pg *pg;
    struct kn_conf conf;
    struct kn_door door;
    struct kn_http_server *server;
    struct kn_test_http http;
    char dir[32];
    char *key_file;
    char *url;
    char admin[700]; /* a token of admin on project admin */
    json_t *json;    /* the last body, if it was JSON */
} world;

static const char *const PASSWORDS[] = { "admin pass", "s3cret" };

/* --- speaking --- */

static void ask(int status, const char *method, const char *path, const char *token, const char *body)
{
    AUTO_FREE char *header = token != NULL ? kn_asprintf("X-Auth-Token: %s\r\n", token) : NULL;
    AUTO_FREE char *whole = kn_asprintf("/identity%s", path);

    kn_test_http_ask(&world.http, method, whole, header, body);
    json_decref(world.json);
    world.json = json_loadb(world.http.body.buf, world.http.body.len, 0, NULL);
    if (world.http.status != status) {
        fail_msg("%s %s: %d %s, wanted %d", method, path, world.http.status, world.http.body.buf, status);
    }
    if (status >= 400) {
        assert_int_equal(json_integer_value(json_object_get(json_object_get(world.json, "error"), "code")), status);
    }
    assert_true(strncmp(kn_test_http_header(&world.http, "x-openstack-request-id"), "req-", 4) == 0);
}

/* "a.b.0.c" of the last body. */
static const json_t *at(const char *path)
{
    AUTO_FREE char *copy = kn_strdup(path);
    const json_t *json = world.json;
    char *rest = copy;

    for (char *key = strsep(&rest, "."); key != NULL; key = strsep(&rest, ".")) {
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key)) : json_object_get(json, key);
    }
    return json;
}

static const char *text(const char *path)
{
    const char *value = json_string_value(at(path));
    if (value == NULL) {
        fail_msg("no text at %s in %s", path, world.http.body.buf);
    }
    return value;
}

/* A copy that lives until the end of the test program. */
static const char *keep(const char *value)
{
    static char kept[64][64];
    static int next;
    char *at_next = kept[next++ % 64];
    kn_copy(at_next, 64, value);
    return at_next;
}

static void log_in(int status, const char *user, const char *password, const char *scope, char token[700])
{
    AUTO_FREE char *body = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
                                       "\"domain\":{\"name\":\"Default\"},\"password\":\"%s\"}}}%s%s}}", user, password,
                                       scope != NULL ? ",\"scope\":" : "", scope != NULL ? scope : "");
    ask(status, "POST", "/v3/auth/tokens", NULL, body);
    if (token != NULL) {
        kn_copy(token, 700, kn_test_http_header(&world.http, "X-Subject-Token"));
    }
}

/* Whether a token still opens a door. */
static void assert_worth(const char *token, bool something)
{
    ask(something ? 200 : 401, "GET", "/v3/auth/catalog", token, NULL);
}

static const char *make(const char *collection, const char *noun, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s}}", noun, members);
    AUTO_FREE char *path = kn_asprintf("/v3/%s", collection);
    AUTO_FREE char *id = kn_asprintf("%s.id", noun);
    ask(201, "POST", path, world.admin, body);
    return keep(text(id));
}

static const char *role_id(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("/v3/roles?name=%s", name);
    ask(200, "GET", path, world.admin, NULL);
    return keep(text("roles.0.id"));
}

static void grant(int status, const char *method, const char *target, const char *user, const char *role)
{
    AUTO_FREE char *path = kn_asprintf("/v3/%s/users/%s/roles/%s", target, user, role);
    ask(status, method, path, world.admin, NULL);
}

/* A user with a role on a project of its own; names carry n. */
struct person {
    const char *user, *project;
    char name[32], scope[128], target[80];
};

static struct person make_person(const char *name, const char *role)
{
    struct person p;
    AUTO_FREE char *project = kn_asprintf("\"name\":\"%s\"", name);
    AUTO_FREE char *user = kn_asprintf("\"name\":\"%s\",\"password\":\"s3cret\"", name);

    kn_copy(p.name, sizeof(p.name), name);
    p.project = make("projects", "project", project);
    p.user = make("users", "user", user);
    snprintf(p.scope, sizeof(p.scope), "{\"project\":{\"id\":\"%s\"}}", p.project);
    snprintf(p.target, sizeof(p.target), "projects/%s", p.project);
    grant(204, "PUT", p.target, p.user, role_id(role));
    return p;
}

/* --- the tests --- */

static void test_discovery(void **state)
{
    (void)state;
    ask(300, "GET", "", NULL, NULL);
    assert_string_equal(text("versions.values.0.id"), "v3.14");
    ask(200, "GET", "/v3", NULL, NULL);
    assert_string_equal(text("version.status"), "stable");
    ask(404, "GET", "/v3/nothing", NULL, NULL);
    ask(405, "PATCH", "/v3/auth/tokens", world.admin, "{}");
    assert_string_equal(kn_test_http_header(&world.http, "Allow"), "GET, HEAD, POST, DELETE");
    ask(401, "GET", "/v3/users", NULL, NULL);
    assert_non_null(strstr(kn_test_http_header(&world.http, "WWW-Authenticate"), "Keystone uri=\"http://127.0.0.1:"));
    ask(401, "GET", "/v3/users", "kn1.nonsense", NULL);
}

static void test_scopes(void **state)
{
    char token[700], scoped[700];

    (void)state;
    log_in(201, "admin", PASSWORDS[0], ADMIN_SCOPE, token);
    assert_string_equal(text("token.project.name"), "admin");
    assert_string_equal(text("token.project.domain.name"), "Default");
    assert_string_equal(text("token.user.domain.id"), "default");
    assert_string_equal(text("token.roles.0.name"), "admin");
    assert_int_equal(json_array_size(at("token.roles")), 4); /* with what admin implies */
    assert_int_equal(json_array_size(at("token.catalog")), 6);
    assert_int_equal(strlen(text("token.audit_ids.0")), 22);
    log_in(201, "admin", PASSWORDS[0], "{\"system\":{\"all\":true}}", NULL);
    assert_true(json_is_true(at("token.system.all")));
    log_in(201, "admin", PASSWORDS[0], "\"unscoped\"", token);
    assert_null(at("token.project"));
    assert_null(at("token.catalog"));
    assert_null(at("token.roles"));
    log_in(201, "admin", PASSWORDS[0], NULL, NULL); /* nothing said: the default project */
    assert_string_equal(text("token.project.name"), "admin");
    log_in(401, "admin", PASSWORDS[0], "{\"domain\":{\"id\":\"default\"}}", NULL);
    log_in(401, "admin", PASSWORDS[0], "{\"project\":{\"id\":\"0123\"}}", NULL);
    log_in(400, "admin", PASSWORDS[0], "{\"project\":{\"name\":\"admin\"}}", NULL);
    log_in(400, "admin", PASSWORDS[0], "{\"OS-TRUST:trust\":{\"id\":\"1\"}}", NULL);
    /* from the unscoped token into a project */
    AUTO_FREE char *rescope = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}},\"scope\":"
                                          ADMIN_SCOPE "}}", token);
    ask(201, "POST", "/v3/auth/tokens", NULL, rescope);
    kn_copy(scoped, sizeof(scoped), kn_test_http_header(&world.http, "X-Subject-Token"));
    assert_int_equal(json_array_size(at("token.methods")), 2);
    assert_int_equal(json_array_size(at("token.audit_ids")), 2);
    assert_worth(scoped, true);
}

static void test_domain_scope(void **state)
{
    (void)state;
    const char *domain = make("domains", "domain", "\"name\":\"sales\"");
    AUTO_FREE char *members = kn_asprintf("\"name\":\"dora\",\"password\":\"s3cret\",\"domain_id\":\"%s\"", domain);
    const char *user = make("users", "user", members);
    AUTO_FREE char *target = kn_asprintf("domains/%s", domain);
    AUTO_FREE char *login = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"%s\","
                                        "\"password\":\"s3cret\"}}},\"scope\":{\"domain\":{\"name\":\"sales\"}}}}", user);
    AUTO_FREE char *domain_path = kn_asprintf("/v3/domains/%s", domain);
    char token[700];

    ask(401, "POST", "/v3/auth/tokens", NULL, login);
    grant(204, "PUT", target, user, role_id("reader"));
    ask(201, "POST", "/v3/auth/tokens", NULL, login);
    kn_copy(token, sizeof(token), kn_test_http_header(&world.http, "X-Subject-Token"));
    assert_string_equal(text("token.domain.id"), domain);
    ask(200, "GET", "/v3/auth/domains", token, NULL);
    assert_string_equal(text("domains.0.name"), "sales");
    ask(403, "DELETE", domain_path, world.admin, NULL); /* enabled */
    ask(200, "PATCH", domain_path, world.admin, "{\"domain\":{\"enabled\":false}}");
    assert_worth(token, false);
    ask(401, "POST", "/v3/auth/tokens", NULL, login);
    ask(204, "DELETE", domain_path, world.admin, NULL);
    ask(404, "GET", domain_path, world.admin, NULL);
    AUTO_FREE char *user_path = kn_asprintf("/v3/users/%s", user);
    ask(404, "GET", user_path, world.admin, NULL);
    ask(403, "DELETE", "/v3/domains/default", world.admin, NULL);
}

static void test_bad_logins(void **state)
{
    static const char *const MALFORMED[] = {
        "", "{", "[]", "{}", "{\"auth\":1}", "{\"auth\":{}}", "{\"auth\":{\"identity\":{}}}",
        "{\"auth\":{\"identity\":{\"methods\":[]}}}", "{\"auth\":{\"identity\":{\"methods\":[1]}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"]}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"admin\",\"password\":\"x\"}}}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"admin\",\"password\":1}}}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{}}}}",
        "{\"auth\":1,\"auth\":1}", "\xff\xfe",
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(MALFORMED); i++) {
        ask(400, "POST", "/v3/auth/tokens", NULL, MALFORMED[i]);
    }
    ask(401, "POST", "/v3/auth/tokens", NULL, "{\"auth\":{\"identity\":{\"methods\":[\"telepathy\"]}}}");
    ask(401, "POST", "/v3/auth/tokens", NULL, "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"x\"}}}}");
    log_in(401, "admin", "wrong", ADMIN_SCOPE, NULL);
    AUTO_FREE char *wrong = kn_strdup(world.http.body.buf);
    log_in(401, "nobody", "wrong", ADMIN_SCOPE, NULL);
    assert_string_equal(world.http.body.buf, wrong); /* the same words for both */
    kn_test_http_ask(&world.http, "POST", "/identity/v3/auth/tokens", "Content-Type: text/plain\r\n", NULL);
    assert_int_equal(world.http.status, 400);
}

static void test_guessing_is_limited(void **state)
{
    (void)state;
    for (int i = 0; i < KN_LIMITER_FAILURES; i++) {
        log_in(401, "victim", "guess", NULL, NULL);
    }
    log_in(429, "victim", "guess", NULL, NULL);
    assert_string_not_equal(kn_test_http_header(&world.http, "Retry-After"), "");
    log_in(201, "admin", PASSWORDS[0], NULL, NULL); /* others go on */
}

static void test_validation(void **state)
{
    char other[700];
    struct person p = make_person("val", "reader");

    (void)state;
    log_in(201, p.name, "s3cret", p.scope, other);
    AUTO_FREE char *both = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", world.admin, other);
    AUTO_FREE char *reverse = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", other, world.admin);
    AUTO_FREE char *own = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", other, other);
    AUTO_FREE char *broken = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %sx\r\n", world.admin, other);
    kn_test_http_ask(&world.http, "GET", "/identity/v3/auth/tokens?nocatalog", both, NULL);
    assert_int_equal(world.http.status, 200);
    assert_non_null(strstr(world.http.body.buf, "\"name\":\"val\""));
    assert_null(strstr(world.http.body.buf, "catalog"));
    assert_string_equal(kn_test_http_header(&world.http, "X-Subject-Token"), other);
    kn_test_http_ask(&world.http, "HEAD", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(world.http.status, 200);
    kn_test_http_ask(&world.http, "GET", "/identity/v3/auth/tokens", own, NULL);
    assert_int_equal(world.http.status, 200);
    kn_test_http_ask(&world.http, "GET", "/identity/v3/auth/tokens", reverse, NULL);
    assert_int_equal(world.http.status, 403);
    kn_test_http_ask(&world.http, "GET", "/identity/v3/auth/tokens", broken, NULL);
    assert_int_equal(world.http.status, 404);
    ask(400, "GET", "/v3/auth/tokens", world.admin, NULL);
    kn_test_http_ask(&world.http, "DELETE", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(world.http.status, 204);
    assert_worth(other, false);
    kn_test_http_ask(&world.http, "GET", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(world.http.status, 404);
}

/* Every way of taking something away, tried on a fresh token of a fresh person. */
static void test_revocation(void **state)
{
    static const struct {
        const char *name, *method, *path, *body; /* %u, %p, %r: the person's user and project, the role */
        bool back;                               /* can log in again */
    } WAYS[] = {
        { "away1", "PATCH", "/v3/users/%u", "{\"user\":{\"enabled\":false}}", false },
        { "away2", "PATCH", "/v3/users/%u", "{\"user\":{\"password\":\"s3cret\"}}", true },
        { "away3", "DELETE", "/v3/users/%u", NULL, false },
        { "away4", "PATCH", "/v3/projects/%p", "{\"project\":{\"enabled\":false}}", false },
        { "away5", "DELETE", "/v3/projects/%p", NULL, false },
        { "away6", "DELETE", "/v3/projects/%p/users/%u/roles/%r", NULL, false },
    };
    const char *member = role_id("member");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        struct person p = make_person(WAYS[i].name, "member");
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
        char token[700];
        log_in(201, p.name, "s3cret", p.scope, token);
        assert_worth(token, true);
        for (const char *c = WAYS[i].path; *c != '\0'; c++) {
            if (*c == '%') {
                c++;
                kn_strbuf_addstr(&path, *c == 'u' ? p.user : *c == 'p' ? p.project : member);
            } else {
                kn_strbuf_addch(&path, *c);
            }
        }
        ask(WAYS[i].body != NULL ? 200 : 204, WAYS[i].method, path.buf, world.admin, WAYS[i].body);
        assert_worth(token, false);
        log_in(WAYS[i].back ? 201 : 401, p.name, "s3cret", p.scope, WAYS[i].back ? token : NULL);
        if (WAYS[i].back) {
            assert_worth(token, true);
        }
        assert_worth(world.admin, true); /* nobody else was hit */
    }
}

static void test_deleted_role(void **state)
{
    const char *role = make("roles", "role", "\"name\":\"painter\",\"description\":\"paints\"");
    struct person p = make_person("pablo", "painter");
    AUTO_FREE char *path = kn_asprintf("/v3/roles/%s", role);
    AUTO_FREE char *builtin = kn_asprintf("/v3/roles/%s", role_id("member"));
    char token[700];

    (void)state;
    log_in(201, p.name, "s3cret", p.scope, token);
    assert_string_equal(text("token.roles.0.name"), "painter");
    ask(200, "PATCH", path, world.admin, "{\"role\":{\"name\":\"sculptor\"}}");
    ask(204, "DELETE", path, world.admin, NULL);
    assert_worth(token, false);
    ask(404, "DELETE", path, world.admin, NULL);
    ask(403, "DELETE", builtin, world.admin, NULL);
    ask(403, "PATCH", builtin, world.admin, "{\"role\":{\"name\":\"owner\"}}");
    ask(409, "POST", "/v3/roles", world.admin, "{\"role\":{\"name\":\"admin\"}}");
}

static void test_own_password(void **state)
{
    struct person p = make_person("selma", "reader");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/password", p.user);
    char token[700];

    (void)state;
    log_in(201, p.name, "s3cret", p.scope, token);
    ask(401, "POST", path, token, "{\"user\":{\"password\":\"new\",\"original_password\":\"wrong\"}}");
    ask(400, "POST", path, token, "{\"user\":{\"password\":\"new\"}}");
    ask(403, "POST", path, world.admin, "{\"user\":{\"password\":\"new\",\"original_password\":\"s3cret\"}}");
    ask(204, "POST", path, token, "{\"user\":{\"password\":\"new\",\"original_password\":\"s3cret\"}}");
    assert_worth(token, false);
    log_in(401, p.name, "s3cret", p.scope, NULL);
    log_in(201, p.name, "new", p.scope, NULL);
}

static void test_reader_sees_its_own(void **state)
{
    struct person p = make_person("rita", "reader");
    AUTO_FREE char *user = kn_asprintf("/v3/users/%s", p.user);
    AUTO_FREE char *project = kn_asprintf("/v3/projects/%s", p.project);
    AUTO_FREE char *projects = kn_asprintf("/v3/users/%s/projects", p.user);
    char token[700];

    (void)state;
    log_in(201, p.name, "s3cret", p.scope, token);
    ask(200, "GET", user, token, NULL);
    assert_string_equal(text("user.name"), "rita");
    assert_null(at("user.password_hash"));
    ask(200, "GET", project, token, NULL);
    ask(200, "GET", projects, token, NULL);
    assert_string_equal(text("projects.0.name"), "rita");
    ask(200, "GET", "/v3/auth/projects", token, NULL);
    assert_int_equal(json_array_size(at("projects")), 1);
    ask(200, "GET", "/v3/auth/system", token, NULL);
    assert_int_equal(json_array_size(at("system")), 0);
    ask(403, "GET", "/v3/users", token, NULL);
    ask(403, "PATCH", user, token, "{\"user\":{\"name\":\"root\"}}");
    ask(403, "POST", "/v3/projects", token, "{\"project\":{\"name\":\"x\"}}");
    AUTO_FREE char *target = kn_asprintf("/v3/%s/users/%s/roles/%s", p.target, p.user, role_id("admin"));
    ask(403, "PUT", target, token, NULL);
}

static void test_projects(void **state)
{
    const char *parent = make("projects", "project", "\"name\":\"tree\",\"tags\":[\"a\",\"b\"],\"description\":\"d\"");
    AUTO_FREE char *below = kn_asprintf("\"name\":\"leaf\",\"parent_id\":\"%s\"", parent);
    AUTO_FREE char *path = kn_asprintf("/v3/projects/%s", parent);
    AUTO_FREE char *children = kn_asprintf("/v3/projects?parent_id=%s", parent);

    (void)state;
    assert_string_equal(text("project.tags.1"), "b");
    assert_string_equal(text("project.parent_id"), "default");
    make("projects", "project", below);
    ask(200, "GET", children, world.admin, NULL);
    assert_string_equal(text("projects.0.name"), "leaf");
    assert_int_equal(json_array_size(at("projects")), 1);
    ask(403, "DELETE", path, world.admin, NULL);
    ask(200, "PATCH", path, world.admin, "{\"project\":{\"tags\":[],\"description\":null}}");
    assert_int_equal(json_array_size(at("project.tags")), 0);
    assert_string_equal(text("project.description"), "");
    ask(409, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"tree\"}}");
    ask(404, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}");
    ask(404, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"x\",\"parent_id\":\"nowhere\"}}");
    ask(400, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"x\",\"colour\":\"red\"}}");
    ask(400, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"\"}}");
    ask(400, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"x\",\"enabled\":\"perhaps\"}}");
    ask(400, "POST", "/v3/projects", world.admin, "{\"project\":{\"name\":\"x\",\"tags\":[1]}}");
    ask(400, "GET", "/v3/projects?enabled=perhaps", world.admin, NULL);
    ask(404, "PATCH", "/v3/projects/nowhere", world.admin, "{\"project\":{\"name\":\"y\"}}");
    ask(200, "GET", "/v3/projects?name=tree&enabled=True", world.admin, NULL);
    assert_int_equal(json_array_size(at("projects")), 1);
    ask(200, "GET", "/v3/projects/?name=nobody", world.admin, NULL); /* Keystone does not mind the slash */
    assert_int_equal(json_array_size(at("projects")), 0);
    assert_true(json_is_null(at("links.next")));
}

static void test_assignments(void **state)
{
    struct person p = make_person("asta", "manager");
    const char *manager = role_id("manager");
    AUTO_FREE char *roles = kn_asprintf("/v3/%s/users/%s/roles", p.target, p.user);
    AUTO_FREE char *named = kn_asprintf("/v3/role_assignments?user.id=%s&include_names", p.user);
    AUTO_FREE char *effective = kn_asprintf("/v3/role_assignments?user.id=%s&effective=1", p.user);

    (void)state;
    grant(204, "HEAD", p.target, p.user, manager);
    grant(204, "PUT", p.target, p.user, manager); /* again */
    ask(200, "GET", roles, world.admin, NULL);
    assert_int_equal(json_array_size(at("roles")), 1);
    ask(200, "GET", named, world.admin, NULL);
    assert_int_equal(json_array_size(at("role_assignments")), 1);
    assert_string_equal(text("role_assignments.0.scope.project.domain.name"), "Default");
    assert_string_equal(text("role_assignments.0.role.name"), "manager");
    ask(200, "GET", effective, world.admin, NULL);
    assert_int_equal(json_array_size(at("role_assignments")), 3);
    grant(204, "PUT", "system", p.user, manager);
    ask(200, "GET", "/v3/role_assignments?scope.system=all", world.admin, NULL);
    assert_int_equal(json_array_size(at("role_assignments")), 2); /* and admin's */
    grant(204, "DELETE", "system", p.user, manager);
    grant(404, "DELETE", "system", p.user, manager);
    grant(404, "PUT", p.target, "nobody", manager);
    grant(404, "PUT", "projects/nowhere", p.user, manager);
    grant(404, "PUT", p.target, p.user, "norole");
    AUTO_FREE char *missing = kn_asprintf("/v3/%s/users/%s/roles/%s", p.target, p.user, role_id("reader"));
    kn_test_http_ask(&world.http, "HEAD", missing, NULL, NULL);
    assert_int_equal(world.http.status, 404);
}

static void test_users(void **state)
{
    const char *user = make("users", "user", "\"name\":\"ulla\",\"email\":\"u@x\",\"description\":\"d\",\"enabled\":true,\"options\":{}");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s", user);

    (void)state;
    assert_string_equal(text("user.email"), "u@x");
    log_in(401, "ulla", "", NULL, NULL); /* without a password nobody logs in */
    ask(200, "PATCH", path, world.admin, "{\"user\":{\"email\":null,\"name\":\"ursula\"}}");
    assert_null(at("user.email"));
    assert_string_equal(text("user.name"), "ursula");
    ask(409, "POST", "/v3/users", world.admin, "{\"user\":{\"name\":\"ursula\"}}");
    ask(404, "POST", "/v3/users", world.admin, "{\"user\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}");
    ask(400, "POST", "/v3/users", world.admin, "{\"user\":{\"name\":\"x\",\"options\":{\"a\":1}}}");
    ask(400, "POST", "/v3/users", world.admin, "{\"user\":{\"name\":\"x\",\"password\":\"\"}}");
    ask(200, "GET", "/v3/users?name=ursula", world.admin, NULL);
    assert_int_equal(json_array_size(at("users")), 1);
    ask(204, "DELETE", path, world.admin, NULL);
    ask(404, "DELETE", path, world.admin, NULL);
}

/* --- the world --- */

static struct kn_db *thread_db(void *ctx)
{
    (void)ctx;
    return kn_db_new(world.conf.db_url, "test");
}

static void prepare(struct kn_error *err)
{
    struct kn_bootstrap admin = { .user = "admin", .role = "admin", .system = true, .password = PASSWORDS[0] };
    AUTO(kn_db) struct kn_db *db = kn_db_new(world.url, "test");
    struct kn_keys keys = { .count = 0 };
    char made[KN_PASSWORD_TEXT];

    kn_keys_add(&keys);
    assert_ok(kn_keys_save(world.key_file, &keys, err), err);
    assert_ok(kn_bootstrap_roles(db, err), err);
    assert_ok(kn_bootstrap_user(db, &admin, made, err), err);
    assert_string_equal(made, "");
    admin.password = NULL; /* again: nothing changes */
    assert_ok(kn_bootstrap_roles(db, err), err);
    assert_ok(kn_bootstrap_user(db, &admin, made, err), err);
    assert_string_equal(made, "");
    const struct kn_bootstrap other = { .user = "demo", .role = "member" };
    assert_ok(kn_bootstrap_user(db, &other, made, err), err);
    assert_int_equal(strlen(made), 32);
}

static int start(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_identity_api, NULL };
    static const struct kn_http_ops OPS = { .open = kn_door_open, .dispatch = kn_door_dispatch, .refuse = kn_door_refuse,
                                            .finish = kn_door_finish, .thread_db = thread_db, .is_slow = kn_door_is_slow };
    static const struct kn_http_limits LIMITS = { .threads = 2, .slow_threads = 1, .slow_waiting = 8, .max_body = 65536 };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_crypto_init(&err), &err);
    world.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    world.url = kn_test_pg_migrated(world.pg, "identity");
    kn_copy(world.dir, sizeof(world.dir), "/tmp/kn-identity-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    world.key_file = kn_asprintf("%s/token.key", world.dir);
    kn_conf_defaults(&world.conf);
    world.conf.db_url = world.url;
    world.conf.identity_key_file = world.key_file;
    prepare(&err);
    assert_ok(kn_identity_start(&world.conf, &err), &err);
    world.door.authenticate = kn_identity_check;
    assert_ok(kn_door_init(&world.door, APIS, &world.conf, NULL, &err), &err);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, &world.door, &world.server, &err), &err);
    world.http = kn_test_http_open(kn_http_port(world.server));
    log_in(201, "admin", PASSWORDS[0], ADMIN_SCOPE, world.admin);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    json_decref(world.json);
    kn_test_http_close(&world.http);
    kn_http_stop(world.server);
    kn_identity_stop();
    kn_door_release(&world.door);
    kn_test_pg_free(world.pg);
    unlink(world.key_file);
    rmdir(world.dir);
    free(world.key_file);
    free(world.url);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discovery),       cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_domain_scope),    cmocka_unit_test(test_bad_logins),
        cmocka_unit_test(test_guessing_is_limited), cmocka_unit_test(test_validation),
        cmocka_unit_test(test_revocation),      cmocka_unit_test(test_deleted_role),
        cmocka_unit_test(test_own_password),    cmocka_unit_test(test_reader_sees_its_own),
        cmocka_unit_test(test_projects),        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_users),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
