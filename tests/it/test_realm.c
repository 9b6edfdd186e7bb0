/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The border of a domain. Two domains with the same things in them; the manager and the reader of the first one, a reader of the system
 * and a manager of a mere project ask for the same things in both. What policy lets in, the handlers have to hold within the border.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

enum { MANAGER, READER, SYSTEM_READER, PROJECT_MANAGER, CALLERS };

static struct {
    struct side {
        char domain[65], user[65], project[65], group[65];
    } side[2]; /* theirs, and the foreign one */
    char reader[65], admin[65], custom[65]; /* ids of roles */
    char token[CALLERS][KN_KS_TOKEN], domain_admin[KN_KS_TOKEN];
} world;

/* %d, %u, %p, %g: of the side in question; %r: the role reader, %a: admin, %c: one that means nothing; %n: a new name. */
static char *fill(const char *text, const struct side *side)
{
    static int names;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '%') {
            kn_strbuf_addch(&sb, *c);
            continue;
        }
        c++;
        if (*c == 'n') {
            kn_strbuf_addf(&sb, "new %d", names++);
            continue;
        }
        kn_strbuf_addstr(&sb, *c == 'd'   ? side->domain
                              : *c == 'u' ? side->user
                              : *c == 'p' ? side->project
                              : *c == 'g' ? side->group
                              : *c == 'r' ? world.reader
                              : *c == 'a' ? world.admin
                                          : world.custom);
    }
    return kn_strbuf_detach(&sb);
}

