/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing that ends between a server's wish and port.allocate, which makes its ports: whoever comes first wins, and never both. Here port.allocate is first, and
 * an owner takes his network, or his group, back while its transaction is open; the other way around, with the service: test_network_service.c.
 */
#include "tests/support/rbac_world.h"

#include <pthread.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/serve/batch.h"
#include "tests/support/test.h"

#define SERVER "aaaaaaaa-0000-4000-8000-000000000001"

struct batch {
    struct kn_message message;
    struct kn_network_outcome outcome;
    struct kn_network_touched touched;
};

/* port.allocate of a server of Bob's, in the transaction that is open on the test's connection. */
static struct batch *begun(const char *request)
{
    struct batch *b = KN_NEW(struct batch);
    struct kn_network_outcome *one = &b->outcome;
    AUTO_FREE char *text = kn_asprintf("{\"server\":\"" SERVER "\",\"project\":\"" B
                                       "\",\"hostname\":\"vm\",\"requests\":[%s]}",
                                       request);
    struct kn_error err = { 0 };

    kn_message_init(&b->message, "port.allocate", json_loads(text, 0, NULL));
    b->outcome.command = &b->message;
    b->touched = (struct kn_network_touched){ .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };
    assert_ok(kn_network_ports_allocate(kn_neutron.db, &one, 1, &b->touched, &err), &err);
    assert_ok(kn_quota_take(kn_neutron.db, &b->touched.claims, &err), &err);
    return b;
}

static void ended(struct batch *b)
{
    kn_quota_claims_release(&b->touched.claims);
    json_decref(b->outcome.result);
    kn_message_release(&b->message);
    free(b);
}

static void *drop_policy(void *policy)
{
    AUTO_FREE char *path = kn_asprintf("/network/v2.0/rbac-policies/%s", ((struct rbac_id *)policy)->text);

    kn_test_http_ask(&kn_neutron.http, "DELETE", path, ALICE, NULL);
    return NULL;
}

static void await_a_lock(void)
{
    const int64_t deadline = kn_mono_ms() + 60000;

    while (rbac_number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
}

/* The policy is being taken away while Bob's port is made; commits: or the port is not made after all. What the owner is told. */
static int taken_away_beside(struct rbac_id policy, const char *request, bool commits)
{
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };
    pthread_t owner;

    assert_ok(kn_tx_begin(&tx, kn_neutron.db, &err), &err);
    struct batch *b = begun(request);

    assert_false(b->outcome.failed);
    assert_int_equal(pthread_create(&owner, NULL, drop_policy, &policy), 0);
    await_a_lock();
    if (commits) {
        assert_ok(kn_tx_commit(&tx, &err), &err);
    } else {
        kn_tx_release(&tx);
    }
    pthread_join(owner, NULL);
    ended(b);
    return kn_neutron.http.status;
}

static void is_refused(const char *request, const char *words)
{
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };

    assert_ok(kn_tx_begin(&tx, kn_neutron.db, &err), &err);
    struct batch *b = begun(request);

    assert_true(b->outcome.failed);
    assert_int_equal(b->outcome.error.code, KN_NOT_FOUND);
    assert_string_equal(b->outcome.error.message, words);
    ended(b);
}

static int64_t bobs_ports(void)
{
    return rbac_number("SELECT count(*) FROM port WHERE project_id = '" B "'");
}

static void test_a_network(void **state)
{
    (void)state;
    const struct rbac_id network = rbac_make(&rbac_kinds[RBAC_NETWORK], ALICE);
    AUTO_FREE char *request = kn_asprintf("{\"network\":\"%s\",\"any_project\":false}", network.text);
    AUTO_FREE char *anyones = kn_asprintf("{\"network\":\"%s\",\"any_project\":true}", network.text);
    AUTO_FREE char *older = kn_asprintf("{\"network\":\"%s\"}", network.text);
    AUTO_FREE char *words = kn_asprintf("Network %s could not be found.", network.text);

    neutron_subnet(ALICE, network.text, ",\"cidr\":\"10.0.0.0/24\"");
    is_refused(request, words);
    rbac_let(201, ADMIN, "network", network.text, "external", B);
    is_refused(request, words); /* he is led outside by it, no more */
    assert_int_equal(taken_away_beside(rbac_let(201, ALICE, "network", network.text, "shared", B), request, false),
                     204);
    assert_int_equal(bobs_ports(), 0);
    is_refused(request, words);
    assert_int_equal(taken_away_beside(rbac_let(201, ALICE, "network", network.text, "shared", B), request, true), 409);
    assert_type("RbacPolicyInUse");
    assert_int_equal(bobs_ports(), 1);
    rbac_script("DELETE FROM port WHERE project_id = '" B "'; DELETE FROM rbac_policy; DELETE FROM quota_usage; "
                "INSERT INTO quota_usage SELECT service, project_id, resource, used FROM quota_fact");
    is_refused(request, words);
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };

    assert_ok(kn_tx_begin(&tx, kn_neutron.db, &err), &err);
    struct batch *b = begun(anyones);

    assert_false(b->outcome.failed); /* who wished may use all networks */
    ended(b);
    kn_tx_release(&tx);
    assert_ok(kn_tx_begin(&tx, kn_neutron.db, &err), &err);
    b = begun(older);
    assert_false(b->outcome.failed); /* before this was asked again, an administrator's wish did not say so */
    ended(b);
}

static void test_a_group(void **state)
{
    (void)state;
    const struct rbac_id group = rbac_make(&rbac_kinds[RBAC_SECURITY_GROUP], ALICE);
    AUTO_FREE char *network = kn_strdup(neutron_network(BOB, ""));
    AUTO_FREE char *request = kn_asprintf("{\"network\":\"%s\",\"groups\":[\"%s\"]}", network, group.text);
    AUTO_FREE char *words = kn_asprintf("Security group %s not found.", group.text);

    neutron_subnet(BOB, network, ",\"cidr\":\"10.0.0.0/24\"");
    is_refused(request, words);
    assert_int_equal(taken_away_beside(rbac_let(201, ALICE, "security_group", group.text, "shared", B), request, false),
                     204);
    is_refused(request, words);
    assert_int_equal(taken_away_beside(rbac_let(201, ALICE, "security_group", group.text, "shared", B), request, true),
                     409);
    assert_type("RbacPolicyInUse");
    assert_int_equal(rbac_number("SELECT count(*) FROM port_security_group g JOIN port p ON p.id = g.port_id WHERE "
                                 "p.device_id = '" SERVER "'"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_network, rbac_fresh, rbac_settled),
        cmocka_unit_test_setup_teardown(test_a_group, rbac_fresh, rbac_settled),
    };

    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
