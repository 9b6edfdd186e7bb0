/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v2.0/ports/{id}/trace over the real front door and a real bus: which way rows say that a packet goes, what of it they stop, whom that asks about what, and
 * what becomes of hosts that are silent, refuse, or know better. The hosts are played here; what real ones say is test_network_trace.c's.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "network/api.h"
#include "tests/support/asked_agent.h"
#include "tests/support/front.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define LIMIT_MS 60000
#define HOST_WAIT_MS 400
#define ID(n) "77777777-7777-4777-8777-0000000000" #n
#define PORT(n) ID(1##n)
#define RULE_OUT ID(91)
#define RULE_PING ID(92)
#define ROUTER ID(50)
#define ADMIN "ad:admin"

static struct {
    struct kn_asked_agent on; /* of h1, h2 and h3 */
    struct kn_test_front *front;
    struct kn_test_http http;
} world;

/* --- the hosts -------------------------------------------------------------------------------------------------------- */

enum manner { PASSES, SILENT, REFUSES, STOPS, LETS_IN };
static enum manner manners[4]; /* of h1 to h3 */
static json_t *asked; /* {host: pieces} of the last trace */

static json_t *hop_of(int piece, const char *check, const char *verdict, const char *rule)
{
    json_t *hop = json_pack("{s:i, s:s, s:s, s:s}", "piece", piece, "check", check, "verdict", verdict, "says",
                            "as the host has it");

    if (rule != NULL) {
        json_object_set_new(hop, "rule", json_string(rule));
    }
    return hop;
}

static void host_answers(const struct kn_message *question)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { .type = question->type, .is_reply = true, .ok = true };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    const char *host = kn_json_str(question->body, "host");
    const enum manner manner = manners[host[1] - '0'];
    json_t *pieces = json_object_get(question->body, "pieces"), *hops = json_array();
    struct kn_error err = { 0 };

    json_object_set(asked, host, pieces);
    if (manner == STOPS || manner == LETS_IN) {
        json_array_append_new(hops, hop_of((int)json_array_size(pieces) - 1, "ingress",
                                           manner == STOPS ? "stop" : "pass", manner == STOPS ? NULL : RULE_PING));
        json_array_append_new(hops, hop_of(31, "ingress", "stop", NULL)); /* of no piece that it was asked about */
    }
    m.ok = manner != REFUSES;
    m.result = m.ok ? json_pack("{s:o, s:i}", "hops", hops, "version", 7) : NULL;
    if (!m.ok) {
        json_decref(hops);
        kn_fail(&m.error, KN_CONFLICT, "host \"%s\" is simulated", host);
    }
    kn_copy(m.question, sizeof(m.question), question->question);
    kn_copy(m.agent, sizeof(m.agent), world.on.agent);
    if (manner != SILENT) {
        assert_ok(kn_message_print(&m, &text, &err), &err);
        assert_ok(kn_bus_send(world.on.bus, KN_TOPIC_ANSWER, 0, text.buf, text.len, &err), &err);
    }
}

static void host_hears(void)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_bus_message raw;
    struct kn_error err = { 0 };

    if (kn_bus_poll(world.on.reader, &raw, 1, 20) == 0) {
        return;
    }
    assert_ok(kn_message_parse(raw.data, raw.len, &m, &err), &err);
    kn_bus_message_done(&raw);
    assert_ok(kn_message_fits(&m, &err), &err);
    assert_string_equal(m.type->name, "net.trace");
    host_answers(&m);
}

/* --- the client ------------------------------------------------------------------------------------------------------- */

static void get(const char *token, const char *path)
{
    AUTO_FREE char *text = kn_asprintf("GET /network/v2.0/ports/%s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\n\r\n",
                                       path, token);
    struct pollfd answer = { .fd = world.http.fd, .events = POLLIN };
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    json_decref(asked);
    asked = json_object();
    kn_test_http_send(&world.http, text, strlen(text));
    while (poll(&answer, 1, 0) == 0) {
        assert_true(kn_mono_ms() < deadline);
        host_hears();
    }
    assert_true(kn_test_http_read(&world.http, false));
}

