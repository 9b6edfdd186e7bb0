/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that change places under a real guest, which writes to its disk all the time and keeps sums of what it wrote: agent, libvirtd and QEMU are killed in between, and what the host says that the guest has is
 * the file that has every byte. Needs what tests/support/one_guest.h says.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define WAIT_MS 120000
static const char *const VOLUMES[] = { "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555" };
static const char *const FILES[] = { "/run/kn-swap-0", "/run/kn-swap-1" };
static int has; /* which of them */

/* Pieces that are written one after the other, over and over; each is read back from the disk itself before the next. */
static const char KEEPER[] =
    "#!/bin/sh\n"
    "(while [ ! -b /dev/vdb ]; do sleep 0.2; done\n"
    "i=0\n"
    "while :; do\n"
    "  dd if=/dev/urandom of=/run/piece bs=64k count=1 2>/dev/null\n"
    "  dd if=/run/piece of=/dev/vdb bs=64k seek=$((i % 12)) oflag=direct 2>/dev/null || "
    "echo KEEPER cannot write >/dev/console\n"
    "  md5sum </run/piece | cut -d' ' -f1 >/run/sum-$((i % 12))\n"
    "  i=$((i + 1)); sleep 0.1\n"
    "  if [ $((i % 12)) -eq 0 ]; then\n"
    "    n=0; kept=0\n"
    "    while [ $n -lt 12 ]; do\n"
    "      [ \"$(dd if=/dev/vdb bs=64k skip=$n count=1 iflag=direct 2>/dev/null | md5sum | cut "
    "-d' ' -f1)\" = \"$(cat /run/sum-$n)\" ] && kept=$((kept + 1))\n"
    "      n=$((n + 1))\n"
    "    done\n"
    "    echo KEEPER kept $kept of 12. >/dev/console\n"
    "    [ $kept -eq 12 ] || echo KEEPER lost some. >/dev/console\n"
    "  fi\n"
    "done) &\n";

static json_t *file_of(int which)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "driver", "file", "path", FILES[which], "format", "raw", "serial",
                     VOLUMES[which]);
}

static int64_t send_swap(int from, int to)
{
    return kn_test_agent_command(&kn_one_guest.agent, "server.swap_volume", 1,
                                 json_pack("{s:s, s:s, s:s, s:o}", "server", kn_one_guest.server, "volume",
                                           VOLUMES[from], "to", VOLUMES[to], "connection", file_of(to)));
}

/* Asked for again while libvirt is away. */
static void swap_to(int to)
{
    for (const int64_t deadline = kn_mono_ms() + WAIT_MS;; kn_test_pause(200)) {
        struct kn_message answer = kn_test_agent_expect(&kn_one_guest.agent, "server.swap_volume",
                                                        send_swap(1 - to, to));
        const bool is_away = !answer.ok && answer.error.code == KN_UNAVAILABLE && kn_mono_ms() < deadline;

        if (!answer.ok && !is_away) {
            fail_msg("%s", answer.error.message);
        }
        kn_message_release(&answer);
        if (!is_away) {
            has = to;
            return;
        }
    }
}

/* What libvirt would say of its disk, of the guest that runs or as it would be started. */
static bool reads(const char *face, int which)
{
    AUTO_FREE char *command = kn_asprintf("virsh -q -c qemu:///system dumpxml %s kn-%s | grep -q \"source file='%s'\"",
                                          face, kn_one_guest.server, FILES[which]);

    return system(command) == 0;
}

/* All who know of it say the same. */
static void expect_has(int which)
{
    json_auto_t *domain = kn_one_guest_domain();
    json_t *volumes = json_object_get(domain, "volumes");

    assert_int_equal(json_array_size(volumes), 1);
    assert_string_equal(json_string_value(json_array_get(volumes, 0)), VOLUMES[which]);
    assert_true(reads("--inactive", which));
    assert_false(reads("--inactive", 1 - which));
    if (kn_json_int(domain, "power_state") == 1) {
        assert_true(reads("", which));
        assert_false(reads("", 1 - which)); /* no copy is at work either */
    }
}

