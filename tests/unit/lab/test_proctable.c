/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's process table: what is read, what is refused, and that what kn_lab_control_request() quotes comes back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/control.h"
#include "lab/proctable.h"
#include "lib/base/mem.h"

static void test_whole_row(void **state)
{
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = NULL;
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_int_equal(
        kn_lab_proc_parse("agent-h1 ns=/lab/ns/h1 cwd=/ log=\"/a b/c.log\" stop=INT grace=200 -- /bin/prog "
                          "--flag \"two words\" \"\" back\\\\slash -- end",
                          &proc, &err),
        0);
    assert_string_equal(proc->name, "agent-h1");
    assert_string_equal(proc->ns, "/lab/ns/h1");
    assert_string_equal(proc->cwd, "/");
    assert_string_equal(proc->log, "/a b/c.log");
    assert_int_equal(proc->stop_signal, SIGINT);
    assert_int_equal(proc->grace_ms, 200);
    assert_string_equal(proc->argv[0], "/bin/prog");
    assert_string_equal(proc->argv[1], "--flag");
    assert_string_equal(proc->argv[2], "two words");
    assert_string_equal(proc->argv[3], "");
    assert_string_equal(proc->argv[4], "back\\slash");
    assert_string_equal(proc->argv[5], "--");
    assert_string_equal(proc->argv[6], "end");
    assert_null(proc->argv[7]);
}

static void test_defaults(void **state)
{
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = NULL;

    (void)state;
    assert_int_equal(kn_lab_proc_parse("a -- b", &proc, NULL), 0);
    assert_null(proc->ns);
    assert_null(proc->cwd);
    assert_null(proc->log);
    assert_int_equal(proc->stop_signal, SIGTERM);
    assert_int_equal(proc->grace_ms, 5000);
}

static void test_nothing_to_run(void **state)
{
    static const char *const lines[] = { "", "   \t", "# a comment -- not a row", "   # indented" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(lines); i++) {
        struct kn_lab_proc *proc = (struct kn_lab_proc *)1;

        assert_int_equal(kn_lab_proc_parse(lines[i], &proc, NULL), 0);
        assert_null(proc);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *line;
        const char *why;
    } rows[] = {
        { "a", "\"a\" has no -- before its program" },
        { "a --", "\"a\" has no program" },
        { "a -- \"\"", "\"a\" has no program" },
        { "A -- b", "\"A\" is not a process name" },
        { "../a -- b", "\"../a\" is not a process name" },
        { ".a -- b", "\".a\" is not a process name" },
        { "a/b -- c", "\"a/b\" is not a process name" },
        { "a color=red -- b", "\"color=red\" is not an option" },
        { "a log= -- b", "log: it is empty" },
        { "a stop=KILL -- b", "stop: \"KILL\" is none of TERM, INT, QUIT, HUP" },
        { "a grace=-1 -- b", "grace: \"-1\" is not a number of ms up to 600000" },
        { "a grace=99999999999999999999 -- b", "grace: \"99999999999999999999\" is not a number of ms up to 600000" },
        { "a grace=1s -- b", "grace: \"1s\" is not a number of ms up to 600000" },
        { "a -- \"b", "a quote is not closed" },
        { "a -- b\\", "the line ends in a backslash" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(rows); i++) {
        struct kn_lab_proc *proc = NULL;
        struct kn_error err = { .code = KN_OK };

        assert_int_equal(kn_lab_proc_parse(rows[i].line, &proc, &err), -1);
        assert_string_equal(err.message, rows[i].why);
        assert_null(proc);
    }
}

static void test_too_long(void **state)
{
    AUTO_FREE char *line = kn_alloc(KN_PROC_LINE_MAX + 2);
    struct kn_lab_proc *proc = NULL;

    (void)state;
    memset(line, 'a', KN_PROC_LINE_MAX + 1);
    assert_int_equal(kn_lab_proc_parse(line, &proc, NULL), -1);
    line[KN_PROC_NAME_MAX + 1] = '\0';
    assert_int_equal(kn_lab_proc_parse(line, &proc, NULL), -1);
}

static void test_table(void **state)
{
    AUTO_RELEASE(kn_lab_proctable) struct kn_lab_proctable table = { .n = 0 };
    struct kn_error err = { .code = KN_OK };

    (void)state;
    assert_int_equal(kn_lab_proctable_parse("# lab\n\none -- x\ntwo -- y", &table, &err), 0);
    assert_int_equal(table.n, 2);
    assert_string_equal(table.rows[0]->name, "one");
    assert_string_equal(table.rows[1]->name, "two");
    kn_lab_proctable_release(&table);
    assert_int_equal(kn_lab_proctable_parse("one -- x\n\none -- y\n", &table, &err), -1);
    assert_string_equal(err.message, "line 3: \"one\" occurs twice");
    assert_int_equal(table.n, 0);
}

static void test_request_comes_back(void **state)
{
    char *words[] = { (char[]){ "name" },
                      (char[]){ "log=/a \"b\"\\c" },
                      (char[]){ "--" },
                      (char[]){ "prog" },
                      (char[]){ "" },
                      (char[]){ "tab\there" },
                      NULL };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = NULL;

    (void)state;
    kn_lab_control_request(&line, words);
    assert_int_equal(line.buf[line.len - 1], '\n');
    line.buf[line.len - 1] = '\0';
    assert_int_equal(kn_lab_proc_parse(line.buf, &proc, NULL), 0);
    assert_string_equal(proc->log, "/a \"b\"\\c");
    assert_string_equal(proc->argv[0], "prog");
    assert_string_equal(proc->argv[1], "");
    assert_string_equal(proc->argv[2], "tab\there");
    assert_null(proc->argv[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_row),          cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_nothing_to_run),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),           cmocka_unit_test(test_table),
        cmocka_unit_test(test_request_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
