/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what, as a drawing: one row a rule, one column a caller, at the front door and beside a row. '+' allowed, '-' forbidden, '?' must
 * log in first. One rule stands for each grant, and for each set of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/policy.h"

enum { R = KN_ROLE_READER, M = 3, G = 7, A = 15, S = KN_ROLE_SERVICE };

#define PROJECT .project_id = "p", .project_domain_id = "d"
#define SYSTEM .system_scoped = true
static const struct kn_caller CALLERS[] = {
    { .roles = A },                              /* no token, whatever else is said */
    { .user_id = "u" },                          /* unscoped */
    { .user_id = "u", .domain_id = "d", .roles = R },
    { .user_id = "u", .domain_id = "d", .roles = G },
    { .user_id = "u", .domain_id = "d", .roles = A },
    { .user_id = "u", SYSTEM, .roles = R },
    { .user_id = "u", SYSTEM, .roles = A },
    { .user_id = "u", PROJECT },                 /* a role that means nothing to us */
    { .user_id = "u", PROJECT, .roles = S },
    { .user_id = "u", PROJECT, .roles = R },
    { .user_id = "u", PROJECT, .roles = M },
    { .user_id = "u", PROJECT, .roles = G },
    { .user_id = "u", PROJECT, .roles = A },
};

/* A letter a caller: at the door, where the path names "x" and then what is his; to everybody's things, and to his own. */
static const struct {
    enum kn_rule rule;
    const char *foreign_path, *own_path, *all, *own;
} EXPECTED[] = {
    { KN_RULE_NONE, "-------------", "-------------", "+++++++++++++", "+++++++++++++" },
    { KN_RULE_COUNT, "-------------", "-------------", "-------------", "-------------" },
    { KN_KEYSTONE_AUTHENTICATE, "+++++++++++++", "+++++++++++++", "+++++++++++++", "+++++++++++++" },
    { KN_KEYSTONE_AUTH_CATALOG, "?++++++++++++", "?++++++++++++", "+++++++++++++", "+++++++++++++" },
    { KN_KEYSTONE_CREATE_TRUST, "?------++++++", "?------++++++", "-------++++++", "-------++++++" },
    { KN_NOVA_ZONES, "?--------++++", "?--------++++", "---------++++", "---------++++" },
    { KN_NOVA_SERVERS, "?--------++++", "?--------++++", "-------------", "---------++++" },
    { KN_NOVA_HYPERVISORS, "?---+-+-----+", "?---+-+-----+", "+---+-+-----+", "+---+-+-----+" },
    { KN_NOVA_SERVER_FORCED_HOST, "?-----------+", "?-----------+", "------------+", "------------+" },
    { KN_KEYSTONE_CREATE_ROLE, "?-----+-----+", "?-----+-----+", "------+-----+", "------+-----+" },
    { KN_NOVA_SERVER_SHOW, "?--------++++", "?--------++++", "------------+", "---------++++" },
    { KN_NOVA_SERVER_UPDATE, "?---------+++", "?---------+++", "------------+", "----------+++" },
    { KN_NOVA_KEYPAIRS, "?--------++++", "?--------++++", "------------+", "---------++++" },
    { KN_NEUTRON_GET_PORT_HOST, "?-------+---+", "?-------+---+", "--------+---+", "--------+---+" },
    { KN_NEUTRON_GET_QUOTA, "?---+-+++++++", "?---+-+++++++", "+---+-+-----+", "+---+-+++++++" },
    { KN_KEYSTONE_LIST_SERVICES, "?----++-----+", "?----++-----+", "-----++-----+", "-----++-----+" },
    { KN_KEYSTONE_LIST_USERS, "?-+++++-----+", "?-+++++-----+", "+---+++-----+", "+-+++++-----+" },
    { KN_KEYSTONE_CREATE_USER, "?--++-+-----+", "?--++-+-----+", "+---+-+-----+", "+--++-+-----+" },
    { KN_KEYSTONE_GET_USER, "?-+++++-----+", "?++++++++++++", "+---+++-----+", "+++++++++++++" },
    { KN_KEYSTONE_GET_PROJECT, "?-+++++-----+", "?-+++++++++++", "+---+++-----+", "+-+++++++++++" },
    { KN_KEYSTONE_GET_DOMAIN, "?---+++-----+", "?-+++++++++++", "+---+++-----+", "+-+++++++++++" },
    { KN_KEYSTONE_DELETE_ACCESS_RULE, "?-----+------", "?++++++++++++", "------+------", "-++++++++++++" },
    { KN_KEYSTONE_GET_CREDENTIAL, "?++++++++++++", "?++++++++++++", "+---+++-----+", "+++++++++++++" },
    { KN_KEYSTONE_GET_LIMIT, "?-+++++++++++", "?-+++++++++++", "+---+++-----+", "+-+++++++++++" },
    { KN_KEYSTONE_VALIDATE_TOKEN, "?++++++++++++", "?++++++++++++", "+---+++-+---+", "+++++++++++++" },
};

