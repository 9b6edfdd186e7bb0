/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keystone's calls end to end: a real door, a real database, real hashing. Logins into every scope, what tokens show, and above all what
 * makes a token worthless: each way of taking something away is tried against a token that worked a moment before.
 */
#include <stdlib.h>
#include <string.h>

#include "identity/auth/limiter.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

/* --- the tests --- */

static void test_discovery(void **state)
{
    (void)state;
    kn_ks_ask(300, "GET", "", NULL, NULL);
    assert_string_equal(kn_ks_text("versions.values.0.id"), "v3.14");
    kn_ks_ask(200, "GET", "/v3", NULL, NULL);
    assert_string_equal(kn_ks_text("version.status"), "stable");
    kn_ks_ask(404, "GET", "/v3/nothing", NULL, NULL);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3", "Accept: application/json-home\r\n", NULL);
    assert_string_equal(kn_test_http_header(&kn_ks.http, "Content-Type"), "application/json-home");
    assert_non_null(strstr(kn_ks.http.body.buf, "/rel/auth_tokens\":{\"href\":\"/auth/tokens\"}"));
    kn_ks_ask(405, "PATCH", "/v3/auth/tokens", kn_ks.admin, "{}");
    assert_string_equal(kn_test_http_header(&kn_ks.http, "Allow"), "GET, HEAD, POST, DELETE");
    kn_ks_ask(401, "GET", "/v3/users", NULL, NULL);
    assert_non_null(strstr(kn_test_http_header(&kn_ks.http, "WWW-Authenticate"), "Keystone uri=\"http://127.0.0.1:"));
    kn_ks_ask(401, "GET", "/v3/users", "kn1.nonsense", NULL);
}

static void test_scopes(void **state)
{
    char token[KN_KS_TOKEN], scoped[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, KN_KS_ADMIN_SCOPE, token);
    assert_string_equal(kn_ks_text("token.project.name"), "admin");
    assert_string_equal(kn_ks_text("token.project.domain.name"), "Default");
    assert_string_equal(kn_ks_text("token.user.domain.id"), "default");
    assert_string_equal(kn_ks_text("token.roles.0.name"), "admin");
    assert_int_equal(json_array_size(kn_ks_at("token.roles")), 4); /* with what admin implies */
    assert_int_equal(json_array_size(kn_ks_at("token.catalog")), 6);
    assert_int_equal(strlen(kn_ks_text("token.audit_ids.0")), 22);
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, "{\"system\":{\"all\":true}}", NULL);
    assert_true(json_is_true(kn_ks_at("token.system.all")));
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, "\"unscoped\"", token);
    assert_null(kn_ks_at("token.project"));
    assert_null(kn_ks_at("token.catalog"));
    assert_null(kn_ks_at("token.roles"));
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, NULL, NULL); /* nothing said: the default project */
    assert_string_equal(kn_ks_text("token.project.name"), "admin");
    kn_ks_log_in(401, "admin", KN_KS_PASSWORD, "{\"domain\":{\"id\":\"default\"}}", NULL);
    kn_ks_log_in(401, "admin", KN_KS_PASSWORD, "{\"project\":{\"id\":\"0123\"}}", NULL);
    kn_ks_log_in(400, "admin", KN_KS_PASSWORD, "{\"project\":{\"name\":\"admin\"}}", NULL);
    kn_ks_log_in(400, "admin", KN_KS_PASSWORD, "{\"OS-TRUST:trust\":{}}", NULL);
    kn_ks_log_in(401, "admin", KN_KS_PASSWORD, "{\"OS-TRUST:trust\":{\"id\":\"1\"}}", NULL);
    kn_ks_log_in(400, "admin", KN_KS_PASSWORD, "{\"horoscope\":{\"id\":\"1\"}}", NULL);
    /* from the unscoped token into a project */
    AUTO_FREE char *rescope = kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}},\"scope\":" KN_KS_ADMIN_SCOPE "}}",
        token);
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, rescope);
    kn_copy(scoped, sizeof(scoped), kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    assert_int_equal(json_array_size(kn_ks_at("token.methods")), 2);
    assert_int_equal(json_array_size(kn_ks_at("token.audit_ids")), 2);
    kn_ks_assert_worth(scoped, true);
}

