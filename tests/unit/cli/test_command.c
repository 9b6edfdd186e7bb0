/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's matching: the longest words win, what is left are arguments, and what is wrong is told. */
#include "cli/command.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static int never(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    (void)cli;
    (void)argc;
    (void)argv;
    return kn_fail(err, KN_INTERNAL, "must not run");
}

static const struct kn_command ROOM[] = {
    { "host list", "", "list them", never },
    { "host drain", "HOST [--wait]", "empty one of its servers, one after the other", never },
    { NULL, NULL, NULL, NULL },
};
static const struct kn_command OTHER[] = {
    { "host", "NAME", "show one", never },
    { NULL, NULL, NULL, NULL },
};
static const struct kn_command *const TABLES[] = { ROOM, OTHER, NULL };

static char HOST[] = "host", LIST[] = "list", DRAIN[] = "drain", NAME[] = "h1", HOSTS[] = "hosts", MORE[] = "more";
static struct kn_error err;

static const struct kn_command *find(char **argv, int *used)
{
    const struct kn_command *command = NULL;
    return kn_cli_command_find(TABLES, argv, &command, used, &err) == 0 ? command : NULL;
}

static void test_longest_wins(void **state)
{
    (void)state;
    int used = 0;
    assert_ptr_equal(find((char *[]){ HOST, LIST, NULL }, &used), &ROOM[0]);
    assert_int_equal(used, 2);
    assert_ptr_equal(find((char *[]){ HOST, DRAIN, NAME, NULL }, &used), &ROOM[1]);
    assert_int_equal(used, 2);
    assert_ptr_equal(find((char *[]){ HOST, NAME, NULL }, &used), &OTHER[0]);
    assert_int_equal(used, 1);
}

static void test_refuses(void **state)
{
    (void)state;
    int used = 77;
    assert_null(find((char *[]){ HOSTS, NULL }, &used));
    assert_string_equal(err.message, "\"hosts\" is not a command");
    assert_string_equal(err.hint, "kilonova --help lists them");
    assert_null(find((char *[]){ HOST, LIST, MORE, NULL }, &used));
    assert_string_equal(err.message, "\"host list\" takes no arguments, but was given \"more\"");
    assert_int_equal(used, 77); /* untouched */
}

static void test_says_what_begins_alike(void **state)
{
    (void)state;
    const struct kn_command *const tables[] = { ROOM, NULL };
    const struct kn_command *command = NULL;
    int used = 0;
    assert_fails(kn_cli_command_find(tables, (char *[]){ HOST, MORE, NULL }, &command, &used, &err), &err,
                 KN_NOT_FOUND);
    assert_string_equal(err.message, "\"host more\" is not a command");
    assert_string_equal(err.hint, "there is: host list, host drain");
}

static void test_help(void **state)
{
    (void)state;
    AUTO_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    kn_cli_command_help(TABLES, (char *[]){ NULL }, out);
    fclose(out);
    assert_non_null(strstr(text, "\n  host list                     list them\n"));
    assert_non_null(strstr(text, "\n  host drain HOST [--wait]      empty one"));
    assert_non_null(strstr(text, "\n  host NAME                     show one\n"));
}

static void test_builtins_are_whole(void **state)
{
    (void)state;
    for (const struct kn_command *c = kn_cli_builtin_commands; c->words != NULL; c++) {
        assert_non_null(c->usage);
        assert_true(strlen(c->help) > 0);
        assert_non_null(c->run);
    }
}

static char *help_of(char **argv)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    kn_cli_command_help(TABLES, argv, out);
    fclose(out);
    return text;
}

static void test_help_of_what_is_typed(void **state)
{
    static char HELP[] = "--help", CONFIG[] = "--config", FILE_NAME[] = "f";
    AUTO_FREE char *one = help_of((char *[]){ CONFIG, FILE_NAME, HOST, DRAIN, HELP, NULL });
    AUTO_FREE char *alike = help_of((char *[]){ HOST, HELP, NULL });
    AUTO_FREE char *unknown = help_of((char *[]){ HOSTS, HELP, NULL });

    (void)state;
    assert_non_null(strstr(one, "host drain HOST"));
    assert_null(strstr(one, "host list"));
    assert_non_null(strstr(alike, "host drain HOST"));
    assert_non_null(strstr(alike, "host list"));
    assert_non_null(strstr(unknown, "host list")); /* all */
    assert_non_null(strstr(one, "exit code: 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_wins),           cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_says_what_begins_alike), cmocka_unit_test(test_help),
        cmocka_unit_test(test_help_of_what_is_typed),  cmocka_unit_test(test_builtins_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
