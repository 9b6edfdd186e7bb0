/* SPDX-License-Identifier: Apache-2.0 */
/* Where routers live, on a real PostgreSQL: who gets one, who loses it and when, and what hosts are told of it. */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/adapter/daemon.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/lease.h"
#include "network/rows/l3/routers.h"
#include "network/rows/trace.h"
#include "network/serve/leases.h"
#include "network/serve/source.h"
#include "network/serve/standing.h"
#include "tests/support/own_database.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define NET "11111111-1111-4111-8111-111111111111"
#define SUB "22222222-2222-4222-8222-222222222222"
#define EXT "33333333-3333-4333-8333-333333333333"
#define EXT_SUB "44444444-4444-4444-8444-444444444444"
#define LEG "55555555-5555-4555-8555-555555555555"
#define GATE "66666666-6666-4666-8666-666666666666"
#define ROUTER "77777777-7777-4777-8777-777777777777"
#define BARE "88888888-8888-4888-8888-888888888888"
#define GUEST "99999999-9999-4999-8999-999999999997"
#define SCOPE "5c5c5c5c-8888-4888-8888-888888888888"
#define POOL "b0b0b0b0-8888-4888-8888-888888888888"

static const char FIXTURE[] = KN_TEST_EMPTY(
    "address, address_ready, port_binding, port_security_group, port, router, subnet, network, host, agent, network_change") "INSERT INTO agent (id, boot) VALUES ('a1', 'b'), ('a2', 'b'), ('a3', 'b');"
                                                                                                                             "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type,"
                                                                                                                             " hypervisor_version) SELECT 'h' || n, gen_random_uuid(), 'a' || n, 'nova', '192.0.2.' || n, 1, 1, 1, 100, 'QEMU', 1 FROM generate_series(1, 3) n;"
                                                                                                                             "INSERT INTO network (id, project_id, name, vni, type, physical) VALUES ('" NET
                                                                                                                             "', 'p', 'n', 1, 'vxlan', NULL),"
                                                                                                                             " ('" EXT
                                                                                                                             "', 'p', 'public', 2, 'flat', 'public');"
                                                                                                                             "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools) VALUES"
                                                                                                                             " ('" SUB
                                                                                                                             "', '" NET
                                                                                                                             "', 'p', 4, '10.0.0.0/24', '10.0.0.1', '[]'), ('" EXT_SUB
                                                                                                                             "', '" EXT
                                                                                                                             "', 'p', 4, '172.24.4.0/24', '172.24.4.1', '[]');"
                                                                                                                             "INSERT INTO router (id, project_id) VALUES ('" ROUTER
                                                                                                                             "', 'p'), ('" BARE
                                                                                                                             "', 'p');"
                                                                                                                             "INSERT INTO port (id, network_id, project_id, mac, device_owner, device_id) VALUES"
                                                                                                                             " ('" LEG
                                                                                                                             "', '" NET
                                                                                                                             "', 'p', 'fa:16:3e:00:00:01', 'network:router_interface', '" ROUTER
                                                                                                                             "'),"
                                                                                                                             " ('" GATE
                                                                                                                             "', '" EXT
                                                                                                                             "', '', 'fa:16:3e:00:00:02', 'network:router_gateway', '" ROUTER
                                                                                                                             "');"
                                                                                                                             "INSERT INTO address (subnet_id, ip, port_id) VALUES ('" SUB
                                                                                                                             "', '10.0.0.1', '" LEG
                                                                                                                             "'), ('" EXT_SUB
                                                                                                                             "', '172.24.4.9', '" GATE
                                                                                                                             "');";

#define SCOPED_POOL \
    "INSERT INTO address_scope (id, project_id, name, ip_version) VALUES ('" SCOPE "', 'p', '', 4);" \
    "INSERT INTO subnet_pool (id, project_id, name, ip_version, prefixes, min_prefixlen, max_prefixlen, default_prefixlen, address_scope_id)" \
    " VALUES ('" POOL "', 'p', '', 4, '{10.0.0.0/16}', 8, 32, 24, '" SCOPE "');"

