/* SPDX-License-Identifier: Apache-2.0 */
/* Which properties of its image a server is shown with: Nova's, of today and of old, each cut between two characters. */
#include <string.h>

#include "compute/rows/image_properties.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static void only_what_nova_knows(void **state)
{
    json_auto_t *properties = json_pack("{s:s, s:s, s:s, s:s, s:s}", "hw_disk_bus", "scsi", "architecture", "x86_64",
                                        "colour", "red", "block_device_mapping", "[]", "xenapi_use_agent", "true");
    AUTO_FREE char *text = kn_compute_image_properties(properties);

    (void)state;
    json_auto_t *kept = json_loads(text, 0, NULL);
    assert_int_equal(json_object_size(kept), 3);
    assert_string_equal(json_string_value(json_object_get(kept, "hw_disk_bus")), "scsi");
    assert_string_equal(json_string_value(json_object_get(kept, "architecture")), "x86_64");
    assert_string_equal(json_string_value(json_object_get(kept, "xenapi_use_agent")), "true");
}

static void none_is_nothing(void **state)
{
    json_auto_t *others = json_pack("{s:s}", "colour", "red");

    (void)state;
    assert_null(kn_compute_image_properties(NULL));
    assert_null(kn_compute_image_properties(others));
}

static void long_ones_are_cut(void **state)
{
    char value[300];

    (void)state;
    memset(value, 'x', sizeof(value));
    memcpy(value + 254, "\xC3\xB6", 2); /* the byte at the border begins a letter */
    value[299] = '\0';
    json_auto_t *properties = json_pack("{s:s}", "os_distro", value);
    AUTO_FREE char *text = kn_compute_image_properties(properties);
    json_auto_t *kept = json_loads(text, 0, NULL);

    assert_int_equal(strlen(json_string_value(json_object_get(kept, "os_distro"))), 254);
    value[255] = '\0';
    value[254] = 'x';
    json_object_set_new(properties, "os_distro", json_string(value));
    AUTO_FREE char *whole = kn_compute_image_properties(properties);
    json_auto_t *all = json_loads(whole, 0, NULL);
    assert_int_equal(strlen(json_string_value(json_object_get(all, "os_distro"))), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_nova_knows),
        cmocka_unit_test(none_is_nothing),
        cmocka_unit_test(long_ones_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
