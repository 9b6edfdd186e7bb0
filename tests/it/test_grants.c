/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user may do by way of something else: groups, assignments that are inherited, roles that imply others, the system. Each is given,
 * seen in a token, and taken away again from under a token that worked a moment before.
 */
#include <stdio.h>

#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

#define TEXT kn_ks_text

/* METHOD of a path put together; the body may be NULL. */
static void ask(int status, const char *method, const char *token, const char *body, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void ask(int status, const char *method, const char *token, const char *body, const char *fmt, ...)
{
    char path[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    kn_ks_ask(status, method, path, token, body);
}

static size_t count(const char *path)
{
    return json_array_size(kn_ks_at(path));
}

static const char *make_group(const char *name)
{
    AUTO_FREE char *members = kn_asprintf("\"name\":\"%s\",\"description\":\"many\"", name);
    return kn_ks_make("groups", "group", members);
}

static void join(const char *group, const char *user)
{
    ask(204, "PUT", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
}

/* "a member reader": the names of the roles in the last token. */
static void assert_roles(const char *expected)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;

    for (size_t i = 0; i < count("token.roles"); i++) {
        char path[32];
        snprintf(path, sizeof(path), "token.roles.%zu.name", i);
        kn_strbuf_addf(&names, "%s%s", i > 0 ? " " : "", kn_ks_text(path));
    }
    kn_strbuf_addstr(&names, "");
    assert_string_equal(names.buf, expected);
}

/* A user, password s3cret, without any role. */
static const char *make_user(const char *name)
{
    AUTO_FREE char *members = kn_asprintf("\"name\":\"%s\",\"password\":\"s3cret\"", name);
    return kn_ks_make("users", "user", members);
}

static const char *make_project(const char *name, const char *parent)
{
    AUTO_FREE char *members = parent != NULL ? kn_asprintf("\"name\":\"%s\",\"parent_id\":\"%s\"", name, parent)
                                             : kn_asprintf("\"name\":\"%s\"", name);
    return kn_ks_make("projects", "project", members);
}

static void log_in_to(int status, const char *user, const char *project, char token[KN_KS_TOKEN])
{
    AUTO_FREE char *scope = kn_asprintf("{\"project\":{\"id\":\"%s\"}}", project);
    kn_ks_log_in(status, user, "s3cret", scope, token);
}

/* --- groups --- */

static void test_groups(void **state)
{
    const char *group = make_group("crew"), *user = make_user("gus");

    (void)state;
    assert_string_equal(TEXT("user.name"), "gus");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/groups/%s", group);
    assert_string_equal(TEXT("group.name"), "crew");
    assert_string_equal(TEXT("group.domain_id"), "default");
    assert_string_equal(TEXT("group.description"), "many");
    ask(200, "PATCH", kn_ks.admin, "{\"group\":{\"name\":\"crew2\",\"description\":null}}", "/v3/groups/%s", group);
    assert_string_equal(TEXT("group.description"), "");
    ask(400, "PATCH", kn_ks.admin, "{\"group\":{\"domain_id\":\"other\"}}", "/v3/groups/%s", group);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/groups?name=crew2");
    assert_int_equal(count("groups"), 1);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/groups?name=crew&domain_id=default");
    assert_int_equal(count("groups"), 0);
    ask(409, "POST", kn_ks.admin, "{\"group\":{\"name\":\"crew2\"}}", "/v3/groups");
    ask(400, "POST", kn_ks.admin, "{\"group\":{\"name\":\"\"}}", "/v3/groups");
    ask(400, "POST", kn_ks.admin, "{\"group\":{}}", "/v3/groups");
    ask(404, "POST", kn_ks.admin, "{\"group\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}", "/v3/groups");
    ask(404, "PATCH", kn_ks.admin, "{\"group\":{\"name\":\"x\"}}", "/v3/groups/nowhere");
    ask(404, "GET", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    join(group, user);
    join(group, user); /* again */
    ask(204, "HEAD", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    ask(204, "GET", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/groups/%s/users", group);
    assert_string_equal(TEXT("users.0.name"), "gus");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/groups/%s/users?name=nobody", group);
    assert_int_equal(count("users"), 0);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/users/%s/groups", user);
    assert_string_equal(TEXT("groups.0.name"), "crew2");
    ask(404, "PUT", kn_ks.admin, NULL, "/v3/groups/%s/users/nobody", group);
    ask(404, "PUT", kn_ks.admin, NULL, "/v3/groups/nowhere/users/%s", user);
    ask(404, "GET", kn_ks.admin, NULL, "/v3/groups/nowhere/users");
    ask(404, "GET", kn_ks.admin, NULL, "/v3/users/nobody/groups");
    ask(204, "DELETE", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    ask(404, "DELETE", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    ask(204, "DELETE", kn_ks.admin, NULL, "/v3/groups/%s", group);
    ask(404, "DELETE", kn_ks.admin, NULL, "/v3/groups/%s", group);
    ask(404, "GET", kn_ks.admin, NULL, "/v3/groups/%s", group);
}

/* Three ways of losing what came through a group, each from a token that worked. */
static void test_group_roles(void **state)
{
    static const char *const WAYS[] = { "/v3/groups/%g/users/%u", "/v3/projects/%p/groups/%g/roles/%r",
                                        "/v3/groups/%g" };
    const char *member = kn_ks_role("member"), *user = make_user("gina"), *other = make_user("gerd");

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WAYS); i++) {
        AUTO_FREE char *name = kn_asprintf("through%zu", i);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
        const char *project = make_project(name, NULL), *group = make_group(name);
        char token[KN_KS_TOKEN];

        log_in_to(401, "gina", project, NULL);
        ask(204, "PUT", kn_ks.admin, NULL, "/v3/projects/%s/groups/%s/roles/%s", project, group, member);
        ask(204, "HEAD", kn_ks.admin, NULL, "/v3/projects/%s/groups/%s/roles/%s", project, group, member);
        ask(200, "GET", kn_ks.admin, NULL, "/v3/projects/%s/groups/%s/roles", project, group);
        assert_string_equal(TEXT("roles.0.name"), "member");
        ask(404, "GET", kn_ks.admin, NULL, "/v3/projects/%s/users/%s/roles/%s", project, user,
            member); /* not her own */
        log_in_to(401, "gina", project, NULL);
        join(group, user);
        join(group, other);
        log_in_to(201, "gina", project, token);
        assert_roles("member reader");
        ask(200, "GET", token, NULL, "/v3/auth/projects");
        assert_string_equal(TEXT("projects.0.name"), name);
        ask(200, "GET", token, NULL, "/v3/auth/projects?name=another"); /* a list like all others */
        assert_int_equal(count("projects"), 0);
        for (const char *c = WAYS[i]; *c != '\0'; c++) {
            if (*c == '%') {
                c++;
                kn_strbuf_addstr(&path, *c == 'u' ? user : *c == 'p' ? project : *c == 'g' ? group : member);
            } else {
                kn_strbuf_addch(&path, *c);
            }
        }
        kn_ks_ask(204, "DELETE", path.buf, kn_ks.admin, NULL);
        kn_ks_assert_worth(token, false);
        log_in_to(401, "gina", project, NULL);
        log_in_to(i == 0 ? 201 : 401, "gerd", project, NULL); /* only she left it */
    }
    kn_ks_assert_worth(kn_ks.admin, true);
}

static void test_group_on_domain_and_system(void **state)
{
    static const char *const SCOPES[] = { "{\"domain\":{\"id\":\"default\"}}", "{\"system\":{\"all\":true}}" };
    static const char *const TARGETS[] = { "domains/default", "system" };
    const char *group = make_group("watch"), *user = make_user("wanda"), *reader = kn_ks_role("reader");
    char token[KN_KS_TOKEN];

    (void)state;
    join(group, user);
    for (size_t i = 0; i < KN_COUNT(SCOPES); i++) {
        kn_ks_log_in(401, "wanda", "s3cret", SCOPES[i], NULL);
        ask(204, "PUT", kn_ks.admin, NULL, "/v3/%s/groups/%s/roles/%s", TARGETS[i], group, reader);
        kn_ks_log_in(201, "wanda", "s3cret", SCOPES[i], token);
        assert_roles("reader");
        ask(200, "GET", token, NULL, i == 0 ? "/v3/auth/domains" : "/v3/auth/system");
        assert_int_equal(count(i == 0 ? "domains" : "system"), 1);
        ask(200, "GET", kn_ks.admin, NULL, "/v3/%s/groups/%s/roles", TARGETS[i], group);
        assert_int_equal(count("roles"), 1);
        ask(204, "DELETE", kn_ks.admin, NULL, "/v3/%s/groups/%s/roles/%s", TARGETS[i], group, reader);
        kn_ks_assert_worth(token, false);
        ask(404, "DELETE", kn_ks.admin, NULL, "/v3/%s/groups/%s/roles/%s", TARGETS[i], group, reader);
        ask(404, "PUT", kn_ks.admin, NULL, "/v3/%s/groups/nowhere/roles/%s", TARGETS[i], reader);
    }
}

/* --- inherited --- */

static void inherit(int status, const char *method, const char *target, const char *actor, const char *role)
{
    ask(status, method, kn_ks.admin, NULL, "/v3/OS-INHERIT/%s/%s/roles/%s/inherited_to_projects", target, actor, role);
}

/* From a domain it reaches every project of it, but not the domain. */
static void test_inherited_from_domain(void **state)
{
    const char *domain = kn_ks_make("domains", "domain", "\"name\":\"estate\"");
    AUTO_FREE char *members = kn_asprintf("\"name\":\"barn\",\"domain_id\":\"%s\"", domain);
    const char *project = kn_ks_make("projects", "project", members), *user = make_user("ines"),
               *member = kn_ks_role("member");
    AUTO_FREE char *target = kn_asprintf("domains/%s", domain), *actor = kn_asprintf("users/%s", user);
    AUTO_FREE char *scope = kn_asprintf("{\"domain\":{\"id\":\"%s\"}}", domain);
    char token[KN_KS_TOKEN];

    (void)state;
    log_in_to(401, "ines", project, NULL);
    inherit(404, "GET", target, actor, member);
    inherit(204, "PUT", target, actor, member);
    inherit(204, "HEAD", target, actor, member);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/OS-INHERIT/%s/%s/roles/inherited_to_projects", target, actor);
    assert_string_equal(TEXT("roles.0.name"), "member");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/%s/%s/roles", target, actor); /* it has none on the domain itself */
    assert_int_equal(count("roles"), 0);
    kn_ks_log_in(401, "ines", "s3cret", scope, NULL);
    log_in_to(201, "ines", project, token);
    assert_roles("member reader");
    ask(200, "GET", token, NULL, "/v3/auth/projects");
    assert_int_equal(count("projects"), 1);
    ask(200, "GET", token, NULL, "/v3/auth/domains");
    assert_int_equal(count("domains"), 0);
    inherit(204, "DELETE", target, actor, member);
    kn_ks_assert_worth(token, false);
    log_in_to(401, "ines", project, NULL);
    inherit(404, "DELETE", target, actor, member);
}

/* From a project it reaches what is below, whatever the depth, but not the project. */
static void test_inherited_from_project(void **state)
{
    const char *top = make_project("top", NULL), *middle = make_project("middle", top),
               *low = make_project("low", middle);
    const char *beside = make_project("beside", NULL), *user = make_user("ivan"), *reader = kn_ks_role("reader");
    const char *group = make_group("heirs");
    AUTO_FREE char *target = kn_asprintf("projects/%s", top), *actor = kn_asprintf("groups/%s", group);
    char token[KN_KS_TOKEN];

    (void)state;
    join(group, user);
    inherit(204, "PUT", target, actor, reader);
    log_in_to(401, "ivan", top, NULL);
    log_in_to(201, "ivan", middle, NULL);
    log_in_to(401, "ivan", beside, NULL);
    log_in_to(201, "ivan", low, token);
    assert_roles("reader");
    ask(200, "GET", token, NULL, "/v3/users/%s/projects", user);
    assert_int_equal(count("projects"), 2);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?user.id=%s&effective&include_names", user);
    assert_int_equal(count("role_assignments"), 2);
    assert_string_equal(TEXT("role_assignments.0.scope.project.name"), "low");
    assert_string_equal(TEXT("role_assignments.0.scope.OS-INHERIT:inherited_to"), "projects");
    assert_string_equal(TEXT("role_assignments.0.user.name"), "ivan");
    assert_non_null(strstr(TEXT("role_assignments.0.links.assignment"), "/v3/OS-INHERIT/projects/"));
    assert_non_null(strstr(TEXT("role_assignments.0.links.assignment"), "/inherited_to_projects"));
    assert_non_null(strstr(TEXT("role_assignments.0.links.membership"), "/v3/groups/"));
    ask(204, "DELETE", kn_ks.admin, NULL, "/v3/groups/%s/users/%s", group, user);
    kn_ks_assert_worth(token, false);
    log_in_to(401, "ivan", low, NULL);
}

/* --- implied --- */

static void test_chain(void **state)
{
    const char *admin = kn_ks_role("admin"), *manager = kn_ks_role("manager"), *reader = kn_ks_role("reader");

    (void)state;
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_inferences");
    assert_int_equal(count("role_inferences"), 3);
    assert_string_equal(TEXT("role_inferences.0.prior_role.name"), "admin");
    assert_string_equal(TEXT("role_inferences.0.implies.0.name"), "manager");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/roles/%s/implies", admin);
    assert_int_equal(count("role_inference.implies"), 1);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", admin, manager);
    assert_string_equal(TEXT("role_inference.implies.name"), "manager");
    ask(204, "HEAD", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", admin, manager);
    ask(404, "GET", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", admin, reader); /* not directly */
    ask(403, "DELETE", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", admin, manager);
    ask(403, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", reader, admin);
}

static void test_implied(void **state)
{
    const char *cook = kn_ks_make("roles", "role", "\"name\":\"cook\""),
               *eater = kn_ks_make("roles", "role", "\"name\":\"eater\"");
    const char *member = kn_ks_role("member");
    struct kn_ks_person p = kn_ks_make_person("carl", "cook");
    char token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    assert_roles("cook");
    ask(201, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", cook, eater);
    assert_string_equal(TEXT("role_inference.prior_role.name"), "cook");
    ask(201, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", eater, member);
    ask(201, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", eater, cook); /* a circle ends somewhere */
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    assert_roles("cook eater member reader");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?user.id=%s&effective", p.user);
    assert_int_equal(count("role_assignments"), 4);
    assert_non_null(strstr(TEXT("role_assignments.1.links.prior_role"), "/v3/prior_role/"));
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?user.id=%s&effective&role.id=%s", p.user, member);
    assert_int_equal(count("role_assignments"), 1);
    ask(204, "DELETE", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", eater, member);
    kn_ks_assert_worth(token, false);
    kn_ks_log_in(201, p.name, "s3cret", p.scope, NULL);
    assert_roles("cook eater");
    ask(404, "DELETE", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", eater, member);
    ask(404, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/nowhere", eater);
    ask(404, "GET", kn_ks.admin, NULL, "/v3/roles/nowhere/implies");
}

/* A role of a domain is for that domain's projects, and stands in a token only by what it implies. */
static void test_domain_role(void **state)
{
    const char *domain = kn_ks_make("domains", "domain", "\"name\":\"guild\"");
    AUTO_FREE char *role_members = kn_asprintf("\"name\":\"master\",\"domain_id\":\"%s\"", domain);
    AUTO_FREE char *project_members = kn_asprintf("\"name\":\"hall\",\"domain_id\":\"%s\"", domain);
    const char *role = kn_ks_make("roles", "role", role_members),
               *project = kn_ks_make("projects", "project", project_members);
    const char *user = make_user("mia"), *elsewhere = make_project("elsewhere", NULL), *member = kn_ks_role("member");

    (void)state;
    ask(200, "GET", kn_ks.admin, NULL, "/v3/roles?name=master");
    assert_int_equal(count("roles"), 0);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/roles?domain_id=%s", domain);
    assert_string_equal(TEXT("roles.0.domain_id"), domain);
    ask(403, "PUT", kn_ks.admin, NULL, "/v3/projects/%s/users/%s/roles/%s", elsewhere, user, role);
    ask(204, "PUT", kn_ks.admin, NULL, "/v3/projects/%s/users/%s/roles/%s", project, user, role);
    log_in_to(401, "mia", project, NULL); /* it implies nothing yet */
    ask(403, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", member, role);
    ask(201, "PUT", kn_ks.admin, NULL, "/v3/roles/%s/implies/%s", role, member);
    log_in_to(201, "mia", project, NULL);
    assert_roles("member reader");
    ask(404, "POST", kn_ks.admin, "{\"role\":{\"name\":\"x\",\"domain_id\":\"nowhere\"}}", "/v3/roles");
}

/* --- the list --- */

static void expect_list(size_t expected, const char *query)
{
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?%s", query);
    if (count("role_assignments") != expected) {
        fail_msg("%s: %s, wanted %zu", query, kn_ks.http.body.buf, expected);
    }
}

static void test_list(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("lisa", "member");
    const char *below = make_project("below lisa", p.project), *group = make_group("listed"),
               *reader = kn_ks_role("reader");
    AUTO_FREE char *subtree = kn_asprintf("scope.project.id=%s&include_subtree", p.project);
    AUTO_FREE char *project = kn_asprintf("scope.project.id=%s", p.project);
    AUTO_FREE char *of_group = kn_asprintf("group.id=%s", group);
    AUTO_FREE char *inherited = kn_asprintf("user.id=%s&scope.OS-INHERIT:inherited_to=projects", p.user);
    AUTO_FREE char *direct = kn_asprintf("user.id=%s&scope.OS-INHERIT:inherited_to=nowhere", p.user);
    AUTO_FREE char *actor = kn_asprintf("users/%s", p.user);
    AUTO_FREE char *effective = kn_asprintf("effective=True&scope.project.id=%s", below);

    (void)state;
    ask(204, "PUT", kn_ks.admin, NULL, "/v3/projects/%s/groups/%s/roles/%s", below, group, reader);
    expect_list(1, project);
    expect_list(2, subtree);
    AUTO_FREE char *domain = kn_asprintf("scope.project.id=default&include_subtree&user.id=%s", p.user);
    expect_list(1, domain); /* a domain is the project above all of its own */
    expect_list(1, of_group);
    assert_string_equal(TEXT("role_assignments.0.group.id"), group);
    assert_non_null(strstr(TEXT("role_assignments.0.links.assignment"), "/groups/"));
    expect_list(0, effective); /* nobody is in it */
    join(group, p.user);
    expect_list(1, effective);
    assert_string_equal(TEXT("role_assignments.0.user.id"), p.user);
    expect_list(0, inherited);
    inherit(204, "PUT", p.target, actor, reader);
    expect_list(1, inherited);
    expect_list(1, direct);
    expect_list(2, effective);
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?%s&include_names", of_group);
    assert_string_equal(TEXT("role_assignments.0.group.name"), "listed");
    assert_string_equal(TEXT("role_assignments.0.group.domain.name"), "Default");
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?scope.system=all");
    assert_true(json_is_true(kn_ks_at("role_assignments.0.scope.system.all")));
    ask(200, "GET", kn_ks.admin, NULL, "/v3/role_assignments?user.id=nobody");
    assert_int_equal(count("role_assignments"), 0);
}

static void test_bad_lists(void **state)
{
    static const char *const BAD[] = {
        "scope.domain.id=a&scope.project.id=b",
        "scope.domain.id=a&scope.system=all",
        "scope.project.id=a&scope.system=all",
        "user.id=a&group.id=b",
        "effective&group.id=a",
        "include_subtree",
        "effective&scope.domain.id=a&scope.OS-INHERIT:inherited_to=projects",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        ask(400, "GET", kn_ks.admin, NULL, "/v3/role_assignments?%s", BAD[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_group_roles),
        cmocka_unit_test(test_group_on_domain_and_system),
        cmocka_unit_test(test_inherited_from_domain),
        cmocka_unit_test(test_inherited_from_project),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_implied),
        cmocka_unit_test(test_domain_role),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_bad_lists),
    };
    return cmocka_run_group_tests(tests, kn_ks_group_start, kn_ks_group_stop);
}
