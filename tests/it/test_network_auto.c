/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic topologies over HTTP: made whole, once for many askers, and gone whole; what this cloud lacks is said and leaves nothing behind. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define READER KN_TEST_TOKEN("a11ce", "reader")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define TYPE "NeutronError.type"
#define MESSAGE "NeutronError.message"
#define TOPOLOGY "/auto-allocated-topology/a11ce"
#define ASKERS 32
#define assert_said(path, wanted) assert_string_equal(neutron_get(path), wanted)

static void run(const char *sql)
{
    struct kn_error err;

    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_count(rows) > 0 ? kn_rows_int(rows, 0, 0) : 0;
}

/* What the project has, and what its quota says that it has. */
static void assert_has(int64_t networks, int64_t subnets, int64_t routers, int64_t ports)
{
    const struct {
        const char *sql, *resource;
        int64_t wanted;
    } KINDS[] = {
        { "SELECT count(*) FROM network WHERE project_id = 'a11ce'", "network", networks },
        { "SELECT count(*) FROM subnet WHERE project_id = 'a11ce'", "subnet", subnets },
        { "SELECT count(*) FROM router WHERE project_id = 'a11ce'", "router", routers },
        { "SELECT count(*) FROM port WHERE project_id = 'a11ce' AND device_owner <> 'network:dhcp'", "port", ports },
    };

    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        AUTO_FREE char *used =
            kn_asprintf("SELECT coalesce(sum(used), 0) FROM quota_usage WHERE project_id = 'a11ce' AND resource = '%s'",
                        KINDS[i].resource);

        if (number(KINDS[i].sql) != KINDS[i].wanted || number(used) != KINDS[i].wanted) {
            fail_msg("%s: %lld, counted as %lld", KINDS[i].resource, (long long)number(KINDS[i].sql),
                     (long long)number(used));
        }
    }
}

static void outside(void)
{
    neutron_say(201, ADMIN, "POST /networks", "{\"network\":{\"router:external\":true,\"is_default\":true}}");
    neutron_subnet(ADMIN, neutron_get("network.id"), ",\"cidr\":\"172.24.4.0/24\",\"enable_dhcp\":false");
}

static void pool(const char *prefix, int length)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"%s\"],\"default_prefixlen\":%d,\"shared\":true,\"is_default\":true}}",
        prefix, length);

    neutron_say(201, ADMIN, "POST /subnetpools", body);
}

static void test_what_is_missing(void **state)
{
    (void)state;
    for (int dry = 0; dry < 2; dry++) {
        neutron_say(409, ALICE, dry ? "GET " TOPOLOGY "?fields=dry-run" : "GET " TOPOLOGY, NULL);
        assert_said(TYPE, "AutoAllocationFailure");
        assert_said(MESSAGE, "Deployment error: No default router:external network.");
    }
    outside();
    neutron_say(409, ALICE, "GET " TOPOLOGY "?fields=dry-run", NULL);
    assert_said(MESSAGE, "Deployment error: No default subnetpools defined.");
    neutron_say(409, ALICE, "GET " TOPOLOGY, NULL);
    assert_said(MESSAGE, "Deployment error: Unable to provide project private network.");
    assert_has(0, 0, 0, 0);
    pool("10.0.0.0/16", 26);
    neutron_say(200, ALICE, "GET " TOPOLOGY "?fields=dry-run", NULL);
    assert_said("auto_allocated_topology",
                "{\"id\":\"dry-run=pass\",\"project_id\":\"a11ce\",\"tenant_id\":\"a11ce\"}");
    assert_has(0, 0, 0, 0);
    neutron_say(400, ALICE, "GET " TOPOLOGY "?fields=colour", NULL);
    assert_said(MESSAGE, "Bad auto_allocate request: Unrecognized field.");
    neutron_say(403, BOB, "GET " TOPOLOGY, NULL);
    neutron_say(403, BOB, "DELETE " TOPOLOGY, NULL);
    neutron_say(403, READER, "DELETE " TOPOLOGY, NULL);
    assert_has(0, 0, 0, 0);
}

