/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers, floating IPs and forwarded ports over HTTP: what clients do and see, and everything that must be refused in Neutron's words and changes nothing.
 * What becomes of it on hosts is test_network_leases.c's and test_network_router.c's.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define READER KN_TEST_TOKEN("a11ce", "reader")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define NOBODY "99999999-9999-4999-8999-999999999999"
#define TYPE "NeutronError.type"
#define MESSAGE "NeutronError.message"

/* What most of them begin with: an external network, a network of Alice's with two ports, her router between. */
struct router_world {
    char external[40], outside[40], network[40], subnet[40], router[40], port[40], other[40];
};

static void keep(char out[40], const char *id)
{
    kn_copy(out, 40, id);
}

static void say(int status, const char *token, const char *method, const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static void say(int status, const char *token, const char *method, const char *path, const char *format, ...)
{
    static char body[2000];
    va_list args;

    va_start(args, format);
    vsnprintf(body, sizeof(body), format, args);
    va_end(args);
    kn_neutron_ask(status, token, method, path, body);
}

static void ask(int status, const char *token, const char *method, const char *path)
{
    kn_neutron_ask(status, token, method, path, NULL);
}

#define AT(noun, id, more) (snprintf(path_, sizeof(path_), "%s/%s%s", noun, id, more), path_)
static char path_[300];

static void external(struct router_world *w)
{
    say(201, ADMIN, "POST", "networks", "{\"network\":{\"name\":\"public\",\"router:external\":true}}");
    keep(w->external, neutron_get("network.id"));
    say(201, ADMIN, "POST", "subnets",
        "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"172.24.4.0/24\",\"enable_dhcp\":false}}",
        w->external);
    keep(w->outside, neutron_get("subnet.id"));
}

static void port(struct router_world *w, char out[40], const char *more)
{
    say(201, ALICE, "POST", "ports", "{\"port\":{\"network_id\":\"%s\"%s}}", w->network, more);
    keep(out, neutron_get("port.id"));
}

static void leg(int status, const char *token, const struct router_world *w, const char *verb, const char *key,
                const char *id)
{
    char path[200];

    snprintf(path, sizeof(path), "routers/%s/%s_router_interface", w->router, verb);
    say(status, token, "PUT", path, "{\"%s\":\"%s\"}", key, id);
}

static void make(struct router_world *w)
{
    external(w);
    say(201, ALICE, "POST", "networks", "{\"network\":{\"name\":\"hers\"}}");
    keep(w->network, neutron_get("network.id"));
    say(201, ALICE, "POST", "subnets", "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"}}",
        w->network);
    keep(w->subnet, neutron_get("subnet.id"));
    say(201, ALICE, "POST", "routers",
        "{\"router\":{\"name\":\"r\",\"external_gateway_info\":{\"network_id\":\"%s\"}}}", w->external);
    keep(w->router, neutron_get("router.id"));
    leg(200, ALICE, w, "add", "subnet_id", w->subnet);
    port(w, w->port, "");
    port(w, w->other, "");
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

#define assert_said(path, wanted) assert_string_equal(neutron_get(path), wanted)
#define assert_holds(path, wanted) assert_non_null(strstr(neutron_get(path), wanted))

/* --- routers ------------------------------------------------------------------------------------------------------ */

