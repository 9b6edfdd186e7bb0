/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user is beyond a name: attributes and options, and the life of its password under each rule of the configuration. The rules
 * are turned on for the test that is about them and off again; the service reads them at every request.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

static void change_password(int status, const char *user, const char *from, const char *to)
{
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/password", user);
    AUTO_FREE char *body = kn_asprintf("{\"user\":{\"original_password\":\"%s\",\"password\":\"%s\"}}", from, to);

    kn_ks_ask(status, "POST", path, NULL, body);
}

static void patch(int status, const char *user, const char *members)
{
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s", user);
    AUTO_FREE char *body = kn_asprintf("{\"user\":{%s}}", members);

    kn_ks_ask(status, "PATCH", path, kn_ks.admin, body);
}

/* As if time had passed for a user. */
static void age(const char *user, const char *assignments)
{
    AUTO(kn_db) struct kn_db *db = kn_db_new(kn_ks.url, "age");
    AUTO_FREE char *sql = kn_asprintf("UPDATE identity_user SET %s WHERE id = '%s'", assignments, user);
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(db, sql, &err), &err);
}

static void rules_off(void)
{
    kn_ks.conf.identity_lockout_failure_attempts = 0;
    kn_ks.conf.identity_lockout_duration_s = 1800;
    kn_ks.conf.identity_unique_last_password_count = 0;
    kn_ks.conf.identity_password_expires_days = 0;
    kn_ks.conf.identity_minimum_password_age_days = 0;
    kn_ks.conf.identity_change_password_upon_first_use = false;
    kn_ks.conf.identity_password_regex = "";
    kn_ks.conf.identity_password_regex_description = "";
}

/* --- attributes and options --- */

static void test_own_attributes(void **state)
{
    const char *user = kn_ks_make("users", "user",
                                  "\"name\":\"ada\",\"phone\":\"12\",\"project_id\":\"p\",\"nested\":{\"a\":[1,null]}");

    (void)state;
    assert_string_equal(kn_ks_text("user.phone"), "12");
    assert_int_equal(json_integer_value(kn_ks_at("user.nested.a.0")), 1);
    patch(200, user, "\"phone\":null,\"city\":\"\\\"<ü>\"");
    assert_true(json_is_null(kn_ks_at("user.phone")));
    assert_string_equal(kn_ks_text("user.city"), "\"<ü>");
    assert_string_equal(kn_ks_text("user.project_id"), "p");
    patch(400, user, "\"links\":{}");
    patch(400, user, "\"id\":\"another\"");
    patch(400, user, "\"domain_id\":\"another\"");
    patch(400, user, "\"federated\":[]");
    patch(400, user, "\"enabled\":\"True\"");
    AUTO_FREE char *same = kn_asprintf("\"id\":\"%s\",\"domain_id\":\"default\",\"description\":null", user);
    patch(200, user, same);
    AUTO_FREE char *long_text = kn_alloc(20001);
    memset(long_text, 'x', 20000);
    AUTO_FREE char *too_much = kn_asprintf("\"city\":\"%s\"", long_text);
    patch(400, user, too_much);
    patch(404, "nobody", "\"name\":\"x\"");
}

static void test_default_project(void **state)
{
    const char *project = kn_ks_make("projects", "project", "\"name\":\"short-lived\"");
    AUTO_FREE char *members = kn_asprintf("\"name\":\"dan\",\"default_project_id\":\"%s\"", project);
    const char *user = kn_ks_make("users", "user", members);
    AUTO_FREE char *path = kn_asprintf("/v3/projects/%s", project);
    AUTO_FREE char *self = kn_asprintf("/v3/users/%s", user);

    (void)state;
    assert_string_equal(kn_ks_text("user.default_project_id"), project);
    kn_ks_ask(204, "DELETE", path, kn_ks.admin, NULL);
    kn_ks_ask(200, "GET", self, kn_ks.admin, NULL);
    assert_null(kn_ks_at("user.default_project_id"));
}

