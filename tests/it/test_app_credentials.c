/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application credentials: made, shown once, logged in with by id and by name, held to their roles, rules and restrictions; and above
 * all gone with whatever they rest on, their tokens with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

struct holder {
    struct kn_ks_person person;
    char token[KN_KS_TOKEN];
    char path[128]; /* of its credentials */
};

static struct holder make_holder(const char *name, const char *role)
{
    struct holder h = { .person = kn_ks_make_person(name, role) };

    kn_ks_log_in(201, name, "s3cret", h.person.scope, h.token);
    snprintf(h.path, sizeof(h.path), "/v3/users/%s/application_credentials", h.person.user);
    return h;
}

static void make(int status, const struct holder *h, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"application_credential\":{%s}}", members);

    kn_ks_ask(status, "POST", h->path, h->token, body);
}

static char *login_body(const char *id, const char *secret)
{
    return kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"id\":"
        "\"%s\",\"secret\":\"%s\"}}}}",
        id, secret);
}

/* Logs in by id; token may be NULL. */
static void log_in(int status, const char *id, const char *secret, char token[KN_KS_TOKEN * 6])
{
    AUTO_FREE char *body = login_body(id, secret);

    kn_ks_ask(status, "POST", "/v3/auth/tokens", NULL, body);
    if (token != NULL) {
        kn_copy(token, (size_t)KN_KS_TOKEN * 6, kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    }
}

struct made {
    char id[40], secret[100];
    char token[KN_KS_TOKEN * 6];
};

/* Makes one and logs in with it. */
static struct made make_and_log_in(const struct holder *h, const char *members)
{
    struct made m;

    make(201, h, members);
    kn_copy(m.id, sizeof(m.id), kn_ks_text("application_credential.id"));
    kn_copy(m.secret, sizeof(m.secret), kn_ks_text("application_credential.secret"));
    log_in(201, m.id, m.secret, m.token);
    return m;
}

static char *path_of(const struct holder *h, const char *id)
{
    return kn_asprintf("%s/%s", h->path, id);
}

/* --- one life --- */

static void test_life(void **state)
{
    struct holder h = make_holder("life", "member");
    char token[KN_KS_TOKEN * 6];

    (void)state;
    make(201, &h, "\"name\":\"ci\",\"description\":\"builds\",\"expires_at\":null");
    AUTO_FREE char *id = kn_strdup(kn_ks_text("application_credential.id"));
    AUTO_FREE char *secret = kn_strdup(kn_ks_text("application_credential.secret"));
    AUTO_FREE char *path = path_of(&h, id);
    assert_int_equal(strlen(secret), 86);
    assert_string_equal(kn_ks_text("application_credential.project_id"), h.person.project);
    assert_true(json_is_false(kn_ks_at("application_credential.unrestricted")));
    assert_true(json_is_null(kn_ks_at("application_credential.expires_at")));
    assert_int_equal(json_array_size(kn_ks_at("application_credential.roles")), 2); /* member and reader */
    make(409, &h, "\"name\":\"ci\"");
    kn_ks_ask(200, "GET", path, h.token, NULL);
    assert_null(kn_ks_at("application_credential.secret"));
    kn_ks_ask(200, "GET", h.path, h.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("application_credentials")), 1);
    AUTO_FREE char *none = kn_asprintf("%s?name=cd", h.path);
    kn_ks_ask(200, "GET", none, h.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("application_credentials")), 0);
    log_in(201, id, secret, token);
    assert_string_equal(kn_ks_text("token.project.id"), h.person.project);
    assert_string_equal(kn_ks_text("token.methods.0"), "application_credential");
    assert_string_equal(kn_ks_text("token.application_credential.name"), "ci");
    assert_true(json_is_true(kn_ks_at("token.application_credential.restricted")));
    assert_non_null(kn_ks_at("token.catalog.0"));
    AUTO_FREE char *by_name = kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"name\":"
        "\"ci\",\"user\":{\"name\":\"life\",\"domain\":{\"id\":\"default\"}},\"secret\":\"%s\"}}}}",
        secret);
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, by_name);
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", token, token);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", headers, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    assert_non_null(strstr(kn_ks.http.body.buf, "\"application_credential\":{\"id\":"));
    kn_ks_ask(204, "DELETE", path, h.token, NULL);
    kn_ks_assert_worth(token, false);
    log_in(401, id, secret, NULL);
    kn_ks_ask(404, "GET", path, h.token, NULL);
    kn_ks_ask(404, "DELETE", path, h.token, NULL);
}