static void keeps_every_byte(void)
{
    const int before = kn_one_guest_said("KEEPER kept 12 of 12.");

    kn_one_guest_await_said("KEEPER kept 12 of 12.",
                            before + 2); /* the last of these began after all that was before */
    assert_int_equal(kn_one_guest_said("KEEPER lost"), 0);
    assert_int_equal(kn_one_guest_said("KEEPER cannot"), 0);
}

static void test_a_guest(void **state)
{
    (void)state;
    kn_one_guest_spawn_with(KEEPER);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(open(FILES[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
        assert_int_equal(truncate(FILES[i], 128 << 20), 0);
    }
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                                         json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server,
                                                                   "volume", VOLUMES[0], "connection", file_of(0)))));
    kn_one_guest_await_said("KEEPER kept 12 of 12.", 1);
}

static void test_goes_over_while_it_writes(void **state)
{
    (void)state;
    swap_to(1);
    expect_has(1);
    unlink(FILES[0]); /* nobody has it any more: what is read now is the other */
    keeps_every_byte();
    assert_int_equal(close(open(FILES[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    assert_int_equal(truncate(FILES[0], 128 << 20), 0);
    swap_to(0);
    swap_to(0); /* twice is once */
    expect_has(0);
}

static void await_hello(void)
{
    struct kn_message hello;

    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
}

/* Cut off anywhere, the same command comes to its end, and taken back is taken back. */
static void test_the_agent_is_killed(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        send_swap(has, 1 - has);
        kn_test_pause(i * 50);
        kn_test_agent_kill9(&kn_one_guest.agent);
        await_hello();
        swap_to(i % 2 == 0 ? 1 - has : has);
        expect_has(has);
    }
    keeps_every_byte();
}

static void test_libvirtd_is_killed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const int64_t task = send_swap(has, 1 - has);

        kn_test_pause(i * 100);
        kill(kn_one_guest_pid_in("/run/libvirtd.pid"), SIGKILL); /* host.sh starts it again */
        struct kn_message answer = kn_test_agent_expect(&kn_one_guest.agent, "server.swap_volume", task);

        kn_message_release(&answer); /* whatever it is */
        swap_to(1 - has);
        expect_has(has);
    }
    keeps_every_byte();
}

/* What came in another's place goes as any does, and what was there comes back beside nobody. */
static void test_let_go(void **state)
{
    (void)state;
    swap_to(1 - has);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.attach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.attach_volume", 1,
                                                         json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server,
                                                                   "volume", VOLUMES[1 - has], "connection",
                                                                   file_of(1 - has)))));
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.detach_volume",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.detach_volume", 1,
                                                         json_pack("{s:s, s:s}", "server", kn_one_guest.server,
                                                                   "volume", VOLUMES[has]))));
    has = 1 - has;
    expect_has(has);
}

/* Its QEMU dies, and the agent, too: what the host says that it has is what it starts from. */
static void test_the_guest_is_killed(void **state)
{
    AUTO_FREE char *path = kn_asprintf("/run/libvirt/qemu/kn-%s.pid", kn_one_guest.server);

    (void)state;
    send_swap(has, 1 - has);
    kn_test_pause(150);
    kn_test_agent_kill9(&kn_one_guest.agent);
    kill(kn_one_guest_pid_in(path), SIGKILL);
    await_hello();
    struct kn_message back = kn_test_agent_expect(&kn_one_guest.agent, "server.swap_volume", send_swap(has, 1 - has));
    if (back.ok) {
        has = 1 - has;
    } else {
        assert_int_equal(back.error.code, KN_CONFLICT);
    }
    kn_message_release(&back);
    expect_has(has);
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
    expect_has(has);
    kn_one_guest_destroy(2);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_guest),
        cmocka_unit_test(test_goes_over_while_it_writes),
        cmocka_unit_test(test_the_agent_is_killed),
        cmocka_unit_test(test_libvirtd_is_killed),
        cmocka_unit_test(test_let_go),
        cmocka_unit_test(test_the_guest_is_killed),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
