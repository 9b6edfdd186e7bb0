/* SPDX-License-Identifier: Apache-2.0 */
/* What a server is told of the network or the port that it wants. */
#include "tests/support/test.h"

#include "lib/base/mem.h"
#include "network/api.h"
#include "network/rows/usable.h"

#define ID "11111111-1111-4111-8111-111111111111"

static void test_networks(void **state)
{
    static const struct {
        const char *fixed_ip;
        struct kn_network_found found;
        const char *words; /* NULL: it will do */
    } CASES[] = {
        { NULL, { true, true, false, NULL, true }, NULL },
        { "10.0.0.9", { true, true, true, NULL, true }, NULL },
        { NULL, { false, false, false, NULL, true }, "Network " ID " could not be found." },
        { NULL, { true, false, false, NULL, true }, "Network " ID " requires a subnet in order to boot instances on." },
        { "10.9.0.9",
          { true, true, false, NULL, true },
          "Fixed IP 10.9.0.9 is not a valid ip address for network " ID "." },
        { "10.0.0.9", { true, true, true, "s1", true }, "Fixed IP address 10.0.0.9 is already in use on instance s1." },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_error err = { .code = KN_OK };
        const int rc = kn_network_judge(ID, CASES[i].fixed_ip, &CASES[i].found, &err);

        assert_int_equal(rc, CASES[i].words != NULL ? -1 : 0);
        if (CASES[i].words != NULL) {
            assert_string_equal(err.message, CASES[i].words);
            assert_int_equal(err.code, KN_BAD_REQUEST);
        }
    }
}

static void test_ports(void **state)
{
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_ok(kn_network_port_judge(ID, &(struct kn_network_port_found){ true, false, true, NULL }, &err), &err);
    assert_fails(kn_network_port_judge(ID, &(struct kn_network_port_found){ false, false, false, NULL }, &err), &err,
                 KN_BAD_REQUEST);
    assert_fails(kn_network_port_judge(ID, &(struct kn_network_port_found){ true, true, true, NULL }, &err), &err,
                 KN_CONFLICT);
    assert_fails(kn_network_port_judge(ID, &(struct kn_network_port_found){ true, false, false, NULL }, &err), &err,
                 KN_BAD_REQUEST);
    assert_ok(kn_network_port_judge(ID, &(struct kn_network_port_found){ true, false, true, "" }, &err), &err);
    assert_fails(kn_network_port_judge(ID, &(struct kn_network_port_found){ true, false, true, ID }, &err), &err,
                 KN_FORBIDDEN);
}

/* What cannot be one is refused before anybody asks the database: there is none here. */
static void test_no_ids(void **state)
{
    const struct kn_caller caller = { .project_id = "p" };
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_fails(kn_network_usable(NULL, &caller, "net1", NULL, &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_network_usable(NULL, &caller, ID, "10.0.0.256", &err), &err, KN_BAD_REQUEST);
    assert_fails(kn_network_port_usable(NULL, &caller, "' OR 1=1", &err), &err, KN_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_networks), cmocka_unit_test(test_ports),
                                        cmocka_unit_test(test_no_ids) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