static struct kn_daemon d;
static struct kn_network_leases leases;
static struct kn_error err;

static int setup(void **state)
{
    (void)state;
    d.db = kn_own_database_start("leases");
    return 0;
}

static void hear(const char *type, const char *body)
{
    struct kn_message message;
    json_t *json = json_loads(body, 0, NULL);

    assert_non_null(json);
    kn_message_init(&message, type, json);
    assert_ok(kn_network_leases_hear(&leases, &d, &message, &err), &err);
    assert_ok(kn_network_standing_hear(d.db, &message, &err), &err);
    kn_message_release(&message);
}

static void work(void)
{
    assert_ok(kn_network_leases_work(&leases, &d, &err), &err);
}

/* We have listened for long. */
static void listened(void)
{
    leases.since_ms = kn_mono_ms() - KN_LEASE_MS;
    leases.worked_ms = kn_mono_ms();
}

/* It was not heard for as long as it takes. */
static void silence(const char *host)
{
    AUTO_FREE char *sql = kn_asprintf("UPDATE network_host SET until = now() - interval '1 ms' WHERE host = '%s'",
                                      host);

    assert_ok(kn_db_script(d.db, sql, &err), &err);
}

static const char *text(const char *sql)
{
    static char out[8][300];
    static int n;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(d.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    n = (n + 1) % 8;
    kn_copy(out[n], sizeof(out[n]), kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, 0) : "(none)");
    return out[n];
}

#define WHERE "SELECT coalesce(host, 'nobody') || ' ' || lease FROM router WHERE id = '" ROUTER "'"
#define STATUS "SELECT " KN_ROUTER_STATUS("r") " FROM router r WHERE id = '" ROUTER "'"
#define STANDS(n, lease, more) \
    "{\"agent\":\"a" #n "\",\"host\":\"h" #n "\",\"routers\":[{\"id\":\"" ROUTER "\",\"lease\":" #lease more "}]}"
#define STANDS_NOT(n) "{\"agent\":\"a" #n "\",\"host\":\"h" #n "\",\"routers\":[]}"
#define HELLO(n, physical) \
    "{\"agent\":\"a" #n "\",\"boot\":\"b\",\"hosts\":[{\"host\":\"h" #n \
    "\",\"hypervisor_type\":\"QEMU\",\"physical\":[" physical "]}]}"

static int fresh(void **state)
{
    (void)state;
    assert_ok(kn_db_script(d.db, FIXTURE, &err), &err);
    kn_network_leases_init(&leases);
    assert_ok(kn_db_script(d.db, "DELETE FROM router_stand", &err), &err);
    hear("agent.hello", HELLO(1, ""));
    hear("agent.hello", HELLO(2, "\"public\""));
    hear("agent.hello", HELLO(3, "\"public\",\"dmz\""));
    return 0;
}

static int end(void **state)
{
    (void)state;
    kn_network_leases_release(&leases);
    return 0;
}

/* Only hosts that have its physical network may have it; one that has no leg needs none. */
static void test_placed(void **state)
{
    (void)state;
    work();
    assert_string_equal(text(WHERE), "h2 1");
    assert_string_equal(text("SELECT string_agg(host || state, ',' ORDER BY port_id) FROM port_binding"),
                        "h2active,h2active");
    assert_string_equal(text("SELECT coalesce(host, 'nobody') FROM router WHERE id = '" BARE "'"), "nobody");
    assert_string_equal(text("SELECT count(*) > 0 FROM network_change WHERE kind = 'router' AND id = '" ROUTER "'"),
                        "t");
    assert_string_equal(text("SELECT count(DISTINCT id) FROM network_change WHERE kind = 'port'"), "2");
    work(); /* and stays */
    assert_string_equal(text(WHERE), "h2 1");
}

static void test_moved(void **state)
{
    (void)state;
    work();
    silence("h2");
    work(); /* we do not know yet whether it was silent */
    assert_string_equal(text(WHERE), "h2 1");
    listened();
    work();
    assert_string_equal(text(WHERE), "h3 2");
    assert_string_equal(text("SELECT string_agg(host, ',' ORDER BY port_id) FROM port_binding"), "h3,h3");
    hear("agent.heartbeat", "{\"agent\":\"a2\",\"boot\":\"b\"}"); /* the old one comes back and gets nothing back */
    work();
    assert_string_equal(text(WHERE), "h3 2");
}