static void test_router_life(void **state)
{
    struct router_world w;

    (void)state;
    external(&w);
    say(201, ALICE, "POST", "routers", "{\"router\":{\"name\":\"r\",\"description\":\"d\",\"admin_state_up\":false}}");
    keep(w.router, neutron_get("router.id"));
    assert_said("router.status", "ACTIVE");
    assert_said("router.external_gateway_info", "null");
    assert_said("router.routes", "[]");
    assert_said("router.availability_zone_hints", "[]");
    assert_said("router.project_id", "a11ce");
    assert_said("router.ha", "(absent)");
    ask(200, ADMIN, "GET", AT("routers", w.router, ""));
    assert_said("router.ha", "false");
    assert_said("router.distributed", "false");
    ask(404, BOB, "GET", AT("routers", w.router, ""));
    assert_said(TYPE, "RouterNotFound");
    say(200, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"name\":\"new\",\"external_gateway_info\":{\"network_id\":\"%s\"}}}", w.external);
    assert_said("router.name", "new");
    assert_said("router.external_gateway_info.network_id", w.external);
    assert_said("router.external_gateway_info.enable_snat", "true");
    assert_said("router.external_gateway_info.external_fixed_ips.0.subnet_id", w.outside);
    assert_said("router.external_gateway_info.external_fixed_ips.0.ip_address", "172.24.4.2");
    ask(200, ALICE, "GET", "routers?name=new&fields=id");
    assert_int_equal(neutron_count("routers"), 1);
    say(200, ADMIN, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\",\"enable_snat\":false,\"external_fixed_ips\":"
        "[{\"ip_address\":\"172.24.4.77\"}]}}}",
        w.external);
    assert_said("router.external_gateway_info.enable_snat", "false");
    assert_said("router.external_gateway_info.external_fixed_ips.0.ip_address", "172.24.4.77");
    say(200, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"external_gateway_info\":{}}}");
    assert_said("router.external_gateway_info", "null");
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_owner = 'network:router_gateway'"), 0);
    ask(204, ALICE, "DELETE", AT("routers", w.router, ""));
    ask(404, ALICE, "DELETE", AT("routers", w.router, ""));
    assert_int_equal(number("SELECT used FROM quota_usage WHERE resource = 'router' AND project_id = 'a11ce'"), 0);
}

static void test_bad_routers(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    say(404, ALICE, "POST", "routers", "{\"router\":{\"external_gateway_info\":{\"network_id\":\"" NOBODY "\"}}}");
    assert_said(TYPE, "NetworkNotFound");
    say(400, ALICE, "POST", "routers", "{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\"}}}", w.network);
    assert_holds(MESSAGE, "is not an external network");
    say(403, ALICE, "POST", "routers",
        "{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\",\"enable_snat\":false}}}", w.external);
    say(400, ADMIN, "POST", "routers",
        "{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\",\"external_fixed_ips\":[{\"ip_address\":\"172.24.4.1\"}]}}}",
        w.external);
    assert_holds(MESSAGE, "is the same as the gateway IP");
    say(403, ALICE, "POST", "routers", "{\"router\":{\"distributed\":true}}");
    say(400, ADMIN, "POST", "routers", "{\"router\":{\"distributed\":true}}");
    say(400, ADMIN, "POST", "routers", "{\"router\":{\"ha\":true}}");
    say(400, ADMIN, "POST", "routers", "{\"router\":{\"flavor_id\":\"" NOBODY "\"}}");
    say(404, ALICE, "POST", "routers", "{\"router\":{\"availability_zone_hints\":[\"moon\"]}}");
    assert_said(TYPE, "AvailabilityZoneNotFound");
    say(403, READER, "POST", "routers", "{\"router\":{}}");
    ask(409, ALICE, "DELETE", AT("routers", w.router, ""));
    assert_said(TYPE, "RouterInUse");
    assert_holds(MESSAGE, "has ports still attached");
    assert_int_equal(number("SELECT count(*) FROM router"), 1);
}

/* --- legs --------------------------------------------------------------------------------------------------------- */

