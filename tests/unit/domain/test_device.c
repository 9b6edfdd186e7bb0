/* SPDX-License-Identifier: Apache-2.0 */
/* Names of disks. */
#include "tests/support/test.h"

#include "lib/domain/device.h"
#include "lib/domain/form.h"

static void test_index(void **state)
{
    (void)state;
    assert_int_equal(kn_device_index("vda"), 0);
    assert_int_equal(kn_device_index("/dev/vdz"), 25);
    assert_int_equal(kn_device_index("vdA"), -1);
    assert_int_equal(kn_device_index("vdaa"), -1);
    assert_int_equal(kn_device_index("sda"), -1);
    assert_int_equal(kn_device_index(""), -1);
    assert_int_equal(kn_device_index(NULL), -1);
}

static void test_pick(void **state)
{
    char device[KN_DEVICE_SIZE];
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_device_pick(0, "", device, &err), &err);
    assert_string_equal(device, "vdb"); /* vda is the root disk's, always */
    assert_ok(kn_device_pick(0, "/dev/vda", device, &err), &err);
    assert_string_equal(device, "vdb");
    assert_ok(kn_device_pick(1U << 1, "/dev/vdf", device, &err), &err);
    assert_string_equal(device, "vdf");
    assert_ok(kn_device_pick(1U << 1 | 1U << 2, "/dev/vdc", device, &err), &err);
    assert_string_equal(device, "vdd");
    assert_fails(kn_device_pick(0x3ffffff, NULL, device, &err), &err, KN_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_index), cmocka_unit_test(test_pick) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