/* The answer's "trace", a new reference. */
static json_t *trace(const char *port, const char *query)
{
    AUTO_FREE char *path = kn_asprintf("%s/trace?%s", port, query);

    get(ADMIN, path);
    if (world.http.status != 200) {
        fail_msg("%s: %d %s", query, world.http.status, world.http.body.buf);
    }
    json_auto_t *whole = json_loads(world.http.body.buf, 0, NULL);

    assert_non_null(whole);
    return json_incref(json_object_get(whole, "trace"));
}

static void assert_verdict(const json_t *said, const char *verdict, const char *check, const char *says)
{
    const json_t *stop = json_object_get(said, "stopped_by");

    if (strcmp(kn_json_str(said, "verdict"), verdict) != 0 || strcmp(kn_json_str(stop, "check"), check) != 0 ||
        strstr(kn_json_str(stop, "says"), says) == NULL) {
        AUTO_FREE char *text = json_dumps(said, JSON_INDENT(1));

        fail_msg("wanted %s by %s (%s): %s", verdict, check, says, text);
    }
}

/* --- the cloud -------------------------------------------------------------------------------------------------------- */

#define SUBNET_ROW(n, net, cidr, gateway, routes) \
    "('" ID(n) "', '" ID(net) "', 'p', 4, '" cidr "', '" gateway "', '" routes "', '[]')"
#define PORT_ROW(n, net, up, owner, device) \
    "('" PORT(n) "', '" ID(net) "', 'p', 'fa:16:3e:00:00:" #n "', " up ", '" owner "', '" device "')"
#define HAS(subnet, ip, n) "('" ID(subnet) "', '" ip "', '" PORT(n) "')"
#define BOUND(n, host) "('" PORT(n) "', '" host "', 'active')"

static void script(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(world.on.db, sql, &err), &err);
}

static void seed_hosts(void)
{
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO agent (id, boot) VALUES ('%s', 'b');"
        "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version)"
        " SELECT 'h' || n, gen_random_uuid(), '%s', 'nova', '192.0.2.' || n, 1, 1, 1, 100, 'QEMU', 1 FROM generate_series(1, 3) n;",
        world.on.agent, world.on.agent);

    script(sql);
}