static void test_legs(void **state)
{
    struct router_world w;
    char second[40], mine[40], path[100];

    (void)state;
    make(&w);
    leg(400, ALICE, &w, "add", "subnet_id", w.subnet);
    assert_said(TYPE, "BadRequest");
    assert_holds(MESSAGE, "Router already has a port on subnet");
    say(201, ALICE, "POST", "networks", "{\"network\":{}}");
    keep(second, neutron_get("network.id"));
    say(201, ALICE, "POST", "subnets", "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.0.0.0/16\"}}",
        second);
    leg(400, ALICE, &w, "add", "subnet_id", neutron_get("subnet.id"));
    assert_holds(MESSAGE, "overlaps with cidr");
    leg(400, ADMIN, &w, "add", "subnet_id", w.outside); /* where its gateway is already */
    assert_holds(MESSAGE, "Router already has a port on subnet");
    say(201, ALICE, "POST", "subnets", "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.9.0.0/24\"}}",
        second);
    say(201, ALICE, "POST", "ports", "{\"port\":{\"network_id\":\"%s\",\"fixed_ips\":[{\"subnet_id\":\"%s\"}]}}",
        second, neutron_get("subnet.id"));
    keep(mine, neutron_get("port.id"));
    leg(404, BOB, &w, "add", "port_id", mine);
    leg(200, ALICE, &w, "add", "port_id", mine);
    assert_said("port_id", mine);
    assert_said("network_id", second);
    assert_said("id", w.router);
    leg(409, ALICE, &w, "add", "port_id", mine);
    assert_said(TYPE, "PortInUse");
    ask(200, ALICE, "GET", AT("ports", mine, ""));
    assert_said("port.device_id", w.router);
    assert_said("port.device_owner", "network:router_interface");
    ask(409, ALICE, "DELETE", AT("ports", mine, ""));
    assert_said(TYPE, "ServicePortInUse");
    snprintf(path, sizeof(path), "routers/%s/add_router_interface", w.router);
    say(400, ALICE, "PUT", path, "{}");
    assert_holds(MESSAGE, "Either subnet_id or port_id must be specified");
    say(400, ALICE, "PUT", path, "{\"subnet_id\":\"%s\",\"port_id\":\"%s\"}", w.subnet, mine);
    say(400, ALICE, "PUT", path, "{\"subnet_id\":\"x\"}");
    leg(404, ALICE, &w, "remove", "port_id", w.port);
    assert_said(TYPE, "RouterInterfaceNotFound");
    leg(404, ALICE, &w, "remove", "subnet_id", w.outside);
    leg(200, ALICE, &w, "remove", "port_id", mine);
    ask(404, ALICE, "GET", AT("ports", mine, ""));
    leg(200, ALICE, &w, "remove", "subnet_id", w.subnet);
    assert_said("subnet_id", w.subnet);
    leg(404, ALICE, &w, "remove", "subnet_id", w.subnet);
    assert_said(TYPE, "RouterInterfaceNotFoundForSubnet");
    assert_int_equal(number("SELECT used FROM quota_usage WHERE resource = 'port' AND project_id = 'a11ce'"), 2);
    say(400, ALICE, "POST", "ports", "{\"port\":{\"network_id\":\"%s\",\"device_owner\":\"network:router_interface\"}}",
        w.network);
    ask(204, ALICE, "DELETE", AT("routers", w.router, ""));
}

static void test_routes(void **state)
{
    struct router_world w;
    char path[120];

    (void)state;
    make(&w);
#define A_ROUTE "{\"destination\":\"203.0.113.0/24\",\"nexthop\":\"10.0.0.9\"}"
#define B_ROUTE "{\"destination\":\"198.51.100.0/24\",\"nexthop\":\"10.0.0.9\"}"
    say(200, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"routes\":[" A_ROUTE "]}}");
    assert_said("router.routes.0.nexthop", "10.0.0.9");
    say(400, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"routes\":[{\"destination\":\"203.0.113.0/24\",\"nexthop\":\"192.0.2.1\"}]}}");
    assert_said(TYPE, "InvalidRoutes");
    assert_holds(MESSAGE, "the nexthop is not connected with router");
    say(400, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"routes\":[{\"destination\":\"203.0.113.0/24\",\"nexthop\":\"10.0.0.1\"}]}}");
    assert_holds(MESSAGE, "the nexthop is used by router");
    say(400, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"routes\":[{\"destination\":\"x\",\"nexthop\":\"10.0.0.9\"}]}}");
    say(400, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"routes\":[{\"destination\":\"203.0.113.5/24\",\"nexthop\":\"10.0.0.9\"}]}}");
    assert_holds(MESSAGE, "'203.0.113.5/24' is not a valid CIDR");
    say(400, ALICE, "PUT", AT("routers", w.router, ""),
        "{\"router\":{\"routes\":[{\"destination\":\"127.0.0.0/8\",\"nexthop\":\"10.0.0.9\"}]}}");
    say(400, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"routes\":[" A_ROUTE "," A_ROUTE "]}}");
    snprintf(path, sizeof(path), "routers/%s/add_extraroutes", w.router);
    say(200, ALICE, "PUT", path, "{\"router\":{\"routes\":[" A_ROUTE "," B_ROUTE "]}}");
    assert_said("router.routes.1.destination", "198.51.100.0/24");
    leg(409, ALICE, &w, "remove", "subnet_id", w.subnet);
    assert_said(TYPE, "RouterInterfaceInUseByRoute");
    snprintf(path, sizeof(path), "routers/%s/remove_extraroutes", w.router);
    say(200, ALICE, "PUT", path, "{\"router\":{\"routes\":[" A_ROUTE "]}}");
    assert_said("router.routes.0.destination", "198.51.100.0/24");
    say(200, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"routes\":null}}");
    assert_said("router.routes", "[]");
}

