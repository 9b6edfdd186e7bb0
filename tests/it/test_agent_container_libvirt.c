/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent with the lxc driver and a real container, through a server's life; and what it is kept from, as it tells itself (tests/support/container.sh). Needs what
 * tests/support/one_guest.h says.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define PORT2 "ffffffff-0000-4000-8000-000000000002"
#define TAP2 "tapffffffff-00"
#define MAC2 "fa:16:3e:77:00:06"
#define ADDRESS2 "10.77.0.6"

static void await_ready(int boot)
{
    AUTO_FREE char *said = kn_asprintf("=== CONTAINER-READY md=metadata boot=%d ip=" ONE_ADDRESS, boot);

    kn_one_guest_await_said(said, 1);
}

/* A shell's words end well, on the host. */
static bool holds(const char *command)
{
    return system(command) == 0;
}

static int power(const char *action)
{
    return kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, action);
}

static void refused(const char *type, json_t *body)
{
    json_object_set_new(body, "server", json_string(kn_one_guest.server));
    kn_test_agent_refused(&kn_one_guest.agent, type, kn_test_agent_command(&kn_one_guest.agent, type, 1, body),
                          KN_NOT_IMPLEMENTED);
}

static void test_comes_up(void **state)
{
    const int64_t first = kn_one_guest_send_spawn(1);

    (void)state;
    kn_one_guest_tell_networks();
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn", first));
    kn_one_guest_spawn(1); /* twice is once */
    await_ready(1);
    json_auto_t *d = kn_one_guest_domain();

    assert_int_equal(kn_json_int(d, "generation"), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "taps"), 0)), ONE_TAP);
}

/* What the image said of its files is so, and its disk is the flavor's. */
static void test_has_its_files(void **state)
{
    (void)state;
    kn_one_guest_await("give -rwsr-xr-x names 2 sparse 0", true);
    kn_one_guest_await("www 33:33", true);
    kn_one_guest_await("mem_kib 131072", true);
    kn_one_guest_await("disk_mib 9", true); /* 9..: of 1 GiB */
    kn_one_guest_await("mtu eth0 1450", true);
}

static void test_is_kept_apart(void **state)
{
    static const char *const NOT[] = { "raise_memory", "make_device",   "mount_device",
                                       "write_sysctl", "trigger_sysrq", "load_module" };

    (void)state;
    kn_one_guest_await("ids 0 100000000 65536", true);
    for (size_t i = 0; i < KN_COUNT(NOT); i++) {
        AUTO_FREE char *words = kn_asprintf("mustnot %s", NOT[i]);

        kn_one_guest_await(words, true);
    }
}

static void test_power(void **state)
{
    (void)state;
    assert_int_equal(power("pause"), 3);
    assert_int_equal(power("pause"), 3);
    assert_int_equal(power("unpause"), 1);
    assert_int_equal(power("reboot_hard"), 1);
    await_ready(2);
    assert_int_equal(power("reboot_soft"), 1);
    await_ready(3);
    assert_int_equal(power("stop"), 4);
    assert_true(kn_one_guest_said("CONTAINER-GOES") >= 1); /* it was asked, not killed */
    assert_int_equal(power("start"), 1);
    kn_one_guest_await(
        "boots=",
        true); /* the fourth or the fifth: told to go down, this init comes up once more before it is killed */
    const int ready = kn_one_guest_said("CONTAINER-READY");

    assert_true(holds(ONE_ASK "?reboot >/dev/null")); /* by itself: its NIC is a new one, in its bridge again */
    kn_one_guest_await_said("CONTAINER-READY md=metadata", ready + 1);
    kn_one_guest_await("mtu eth0 1450", true);
}

/* Its first process is dead and libvirt does not know, for libvirt's own of this container hangs: it is brought back. */
static void test_is_dead_and_called_running(void **state)
{
    AUTO_FREE char *strike =
        kn_asprintf("own=$(virsh -q -c lxc:///system domid kn-%s) && init=$(cat /proc/$own/task/$own/children) && "
                    "kill -STOP $own && kill -KILL $init",
                    kn_one_guest.server);
    const int ready = kn_one_guest_said("CONTAINER-READY md=metadata");

    (void)state;
    assert_true(holds(strike));
    kn_one_guest_await_said("CONTAINER-READY md=metadata", ready + 1);
    kn_one_guest_await("mtu eth0 1450", true);
}

static void test_cannot(void **state)
{
    (void)state;
    assert_int_equal(power("suspend"), -1);
    refused("server.snapshot", json_pack("{s:b}", "quiesce", 0));
    refused("server.attach_volume",
            json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "volume", ONE_IMAGE, "connection", "driver", "file", "path",
                      kn_one_guest.volume_path, "format", "raw", "serial", ONE_IMAGE));
    kn_one_guest_await("boots=", true);
}