static void seed(void)
{
    /* clang-format off */
    static const char *const ROWS[] = {
        "INSERT INTO network (id, project_id, vni) VALUES ('" ID(21) "', 'p', 21), ('" ID(22) "', 'p', 22);"
        "INSERT INTO network (id, project_id, vni, type, physical) VALUES ('" ID(23) "', 'p', 23, 'flat', 'public');"
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), 'p', 'network', '" ID(23) "',"
        " 'access_as_external', '*');",
        "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, host_routes, pools) VALUES "
        SUBNET_ROW(31, 21, "10.0.0.0/24", "10.0.0.1", "[{\"destination\": \"192.0.2.0/24\", \"nexthop\": \"10.0.0.9\"}]") ","
        SUBNET_ROW(32, 22, "10.2.0.0/24", "10.2.0.1", "[]") "," SUBNET_ROW(33, 23, "172.24.4.0/24", "172.24.4.1", "[]"),
        "INSERT INTO port (id, network_id, project_id, mac, admin_state_up, device_owner, device_id) VALUES "
        PORT_ROW(1, 21, "true", "compute:nova", "") "," PORT_ROW(2, 21, "true", "compute:nova", "") ","
        PORT_ROW(3, 21, "true", "compute:nova", "") "," PORT_ROW(4, 22, "true", "compute:nova", "") ","
        PORT_ROW(5, 21, "false", "compute:nova", "") "," PORT_ROW(6, 21, "true", "network:dhcp", "") ","
        PORT_ROW(7, 21, "true", "network:router_interface", ROUTER) "," PORT_ROW(8, 22, "true", "network:router_interface", ROUTER) ","
        PORT_ROW(9, 23, "true", "network:router_gateway", ROUTER) "," PORT_ROW(0, 23, "true", "network:floatingip", ""),
        "INSERT INTO address (subnet_id, ip, port_id) VALUES " HAS(31, "10.0.0.11", 1) "," HAS(31, "10.0.0.12", 2) "," HAS(31, "10.0.0.13", 3) ","
        HAS(32, "10.2.0.14", 4) "," HAS(31, "10.0.0.15", 5) "," HAS(31, "10.0.0.2", 6) "," HAS(31, "10.0.0.1", 7) "," HAS(32, "10.2.0.1", 8) ","
        HAS(33, "172.24.4.10", 9) "," HAS(33, "172.24.4.20", 0),
        "INSERT INTO port_binding (port_id, host, state) VALUES " BOUND(1, "h1") "," BOUND(2, "h2") "," BOUND(4, "h2") "," BOUND(5, "h1") ","
        BOUND(7, "h3") "," BOUND(8, "h3") "," BOUND(9, "h3"),
        "INSERT INTO router (id, project_id, host) VALUES ('" ROUTER "', 'p', 'h3');"
        "INSERT INTO floating_ip (id, project_id, network_id, own_port_id, ip, router_id, port_id, fixed_ip) VALUES "
        "('" ID(60) "', 'p', '" ID(23) "', '" PORT(0) "', '172.24.4.20', '" ROUTER "', '" PORT(4) "', '10.2.0.14')",
        "INSERT INTO security_group (id, project_id, name) VALUES ('" ID(90) "', 'p', 'g');"
        "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype) VALUES ('" RULE_OUT "', '" ID(90) "', 'p', 'egress', 'IPv4');"
        "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, protocol, number) VALUES ('" RULE_PING "', '" ID(90) "', 'p',"
        " 'ingress', 'IPv4', 'icmp', 1);"
        "INSERT INTO port_security_group (port_id, group_id) SELECT id, '" ID(90) "' FROM port WHERE device_owner = 'compute:nova'",
    };
    /* clang-format on */

    seed_hosts();
    for (size_t i = 0; i < KN_COUNT(ROWS); i++) {
        script(ROWS[i]);
    }
}

static int setup(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_network_api, NULL };

    (void)state;
    kn_asked_agent_start(&world.on, "trace");
    world.on.conf.api_host_wait_ms = HOST_WAIT_MS;
    seed();
    world.front = kn_test_front_start(&world.on.conf, APIS);
    world.http = kn_test_http_open(kn_test_front_port(world.front));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(asked);
    kn_test_http_close(&world.http);
    kn_test_front_free(world.front);
    kn_asked_agent_stop(&world.on);
    return 0;
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

/* An API that has just started asks nobody yet. */
static void test_hosts_are_asked(void **state)
{
    (void)state;
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    for (bool answered = false; !answered; kn_test_pause(20)) {
        json_auto_t *said = trace(PORT(1), "to=10.0.0.12");
        const json_t *first = json_array_get(json_object_get(said, "hosts"), 0);

        answered = json_is_true(json_object_get(first, "answered"));
        assert_true(kn_mono_ms() < deadline);
    }
}