/* --- floating IPs --------------------------------------------------------------------------------------------------- */

#define FORWARD(outer, inner) \
    "{\"port_forwarding\":{\"protocol\":\"tcp\",\"external_port\":" outer ",\"internal_port\":" inner \
    ",\"internal_port_id\":\"%s\"}}"
static void floating(int status, const char *token, const struct router_world *w, const char *more)
{
    say(status, token, "POST", "floatingips", "{\"floatingip\":{\"floating_network_id\":\"%s\"%s}}", w->external, more);
}

static void test_floating_life(void **state)
{
    struct router_world w;
    char id[40], again[40];

    (void)state;
    make(&w);
    floating(201, ALICE, &w, ",\"description\":\"d\"");
    keep(id, neutron_get("floatingip.id"));
    assert_said("floatingip.status", "DOWN");
    assert_said("floatingip.port_id", "null");
    assert_said("floatingip.fixed_ip_address", "null");
    assert_said("floatingip.router_id", "null");
    assert_said("floatingip.port_details", "null");
    assert_said("floatingip.floating_ip_address", "172.24.4.3");
    say(200, ALICE, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"port_id\":\"%s\"}}", w.port);
    assert_said("floatingip.port_id", w.port);
    assert_said("floatingip.router_id", w.router);
    assert_said("floatingip.fixed_ip_address", "10.0.0.3");
    assert_said("floatingip.port_details.network_id", w.network);
    say(200, ALICE, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"description\":\"new\"}}");
    assert_said("floatingip.port_id", w.port); /* what is not said stays */
    say(200, ALICE, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"port_id\":\"%s\"}}", w.other);
    assert_said("floatingip.port_id", w.other);
    ask(200, ALICE, "GET", "floatingips?floating_ip_address=172.24.4.3");
    assert_int_equal(neutron_count("floatingips"), 1);
    leg(409, ALICE, &w, "remove", "subnet_id", w.subnet);
    assert_said(TYPE, "RouterInterfaceInUseByFloatingIP");
    say(409, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"external_gateway_info\":null}}");
    assert_said(TYPE, "RouterExternalGatewayInUseByFloatingIp");
    ask(200, ALICE, "GET", AT("floatingips", id, ""));
    const int64_t revision = number("SELECT revision FROM floating_ip");

    ask(204, ALICE, "DELETE", AT("ports", w.other, "")); /* takes it back */
    assert_int_equal(number("SELECT revision FROM floating_ip"), revision + 1);
    ask(200, ALICE, "GET", AT("floatingips", id, ""));
    assert_said("floatingip.port_id", "null");
    assert_said("floatingip.fixed_ip_address", "null");
    assert_said("floatingip.router_id", "null");
    say(200, ALICE, "PUT", AT("floatingips", id, ""),
        "{\"floatingip\":{\"port_id\":\"%s\",\"fixed_ip_address\":\"10.0.0.3\"}}", w.port);
    say(200, ALICE, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"port_id\":null}}");
    assert_said("floatingip.router_id", "null");
    ask(204, ALICE, "DELETE", AT("floatingips", id, ""));
    ask(404, ALICE, "GET", AT("floatingips", id, ""));
    assert_said(TYPE, "FloatingIPNotFound");
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_owner = 'network:floatingip'"), 0);
    floating(201, ADMIN, &w, ",\"floating_ip_address\":\"172.24.4.200\"");
    keep(again, neutron_get("floatingip.id"));
    assert_said("floatingip.floating_ip_address", "172.24.4.200");
    floating(409, ADMIN, &w, ",\"floating_ip_address\":\"172.24.4.200\"");
    assert_said(TYPE, "IpAddressAlreadyAllocated");
    ask(204, ADMIN, "DELETE", AT("floatingips", again, ""));
}

