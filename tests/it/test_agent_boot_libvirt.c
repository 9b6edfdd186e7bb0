/* SPDX-License-Identifier: Apache-2.0 */
/* A real guest whose root disk is a volume: with another that grows and is copied, rescued, rebuilt, taken from its host and back, its agent killed in between. Needs what tests/support/one_guest.h says. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define ROOT "/run/kn-boot"

static json_t *root_spec(void)
{
    json_t *spec = kn_one_guest_spec();

    json_object_del(spec, "image");
    json_object_set_new(spec, "disks",
                        json_loads("[{\"device\": \"/dev/sda\", \"bus\": \"scsi\", \"size_mib\": 16}]", 0, NULL));
    json_object_set_new(spec, "volumes",
                        json_pack("[{s:s, s:s, s:i, s:{s:s, s:s, s:s, s:s}}, {s:s, s:s, s:{s:s, s:s, s:s, s:s, s:b}}]",
                                  "volume", ONE_IMAGE, "device", "/dev/vda", "boot", 1, "connection", "driver", "file",
                                  "path", ROOT, "format", "raw", "serial", ONE_IMAGE, "volume", ONE_NETWORK, "device",
                                  "/dev/vdb", "connection", "driver", "file", "path", kn_one_guest.volume_path,
                                  "format", "raw", "serial", ONE_NETWORK, "shared", 1));
    return spec;
}

/* As kilonova-volume does it: whole, under another name first. */
static void write_root(void)
{
    AUTO_FREE char *make = kn_asprintf("qemu-img convert -f qcow2 -O raw %s " ROOT ".new && mv " ROOT ".new " ROOT,
                                       getenv("KN_TEST_GUEST"));

    assert_int_equal(system(make), 0);
}

static void spawn_root(int64_t generation)
{
    json_t *body = json_pack("{s:s, s:o}", "server", kn_one_guest.server, "spec", root_spec());

    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", generation, body)));
}

static int64_t send_power(const char *action, bool from_rescue)
{
    json_auto_t *image = kn_one_guest_spec();
    json_t *spec = root_spec();

    if (from_rescue) {
        json_object_set_new(spec, "rescue",
                            json_pack("{s:O, s:s}", "image", json_object_get(image, "image"), "bus", "virtio"));
    }
    return kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                                 json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", action, "spec",
                                           spec));
}

static void power_root(const char *action, bool from_rescue, int becomes)
{
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.power", send_power(action, from_rescue));

    assert_int_equal(kn_json_int(result, "power_state"), becomes);
}

static void die_in_the_middle(const char *action, bool from_rescue)
{
    struct kn_message hello;

    send_power(action, from_rescue);
    kn_test_agent_kill9(&kn_one_guest.agent);
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
}

/* A server without an image: its root disk is a volume, in the format that its connection says, and a SCSI disk that firmware would try before it is not tried. Hard rebooted it is the same. */
static void test_boots_from_a_volume(void **state)
{
    (void)state;
    kn_one_guest_tell_networks();
    write_root();
    spawn_root(1);
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
    kn_one_guest_await("disk vdb sectors=131072", true);
    power_root("reboot_hard", false, 1);
    kn_one_guest_await_said("boot=2 ip=" ONE_ADDRESS, 1); /* it counts on its disk */
}

/* Its file is larger (kilonova-volume made it so), and the guest that runs sees it; told again, nothing changes. */
static void test_its_volume_grows(void **state)
{
    (void)state;
    assert_int_equal(truncate(kn_one_guest.volume_path, INT64_C(1) << 30), 0);
    for (int i = 0; i < 2; i++) {
        json_t *body = json_pack("{s:s, s:s, s:i}", "server", kn_one_guest.server, "volume", ONE_NETWORK, "size_gib",
                                 1);

        json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.resize_volume",
                                       kn_test_agent_command(&kn_one_guest.agent, "server.resize_volume", 1, body)));
        kn_one_guest_await("disk vdb sectors=2097152", true);
    }
}

#define COPY "/run/.host-snapshot-" ONE_IMAGE

static int64_t send_copy(const char *type, const char *path)
{
    return kn_test_agent_command(&kn_one_guest.agent, type, 1,
                                 json_pack("{s:s, s:s, s:s, s:s}", "server", kn_one_guest.server, "volume", ONE_NETWORK,
                                           "path", path, "format", "raw"));
}

static void copied(bool is_copied)
{
    json_auto_t *result = kn_test_agent_done(&kn_one_guest.agent, "server.copy_volume",
                                             send_copy("server.copy_volume", COPY));

    assert_int_equal(kn_json_bool(result, "copied"), is_copied);
}

static bool same_bytes(void)
{
    AUTO_FREE char *compare = kn_asprintf("cmp %s " COPY, kn_one_guest.volume_path);

    return system(compare) == 0;
}

/* What a guest that runs has in a volume, in another file, whatever happened to an earlier try; the guest goes on with its own. */
static void test_its_volume_is_copied(void **state)
{
    AUTO_CLOSE int fd = open(kn_one_guest.volume_path, O_WRONLY | O_CLOEXEC);
    struct kn_message hello;

    (void)state;
    assert_int_equal(pwrite(fd, "what is kept", 12, 1 << 20), 12);
    kn_test_agent_refused(&kn_one_guest.agent, "server.copy_volume", send_copy("server.copy_volume", ROOT),
                          KN_BAD_REQUEST);
    send_copy("server.copy_volume", COPY);
    kn_test_agent_kill9(&kn_one_guest.agent);
    kn_test_agent_start(&kn_one_guest.agent);
    hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
    kn_message_release(&hello);
    copied(true);
    assert_true(same_bytes());
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.drop_copy", send_copy("server.drop_copy", COPY)));
    assert_int_equal(access(COPY, F_OK), -1);
    assert_true(kn_one_guest_sees("disk vdb sectors=2097152"));
}

/* From a disk behind all others: its own volumes are there to be mended, by their names. */
static void test_is_rescued(void **state)
{
    (void)state;
    die_in_the_middle("rescue", true);
    power_root("rescue", true, 1);
    kn_one_guest_await("disk vdc", true);
    kn_one_guest_await("disk vdb sectors=2097152", true);
    power_root("unrescue_off", false, 4);
    copied(false); /* it is off, and nobody writes it */
}

/* Off, its volume is another one, and on again: it counts anew. The other volume is what it was. */
static void test_is_rebuilt(void **state)
{
    (void)state;
    write_root();
    die_in_the_middle("rebuild", false);
    power_root("rebuild", false, 1);
    kn_one_guest_await("disk vdb sectors=2097152", true);
    assert_true(kn_one_guest_sees("boots=1 ") || kn_one_guest_sees("boots=2 "));
    assert_false(kn_one_guest_sees("disk vdc"));
}

/* Off this host, as one that is shelved, and on one again: its volume has all that it was. */
static void test_leaves_and_comes_back(void **state)
{
    (void)state;
    kn_one_guest_destroy(2);
    assert_int_equal(access(ROOT, F_OK), 0); /* a volume is nobody's to remove */
    spawn_root(3);
    kn_one_guest_await("boots=", true);
    assert_false(kn_one_guest_sees("boots=1 "));
    kn_one_guest_destroy(4);
    assert_int_equal(unlink(ROOT), 0);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boots_from_a_volume),  cmocka_unit_test(test_its_volume_grows),
        cmocka_unit_test(test_its_volume_is_copied), cmocka_unit_test(test_is_rescued),
        cmocka_unit_test(test_is_rebuilt),           cmocka_unit_test(test_leaves_and_comes_back),
    };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