static void test_made_and_unmade(void **state)
{
    char network[40];

    (void)state;
    outside();
    pool("10.0.0.0/16", 26);
    pool("2001:db8::/48", 64);
    neutron_say(200, READER, "GET " TOPOLOGY, NULL); /* as Neutron lets them */
    kn_copy(network, sizeof(network), neutron_get("auto_allocated_topology.id"));
    neutron_say(200, ALICE, "GET /auto-allocated-topology/None", NULL);
    assert_said("auto_allocated_topology.id", network);
    neutron_say(200, ADMIN, "GET " TOPOLOGY, NULL);
    assert_said("auto_allocated_topology.id", network);
    assert_has(1, 2, 1, 2);
    neutron_say(200, ALICE, neutron_at("GET", "networks", network), NULL);
    assert_said("network.name", "auto_allocated_network");
    assert_said("network.admin_state_up", "true");
    neutron_say(200, ALICE, "GET /subnets?name=auto_allocated_subnet_v4", NULL);
    assert_said("subnets.0.cidr", "10.0.0.0/26");
    neutron_say(200, ALICE, "GET /routers?name=auto_allocated_router", NULL);
    assert_int_equal(
        number(
            "SELECT count(*) FROM port p JOIN network n ON n.id = p.network_id WHERE p.device_owner = 'network:router_gateway' AND n.is_default"),
        1);

    neutron_post(201, ALICE, "port", network, "");
    neutron_say(409, ALICE, "DELETE " TOPOLOGY, NULL);
    assert_said(TYPE, "NetworkInUse");
    assert_has(1, 2, 1, 3);
    run("DELETE FROM port WHERE device_owner = ''; UPDATE quota_usage SET used = 2 WHERE resource = 'port'");
    neutron_say(204, ALICE, "DELETE " TOPOLOGY, NULL);
    assert_has(0, 0, 0, 0);
    assert_int_equal(number("SELECT count(*) FROM port"), 0);
    neutron_say(204, ALICE, "DELETE " TOPOLOGY, NULL);
    neutron_say(200, ALICE, "GET " TOPOLOGY, NULL);
    assert_string_not_equal(neutron_get("auto_allocated_topology.id"), network);
}

/* Another's, by an administrator: it is that project's. */
static void test_for_another_project(void **state)
{
    (void)state;
    outside();
    pool("10.0.0.0/16", 26);
    neutron_say(200, ADMIN, "GET " TOPOLOGY, NULL);
    assert_has(1, 1, 1, 1);
    neutron_say(204, ADMIN, "DELETE " TOPOLOGY, NULL);
    assert_has(0, 0, 0, 0);
}

/* What cannot be finished leaves nothing: neither a quota that is too small, nor the end of whoever makes it behind the last row. */
static void test_all_or_nothing(void **state)
{
    (void)state;
    outside();
    pool("10.0.0.0/16", 26);
    neutron_say(200, ADMIN, "PUT /quotas/a11ce", "{\"quota\":{\"router\":0}}");
    neutron_say(409, ALICE, "GET " TOPOLOGY, NULL);
    assert_said(TYPE, "OverQuota");
    assert_has(0, 0, 0, 0);
    neutron_say(204, ADMIN, "DELETE /quotas/a11ce", NULL);
    run("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
        "CREATE TRIGGER die BEFORE INSERT ON auto_topology FOR EACH ROW EXECUTE FUNCTION die();");
    kn_neutron_ask(503, ALICE, "GET", &TOPOLOGY[1], NULL);
    run("DROP TRIGGER die ON auto_topology; DROP FUNCTION die()");
    assert_has(0, 0, 0, 0);
    neutron_say(200, ALICE, "GET " TOPOLOGY, NULL);
    assert_has(1, 1, 1, 1);
}

/* --- many at once --------------------------------------------------------------------------------------------------- */

struct asker {
    pthread_t thread;
    int status;
    char answer[300];
};

static void *ask_once(void *arg)
{
    struct asker *asker = arg;
    struct kn_test_http http = kn_test_http_open(kn_neutron.http.port);

    kn_test_http_ask(&http, "GET", "/network/v2.0" TOPOLOGY, ALICE, NULL);
    asker->status = http.status;
    kn_copy(asker->answer, sizeof(asker->answer), http.body.buf);
    kn_test_http_close(&http);
    return NULL;
}

static void test_many_askers(void **state)
{
    static struct asker askers[ASKERS];

    (void)state;
    outside();
    pool("10.0.0.0/16", 26);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_once, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(askers[i].status, 200);
        assert_string_equal(askers[i].answer, askers[0].answer);
    }
    assert_has(1, 1, 1, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, kn_neutron_fresh)
    const struct CMUnitTest tests[] = {
        T(test_what_is_missing), T(test_made_and_unmade), T(test_for_another_project),
        T(test_all_or_nothing),  T(test_many_askers),
    };

    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
