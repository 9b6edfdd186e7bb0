/* SPDX-License-Identifier: Apache-2.0 */
/* Of a failure its owner reads the reason; hosts, capacities and paths are not told. */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/fault.h"
#include "tests/support/test.h"

static const char HIDDEN[] = "The cloud failed to carry this out. (req-1)";

static void test_what_is_told(void **state)
{
    static const struct {
        enum kn_code code;
        const char *message, *told;
    } CASES[] = {
        { KN_NO_VALID_HOST, "No valid host was found. 3 hosts; DiskFilter took 3; h1 lacked 4 GiB.",
          "No valid host was found." },
        { KN_CONFLICT, "address 10.0.0.5 is in use", "address 10.0.0.5 is in use" },
        { KN_CONFLICT, "agent \"a1\" does not carry it", HIDDEN },
        { KN_NOT_FOUND, "host \"h1\" has no such guest", HIDDEN },
        { KN_NOT_FOUND, "disk.qcow2 is not in /var/lib/kilonova", HIDDEN },
        { KN_INTERNAL, "libvirt: no memory", HIDDEN },
        { KN_STALE, "the guest is newer", HIDDEN },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *told = kn_fault_public(CASES[i].code, CASES[i].message, "h1", "a1", "req-1");

        assert_string_equal(told, CASES[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_is_told) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