static void test_domain_scope(void **state)
{
    (void)state;
    const char *domain = kn_ks_make("domains", "domain", "\"name\":\"sales\"");
    AUTO_FREE char *members = kn_asprintf("\"name\":\"dora\",\"password\":\"s3cret\",\"domain_id\":\"%s\"", domain);
    const char *user = kn_ks_make("users", "user", members);
    AUTO_FREE char *target = kn_asprintf("domains/%s", domain);
    AUTO_FREE char *login =
        kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"%s\","
                    "\"password\":\"s3cret\"}}},\"scope\":{\"domain\":{\"name\":\"sales\"}}}}",
                    user);
    AUTO_FREE char *domain_path = kn_asprintf("/v3/domains/%s", domain);
    char token[KN_KS_TOKEN];

    kn_ks_ask(401, "POST", "/v3/auth/tokens", NULL, login);
    kn_ks_grant(204, "PUT", target, user, kn_ks_role("reader"));
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, login);
    kn_copy(token, sizeof(token), kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    assert_string_equal(kn_ks_text("token.domain.id"), domain);
    kn_ks_ask(200, "GET", "/v3/auth/domains", token, NULL);
    assert_string_equal(kn_ks_text("domains.0.name"), "sales");
    kn_ks_ask(403, "DELETE", domain_path, kn_ks.admin, NULL); /* enabled */
    kn_ks_ask(200, "PATCH", domain_path, kn_ks.admin, "{\"domain\":{\"enabled\":false}}");
    kn_ks_assert_worth(token, false);
    kn_ks_ask(401, "POST", "/v3/auth/tokens", NULL, login);
    kn_ks_ask(204, "DELETE", domain_path, kn_ks.admin, NULL);
    kn_ks_ask(404, "GET", domain_path, kn_ks.admin, NULL);
    AUTO_FREE char *user_path = kn_asprintf("/v3/users/%s", user);
    kn_ks_ask(404, "GET", user_path, kn_ks.admin, NULL);
    kn_ks_ask(403, "DELETE", "/v3/domains/default", kn_ks.admin, NULL);
}

static void test_bad_logins(void **state)
{
    static const char *const MALFORMED[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"auth\":1}",
        "{\"auth\":{}}",
        "{\"auth\":{\"identity\":{}}}",
        "{\"auth\":{\"identity\":{\"methods\":[]}}}",
        "{\"auth\":{\"identity\":{\"methods\":[1]}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"]}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"admin\",\"password\":\"x\"}}}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"id\":\"admin\",\"password\":1}}}}}",
        "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{}}}}",
        "{\"auth\":1,\"auth\":1}",
        "\xff\xfe",
    };
    (void)state;
    for (size_t i = 0; i < KN_COUNT(MALFORMED); i++) {
        kn_ks_ask(400, "POST", "/v3/auth/tokens", NULL, MALFORMED[i]);
    }
    kn_ks_ask(401, "POST", "/v3/auth/tokens", NULL, "{\"auth\":{\"identity\":{\"methods\":[\"telepathy\"]}}}");
    kn_ks_ask(404, "POST", "/v3/auth/tokens", NULL,
              "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"x\"}}}}");
    kn_ks_log_in(401, "admin", "wrong", KN_KS_ADMIN_SCOPE, NULL);
    AUTO_FREE char *wrong = kn_strdup(kn_ks.http.body.buf);
    kn_ks_log_in(401, "nobody", "wrong", KN_KS_ADMIN_SCOPE, NULL);
    assert_string_equal(kn_ks.http.body.buf, wrong); /* the same words for both */
    kn_test_http_ask(&kn_ks.http, "POST", "/identity/v3/auth/tokens", "Content-Type: text/plain\r\n", NULL);
    assert_int_equal(kn_ks.http.status, 400);
}

static void test_guessing_is_limited(void **state)
{
    const int64_t begin = kn_mono_ms();
    const int guesses = kn_ks_ask_until(
        429, 401, "POST", "/v3/auth/tokens", NULL,
        "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"victim\","
        "\"domain\":{\"id\":\"default\"},\"password\":\"guess\"}}}}}");

    (void)state;
    assert_string_not_equal(kn_test_http_header(&kn_ks.http, "Retry-After"), "");
    /* Who is slow has those as well that came back meanwhile. */
    assert_in_range(guesses, KN_LIMITER_FAILURES, KN_LIMITER_FAILURES + (kn_mono_ms() - begin) / KN_LIMITER_RETURN_MS);
    kn_ks_log_in(201, "admin", KN_KS_PASSWORD, NULL, NULL); /* others go on */
}