static void test_the_way_by_rows(void **state)
{
    (void)state;
    static const struct {
        const char *port, *query, *verdict, *check, *says;
        size_t pieces[4]; /* of h1 to h3 */
        const char *source; /* as which a router sends it on; NULL: none is asked */
    } CASES[] = {
        { PORT(1), "to=10.0.0.12", "passes", "", "", { 0, 1, 1, 0 }, NULL },
        { PORT(1), "to=10.0.0.12:80", "stopped", "ingress", "lets it into port " PORT(2), { 0, 1, 1, 0 }, NULL },
        { PORT(1), "to=10.0.0.12:80&protocol=udp", "stopped", "ingress", "lets it into", { 0, 1, 1, 0 }, NULL },
        { PORT(1), "to=10.0.0.13", "stopped", "bound", "is unbound", { 0, 1, 0, 0 }, NULL },
        { PORT(3), "to=10.0.0.12", "stopped", "bound", "port " PORT(3) " is unbound", { 0, 0, 1, 0 }, NULL },
        { PORT(1), "to=10.0.0.15", "stopped", "up", "receiving port " PORT(5) " is down", { 0, 1, 0, 0 }, NULL },
        { PORT(5), "to=10.0.0.12", "stopped", "up", "port " PORT(5) " is down", { 0, 1, 1, 0 }, NULL },
        { PORT(1), "to=10.0.0.99", "stopped", "address", "no port of network " ID(21) " has 10.0.0.99", { 0 }, NULL },
        { PORT(1),
          "to=10.0.0.12&from=10.0.0.77",
          "stopped",
          "spoofing",
          "may not send from 10.0.0.77",
          { 0, 1, 1, 0 },
          NULL },
        { PORT(1), "to=10.2.0.14", "passes", "", "", { 0, 1, 1, 3 }, "10.0.0.11" },
        { PORT(1), "to=10.2.0.99", "stopped", "address", "no port of network " ID(22), { 0, 1, 0, 2 }, "10.0.0.11" },
        { PORT(1), "to=198.51.100.1:53&protocol=udp", "passes", "", "", { 0, 1, 0, 3 }, "172.24.4.10" },
        { PORT(4), "to=198.51.100.1", "passes", "", "", { 0, 0, 1, 3 }, "172.24.4.20" },
        { PORT(1), "to=172.24.4.20", "passes", "", "", { 0, 1, 1, 3 }, "172.24.4.10" },
        { PORT(1), "to=10.0.0.1", "passes", "", "", { 0, 1, 0, 2 }, "10.0.0.11" },
        { PORT(1), "to=192.0.2.5", "stopped", "address", "has 10.0.0.9", { 0 }, NULL },
        { PORT(1), "to=169.254.169.254:80", "passes", "", "", { 0, 1, 0, 0 }, NULL },
        { PORT(4), "to=169.254.169.254:80", "passes", "", "", { 0, 0, 1, 0 }, NULL }, /* no DHCP there */
        { PORT(1), "to=10.0.0.2:53&protocol=udp", "passes", "", "", { 0, 1, 0, 0 }, NULL },
        { PORT(1), "to=[fd00::1]:80", "stopped", "address", "has no IPv6 address", { 0 }, NULL },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_auto_t *said = trace(CASES[i].port, CASES[i].query);
        assert_verdict(said, CASES[i].verdict, CASES[i].check, CASES[i].says);
        for (int host = 1; host <= 3; host++) {
            AUTO_FREE char *name = kn_asprintf("h%d", host);

            if (json_array_size(json_object_get(asked, name)) != CASES[i].pieces[host]) {
                fail_msg("%s: %zu pieces of %s", CASES[i].query, json_array_size(json_object_get(asked, name)), name);
            }
        }
        if (CASES[i].source != NULL) {
            const json_t *router = json_array_get(json_object_get(asked, "h3"), 1);

            assert_string_equal(kn_json_str(router, "router"), ROUTER);
            assert_string_equal(kn_json_str(json_object_get(router, "after"), "source"), CASES[i].source);
        }
    }
}

static void test_rules_have_names(void **state)
{
    (void)state;
    json_auto_t *said = trace(PORT(1), "to=10.0.0.12");
    const json_t *hop;
    bool has_out = false, has_in = false;
    size_t i;

    json_array_foreach (json_object_get(said, "hops"), i, hop) {
        has_out |= strcmp(kn_json_str(hop, "check"), "egress") == 0 && strcmp(kn_json_str(hop, "rule"), RULE_OUT) == 0;
        has_in |= strcmp(kn_json_str(hop, "check"), "ingress") == 0 && strcmp(kn_json_str(hop, "rule"), RULE_PING) == 0;
    }
    assert_true(has_out && has_in);
    /* the two halves know each other's host */
    assert_string_equal(kn_json_str(json_array_get(json_object_get(asked, "h1"), 0), "far"), "192.0.2.2");
    assert_string_equal(kn_json_str(json_array_get(json_object_get(asked, "h2"), 0), "far"), "192.0.2.1");
}

