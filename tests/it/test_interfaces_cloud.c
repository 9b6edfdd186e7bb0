/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NICs that a server gets and loses, in a whole cloud on simulated hosts: what the server shows, what the host has, what is counted; ports that are given, made, deleted; and
 * daemons that die in the middle. After each step the audit finds every promise kept: no port without a device, no device without a port.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define NETWORK_API "/network/v2.0"
#define NO_TASKS "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define NICS "SELECT coalesce(sum(json_array_length(nics)), 0) FROM server WHERE deleted_at IS NULL"
#define MADE "SELECT count(*) FROM port WHERE made_for_server"
#define NEW KN_WHOLE_JSON "OpenStack-API-Version: compute 2.79\r\n"

static char server[KN_UUID_SIZE], network[KN_UUID_SIZE], other[KN_UUID_SIZE];

static void ask(int status, const char *method, const char *path, const char *body)
{
    kn_whole_cloud_expect(status, method, path, NEW, body);
}

static void make_network(const char *name, const char *cidr, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"network\": {\"name\": \"%s\"}}", name), *subnet = NULL;

    ask(201, "POST", NETWORK_API "/networks", body);
    kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("network.id"));
    subnet = kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"%s\"}}", ret_id, cidr);
    ask(201, "POST", NETWORK_API "/subnets", subnet);
}

static void post_server(void)
{
    const char *flavor = kn_whole_cloud_flavor(), *image = kn_whole_cloud_image();
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", "
                                       "\"networks\": [{\"uuid\": \"%s\"}]}}",
                                       flavor, image, network);

    ask(202, "POST", SERVERS, body);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE vm_state = 'active'", 1);
}

static void sound(void)
{
    kn_whole_cloud_await(NO_TASKS, 0);
    assert_true(kn_whole_cloud_is_sound());
}

/* members: of interfaceAttachment. The port's id, kept. */
static const char *attach(const char *members)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-interface", server);
    AUTO_FREE char *body = kn_asprintf("{\"interfaceAttachment\": {%s}}", members);

    ask(200, "POST", path, body);
    return kn_whole_cloud_text("interfaceAttachment.port_id");
}

static const char *attach_to(const char *id)
{
    AUTO_FREE char *members = kn_asprintf("\"net_id\": \"%s\"", id);

    return attach(members);
}

static void detach(const char *port)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-interface/%s", server, port);

    ask(202, "DELETE", path, NULL);
}

/* "BUILD" until the guest has it. */
static void await_plugged(const char *port)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-interface/%s", server, port);
    const int64_t deadline = kn_mono_ms() + 60000;

    do {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(20);
        ask(200, "GET", path, NULL);
    } while (strcmp(kn_whole_cloud_text("interfaceAttachment.port_state"), "ACTIVE") != 0);
}

static int64_t shows(const char *port)
{
    return kn_whole_cloud_count(
        "SELECT count(*) FROM server WHERE nics::jsonb @> jsonb_build_array(jsonb_build_object('port', $1::text))",
        port);
}

static void in_and_out(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server),
                   *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);
    const char *port = attach_to(other);

    (void)state;
    await_plugged(port);
    assert_int_equal(shows(port), 1);
    ask(200, "GET", path, NULL);
    assert_string_equal(kn_whole_cloud_text("server.addresses.other.0.OS-EXT-IPS:type"), "fixed");
    sound();
    detach(port);
    kn_whole_cloud_await(NICS, 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM port WHERE id = $1::uuid", port), 0);
    ask(200, "GET", actions, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "detach_interface");
    assert_string_equal(kn_whole_cloud_text("instanceActions.1.action"), "attach_interface");
    sound();
}

/* It was there before, and is there afterwards, free. */
static void a_given_port_stays(void **state)
{
    AUTO_FREE char *body = kn_asprintf("{\"port\": {\"network_id\": \"%s\"}}", other), *members = NULL;
    const char *port;

    (void)state;
    ask(201, "POST", NETWORK_API "/ports", body);
    port = kn_whole_cloud_text("port.id");
    members = kn_asprintf("\"port_id\": \"%s\"", port);
    attach(members);
    await_plugged(port);
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM port_binding WHERE port_id = $1::uuid AND state = 'active'", port),
        1);
    sound();
    detach(port);
    kn_whole_cloud_await(NICS, 1);
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM port WHERE id = $1::uuid AND device_id = '' AND nic IS NULL", port),
        1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM port_binding WHERE port_id = $1::uuid", port), 0);
    sound();
}