static void test_options(void **state)
{
    const char *user = kn_ks_make("users", "user", "\"name\":\"oda\",\"options\":{\"lock_password\":true}");

    (void)state;
    assert_true(json_is_true(kn_ks_at("user.options.lock_password")));
    patch(200, user,
          "\"options\":{\"ignore_password_expiry\":false,\"multi_factor_auth_rules\":[[\"password\",\"token\"]]}");
    assert_true(json_is_true(kn_ks_at("user.options.lock_password")));
    assert_string_equal(kn_ks_text("user.options.multi_factor_auth_rules.0.1"), "token");
    patch(200, user, "\"options\":{\"lock_password\":null}");
    assert_null(kn_ks_at("user.options.lock_password"));
    patch(400, user, "\"options\":{\"lock_password\":\"yes\"}");
    patch(400, user, "\"options\":{\"ignore_user_inactivity\":true}");
    patch(400, user, "\"options\":{\"multi_factor_auth_rules\":[[]]}");
    patch(400, user, "\"options\":{\"multi_factor_auth_rules\":[[1]]}");
    patch(400, user, "\"options\":[]");
}

static void test_more_factors(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("mfa", "reader");
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", NULL, token);
    patch(200, p.user,
          "\"options\":{\"multi_factor_auth_enabled\":true,\"multi_factor_auth_rules\":[[\"password\",\"token\"]]}");
    kn_ks_log_in(401, p.name, "s3cret", p.scope, NULL);
    AUTO_FREE char *both = kn_asprintf(
        "{\"auth\":{\"identity\":{\"methods\":[\"password\",\"token\"],\"token\":{\"id\":\"%s\"},\"password\":"
        "{\"user\":{\"id\":\"%s\",\"password\":\"s3cret\"}}},\"scope\":%s}}",
        token, p.user, p.scope);
    kn_ks_ask(201, "POST", "/v3/auth/tokens", NULL, both);
    patch(
        200, p.user,
        "\"options\":{\"multi_factor_auth_rules\":[[\"password\",\"totp\"]]}"); /* totp is not there, and not left out either */
    assert_string_equal(kn_ks_text("user.options.multi_factor_auth_rules.0.1"), "totp");
    kn_ks_log_in(401, p.name, "s3cret", p.scope, NULL);
    patch(200, p.user, "\"options\":{\"multi_factor_auth_rules\":[[\"password\",\"totp\"],[\"password\"]]}");
    kn_ks_log_in(201, p.name, "s3cret", p.scope, NULL);
    patch(200, p.user, "\"options\":{\"multi_factor_auth_rules\":[]}"); /* no rules: none to break */
    kn_ks_log_in(201, p.name, "s3cret", p.scope, NULL);
}

/* --- passwords --- */

static void test_lockout(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("lok", "reader");

    (void)state;
    kn_ks.conf.identity_lockout_failure_attempts = 2;
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    kn_ks_log_in(201, p.name, "s3cret", NULL, NULL); /* forgets the first one */
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    AUTO_FREE char *words = kn_strdup(kn_ks.http.body.buf);
    kn_ks_log_in(401, p.name, "s3cret", NULL, NULL);
    assert_string_equal(kn_ks.http.body.buf, words); /* nobody learns that it was the right one */
    change_password(401, p.user, "s3cret", "another");
    age(p.user, "failed_at = now() - interval '1801 seconds'");
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL); /* one of two again */
    kn_ks_log_in(201, p.name, "s3cret", NULL, NULL);
    change_password(401, p.user, "wrong", "another"); /* counts as well */
    change_password(401, p.user, "wrong", "another");
    kn_ks_log_in(401, p.name, "s3cret", NULL, NULL);
    kn_ks.conf.identity_lockout_duration_s = 0; /* until an administrator helps */
    age(p.user, "failed_at = now() - interval '1 year'");
    kn_ks_log_in(401, p.name, "s3cret", NULL, NULL);
    patch(200, p.user, "\"enabled\":true");
    kn_ks_log_in(201, p.name, "s3cret", NULL, NULL);
    rules_off();
}

static void test_ignored_lockout(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("service", "reader");

    (void)state;
    kn_ks.conf.identity_lockout_failure_attempts = 1;
    patch(200, p.user, "\"options\":{\"ignore_lockout_failure_attempts\":true}");
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    kn_ks_log_in(201, p.name, "s3cret", NULL, NULL);
    rules_off();
}

