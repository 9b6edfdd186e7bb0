/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's bodies, field by field: each gets values of every wrong type and objects get names that nobody knows (tests/support/feeder.h). */
#include <stdio.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "tests/support/feeder.h"
#include "tests/support/keystone.h"
#include "tests/support/test.h"

static struct {
    struct kn_db *db;
    const char *admin, *project; /* ids */
    struct kn_ks_person other;
} world;

static int setup(void **state)
{
    kn_ks_group_start(state);
    world.db = kn_db_new(kn_ks.url, "test");
    kn_ks_ask(200, "GET", "/v3/users?name=admin", kn_ks.admin, NULL);
    world.admin = kn_ks_keep(kn_ks_text("users.0.id"));
    kn_ks_ask(200, "GET", "/v3/projects?name=admin", kn_ks.admin, NULL);
    world.project = kn_ks_keep(kn_ks_text("projects.0.id"));
    world.other = kn_ks_make_person("otto", "member");
    return 0;
}

static int teardown(void **state)
{
    kn_db_free(world.db);
    return kn_ks_group_stop(state);
}

static int ask(const struct kn_feed *feed, const char *body)
{
    AUTO_FREE char *header = kn_asprintf("X-Auth-Token: %s\r\n", kn_ks.admin);
    AUTO_FREE char *path = kn_asprintf("/identity%s", feed->path);

    kn_test_http_ask(&kn_ks.http, feed->method, path, strstr(path, "/auth/tokens") != NULL ? "" : header, body);
    return kn_ks.http.status;
}

#define LINES(table) "SELECT t::text AS line FROM " table " t"

static void look(char out[64])
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(
        kn_db_query(
            world.db,
            "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (" LINES("domain") " UNION ALL " LINES("project") " UNION ALL SELECT id || name || options::text || extra::text FROM identity_user UNION ALL " LINES("identity_group") " UNION ALL " LINES(
                "role") " UNION ALL " LINES("catalog_region") " UNION ALL " LINES("catalog_service") " UNION ALL " LINES("catalog_endpoint") " UNION ALL " LINES("application_credential") " UNION ALL " LINES("trust") " UNION ALL " LINES("quota_limit") " UNION ALL " LINES("credential") ") lines",
            0, KN_NO_ARGS, &rows, &err),
        &err);
    kn_copy(out, 64, kn_rows_text(rows, 0, 0));
}

static void feed(const char *method, const char *path, const char *body, const char *fine)
{
    const struct kn_feed one = { method, path, body, fine };

    kn_feed_all(&one, 1, ask, look);
}

/* Unknown names inside of "auth" are nobody's business: Keystone's keystone/auth/schema.py, token_issue, leaves them open. */
static void logins(void **state)
{
    (void)state;
#define INNER "auth:x auth.identity:x auth.scope.project:x auth.scope.project.domain:x "
    feed(
        "POST", "/v3/auth/tokens",
        "{\"auth\": {\"identity\": {\"methods\": [\"password\"], \"password\": {\"user\": {\"name\": \"admin\", \"password\": "
        "\"" KN_KS_PASSWORD "\", \"domain\": {\"id\": \"default\"}}}}, \"scope\": {\"project\": {\"name\": \"admin\", "
        "\"domain\": {\"id\": \"default\"}}}}}",
        INNER
        "auth.identity.methods.0:s auth.identity.password:x auth.identity.password.user:x auth.identity.password.user.name:s "
        "auth.identity.password.user.password:s auth.identity.password.user.domain:x auth.identity.password.user.domain.id:s "
        "auth.scope.project.name:s auth.scope.project.domain.id:s");
    feed(
        "POST", "/v3/auth/tokens",
        "{\"auth\": {\"identity\": {\"methods\": [\"application_credential\"], \"application_credential\": {\"id\": \"x\", \"secret\": "
        "\"y\"}}}}",
        INNER
        "auth.identity.methods.0:s auth.identity.application_credential:x auth.identity.application_credential.id:s "
        "auth.identity.application_credential.secret:s");
    feed(
        "POST", "/v3/auth/tokens",
        "{\"auth\": {\"identity\": {\"methods\": [\"token\"], \"token\": {\"id\": \"x\"}}, \"scope\": {\"system\": {\"all\": true}}}}",
        INNER
        "auth.identity.methods.0:s auth.identity.token:x auth.identity.token.id:s auth.scope.system:x auth.scope.system.all:b");
    feed(
        "POST", "/v3/auth/tokens",
        "{\"auth\": {\"identity\": {\"methods\": [\"token\"], \"token\": {\"id\": \"x\"}}, \"scope\": {\"OS-TRUST:trust\": {\"id\": \"x\"}}}}",
        INNER "auth.identity.methods.0:s auth.identity.token:x auth.identity.token.id:s auth.scope.OS-TRUST:trust:x "
              "auth.scope.OS-TRUST:trust.id:s");
}