static void test_bad_bodies(void **state)
{
    static const char *const BAD[] = {
        "",
        "\"name\":\"\"",
        "\"name\":1",
        "\"name\":\"x\",\"secret\":\"\"",
        "\"name\":\"x\",\"expires_at\":\"soon\"",
        "\"name\":\"x\",\"expires_at\":\"2020-01-01T00:00:00\"",
        "\"name\":\"x\",\"unrestricted\":\"yes\"",
        "\"name\":\"x\",\"roles\":[{\"name\":\"admin\"}]",
        "\"name\":\"x\",\"roles\":[{\"id\":\"nowhere\"}]",
        "\"name\":\"x\",\"roles\":[1]",
        "\"name\":\"x\",\"access_rules\":[{\"path\":\"no-slash\",\"method\":\"GET\",\"service\":\"compute\"}]",
        "\"name\":\"x\",\"access_rules\":[{\"path\":\"/a\\tb\",\"method\":\"GET\",\"service\":\"compute\"}]",
        "\"name\":\"x\",\"access_rules\":[{\"path\":\"/\",\"method\":\"BREW\",\"service\":\"compute\"}]",
        "\"name\":\"x\",\"access_rules\":[{\"path\":\"/\",\"method\":\"GET\"}]",
        "\"name\":\"x\",\"access_rules\":[{}]",
        "\"name\":\"x\",\"colour\":\"red\"",
    };
    struct holder h = make_holder("badb", "member");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf many = KN_STRBUF_INIT;
    char unscoped[KN_KS_TOKEN];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        make(400, &h, BAD[i]);
    }
    make(404, &h, "\"name\":\"x\",\"access_rules\":[{\"id\":\"nowhere\"}]");
    for (int i = 0; i < 40; i++) {
        kn_strbuf_addf(
            &many,
            "%s{\"path\":\"/%d/0123456789012345678901234567890123456789\",\"method\":\"GET\",\"service\":\"compute\"}",
            i > 0 ? "," : "", i);
    }
    AUTO_FREE char *too_many = kn_asprintf("\"name\":\"x\",\"access_rules\":[%s]", many.buf);
    make(400, &h, too_many);
    kn_ks_ask(403, "POST", h.path, kn_ks.admin, "{\"application_credential\":{\"name\":\"x\"}}");
    kn_ks_ask(401, "POST", h.path, NULL, "{\"application_credential\":{\"name\":\"x\"}}");
    kn_ks_log_in(201, "badb", "s3cret", "\"unscoped\"", unscoped);
    kn_ks_ask(400, "POST", h.path, unscoped, "{\"application_credential\":{\"name\":\"x\"}}");
    make(201, &h, "\"name\":\"x\""); /* nothing was left of the others */
}

/* After ten wrong ones the right secret is told to wait, too; unless one of them was forgiven just now, as happens every six seconds. */
static void guess_until_refused(const char *id)
{
    AUTO_FREE char *wrong = login_body(id, "wrong");
    AUTO_FREE char *right = login_body(id, "of my own");
    const int64_t deadline = kn_mono_ms() + 60000;

    do {
        kn_ks_ask_until(429, 401, "POST", "/v3/auth/tokens", NULL, wrong);
        kn_test_http_ask(&kn_ks.http, "POST", "/identity/v3/auth/tokens", NULL, right);
    } while (kn_ks.http.status == 201 && kn_mono_ms() < deadline);
    assert_int_equal(kn_ks.http.status, 429);
}

static void test_bad_logins(void **state)
{
    static const char *const MALFORMED[] = {
        "{}",
        "{\"id\":\"x\"}",
        "{\"secret\":\"x\"}",
        "{\"name\":\"x\",\"secret\":\"x\"}",
        "{\"name\":\"x\",\"secret\":\"x\",\"user\":{}}",
        "{\"name\":\"x\",\"secret\":\"x\",\"user\":{\"name\":\"y\"}}",
        "{\"id\":1,\"secret\":\"x\"}",
        "1",
        "null",
    };
    struct holder h = make_holder("badl", "member");
    struct made m = make_and_log_in(&h, "\"name\":\"x\",\"secret\":\"of my own\"");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MALFORMED); i++) {
        AUTO_FREE char *body = kn_asprintf(
            "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":%s}}}",
            MALFORMED[i]);
        kn_ks_ask(400, "POST", "/v3/auth/tokens", NULL, body);
    }
    assert_string_equal(m.secret, "of my own");
    log_in(401, m.id, "wrong", NULL);
    log_in(401, "nowhere", "wrong", NULL);
    AUTO_FREE char *scoped = kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"id\":"
        "\"%s\",\"secret\":\"of my own\"}},\"scope\":%s}}",
        m.id, h.person.scope);
    kn_ks_ask(401, "POST", "/v3/auth/tokens", NULL, scoped);
    guess_until_refused(m.id);
}