static void test_routers_of_rows(void **state)
{
    (void)state;
    script("UPDATE router SET admin_state_up = false");
    json_auto_t *down = trace(PORT(1), "to=10.2.0.14");

    assert_verdict(down, "stopped", "up", "router " ROUTER " is down");
    script("UPDATE router SET admin_state_up = true, host = NULL");
    json_auto_t *nowhere = trace(PORT(1), "to=10.2.0.14");

    assert_verdict(nowhere, "stopped", "bound", "no host has router");
    script("UPDATE router SET host = 'h3', snat = false");
    json_auto_t *plain = trace(PORT(1), "to=198.51.100.1");

    assert_verdict(plain, "passes", "", "");
    assert_string_equal(kn_json_str(json_object_get(json_array_get(json_object_get(asked, "h3"), 1), "after"),
                                    "source"),
                        "10.0.0.11");
    script("UPDATE router SET snat = true; UPDATE subnet SET gateway_ip = NULL WHERE id = '" ID(33) "'");
    json_auto_t *lost = trace(PORT(1), "to=198.51.100.1");

    assert_verdict(lost, "stopped", "route", "missing route: router " ROUTER);
    script("UPDATE router SET routes = '[{\"destination\": \"198.51.100.0/24\", \"nexthop\": \"10.2.0.14\"}]'");
    json_auto_t *extra = trace(PORT(1), "to=198.51.100.1");

    assert_verdict(extra, "passes", "", "");
    assert_string_equal(kn_json_str(json_array_get(json_object_get(asked, "h3"), 1), "next"), "10.2.0.14");
    script("UPDATE router SET routes = '[]'; UPDATE subnet SET gateway_ip = '172.24.4.1' WHERE id = '" ID(
        33) "';"
            "UPDATE subnet SET gateway_ip = NULL WHERE id = '" ID(31) "'");
    json_auto_t *none = trace(PORT(1), "to=10.2.0.14");

    assert_verdict(none, "stopped", "route", "missing route: the subnets of port " PORT(1));
    script("UPDATE subnet SET gateway_ip = '10.0.0.1' WHERE id = '" ID(31) "'");
}

static void assert_told(const char *words)
{
    if (strstr(world.http.body.buf, words) == NULL) {
        fail_msg("no \"%s\" in %s", words, world.http.body.buf);
    }
}

#define PAIR(ip, mac) "'[{\"ip_address\": \"" ip "\", \"mac_address\": \"" mac "\"}]'"
#define SHARED_MAC "00:00:5e:00:01:33"