static void test_validation(void **state)
{
    char other[KN_KS_TOKEN];
    struct kn_ks_person p = kn_ks_make_person("val", "reader");

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, other);
    AUTO_FREE char *both = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", kn_ks.admin, other);
    AUTO_FREE char *reverse = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", other, kn_ks.admin);
    AUTO_FREE char *own = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", other, other);
    AUTO_FREE char *broken = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %sx\r\n", kn_ks.admin, other);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens?nocatalog", both, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    assert_non_null(strstr(kn_ks.http.body.buf, "\"name\":\"val\""));
    assert_null(strstr(kn_ks.http.body.buf, "catalog"));
    assert_string_equal(kn_test_http_header(&kn_ks.http, "X-Subject-Token"), other);
    kn_test_http_ask(&kn_ks.http, "HEAD", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", own, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", reverse, NULL);
    assert_int_equal(kn_ks.http.status, 403);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", broken, NULL);
    assert_int_equal(kn_ks.http.status, 404);
    kn_ks_ask(400, "GET", "/v3/auth/tokens", kn_ks.admin, NULL);
    kn_test_http_ask(&kn_ks.http, "DELETE", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(kn_ks.http.status, 204);
    kn_ks_assert_worth(other, false);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", both, NULL);
    assert_int_equal(kn_ks.http.status, 404);
}

/* A service finishes what a caller began with a token that has ended since; what was taken back stays so. */
static void test_allow_expired(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("late", "reader");
    AUTO_FREE char *user = kn_asprintf("/v3/users/%s", p.user);
    char token[KN_KS_TOKEN];
    const int64_t end = kn_mono_ms() + 60000;

    (void)state;
    kn_ks.conf.identity_token_s = 1;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks.conf.identity_token_s = 3600;
    AUTO_FREE char *both = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", kn_ks.admin, token);
    do {
        kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", both, NULL);
    } while (kn_ks.http.status == 200 && kn_mono_ms() < end);
    assert_int_equal(kn_ks.http.status, 404);
    kn_ks_assert_worth(token, false);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens?allow_expired=1", both, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens?allow_expired=0", both, NULL);
    assert_int_equal(kn_ks.http.status, 404);
    kn_ks_ask(200, "PATCH", user, kn_ks.admin, "{\"user\":{\"password\":\"other\"}}");
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens?allow_expired=1", both, NULL);
    assert_int_equal(kn_ks.http.status, 404);
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
    const char *member = kn_ks_role("member");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        struct kn_ks_person p = kn_ks_make_person(WAYS[i].name, "member");
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
        char token[KN_KS_TOKEN];
        kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
        kn_ks_assert_worth(token, true);
        for (const char *c = WAYS[i].path; *c != '\0'; c++) {
            if (*c == '%') {
                c++;
                kn_strbuf_addstr(&path, *c == 'u' ? p.user : *c == 'p' ? p.project : member);
            } else {
                kn_strbuf_addch(&path, *c);
            }
        }
        kn_ks_ask(WAYS[i].body != NULL ? 200 : 204, WAYS[i].method, path.buf, kn_ks.admin, WAYS[i].body);
        kn_ks_assert_worth(token, false);
        kn_ks_log_in(WAYS[i].back ? 201 : 401, p.name, "s3cret", p.scope, WAYS[i].back ? token : NULL);
        if (WAYS[i].back) {
            kn_ks_assert_worth(token, true);
        }
        kn_ks_assert_worth(kn_ks.admin, true); /* nobody else was hit */
    }
}