static void test_history(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("hist", "reader");

    (void)state;
    kn_ks.conf.identity_unique_last_password_count = 3;
    change_password(400, p.user, "s3cret", "s3cret");
    change_password(204, p.user, "s3cret", "one");
    change_password(204, p.user, "one", "two");
    change_password(400, p.user, "two", "s3cret");
    assert_non_null(strstr(kn_ks_text("error.message"), "must be unique is 3"));
    change_password(400, p.user, "two", "one");
    change_password(204, p.user, "two", "three");
    change_password(204, p.user, "three", "s3cret"); /* four ago */
    patch(200, p.user, "\"password\":\"s3cret\""); /* an administrator may */
    patch(200, p.user, "\"password\":\"three\"");
    change_password(400, p.user, "three", "s3cret"); /* but it is remembered */
    kn_ks.conf.identity_unique_last_password_count = 1;
    change_password(400, p.user, "three", "three");
    change_password(204, p.user, "three", "s3cret");
    rules_off();
}

static void test_expiry(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("expi", "reader");
    const char *forever =
        kn_ks_make("users", "user",
                   "\"name\":\"ever\",\"password\":\"s3cret\",\"options\":{\"ignore_password_expiry\":true}");
    char token[KN_KS_TOKEN];

    (void)state;
    assert_true(json_is_null(kn_ks_at("user.password_expires_at")));
    kn_ks.conf.identity_password_expires_days = 30;
    patch(200, p.user, "\"password\":\"fresh\"");
    assert_int_equal(strlen(kn_ks_text("user.password_expires_at")), strlen("2026-11-21T10:00:00.000000"));
    kn_ks_log_in(201, p.name, "fresh", p.scope, token);
    assert_int_equal(strlen(kn_ks_text("token.user.password_expires_at")), strlen("2026-11-21T10:00:00.000000"));
    patch(200, forever, "\"password\":\"fresh\"");
    assert_true(json_is_null(kn_ks_at("user.password_expires_at")));
    age(p.user, "password_expires_at = now() - interval '1 second'");
    kn_ks_log_in(401, p.name, "wrong", NULL, NULL);
    assert_null(strstr(kn_ks_text("error.message"), "expired"));
    kn_ks_log_in(401, p.name, "fresh", NULL, NULL);
    assert_non_null(strstr(kn_ks_text("error.message"), "is expired and needs to be changed for user: "));
    change_password(204, p.user, "fresh", "fresher");
    kn_ks_log_in(201, p.name, "fresher", NULL, NULL);
    rules_off();
}

static void test_first_use(void **state)
{
    (void)state;
    kn_ks.conf.identity_change_password_upon_first_use = true;
    const char *user = kn_ks_make("users", "user", "\"name\":\"first\",\"password\":\"given\"");
    kn_ks_log_in(401, "first", "given", NULL, NULL);
    change_password(204, user, "given", "mine");
    kn_ks_log_in(201, "first", "mine", NULL, NULL);
    patch(200, user, "\"options\":{\"ignore_change_password_upon_first_use\":true}");
    patch(200, user, "\"password\":\"given\"");
    kn_ks_log_in(201, "first", "given", NULL, NULL);
    rules_off();
}

static void test_minimum_age(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("mini", "reader");

    (void)state;
    kn_ks.conf.identity_minimum_password_age_days = 2;
    change_password(204, p.user, "s3cret", "mine"); /* it was given: at once */
    change_password(400, p.user, "mine", "other");
    assert_non_null(strstr(kn_ks_text("error.message"), "must be used for 2 day(s)"));
    age(p.user, "password_at = now() - interval '49 hours'");
    change_password(204, p.user, "mine", "other");
    rules_off();
}

static void test_expressions(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("rege", "reader");

    (void)state;
    kn_ks.conf.identity_password_regex = "[0-9] ^.{7,}$";
    change_password(400, p.user, "s3cret", "short1");
    change_password(400, p.user, "s3cret", "without-digits");
    kn_ks.conf.identity_password_regex_description = "seven characters and a digit";
    patch(400, p.user, "\"password\":\"no\"");
    assert_non_null(strstr(kn_ks_text("error.message"), "requirements: seven characters and a digit."));
    kn_ks_ask(400, "POST", "/v3/users", kn_ks.admin, "{\"user\":{\"name\":\"x\",\"password\":\"no\"}}");
    change_password(204, p.user, "s3cret", "longer7");
    rules_off();
}