/* Addresses of pairs: whose it is by what was announced, where nobody said anything, and where nobody can know. */
static void test_an_address_that_moves(void **state)
{
    (void)state;
    script("UPDATE port SET allowed_pairs = " PAIR("10.0.0.100",
                                                   SHARED_MAC) " WHERE id IN ('" PORT(1) "', '" PORT(2) "')");
    json_decref(trace(PORT(1), "to=10.0.0.100"));

    assert_told("no guest announced it; port " PORT(1) " may have it, as " SHARED_MAC ", and is the one that hosts");
    script("INSERT INTO announced_address (network_id, ip, port_id, mac, number, heard_at, rests_until) VALUES ('" ID(
        21) "', '10.0.0.100', '" PORT(2) "', '" SHARED_MAC "', 7, '2026-11-30 08:00:00+00', now() + interval '1 h')");
    json_auto_t *moved = trace(PORT(1), "to=10.0.0.100");

    assert_verdict(moved, "passes", "", "");
    assert_told("port " PORT(2) " announced it last, as " SHARED_MAC ", heard on h2 at 2026-11-30 08:00:00 UTC");
    /* no host is asked about a MAC that the address does not have */
    assert_string_equal(kn_json_str(json_array_get(json_object_get(asked, "h2"), 0), "to_mac"), SHARED_MAC);
    assert_told("guests fight over 10.0.0.100: it moved 5 times in a short time and stays there until");
    script("UPDATE port SET allowed_pairs = '[]' WHERE id = '" PORT(2) "'"); /* it may not any more */
    json_decref(trace(PORT(1), "to=10.0.0.100"));
    assert_told("no guest announced it; port " PORT(1) " may have it");
    script("DELETE FROM announced_address; UPDATE port SET allowed_pairs = '[]';"
           "UPDATE port SET allowed_pairs = " PAIR("10.0.0.64/26", "fa:16:3e:00:00:02") " WHERE id = '" PORT(2) "'");
    json_auto_t *unknown = trace(PORT(1), "to=10.0.0.100");

    assert_string_equal(kn_json_str(unknown, "verdict"), "unknown");
    assert_told("hosts lead it nowhere, and whether a guest has it nobody knows");
    assert_int_equal(json_object_size(asked), 0); /* no wire is drawn to where it may be */
    script("UPDATE port SET allowed_pairs = '[]'");
}

/* Of a forwarded address only some ports lead in; what is for the others is the router's own. */
static void test_forwarded_ports(void **state)
{
    (void)state;
    script(
        "UPDATE floating_ip SET port_id = NULL, fixed_ip = NULL;"
        "INSERT INTO port_forwarding (id, floating_ip_id, port_id, fixed_ip, protocol, external_port, external_last, internal_port, internal_last)"
        " VALUES ('" ID(61) "', '" ID(60) "', '" PORT(
            4) "', '10.2.0.14', 'tcp', 8080, 8089, 80, 89);"
               "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, protocol, number) VALUES ('" ID(
                   93) "', '" ID(90) "', 'p', 'ingress', 'IPv4', 'tcp', 6)");
    json_auto_t *led = trace(PORT(1), "to=172.24.4.20:8083");
    const json_t *router = json_array_get(json_object_get(asked, "h3"), 1);

    assert_verdict(led, "passes", "", "");
    assert_told("172.24.4.20 leads to 10.2.0.14 (floating IP or port forwarding " ID(61) ")");
    assert_int_equal(kn_json_int(json_object_get(router, "after"), "destination_port"), 83);
    json_auto_t *own = trace(PORT(1), "to=172.24.4.20:22");

    assert_verdict(own, "passes", "", "");
    assert_told("172.24.4.20 is router " ROUTER " itself");
    script("DELETE FROM port_forwarding; DELETE FROM security_group_rule WHERE id = '" ID(
        93) "'; UPDATE floating_ip SET port_id = '" PORT(4) "', fixed_ip = '10.2.0.14'");
}

/* IPv6 is routed as it is. */
static void test_ipv6(void **state)
{
    (void)state;
    /* clang-format off */
    script("INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, pools) VALUES ('" ID(36) "', '" ID(21) "', 'p', 6, 'fd00:21::/64',"
           " 'fd00:21::1', '[]'), ('" ID(37) "', '" ID(22) "', 'p', 6, 'fd00:22::/64', 'fd00:22::1', '[]');"
           "INSERT INTO address (subnet_id, ip, port_id) VALUES " HAS(36, "fd00:21::11", 1) "," HAS(36, "fd00:21::1", 7) ","
           HAS(37, "fd00:22::1", 8) "," HAS(37, "fd00:22::14", 4) ";"
           "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, protocol, number) VALUES ('" ID(94) "', '" ID(90) "', 'p',"
           " 'egress', 'IPv6', NULL, NULL), ('" ID(95) "', '" ID(90) "', 'p', 'ingress', 'IPv6', 'icmp', 1)");
    /* clang-format on */
    json_auto_t *passes = trace(PORT(1), "to=fd00:22::14");

    assert_verdict(passes, "passes", "", "");
    assert_told("security group rule " ID(95) " lets it in");
    const json_t *router = json_array_get(json_object_get(asked, "h3"), 1);

    assert_string_equal(kn_json_str(json_object_get(router, "after"), "source"), "fd00:21::11");
    json_auto_t *stopped = trace(PORT(1), "to=[fd00:22::14]:80");

    assert_verdict(stopped, "stopped", "ingress", "no security group rule");
    json_auto_t *outside = trace(PORT(1), "to=2001:db8::1");

    assert_verdict(outside, "stopped", "route", "missing route: router " ROUTER);
    script("DELETE FROM address WHERE family(ip) = 6; DELETE FROM subnet WHERE ip_version = 6;"
           "DELETE FROM security_group_rule WHERE ethertype = 'IPv6'");
}