static void test_bad_floating(void **state)
{
    struct router_world w;
    char far[40], extra[200], id[40];

    (void)state;
    make(&w);
    say(400, ALICE, "POST", "floatingips", "{\"floatingip\":{\"floating_network_id\":\"%s\"}}", w.network);
    assert_holds(MESSAGE, "is not a valid external network");
    say(404, ALICE, "POST", "floatingips", "{\"floatingip\":{\"floating_network_id\":\"" NOBODY "\"}}");
    floating(403, ALICE, &w, ",\"floating_ip_address\":\"172.24.4.200\"");
    floating(400, ALICE, &w, ",\"fixed_ip_address\":\"10.0.0.3\"");
    assert_holds(MESSAGE, "fixed_ip_address cannot be specified without a port_id");
    floating(404, ALICE, &w, ",\"port_id\":\"" NOBODY "\"");
    say(201, ALICE, "POST", "networks", "{\"network\":{}}");
    keep(far, neutron_get("network.id"));
    say(201, ALICE, "POST", "subnets", "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.7.0.0/24\"}}",
        far);
    say(201, ALICE, "POST", "ports", "{\"port\":{\"network_id\":\"%s\"}}", far);
    snprintf(extra, sizeof(extra), ",\"port_id\":\"%s\"", neutron_get("port.id"));
    floating(404, ALICE, &w, extra);
    assert_said(TYPE, "ExternalGatewayForFloatingIPNotFound");
    snprintf(extra, sizeof(extra), ",\"port_id\":\"%s\",\"fixed_ip_address\":\"10.0.0.99\"", w.port);
    floating(400, ALICE, &w, extra);
    assert_holds(MESSAGE, "does not have fixed ip 10.0.0.99");
    snprintf(extra, sizeof(extra), ",\"port_id\":\"%s\"", w.port);
    floating(201, ALICE, &w, extra);
    keep(id, neutron_get("floatingip.id"));
    floating(409, ALICE, &w, extra);
    assert_said(TYPE, "FloatingIPPortAlreadyAssociated");
    say(400, ALICE, "PUT", AT("ports", w.port, ""), "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}]}}");
    assert_holds(MESSAGE, "its original fixed_ip has been associated to a floating ip");
    say(404, BOB, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"port_id\":null}}");
    floating(201, BOB, &w, "");
    say(404, BOB, "POST", AT("floatingips", neutron_get("floatingip.id"), "/port_forwardings"), FORWARD("8", "8"),
        w.port);
    /* two addresses: which is meant must be said */
    port(&w, far, ",\"fixed_ips\":[{\"ip_address\":\"10.0.0.60\"},{\"ip_address\":\"10.0.0.61\"}]");
    snprintf(extra, sizeof(extra), ",\"port_id\":\"%s\"", far);
    floating(400, ALICE, &w, extra);
    assert_holds(MESSAGE, "has multiple fixed IPv4 addresses");
    snprintf(extra, sizeof(extra), ",\"port_id\":\"%s\",\"fixed_ip_address\":\"10.0.0.61\"", far);
    floating(201, ALICE, &w, extra);
    assert_said("floatingip.fixed_ip_address", "10.0.0.61");
    assert_int_equal(number("SELECT count(*) FROM floating_ip WHERE port_id IS NOT NULL"), 2);
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_owner = 'network:floatingip'"), 3);
}

