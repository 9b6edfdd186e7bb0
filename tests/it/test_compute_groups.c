/* SPDX-License-Identifier: Apache-2.0 */
/* os-server-groups over HTTP: views by microversion, whose they are, pages, quotas, bad bodies, members. Where members go is test_server_groups.c's. */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/compute_seed.h"
#include "tests/support/test.h"

#define GROUPS "/compute/v2.1/os-server-groups"
#define SERVERS "/compute/v2.1/servers"
#define OLD(policy) "{\"server_group\": {\"name\": \"g\", \"policies\": [\"" policy "\"]}}"
#define NEW(policy, more) "{\"server_group\": {\"name\": \"g\", \"policy\": \"" policy "\"" more "}}"
#define MEMBER(group) \
    "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE \
    "\", \"networks\": \"none\"%s}, \"os:scheduler_hints\": {\"group\": \"" group "\"}}"

static int ask(const char *token, int minor, const char *method, const char *path, const char *body)
{
    return kn_test_nova_ask(nova, token, minor, method, path, body);
}

/* The path of a new group of the member's project. */
static char *make(int minor, const char *body)
{
    assert_int_equal(ask(SEED_MEMBER, minor, "POST", GROUPS, body), 200);
    return kn_asprintf(GROUPS "/%s", kn_test_nova_str(nova, "server_group.id"));
}

static const json_t *at(const char *path)
{
    return kn_test_nova_at(nova, path);
}

