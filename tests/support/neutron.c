/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a network API for tests: database, bus and front door, in the order in which they need each other. */
#include "tests/support/neutron.h"

#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "network/api.h"
#include "tests/support/broker.h"
#include "tests/support/front.h"
#include "tests/support/postgres.h"
#include "tests/support/test.h"

struct kn_test_neutron kn_neutron;

static struct {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_test_front *front;
    struct kn_conf conf;
    char *url;
} inner;

int kn_neutron_start(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_network_api, NULL };
    struct kn_error err;

    (void)state;
    assert_ok(kn_crypto_init(&err), &err);
    inner.pg = kn_test_pg_start(KN_TEST_PG_FAST);
    inner.url = kn_test_pg_migrated(inner.pg, "network");
    inner.broker = kn_test_broker_start();
    kn_conf_defaults(&inner.conf);
    inner.conf.db_url = inner.url;
    kn_test_broker_conf(inner.broker, &inner.conf);
    kn_neutron.db = kn_db_new(inner.url, "test");
    inner.front = kn_test_front_start(&inner.conf, APIS);
    kn_neutron.http = kn_test_http_open(kn_test_front_port(inner.front));
    return 0;
}

int kn_neutron_stop(void **state)
{
    (void)state;
    kn_test_http_close(&kn_neutron.http);
    kn_test_front_free(inner.front);
    kn_test_broker_free(inner.broker);
    kn_db_free(kn_neutron.db);
    kn_test_pg_free(inner.pg);
    free(inner.url);
    return 0;
}

int kn_neutron_fresh(void **state)
{
    struct kn_error err;

    (void)state;
    assert_ok(
        kn_db_script(
            kn_neutron.db,
            KN_TEST_EMPTY(
                "rbac_policy, address, address_ready, port_binding, port_security_group, port, subnet, router, network, subnet_pool, address_scope, security_group, network_change, quota_limit, quota_usage") "DELETE FROM address_group",
            &err),
        &err);
    return 0;
}

void kn_neutron_ask(int status, const char *token, const char *method, const char *path, const char *body)
{
    AUTO_FREE char *whole = kn_asprintf("/network/v2.0/%s", path);

    kn_test_http_ask(&kn_neutron.http, method, whole, token, body);
    if (kn_neutron.http.status != status) {
        fail_msg("%s %s %s: %d %s, wanted %d", method, path, body != NULL ? body : "", kn_neutron.http.status,
                 kn_neutron.http.body.buf, status);
    }
}