/* --- what they may --- */

static void test_roles(void **state)
{
    struct holder h = make_holder("roles", "manager");
    struct made m = make_and_log_in(&h, "\"name\":\"r\",\"roles\":[{\"name\":\"reader\"}],\"unrestricted\":true");

    (void)state;
    assert_int_equal(json_array_size(kn_ks_at("token.roles")), 1);
    assert_string_equal(kn_ks_text("token.roles.0.name"), "reader");
    /* another one made by it has no more */
    kn_ks_ask(400, "POST", h.path, m.token,
              "{\"application_credential\":{\"name\":\"s\",\"roles\":[{\"name\":\"manager\"}]}}");
    kn_ks_ask(201, "POST", h.path, m.token, "{\"application_credential\":{\"name\":\"s\"}}");
    assert_int_equal(json_array_size(kn_ks_at("application_credential.roles")), 1);
    /* It says what was asked for, once; what that implies its tokens have. */
    struct made t = make_and_log_in(&h, "\"name\":\"t\",\"roles\":[{\"name\":\"member\"},{\"name\":\"member\"}]");
    assert_int_equal(json_array_size(kn_ks_at("token.roles")), 2);
    assert_string_equal(kn_ks_text("token.roles.1.name"), "reader");
    AUTO_FREE char *path = path_of(&h, t.id);
    kn_ks_ask(200, "GET", path, h.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("application_credential.roles")), 1);
    assert_string_equal(kn_ks_text("application_credential.roles.0.name"), "member");
}

static void test_restricted(void **state)
{
    struct holder h = make_holder("restr", "member");
    struct made m = make_and_log_in(&h, "\"name\":\"r\"");
    AUTO_FREE char *path = path_of(&h, m.id);
    AUTO_FREE char *again = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}}}}",
                                        m.token);
    AUTO_FREE char *scoped =
        kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}},\"scope\":%s}}",
                    m.token, h.person.scope);
    char derived[KN_KS_TOKEN];

    (void)state;
    kn_ks_ask(403, "POST", h.path, m.token, "{\"application_credential\":{\"name\":\"s\"}}");
    kn_ks_ask(403, "DELETE", path, m.token, NULL);
    kn_ks_ask(200, "GET", path, m.token, NULL);
    kn_ks_ask(403, "POST", "/v3/auth/tokens", NULL, scoped);
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, again); /* nothing shaken off on the way */
    kn_copy(derived, sizeof(derived), kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    assert_string_equal(kn_ks_text("token.application_credential.id"), m.id);
    kn_ks_ask(403, "POST", h.path, derived, "{\"application_credential\":{\"name\":\"s\"}}");
    kn_ks_ask(204, "DELETE", path, h.token, NULL);
    kn_ks_assert_worth(derived, false);
}

static const char *const ORDER[] = { "PUT", "GET", "POST", "DELETE", "PATCH", "HEAD" };

static void assert_order(const char *at)
{
    for (size_t i = 0; i < KN_COUNT(ORDER); i++) {
        AUTO_FREE char *method = kn_asprintf("%s.access_rules.%zu.method", at, i);
        assert_string_equal(kn_ks_text(method), ORDER[i]);
    }
}

/* Clients compare with what they asked for: the order is theirs, whichever rules were there before. */
static void test_rule_order(void **state)
{
    struct holder h = make_holder("order", "member");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf members = KN_STRBUF_INIT;

    (void)state;
    make(201, &h, "\"name\":\"a\",\"access_rules\":[{\"path\":\"/\",\"service\":\"image\",\"method\":\"POST\"}]");
    kn_strbuf_addstr(&members, "\"name\":\"b\",\"access_rules\":[");
    for (size_t i = 0; i < KN_COUNT(ORDER); i++) {
        kn_strbuf_addf(&members, "%s{\"path\":\"/\",\"service\":\"image\",\"method\":\"%s\"}", i == 0 ? "" : ",",
                       ORDER[i]);
    }
    kn_strbuf_addstr(&members, "]");
    struct made b = make_and_log_in(&h, members.buf);
    assert_order("token.application_credential");
    AUTO_FREE char *path = path_of(&h, b.id);
    kn_ks_ask(200, "GET", path, h.token, NULL);
    assert_order("application_credential");
}