/* Rows are told whatever becomes of hosts, and what a host has is what counts. */
static void test_hosts_of_all_manners(void **state)
{
    (void)state;
    manners[2] = SILENT;
    json_auto_t *silent = trace(PORT(1), "to=10.0.0.12");

    assert_string_equal(kn_json_str(silent, "verdict"), "unknown");
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(silent, "hosts"), 0), "answered")));
    assert_true(json_is_false(json_object_get(json_array_get(json_object_get(silent, "hosts"), 1), "answered")));
    assert_non_null(strstr(world.http.body.buf, "h2 does not say what it has: the answer did not come within 0.4 s"));
    manners[1] = SILENT; /* all of them, one after the other */
    json_auto_t *stopped = trace(PORT(1), "to=10.0.0.12:80");

    assert_verdict(stopped, "stopped", "ingress", "no security group rule");
    manners[1] = PASSES;
    manners[2] = REFUSES;
    json_auto_t *refused = trace(PORT(1), "to=10.0.0.12");

    assert_string_equal(kn_json_str(refused, "verdict"), "unknown");
    assert_non_null(strstr(world.http.body.buf, "is simulated"));
    manners[2] = STOPS;
    json_auto_t *meddled = trace(PORT(1), "to=10.0.0.12");

    assert_verdict(meddled, "stopped", "ingress", "as the host has it");
    assert_true(json_is_true(json_object_get(meddled, "differs")));
    assert_string_equal(kn_json_str(json_object_get(meddled, "stopped_by"), "place"), "h2");
    manners[2] = LETS_IN; /* it was not told yet that the rule went */
    json_auto_t *late = trace(PORT(1), "to=10.0.0.12:80");

    assert_string_equal(kn_json_str(late, "verdict"), "passes");
    assert_true(json_is_true(json_object_get(late, "differs")));
    manners[2] = PASSES;
}

static void test_bad_questions(void **state)
{
    (void)state;
    static const char *const BAD[] = { "",
                                       "to=",
                                       "to=example.org",
                                       "to=10.0.0.12:",
                                       "to=10.0.0.12:70000",
                                       "to=10.0.0.12:-1",
                                       "to=10.0.0.12:80x",
                                       "to=fd00::1:80:x",
                                       "to=[10.0.0.12",
                                       "to=10.0.0.12&protocol=tcp",
                                       "to=10.0.0.12&protocol=udp",
                                       "to=10.0.0.12:80&protocol=icmp",
                                       "to=10.0.0.12:80&protocol=sctp",
                                       "to=10.0.0.12&from=fd00::1",
                                       "to=10.0.0.12&from=x",
                                       "to=10.0.0.12&via=10.0.0.1" };

    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *path = kn_asprintf(PORT(1) "/trace?%s", BAD[i]);

        get(ADMIN, path);
        if (world.http.status != 400 || strstr(world.http.body.buf, "\"InvalidInput\"") == NULL) {
            fail_msg("%s: %d %s", BAD[i], world.http.status, world.http.body.buf);
        }
        assert_int_equal(json_object_size(asked), 0);
    }
    get(ADMIN, ID(99) "/trace?to=10.0.0.12");
    assert_int_equal(world.http.status, 404);
    get(ADMIN, "nothing/trace?to=10.0.0.12");
    assert_int_equal(world.http.status, 404);
    get("p:member", PORT(1) "/trace?to=10.0.0.12");
    assert_int_equal(world.http.status, 403);
}