static void a_patch_of_nothing(void **state)
{
    static const char *const NOUNS[][2] = { { "users", "user" },     { "projects", "project" },
                                            { "domains", "domain" }, { "groups", "group" },
                                            { "roles", "role" },     { "services", "service" },
                                            { "regions", "region" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        AUTO_FREE char *members = kn_asprintf("\"name\":\"nothing\"%s", i == 5   ? ",\"type\":\"t\""
                                                                        : i == 0 ? ",\"email\":\"e\""
                                                                                 : "");
        const char *id = kn_ks_make(NOUNS[i][0], NOUNS[i][1], members);
        AUTO_FREE char *path = kn_asprintf("/v3/%s/%s", NOUNS[i][0], id);
        AUTO_FREE char *body = kn_asprintf("{\"%s\":{}}", NOUNS[i][1]);

        kn_ks_ask(400, "PATCH", path, kn_ks.admin, body);
        kn_ks_ask(400, "PATCH", path, kn_ks.admin, "{}");
    }
}

/* A wrong type in the place of a secret is not repeated. */
static void secrets_are_not_repeated(void **state)
{
    static const struct kn_feed LOGIN = { "POST", "/v3/auth/tokens", NULL, NULL };

    (void)state;
    assert_int_equal(
        ask(&LOGIN,
            "{\"auth\": {\"identity\": {\"methods\": [\"password\"], \"password\": {\"user\": {\"name\": \"admin\", "
            "\"password\": [\"hush\"], \"domain\": {\"id\": \"default\"}}}}}}"),
        400);
    assert_null(strstr(kn_ks.http.body.buf, "hush"));
}

/*
 * Users, groups, projects, domains, roles, services, endpoints, regions and credentials keep attributes of one's own (extra): Keystone's
 * schemas say additionalProperties. Booleans may be words, as in keystone/api/validation/parameter_types.py.
 */
static void people_and_places(void **state)
{
    AUTO_FREE char *user = kn_asprintf("/v3/users/%s", world.other.user);
    AUTO_FREE char *project = kn_asprintf("/v3/projects/%s", world.other.project);

    (void)state;
    feed(
        "POST", "/v3/users",
        "{\"user\": {\"name\": \"fed\", \"password\": \"s3cret\", \"enabled\": true, \"description\": \"d\", \"email\": \"e\", "
        "\"default_project_id\": null, \"domain_id\": \"default\", \"options\": {\"ignore_password_expiry\": true, "
        "\"multi_factor_auth_rules\": [[\"password\"]]}}}",
        "user:x user.name:s user.password:ns user.enabled:b user.description:ns user.email:ns user.default_project_id:ns user.domain_id:ns "
        "user.options.ignore_password_expiry:nb user.options.multi_factor_auth_rules:na user.options.multi_factor_auth_rules.0.0:s");
    feed("PATCH", user, "{\"user\": {\"name\": \"otto\", \"enabled\": true, \"description\": \"d\", \"options\": {}}}",
         "user:xo user.name:s user.enabled:b user.description:ns");
    feed("POST", "/v3/groups", "{\"group\": {\"name\": \"fed\", \"description\": \"d\", \"domain_id\": \"default\"}}",
         "group:x group.name:s group.description:ns group.domain_id:ns");
    feed(
        "POST", "/v3/projects",
        "{\"project\": {\"name\": \"fed\", \"description\": \"d\", \"enabled\": true, \"domain_id\": \"default\", \"parent_id\": null, "
        "\"is_domain\": false, \"tags\": [\"t\"], \"options\": {\"immutable\": false}}}",
        "project:x project.name:s project.description:ns project.enabled:bd project.domain_id:ns project.parent_id:ns project.is_domain:bd "
        "project.tags:a project.tags.0:s project.options.immutable:nbd");
    feed("PATCH", project,
         "{\"project\": {\"name\": \"otto\", \"description\": \"d\", \"enabled\": true, \"tags\": [\"t\"]}}",
         "project:xo project.name:s project.description:ns project.enabled:bd project.tags:a project.tags.0:s");
    AUTO_FREE char *tags = kn_asprintf("%s/tags", project);
    feed("PUT", tags, "{\"tags\": [\"t\"]}", "tags:a tags.0:s");
    feed(
        "POST", "/v3/domains",
        "{\"domain\": {\"name\": \"fed\", \"description\": \"d\", \"enabled\": true, \"tags\": [\"t\"], \"options\": {}}}",
        "domain:x domain.name:s domain.description:ns domain.enabled:bd domain.tags:a domain.tags.0:s");
    feed("POST", "/v3/roles",
         "{\"role\": {\"name\": \"fed\", \"description\": \"d\", \"domain_id\": null, \"options\": {}}}",
         "role:x role.name:s role.description:ns role.domain_id:ns");
}

static void catalogs_and_limits(void **state)
{
    const char *service = kn_ks_make("services", "service", "\"type\":\"fed\",\"name\":\"fed\"");
    AUTO_FREE char *endpoint =
        kn_asprintf("{\"endpoint\": {\"service_id\": \"%s\", \"interface\": \"public\", \"url\": \"http://x\", "
                    "\"region_id\": null, \"enabled\": true}}",
                    service);
    AUTO_FREE char *registered =
        kn_asprintf("{\"registered_limits\": [{\"service_id\": \"%s\", \"region_id\": null, \"resource_name\": \"r\", "
                    "\"default_limit\": 5, \"description\": \"d\"}]}",
                    service);
    AUTO_FREE char *limit =
        kn_asprintf("{\"limits\": [{\"service_id\": \"%s\", \"resource_name\": \"r\", \"resource_limit\": 5, "
                    "\"project_id\": \"%s\", \"description\": \"d\"}]}",
                    service, world.project);

    (void)state;
    feed("POST", "/v3/services",
         "{\"service\": {\"type\": \"t\", \"name\": \"n\", \"description\": \"d\", \"enabled\": true}}",
         "service:x service.type:s service.name:ns service.description:ns service.enabled:b");
    feed("POST", "/v3/endpoints", endpoint,
         "endpoint:x endpoint.service_id:s endpoint.url:s endpoint.region_id:ns endpoint.enabled:b");
    feed("POST", "/v3/regions", "{\"region\": {\"id\": \"fed\", \"description\": \"d\", \"parent_region_id\": null}}",
         "region:xo region.id:s region.description:ns region.parent_region_id:ns");
    feed("POST", "/v3/registered_limits", registered,
         "registered_limits.0.service_id:s registered_limits.0.region_id:ns registered_limits.0.resource_name:s "
         "registered_limits.0.description:ns");
    feed("POST", "/v3/limits", limit,
         "limits.0.service_id:s limits.0.resource_name:s limits.0.project_id:ns limits.0.description:ns");
}

static void what_lends_rights(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/v3/users/%s/application_credentials", world.admin);
    AUTO_FREE char *trust =
        kn_asprintf("{\"trust\": {\"trustor_user_id\": \"%s\", \"trustee_user_id\": \"%s\", \"project_id\": \"%s\", "
                    "\"impersonation\": true, \"roles\": [{\"name\": \"admin\"}], \"expires_at\": null, "
                    "\"remaining_uses\": 1, \"allow_redelegation\": null, \"redelegation_count\": null}}",
                    world.admin, world.other.user, world.project);
    AUTO_FREE char *credential = kn_asprintf(
        "{\"credential\": {\"type\": \"cert\", \"blob\": \"b\", \"user_id\": \"%s\", \"project_id\": \"%s\"}}",
        world.admin, world.project);

    (void)state;
    feed(
        "POST", path,
        "{\"application_credential\": {\"name\": \"n\", \"description\": \"d\", \"secret\": \"s\", \"expires_at\": null, "
        "\"unrestricted\": false, \"roles\": [{\"name\": \"admin\"}], \"access_rules\": [{\"service\": \"compute\", \"method\": \"GET\", "
        "\"path\": \"/v2.1\"}]}}",
        "application_credential.name:s application_credential.description:ns application_credential.secret:ns "
        "application_credential.expires_at:n application_credential.unrestricted:nb application_credential.roles:a "
        "application_credential.roles.0.name:s application_credential.access_rules:a application_credential.access_rules.0.service:s");
    feed(
        "POST", "/v3/OS-TRUST/trusts", trust,
        "trust.trustor_user_id:s trust.trustee_user_id:s trust.project_id:s trust.impersonation:b trust.roles:a trust.roles.0.name:s trust.expires_at:n "
        "trust.remaining_uses:ni trust.allow_redelegation:nb trust.redelegation_count:ni");
    feed("POST", "/v3/credentials", credential,
         "credential.type:s credential.blob:s credential.user_id:s credential.project_id:ns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logins),
        cmocka_unit_test(a_patch_of_nothing),
        cmocka_unit_test(secrets_are_not_repeated),
        cmocka_unit_test(people_and_places),
        cmocka_unit_test(catalogs_and_limits),
        cmocka_unit_test(what_lends_rights),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
