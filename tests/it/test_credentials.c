/* SPDX-License-Identifier: Apache-2.0 */
/* What users keep for other services: sealed in the database, whose it is to whoever asks, and nothing of it to anybody else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

struct owner {
    struct kn_ks_person person;
    char token[KN_KS_TOKEN];
};

static struct owner make_owner(const char *name)
{
    struct owner o = { .person = kn_ks_make_person(name, "reader") };

    kn_ks_log_in(201, name, "s3cret", o.person.scope, o.token);
    return o;
}

/* Its path, kept. */
static const char *make(int status, const char *token, const char *members)
{
    AUTO_FREE char *body = kn_asprintf("{\"credential\":{%s}}", members);

    kn_ks_ask(status, "POST", "/v3/credentials", token, body);
    if (status != 201) {
        return NULL;
    }
    static char path[96];
    snprintf(path, sizeof(path), "/v3/credentials/%s", kn_ks_text("credential.id"));
    return path;
}

static void test_life(void **state)
{
    struct owner o = make_owner("cred"), other = make_owner("derc");
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "look");
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    AUTO_FREE char *path = kn_strdup(make(201, o.token, "\"type\":\"cert\",\"blob\":\"the \\\"secret\\\"\""));
    assert_string_equal(kn_ks_text("credential.blob"), "the \"secret\"");
    assert_string_equal(kn_ks_text("credential.user_id"), o.person.user);
    assert_true(json_is_null(kn_ks_at("credential.project_id")));
    assert_ok(kn_db_query(db, "SELECT sealed FROM credential", 0, NULL, &rows, &err), &err);
    assert_null(strstr(kn_rows_text(rows, 0, 0), "secret"));
    kn_ks_ask(200, "GET", path, o.token, NULL);
    kn_ks_ask(403, "GET", path, other.token, NULL);
    kn_ks_ask(403, "PATCH", path, other.token, "{\"credential\":{\"blob\":\"x\"}}");
    kn_ks_ask(403, "DELETE", path, other.token, NULL);
    kn_ks_ask(403, "GET", "/v3/credentials/nothing", other.token, NULL);
    kn_ks_ask(404, "GET", "/v3/credentials/nothing", kn_ks.admin, NULL);
    kn_ks_ask(200, "PATCH", path, o.token, "{\"credential\":{\"blob\":\"another\",\"type\":\"cert\"}}");
    assert_string_equal(kn_ks_text("credential.blob"), "another");
    kn_ks_ask(400, "PATCH", path, o.token, "{\"credential\":{\"type\":\"ec2\"}}");
    kn_ks_ask(400, "PATCH", path, o.token, "{\"credential\":{\"blob\":1}}");
    kn_ks_ask(200, "GET", "/v3/credentials", other.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("credentials")), 0);
    AUTO_FREE char *others = kn_asprintf("/v3/credentials?user_id=%s", o.person.user);
    kn_ks_ask(200, "GET", others, other.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("credentials")), 0);
    kn_ks_ask(200, "GET", others, kn_ks.admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("credentials")), 1);
    kn_ks_ask(200, "GET", "/v3/credentials?type=ec2", o.token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("credentials")), 0);
    kn_ks_ask(204, "DELETE", path, o.token, NULL);
    kn_ks_ask(404, "GET", path, kn_ks.admin, NULL);
}

/* The owner may change everything but whose it is; an admin that, too. */
static void test_change(void **state)
{
    struct owner o = make_owner("chang"), other = make_owner("gnahc");
    AUTO_FREE char *path = kn_strdup(make(201, o.token, "\"type\":\"cert\",\"blob\":\"first\""));
    AUTO_FREE char *given = kn_asprintf("{\"credential\":{\"user_id\":\"%s\"}}", other.person.user);
    AUTO_FREE char *ec2 =
        kn_asprintf("{\"credential\":{\"type\":\"ec2\",\"project_id\":\"%s\",\"blob\":\"{\\\"access\\\":\\\"k\\\"}\"}}",
                    o.person.project);

    (void)state;
    kn_ks_ask(200, "PATCH", path, o.token, "{\"credential\":{\"type\":\"totp\"}}");
    assert_string_equal(kn_ks_text("credential.type"), "totp");
    assert_string_equal(kn_ks_text("credential.blob"), "first");
    kn_ks_ask(400, "PATCH", path, o.token,
              "{\"credential\":{\"type\":\"ec2\",\"blob\":\"{\\\"access\\\":\\\"k\\\"}\"}}"); /* no project */
    kn_ks_ask(200, "PATCH", path, o.token, ec2);
    assert_string_equal(kn_ks_text("credential.project_id"), o.person.project);
    kn_ks_ask(400, "PATCH", path, o.token, "{\"credential\":{\"project_id\":null}}");
    kn_ks_ask(400, "PATCH", path, o.token, "{\"credential\":{\"id\":\"another\"}}");
    kn_ks_ask(400, "PATCH", path, kn_ks.admin, "{\"credential\":{\"user_id\":\"nobody\"}}");
    kn_ks_ask(403, "PATCH", path, o.token, given);
    kn_ks_ask(200, "PATCH", path, kn_ks.admin, given);
    assert_string_equal(kn_ks_text("credential.user_id"), other.person.user);
    kn_ks_ask(403, "GET", path, o.token, NULL);
    kn_ks_ask(204, "DELETE", path, other.token, NULL);
}