static void test_deleted_role(void **state)
{
    const char *role = kn_ks_make("roles", "role", "\"name\":\"painter\",\"description\":\"paints\"");
    struct kn_ks_person p = kn_ks_make_person("pablo", "painter");
    AUTO_FREE char *path = kn_asprintf("/v3/roles/%s", role);
    AUTO_FREE char *builtin = kn_asprintf("/v3/roles/%s", kn_ks_role("member"));
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    assert_string_equal(kn_ks_text("token.roles.0.name"), "painter");
    kn_ks_ask(200, "PATCH", path, kn_ks.admin, "{\"role\":{\"name\":\"sculptor\"}}");
    kn_ks_ask(204, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_assert_worth(token, false);
    kn_ks_ask(404, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_ask(403, "DELETE", builtin, kn_ks.admin, NULL);
    kn_ks_ask(403, "PATCH", builtin, kn_ks.admin, "{\"role\":{\"name\":\"owner\"}}");
    kn_ks_ask(409, "POST", "/v3/roles", kn_ks.admin, "{\"role\":{\"name\":\"admin\"}}");
}

/* Of the five that Keystone's bootstrap makes, `service` is no rank: it grants what names it, and can be neither changed nor deleted by chance. */
static void test_service_role(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("nova", "service");
    AUTO_FREE char *path = kn_asprintf("/v3/roles/%s", kn_ks_role("service"));
    AUTO_FREE char *implied = kn_asprintf("%s/implies", path);
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    assert_int_equal(json_array_size(kn_ks_at("token.roles")), 1);
    assert_string_equal(kn_ks_text("token.roles.0.name"), "service");
    kn_ks_ask(200, "GET", implied, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("role_inference.implies")), 0);
    kn_ks_ask(403, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_ask(403, "PATCH", path, kn_ks.admin, "{\"role\":{\"name\":\"owner\"}}");
}

static void test_own_password(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("selma", "reader");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/password", p.user);
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_ask(401, "POST", path, token, "{\"user\":{\"password\":\"new\",\"original_password\":\"wrong\"}}");
    kn_ks_ask(400, "POST", path, token, "{\"user\":{\"password\":\"new\"}}");
    kn_ks_ask(401, "POST", "/v3/users/nobody/password", kn_ks.admin,
              "{\"user\":{\"password\":\"new\",\"original_password\":\"s3cret\"}}");
    kn_ks_ask(204, "POST", path, token, "{\"user\":{\"password\":\"new\",\"original_password\":\"s3cret\"}}");
    kn_ks_assert_worth(token, false);
    kn_ks_log_in(401, p.name, "s3cret", p.scope, NULL);
    kn_ks_log_in(201, p.name, "new", p.scope, NULL);
}

static void test_reader_sees_its_own(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("rita", "reader");
    AUTO_FREE char *user = kn_asprintf("/v3/users/%s", p.user);
    AUTO_FREE char *project = kn_asprintf("/v3/projects/%s", p.project);
    AUTO_FREE char *projects = kn_asprintf("/v3/users/%s/projects", p.user);
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_ask(200, "GET", user, token, NULL);
    assert_string_equal(kn_ks_text("user.name"), "rita");
    assert_null(kn_ks_at("user.password_hash"));
    kn_ks_ask(200, "GET", project, token, NULL);
    kn_ks_ask(200, "GET", projects, token, NULL);
    assert_string_equal(kn_ks_text("projects.0.name"), "rita");
    kn_ks_ask(200, "GET", "/v3/auth/projects", token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("projects")), 1);
    kn_ks_ask(200, "GET", "/v3/auth/system", token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("system")), 0);
    kn_ks_ask(403, "GET", "/v3/users", token, NULL);
    kn_ks_ask(403, "PATCH", user, token, "{\"user\":{\"name\":\"root\"}}");
    kn_ks_ask(403, "POST", "/v3/projects", token, "{\"project\":{\"name\":\"x\"}}");
    AUTO_FREE char *target = kn_asprintf("/v3/%s/users/%s/roles/%s", p.target, p.user, kn_ks_role("admin"));
    kn_ks_ask(403, "PUT", target, token, NULL);
}

