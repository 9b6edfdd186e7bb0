/* SPDX-License-Identifier: Apache-2.0 */
/* NICs into and out of a real guest: one that runs, one that is off, and whatever the agent dies at. Needs what tests/support/one_guest.h says. */
#include <stdlib.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

/* A second network and a port on it. */
#define NETWORK2 "eeeeeeee-0000-4000-8000-000000000001"
#define PORT2 "ffffffff-0000-4000-8000-000000000002"
#define TAP2 "tapffffffff-00"
#define MAC2 "fa:16:3e:78:00:06"
#define ADDRESS2 "10.78.0.6"

static void tell_more_networks(void)
{
    json_t *subnet = json_pack("{s:s, s:s, s:s, s:b, s:[], s:[]}", "id", NETWORK2, "cidr", "10.78.0.0/24", "gateway",
                               "10.78.0.1", "dhcp", 1, "dns", "routes");
    json_t *network = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:[s], s:[o]}", "kind", "network", "id", NETWORK2,
                                "type", "vxlan", "vni", 78, "mtu", 1450, "dhcp_mac", "fa:16:3e:78:00:02", "dhcp_ips",
                                "10.78.0.2", "subnets", subnet);
    json_t *port = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:[{s:s, s:s}]}", "kind", "port", "id", PORT2,
                             "network", NETWORK2, "server", kn_one_guest.server, "hostname", "web-1", "mac", MAC2, "up",
                             1, "filtered", 1, "ips", "subnet", NETWORK2, "ip", ADDRESS2);

    kn_test_agent_command(&kn_one_guest.agent, "net.state", 0,
                          json_pack("{s:i, s:i, s:i, s:i, s:[o, o], s:[]}", "from", 1, "version", 2, "piece", 1,
                                    "pieces", 1, "put", network, port, "drop"));
}

/* Its port is gone: what a deletion of it tells the host. */
static void tell_port_gone(void)
{
    kn_test_agent_command(&kn_one_guest.agent, "net.state", 0,
                          json_pack("{s:i, s:i, s:i, s:i, s:[], s:[{s:s, s:s}]}", "from", 2, "version", 3, "piece", 1,
                                    "pieces", 1, "put", "drop", "kind", "port", "id", PORT2));
}

static int64_t send_interface(bool in)
{
    json_t *body = in ? json_pack("{s:s, s:{s:s, s:s, s:s, s:i}}", "server", kn_one_guest.server, "nic", "port", PORT2,
                                  "mac", MAC2, "tap", TAP2, "mtu", 1450)
                      : json_pack("{s:s, s:s}", "server", kn_one_guest.server, "port", PORT2);

    return kn_test_agent_command(&kn_one_guest.agent, in ? "server.attach_interface" : "server.detach_interface", 1,
                                 body);
}

static void interface(bool in)
{
    json_decref(kn_test_agent_done(&kn_one_guest.agent, in ? "server.attach_interface" : "server.detach_interface",
                                   send_interface(in)));
}

/* Of the domain, and of the kernel. */
static void expect_taps(size_t count)
{
    json_auto_t *seen = kn_test_agent_observe(&kn_one_guest.agent), *d = kn_one_guest_domain();

    assert_int_equal(json_array_size(json_object_get(seen, "taps")), count);
    assert_int_equal(json_array_size(json_object_get(d, "taps")), count);
}

/* It comes into a guest that runs, which gets an address on it, and goes. */
static void test_in_and_out(void **state)
{
    (void)state;
    kn_one_guest_tell_networks();
    kn_one_guest_spawn(1);
    kn_one_guest_await_said("=== GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
    const int64_t first = send_interface(true); /* its port is told a moment later */

    tell_more_networks();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_interface", first));
    interface(true);
    expect_taps(2);
    kn_one_guest_await(ADDRESS2 "/24", true);
    interface(false);
    interface(true); /* at once: to the guest it is another one under the same name */
    kn_one_guest_await(ADDRESS2 "/24", true);
    interface(false);
    interface(false);
    expect_taps(1);
    kn_one_guest_await(ADDRESS2, false);
}

/* The agent dies again and again while it works; whoever asks again finds it done. */
static void test_killed_in_between(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct kn_message hello;

        send_interface(i % 2 == 0);
        kn_test_pause(i * 40);
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
    }
    interface(true);
    expect_taps(2);
    kn_one_guest_await(ADDRESS2 "/24", true);
    interface(false);
    expect_taps(1);
    kn_one_guest_await(ADDRESS2, false);
}

/* 0: it did so. */
static int virsh(const char *verb, const char *more)
{
    AUTO_FREE char *command = kn_asprintf("virsh -q -c qemu:///system %s kn-%s %s", verb, kn_one_guest.server, more);

    return system(command);
}

/* The agent has noted that it asks the guest. */
static void await_leaving(void)
{
    const int64_t deadline = kn_mono_ms() + 60000;

    for (bool noted = false; !noted; kn_test_pause(20)) {
        json_auto_t *spec = NULL;

        assert_true(kn_mono_ms() < deadline);
        noted = kn_agent_guest_load(kn_one_guest.agent.dir, kn_one_guest.server, NULL, &spec, NULL) == 0 &&
                kn_agent_spec_is_leaving(spec, PORT2);
    }
}

/* Asked to let it go, a guest that hangs does so long after the agent that asked has died; who plugs it in again meanwhile has it in the end. */
static void test_a_guest_that_lets_go_late(void **state)
{
    int64_t again;
    struct kn_message hello;

    (void)state;
    interface(true);
    kn_one_guest_await(ADDRESS2 "/24", true);
    assert_int_equal(virsh("suspend", ""), 0);
    send_interface(false);
    await_leaving();
    kn_test_agent_kill9(&kn_one_guest.agent);
    virsh("detach-interface", "ethernet --mac " MAC2 " --live"); /* refused if the agent came so far */
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    again = send_interface(true);
    assert_int_equal(virsh("resume", ""), 0);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_interface", again));
    kn_one_guest_await(ADDRESS2 "/24", true);
    interface(false);
    kn_one_guest_await(ADDRESS2, false);
}

/* What libvirt did for an agent that was dead by then: a second one of the same MAC in the configuration. */
static void make_double(void)
{
    AUTO_FREE char *command = kn_asprintf(
        "echo \"<interface type='ethernet'><mac address='" MAC2 "'/><target dev='" TAP2 "' managed='no'/>"
        "<model type='virtio'/></interface>\" | virsh -q -c qemu:///system attach-device kn-%s /dev/stdin --config",
        kn_one_guest.server);

    assert_int_equal(system(command), 0);
}

/* Into a guest that is off, which has it when it starts; and out of it again because its port is gone. */
static void test_of_a_guest_that_is_off(void **state)
{
    int64_t forced;

    (void)state;
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "stop"), 4);
    interface(true);
    make_double();
    interface(false);
    expect_taps(1);
    interface(true);
    make_double();
    interface(true);
    expect_taps(2);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
    kn_one_guest_await(ADDRESS2 "/24", true);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "stop"), 4);
    tell_port_gone();
    forced = kn_test_agent_command(&kn_one_guest.agent, "server.detach_interface", 1,
                                   json_pack("{s:s, s:s, s:b}", "server", kn_one_guest.server, "port", PORT2, "force",
                                             1));
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_interface", forced));
    expect_taps(1);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
    kn_one_guest_destroy(2);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_killed_in_between),
        cmocka_unit_test(test_a_guest_that_lets_go_late),
        cmocka_unit_test(test_of_a_guest_that_is_off),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