static void test_bad_bodies(void **state)
{
    static const char *const BAD[] = {
        "",
        "\"type\":\"x\"",
        "\"blob\":\"x\"",
        "\"type\":\"\",\"blob\":\"x\"",
        "\"type\":\"x\",\"blob\":\"\"",
        "\"type\":\"x\",\"blob\":{}",
        "\"type\":\"x\",\"blob\":\"y\",\"project_id\":\"nowhere\"",
        "\"type\":\"x\",\"blob\":\"y\",\"colour\":\"red\"",
        "\"type\":\"ec2\",\"blob\":\"no json\",\"project_id\":\"p\"",
        "\"type\":\"ec2\",\"blob\":\"{}\",\"project_id\":\"p\"",
        "\"type\":\"ec2\",\"blob\":\"{\\\"access\\\":\\\"a\\\"}\"",
    };
    struct owner o = make_owner("badc");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        make(400, o.token, BAD[i]);
    }
    make(403, o.token, "\"type\":\"x\",\"blob\":\"y\",\"user_id\":\"nobody\"");
    make(400, kn_ks.admin, "\"type\":\"x\",\"blob\":\"y\",\"user_id\":\"nobody\"");
    kn_ks_ask(401, "POST", "/v3/credentials", NULL, "{\"credential\":{\"type\":\"x\",\"blob\":\"y\"}}");
}

static void test_ec2(void **state)
{
    struct owner o = make_owner("ec2");
    AUTO_FREE char *members = kn_asprintf(
        "\"type\":\"ec2\",\"blob\":\"{\\\"access\\\":\\\"abc\\\",\\\"secret\\\":\\\"s\\\"}\",\"project_id\":\"%s\"",
        o.person.project);
    AUTO_FREE char *project = kn_asprintf("/v3/projects/%s", o.person.project);

    (void)state;
    AUTO_FREE char *path = kn_strdup(make(201, o.token, members));
    assert_string_equal(kn_ks_text("credential.id"),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); /* of abc */
    make(409, o.token, members);
    kn_ks_ask(400, "PATCH", path, o.token, "{\"credential\":{\"blob\":\"no json\"}}");
    kn_ks_ask(204, "DELETE", project, kn_ks.admin, NULL);
    kn_ks_ask(404, "GET", path, kn_ks.admin, NULL); /* gone with its project */
}

static void test_ec2_calls(void **state)
{
    struct owner o = make_owner("ectwo");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/credentials/OS-EC2", o.person.user);

    (void)state;
    kn_ks_ask(404, "POST", path, o.token, "{\"tenant_id\":\"x\"}");
    assert_non_null(strstr(kn_ks_text("error.message"), "EC2 credentials"));
    kn_ks_ask(404, "GET", path, o.token, NULL);
    kn_ks_ask(401, "GET", path, NULL, NULL);
    kn_ks_ask(404, "POST", "/v3/ec2tokens", o.token, "{}");
    kn_ks_ask(404, "GET", "/v3/OS-FEDERATION/identity_providers", o.token, NULL); /* not even refused by name */
    kn_ks_ask(404, "GET", "/v3/OS-OAUTH1/consumers", o.token, NULL);
}

/* An application credential reaches what is of its project, and changes nothing unless it is unrestricted. */
static void test_lent(void **state)
{
    struct owner o = make_owner("lent");
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/application_credentials", o.person.user);
    AUTO_FREE char *of_project = kn_asprintf("\"type\":\"x\",\"blob\":\"project\",\"project_id\":\"%s\"",
                                             o.person.project);
    char token[KN_KS_TOKEN];

    (void)state;
    AUTO_FREE char *personal = kn_strdup(make(201, o.token, "\"type\":\"totp\",\"blob\":\"mine\""));
    AUTO_FREE char *shared = kn_strdup(make(201, o.token, of_project));
    kn_ks_ask(201, "POST", path, o.token, "{\"application_credential\":{\"name\":\"a\"}}");
    AUTO_FREE char *login = kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":{\"id\":\"%s\","
        "\"secret\":\"%s\"}}}}",
        kn_ks_text("application_credential.id"), kn_ks_text("application_credential.secret"));
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, login);
    kn_copy(token, sizeof(token), kn_test_http_header(&kn_ks.http, "X-Subject-Token"));
    kn_ks_ask(403, "GET", personal, token, NULL);
    kn_ks_ask(200, "GET", shared, token, NULL);
    kn_ks_ask(200, "GET", "/v3/credentials", token, NULL);
    assert_int_equal(json_array_size(kn_ks_at("credentials")), 1);
    make(403, token, of_project);
    kn_ks_ask(403, "DELETE", shared, token, NULL);
    kn_ks_ask(403, "PATCH", shared, token, "{\"credential\":{\"blob\":\"x\"}}");
}

