/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RBAC policies over the real front door: of all six kinds of things, who sees what was shared and uses it, what becomes of a policy that somebody needs,
 * Neutron's words, quotas, and two who are at it at once. What networks have of their own is in tests/it/test_network_shared.c.
 */
#include "tests/support/rbac_world.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

/* What is shared with Bob is seen by Bob, as shared, and by nobody else. */
static void test_seen_by_the_target(void **state)
{
    (void)state;
    for (const struct rbac_kind *k = rbac_kinds; k < rbac_kinds + KN_COUNT(rbac_kinds); k++) {
        const struct rbac_id object = rbac_make(k, ALICE);

        rbac_shows(k, ALICE, &object, "false");
        rbac_shows(k, BOB, &object, NULL);
        const struct rbac_id policy = rbac_let(201, ALICE, k->type, object.text, "shared", B);

        assert_said("rbac_policy.object_type", k->type);
        assert_said("rbac_policy.object_id", object.text);
        assert_said("rbac_policy.action", "access_as_shared");
        assert_said("rbac_policy.target_tenant", B);
        assert_said("rbac_policy.project_id", A);
        rbac_shows(k, BOB, &object, "true");
        rbac_lists(k, BOB, &object, "&shared=True", 1);
        rbac_lists(k, BOB, &object, "&shared=False", 0);
        rbac_lists(k, BOB, &object, "", 1);
        rbac_shows(k, CAROL, &object, NULL);
        rbac_lists(k, CAROL, &object, "", 0);
        rbac_shows(k, ALICE, &object, "false"); /* it is her own */
        rbac_lists(k, ALICE, &object, "&shared=false", 1);
        rbac_lists(k, ADMIN, &object, "&shared=true", 0);
        rbac_lists(k, ADMIN, &object, "&shared=false", 1);
        rbac_let(400, BOB, k->type, object.text, "shared", C); /* he sees it, and owns it not */
        assert_type("InvalidInput");
        rbac_let(404, CAROL, k->type, object.text, "shared", C);
        rbac_drop(404, BOB, &policy);
        rbac_retarget(200, ALICE, &policy, C);
        assert_said("rbac_policy.target_tenant", C);
        rbac_shows(k, BOB, &object, NULL);
        rbac_shows(k, CAROL, &object, "true");
        rbac_retarget(403, ALICE, &policy, "*");
        rbac_retarget(200, ADMIN, &policy, "*");
        rbac_shows(k, BOB, &object, "true");
        rbac_lists(k, ADMIN, &object, "&shared=true", 1);
        rbac_drop(204, ALICE, &policy);
        rbac_shows(k, CAROL, &object, NULL);
        rbac_drop(404, ALICE, &policy);
        rbac_let(201, ALICE, k->type, object.text, "shared", B);
        neutron_say(204, ALICE, neutron_at("DELETE", k->path, object.text), NULL); /* goes with its policies */
    }
    assert_int_equal(rbac_number("SELECT count(*) FROM rbac_policy"), 0);
    assert_int_equal(rbac_number("SELECT coalesce(sum(used), 0) FROM quota_usage WHERE resource = 'rbac_policy'"), 0);
}

/* Who was let at it uses it; nobody takes that away before he is done. */
static void test_what_is_used_stays(void **state)
{
    (void)state;
    for (const struct rbac_kind *k = rbac_kinds; k < rbac_kinds + KN_COUNT(rbac_kinds); k++) {
        const struct rbac_id object = rbac_make(k, ALICE);
        const struct rbac_id policy = rbac_let(201, ALICE, k->type, object.text, "shared", B);
        const struct rbac_id used = k->use(BOB, object.text);

        rbac_drop(409, ALICE, &policy);
        assert_type("RbacPolicyInUse");
        assert_non_null(strstr(neutron_get("NeutronError.message"), object.text));
        assert_non_null(strstr(neutron_get("NeutronError.message"),
                               "cannot be removed because other objects depend on it. Details: "));
        rbac_retarget(409, ALICE, &policy, C);
        const struct rbac_id open = rbac_let(201, ADMIN, k->type, object.text, "shared", "*");

        rbac_drop(204, ALICE, &policy); /* everybody may, and so may Bob */
        rbac_drop(409, ADMIN, &open);
        const struct rbac_id again = rbac_let(201, ALICE, k->type, object.text, "shared", B);

        rbac_drop(204, ADMIN, &open); /* Bob has his own */
        rbac_drop(409, ALICE, &again);
        const struct rbac_id third = rbac_let(201, ALICE, k->type, object.text, "shared", C);

        rbac_drop(204, ALICE, &third); /* Carol has nothing of it */
        neutron_say(204, BOB, neutron_at("DELETE", k->used_as, used.text), NULL);
        rbac_drop(204, ALICE, &again);
    }
}

