/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trusts: what one user lends another, as whom the other then acts, and that nothing of it outlives the trust, its uses, its time, or
 * what the trustor holds himself.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

#define TRUSTS "/v3/OS-TRUST/trusts"

struct pair {
    struct kn_ks_person lender, user;
    char lender_token[KN_KS_TOKEN], user_token[KN_KS_TOKEN];
};

static struct pair make_pair(const char *lender, const char *user)
{
    struct pair p = { .lender = kn_ks_make_person(lender, "manager"), .user = kn_ks_make_person(user, "reader") };

    kn_ks_log_in(201, lender, "s3cret", p.lender.scope, p.lender_token);
    kn_ks_log_in(201, user, "s3cret", p.user.scope, p.user_token);
    return p;
}

/* Its id, kept; NULL unless it was made. */
static const char *lend(int status, const struct pair *p, const char *members)
{
    AUTO_FREE char *body =
        kn_asprintf("{\"trust\":{\"trustor_user_id\":\"%s\",\"trustee_user_id\":\"%s\",\"project_id\":\"%s\",%s}}",
                    p->lender.user, p->user.user, p->lender.project, members);

    kn_ks_ask(status, "POST", TRUSTS, p->lender_token, body);
    return status == 201 ? kn_ks_keep(kn_ks_text("trust.id")) : NULL;
}

/* The one who borrows logs in by a trust. */
static void borrow(int status, const char *user, const char *trust, char token[KN_KS_TOKEN])
{
    AUTO_FREE char *scope = kn_asprintf("{\"OS-TRUST:trust\":{\"id\":\"%s\"}}", trust);

    kn_ks_log_in(status, user, "s3cret", scope, token);
}

#define MEMBER "\"impersonation\":true,\"roles\":[{\"name\":\"member\"}]"

static void test_life(void **state)
{
    struct pair p = make_pair("lena", "ulf");
    const char *member = kn_ks_role("member"), *reader = kn_ks_role("reader");
    const char *id = lend(201, &p, MEMBER);
    AUTO_FREE char *path = kn_asprintf(TRUSTS "/%s", id);
    AUTO_FREE char *roles = kn_asprintf(TRUSTS "/%s/roles", id);
    AUTO_FREE char *role = kn_asprintf(TRUSTS "/%s/roles/%s", id, member);
    AUTO_FREE char *other = kn_asprintf(TRUSTS "/%s/roles/%s", id, reader);
    AUTO_FREE char *mine = kn_asprintf(TRUSTS "?trustee_user_id=%s", p.user.user);
    char token[KN_KS_TOKEN];

    (void)state;
    assert_string_equal(kn_ks_text("trust.roles.0.name"), "member");
    assert_true(json_is_null(kn_ks_at("trust.expires_at")));
    kn_ks_ask(200, "GET", roles, p.user_token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("roles")), 1);
    AUTO_FREE char *named = kn_asprintf("%s?name=another", roles);
    kn_ks_ask(200, "GET", named, p.user_token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("roles")), 0);
    kn_ks_ask(200, "GET", role, p.lender_token, NULL);
    kn_ks_ask(404, "GET", other, p.lender_token, NULL);
    kn_ks_ask(200, "GET", mine, p.user_token, NULL);
    assert_string_equal(kn_ks_text("trusts.0.id"), id);

    borrow(201, "ulf", id, token);
    assert_string_equal(kn_ks_text("token.user.id"), p.lender.user);
    assert_string_equal(kn_ks_text("token.project.id"), p.lender.project);
    assert_string_equal(kn_ks_text("token.OS-TRUST:trust.trustee_user.id"), p.user.user);
    assert_int_equal(json_array_size(kn_ks_at("token.roles")), 2); /* member, and the reader that it implies */
    AUTO_FREE char *headers = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", token, token);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", headers, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    assert_non_null(strstr(kn_ks.http.body.buf, "\"OS-TRUST:trust\""));

    kn_ks_ask(403, "DELETE", path, p.user_token, NULL);
    kn_ks_ask(204, "DELETE", path, p.lender_token, NULL);
    kn_ks_assert_worth(token, false);
    kn_ks_assert_worth(p.lender_token, true);
    kn_ks_ask(404, "GET", path, p.lender_token, NULL);
    borrow(401, "ulf", id, NULL);
}

static void test_as_oneself(void **state)
{
    struct pair p = make_pair("lars", "uma");
    const char *id = lend(201, &p, "\"impersonation\":false,\"roles\":[{\"name\":\"member\"}],\"remaining_uses\":1");
    AUTO_FREE char *path = kn_asprintf(TRUSTS "/%s", id);
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(401, "uma", "s3cret", p.lender.scope, NULL); /* without the trust she has nothing there */
    borrow(201, "uma", id, token);
    assert_string_equal(kn_ks_text("token.user.id"), p.user.user);
    assert_string_equal(kn_ks_text("token.project.id"), p.lender.project);
    borrow(403, "uma", id, NULL); /* its one use was used */
    kn_ks_ask(404, "GET", path, p.lender_token, NULL);
    kn_ks_assert_worth(token, true);
}