/* Who is heard keeps it; if nobody else may have it, it waits where it is. */
static void test_kept(void **state)
{
    (void)state;
    work();
    listened();
    silence("h2");
    hear("agent.heartbeat", "{\"agent\":\"a2\",\"boot\":\"b\"}");
    work();
    assert_string_equal(text(WHERE), "h2 1");
    silence("h2");
    silence("h3");
    work();
    assert_string_equal(text(WHERE), "h2 1");
    hear("agent.heartbeat", "{\"agent\":\"a3\",\"boot\":\"b\"}");
    work();
    assert_string_equal(text(WHERE), "h3 2");
}

/* The scheduler writes the row of a new host, and may do so after we have heard of it. */
static void test_new_host(void **state)
{
    (void)state;
    hear(
        "agent.hello",
        "{\"agent\":\"a1\",\"boot\":\"b\",\"hosts\":[{\"host\":\"h9\",\"hypervisor_type\":\"QEMU\",\"physical\":[\"dmz\"]}]}");
    work();
    assert_string_equal(text("SELECT physical FROM network_host WHERE host = 'h9'"), "(none)");
    assert_ok(
        kn_db_script(
            d.db,
            "INSERT INTO host SELECT (jsonb_populate_record(h, '{\"name\": \"h9\", \"uuid\": \"99999999-9999-4999-8999-999999999990\"}')).* FROM host h WHERE name = 'h1'",
            &err),
        &err);
    work();
    assert_string_equal(text("SELECT physical FROM network_host WHERE host = 'h9'"), "{dmz}");
}

/* What an agent says of another's host is not heard: it would take the host's routers away, or draw them to where they cannot be. */
static void test_nobody_speaks_for_another(void **state)
{
    (void)state;
    hear("agent.hello",
         "{\"agent\":\"a1\",\"boot\":\"b\",\"hosts\":[{\"host\":\"h3\",\"hypervisor_type\":\"QEMU\",\"physical\":[]},"
         "{\"host\":\"h2\",\"hypervisor_type\":\"QEMU\",\"physical\":[\"dmz\"]}]}");
    work();
    assert_string_equal(text("SELECT physical FROM network_host WHERE host = 'h3'"), "{public,dmz}");
    assert_string_equal(text("SELECT physical FROM network_host WHERE host = 'h2'"), "{public}");
}

/* It got a leg that its host, which lives, cannot carry: nobody else has it before that host says that it does not stand there any more. */
static void test_wants_another(void **state)
{
    (void)state;
    work();
    hear("net.routers", STANDS(2, 1, ""));
    listened();
    assert_ok(kn_db_script(d.db, "UPDATE network SET physical = 'dmz' WHERE id = '" EXT "'", &err), &err);
    work();
    assert_string_equal(text(WHERE), "nobody 2");
    assert_string_equal(text("SELECT count(*) FROM port_binding"), "0");
    work();
    assert_string_equal(text(WHERE), "nobody 2");
    hear("net.routers", STANDS_NOT(2));
    work();
    assert_string_equal(text(WHERE), "h3 3");
    assert_string_equal(text("SELECT string_agg(host, ',') FROM port_binding"), "h3,h3");
}

/* The host from which it was taken says nothing any more, nor does it live. */
static void test_taken_from_one_that_dies(void **state)
{
    (void)state;
    work();
    hear("net.routers", STANDS(2, 1, ""));
    listened();
    assert_ok(kn_db_script(d.db, "UPDATE network SET physical = 'dmz' WHERE id = '" EXT "'", &err), &err);
    work();
    work();
    assert_string_equal(text(WHERE), "nobody 2");
    silence("h2");
    work();
    assert_string_equal(text(WHERE), "h3 3");
}