static char at_door(enum kn_rule rule, size_t caller, bool is_own)
{
    static const char LETTERS[] = { [KN_ALLOW] = '+', [KN_DENY_UNAUTHENTICATED] = '?', [KN_DENY_FORBIDDEN] = '-' };
    const struct kn_caller *who = caller > 0 ? &CALLERS[caller] : NULL;
    const char *const firsts[] = { "u", "p", "d" };
    char letter = LETTERS[kn_policy_admit(rule, who, "x")];

    for (size_t i = 0; is_own && letter == '-' && i < KN_COUNT(firsts); i++) {
        letter = LETTERS[kn_policy_admit(rule, who, firsts[i])];
    }
    return letter;
}

static void test_decisions(void **state)
{
    static const struct kn_target OWN = { "u", "p", "d" }, FOREIGN = { "x", "x", "" };

    (void)state;
    for (size_t r = 0; r < KN_COUNT(EXPECTED); r++) {
        const enum kn_rule rule = EXPECTED[r].rule;
        const char *const expected[] = { EXPECTED[r].foreign_path, EXPECTED[r].own_path, EXPECTED[r].all,
                                         EXPECTED[r].own };
        char drawn[4][KN_COUNT(CALLERS) + 1] = { "" };
        for (size_t c = 0; c < KN_COUNT(CALLERS); c++) {
            drawn[0][c] = at_door(rule, c, false);
            drawn[1][c] = at_door(rule, c, true);
            drawn[2][c] = kn_policy_allows(rule, &CALLERS[c], NULL) ? '+' : '-';
            drawn[3][c] = kn_policy_allows(rule, &CALLERS[c], &OWN) ? '+' : '-';
            assert_int_equal(kn_policy_allows(rule, &CALLERS[c], &FOREIGN), drawn[2][c] == '+');
        }
        for (size_t i = 0; i < KN_COUNT(expected); i++) {
            if (strcmp(drawn[i], expected[i]) != 0) {
                fail_msg("%s, question %zu: %s, expected %s", kn_policy_name(rule), i, drawn[i], expected[i]);
            }
        }
    }
}

/* Each service refuses in its own words, by its own name of the rule. */
static void test_words(void **state)
{
    static const struct {
        enum kn_rule rule;
        const char *words;
    } CASES[] = {
        { KN_NOVA_SERVER_RESET, "Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed." },
        { KN_CINDER_FORCE_DELETE, "Policy doesn't allow volume:force_delete to be performed." },
        { KN_NEUTRON_CREATE_NETWORK_SHARED, "rule:create_network:shared is disallowed by policy" },
        { KN_GLANCE_PUBLICIZE_IMAGE, "You are not authorized to complete publicize_image action." },
        { KN_KEYSTONE_LIST_USERS, "You are not authorized to perform the requested action: identity:list_users." },
    };
    const struct kn_caller stranger = { .user_id = "u" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_error err = { 0 };
        assert_int_equal(kn_policy_check(CASES[i].rule, &stranger, NULL, &err), -1);
        assert_int_equal(err.code, KN_FORBIDDEN);
        assert_string_equal(err.message, CASES[i].words);
    }
}

/* A name is one rule's, and every rule says to whom it is granted. */
static void test_names(void **state)
{
    (void)state;
    for (enum kn_rule a = KN_RULE_NONE + 1; a < KN_RULE_COUNT; a++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf who = KN_STRBUF_INIT;
        kn_policy_who(a, &who);
        assert_true(who.len > 0);
        for (enum kn_rule b = a + 1; b < KN_RULE_COUNT; b++) {
            assert_string_not_equal(kn_policy_name(a), kn_policy_name(b));
        }
    }
    assert_string_equal(kn_policy_name(KN_RULE_COUNT), "");
}

static void test_roles_imply(void **state)
{
    (void)state;
    assert_int_equal(kn_role_bits("reader"), R);
    assert_int_equal(kn_role_bits("member"), M);
    assert_int_equal(kn_role_bits("manager"), G);
    assert_int_equal(kn_role_bits("admin"), A);
    assert_int_equal(kn_role_bits("service"), S);
    assert_true(kn_role_is_rank("reader") && kn_role_is_rank("admin"));
    assert_false(kn_role_is_rank("service") || kn_role_is_rank("x"));
    assert_int_equal(kn_role_bits("Admin"), 0);
    assert_int_equal(kn_role_bits(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_roles_imply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