static void views(void **state)
{
    AUTO_FREE char *path = NULL;

    (void)state;
    path = make(64, NEW("anti-affinity", ", \"rules\": {\"max_server_per_host\": \"3\"}"));
    assert_int_equal(json_integer_value(at("server_group.rules.max_server_per_host")), 3);
    assert_string_equal(kn_test_nova_str(nova, "server_group.project_id"), SEED_PROJECT);
    assert_null(at("server_group.policies"));
    assert_null(at("server_group.metadata"));
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", path, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server_group.policies.0"), "anti-affinity");
    assert_int_equal(json_object_size(at("server_group.metadata")), 0);
    assert_int_equal(json_array_size(at("server_group.members")), 0);
    assert_null(at("server_group.user_id"));
    assert_null(at("server_group.policy"));
    assert_int_equal(ask(SEED_MEMBER, 13, "GET", path, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server_group.user_id"), SEED_PROJECT);
    AUTO_FREE char *soft = make(15, OLD("soft-affinity"));
    assert_int_equal(ask(SEED_MEMBER, 64, "GET", soft, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server_group.policy"), "soft-affinity");
    assert_int_equal(json_object_size(at("server_group.rules")), 0);
}

static void whose_they_are(void **state)
{
    AUTO_FREE char *path = NULL, *other = NULL;
    static const struct {
        const char *token, *query;
        int status;
        size_t count;
    } LISTS[] = {
        { SEED_MEMBER, "", 200, 2 },
        { SEED_STRANGER, "", 200, 0 },
        { SEED_ADMIN, "", 200, 0 },
        { SEED_ADMIN, "?all_projects", 200, 2 },
        { SEED_MEMBER, "?all_projects=1", 403, 0 },
        { SEED_MEMBER, "?limit=1", 200, 1 },
        { SEED_MEMBER, "?limit=5&offset=1", 200, 1 },
        { SEED_MEMBER, "?offset=2", 200, 0 },
        { SEED_MEMBER, "?limit=0", 200, 2 },
        { SEED_MEMBER, "?limit=x", 400, 0 },
        { SEED_MEMBER, "?offset=-1", 400, 0 },
        { SEED_MEMBER, "?colour=red", 400, 0 },
        { SEED_MEMBER, "?marker=x", 400, 0 },
    };

    (void)state;
    path = make(1, OLD("affinity"));
    other = make(1, OLD("anti-affinity"));
    for (size_t i = 0; i < KN_COUNT(LISTS); i++) {
        AUTO_FREE char *list = kn_asprintf(GROUPS "%s", LISTS[i].query);

        if (ask(LISTS[i].token, 75, "GET", list, NULL) != LISTS[i].status ||
            json_array_size(at("server_groups")) != LISTS[i].count) {
            fail_msg("row %zu %s: %d %s", i, list, nova->http.status, nova->http.body.buf);
        }
    }
    assert_int_equal(ask(SEED_MEMBER, 75, "GET", GROUPS "?offset=1", NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server_groups.0.id"), other + strlen(GROUPS "/"));
    assert_int_equal(ask(SEED_STRANGER, 1, "GET", path, NULL), 404);
    assert_int_equal(ask(SEED_STRANGER, 1, "DELETE", path, NULL), 404);
    assert_int_equal(ask(SEED_READER, 1, "DELETE", path, NULL), 403);
    assert_int_equal(ask(SEED_ADMIN, 1, "GET", path, NULL), 200);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", path, NULL), 204);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", path, NULL), 404);
    assert_non_null(strstr(kn_test_nova_str(nova, "itemNotFound.message"), "Instance group "));
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", GROUPS "/x", NULL), 404);
}

static void refusals(void **state)
{
    static const struct {
        int minor;
        const char *body, *words;
    } BAD[] = {
        { 1, NULL, "" },
        { 1, "{\"server_group\": {\"policies\": [\"affinity\"]}}", "name" },
        { 1, "{\"server_group\": {\"name\": \"\", \"policies\": [\"affinity\"]}}", "name" },
        { 1, "{\"server_group\": {\"name\": \"g\"}}", "policies" },
        { 1, "{\"server_group\": {\"name\": \"g\", \"policies\": []}}", "policies" },
        { 1, "{\"server_group\": {\"name\": \"g\", \"policies\": [\"affinity\", \"anti-affinity\"]}}", "policies" },
        { 1, OLD("legacy"), "legacy" },
        { 14, OLD("soft-affinity"), "soft-affinity" },
        { 63, NEW("affinity", ""), "policies" },
        { 64, OLD("affinity"), "polic" },
        { 64, NEW("legacy", ""), "legacy" },
        { 64, NEW("affinity", ", \"rules\": {\"max_server_per_host\": 2}"),
          "Only anti-affinity policy supports rules." },
        { 64, NEW("anti-affinity", ", \"rules\": {\"max_server_per_host\": 0}"), "max_server_per_host" },
        { 64, NEW("anti-affinity", ", \"rules\": {\"colour\": 1}"), "colour" },
        { 64, NEW("anti-affinity", ", \"members\": []"), "members" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (ask(SEED_MEMBER, BAD[i].minor, "POST", GROUPS, BAD[i].body) != 400 ||
            strstr(nova->http.body.buf, BAD[i].words) == NULL) {
            fail_msg("row %zu: %d %s", i, nova->http.status, nova->http.body.buf);
        }
    }
    assert_int_equal(ask(SEED_READER, 1, "POST", GROUPS, OLD("affinity")), 403);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server_group"), 0);
    assert_int_equal(
        kn_test_nova_sql(nova, "SELECT count(*) FROM quota_usage WHERE resource = 'server_groups' AND used <> 0"), 0);
}

/* Both quotas hold; what goes is given back. */
static void quotas(void **state)
{
    AUTO_FREE char *path = NULL, *second = NULL;

    (void)state;
    kn_test_nova_sql(nova, "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES "
                           "('compute', '" SEED_PROJECT "', 'server_groups', 2), ('compute', '" SEED_PROJECT
                           "', 'server_group_members', 3)");
    path = make(1, OLD("affinity"));
    second = make(1, OLD("affinity"));
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", GROUPS, OLD("affinity")), 403);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", "/compute/v2.1/limits", NULL), 200);
    assert_int_equal(json_integer_value(at("limits.absolute.totalServerGroupsUsed")), 2);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", second, NULL), 204);
    assert_int_equal(ask(SEED_STRANGER, 1, "POST", GROUPS, OLD("affinity")), 200);
    assert_int_equal(
        kn_test_nova_sql(nova,
                         "SELECT used FROM quota_usage WHERE resource = 'server_groups' AND project_id = '" SEED_PROJECT
                         "'"),
        1);

    const char *id = path + strlen(GROUPS "/");
    AUTO_FREE char *two = kn_asprintf(MEMBER("%s"), ", \"min_count\": 2", id), *one = kn_asprintf(MEMBER("%s"), "", id);
    assert_int_equal(ask(SEED_MEMBER, 37, "POST", SERVERS, two), 202);
    assert_int_equal(ask(SEED_MEMBER, 37, "POST", SERVERS, two), 403);
    assert_string_equal(kn_test_nova_str(nova, "forbidden.message"), "Quota exceeded, too many servers in group");
    assert_int_equal(ask(SEED_MEMBER, 37, "POST", SERVERS, one), 202);
    AUTO_FREE char *server = kn_asprintf(SERVERS "/%s", kn_test_nova_str(nova, "server.id"));
    assert_int_equal(ask(SEED_MEMBER, 37, "POST", SERVERS, one), 403);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM server"), 3);
    assert_int_equal(ask(SEED_STRANGER, 37, "POST", SERVERS, one), 400); /* it is not his */
    assert_int_equal(ask(SEED_MEMBER, 71, "GET", server, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.server_groups.0"), id);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", path, NULL), 200);
    assert_int_equal(json_array_size(at("server_group.members")), 3);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", path, NULL), 204); /* its servers stay */
    assert_int_equal(ask(SEED_MEMBER, 71, "GET", server, NULL), 200);
    assert_int_equal(json_array_size(at("server.server_groups")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(views, kn_seed_fresh),
        cmocka_unit_test_setup(whose_they_are, kn_seed_fresh),
        cmocka_unit_test_setup(refusals, kn_seed_fresh),
        cmocka_unit_test_setup(quotas, kn_seed_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