/* The bus is silent, not the hosts: whoever is heard first again does not get all of it. */
static void test_silent_bus(void **state)
{
    (void)state;
    work();
    listened();
    leases.heard_ms = kn_mono_ms() - KN_LEASE_MS;
    silence("h2");
    work();
    hear("agent.heartbeat", "{\"agent\":\"a3\",\"boot\":\"b\"}");
    work();
    assert_string_equal(text(WHERE), "h2 1");
    listened();
    work();
    assert_string_equal(text(WHERE), "h3 2");
}

/* Only in the zones that it is wanted in; a host that is switched off for routers has none. */
static void test_zones_and_switches(void **state)
{
    (void)state;
    assert_ok(
        kn_db_script(
            d.db,
            "UPDATE host SET zone = 'west' WHERE name = 'h3'; UPDATE router SET zone_hints = '[\"west\", \"moon\"]'",
            &err),
        &err);
    work();
    assert_string_equal(text(WHERE), "h3 1");
    assert_ok(
        kn_db_script(
            d.db,
            "UPDATE router SET zone_hints = '[]'; INSERT INTO network_agent (host, duty, enabled) VALUES ('h3', 'l3', false)",
            &err),
        &err);
    listened();
    work();
    assert_string_equal(text(WHERE), "h2 2");
    assert_ok(kn_db_script(d.db, "INSERT INTO network_agent (host, duty, enabled) VALUES ('h2', 'l3', false)", &err),
              &err);
    work(); /* nobody else may have it: it stays */
    assert_string_equal(text(WHERE), "h2 2");
}

/* What is shown of it: what its host says, while that is heard; whom it is not asked of is not heard. */
static void test_status(void **state)
{
    (void)state;
    assert_string_equal(text(STATUS), "BUILD");
    assert_string_equal(text("SELECT " KN_ROUTER_STATUS("r") " FROM router r WHERE id = '" BARE "'"), "ACTIVE");
    work();
    assert_string_equal(text(STATUS), "BUILD");
    hear("net.routers", STANDS(3, 1, ""));
    hear("net.routers", "{\"agent\":\"a1\",\"host\":\"h2\",\"routers\":[{\"id\":\"" ROUTER "\",\"lease\":1}]}");
    assert_string_equal(text(STATUS), "BUILD");
    hear("net.routers", STANDS_NOT(3));
    hear("net.routers", STANDS(2, 1, ""));
    assert_string_equal(text(STATUS), "ACTIVE");
    hear("net.routers", STANDS(2, 1, ",\"why\":\"the device is not there\""));
    assert_string_equal(text(STATUS), "ERROR");
    hear("net.routers", STANDS(2, 1, ""));
    assert_ok(kn_db_script(d.db, "UPDATE router SET admin_state_up = false", &err), &err);
    assert_string_equal(text(STATUS), "DOWN");
    assert_ok(kn_db_script(d.db, "UPDATE router SET admin_state_up = true", &err), &err);
    assert_ok(kn_db_script(
                  d.db, "UPDATE router SET updated_at = now() - interval '1 min', leased_at = now() - interval '1 min'",
                  &err),
              &err);
    assert_string_equal(text(STATUS), "ACTIVE");
    silence("h2");
    assert_string_equal(text(STATUS), "DOWN");
    listened();
    work();
    assert_string_equal(text(WHERE), "h3 2");
    hear("net.routers", STANDS(3, 2, ""));
    hear("net.routers", STANDS(2, 1, "")); /* the old one comes back, and knows nothing yet */
    hear("net.routers", STANDS_NOT(2));
    assert_string_equal(text(STATUS), "ACTIVE");
}

/* `kilonova router list` says all of it. */
static void test_listed(void **state)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *set = kn_asprintf("db.url=%s", kn_own_database.url);
    const char *argv[] = { program, "--set", set, "router", "list", NULL };
    char dir[KN_TEST_DIR], line[2048];
    bool found = false;

    (void)state;
    work();
    hear("net.routers", STANDS(2, 1, ",\"why\":\"the device is not there\""));
    kn_test_dir(dir, "routers");
    AUTO_FREE char *path = kn_asprintf("%s/out", dir);
    assert_true(kn_test_end(kn_test_spawn(argv, path, NULL), 0));
    FILE *out = fopen(path, "r");

    while (fgets(line, sizeof(line), out) != NULL) {
        found = found || (strstr(line, ROUTER) == line && strstr(line, " ERROR ") != NULL &&
                          strstr(line, " h2 ") != NULL && strstr(line, "  the device is not there\n") != NULL);
    }
    fclose(out);
    unlink(path);
    rmdir(dir);
    assert_true(found);
}