/* The first of three goes: the others keep their order. */
static void the_first_one_goes(void **state)
{
    const char *second = attach_to(other), *third = attach_to(network);
    const char *first = kn_ks_keep("");

    (void)state;
    await_plugged(third);
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-interface", server);

    ask(200, "GET", path, NULL);
    first = kn_whole_cloud_text("interfaceAttachments.0.port_id");
    detach(first);
    kn_whole_cloud_await(NICS, 2);
    sound();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM port WHERE id = $1::uuid AND nic = 0", second), 1);
    detach(second);
    kn_whole_cloud_await(NICS, 1);
    sound();
}

/* By Neutron: its guest loses it, too. */
static void a_port_is_deleted(void **state)
{
    const char *port = attach_to(other);
    AUTO_FREE char *path = kn_asprintf(NETWORK_API "/ports/%s", port);

    (void)state;
    await_plugged(port);
    ask(204, "DELETE", path, NULL);
    kn_whole_cloud_await(NICS, 1);
    sound();
}

/* The last one goes, and one comes to a server that has none. */
static void none_is_left(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/os-interface", server);

    (void)state;
    ask(200, "GET", path, NULL);
    detach(kn_whole_cloud_text("interfaceAttachments.0.port_id"));
    kn_whole_cloud_await(NICS, 0);
    sound();
    await_plugged(attach_to(network));
    assert_int_equal(kn_whole_cloud_count(NICS, NULL), 1);
    sound();
}

/* Whoever dies meanwhile: what was accepted is done, once. */
static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-network", "kilonova-agent" };

    (void)state;
    for (size_t i = 0; i < 2 * KN_COUNT(WHO); i++) {
        const char *port = attach_to(other);

        kn_test_pause((int)(i * 7));
        kn_whole_cloud_restart(WHO[i % KN_COUNT(WHO)]);
        await_plugged(port);
        detach(port);
        kn_test_pause((int)(i * 7));
        kn_whole_cloud_restart(WHO[i % KN_COUNT(WHO)]);
        kn_whole_cloud_await(NICS, 1);
        kn_whole_cloud_await(MADE, 1);
    }
    sound();
}

/* What the server's only NIC is called outside, as the server shows it; "": nothing. */
static void await_outside(const char *address)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT count(*) FROM server WHERE nics::jsonb->0->'ips'->0->'floating' %s '%s'",
                                      address[0] == '\0' ? "IS NULL AND ''=" : "? ", address);

    kn_whole_cloud_await(sql, 1);
}

static const char *make_outside(void)
{
    AUTO_FREE char *subnet = NULL, *router = NULL, *leg = NULL, *leg_path = NULL;
    const char *public, *inside, *made;

    ask(201, "POST", NETWORK_API "/networks", "{\"network\": {\"name\": \"public\", \"router:external\": true}}");
    public = kn_whole_cloud_text("network.id");
    subnet = kn_asprintf("{\"subnet\": {\"network_id\": \"%s\", \"ip_version\": 4, \"cidr\": \"172.24.4.0/24\"}}",
                         public);
    ask(201, "POST", NETWORK_API "/subnets", subnet);
    router = kn_asprintf("{\"router\": {\"external_gateway_info\": {\"network_id\": \"%s\"}}}", public);
    ask(201, "POST", NETWORK_API "/routers", router);
    made = kn_whole_cloud_text("router.id");
    AUTO_FREE char *subnets = kn_asprintf(NETWORK_API "/subnets?network_id=%s", network);

    ask(200, "GET", subnets, NULL);
    inside = kn_whole_cloud_text("subnets.0.id");
    leg_path = kn_asprintf(NETWORK_API "/routers/%s/add_router_interface", made);
    leg = kn_asprintf("{\"subnet_id\": \"%s\"}", inside);
    ask(200, "PUT", leg_path, leg);
    return public;
}

/* A floating address is shown behind the one that it stands for, as long as it does. */
static void addresses_outside(void **state)
{
    const char *public = make_outside(), *port, *floating, *address;
    AUTO_FREE char *ports = kn_asprintf(SERVERS "/%s/os-interface", server), *path = kn_asprintf(SERVERS "/%s", server);

    (void)state;
    ask(200, "GET", ports, NULL);
    port = kn_whole_cloud_text("interfaceAttachments.0.port_id");
    AUTO_FREE char *wish = kn_asprintf("{\"floatingip\": {\"floating_network_id\": \"%s\", \"port_id\": \"%s\"}}",
                                       public, port);

    ask(201, "POST", NETWORK_API "/floatingips", wish);
    floating = kn_whole_cloud_text("floatingip.id");
    address = kn_whole_cloud_text("floatingip.floating_ip_address");
    await_outside(address);
    ask(200, "GET", path, NULL);
    assert_string_equal(kn_whole_cloud_text("server.addresses.first.0.OS-EXT-IPS:type"), "fixed");
    assert_string_equal(kn_whole_cloud_text("server.addresses.first.1.OS-EXT-IPS:type"), "floating");
    assert_string_equal(kn_whole_cloud_text("server.addresses.first.1.addr"), address);
    assert_string_equal(kn_whole_cloud_text("server.addresses.first.1.OS-EXT-IPS-MAC:mac_addr"),
                        kn_whole_cloud_text("server.addresses.first.0.OS-EXT-IPS-MAC:mac_addr"));
    sound();
    AUTO_FREE char *floating_path = kn_asprintf(NETWORK_API "/floatingips/%s", floating);
    AUTO_FREE char *again = kn_asprintf("{\"floatingip\": {\"port_id\": \"%s\"}}", port);

    ask(200, "PUT", floating_path, "{\"floatingip\": {\"port_id\": null}}");
    await_outside("");
    ask(200, "PUT", floating_path, again);
    await_outside(address);
    ask(204, "DELETE", floating_path, NULL);
    await_outside("");
    sound();
}