static void test_projects(void **state)
{
    const char *parent = kn_ks_make("projects", "project",
                                    "\"name\":\"tree\",\"tags\":[\"a\",\"b\"],\"description\":\"d\"");
    AUTO_FREE char *below = kn_asprintf("\"name\":\"leaf\",\"parent_id\":\"%s\"", parent);
    AUTO_FREE char *path = kn_asprintf("/v3/projects/%s", parent);
    AUTO_FREE char *children = kn_asprintf("/v3/projects?parent_id=%s", parent);

    (void)state;
    assert_string_equal(kn_ks_text("project.tags.1"), "b");
    assert_string_equal(kn_ks_text("project.parent_id"), "default");
    kn_ks_make("projects", "project", below);
    kn_ks_ask(200, "GET", children, kn_ks.admin, NULL);
    assert_string_equal(kn_ks_text("projects.0.name"), "leaf");
    assert_int_equal(json_array_size(kn_ks_at("projects")), 1);
    kn_ks_ask(403, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_ask(200, "PATCH", path, kn_ks.admin, "{\"project\":{\"tags\":[],\"description\":null}}");
    assert_int_equal(json_array_size(kn_ks_at("project.tags")), 0);
    assert_string_equal(kn_ks_text("project.description"), "");
    kn_ks_ask(409, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"tree\"}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"x\",\"parent_id\":\"nowhere\"}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"x\",\"links\":{}}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"\"}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"x\",\"enabled\":\"perhaps\"}}");
    kn_ks_ask(400, "POST", "/v3/projects", kn_ks.admin, "{\"project\":{\"name\":\"x\",\"tags\":[1]}}");
    kn_ks_ask(400, "GET", "/v3/projects?enabled=perhaps", kn_ks.admin, NULL);
    kn_ks_ask(404, "PATCH", "/v3/projects/nowhere", kn_ks.admin, "{\"project\":{\"name\":\"y\"}}");
    kn_ks_ask(200, "GET", "/v3/projects?name=tree&enabled=True", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("projects")), 1);
    kn_ks_ask(200, "GET", "/v3/projects/?name=nobody", kn_ks.admin, NULL); /* Keystone does not mind the slash */
    assert_int_equal(json_array_size(kn_ks_at("projects")), 0);
    assert_true(json_is_null(kn_ks_at("links.next")));
}

/* What clients make up stays with the object and never passes for what is ours. */
static void test_own_attributes(void **state)
{
    static const struct {
        const char *noun, *collection;
    } NOUNS[] = { { "domain", "domains" },
                  { "project", "projects" },
                  { "user", "users" },
                  { "group", "groups" },
                  { "role", "roles" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        const char *id = kn_ks_make(NOUNS[i].collection, NOUNS[i].noun,
                                    "\"name\":\"dyed\",\"colour\":\"red\",\"size\":{\"x\":1}");
        AUTO_FREE char *path = kn_asprintf("/v3/%s/%s", NOUNS[i].collection, id);
        AUTO_FREE char *paint = kn_asprintf("{\"%s\":{\"colour\":\"blue\"}}", NOUNS[i].noun);
        AUTO_FREE char *lie = kn_asprintf("{\"%s\":{\"links\":{\"self\":\"elsewhere\"}}}", NOUNS[i].noun);
        AUTO_FREE char *colour = kn_asprintf("%s.colour", NOUNS[i].noun);
        AUTO_FREE char *size = kn_asprintf("%s.size.x", NOUNS[i].noun);
        kn_ks_ask(200, "PATCH", path, kn_ks.admin, paint);
        kn_ks_ask(400, "PATCH", path, kn_ks.admin, lie);
        kn_ks_ask(200, "GET", path, kn_ks.admin, NULL);
        assert_string_equal(kn_ks_text(colour), "blue");
        assert_int_equal(json_integer_value(kn_ks_at(size)), 1);
    }
}

static void test_assignments(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("asta", "manager");
    const char *manager = kn_ks_role("manager");
    AUTO_FREE char *roles = kn_asprintf("/v3/%s/users/%s/roles", p.target, p.user);
    AUTO_FREE char *named = kn_asprintf("/v3/role_assignments?user.id=%s&include_names", p.user);
    AUTO_FREE char *effective = kn_asprintf("/v3/role_assignments?user.id=%s&effective=1", p.user);

    (void)state;
    kn_ks_grant(204, "HEAD", p.target, p.user, manager);
    kn_ks_grant(204, "PUT", p.target, p.user, manager); /* again */
    kn_ks_ask(200, "GET", roles, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("roles")), 1);
    kn_ks_ask(200, "GET", named, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("role_assignments")), 1);
    assert_string_equal(kn_ks_text("role_assignments.0.scope.project.domain.name"), "Default");
    assert_string_equal(kn_ks_text("role_assignments.0.role.name"), "manager");
    kn_ks_ask(200, "GET", effective, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("role_assignments")), 3);
    kn_ks_grant(204, "PUT", "system", p.user, manager);
    kn_ks_ask(200, "GET", "/v3/role_assignments?scope.system=all", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("role_assignments")), 2); /* and admin's */
    kn_ks_grant(204, "DELETE", "system", p.user, manager);
    kn_ks_grant(404, "DELETE", "system", p.user, manager);
    kn_ks_grant(404, "PUT", p.target, "nobody", manager);
    kn_ks_grant(404, "PUT", "projects/nowhere", p.user, manager);
    kn_ks_grant(404, "PUT", p.target, p.user, "norole");
    AUTO_FREE char *missing = kn_asprintf("/v3/%s/users/%s/roles/%s", p.target, p.user, kn_ks_role("reader"));
    kn_test_http_ask(&kn_ks.http, "HEAD", missing, NULL, NULL);
    assert_int_equal(kn_ks.http.status, 404);
}

