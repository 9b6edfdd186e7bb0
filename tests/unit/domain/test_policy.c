/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may call what, as a drawing: one row a policy, one column a caller. '+' allowed, '-' forbidden, '?' must log in first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/policy.h"

enum { R = KN_ROLE_READER, M = 3, G = 7, A = 15 };

static const struct kn_policy_input CALLERS[] = {
    { .roles = A },                                          /* no token, whatever else is said */
    { .has_token = true },                                   /* unscoped */
    { .has_token = true, .has_domain = true, .roles = R },
    { .has_token = true, .has_domain = true, .roles = A },
    { .has_token = true, .system_scoped = true, .roles = R },
    { .has_token = true, .system_scoped = true, .roles = A },
    { .has_token = true, .has_project = true },              /* a role that means nothing to us */
    { .has_token = true, .has_project = true, .roles = R },
    { .has_token = true, .has_project = true, .roles = M },
    { .has_token = true, .has_project = true, .roles = G },
    { .has_token = true, .has_project = true, .roles = A },
    { .has_token = true, .is_self = true },
    { .has_token = true, .has_project = true, .roles = R, .is_own_project = true },
    { .has_token = true, .has_domain = true, .roles = G },
    { .has_token = true, .has_project = true, .is_own_domain = true },
};

static const struct {
    enum kn_policy policy;
    const char *drawn; /* a letter a caller */
} EXPECTED[] = {
    { KN_POLICY_NONE, "---------------" },
    { KN_POLICY_PUBLIC, "+++++++++++++++" },
    { KN_POLICY_AUTHENTICATED, "?++++++++++++++" },
    { KN_POLICY_PROJECT_READER, "?------++++-+--" },
    { KN_POLICY_PROJECT_MEMBER, "?-------+++----" },
    { KN_POLICY_ADMIN, "?--+-+----+----" },
    { KN_POLICY_PROJECT_TOKEN, "?-----+++++-+-+" },
    { KN_POLICY_SELF, "?----------+---" },
    { KN_POLICY_SYSTEM_READER, "?--+++----+----" },
    { KN_POLICY_SYSTEM_READER_OR_OWN_DOMAIN, "?--+++----+---+" },
    { KN_POLICY_SYSTEM_READER_OR_DOMAIN_MANAGER, "?--+++----+--+-" },
    { KN_POLICY_CLOUD_ADMIN, "?----+----+----" },
    { KN_POLICY_CLOUD_READER, "?---++----+----" },
    { KN_POLICY_CLOUD_ADMIN_OR_SELF, "?----+----++---" },
    { KN_POLICY_CLOUD_READER_OR_SELF, "?---++----++---" },
    { KN_POLICY_SYSTEM_ADMIN_OR_SELF, "?----+-----+---" },
    { KN_POLICY_AUDITOR_OR_SELF, "?---++-----+---" },
    { KN_POLICY_DOMAIN_MANAGER, "?--+-+----+--+-" },
    { KN_POLICY_DOMAIN_READER, "?-++++----+--+-" },
    { KN_POLICY_DOMAIN_READER_OR_SELF, "?-++++----++-+-" },
    { KN_POLICY_DOMAIN_READER_OR_OWN_PROJECT, "?-++++----+-++-" },
};
_Static_assert(KN_COUNT(EXPECTED) == KN_POLICY_COUNT, "every policy is drawn");

static void test_decisions(void **state)
{
    static const char LETTERS[] = { [KN_ALLOW] = '+', [KN_DENY_UNAUTHENTICATED] = '?', [KN_DENY_FORBIDDEN] = '-' };
    (void)state;
    for (size_t p = 0; p < KN_COUNT(EXPECTED); p++) {
        char drawn[KN_COUNT(CALLERS) + 1] = "";
        for (size_t c = 0; c < KN_COUNT(CALLERS); c++) {
            drawn[c] = LETTERS[kn_policy_decide(EXPECTED[p].policy, &CALLERS[c])];
        }
        if (strcmp(drawn, EXPECTED[p].drawn) != 0) {
            fail_msg("%s: %s, expected %s", kn_policy_name(EXPECTED[p].policy), drawn, EXPECTED[p].drawn);
        }
    }
}

static void test_out_of_range_is_forbidden(void **state)
{
    (void)state;
    const struct kn_policy_input admin = { .has_token = true, .has_project = true, .roles = A };
    assert_int_equal(kn_policy_decide(KN_POLICY_COUNT, &admin), KN_DENY_FORBIDDEN);
    assert_string_equal(kn_policy_name(KN_POLICY_COUNT), "KN_POLICY_NONE");
}

static void test_roles_imply(void **state)
{
    (void)state;
    assert_int_equal(kn_role_bits("reader"), R);
    assert_int_equal(kn_role_bits("member"), M);
    assert_int_equal(kn_role_bits("manager"), G);
    assert_int_equal(kn_role_bits("admin"), A);
    assert_int_equal(kn_role_bits("Admin"), 0);
    assert_int_equal(kn_role_bits(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_out_of_range_is_forbidden),
        cmocka_unit_test(test_roles_imply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