/* --- groups, scopes ------------------------------------------------------------------------------------------------------------ */

/* A group of Alice's as remote of Bob's rule, which goes with it and is counted so. */
static void test_shared_remote_group(void **state)
{
    (void)state;
    const struct rbac_id group = rbac_make(&rbac_kinds[RBAC_SECURITY_GROUP], ALICE);

    neutron_say(201, BOB, "POST /security-groups", "{\"security_group\":{\"name\":\"b\"}}");
    const struct rbac_id own = rbac_kept("security_group.id");
    AUTO_FREE char *rule = kn_asprintf(
        "{\"security_group_rule\":{\"security_group_id\":\"%s\",\"direction\":\"ingress\",\"remote_group_id\":\"%s\"}}",
        own.text, group.text);
    AUTO_FREE char *theirs =
        kn_asprintf("{\"security_group_rule\":{\"security_group_id\":\"%s\",\"direction\":\"ingress\"}}", group.text);

    neutron_say(404, BOB, "POST /security-group-rules", rule);
    rbac_let(201, ALICE, "security_group", group.text, "shared", B);
    neutron_say(201, BOB, "POST /security-group-rules", rule);
    neutron_say(404, BOB, "POST /security-group-rules", theirs); /* used, not changed */
    neutron_say(403, BOB, neutron_at("PUT", "security-groups", group.text), "{\"security_group\":{\"name\":\"x\"}}");
    neutron_say(403, BOB, neutron_at("DELETE", "security-groups", group.text), NULL);
    neutron_say(204, ALICE, neutron_at("DELETE", "security-groups", group.text), NULL);
}

static void test_pools_in_shared_scopes(void **state)
{
    (void)state;
    const struct rbac_id scope = rbac_make(&rbac_kinds[RBAC_ADDRESS_SCOPE], ALICE);

    rbac_let(201, ALICE, "address_scope", scope.text, "shared", B);
    const struct rbac_id pool = rbac_kinds[RBAC_ADDRESS_SCOPE].use(BOB, scope.text);

    rbac_let(400, BOB, "subnetpool", pool.text, "shared", C); /* who would be in a scope that he does not see */
    assert_type("RbacPolicyInitError");
    neutron_say(400, BOB, neutron_at("PUT", "subnetpools", pool.text), "{\"subnetpool\":{\"name\":\"q\"}}");
    assert_type("IllegalSubnetPoolUpdate");
    rbac_let(201, ALICE, "address_scope", scope.text, "shared", C);
    rbac_let(201, BOB, "subnetpool", pool.text, "shared", C);
    rbac_kinds[RBAC_SUBNETPOOL].use(CAROL, pool.text);
    neutron_say(404, BOB, neutron_at("PUT", "address-groups", rbac_make(&rbac_kinds[RBAC_ADDRESS_GROUP], ALICE).text),
                "{\"address_group\":{\"name\":\"x\"}}");
}

/* --- words, lists, quotas -------------------------------------------------------------------------------------------------------- */

#define OF(type, id, action, target) \
    "{\"rbac_policy\":{\"object_type\":\"" type "\",\"object_id\":\"" id "\",\"action\":\"" action "\"," target "}}"

