/* SPDX-License-Identifier: Apache-2.0 */
/* Which extra specs a flavor may be given from 2.86 on, and in which words the others are refused. */
#include <string.h>

#include "compute/rows/extra_specs.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static int check(const char *specs, struct kn_error *err)
{
    json_auto_t *object = json_loads(specs, 0, NULL);

    assert_non_null(object);
    return kn_compute_extra_specs_check(object, err);
}

static void what_is_known(void **state)
{
    static const char *const GOOD[] = {
        "{}",
        "{\"hw:cpu_policy\": \"shared\", \"hw:numa_cpus.0\": \"0-1,^1\", \"hw:numa_mem.12\": \"1\", \"hw:boot_menu\": \"Yes\"}",
        "{\"hw:mem_page_size\": \"2MB\", \"hw:watchdog_action\": \"reset\", \"hw:serial_port_count\": 1}",
        "{\"quota:cpu_shares\": \"0\", \"quota:cpu_limit\": \"-5\", \"quota:cpu_shares_level\": \"high\"}",
        "{\"resources:VCPU\": \"1\", \"resources_1:CUSTOM_GOLD\": 5, \"trait:HW_CPU_X86_AVX\": \"required\", \"trait1:CUSTOM_A\": \"forbidden\"}",
        "{\"aggregate_instance_extra_specs:any thing\": \"x\", \"pci_passthrough:alias\": \"a:1, b:2\"}",
        "{\"mine\": \"x\", \"mine:own\": \"y\", \"hwx:y\": \"z\"}", /* of no namespace of Nova's */
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        struct kn_error err = { 0 };

        assert_ok(check(GOOD[i], &err), &err);
    }
}

static void what_is_refused(void **state)
{
    static const char *const BAD[][2] = {
        { "{\"hw:x\": \"y\"}", "Validation failed; extra spec 'hw:x' does not appear to be a valid extra spec." },
        { "{\"hw:cpu_policies\": \"shared\"}", "Validation failed; extra spec 'hw:cpu_policies' does not appear" },
        { "{\"hw:numa_cpus.\": \"0\"}", "Validation failed; extra spec 'hw:numa_cpus.' does not appear" },
        { "{\"resources:vcpu\": \"1\"}", "Validation failed; extra spec 'resources:vcpu' does not appear" },
        { "{\"hw:cpu_policy\": \"share\"}", "Validation failed; 'share' is not one of: dedicated, shared, mixed." },
        { "{\"hw:cpu_policy\": \"\"}", "Validation failed; '' is not one of: dedicated, shared, mixed." },
        { "{\"trait:CUSTOM_A\": \"wanted\"}", "Validation failed; 'wanted' is not one of: required, forbidden." },
        { "{\"hw:boot_menu\": \"maybe\"}", "Validation failed; 'maybe' is not a valid boolean-like value." },
        { "{\"hw:numa_nodes\": \"two\"}", "Validation failed; 'two' is not a valid integer value." },
        { "{\"hw:numa_nodes\": \"0\"}", "Validation failed; '0' is less than the min value of '1'." },
        { "{\"hw:redirected_usb_ports\": \"16\"}", "Validation failed; '16' is greater than the max value of '15'." },
        { "{\"hw:mem_page_size\": \"huge\"}",
          "Validation failed; 'huge' is not of the format '(large|small|any|\\d+([kKMGT]i?)?(b|bit|B)?)'." },
        { "{\"quota:disk_read_bytes_sec\": \"-1\"}", "Validation failed; '-1' is less than the min value of '0'." },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_error err = { 0 };

        if (check(BAD[i][0], &err) == 0 || err.code != KN_BAD_REQUEST ||
            strncmp(err.message, BAD[i][1], strlen(BAD[i][1])) != 0) {
            fail_msg("%s: %s", BAD[i][0], err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_known), cmocka_unit_test(what_is_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
