/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real guest that is rescued: it starts from another disk with its own beside it, in front of the others or behind them, and afterwards from its own again, where
 * nothing is lost. Needs what tests/support/one_guest.h says.
 */
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

/* bus NULL: in front. */
static int64_t send_rescue(const char *bus)
{
    json_t *spec = kn_one_guest_spec();
    json_t *rescue = json_pack("{s:O}", "image", json_object_get(spec, "image"));

    if (bus != NULL) {
        json_object_set_new(rescue, "bus", json_string(bus));
    }
    json_object_set_new(spec, "rescue", rescue);
    json_object_del(spec, "image"); /* only a spawn says what a guest was made from */
    return kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                                 json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", "rescue", "spec",
                                           spec));
}

static int64_t send_unrescue(const char *action)
{
    json_t *spec = kn_one_guest_spec();

    json_object_del(spec, "image");
    return kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                                 json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", action, "spec",
                                           spec));
}

static void expect_done(int64_t task, int power_state)
{
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.power", task);

    assert_int_equal(kn_json_int(result, "power_state"), power_state);
}

static bool has_rescue_disk(void)
{
    AUTO_FREE char *path = kn_asprintf("%s/servers/%s/rescue.qcow2", kn_one_guest.agent.dir, kn_one_guest.server);

    return access(path, F_OK) == 0;
}

/* Its own counter of boots lies on each disk: a rescue disk is new, and begins at one. */
static void test_from_another_disk_and_back(void **state)
{
    (void)state;
    kn_one_guest_tell_networks();
    kn_one_guest_spawn(1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
    expect_done(send_rescue(NULL), 1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 2);
    kn_one_guest_await("disk vdb", true); /* what is to be mended */
    assert_true(has_rescue_disk());
    expect_done(send_unrescue("unrescue"), 1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=2 ip=" ONE_ADDRESS, 1);
    kn_one_guest_await("disk vdb", false);
    assert_false(has_rescue_disk());
}

/* Behind the others: the root disk is still the first. */
static void test_behind_the_others(void **state)
{
    (void)state;
    expect_done(send_rescue("virtio"), 1);
    kn_one_guest_await("disk vdb", true);
    assert_true(kn_one_guest_sees("boots="));
    expect_done(send_unrescue("unrescue"), 1);
    kn_one_guest_await("disk vdb", false);
    assert_false(has_rescue_disk());
}

/* The agent dies while it works; whoever asks again finds it done. What a rescue leaves that failed is a guest that is off and starts from its own disk. */
static void test_killed_in_between(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct kn_message hello;

        send_rescue(NULL);
        kn_test_pause(i * 60);
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
    }
    expect_done(send_rescue(NULL), 1);
    kn_one_guest_await("disk vdb", true);
    expect_done(send_unrescue("unrescue_off"), 4);
    assert_false(has_rescue_disk());
    assert_int_equal(kn_test_agent_power(&kn_one_guest.agent, kn_one_guest.server, "start"), 1);
    kn_one_guest_await("disk vda", true);
    kn_one_guest_await("disk vdb", false);
    kn_one_guest_destroy(2);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_another_disk_and_back),
        cmocka_unit_test(test_behind_the_others),
        cmocka_unit_test(test_killed_in_between),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