static void test_bad_policies(void **state)
{
    static const struct {
        int status;
        const char *body, *type;
    } BAD[] = {
        { 400, OF("router", "$", "access_as_shared", "\"target_tenant\":\"" B "\""), "InvalidInput" },
        { 400, OF("network", "$", "access_as_owner", "\"target_tenant\":\"" B "\""), "InvalidActionForType" },
        { 400, OF("qos_policy", "$", "access_as_external", "\"target_tenant\":\"" B "\""), "InvalidActionForType" },
        { 400, OF("network", "$", "access_as_shared", "\"target_tenant\":\"bob\""), "InvalidInput" },
        { 400, OF("network", "$", "access_as_shared", "\"target_project\":\"\""), "InvalidInput" },
        { 400, OF("network", "$", "access_as_shared", "\"target_tenant\":null"), "HTTPBadRequest" },
        { 400, OF("network", "$", "access_as_shared", "\"target_tenant\":\"" B "\",\"target_project\":\"" C "\""),
          "HTTPBadRequest" },
        { 400, OF("network", "$", "access_as_shared", "\"project_id\":\"" A "\""), "HTTPBadRequest" },
        { 400, OF("network", "x", "access_as_shared", "\"target_tenant\":\"" B "\""), "HTTPBadRequest" },
        { 404, OF("network", NOBODY, "access_as_shared", "\"target_tenant\":\"" B "\""), "NetworkNotFound" },
        { 404, OF("subnetpool", "$", "access_as_shared", "\"target_tenant\":\"" B "\""), "SubnetPoolNotFound" },
        { 400,
          "{\"rbac_policy\":{\"object_type\":\"network\",\"action\":\"access_as_shared\",\"target_tenant\":\"" B "\"}}",
          "HTTPBadRequest" },
        { 400, "{\"rbac_policy\":{\"name\":\"x\"}}", "HTTPBadRequest" },
        { 403, OF("network", "$", "access_as_shared", "\"target_project\":\"*\""), "PolicyNotAuthorized" },
    };

    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);

    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        const char *at = strchr(BAD[i].body, '$');
        AUTO_FREE char *body = at == NULL ? kn_strdup(BAD[i].body)
                                          : kn_asprintf("%.*s%s%s", (int)(at - BAD[i].body), BAD[i].body, network.text,
                                                        at + 1);

        neutron_say(BAD[i].status, ALICE, "POST /rbac-policies", body);
        if (strcmp(neutron_get("NeutronError.type"), BAD[i].type) != 0) {
            print_message("%s: %s\n", body, neutron_get("NeutronError.type"));
            fail();
        }
    }
    assert_int_equal(rbac_number("SELECT count(*) FROM rbac_policy"), 0);
    const struct rbac_id policy = rbac_let(201, ALICE, " Network ", network.text, "shared", B);

    assert_said("rbac_policy.object_type", "network");
    rbac_let(409, ALICE, "network", network.text, "shared", B);
    assert_type("DuplicateRbacPolicy");
    neutron_say(400, ALICE, neutron_at("PUT", "rbac-policies", policy.text),
                "{\"rbac_policy\":{\"action\":\"access_as_external\"}}");
    rbac_retarget(400, ALICE, &policy, "x");
    neutron_say(404, ALICE, neutron_at("GET", "rbac-policies", NOBODY), NULL);
    assert_type("RbacPolicyNotFound");
    neutron_say(403, KN_TEST_TOKEN(A, "reader"), "POST /rbac-policies",
                OF("network", NOBODY, "access_as_shared", "\"target_tenant\":\"" B "\""));
}

static void test_lists_of_policies(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE),
                         group = rbac_make(&rbac_kinds[RBAC_SECURITY_GROUP], ALICE);

    rbac_let(201, ALICE, "network", network.text, "shared", B);
    rbac_let(201, ALICE, "network", network.text, "external", C);
    rbac_let(201, ALICE, "security_group", group.text, "shared", C);
    neutron_say(200, BOB, "GET /rbac-policies", NULL); /* of which he is the target */
    assert_int_equal(neutron_count("rbac_policies"), 0);
    neutron_say(200, ALICE, "GET /rbac-policies?object_type=network", NULL);
    assert_int_equal(neutron_count("rbac_policies"), 2);
    neutron_say(200, ADMIN, "GET /rbac-policies?target_project=" C, NULL);
    assert_int_equal(neutron_count("rbac_policies"), 2);
    neutron_say(200, ADMIN, "GET /rbac-policies?project_id=" B, NULL);
    assert_int_equal(neutron_count("rbac_policies"), 0);
    neutron_say(200, ALICE, "GET /rbac-policies?limit=2&sort_key=action&sort_dir=asc", NULL);
    assert_int_equal(neutron_count("rbac_policies"), 2);
    assert_said("rbac_policies.0.action", "access_as_external");
    assert_said("rbac_policies_links.0.rel", "next");
    neutron_say(200, ALICE, "GET /rbac-policies?fields=id&fields=target_tenant", NULL);
    assert_said("rbac_policies.0.action", "(absent)");
    AUTO_FREE char *two = kn_asprintf(
        "{\"rbac_policies\":[{\"object_type\":\"network\",\"object_id\":\"%s\",\"action\":\"access_as_shared\","
        "\"target_tenant\":\"" C
        "\"},{\"object_type\":\"network\",\"object_id\":\"%s\",\"action\":\"access_as_shared\","
        "\"target_tenant\":\"" B "\"}]}",
        network.text, network.text);

    neutron_say(409, ALICE, "POST /rbac-policies", two); /* all or nothing */
    neutron_say(200, ALICE, "GET /rbac-policies", NULL);
    assert_int_equal(neutron_count("rbac_policies"), 3);
}

