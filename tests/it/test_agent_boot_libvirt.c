/* SPDX-License-Identifier: Apache-2.0 */
/* A real guest whose root disk is a volume. Needs what tests/support/one_guest.h says. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

/* A server without an image: its root disk is a volume, in the format that its connection says, and a SCSI disk that firmware would try before it is not tried. Hard rebooted it is the same. */
static void test_boots_from_a_volume(void **state)
{
    static const char PATH[] = "/run/kn-boot";
    AUTO_FREE char *make = kn_asprintf("qemu-img convert -f qcow2 -O raw %s %s", getenv("KN_TEST_GUEST"), PATH);
    json_auto_t *spec = kn_one_guest_spec();

    (void)state;
    kn_one_guest_tell_networks();
    assert_int_equal(system(make), 0);
    json_object_del(spec, "image");
    json_object_set_new(spec, "disks",
                        json_loads("[{\"device\": \"/dev/sda\", \"bus\": \"scsi\", \"size_mib\": 16}]", 0, NULL));
    json_object_set_new(spec, "volumes",
                        json_pack("[{s:s, s:s, s:i, s:{s:s, s:s, s:s, s:s}}, {s:s, s:s, s:{s:s, s:s, s:s, s:s, s:b}}]",
                                  "volume", ONE_IMAGE, "device", "/dev/vda", "boot", 1, "connection", "driver", "file",
                                  "path", PATH, "format", "raw", "serial", ONE_IMAGE, "volume", ONE_NETWORK, "device",
                                  "/dev/vdb", "connection", "driver", "file", "path", kn_one_guest.volume_path,
                                  "format", "raw", "serial", ONE_NETWORK, "shared", 1));
    json_t *body = json_pack("{s:s, s:O}", "server", kn_one_guest.server, "spec", spec);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.spawn",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.spawn", 1, body)));
    kn_one_guest_await_said("GUEST-READY name=web-1 md=metadata boot=1 ip=" ONE_ADDRESS, 1);
    kn_one_guest_await("disk vdb sectors=131072", true);
    body = json_pack("{s:s, s:s, s:O}", "server", kn_one_guest.server, "action", "reboot_hard", "spec", spec);
    json_decref(kn_test_agent_done(&kn_one_guest.agent, "server.power",
                                   kn_test_agent_command(&kn_one_guest.agent, "server.power", 1, body)));
    kn_one_guest_await_said("boot=2 ip=" ONE_ADDRESS, 1); /* it counts on its disk */
    kn_one_guest_destroy(2);
    assert_int_equal(access(PATH, F_OK), 0); /* a volume is nobody's to remove */
    assert_int_equal(unlink(PATH), 0);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_boots_from_a_volume) };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
