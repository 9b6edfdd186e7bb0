/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says of its hosts is judged at the door: a host that makes no sense is named once, with the reason, until what is said changes. */
#include <jansson.h>

#include "lib/base/mem.h"
#include "scheduler/hosts.h"
#include "tests/support/test.h"

/* A hello of one sound host, changed by `with`. */
static json_t *hello(const char *with)
{
    json_t *host = json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:i, s:{}}", "host", "h", "vcpus", 4, "memory_mib", 4096, "reserved_memory_mib", 512,
                             "disk_gib", 10, "zone", "nova", "hypervisor_type", "QEMU", "hypervisor_version", 7002000, "cpu_info");
    json_t *more = json_loads(with, 0, NULL);

    assert_int_equal(json_object_update(host, more), 0);
    json_decref(more);
    return json_pack("{s:s, s:s, s:[o]}", "agent", "a", "boot", "b", "hosts", host);
}

static int judge(struct kn_inventory *inv, const char *with, struct kn_error *err)
{
    json_t *said = hello(with);
    const int result = kn_hosts_check(inv, said, 0, err);

    json_decref(said);
    return result;
}

static void test_mad_hosts(void **state)
{
    static const char *const MAD[] = {
        "{\"reserved_memory_mib\":9999999}", "{\"reserved_memory_mib\":-1}", "{\"disk_gib\":9223372036854775807}",
        "{\"memory_mib\":9223372036854775807}", "{\"vcpus\":0}", "{\"hypervisor_version\":-9223372036854775807}",
    };
    struct kn_inventory *inv = kn_inventory_new();
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(judge(inv, "{}", &err), &err);
    for (size_t i = 0; i < KN_COUNT(MAD); i++) {
        assert_fails(judge(inv, MAD[i], &err), &err, KN_BAD_REQUEST);
        assert_non_null(strstr(err.message, "host \"h\" is left out"));
        kn_error_clear(&err);
        assert_ok(judge(inv, MAD[i], &err), &err); /* said before */
    }
    kn_inventory_free(inv);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mad_hosts) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
