/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume that another machine serves, in a real guest that writes to it all the time and keeps sums of what it wrote. The machine is a network namespace beside the host; its daemon dies, and so do the host's own and
 * the agent: the guest waits or stops, goes on, and reads back every byte. Needs what tests/support/one_guest.h says.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lib/adapter/storage_daemon.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"
#include "volume/serve/driver.h"
#include "volume/serve/export.h"

#define VOLUME "11111111-2222-4333-8444-555555555555"
#define WAIT_MS 120000
#define ELSEWHERE "/run/netns/elsewhere"

static const char KEEPER[] =
    "#!/bin/sh\n"
    "(while [ ! -b /dev/vdb ]; do sleep 0.2; done\n"
    "i=0\n"
    "while [ $i -lt 40 ]; do\n"
    "  dd if=/dev/urandom of=/run/piece bs=256k count=1 2>/dev/null\n"
    "  md5sum </run/piece >>/run/sums\n"
    "  dd if=/run/piece of=/dev/vdb bs=256k seek=$i conv=notrunc,fsync 2>/dev/null || echo KEEPER cannot write >/dev/console\n"
    "  i=$((i + 1)); echo KEEPER wrote $i. >/dev/console\n"
    "  sleep 0.3\n"
    "done\n"
    "echo 3 >/proc/sys/vm/drop_caches\n"
    "i=0; kept=0\n"
    "while read -r sum rest; do\n"
    "  [ \"$(dd if=/dev/vdb bs=256k skip=$i count=1 2>/dev/null | md5sum | cut -d' ' -f1)\" = \"$sum\" ] && kept=$((kept + 1))\n"
    "  i=$((i + 1))\n"
    "done </run/sums\n"
    "echo KEEPER kept $kept of $i. >/dev/console) &\n";

static struct kn_conf volume_host;

/* --- the machine that serves ----------------------------------------------------------------------------------------------------- */

/* What this thread starts begins in its network. */
static void go_to(const char *netns)
{
    AUTO_CLOSE int fd = open(netns, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

static void serve_it_again(void)
{
    struct kn_error err = { 0 };
    int process = -1;

    go_to(ELSEWHERE);
    assert_ok(kn_volume_export_mend(&volume_host, VOLUME, NULL, NULL, &process, &err), &err);
    close(process);
    go_to("/proc/1/ns/net");
}

static void kill_daemon(const char *dir)
{
    AUTO_CLOSE int process = kn_storage_find(dir);

    assert_true(process >= 0);
    pidfd_send_signal(process, SIGKILL, NULL, 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = process, .events = POLLIN }, 1, WAIT_MS), 1);
}

static char *dir_here(void)
{
    return kn_asprintf("/run/libvirt/kn-disk-%s-" VOLUME, kn_one_guest.server);
}

static char *dir_there(void)
{
    return kn_asprintf("%s/.nbd/" VOLUME, volume_host.volume_file_dir);
}

static json_t *connect_it(void)
{
    const struct kn_volume_user user = { .server = kn_one_guest.server, .host = "h1", .format = "raw" };
    struct kn_error err = { 0 };
    json_t *connection = NULL;

    go_to(ELSEWHERE);
    assert_ok(kn_volume_driver_nbd.connect(&volume_host, VOLUME, &user, &connection, &err), &err);
    go_to("/proc/1/ns/net");
    return connection;
}

/* --- tests ------------------------------------------------------------------------------------------------------------------------ */

static int64_t plug(json_t *connection)
{
    return kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                 json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "volume", VOLUME,
                                           "connection", connection));
}

static void test_a_guest(void **state)
{
    (void)state;
    kn_one_guest_spawn_with(KEEPER);
}

static void test_a_wrong_key_leaves_nothing(void **state)
{
    AUTO_FREE char *dir = dir_here();
    json_t *connection = connect_it();
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    (void)state;
    json_object_set_new(connection, "key",
                        json_string("0000000000000000000000000000000000000000000000000000000000000000"));
    kn_test_agent_refused(&kn_one_guest.agent, "server.attach_volume", plug(connection), KN_UNAVAILABLE);
    while (access(dir, F_OK) == 0) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(50);
    }
}