/* GET and HEAD /v3/auth/tokens about `subject`. */
static void validate(int status, const char *token, const char *subject)
{
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", token, subject);

    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", headers, NULL);
    assert_int_equal(kn_ks.http.status, status);
    kn_test_http_ask(&kn_ks.http, "HEAD", "/identity/v3/auth/tokens", headers, NULL);
    assert_int_equal(kn_ks.http.status, status);
}

/* A token may always be shown to Keystone by itself, whatever its rules say; no other one by it. */
static void test_validates_itself(void **state)
{
    struct holder h = make_holder("mirror", "member");
    struct made m = make_and_log_in(
        &h,
        "\"name\":\"r\",\"access_rules\":[{\"service\":\"compute\",\"method\":\"GET\",\"path\":\"/v2.1/servers\"}]");
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", m.token, m.token);

    (void)state;
    validate(200, m.token, m.token);
    validate(200, h.token, m.token);
    validate(401, m.token, h.token);
    kn_test_http_ask(&kn_ks.http, "DELETE", "/identity/v3/auth/tokens", headers, NULL);
    assert_int_equal(kn_ks.http.status, 401);
    kn_ks_ask(401, "GET", "/v3/auth/tokens", m.token, NULL);
}

static void test_access_rules(void **state)
{
    struct holder h = make_holder("rules", "member");
    AUTO_FREE char *own = kn_asprintf("/v3/users/%s", h.person.user);
    AUTO_FREE char *rules = kn_asprintf("/v3/users/%s/access_rules", h.person.user);
    AUTO_FREE char *members = kn_asprintf(
        "\"name\":\"r\",\"unrestricted\":true,\"access_rules\":[{\"path\":\"/v3/users/*\",\"method\":\"GET\",\"service\":"
        "\"identity\"},{\"path\":\"/v2.1/servers\",\"method\":\"POST\",\"service\":\"compute\"}]");
    struct made m = make_and_log_in(&h, members);

    (void)state;
    assert_int_equal(json_array_size(kn_ks_at("token.application_credential.access_rules")), 2);
    assert_true(strlen(m.token) < KN_KS_TOKEN);
    kn_ks_ask(200, "GET", own, m.token, NULL);
    kn_ks_ask(401, "GET", rules, m.token, NULL);
    kn_ks_ask(401, "GET", "/v3/auth/catalog", m.token, NULL);
    kn_ks_ask(401, "POST", h.path, m.token, "{\"application_credential\":{\"name\":\"s\"}}");
    AUTO_FREE char *again = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}}}}",
                                        m.token);
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, again);
    AUTO_FREE char *derived = kn_strdup(kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    kn_ks_ask(401, "GET", "/v3/auth/catalog", derived, NULL);
    kn_ks_ask(200, "GET", own, derived, NULL);
    /* the same rule is the same row; one that is in use stays */
    make(201, &h,
         "\"name\":\"s\",\"access_rules\":[{\"path\":\"/v3/users/*\",\"method\":\"GET\",\"service\":\"identity\"}]");
    AUTO_FREE char *rule = kn_strdup(kn_ks_text("application_credential.access_rules.0.id"));
    AUTO_FREE char *rule_path = kn_asprintf("%s/%s", rules, rule);
    AUTO_FREE char *by_id = kn_asprintf("\"name\":\"t\",\"access_rules\":[{\"id\":\"%s\"}]", rule);
    make(201, &h, by_id);
    kn_ks_ask(200, "GET", rules, h.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("access_rules")), 2);
    AUTO_FREE char *filtered = kn_asprintf("%s?service=compute&method=POST", rules);
    kn_ks_ask(200, "GET", filtered, h.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("access_rules")), 1);
    AUTO_FREE char *compute = kn_asprintf("%s/%s", rules, kn_ks_text("access_rules.0.id"));
    kn_ks_ask(200, "GET", rule_path, h.token, NULL);
    assert_string_equal(kn_ks_text("access_rule.path"), "/v3/users/*");
    kn_ks_ask(403, "DELETE", rule_path, h.token, NULL);
    AUTO_FREE char *path = path_of(&h, m.id);
    kn_ks_ask(204, "DELETE", path, h.token, NULL);
    kn_ks_ask(204, "DELETE", compute, h.token, NULL);
    kn_ks_ask(404, "GET", compute, h.token, NULL);
    kn_ks_ask(404, "DELETE", compute, h.token, NULL);
}