static json_t *told_of_the_router(void)
{
    const struct kn_network_source *source = kn_network_sources;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    while (source->kind == NULL || strcmp(source->kind, "router") != 0) {
        source++;
    }
    assert_ok(kn_db_run(d.db, &source->objects, KN_ARGS("{" ROUTER "}"), &rows, &err), &err);
    return json_loads(kn_rows_text(rows, 0, 1), 0, NULL);
}

/* A leg that is switched off, by itself or with its network, is none. */
static void legs_are(const char *sql, size_t count, int gateway)
{
    assert_ok(kn_db_script(d.db, sql, &err), &err);
    json_auto_t *said = told_of_the_router();
    const json_t *outside = json_object_get(said, "gateway");

    assert_int_equal(json_array_size(json_object_get(said, "interfaces")), count);
    assert_int_equal(outside == NULL ? -1 : json_integer_value(outside), gateway);
}

/* What its host is told. */
static void test_told(void **state)
{
    (void)state;
    work();
    assert_ok(
        kn_db_script(
            d.db,
            "UPDATE router SET routes = '[{\"destination\":\"203.0.113.0/24\",\"nexthop\":\"10.0.0.9\"}]' WHERE id = '" ROUTER
            "';"
            "INSERT INTO port (id, network_id, project_id, mac) VALUES ('99999999-9999-4999-8999-999999999999', '" NET
            "', 'p', 'fa:16:3e:00:00:05'),"
            " ('99999999-9999-4999-8999-999999999998', '" EXT "', '', 'fa:16:3e:00:00:06');"
            "INSERT INTO address (subnet_id, ip, port_id) VALUES ('" SUB
            "', '10.0.0.5', '99999999-9999-4999-8999-999999999999');"
            "INSERT INTO floating_ip (id, project_id, network_id, own_port_id, ip, router_id, port_id, fixed_ip) VALUES"
            " ('aaaaaaaa-9999-4999-8999-999999999998', 'p', '" EXT
            "', '99999999-9999-4999-8999-999999999998', '172.24.4.50', '" ROUTER "',"
            "  '99999999-9999-4999-8999-999999999999', '10.0.0.5')",
            &err),
        &err);
    json_auto_t *said = told_of_the_router();
    json_auto_t *wanted = json_pack(
        "{s:s, s:i, s:b, s:[{s:s, s:s, s:s, s:[s]}, {s:s, s:s, s:s, s:[s]}], s:i, s:b, s:s, s:[{s:s, s:s}, {s:s, s:s}], s:[{s:s, s:s, s:s}], s:[]}",
        "id", ROUTER, "lease", 1, "up", true, "interfaces", "port", LEG, "network", NET, "mac", "fa:16:3e:00:00:01",
        "ips", "10.0.0.1/24", "port", GATE, "network", EXT, "mac", "fa:16:3e:00:00:02", "ips", "172.24.4.9/24",
        "gateway", 1, "snat", true, "snat_ip", "172.24.4.9", "routes", "destination", "203.0.113.0/24", "nexthop",
        "10.0.0.9", "destination", "0.0.0.0/0", "nexthop", "172.24.4.1", "floating", "id",
        "aaaaaaaa-9999-4999-8999-999999999998", "outside", "172.24.4.50", "inside", "10.0.0.5", "forwards");

    assert_non_null(wanted);
    if (!json_equal(said, wanted)) {
        fail_msg("%s", json_dumps(said, 0));
    }
    assert_ok(kn_db_script(d.db, SCOPED_POOL "UPDATE subnet SET subnetpool_id = '" POOL "' WHERE id = '" SUB "'", &err),
              &err);
    json_auto_t *scoped = told_of_the_router();
    const json_t *legs = json_object_get(scoped, "interfaces");

    assert_string_equal(kn_json_str(json_array_get(legs, 0), "scope4"), SCOPE);
    assert_null(json_object_get(json_array_get(legs, 0), "scope6"));
    assert_null(json_object_get(json_array_get(legs, 1), "scope4"));
    legs_are("UPDATE port SET admin_state_up = false WHERE id = '" LEG "'", 1, 0);
    legs_are("UPDATE network SET admin_state_up = false WHERE id = '" EXT "'", 0, -1);
    legs_are("UPDATE port SET admin_state_up = true WHERE id = '" LEG "'", 1, -1);
    legs_are("UPDATE network SET admin_state_up = true WHERE id = '" EXT "'", 2, 1);
}