static void await_power(int power_state)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;

    for (;;) {
        json_auto_t *domain = kn_one_guest_domain();

        if (kn_json_int(domain, "power_state") == power_state) {
            return;
        }
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(100);
    }
}

/* Whoever was stopped by his disk and then paused stays paused when the disk is back. */
static void pause_while_it_is_away(void)
{
    AUTO_FREE char *here = dir_here(), *there = dir_there();
    int process = -1;

    kill_daemon(there);
    kill_daemon(here);
    await_power(3);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "pause"), 3);
    serve_it_again();
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS; (process = kn_storage_find(here)) < 0;) {
        assert_true(kn_mono_ms() < deadline);
        kn_test_pause(100);
    }
    close(process);
    kn_test_pause(3000); /* more than it takes to let one go on */
    await_power(3);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "unpause"), 1);
}

static void test_every_byte_is_kept(void **state)
{
    AUTO_FREE char *here = dir_here(), *there = dir_there();
    json_t *connection = connect_it();

    (void)state;
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                             plug(json_incref(connection)));
    assert_string_equal(kn_json_str(result, "device"), "/dev/vdb");
    kn_one_guest_await("serial=11111111-2222-4333-8", true); /* a virtio disk's has twenty characters */

    kn_one_guest_await_said("KEEPER wrote 4.", 1);
    kill_daemon(there); /* the machine's: the guest waits */
    kn_test_pause(1500);
    serve_it_again();
    kn_one_guest_await_said("KEEPER wrote 12.", 1);
    kill_daemon(here); /* the host's: the guest stops, and goes on */
    kn_one_guest_await_said("KEEPER wrote 20.", 1);
    kn_test_agent_kill9(&kn_one_guest.agent); /* the agent, which nobody needs … */
    kill_daemon(here); /* … until this */
    kn_test_pause(1500);
    kn_test_agent_start(&kn_one_guest.agent);
    struct kn_message hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    kn_one_guest_await_said("KEEPER wrote 28.", 1);
    pause_while_it_is_away();
    kn_one_guest_await_said("KEEPER kept 40 of 40.", 1);
    assert_int_equal(kn_one_guest_said("KEEPER cannot write"), 0);
    json_decref(connection);
}

static void test_let_go(void **state)
{
    AUTO_FREE char *here = dir_here(), *there = dir_there();
    struct kn_error err = { 0 };

    (void)state;
    for (int again = 0; again < 2; again++) {
        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_volume",
                                       kn_test_agent_command(&kn_one_guest.agent, "server.detach_volume", 1,
                                                             json_pack("{s:s, s:s}", "server", kn_one_guest.server,
                                                                       "volume", VOLUME))));
        assert_int_equal(access(here, F_OK), -1);
    }
    kn_one_guest_await("disk vdb", false);
    assert_ok(kn_volume_driver_nbd.disconnect(&volume_host, VOLUME, kn_one_guest.server, "h1", &err), &err);
    assert_int_equal(access(there, F_OK), -1);
    kn_one_guest_destroy(2);
}

static int setup(void **state)
{
    struct kn_error err = { 0 };

    assert_int_equal(system("ip netns add elsewhere && ip link set ul1 netns elsewhere && "
                            "ip -n elsewhere address add 10.99.0.12/24 dev ul1 && ip -n elsewhere link set ul1 up && "
                            "ip -n elsewhere link set lo up"),
                     0);
    kn_conf_defaults(&volume_host);
    volume_host.volume_file_dir = "/run/volumes";
    volume_host.volume_nbd_address = "10.99.0.12";
    assert_ok(kn_volume_driver_nbd.start(&volume_host, &err), &err);
    assert_ok(kn_volume_driver_nbd.create(&volume_host, VOLUME, "raw", 1, NULL, NULL, &err), &err);
    return kn_one_guest_setup(state);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_guest),
        cmocka_unit_test(test_a_wrong_key_leaves_nothing),
        cmocka_unit_test(test_every_byte_is_kept),
        cmocka_unit_test(test_let_go),
    };

    return cmocka_run_group_tests(tests, setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img", "qemu-storage-daemon");
    return kn_one_guest_main(run_inside);
}
