/* SPDX-License-Identifier: Apache-2.0 */
/* A router's status over HTTP, and that of what it leads to: in words that clients know, whatever becomes of it on hosts. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")

struct status_world {
    char external[64], network[64], router[64], floating[64];
};

static void keep(char out[64], const char *id)
{
    kn_copy(out, 64, id);
}

/* An external network, a router of Alice's that leads a network there, and a floating IP of a port. */
static void make(struct status_world *w)
{
    char subnet[64], port[64];

    keep(w->external, neutron_network(ADMIN, ",\"router:external\":true"));
    neutron_subnet(ADMIN, w->external, ",\"cidr\":\"172.24.4.0/24\",\"enable_dhcp\":false");
    keep(w->network, neutron_network(ALICE, ""));
    keep(subnet, neutron_subnet(ALICE, w->network, ",\"cidr\":\"10.0.0.0/24\""));
    AUTO_FREE char *router = kn_asprintf("{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\"}}}",
                                         w->external);
    AUTO_FREE char *leg = kn_asprintf("{\"subnet_id\":\"%s\"}", subnet);

    neutron_say(201, ALICE, "POST /routers", router);
    keep(w->router, neutron_get("router.id"));
    AUTO_FREE char *add = kn_asprintf("PUT /routers/%s/add_router_interface", w->router);

    neutron_say(200, ALICE, add, leg);
    neutron_post(201, ALICE, "port", w->network, "");
    keep(port, neutron_get("port.id"));
    AUTO_FREE char *floating = kn_asprintf("{\"floatingip\":{\"floating_network_id\":\"%s\",\"port_id\":\"%s\"}}",
                                           w->external, port);

    neutron_say(201, ALICE, "POST /floatingips", floating);
    keep(w->floating, neutron_get("floatingip.id"));
}

/* The statement, with the router's id behind it. */
static void sql(const struct status_world *w, const char *statement)
{
    AUTO_FREE char *text = kn_asprintf("%s '%s'", statement, w->router);
    struct kn_error err;

    assert_ok(kn_db_script(kn_neutron.db, text, &err), &err);
}

/* Clients know Neutron's words for a router: ACTIVE, ALLOCATING and ERROR. */
static void shows(const struct status_world *w, const char *router, const char *floating, const char *when)
{
    neutron_say(200, ALICE, neutron_at("GET", "routers", w->router), NULL);
    if (strcmp(neutron_get("router.status"), router) != 0) {
        fail_msg("%s: the router is %s", when, neutron_get("router.status"));
    }
    neutron_say(200, ALICE, neutron_at("GET", "floatingips", w->floating), NULL);
    if (strcmp(neutron_get("floatingip.status"), floating) != 0) {
        fail_msg("%s: the floating IP is %s", when, neutron_get("floatingip.status"));
    }
}

/* What a host says of it is what is shown, and floating addresses follow. */
static void test_router_status(void **state)
{
    struct status_world w;

    (void)state;
    make(&w);
    shows(&w, "ACTIVE", "DOWN", "just made: it gets its host");
    sql(&w, "UPDATE router SET updated_at = now() - interval '1 minute' WHERE id =");
    shows(&w, "ERROR", "DOWN", "nobody can have it");
    sql(&w, "UPDATE router SET admin_state_up = false WHERE id =");
    shows(&w, "ACTIVE", "DOWN", "switched off: nothing is wrong with it");
    sql(&w, "UPDATE router SET admin_state_up = true WHERE id =");
    sql(&w,
        "INSERT INTO agent (id, boot) VALUES ('a', 'b') ON CONFLICT DO NOTHING;"
        "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version)"
        " VALUES ('h-router', gen_random_uuid(), 'a', 'nova', '', 1, 1, 1, 100, 'QEMU', 1);"
        "INSERT INTO network_host (host, until) VALUES ('h-router', now() + interval '1 hour');"
        "UPDATE router SET host = 'h-router', lease = 1, leased_at = now();"
        "INSERT INTO router_stand (router_id, host, lease) SELECT id, 'h-router', 1 FROM router WHERE id =");
    shows(&w, "ACTIVE", "ACTIVE", "it stands");
    neutron_say(200, ALICE, "GET /routers?status=ACTIVE", NULL);
    assert_int_equal(neutron_count("routers"), 1);
    assert_string_equal(neutron_get("routers.0.id"), w.router);
    sql(&w, "UPDATE router_stand SET why = 'no device' WHERE router_id =");
    shows(&w, "ERROR", "DOWN", "its host says why it cannot");
    neutron_say(200, ALICE, "GET /routers?status=ERROR", NULL);
    assert_int_equal(neutron_count("routers"), 1);
    sql(&w,
        "DELETE FROM router_stand; UPDATE router SET host = NULL; DELETE FROM host WHERE name = 'h-router' AND '' <>");
}

/* The rows that wait to be told of this kind; and then there are none. */
static int told(const char *kind)
{
    AUTO_FREE char *text = kn_asprintf(
        "WITH gone AS (DELETE FROM network_change RETURNING kind) SELECT count(*) FROM gone WHERE kind = '%s'", kind);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, text, 0, KN_NO_ARGS, &rows, &err), &err);
    return (int)kn_rows_int(rows, 0, 0);
}

/* The router of a network that is switched off, or on again, is told so; its ports say what they are. */
static void test_a_network_that_is_down(void **state)
{
    static const struct {
        const char *body, *status;
    } TURNS[] = { { "{\"network\":{\"admin_state_up\":false}}", "DOWN" },
                  { "{\"network\":{\"admin_state_up\":true}}", "ACTIVE" } };
    struct status_world w;

    (void)state;
    make(&w);
    for (size_t i = 0; i < KN_COUNT(TURNS); i++) {
        told("");
        neutron_say(200, ALICE, neutron_at("PUT", "networks", w.network), TURNS[i].body);
        assert_string_equal(neutron_get("network.status"), TURNS[i].status);
        assert_int_equal(told("router"), 1);
        neutron_say(200, ALICE, "GET /ports?device_owner=network:dhcp", NULL);
        assert_string_equal(neutron_get("ports.0.status"), TURNS[i].status);
        neutron_say(200, ALICE, neutron_at("PUT", "networks", w.network), TURNS[i].body); /* as it is */
        assert_int_equal(told("router"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_router_status, kn_neutron_fresh),
                                        cmocka_unit_test_setup(test_a_network_that_is_down, kn_neutron_fresh) };

    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