static void test_quota(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    char target[] = "dddddddddddddddddddddddddddddd00";

    for (int i = 0; i < 10; i++) {
        target[31] = (char)('0' + i);
        rbac_let(201, ALICE, "network", network.text, "shared", target);
    }
    target[30] = '1';
    rbac_let(409, ALICE, "network", network.text, "shared", target);
    assert_type("OverQuota");
    neutron_say(200, ALICE, "GET /quotas/" A "/details", NULL);
    assert_said("quota.rbac_policy.used", "10");
    assert_said("quota.rbac_policy.limit", "10");
    rbac_let(201, ADMIN, "network", network.text, "shared", "*"); /* counts for nobody */
    neutron_say(200, ADMIN, "PUT /quotas/" A, "{\"quota\":{\"rbac_policy\":11}}");
    const struct rbac_id last = rbac_let(201, ALICE, "network", network.text, "shared", target);

    rbac_retarget(200, ADMIN, &last, B);
    neutron_say(204, ALICE, neutron_at("DELETE", "networks", network.text), NULL);
    neutron_say(200, ALICE, "GET /quotas/" A "/details", NULL);
    assert_said("quota.rbac_policy.used", "0");
    neutron_say(204, ADMIN, "DELETE /quotas/" A, NULL);
}

/* --- two at once ----------------------------------------------------------------------------------------------------------------- */

struct asking {
    int status;
    const char *token;
    char what[128];
    char body[256];
};

static void *ask_meanwhile(void *arg)
{
    const struct asking *a = arg;

    neutron_say(a->status, a->token, a->what, a->body[0] != '\0' ? a->body : NULL);
    return NULL;
}

/* Whoever asks stands before a lock. */
static void await_waiting(struct kn_db *db)
{
    for (const int64_t deadline = kn_mono_ms() + 60000;;) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        struct kn_error err;

        assert_ok(kn_db_query(db, "SELECT count(*) FROM pg_locks WHERE NOT granted", 0, KN_NO_ARGS, &rows, &err), &err);
        if (kn_rows_int(rows, 0, 0) > 0) {
            return;
        }
        assert_true(kn_mono_ms() < deadline);
    }
}

static void meanwhile(struct asking *a, const char *sql)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, ask_meanwhile, a), 0);
    await_waiting(kn_neutron.db);
    rbac_script(sql);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A policy that is taken away while a port is made: there is no port. A port that is made while it is taken away: it stays. */
static void test_use_and_loss_at_once(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    const struct rbac_id policy = rbac_let(201, ALICE, "network", network.text, "shared", B);
    AUTO_FREE char *gone = kn_asprintf("BEGIN; DELETE FROM rbac_policy WHERE id = '%s'", policy.text);
    AUTO_FREE char *held = kn_asprintf("BEGIN; SELECT FROM rbac_policy WHERE id = '%s' FOR KEY SHARE;"
                                       "INSERT INTO port (id, network_id, project_id, mac) VALUES ('" NOBODY
                                       "', '%s', '" B "', 'fa:16:3e:00:00:01')",
                                       policy.text, network.text);
    struct asking port = { 404, BOB, "POST /ports", "" }, end = { 409, ALICE, "", "" };

    snprintf(port.body, sizeof(port.body), "{\"port\":{\"network_id\":\"%s\"}}", network.text);
    snprintf(end.what, sizeof(end.what), "DELETE /rbac-policies/%s", policy.text);
    rbac_script(gone);
    meanwhile(&port, "COMMIT");
    assert_int_equal(rbac_number("SELECT count(*) FROM port"), 0);
    rbac_script("UPDATE quota_usage SET used = used - 1 WHERE resource = 'rbac_policy'");

    const struct rbac_id again = rbac_let(201, ALICE, "network", network.text, "shared", B);

    snprintf(end.what, sizeof(end.what), "DELETE /rbac-policies/%s", again.text);
    AUTO_FREE char *now_held = kn_asprintf("BEGIN; SELECT FROM rbac_policy WHERE id = '%s' FOR KEY SHARE;%s",
                                           again.text, strchr(held, ';') + 1 + strcspn(strchr(held, ';') + 1, ";") + 1);

    rbac_script(now_held);
    meanwhile(&end, "COMMIT");
    rbac_script("DELETE FROM port");
    rbac_drop(204, ALICE, &again);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rbac_fresh, rbac_settled)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_seen_by_the_target),
        T(test_what_is_used_stays),
        T(test_shared_remote_group),
        T(test_pools_in_shared_scopes),
        T(test_bad_policies),
        T(test_lists_of_policies),
        T(test_quota),
        T(test_use_and_loss_at_once),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