/* A row that was moved in the database opens nowhere else. */
static void test_moved_row(void **state)
{
    struct owner o = make_owner("moved");
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "move");
    struct kn_error err = { 0 };

    (void)state;
    AUTO_FREE char *first = kn_strdup(make(201, o.token, "\"type\":\"x\",\"blob\":\"first\""));
    AUTO_FREE char *second = kn_strdup(make(201, o.token, "\"type\":\"x\",\"blob\":\"second\""));
    AUTO_FREE char *sql =
        kn_asprintf("UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE id = '%s') WHERE id = '%s'",
                    strrchr(first, '/') + 1, strrchr(second, '/') + 1);
    assert_ok(kn_db_script(db, sql, &err), &err);
    kn_ks_ask(500, "GET", second, o.token, NULL);
    kn_ks_ask(200, "GET", first, o.token, NULL);
    kn_ks_ask(204, "DELETE", second, o.token, NULL);
}

/* Whatever lends rights or keeps secrets is listed like all nouns: in pages, each once. */
static void test_pages(void **state)
{
    struct owner o = make_owner("pager");
    AUTO_FREE char *lent = kn_asprintf("/v3/users/%s/application_credentials", o.person.user);
    AUTO_FREE char *rules = kn_asprintf("/v3/users/%s/access_rules", o.person.user);
    AUTO_FREE char *trusts = kn_asprintf("/v3/OS-TRUST/trusts?trustor_user_id=%s", o.person.user);
    const struct {
        const char *many, *path;
    } LISTS[] = { { "credentials", "/v3/credentials" },
                  { "application_credentials", lent },
                  { "access_rules", rules },
                  { "trusts", trusts } };

    (void)state;
    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *credential = kn_asprintf(
            "{\"application_credential\":{\"name\":\"p%d\",\"access_rules\":[{\"service\":\"compute\",\"method\":\"GET\","
            "\"path\":\"/p%d\"}]}}",
            i, i);
        AUTO_FREE char *trust = kn_asprintf(
            "{\"trust\":{\"trustor_user_id\":\"%s\",\"trustee_user_id\":\"%s\",\"project_id\":\"%s\",\"impersonation\":true,"
            "\"roles\":[{\"name\":\"reader\"}]}}",
            o.person.user, o.person.user, o.person.project);
        make(201, o.token, "\"type\":\"x\",\"blob\":\"b\"");
        kn_ks_ask(201, "POST", lent, o.token, credential);
        kn_ks_ask(201, "POST", "/v3/OS-TRUST/trusts", o.token, trust);
    }
    for (size_t i = 0; i < KN_COUNT(LISTS); i++) {
        AUTO_FREE char *first = kn_asprintf("%s%climit=2", LISTS[i].path,
                                            strchr(LISTS[i].path, '?') != NULL ? '&' : '?');
        AUTO_FREE char *one = kn_asprintf("%s.0.id", LISTS[i].many);
        AUTO_FREE char *two = kn_asprintf("%s.1.id", LISTS[i].many);

        kn_ks_ask(200, "GET", first, o.token, NULL);
        assert_int_equal(json_array_size(kn_ks_at(LISTS[i].many)), 2);
        const char *seen[2] = { kn_ks_keep(kn_ks_text(one)), kn_ks_keep(kn_ks_text(two)) };
        AUTO_FREE char *next = kn_strdup(strstr(kn_ks_text("links.next"), "/v3/"));
        kn_ks_ask(200, "GET", next, o.token, NULL);
        assert_int_equal(json_array_size(kn_ks_at(LISTS[i].many)), 1);
        assert_true(json_is_null(kn_ks_at("links.next")));
        assert_string_not_equal(kn_ks_text(one), seen[0]);
        assert_string_not_equal(kn_ks_text(one), seen[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),      cmocka_unit_test(test_change),    cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_ec2),       cmocka_unit_test(test_ec2_calls), cmocka_unit_test(test_lent),
        cmocka_unit_test(test_moved_row), cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
