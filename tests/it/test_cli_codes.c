/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes of `kilonova`, for those who watch by them: a typing error or a missing file is no verdict about the cloud. No database is here. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <sys/wait.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"

static int code_of(const char *arguments)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *command =
        kn_asprintf("KILONOVA_CONFIG=/dev/null %s --set db.url=postgresql:///none?host=/nonexistent %s >/dev/null 2>&1",
                    program, arguments);
    const int status = system(command); /* NOLINT(cert-env33-c): the text is this file's own */

    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_what_is_not_tried(void **state)
{
    static const char *const WRONG[] = {
        "",
        "nonsense",
        "host",
        "audit -x",
        "audit --config /nonexistent",
        "--set no.such=1 audit",
        "task show",
        "task show x",
        "task list a b",
        "token rotate more",
        "host move h1",
        "history prune --all",
        "agent key",
        "--config /nonexistent conf",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WRONG); i++) {
        if (code_of(WRONG[i]) != 2) {
            fail_msg("kilonova %s ends with %d", WRONG[i], code_of(WRONG[i]));
        }
    }
}

static void test_what_is_done_and_what_is_not(void **state)
{
    (void)state;
    assert_int_equal(code_of("conf"), 0);
    assert_int_equal(code_of("conf options"), 0);
    assert_int_equal(code_of("audit --help"), 0);
    assert_int_equal(code_of("--help"), 0);
    assert_int_equal(code_of("audit --no-hosts"), 2); /* the database is away: nothing could be judged */
    assert_int_equal(code_of("task list"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_tried),
        cmocka_unit_test(test_what_is_done_and_what_is_not),
    };

    return cmocka_run_group_tests_name("it/cli_codes", tests, NULL, NULL);
}