static const struct {
    const char *method, *path, *body;
    int own[CALLERS]; /* manager, reader, system reader, manager of a project */
    int foreign[CALLERS];
} CASES[] = {
    { "GET", "/v3/domains/%d", NULL, { 200, 200, 200, 200 }, { 403, 403, 200, 403 } },
    { "PATCH",
      "/v3/domains/%d",
      "{\"domain\":{\"description\":\"x\"}}",
      { 403, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "POST",
      "/v3/projects",
      "{\"project\":{\"name\":\"%n\",\"domain_id\":\"%d\"}}",
      { 201, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "GET", "/v3/projects/%p", NULL, { 200, 200, 200, 200 }, { 403, 403, 200, 403 } },
    { "PATCH",
      "/v3/projects/%p",
      "{\"project\":{\"description\":\"x\"}}",
      { 200, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "GET", "/v3/projects/%p/tags", NULL, { 200, 200, 200, 200 }, { 403, 403, 200, 403 } },
    { "PUT", "/v3/projects/%p/tags", "{\"tags\":[\"a\"]}", { 200, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/projects/%p/tags/b", NULL, { 201, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "DELETE", "/v3/projects/%p/tags/b", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "DELETE", "/v3/projects/%p/tags", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "POST",
      "/v3/users",
      "{\"user\":{\"name\":\"%n\",\"domain_id\":\"%d\"}}",
      { 201, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "GET", "/v3/users/%u", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "PATCH", "/v3/users/%u", "{\"user\":{\"description\":\"x\"}}", { 200, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "GET", "/v3/users/%u/projects", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET", "/v3/users/%u/groups", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "POST",
      "/v3/groups",
      "{\"group\":{\"name\":\"%n\",\"domain_id\":\"%d\"}}",
      { 201, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "GET", "/v3/groups/%g", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "PATCH", "/v3/groups/%g", "{\"group\":{\"description\":\"x\"}}", { 200, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/groups/%g/users/%u", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "GET", "/v3/groups/%g/users/%u", NULL, { 204, 204, 204, 403 }, { 403, 403, 404, 403 } },
    { "GET", "/v3/groups/%g/users", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "DELETE", "/v3/groups/%g/users/%u", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/projects/%p/users/%u/roles/%r", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "GET", "/v3/projects/%p/users/%u/roles/%r", NULL, { 204, 204, 204, 403 }, { 403, 403, 404, 403 } },
    { "GET", "/v3/projects/%p/users/%u/roles", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "DELETE", "/v3/projects/%p/users/%u/roles/%r", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/projects/%p/users/%u/roles/%a", NULL, { 403, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/projects/%p/users/%u/roles/%c", NULL, { 403, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "PUT", "/v3/domains/%d/groups/%g/roles/%r", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "GET", "/v3/domains/%d/groups/%g/roles", NULL, { 200, 200, 200, 403 }, { 403, 403, 200, 403 } },
    { "PUT",
      "/v3/OS-INHERIT/domains/%d/groups/%g/roles/%r/inherited_to_projects",
      NULL,
      { 204, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "PUT",
      "/v3/OS-INHERIT/domains/%d/groups/%g/roles/%a/inherited_to_projects",
      NULL,
      { 403, 403, 403, 403 },
      { 403, 403, 403, 403 } },
    { "PUT", "/v3/system/users/%u/roles/%r", NULL, { 403, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "GET", "/v3/system/users/%u/roles", NULL, { 403, 403, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET", "/v3/roles/%r", NULL, { 200, 403, 200, 403 }, { 200, 403, 200, 403 } },
    { "GET", "/v3/roles/%a", NULL, { 403, 403, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET", "/v3/roles", NULL, { 200, 403, 200, 403 }, { 200, 403, 200, 403 } },
    { "GET", "/v3/roles?domain_id=%d", NULL, { 403, 403, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET", "/v3/roles/%r/implies", NULL, { 403, 403, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET", "/v3/role_inferences", NULL, { 403, 403, 200, 403 }, { 403, 403, 200, 403 } },
    { "GET",
      "/v3/role_assignments?scope.project.id=%p&include_subtree",
      NULL,
      { 200, 200, 200, 403 },
      { 403, 403, 200, 403 } },
    { "DELETE", "/v3/groups/%g", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "DELETE", "/v3/users/%u", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
    { "DELETE", "/v3/projects/%p", NULL, { 204, 403, 403, 403 }, { 403, 403, 403, 403 } },
};

/* Those who may least ask first, so that the manager finds what it is to change. */
static void test_border(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        for (int caller = CALLERS - 1; caller >= 0; caller--) {
            for (int s = 1; s >= 0; s--) {
                AUTO_FREE char *path = fill(CASES[i].path, &world.side[s]);
                AUTO_FREE char *body = CASES[i].body != NULL ? fill(CASES[i].body, &world.side[s]) : NULL;
                int expected = s == 0 ? CASES[i].own[caller] : CASES[i].foreign[caller];
                kn_ks_ask(expected, CASES[i].method, path, world.token[caller], body);
            }
        }
    }
}

/* Lists show what is within, whatever is asked for. */
static void test_lists(void **state)
{
    static const struct {
        const char *path, *key;
        size_t expected;
    } LISTS[] = {
        { "/v3/domains", "domains", 1 },
        { "/v3/users", "users", 1 },
        { "/v3/users?domain_id=default", "users", 0 },
        { "/v3/projects", "projects", 1 },
        { "/v3/projects?domain_id=default", "projects", 0 },
        { "/v3/groups", "groups", 1 },
        { "/v3/role_assignments", "role_assignments", 4 },
        { "/v3/role_assignments?scope.system=all", "role_assignments", 0 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(LISTS); i++) {
        kn_ks_ask(200, "GET", LISTS[i].path, world.token[READER], NULL);
        if (json_array_size(kn_ks_at(LISTS[i].key)) != LISTS[i].expected) {
            fail_msg("%s: %s, wanted %zu", LISTS[i].path, kn_ks.http.body.buf, LISTS[i].expected);
        }
        kn_ks_ask(403, "GET", LISTS[i].path, world.token[PROJECT_MANAGER], NULL);
    }
}

/* What is not there is none of their business; everybody may look at oneself, from wherever. */
static void test_nothing_and_self(void **state)
{
    static const char *const PATHS[] = { "/v3/users/nobody", "/v3/groups/nobody", "/v3/projects/nobody",
                                         "/v3/domains/nobody" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(PATHS); i++) {
        kn_ks_ask(403, "GET", PATHS[i], world.token[MANAGER], NULL);
        kn_ks_ask(404, "GET", PATHS[i], world.token[SYSTEM_READER], NULL);
        kn_ks_ask(404, "GET", PATHS[i], kn_ks.admin, NULL);
    }
    kn_ks_ask(200, "GET", "/v3/users?name=realm-manager", kn_ks.admin, NULL);
    AUTO_FREE char *self = kn_asprintf("/v3/users/%s", kn_ks_text("users.0.id"));
    AUTO_FREE char *groups = kn_asprintf("%s/groups", self);
    AUTO_FREE char *projects = kn_asprintf("%s/projects", self);
    kn_ks_ask(200, "GET", self, world.token[MANAGER], NULL);
    kn_ks_ask(200, "GET", groups, world.token[MANAGER], NULL);
    kn_ks_ask(200, "GET", projects, world.token[MANAGER], NULL);
    kn_ks_ask(403, "PATCH", self, world.token[MANAGER], "{\"user\":{\"enabled\":false}}");
}

/* Who is bound to a domain has to name it; an admin's new things come into the domain of the token. */
static void test_home(void **state)
{
    static const char PROJECT[] = "{\"project\":{\"name\":\"at home\"}}",
                      GROUP[] = "{\"group\":{\"name\":\"at home\"}}";
    static const char USER[] = "{\"user\":{\"name\":\"at home\"}}";

    (void)state;
    kn_ks_ask(403, "POST", "/v3/projects", world.token[MANAGER], PROJECT);
    kn_ks_ask(403, "POST", "/v3/groups", world.token[MANAGER], GROUP);
    kn_ks_ask(403, "POST", "/v3/users", world.token[MANAGER], USER);
    kn_ks_ask(403, "POST", "/v3/projects", world.token[MANAGER], "{\"project\":{\"name\":\"own\",\"is_domain\":true}}");
    kn_ks_ask(201, "POST", "/v3/projects", world.domain_admin, PROJECT);
    assert_string_equal(kn_ks_text("project.domain_id"), world.side[0].domain);
    kn_ks_ask(201, "POST", "/v3/groups", world.domain_admin, GROUP);
    assert_string_equal(kn_ks_text("group.domain_id"), world.side[0].domain);
    kn_ks_ask(201, "POST", "/v3/users", kn_ks.admin, USER);
    assert_string_equal(kn_ks_text("user.domain_id"), "default");
}

/* Keystone's admin is one everywhere, but with the token of a domain it lists that domain, and changes nothing of the whole cloud. */
static void test_domain_admin(void **state)
{
    AUTO_FREE char *foreign = fill("/v3/users/%u", &world.side[1]);
    AUTO_FREE char *users = fill("/v3/users?domain_id=%d", &world.side[1]);
    AUTO_FREE char *roles = fill("/v3/roles?domain_id=%d", &world.side[0]);
    AUTO_FREE char *members = fill("\"name\":\"local\",\"domain_id\":\"%d\"", &world.side[0]);
    AUTO_FREE char *role = kn_asprintf("/v3/roles/%s", kn_ks_make("roles", "role", members));

    (void)state;
    kn_ks_ask(200, "GET", foreign, world.domain_admin, NULL);
    kn_ks_ask(200, "GET", users, world.domain_admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("users")), 0);
    kn_ks_ask(200, "GET", "/v3/domains", world.domain_admin, NULL);
    assert_int_equal(json_array_size(kn_ks_at("domains")), 1);
    kn_ks_ask(403, "GET", roles, world.domain_admin, NULL);
    kn_ks_ask(403, "GET", role, world.domain_admin, NULL);
    kn_ks_ask(403, "GET", role, world.token[MANAGER], NULL);
    kn_ks_ask(404, "GET", "/v3/roles/nowhere", world.token[MANAGER], NULL);
    kn_ks_ask(403, "POST", "/v3/domains", world.domain_admin, "{\"domain\":{\"name\":\"x\"}}");
    kn_ks_ask(403, "POST", "/v3/roles", world.domain_admin, "{\"role\":{\"name\":\"x\"}}");
}

/* An auditor and a service may look at everybody's tokens, and end none. */
static void test_tokens(void **state)
{
    struct kn_ks_person p = kn_ks_make_person("tilda", "member"), servant = kn_ks_make_person("placement", "service");
    char token[KN_KS_TOKEN], service_token[KN_KS_TOKEN];

    (void)state;
    kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
    kn_ks_log_in(201, servant.name, "s3cret", servant.scope, service_token);
    AUTO_FREE char *service = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", service_token, token);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", service, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "DELETE", "/identity/v3/auth/tokens", service, NULL);
    assert_int_equal(kn_ks.http.status, 403);
    kn_ks_ask(403, "GET", "/v3/users", service_token, NULL);
    AUTO_FREE char *auditor = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", world.token[SYSTEM_READER],
                                          token);
    AUTO_FREE char *manager = kn_asprintf("X-Auth-Token: %s\r\nX-Subject-Token: %s\r\n", world.token[MANAGER], token);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", auditor, NULL);
    assert_int_equal(kn_ks.http.status, 200);
    kn_test_http_ask(&kn_ks.http, "DELETE", "/identity/v3/auth/tokens", auditor, NULL);
    assert_int_equal(kn_ks.http.status, 403);
    kn_test_http_ask(&kn_ks.http, "GET", "/identity/v3/auth/tokens", manager, NULL);
    assert_int_equal(kn_ks.http.status, 403);
    kn_ks_assert_worth(token, true);
}

/* --- who is above the manager of the domain --- */

/*
 * Users and groups of the manager's own domain, each of which holds, in a way of its own, something that he cannot give. In `target`
 * %s is the foreign domain's project and %f that domain; %d, %p: of the own side.
 */
static const struct {
    const char *name, *target, *role, *tail;
    bool by_group, above;
} HOLDERS[] = {
    { "plain", "/projects/%p", "member", "", false, false },
    { "peer", "/domains/%d", "manager", "", false, false },
    { "heir", "/OS-INHERIT/domains/%d", "member", "/inherited_to_projects", true, false },
    { "admin-in-a-project", "/projects/%p", "admin", "", false, true },
    { "admin-of-the-domain", "/domains/%d", "admin", "", true, true },
    { "admin-of-all", "/system", "admin", "", false, true },
    { "auditor", "/system", "reader", "", true, true },
    { "guest", "/projects/%s", "reader", "", false, true },
    { "foreign-manager", "/domains/%f", "manager", "", true, true },
    { "foreign-heir", "/OS-INHERIT/domains/%f", "reader", "/inherited_to_projects", false, true },
    { "heir-of-admin", "/OS-INHERIT/projects/%p", "admin", "/inherited_to_projects", true, true },
    { "disguised", "/projects/%p", "disguise", "", false, true },
    { "special", "/domains/%d", "custom", "", false, true },
    { "servant", "/projects/%p", "service", "", false, true },
};

static char *place(const char *target)
{
    const char *mark = strpbrk(target, "%");

    if (mark == NULL) {
        return kn_strdup(target);
    }
    const char *id = mark[1] == 's'   ? world.side[1].project
                     : mark[1] == 'f' ? world.side[1].domain
                     : mark[1] == 'p' ? world.side[0].project
                                      : world.side[0].domain;
    return kn_asprintf("%.*s%s%s", (int)(mark - target), target, id, mark + 2);
}

/* What a manager may do to those below him, in an order that leaves the two there for the last rows. %U: the user; %G: the group. */
static const struct {
    const char *method, *path, *body;
    bool user, group; /* which of the two it touches */
} TOUCHES[] = {
    { "PATCH", "/v3/users/%U", "{\"user\":{\"password\":\"stolen\"}}", true, false },
    { "PATCH", "/v3/users/%U", "{\"user\":{\"enabled\":true}}", true, false },
    { "PATCH", "/v3/groups/%G", "{\"group\":{\"description\":\"x\"}}", false, true },
    { "PUT", "/v3/groups/%G/users/%u", NULL, false, true },
    { "DELETE", "/v3/groups/%G/users/%u", NULL, false, true },
    { "PUT", "/v3/groups/%g/users/%U", NULL, true, false },
    { "DELETE", "/v3/groups/%g/users/%U", NULL, true, false },
    { "PUT", "/v3/projects/%p/users/%U/roles/%r", NULL, true, false },
    { "DELETE", "/v3/projects/%p/users/%U/roles/%r", NULL, true, false },
    { "PUT", "/v3/domains/%d/groups/%G/roles/%r", NULL, false, true },
    { "DELETE", "/v3/domains/%d/groups/%G/roles/%r", NULL, false, true },
    { "PUT", "/v3/OS-INHERIT/projects/%p/users/%U/roles/%r/inherited_to_projects", NULL, true, false },
    { "DELETE", "/v3/OS-INHERIT/projects/%p/users/%U/roles/%r/inherited_to_projects", NULL, true, false },
    { "PUT", "/v3/OS-INHERIT/domains/%d/groups/%G/roles/%r/inherited_to_projects", NULL, false, true },
    { "DELETE", "/v3/OS-INHERIT/domains/%d/groups/%G/roles/%r/inherited_to_projects", NULL, false, true },
    { "DELETE", "/v3/groups/%G", NULL, false, true },
    { "DELETE", "/v3/users/%U", NULL, true, false },
};

static void touch_all(const char *user, const char *group, bool user_above, bool group_above)
{
    for (size_t i = 0; i < KN_COUNT(TOUCHES); i++) {
        const char *mark = strpbrk(strstr(TOUCHES[i].path, "%U") != NULL ? strstr(TOUCHES[i].path, "%U")
                                                                         : strstr(TOUCHES[i].path, "%G"),
                                   "%");
        AUTO_FREE char *named = kn_asprintf("%.*s%s%s", (int)(mark - TOUCHES[i].path), TOUCHES[i].path,
                                            mark[1] == 'U' ? user : group, mark + 2);
        AUTO_FREE char *path = fill(named, &world.side[0]);
        bool refused = (TOUCHES[i].user && user_above) || (TOUCHES[i].group && group_above);
        int good = strcmp(TOUCHES[i].method, "PATCH") == 0 ? 200 : 204;

        kn_ks_ask(refused ? 403 : good, TOUCHES[i].method, path, world.token[MANAGER], TOUCHES[i].body);
    }
}

/* Nobody touches whoever holds more than he can give, wherever that comes from; whoever does not is his to touch. */
static void test_rank(void **state)
{
    const char *disguise = kn_ks_make("roles", "role",
                                      "\"name\":\"disguise\""); /* of no meaning, but for what it implies */
    AUTO_FREE char *implied = kn_asprintf("/v3/roles/%s/implies/%s", disguise, world.custom);

    (void)state;
    kn_ks_ask(201, "PUT", implied, kn_ks.admin, NULL);
    for (size_t i = 0; i < KN_COUNT(HOLDERS); i++) {
        AUTO_FREE char *members = kn_asprintf("\"name\":\"%s\",\"domain_id\":\"%s\"", HOLDERS[i].name,
                                              world.side[0].domain);
        const char *user = kn_ks_make("users", "user", members), *group = kn_ks_make("groups", "group", members);
        AUTO_FREE char *target = place(HOLDERS[i].target);
        AUTO_FREE char *grant = kn_asprintf("/v3%s/%s/%s/roles/%s%s", target, HOLDERS[i].by_group ? "groups" : "users",
                                            HOLDERS[i].by_group ? group : user, kn_ks_role(HOLDERS[i].role),
                                            HOLDERS[i].tail);
        AUTO_FREE char *join = kn_asprintf("/v3/groups/%s/users/%s", group, user);

        kn_ks_ask(204, "PUT", grant, kn_ks.admin, NULL);
        if (HOLDERS[i].by_group) {
            kn_ks_ask(204, "PUT", join, kn_ks.admin, NULL); /* so the user holds it as well */
        }
        touch_all(user, group, HOLDERS[i].above, HOLDERS[i].above && HOLDERS[i].by_group);
    }
}

/* A role that only looks harmless is not given either; nor does he see or make what users lend and keep for themselves. */
static void test_gifts(void **state)
{
    AUTO_FREE char *local = kn_asprintf("\"name\":\"member\",\"domain_id\":\"%s\"", world.side[0].domain);
    const char *role = kn_ks_make("roles", "role", local);
    AUTO_FREE char *implied = kn_asprintf("/v3/roles/%s/implies/%s", role, world.custom);
    AUTO_FREE char *body = kn_asprintf("\"name\":\"gifted\",\"domain_id\":\"%s\"", world.side[0].domain);
    const char *user = kn_ks_make("users", "user", body);
    AUTO_FREE char *gift = kn_asprintf("/v3/projects/%s/users/%s/roles/%s", world.side[0].project, user, role);
    AUTO_FREE char *service = kn_asprintf("/v3/projects/%s/users/%s/roles/%s", world.side[0].project, user,
                                          kn_ks_role("service"));
    AUTO_FREE char *credentials = kn_asprintf("/v3/users/%s/application_credentials", user);
    AUTO_FREE char *trusts = kn_asprintf("/v3/OS-TRUST/trusts?trustor_user_id=%s", user);

    (void)state;
    kn_ks_ask(204, "PUT", gift, world.token[MANAGER], NULL);
    kn_ks_ask(204, "DELETE", gift, world.token[MANAGER], NULL);
    kn_ks_ask(201, "PUT", implied, kn_ks.admin, NULL);
    kn_ks_ask(403, "PUT", gift, world.token[MANAGER], NULL);
    kn_ks_ask(403, "PUT", service, world.token[MANAGER], NULL);
    kn_ks_ask(403, "GET", credentials, world.token[MANAGER], NULL);
    kn_ks_ask(403, "POST", credentials, world.token[MANAGER], "{\"application_credential\":{\"name\":\"x\"}}");
    kn_ks_ask(403, "GET", trusts, world.token[MANAGER], NULL);
}

/* --- the world --- */

static void make_side(struct side *side, const char *name)
{
    AUTO_FREE char *domain = kn_asprintf("\"name\":\"%s\"", name);
    kn_copy(side->domain, sizeof(side->domain), kn_ks_make("domains", "domain", domain));
    AUTO_FREE char *inside = kn_asprintf("\"name\":\"%s\",\"domain_id\":\"%s\"", name, side->domain);
    kn_copy(side->user, sizeof(side->user), kn_ks_make("users", "user", inside));
    kn_copy(side->project, sizeof(side->project), kn_ks_make("projects", "project", inside));
    kn_copy(side->group, sizeof(side->group), kn_ks_make("groups", "group", inside));
}

/* A user of the default domain with a role on a target of the first side, or on the system. */
static void make_caller(char token[KN_KS_TOKEN], const char *name, const char *target, const char *role,
                        const char *scope)
{
    AUTO_FREE char *members = kn_asprintf("\"name\":\"%s\",\"password\":\"s3cret\"", name);

    kn_ks_grant(204, "PUT", target, kn_ks_make("users", "user", members), kn_ks_role(role));
    kn_ks_log_in(201, name, "s3cret", scope, token);
}

static int start(void **state)
{
    (void)state;
    kn_ks_start(NULL);
    make_side(&world.side[0], "inside");
    make_side(&world.side[1], "outside");
    kn_copy(world.reader, sizeof(world.reader), kn_ks_role("reader"));
    kn_copy(world.admin, sizeof(world.admin), kn_ks_role("admin"));
    kn_copy(world.custom, sizeof(world.custom), kn_ks_make("roles", "role", "\"name\":\"custom\""));
    AUTO_FREE char *domain = kn_asprintf("domains/%s", world.side[0].domain);
    AUTO_FREE char *domain_scope = kn_asprintf("{\"domain\":{\"id\":\"%s\"}}", world.side[0].domain);
    AUTO_FREE char *project = kn_asprintf("projects/%s", world.side[0].project);
    AUTO_FREE char *project_scope = kn_asprintf("{\"project\":{\"id\":\"%s\"}}", world.side[0].project);
    make_caller(world.token[MANAGER], "realm-manager", domain, "manager", domain_scope);
    make_caller(world.token[READER], "realm-reader", domain, "reader", domain_scope);
    make_caller(world.domain_admin, "realm-admin", domain, "admin", domain_scope);
    make_caller(world.token[SYSTEM_READER], "realm-auditor", "system", "reader", "{\"system\":{\"all\":true}}");
    make_caller(world.token[PROJECT_MANAGER], "realm-lead", project, "manager", project_scope);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),        cmocka_unit_test(test_nothing_and_self),
        cmocka_unit_test(test_domain_admin), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_rank),         cmocka_unit_test(test_gifts),
        cmocka_unit_test(test_border),       cmocka_unit_test(test_home),
    };
    return cmocka_run_group_tests(tests, start, kn_ks_group_stop);
}