static void test_others(void **state)
{
    struct holder h = make_holder("mine", "member"), other = make_holder("other", "member");
    struct made m = make_and_log_in(&h, "\"name\":\"r\"");
    AUTO_FREE char *path = path_of(&h, m.id), *through = path_of(&other, m.id);

    (void)state;
    kn_ks_ask(403, "GET", path, other.token, NULL);
    kn_ks_ask(403, "GET", h.path, other.token, NULL);
    kn_ks_ask(403, "DELETE", path, other.token, NULL);
    kn_ks_ask(404, "GET", through, other.token, NULL); /* not by one's own door either */
    kn_ks_ask(404, "DELETE", through, other.token, NULL);
    kn_ks_ask(200, "GET", path, kn_ks.admin, NULL);
    kn_ks_ask(204, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_assert_worth(m.token, false);
}

/* --- how they end --- */

static void test_expiry(void **state)
{
    struct holder h = make_holder("expires", "member");
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "age");
    struct kn_error err = { 0 };
    char time[KN_TIME_SIZE];

    (void)state;
    kn_time_iso_us(kn_now_us() + INT64_C(600000000), time);
    AUTO_FREE char *members = kn_asprintf("\"name\":\"r\",\"expires_at\":\"%s\"", time);
    struct made m = make_and_log_in(&h, members);
    assert_memory_equal(kn_ks_text("token.expires_at"), time, strlen(time)); /* the token ends with it */
    AUTO_FREE char *path = path_of(&h, m.id);
    kn_ks_ask(200, "GET", path, h.token, NULL);
    assert_string_equal(kn_ks_text("application_credential.expires_at"), time);
    assert_ok(
        kn_db_script(
            db,
            "UPDATE application_credential SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL",
            &err),
        &err);
    log_in(401, m.id, m.secret, NULL);
}

/* Each way of taking away what a credential rests on; neither it nor its tokens are worth anything after. */
static void test_ends(void **state)
{
    static const struct {
        const char *name, *method, *path, *body; /* %u, %p, %r: user, project, role */
    } WAYS[] = {
        { "end1", "PATCH", "/v3/users/%u", "{\"user\":{\"enabled\":false}}" },
        { "end2", "DELETE", "/v3/users/%u", NULL },
        { "end3", "PATCH", "/v3/projects/%p", "{\"project\":{\"enabled\":false}}" },
        { "end4", "DELETE", "/v3/projects/%p", NULL },
        { "end5", "DELETE", "/v3/projects/%p/users/%u/roles/%r", NULL },
        { "end6", "DELETE", "/v3/roles/%r", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        AUTO_FREE char *role_members = kn_asprintf("\"name\":\"role of %s\"", WAYS[i].name);
        const char *role = kn_ks_make("roles", "role", role_members);
        struct kn_ks_person p = kn_ks_make_person(WAYS[i].name, "reader");
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;

        kn_ks_grant(204, "PUT", p.target, p.user, role);
        struct holder h = { .person = p };
        kn_ks_log_in(201, p.name, "s3cret", p.scope, h.token);
        snprintf(h.path, sizeof(h.path), "/v3/users/%s/application_credentials", p.user);
        struct made m = make_and_log_in(
            &h,
            "\"name\":\"r\",\"access_rules\":[{\"service\":\"identity\",\"method\":\"GET\",\"path\":\"/v3/auth/*\"}]");
        kn_ks_assert_worth(m.token, true);
        for (const char *c = WAYS[i].path; *c != '\0'; c++) {
            if (*c == '%') {
                c++;
                kn_strbuf_addstr(&path, *c == 'u' ? p.user : *c == 'p' ? p.project : role);
            } else {
                kn_strbuf_addch(&path, *c);
            }
        }
        kn_ks_ask(WAYS[i].body != NULL ? 200 : 204, WAYS[i].method, path.buf, kn_ks.admin, WAYS[i].body);
        kn_ks_assert_worth(m.token, false);
        log_in(401, m.id, m.secret, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_bad_logins),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_restricted),
        cmocka_unit_test(test_access_rules),
        cmocka_unit_test(test_validates_itself),
        cmocka_unit_test(test_rule_order),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