/* --- forwarded ports ------------------------------------------------------------------------------------------------ */

static void test_forwardings(void **state)
{
    struct router_world w;
    char id[40], one[40], path[200];

    (void)state;
    make(&w);
    floating(201, ALICE, &w, "");
    keep(id, neutron_get("floatingip.id"));
    snprintf(path, sizeof(path), "floatingips/%s/port_forwardings", id);
    AUTO_FREE char *port_revision = kn_asprintf("SELECT revision FROM port WHERE id = '%s'", w.port);
    const int64_t of_port = number(port_revision);
    const int64_t revision = number("SELECT revision FROM floating_ip");

    say(201, ALICE, "POST", path, FORWARD("2222", "22"), w.port);
    assert_int_equal(number("SELECT revision FROM floating_ip"), revision + 1); /* it forwards: that is a part of it */
    assert_int_equal(number(port_revision), of_port + 1); /* and of the port inside, in Neutron */
    keep(one, neutron_get("port_forwarding.id"));
    assert_said("port_forwarding.internal_ip_address", "10.0.0.3");
    assert_said("port_forwarding.external_port", "2222");
    say(400, ALICE, "POST", path, FORWARD("2222", "23"), w.port);
    assert_holds(MESSAGE, "port collision with the external_port_range");
    say(400, ALICE, "POST", path, FORWARD("2223", "22"), w.port);
    say(400, ALICE, "POST", path, FORWARD("70000", "22"), w.other);
    say(201, ALICE, "POST", path, FORWARD("2223", "22"), w.other);
    ask(200, ALICE, "GET", path);
    assert_int_equal(neutron_count("port_forwardings"), 2);
    ask(404, BOB, "GET", path);
    ask(200, ALICE, "GET", AT("floatingips", id, ""));
    assert_said("floatingip.router_id", w.router);
    assert_said("floatingip.port_forwardings.1.internal_port", "22");
    say(409, ALICE, "PUT", AT("floatingips", id, ""), "{\"floatingip\":{\"port_id\":\"%s\"}}", w.other);
    assert_said(TYPE, "FipInUseByPortForwarding");
    leg(409, ALICE, &w, "remove", "subnet_id", w.subnet);
    ask(409, ALICE, "DELETE", AT("floatingips", id, ""));
    assert_said(TYPE, "FipInUseByPortForwarding");
    snprintf(path, sizeof(path), "floatingips/%s/port_forwardings/%s", id, one);
    say(200, ALICE, "PUT", path, "{\"port_forwarding\":{\"external_port\":2200}}");
    assert_said("port_forwarding.external_port", "2200");
    ask(200, ALICE, "GET", path);
    const int64_t two = number("SELECT revision FROM floating_ip");

    ask(204, ALICE, "DELETE", path);
    assert_int_equal(number("SELECT revision FROM floating_ip"), two + 1);
    ask(404, ALICE, "GET", path);
    ask(204, ALICE, "DELETE", AT("ports", w.other, ""));
    assert_int_equal(number("SELECT count(*) FROM port_forwarding"), 0);
    ask(204, ALICE, "DELETE", AT("floatingips", id, ""));
}