/* Whether the trace of a guest's packet says this of its router, and with what verdict. */
static bool trace_says(const char *to, const char *check, const char *verdict, const char *says)
{
    struct kn_network_trace_ask ask = { .port = GUEST, .protocol = 6, .first = 1024, .second = 80 };
    json_t *found = NULL, *hop;
    bool is_said = false;
    size_t i;

    assert_true(kn_ip_parse(to, &ask.to));
    assert_ok(kn_network_trace_rows(d.db, &ask, &found, &err), &err);
    json_array_foreach (json_object_get(found, "hops"), i, hop) {
        is_said |= strcmp(kn_json_str(hop, "check"), check) == 0 && strcmp(kn_json_str(hop, "verdict"), verdict) == 0 &&
                   strstr(kn_json_str(hop, "says"), says) != NULL;
    }
    json_decref(found);
    return is_said;
}

#define OF_POOL(pool) "UPDATE subnet SET subnetpool_id = '" pool "' WHERE id = '"
#define SNAT(is) assert_ok(kn_db_script(d.db, "UPDATE router SET snat = " is, &err), &err)

/* Rows say, too, what address scopes do to a packet. */
static void test_scopes_are_traced(void **state)
{
    (void)state;
    assert_ok(kn_db_script(d.db,
                           "INSERT INTO port (id, network_id, project_id, mac) VALUES ('" GUEST "', '" NET
                           "', 'p', 'fa:16:3e:00:00:07');"
                           "INSERT INTO address (subnet_id, ip, port_id) VALUES ('" SUB "', '10.0.0.7', '" GUEST "');"
                           "DELETE FROM subnet_pool; DELETE FROM address_scope;" SCOPED_POOL,
                           &err),
              &err);
    assert_true(trace_says("203.0.113.1", "nat", "pass", "10.0.0.7 speaks as 172.24.4.9"));
    assert_ok(kn_db_script(d.db, OF_POOL(POOL) SUB "'", &err), &err);
    assert_true(trace_says("203.0.113.1", "nat", "pass", "10.0.0.7 speaks as 172.24.4.9"));
    assert_false(trace_says("203.0.113.1", "scope", "stop", ""));
    SNAT("false");
    assert_true(trace_says("203.0.113.1", "scope", "stop",
                           "address scope: port " LEG " is of scope " SCOPE " and port " GATE " of scope none"));
    SNAT("true");
    assert_ok(kn_db_script(d.db, OF_POOL(POOL) EXT_SUB "'", &err), &err);
    assert_true(trace_says("203.0.113.1", "scope", "note",
                           "it goes outside as 10.0.0.7: nothing is translated within"));
    assert_false(trace_says("203.0.113.1", "nat", "pass", ""));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)
    const struct CMUnitTest tests[] = { T(test_placed),
                                        T(test_moved),
                                        T(test_kept),
                                        T(test_wants_another),
                                        T(test_new_host),
                                        T(test_nobody_speaks_for_another),
                                        T(test_zones_and_switches),
                                        T(test_told),
                                        T(test_scopes_are_traced),
                                        T(test_taken_from_one_that_dies),
                                        T(test_silent_bus),
                                        T(test_status),
                                        T(test_listed) };

    return cmocka_run_group_tests(tests, setup, kn_own_database_teardown);
}