static void test_interface_in_and_out(void **state)
{
    json_t *port = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:[{s:s, s:s}]}", "kind", "port", "id", PORT2,
                             "network", ONE_NETWORK, "server", kn_one_guest.server, "hostname", "web-1", "mac", MAC2,
                             "up", 1, "filtered", 1, "ips", "subnet", ONE_NETWORK, "ip", ADDRESS2);

    (void)state;
    kn_test_agent_command(&kn_one_guest.agent, "net.state", 0,
                          json_pack("{s:i, s:i, s:i, s:i, s:[o], s:[]}", "from", 1, "version", 2, "piece", 1, "pieces",
                                    1, "put", port, "drop"));
    for (int i = 0; i < 2; i++) {
        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_interface",
                                       kn_test_agent_command(&kn_one_guest.agent, "server.attach_interface", 1,
                                                             json_pack("{s:s, s:{s:s, s:s, s:s, s:i}}", "server",
                                                                       kn_one_guest.server, "nic", "port", PORT2, "mac",
                                                                       MAC2, "tap", TAP2, "mtu", 1450))));
    }
    assert_true(holds("ip -o link show " TAP2 " | grep -q 'mtu 1450.*master kb'"));
    assert_true(holds(ONE_ASK "?again >/dev/null"));
    kn_one_guest_await(ADDRESS2 "/24", true);
    for (int i = 0; i < 2; i++) {
        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_interface",
                                       kn_test_agent_command(&kn_one_guest.agent, "server.detach_interface", 1,
                                                             json_pack("{s:s, s:s}", "server", kn_one_guest.server,
                                                                       "port", PORT2))));
    }
    assert_false(holds("ip link show " TAP2 " >/dev/null 2>&1"));
    kn_one_guest_await(ADDRESS2 "/24", false);
}

/* It runs on, and what it says then is heard. */
static void test_agent_dies(void **state)
{
    struct kn_message hello;

    (void)state;
    kn_test_agent_kill9(&kn_one_guest.agent);
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    assert_true(holds(ONE_ASK "?say=HEARD-AGAIN >/dev/null"));
    kn_one_guest_await_said("HEARD-AGAIN", 1);
    kn_one_guest_await("boots=", true);
}

static void test_is_rebuilt(void **state)
{
    const int64_t task = kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                                               json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action",
                                                         "rebuild", "spec", kn_one_guest_spec()));

    (void)state;
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power", task));
    kn_one_guest_await_said("CONTAINER-READY md=metadata boot=1 ", 2);
}

/* How much lies in the files of its console. */
static off_t logged(void)
{
    static const char *const FILES[] = { "console.log", "console.log.0" };
    off_t all = 0;

    for (size_t i = 0; i < KN_COUNT(FILES); i++) {
        AUTO_FREE char *path = kn_asprintf("%s/servers/%s/%s", kn_one_guest.agent.dir, kn_one_guest.server, FILES[i]);
        struct stat st;

        all += stat(path, &st) == 0 ? st.st_size : 0;
    }
    return all;
}

/* It waits for itself alone: it answers, is told what to do and goes down as ever, and its log does not grow as it writes. */
static void test_console_floods(void **state)
{
    const int64_t began_ms = kn_mono_ms(), deadline = began_ms + 60000;
    const off_t before = logged();

    (void)state;
    assert_true(holds(ONE_ASK "?flood >/dev/null"));
    kn_one_guest_await_said("one that never ends", 1000);
    kn_one_guest_await("boots=", true);
    assert_int_equal(power("pause"), 3);
    assert_int_equal(power("unpause"), 1);
    json_auto_t *d = kn_one_guest_domain();

    assert_int_equal(kn_json_int(d, "generation"), 1);
    while (logged() < (5 << 20) / 4) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(100);
    }
    const off_t wrote = logged() - before;

    assert_in_range(wrote, 0, (1 << 20) + (kn_mono_ms() - began_ms) * 64);
    assert_int_equal(power("reboot_hard"), 1);
    kn_one_guest_await_said("CONTAINER-READY md=metadata", 1); /* of what is left of the log */
    kn_one_guest_await("boots=", true);
}

static void test_goes_without_a_trace(void **state)
{
    (void)state;
    kn_one_guest_destroy(2);
    assert_false(holds("mount | grep -q disk.raw"));
    assert_false(holds("losetup -a | grep -q disk.raw"));
    assert_false(holds("ip link show " ONE_TAP " >/dev/null 2>&1"));
    json_auto_t *d = kn_one_guest_domain();

    assert_null(d);
}

/* Not in the host's network either. */
static void test_without_a_nic(void **state)
{
    json_t *spec = kn_one_guest_spec();

    (void)state;
    json_object_set_new(spec, "nics", json_array());
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 3,
                                                         json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec",
                                                                   spec))));
    AUTO_FREE char *log = kn_asprintf("%s/servers/%s/console.log", kn_one_guest.agent.dir, kn_one_guest.server);
    AUTO_FREE char *look = kn_asprintf("grep -qs 'boot=1 ip=links=lo ' %s", log);
    const int64_t deadline = kn_mono_ms() + 60000;

    while (!holds(look)) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(200);
    }
    kn_one_guest_destroy(4);
}

/* An image that is no file system: the server's other hosts may be more lucky, and nothing is left. */
static void test_image_of_a_machine(void **state)
{
    json_t *spec = kn_one_guest_spec();

    (void)state;
    assert_true(holds(
        "f=$(ls /run/kn-cache | head -1) && dd if=/dev/zero of=/run/kn-cache/$f bs=1M count=1 conv=notrunc status=none"));
    kn_test_agent_refused(&kn_one_guest.agent, "server.spawn",
                          kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 5,
                                                json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", spec)),
                          KN_CONFLICT);
    assert_false(holds("mount | grep -q disk.raw"));
    kn_one_guest_destroy(6);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_up),
        cmocka_unit_test(test_has_its_files),
        cmocka_unit_test(test_is_kept_apart),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_cannot),
        cmocka_unit_test(test_interface_in_and_out),
        cmocka_unit_test(test_agent_dies),
        cmocka_unit_test(test_is_dead_and_called_running),
        cmocka_unit_test(test_is_rebuilt),
        cmocka_unit_test(test_console_floods),
        cmocka_unit_test(test_goes_without_a_trace),
        cmocka_unit_test(test_without_a_nic),
        cmocka_unit_test(test_image_of_a_machine),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "busybox");
    return kn_one_guest_main_container(run_inside);
}