static void test_users(void **state)
{
    const char *user =
        kn_ks_make("users", "user",
                   "\"name\":\"ulla\",\"email\":\"u@x\",\"description\":\"d\",\"enabled\":true,\"options\":{}");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s", user);

    (void)state;
    assert_string_equal(kn_ks_text("user.email"), "u@x");
    kn_ks_log_in(401, "ulla", "", NULL, NULL); /* without a password nobody logs in */
    kn_ks_ask(200, "PATCH", path, kn_ks.admin, "{\"user\":{\"email\":null,\"name\":\"ursula\"}}");
    assert_null(kn_ks_at("user.email"));
    assert_string_equal(kn_ks_text("user.name"), "ursula");
    kn_ks_ask(409, "POST", "/v3/users", kn_ks.admin, "{\"user\":{\"name\":\"ursula\"}}");
    kn_ks_ask(404, "POST", "/v3/users", kn_ks.admin, "{\"user\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}");
    kn_ks_ask(400, "POST", "/v3/users", kn_ks.admin, "{\"user\":{\"name\":\"x\",\"options\":{\"a\":1}}}");
    kn_ks_ask(400, "POST", "/v3/users", kn_ks.admin, "{\"user\":{\"name\":\"x\",\"password\":\"\"}}");
    kn_ks_ask(200, "GET", "/v3/users?name=ursula", kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("users")), 1);
    kn_ks_ask(204, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_ask(404, "DELETE", path, kn_ks.admin, NULL);
}

/* Blanks alone are no name, and those at the ends would make two accounts that look like one. */
static void test_names_with_blanks(void **state)
{
    static const char *const NOUNS[] = { "user", "project", "role", "group", "domain" };
    static const char *const NAMES[] = { " ", "   ", "\\t", " blank", "blank ", "\\u00a0", "\\u3000blank" };

    (void)state;
    for (size_t n = 0; n < KN_COUNT(NOUNS); n++) {
        AUTO_FREE char *path = kn_asprintf("/v3/%ss", NOUNS[n]);
        AUTO_FREE char *id = kn_strdup(kn_ks_make(path + strlen("/v3/"), NOUNS[n], "\"name\":\"blank\""));
        AUTO_FREE char *one = kn_asprintf("%s/%s", path, id);

        for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
            AUTO_FREE char *body = kn_asprintf("{\"%s\":{\"name\":\"%s\"}}", NOUNS[n], NAMES[i]);

            kn_ks_ask(400, "POST", path, kn_ks.admin, body);
            kn_ks_ask(400, "PATCH", one, kn_ks.admin, body);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discovery),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_domain_scope),
        cmocka_unit_test(test_bad_logins),
        cmocka_unit_test(test_guessing_is_limited),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_allow_expired),
        cmocka_unit_test(test_revocation),
        cmocka_unit_test(test_deleted_role),
        cmocka_unit_test(test_service_role),
        cmocka_unit_test(test_own_password),
        cmocka_unit_test(test_reader_sees_its_own),
        cmocka_unit_test(test_projects),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_own_attributes),
        cmocka_unit_test(test_names_with_blanks),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
