/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest should be, changed: its disks, its volumes, and what it is asked to let go of. */
#include "tests/support/test.h"

#include "compute-agent/core/spec.h"

#define VOLUME "77777777-7c8c-4d5e-9a5b-0123456789ab"

static int64_t root_bytes(int64_t disk_gib, int64_t virtual_size)
{
    json_t *spec = json_pack("{s:I, s:{s:I}}", "disk_gib", (json_int_t)disk_gib, "image", "virtual_size",
                             (json_int_t)virtual_size);
    int64_t bytes = kn_agent_spec_root_bytes(spec);

    json_decref(spec);
    return bytes;
}

static void test_root_disk_size(void **state)
{
    (void)state;
    assert_int_equal(root_bytes(0, 35 << 20), 35 << 20);
    assert_int_equal(root_bytes(1, 35 << 20), 1 << 30);
    assert_int_equal(root_bytes(1, INT64_C(5) << 30), INT64_C(5) << 30);
}

static void test_volumes_of_a_spec(void **state)
{
    json_t *spec = json_pack("{s:s, s:[]}", "name", "a", "volumes");
    json_t *connection = json_pack("{s:s}", "driver", "file");
    json_t *with = kn_agent_spec_with_volume(spec, VOLUME, "vdc", connection);
    json_t *again = kn_agent_spec_with_volume(with, VOLUME, "vdd", connection);
    json_t *merged = kn_agent_spec_merge(again, spec);
    json_t *without = kn_agent_spec_without_volume(merged, VOLUME);

    (void)state;
    assert_null(kn_agent_spec_volume(spec, VOLUME)); /* the original is not touched */
    assert_string_equal(json_string_value(json_object_get(kn_agent_spec_volume(with, VOLUME), "device")), "/dev/vdc");
    assert_int_equal(kn_agent_spec_devices(again), 1 << 3);
    assert_non_null(kn_agent_spec_volume(merged,
                                         VOLUME)); /* the newer one brought none: those that were attached stay */
    assert_null(kn_agent_spec_volume(without, VOLUME));
    json_decref(spec);
    json_decref(connection);
    json_decref(with);
    json_decref(again);
    json_decref(merged);
    json_decref(without);
}

/* Whoever asked a guest to let a device go says so until it is gone, comes in anew, or the guest has started anew. */
static void test_leaving_devices_of_a_spec(void **state)
{
    json_auto_t *connection = json_pack("{s:s}", "driver", "file");
    json_auto_t *bare = json_pack("{s:s, s:[], s:[{s:s}]}", "name", "a", "volumes", "nics", "port", "p");
    json_auto_t *with = kn_agent_spec_with_volume(bare, VOLUME, "vdc", connection);
    json_auto_t *one = kn_agent_spec_with_leaving(with, VOLUME);
    json_auto_t *both = kn_agent_spec_with_leaving(one, "p");
    json_auto_t *anew = kn_agent_spec_with_volume(both, VOLUME, "vdd", connection);
    json_auto_t *gone = kn_agent_spec_without_nic(both, "p");
    json_auto_t *told = kn_agent_spec_merge(both, bare); /* of the same guest */
    json_auto_t *built = kn_agent_spec_without_leaving(told);

    (void)state;
    assert_false(kn_agent_spec_is_leaving(with, VOLUME));
    assert_true(kn_agent_spec_is_leaving(one, VOLUME) && !kn_agent_spec_is_leaving(one, "p"));
    assert_true(kn_agent_spec_is_leaving(both, VOLUME) && kn_agent_spec_is_leaving(both, "p"));
    assert_true(!kn_agent_spec_is_leaving(anew, VOLUME) && kn_agent_spec_is_leaving(anew, "p"));
    assert_true(kn_agent_spec_is_leaving(gone, VOLUME) && !kn_agent_spec_is_leaving(gone, "p"));
    assert_true(kn_agent_spec_is_leaving(told, VOLUME) && kn_agent_spec_is_leaving(told, "p"));
    assert_false(kn_agent_spec_is_leaving(built, VOLUME) || kn_agent_spec_is_leaving(built, "p"));
}

/* A reboot's spec does not say what the guest was made from; a guest that was defined without its disk would not boot. */
static void test_image_stays(void **state)
{
    json_t *spawned = json_pack("{s:s, s:{s:s}}", "name", "a", "image", "id", "one");
    json_t *reboot = json_pack("{s:s, s:[]}", "name", "b", "volumes");
    json_t *merged = kn_agent_spec_merge(spawned, reboot);
    json_t *alone = kn_agent_spec_merge(NULL, reboot);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(merged, "name")), "b");
    assert_string_equal(json_string_value(json_object_get(json_object_get(merged, "image"), "id")), "one");
    assert_true(kn_agent_spec_boots(merged));
    assert_false(kn_agent_spec_boots(alone));
    json_decref(spawned);
    json_decref(reboot);
    json_decref(merged);
    json_decref(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_disk_size),
        cmocka_unit_test(test_image_stays),
        cmocka_unit_test(test_volumes_of_a_spec),
        cmocka_unit_test(test_leaving_devices_of_a_spec),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
