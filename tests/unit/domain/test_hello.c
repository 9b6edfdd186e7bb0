/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says of its hosts is judged at both doors: every host that makes no sense is named with the reason, the others are taken. */
#include <jansson.h>

#include "lib/base/mem.h"
#include "lib/domain/hello.h"
#include "lib/domain/message.h"
#include "tests/support/test.h"

/* A sound host, changed by `with`. */
static json_t *host(const char *name, const char *with)
{
    json_t *said = json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:i, s:{}}", "host", name, "vcpus", 4, "memory_mib",
                             4096, "reserved_memory_mib", 512, "disk_gib", 10, "zone", "nova", "hypervisor_type",
                             "QEMU", "hypervisor_version", 7002000, "cpu_info");
    json_t *more = json_loads(with, 0, NULL);

    assert_int_equal(json_object_update(said, more), 0);
    json_decref(more);
    return said;
}

static void test_mad_hosts(void **state)
{
    static const struct {
        const char *with, *word;
    } MAD[] = {
        { "{\"reserved_memory_mib\":9999999}", "is above" },
        { "{\"reserved_memory_mib\":-1}", "reserved_memory_mib" },
        { "{\"disk_gib\":9223372036854775807}", "disk_gib" },
        { "{\"memory_mib\":9223372036854775807}", "memory_mib" },
        { "{\"vcpus\":0}", "vcpus" },
        { "{\"hypervisor_version\":-9223372036854775807}", "hypervisor_version" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MAD); i++) {
        json_t *hosts = json_pack("[o, o, o]", host("good", "{}"), host("bad", MAD[i].with),
                                  host("worse", MAD[i].with));
        json_t *sane = NULL;
        json_t *mad = NULL;

        kn_hello_sift(hosts, &sane, &mad);
        assert_int_equal(json_array_size(sane), 1);
        assert_string_equal(kn_json_str(json_array_get(sane, 0), "host"), "good");
        assert_int_equal(json_array_size(mad), 2);
        assert_string_equal(kn_json_str(json_array_get(mad, 0), "subject"), "bad");
        assert_string_equal(kn_json_str(json_array_get(mad, 1), "subject"), "worse");
        assert_non_null(strstr(kn_json_str(json_array_get(mad, 1), "reason"), MAD[i].word));
        json_decref(hosts);
        json_decref(sane);
        json_decref(mad);
    }
}

static void test_names(void **state)
{
    json_t *hosts = json_pack("[o, o, o, o, s]", host("twice", "{}"), host("", "{}"), host("good", "{}"),
                              host("twice", "{\"vcpus\":8}"), "no host");
    json_t *sane = NULL;
    json_t *mad = NULL;

    (void)state;
    kn_hello_sift(hosts, &sane, &mad);
    assert_int_equal(json_array_size(sane), 1);
    assert_int_equal(json_array_size(mad), 3);
    assert_non_null(strstr(kn_json_str(json_array_get(mad, 0), "reason"), "2 times"));
    assert_string_equal(kn_json_str(json_array_get(mad, 1), "subject"), "#2");
    assert_false(kn_json_bool(json_array_get(mad, 1), "named"));
    assert_string_equal(kn_json_str(json_array_get(mad, 2), "subject"), "#5");
    json_decref(hosts);
    json_decref(sane);
    json_decref(mad);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mad_hosts), cmocka_unit_test(test_names) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