/* Whatever the trust rests on takes its tokens along. */
static void test_ends(void **state)
{
    static const struct {
        const char *lender, *user, *method, *path, *body; /* %l, %u: the two; %p: the project; %m: the role manager */
        int again;                                        /* what the next login says */
    } WAYS[] = {
        { "lin1", "ute1", "DELETE", "/v3/projects/%p/users/%l/roles/%m", NULL, 403 },
        { "lin2", "ute2", "PATCH", "/v3/users/%l", "{\"user\":{\"enabled\":false}}", 403 },
        { "lin3", "ute3", "DELETE", "/v3/users/%l", NULL, 401 },
        { "lin4", "ute4", "PATCH", "/v3/projects/%p", "{\"project\":{\"enabled\":false}}", 403 },
        { "lin5", "ute5", "DELETE", "/v3/projects/%p", NULL, 401 },
        { "lin6", "ute6", "PATCH", "/v3/users/%u", "{\"user\":{\"enabled\":false}}", 401 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        struct pair p = make_pair(WAYS[i].lender, WAYS[i].user);
        const char *id = lend(201, &p,
                              i % 2 == 0 ? "\"impersonation\":false,\"roles\":[{\"name\":\"member\"}]" : MEMBER);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
        char token[KN_KS_TOKEN];
        borrow(201, WAYS[i].user, id, token);
        for (const char *c = WAYS[i].path; *c != '\0'; c++) {
            if (*c == '%') {
                c++;
                kn_strbuf_addstr(&path, *c == 'l'   ? p.lender.user
                                        : *c == 'u' ? p.user.user
                                        : *c == 'p' ? p.lender.project
                                                    : kn_ks_role("manager"));
            } else {
                kn_strbuf_addch(&path, *c);
            }
        }
        kn_ks_ask(WAYS[i].body != NULL ? 200 : 204, WAYS[i].method, path.buf, kn_ks.admin, WAYS[i].body);
        kn_ks_assert_worth(token, false);
        borrow(WAYS[i].again, WAYS[i].user, id, NULL);
    }
}

/* What is lent neither grows nor is lent on. */
static void test_bounds(void **state)
{
    struct pair p = make_pair("lior", "udo");
    struct kn_ks_person third = kn_ks_make_person("tina", "member");
    const char *id = lend(201, &p, MEMBER);
    AUTO_FREE char *path = kn_asprintf(TRUSTS "/%s", id);
    AUTO_FREE char *theirs = kn_asprintf(TRUSTS "?trustor_user_id=%s", p.lender.user);
    AUTO_FREE char *credentials = kn_asprintf("/v3/users/%s/application_credentials", p.lender.user);
    AUTO_FREE char *lie =
        kn_asprintf("{\"trust\":{\"trustor_user_id\":\"%s\",\"trustee_user_id\":\"%s\",\"project_id\":\"%s\",%s}}",
                    p.lender.user, p.user.user, p.lender.project, MEMBER);
    char token[KN_KS_TOKEN], other[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, "tina", "s3cret", third.scope, other);
    borrow(403, "tina", id, NULL);
    kn_ks_ask(403, "GET", path, other, NULL);
    kn_ks_ask(403, "GET", theirs, other, NULL);
    kn_ks_ask(403, "GET", TRUSTS, other, NULL);
    assert_non_null(strstr(kn_ks.http.body.buf,
                           "You are not authorized to perform the requested action: identity:list_trusts."));
    kn_ks_ask(403, "POST", TRUSTS, other, lie);
    kn_ks_ask(200, "GET", TRUSTS, kn_ks.admin, NULL);

    borrow(201, "udo", id, token);
    AUTO_FREE char *again = kn_asprintf("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}}}}",
                                        token);
    kn_ks_ask(403, "POST", "/v3/auth/tokens", NULL, again);
    kn_ks_ask(403, "POST", TRUSTS, token, lie);
    kn_ks_ask(403, "DELETE", path, token, NULL);
    kn_ks_ask(403, "POST", credentials, token, "{\"application_credential\":{\"name\":\"x\"}}");
    kn_ks_ask(204, "DELETE", path, kn_ks.admin, NULL);
}

static void test_bad_input(void **state)
{
    static const struct {
        int status;
        const char *members;
    } CASES[] = {
        { 400, "\"roles\":[{\"name\":\"member\"}]" },
        { 400, "\"impersonation\":\"perhaps\",\"roles\":[{\"name\":\"member\"}]" },
        { 403, "\"impersonation\":true" },
        { 403, "\"impersonation\":true,\"roles\":[]" },
        { 404, "\"impersonation\":true,\"roles\":[{\"name\":\"admin\"}]" },
        { 404, "\"impersonation\":true,\"roles\":[{\"id\":\"nonsense\"}]" },
        { 400, MEMBER ",\"expires_at\":\"bad.123Z\"" },
        { 400, MEMBER ",\"expires_at\":\"2001-01-01T00:00:00Z\"" },
        { 400, MEMBER ",\"remaining_uses\":0" },
        { 403, MEMBER ",\"allow_redelegation\":true" },
        { 400, MEMBER ",\"colour\":\"red\"" },
    };
    struct pair p = make_pair("levi", "ulla");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        lend(CASES[i].status, &p, CASES[i].members);
    }
    p.user.user = "nobody";
    lend(404, &p, MEMBER);
    kn_ks_ask(404, "GET", TRUSTS "/none", p.lender_token, NULL);
    borrow(401, "ulla", "none", NULL);
    kn_ks_ask(200, "GET", TRUSTS, kn_ks.admin, NULL);
    AUTO_FREE char *mine = kn_asprintf(TRUSTS "?trustor_user_id=%s", p.lender.user);
    kn_ks_ask(200, "GET", mine, p.lender_token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("trusts")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),   cmocka_unit_test(test_as_oneself), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