/* Ranges: as many ports inside as outside, or all to one; none of them twice. */
static void test_forwarded_ranges(void **state)
{
    static const struct {
        int status;
        const char *ports, *words;
    } CASES[] = {
        { 201, "\"external_port_range\":\"8000:8010\",\"internal_port_range\":\"80:90\"", NULL },
        { 201, "\"external_port_range\":\"7000:7010\",\"internal_port\":22", NULL },
        { 201, "\"external_port_range\":9000,\"internal_port_range\":\"9000\"", NULL },
        { 400, "\"external_port_range\":\"1:2\",\"internal_port_range\":\"1:3\"", "must be N-N or 1-N" },
        { 400, "\"external_port\":1,\"internal_port_range\":\"1:3\"", "must be N-N or 1-N" },
        { 400, "\"external_port_range\":\"8010:8020\",\"internal_port_range\":\"100:110\"",
          "There is a port collision with the external_port_range. The following ranges collide: 8000:8010 and 8010:8020" },
        { 400, "\"external_port_range\":\"100:110\",\"internal_port_range\":\"90:100\"",
          "There is a port collision with the internal_port_range. The following ranges collide: 80:90 and 90:100" },
        { 400, "\"external_port\":8005,\"internal_port\":1000", "8000:8010 and 8005:8005" },
        { 400, "\"external_port_range\":\"9:8\",\"internal_port\":1", "First port in a port range must be lower" },
        { 400, "\"external_port_range\":\"1:2:3\",\"internal_port\":1", "must be two integers separated by a colon" },
        { 400, "\"external_port_range\":\":2\",\"internal_port\":1", "must be two integers separated by a colon" },
        { 400, "\"external_port_range\":\"1:\",\"internal_port\":1", "must be two integers separated by a colon" },
        { 400, "\"external_port_range\":\"0:2\",\"internal_port\":1", "Invalid port" },
        { 400, "\"external_port_range\":\"1:65536\",\"internal_port\":1", "Invalid port" },
        { 400, "\"external_port_range\":\"a:b\",\"internal_port\":1", "Invalid port" },
        { 400, "\"external_port_range\":\"1\",\"external_port\":1,\"internal_port\":1", "together with external_port" },
        { 400, "\"internal_port\":1", "Required attribute 'external_port' not specified" },
        { 400, "\"external_port\":1", "Required attribute 'internal_port' not specified" },
    };
    struct router_world w;
    char id[40], path[200], one[40];

    (void)state;
    make(&w);
    floating(201, ALICE, &w, "");
    keep(id, neutron_get("floatingip.id"));
    snprintf(path, sizeof(path), "floatingips/%s/port_forwardings", id);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        say(CASES[i].status, ALICE, "POST", path,
            "{\"port_forwarding\":{\"protocol\":\"tcp\",%s,\"internal_port_id\":\"%s\"}}", CASES[i].ports, w.port);
        if (CASES[i].words != NULL) {
            assert_holds(MESSAGE, CASES[i].words);
        } else if (i == 0) {
            keep(one, neutron_get("port_forwarding.id"));
            assert_said("port_forwarding.external_port_range", "8000:8010");
            assert_said("port_forwarding.internal_port_range", "80:90");
            assert_said("port_forwarding.external_port", "null");
            assert_said("port_forwarding.internal_port", "null");
        } else if (i == 2) {
            assert_said("port_forwarding.external_port_range", "9000:9000");
            assert_said("port_forwarding.external_port", "9000");
        }
    }
    assert_int_equal(number("SELECT count(*) FROM port_forwarding"), 3);
    ask(200, ALICE, "GET", AT("floatingips", id, ""));
    assert_said("floatingip.port_forwardings.0.internal_port_id", w.port);
    assert_said("floatingip.port_forwardings.0.external_port", "null");
    snprintf(path, sizeof(path), "floatingips/%s/port_forwardings/%s", id, one);
    say(400, ALICE, "PUT", path, "{\"port_forwarding\":{\"internal_port_range\":\"80:91\"}}");
    say(400, ALICE, "PUT", path, "{\"port_forwarding\":{\"external_port_range\":\"7010:7020\"}}");
    say(200, ALICE, "PUT", path, "{\"port_forwarding\":{\"external_port_range\":\"8005:8015\"}}");
    say(200, ALICE, "PUT", path, "{\"port_forwarding\":{\"external_port\":8005,\"internal_port\":80}}");
    assert_said("port_forwarding.external_port_range", "8005:8005");
    say(200, ALICE, "PUT", path, "{\"port_forwarding\":{\"description\":\"d\"}}");
    assert_said("port_forwarding.external_port", "8005");
}