static void test_locked_and_none(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("none", "reader");
    char token[KN_KS_TOKEN];

    (void)state;
    patch(200, p.user, "\"options\":{\"lock_password\":true}");
    change_password(400, p.user, "s3cret", "mine");
    patch(200, p.user, "\"options\":{\"lock_password\":false}");
    change_password(204, p.user, "s3cret", "s3cret"); /* no history: the same again */
    kn_ks_log_in(201, p.name, "s3cret", NULL, token);
    patch(200, p.user, "\"password\":null");
    kn_ks_assert_worth(token, false);
    kn_ks_log_in(401, p.name, "s3cret", NULL, NULL);
    change_password(401, p.user, "s3cret", "mine");
}

/* --- lists --- */

/* The names on the pages of a list, one after the other. */
static char *names(const char *query)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf all = KN_STRBUF_INIT;
    AUTO_FREE char *path = kn_asprintf("/v3/users?%s", query);

    for (int page = 0; page < 10; page++) {
        const json_t *user = NULL;
        size_t i = 0;
        kn_ks_ask(200, "GET", path, kn_ks.admin, NULL);
        json_array_foreach (kn_ks_at("users"), i, user) {
            kn_strbuf_addf(&all, "%s ", json_string_value(json_object_get(user, "name")));
        }
        const char *next = json_string_value(kn_ks_at("links.next"));
        if (next == NULL) {
            return kn_strbuf_detach(&all);
        }
        assert_true(json_is_true(kn_ks_at("truncated")));
        free(path);
        path = kn_strdup(strstr(next, "/v3/"));
    }
    fail_msg("more than 10 pages of %s", query);
    return NULL;
}

static void assert_names(const char *query, const char *expected)
{
    AUTO_FREE char *got = names(query);
    assert_string_equal(got, expected);
}

static void test_lists(void **state)
{
    static const char *const BAD[] = {
        "limit=many",
        "limit=-1",
        "sort_key=colour",
        "sort_dir=sideways",
        "marker=nobody",
        "password_expires_at=soon",
        "password_expires_at=lt:soon",
        "password_expires_at=around:2026-01-01T00:00:00Z",
        "enabled=perhaps",
    };
    static const char *const NAMES[] = { "page-a", "page-b", "page-C", "page-d", "page-e" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        AUTO_FREE char *members = kn_asprintf("\"name\":\"%s\",\"enabled\":%s", NAMES[i],
                                              i % 2 == 0 ? "true" : "false");
        const char *id = kn_ks_make("users", "user", members);
        AUTO_FREE char *expiry = kn_asprintf("password_expires_at = '2030-01-0%zuT00:00:00Z'", 9 - i);
        age(id, i < 3 ? expiry : "password_expires_at = NULL");
    }
    assert_names("name__startswith=page-",
                 "page-C page-a page-b page-d page-e "); /* the database's order is by bytes */
    assert_names("name__startswith=page-&limit=2", "page-C page-a page-b page-d page-e ");
    assert_names("name__startswith=page-&limit=2&sort_key=name&sort_dir=desc", "page-e page-d page-b page-a page-C ");
    assert_names("name__startswith=page-&limit=3&sort_key=enabled&sort_dir=asc&name__endswith=a", "page-a ");
    AUTO_FREE char *by_expiry = names("name__startswith=page-&limit=1&sort_key=password_expires_at");
    assert_memory_equal(by_expiry, "page-C page-b page-a ", 21); /* those without one at the end, by chance */
    assert_int_equal(strlen(by_expiry), 35);
    assert_names("name__icontains=AGE-c", "page-C ");
    assert_names("name__endswith=-e&enabled=true", "page-e ");
    assert_names("name__startswith=page-&enabled=False", "page-b page-d ");
    assert_names("name__startswith=page-&password_expires_at=lt:2030-01-08T00:00:00Z", "page-C ");
    assert_names("name__startswith=page-&password_expires_at=neq:2030-01-08T00:00:00Z", "page-C page-a ");
    assert_names("name=page-a&domain_id=nowhere", "");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *path = kn_asprintf("/v3/users?%s", BAD[i]);
        kn_ks_ask(strncmp(BAD[i], "marker", 6) == 0 ? 404 : 400, "GET", path, kn_ks.admin, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_attributes), cmocka_unit_test(test_default_project),
        cmocka_unit_test(test_options),        cmocka_unit_test(test_more_factors),
        cmocka_unit_test(test_lockout),        cmocka_unit_test(test_ignored_lockout),
        cmocka_unit_test(test_history),        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_first_use),      cmocka_unit_test(test_minimum_age),
        cmocka_unit_test(test_expressions),    cmocka_unit_test(test_locked_and_none),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
