/* SPDX-License-Identifier: Apache-2.0 */
/* How a guest's processors look to it, against what nova.virt.hardware chooses of the same words; and in which words nothing is to be had. */
#include <string.h>

#include "compute/rows/topology.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static int choose(const char *image, const char *flavor, int64_t vcpus, struct kn_compute_topology *ret,
                  struct kn_error *err)
{
    json_auto_t *properties = json_loads(image, 0, NULL), *specs = json_loads(flavor, 0, NULL);

    assert_non_null(properties);
    assert_non_null(specs);
    return kn_compute_topology_choose(properties, specs, vcpus, ret, err);
}

static const struct {
    const char *image, *flavor;
    int64_t vcpus;
    struct kn_compute_topology chosen;
} GOOD[] = {
#include "tests/unit/compute/topology.def"
};

static void as_nova_chooses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        struct kn_compute_topology t;
        struct kn_error err = { 0 };

        assert_ok(choose(GOOD[i].image, GOOD[i].flavor, GOOD[i].vcpus, &t, &err), &err);
        if (t.sockets != GOOD[i].chosen.sockets || t.cores != GOOD[i].chosen.cores ||
            t.threads != GOOD[i].chosen.threads) {
            fail_msg("%s, %s, %d: %d:%d:%d", GOOD[i].image, GOOD[i].flavor, (int)GOOD[i].vcpus, (int)t.sockets,
                     (int)t.cores, (int)t.threads);
        }
    }
}

static void nobody_asks(void **state)
{
    struct kn_compute_topology t;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(choose("{}", "{}", 4, &t, &err), &err);
    assert_int_equal(t.sockets, 0);
}

static void what_cannot_be(void **state)
{
    static const struct {
        const char *image, *flavor;
        int64_t vcpus;
        const char *words;
    } BAD[] = {
        { "{\"hw_cpu_max_sockets\": \"9\"}", "{\"hw:cpu_max_sockets\": \"8\"}", 4,
          "Image vCPU topology limits (sockets=9, cores=0, threads=0) exceeds the limits of the flavor (sockets=8, cores=0, threads=0)" },
        { "{\"hw_cpu_sockets\": \"3\", \"hw_cpu_max_sockets\": \"2\"}", "{}", 6,
          "Image vCPU topology (sockets=3, cores=0, threads=0) exceeds the limits of the flavor or image (sockets=2, cores=65536, "
          "threads=65536)" },
        { "{}", "{\"hw:cpu_max_sockets\": \"2\", \"hw:cpu_max_cores\": \"2\", \"hw:cpu_max_threads\": \"1\"}", 8,
          "Requested vCPU limits 2:2:1 are impossible to satisfy for vcpus count 8" },
        { "{}", "{\"hw:cpu_max_threads\": \"1\", \"hw:cpu_max_cores\": \"4\"}", 2147483647,
          "Requested vCPU limits 65536:4:1 are impossible to satisfy for vcpus count 2147483647" },
        { "{}", "{\"hw:cpu_sockets\": \"many\"}", 8,
          "Invalid flavor extra spec or image metadata. Error: hw:cpu_sockets=many" },
        { "{}", "{\"hw:cpu_sockets\": \"-1\"}", 8,
          "Invalid flavor extra spec or image metadata. Error: hw:cpu_sockets=-1" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_compute_topology t;
        struct kn_error err = { 0 };

        if (choose(BAD[i].image, BAD[i].flavor, BAD[i].vcpus, &t, &err) == 0 || err.code != KN_BAD_REQUEST ||
            strncmp(err.message, BAD[i].words, strlen(BAD[i].words)) != 0) {
            fail_msg("%s, %s: %s", BAD[i].image, BAD[i].flavor, err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_nova_chooses), cmocka_unit_test(nobody_asks),
                                        cmocka_unit_test(what_cannot_be) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