/* What the command writes, with its exit status behind it; hosts answer meanwhile. */
static void run_command(const char *words, char *out, size_t size)
{
    AUTO_FREE char *command = kn_asprintf(
        "OS_ENDPOINT=http://127.0.0.1:%d/network OS_TOKEN=ad:admin build/bin/kilonova net trace %s 2>&1; echo \"exit $?\"",
        kn_test_front_port(world.front), words);
    FILE *pipe = popen(command, "r");
    struct pollfd answer = { .fd = fileno(pipe), .events = POLLIN };
    const int64_t deadline = kn_mono_ms() + LIMIT_MS;

    while (poll(&answer, 1, 0) == 0) {
        assert_true(kn_mono_ms() < deadline);
        host_hears();
    }
    out[fread(out, 1, size - 1, pipe)] = '\0';
    pclose(pipe);
}

static void test_the_command(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says[4];
    } CASES[] = {
        { PORT(1) " --to 10.0.0.12",
          { "port " PORT(1) ", 10.0.0.11 -> 10.0.0.12, icmp\n", "\nrows\n  ok   port " PORT(1), "\nPASSES\n",
            "exit 0\n" } },
        { "--protocol tcp --to 10.0.0.12:80 " PORT(1),
          { "10.0.0.11 -> 10.0.0.12 port 80, tcp\n", "  STOP no security group rule",
            "\nSTOPPED: no security group rule", "exit 1\n" } },
        { PORT(1) " --to 10.0.0.12 --json",
          { "\"verdict\": \"passes\"", "\"place\": \"rows\"", "\"rule\": \"" RULE_PING, "exit 0\n" } },
        { PORT(1), { "a port's id and --to ADDRESS[:PORT] are wanted", "exit 2\n", "", "" } },
        { PORT(1) " --to", { "--to wants a value", "exit 2\n", "", "" } },
        { PORT(1) " --to 10.0.0.12 --colour", { "unknown argument \"--colour\"", "exit 2\n", "", "" } },
        { PORT(1) " --to nowhere", { "to= is no ADDRESS", "exit 2\n", "", "" } },
    };
    static char said[65536];

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        run_command(CASES[i].words, said, sizeof(said));
        for (size_t j = 0; j < KN_COUNT(CASES[i].says); j++) {
            if (strstr(said, CASES[i].says[j]) == NULL) {
                fail_msg("%s: wanted \"%s\": %s", CASES[i].words, CASES[i].says[j], said);
            }
        }
    }
    manners[2] = SILENT;
    run_command(PORT(1) " --to 10.0.0.12", said, sizeof(said));
    assert_non_null(strstr(said, "\nhost h2\n  ?    h2 does not say what it has"));
    assert_non_null(strstr(said, "\nUNKNOWN: "));
    assert_non_null(strstr(said, "exit 2\n"));
    manners[2] = STOPS;
    run_command(PORT(1) " --to 10.0.0.12", said, sizeof(said));
    assert_non_null(strstr(said, "\nRows and hosts differ"));
    assert_non_null(strstr(said, "\nSTOPPED on h2: as the host has it"));
    manners[2] = PASSES;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_are_asked),
        cmocka_unit_test(test_the_way_by_rows),
        cmocka_unit_test(test_rules_have_names),
        cmocka_unit_test(test_routers_of_rows),
        cmocka_unit_test(test_an_address_that_moves),
        cmocka_unit_test(test_forwarded_ports),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_hosts_of_all_manners),
        cmocka_unit_test(test_bad_questions),
        cmocka_unit_test(test_the_command),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
