/* SPDX-License-Identifier: Apache-2.0 */
/* What words of aggregates let a flavor and a project in. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "scheduler/choose.h"
#include "tests/support/test.h"

/* Aggregates as they are given, one text of JSON each, ended by NULL. */
static json_t *words_of(const char *const *aggregates)
{
    json_t *words = json_object();

    for (; *aggregates != NULL; aggregates++) {
        json_auto_t *metadata = json_loads(*aggregates, 0, NULL);

        assert_non_null(metadata);
        kn_scheduler_aggregates_add(words, metadata);
    }
    return words;
}

static void test_values_are_compared_as_nova_does(void **state)
{
    static const struct {
        const char *value, *asked;
        bool fits;
    } ROWS[] = {
        { "true", "true", true },
        { "true", "True", false },
        { "true, false", "false", true }, /* one text, two values */
        { "", "", true },
        { "a b", "a b", true },
        { "4", "= 4", true },
        { "5", "= 4", true },
        { "3", "= 4", false },
        { "4.0", "== 4", true },
        { "x", "== 4", false },
        { "x", "!= 4", false }, /* no number is neither equal nor another */
        { "5", "!= 4", true },
        { "10", ">= 9", true },
        { "10", "<= 9", false },
        { "10", "s< 9", true },
        { "b", "s> a", true },
        { "a", "s>= a", true },
        { "b", "s<= a", false },
        { "a", "s== a", true },
        { "a", "s!= a", false },
        { "a", "s==", false },
        { "abc", "<in> bc", true },
        { "abc", "<in> cb", false },
        { "abc", "<in>", false },
        { "aes mmx", "<all-in> aes mmx", true },
        { "aes", "<all-in> aes mmx", false },
        { "v2", "<or> v1 <or> v2", true },
        { "v3", "<or> v1 <or> v2", false },
        { "v3", "<or>", false },
        { "<or>", "<or> v1 <or> v2", false }, /* the word between them is no value */
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(ROWS); i++) {
        json_auto_t *metadata = json_pack("{s:s}", "k", ROWS[i].value);
        json_auto_t *specs = json_pack("{s:s}", "aggregate_instance_extra_specs:k", ROWS[i].asked);
        json_auto_t *words = json_object();

        kn_scheduler_aggregates_add(words, metadata);
        if (kn_scheduler_aggregates_fit(words, specs) != ROWS[i].fits) {
            fail_msg("\"%s\" and \"%s\"", ROWS[i].value, ROWS[i].asked);
        }
    }
}

static void test_all_that_is_asked_must_be_there(void **state)
{
    static const char *const TWO[] = { "{\"ssd\": \"true\"}", "{\"ssd\": \"false\", \"cpu\": \"9\"}", NULL };
    json_auto_t *words = words_of(TWO);
    json_auto_t *both = json_pack("{s:s, s:s, s:s, s:s}", "aggregate_instance_extra_specs:ssd", "true",
                                  "aggregate_instance_extra_specs:cpu", ">= 8", "hw:mem_page_size", "large", "plain",
                                  "x");
    json_auto_t *more = json_pack("{s:s, s:s}", "aggregate_instance_extra_specs:ssd", "true",
                                  "aggregate_instance_extra_specs:gpu", "true");

    (void)state;
    assert_true(kn_scheduler_aggregates_fit(words, both)); /* of others' words none is an aggregate's */
    assert_false(kn_scheduler_aggregates_fit(words, more));
    assert_false(kn_scheduler_aggregates_fit(NULL, both));
    assert_true(kn_scheduler_aggregates_fit(NULL, NULL));
    assert_true(kn_scheduler_aggregates_fit(words, NULL));
}

static void test_projects_are_isolated(void **state)
{
    static const char *const OPEN[] = { "{\"ssd\": \"true\"}", NULL };
    static const char *const CLOSED[] = { "{\"filter_tenant_id\": \"a, b\"}", "{\"filter_tenant_id3\": \"c\"}",
                                          "{\"ssd\": \"true\"}", NULL };
    json_auto_t *open = words_of(OPEN), *closed = words_of(CLOSED);

    (void)state;
    assert_true(kn_scheduler_aggregates_admit(NULL, "d"));
    assert_true(kn_scheduler_aggregates_admit(open, "d"));
    for (const char *const *p = (const char *const[]){ "a", "b", "c", NULL }; *p != NULL; p++) {
        assert_true(kn_scheduler_aggregates_admit(closed, *p));
    }
    assert_false(kn_scheduler_aggregates_admit(closed, "d"));
    assert_false(kn_scheduler_aggregates_admit(closed, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values_are_compared_as_nova_does),
                                        cmocka_unit_test(test_all_that_is_asked_must_be_there),
                                        cmocka_unit_test(test_projects_are_isolated) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