static void old(int status, const char *method, const char *path, const char *body)
{
    kn_whole_cloud_ask(method, path, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.35\r\n", body);
    if (kn_whole.http.status != status) {
        fail_msg("%s %s %s: %d %s", method, path, body == NULL ? "" : body, kn_whole.http.status,
                 kn_whole.http.body.buf);
    }
}

/* By Nova's old proxies and actions, which end at 2.35 and 2.43. */
static void addresses_as_of_old(void **state)
{
    static const char PROXY[] = "/compute/v2.1/os-floating-ips";
    AUTO_FREE char *action = kn_asprintf(SERVERS "/%s/action", server), *path = kn_asprintf(SERVERS "/%s", server);
    const char *id, *address;

    (void)state;
    ask(404, "GET", PROXY, NULL); /* of now */
    old(200, "GET", "/compute/v2.1/os-floating-ip-pools", NULL);
    assert_string_equal(kn_whole_cloud_text("floating_ip_pools.0.name"), "public");
    old(404, "POST", PROXY, "{\"pool\": \"private\"}");
    old(200, "POST", PROXY, "{\"pool\": \"public\"}");
    id = kn_whole_cloud_text("floating_ip.id");
    address = kn_whole_cloud_text("floating_ip.ip");
    AUTO_FREE char *one = kn_asprintf("%s/%s", PROXY, id);
    AUTO_FREE char *give = kn_asprintf("{\"addFloatingIp\": {\"address\": \"%s\"}}", address);
    AUTO_FREE char *wrongly =
        kn_asprintf("{\"addFloatingIp\": {\"address\": \"%s\", \"fixed_address\": \"10.7.0.250\"}}", address);
    AUTO_FREE char *take = kn_asprintf("{\"removeFloatingIp\": {\"address\": \"%s\"}}", address);

    old(409, "POST", action, take);
    old(400, "POST", action, wrongly);
    old(404, "POST", action, "{\"addFloatingIp\": {\"address\": \"172.24.4.250\"}}");
    old(400, "POST", action, "{\"addFloatingIp\": {\"address\": \"here\"}}");
    old(202, "POST", action, give);
    await_outside(address);
    old(200, "GET", one, NULL);
    assert_string_equal(kn_whole_cloud_text("floating_ip.instance_id"), server);
    assert_string_equal(kn_whole_cloud_text("floating_ip.pool"), "public");
    old(202, "POST", action, take);
    await_outside("");
    old(202, "DELETE", one, NULL);
    old(404, "DELETE", one, NULL);
    AUTO_FREE char *more = kn_asprintf("{\"addFixedIp\": {\"networkId\": \"%s\"}}", network), *less = NULL;

    old(202, "POST", action, more);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE json_array_length(nics->0->'ips') = 2", 1);
    old(200, "GET", path, NULL);
    less = kn_asprintf("{\"removeFixedIp\": {\"address\": \"%s\"}}",
                       kn_whole_cloud_text("server.addresses.first.1.addr"));
    old(202, "POST", action, less);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE json_array_length(nics->0->'ips') = 1", 1);
    old(400, "POST", action, less);
    sound();
}

/* Its server is deleted while they come: none is left, nothing is counted. */
static void deleted_with_its_server(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    (void)state;
    for (int i = 0; i < 5; i++) {
        attach_to(other);
    }
    ask(204, "DELETE", path, NULL);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    kn_whole_cloud_await(MADE, 0);
    sound();
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    make_network("first", "10.7.0.0/24", network);
    make_network("other", "10.8.0.0/24", other);
    post_server();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_and_out),
        cmocka_unit_test(a_given_port_stays),
        cmocka_unit_test(the_first_one_goes),
        cmocka_unit_test(a_port_is_deleted),
        cmocka_unit_test(none_is_left),
        cmocka_unit_test(daemons_die),
        cmocka_unit_test(addresses_outside),
        cmocka_unit_test(addresses_as_of_old),
        cmocka_unit_test(deleted_with_its_server),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