/* Whoever may not take another's floating address from his port may not do so by ending the port. */
static void test_lent_by_another(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    say(201, ADMIN, "POST", "floatingips", "{\"floatingip\":{\"floating_network_id\":\"%s\",\"port_id\":\"%s\"}}",
        w.external, w.port);
    keep(w.other, neutron_get("floatingip.id"));
    ask(409, ALICE, "DELETE", AT("ports", w.port, ""));
    assert_said(TYPE, "FipAssociated");
    say(200, ADMIN, "PUT", AT("floatingips", w.other, ""), "{\"floatingip\":{\"description\":\"d\"}}");
    assert_said("floatingip.port_id", w.port);
    say(200, ADMIN, "PUT", AT("floatingips", w.other, ""),
        "{\"floatingip\":{}}"); /* whoever says nothing takes it back */
    assert_said("floatingip.port_id", "null");
    assert_said("floatingip.description", "d");
    ask(204, ADMIN, "DELETE", AT("ports", w.port, ""));
}

/* --- external networks ---------------------------------------------------------------------------------------------- */

static void test_external_networks(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    say(403, ALICE, "POST", "networks", "{\"network\":{\"router:external\":true}}");
    ask(200, BOB, "GET", AT("networks", w.external, ""));
    assert_said("network.router:external", "true");
    ask(200, BOB, "GET", "networks?router:external=true");
    assert_int_equal(neutron_count("networks"), 1);
    ask(200, BOB, "GET", "subnets");
    assert_int_equal(neutron_count("subnets"), 0);
    say(409, ADMIN, "PUT", AT("networks", w.external, ""), "{\"network\":{\"router:external\":false}}");
    assert_said(TYPE, "ExternalNetworkInUse");
    floating(201, ALICE, &w, "");
    ask(409, ADMIN, "DELETE", AT("networks", w.external, ""));
    assert_said(TYPE, "NetworkInUse");
    say(200, ALICE, "PUT", AT("routers", w.router, ""), "{\"router\":{\"external_gateway_info\":null}}");
    ask(204, ADMIN, "DELETE", AT("networks", w.external, "")); /* with the address that is lent to nobody */
    assert_int_equal(number("SELECT count(*) FROM floating_ip"), 0);
    assert_int_equal(number("SELECT used FROM quota_usage WHERE resource = 'floatingip' AND project_id = 'a11ce'"), 0);
    say(400, ADMIN, "POST", "networks", "{\"network\":{\"provider:network_type\":\"flat\"}}");
    say(400, ADMIN, "POST", "networks",
        "{\"network\":{\"provider:network_type\":\"flat\",\"provider:physical_network\":\"nowhere\"}}");
    assert_holds(MESSAGE, "physical_network 'nowhere' unknown for flat provider network");
}

static void test_quotas(void **state)
{
    struct router_world w;

    (void)state;
    make(&w);
    say(200, ADMIN, "PUT", "quotas/a11ce", "{\"quota\":{\"router\":1,\"floatingip\":1}}");
    assert_said("quota.floatingip", "1");
    say(409, ALICE, "POST", "routers", "{\"router\":{}}");
    assert_said(TYPE, "OverQuota");
    assert_holds(MESSAGE, "'router'");
    floating(201, ALICE, &w, "");
    floating(409, ALICE, &w, "");
    assert_holds(MESSAGE, "'floatingip'");
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_owner = 'network:floatingip'"), 1);
    assert_int_equal(
        number("SELECT count(*) FROM quota_fact f LEFT JOIN quota_usage u USING (service, project_id, resource)"
               " WHERE f.service = 'network' AND f.used <> coalesce(u.used, 0)"),
        0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, kn_neutron_fresh)
    const struct CMUnitTest tests[] = {
        T(test_router_life),     T(test_bad_routers),       T(test_legs),        T(test_routes),
        T(test_floating_life),   T(test_bad_floating),      T(test_forwardings), T(test_forwarded_ranges),
        T(test_lent_by_another), T(test_external_networks), T(test_quotas),
    };

    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
