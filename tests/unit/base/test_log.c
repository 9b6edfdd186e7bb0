/* SPDX-License-Identifier: Apache-2.0 */
/* The log line, read back from a pipe in place of stderr: fields, quoting, secrets, levels. */
#include "lib/base/log.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/log_gather.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static char line[8192];
static int pipe_fds[2];
static int saved_stderr;

static int catch_stderr(void **state)
{
    (void)state;
    saved_stderr = dup(STDERR_FILENO);
    return pipe(pipe_fds) == 0 && dup2(pipe_fds[1], STDERR_FILENO) >= 0 ? 0 : -1;
}

static int give_stderr_back(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

/* What was logged since the last call; a marker ends it, so that "nothing" does not block. */
static const char *logged(void)
{
    assert_int_equal(write(STDERR_FILENO, "#", 1), 1);
    ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);
    assert_true(n > 0 && line[n - 1] == '#');
    line[n - 1] = '\0';
    return line;
}

static void test_a_line(void **state)
{
    (void)state;
    kn_log_init("unit", KN_INFO);
    kn_log_request("req-1");
    kn_log(KN_INFO, "server placed", "server", "s1", "host", NULL, "zone", "a b", NULL);
    const char *text = logged();
    assert_int_equal(strncmp(text, "ts=20", 5), 0);
    assert_string_equal(strchr(text, ' '),
                        " level=info daemon=unit req=req-1 msg=\"server placed\" server=s1 zone=\"a b\"\n");
    assert_string_equal(kn_log_current_request(), "req-1");
    kn_log_request(NULL);
    kn_log(KN_WARNING, "x", NULL);
    assert_string_equal(strchr(logged(), ' '), " level=warning daemon=unit msg=x\n");
}

static void test_lines_leave_together(void **state)
{
    (void)state;
    kn_log_gather();
    kn_log(KN_INFO, "one", NULL);
    kn_log(KN_INFO, "two", NULL);
    assert_string_equal(logged(), "");
    kn_log_let_go();
    const char *text = logged();
    assert_non_null(strstr(text, " msg=one\nts="));
    assert_string_equal(strstr(text, " msg=two"), " msg=two\n");
    kn_log(KN_INFO, "three", NULL);
    assert_non_null(strstr(logged(), " msg=three\n"));
}

/* Nobody waits for bad news, nor is any of it cut: what is too much for one piece leaves before. */
static void test_gathered_lines_that_leave_at_once(void **state)
{
    (void)state;
    char long_word[3001];

    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    kn_log_gather();
    kn_log(KN_INFO, "before", NULL);
    kn_log(KN_ERROR, "bad", NULL);
    const char *text = logged();
    assert_true(strstr(text, " msg=before\n") < strstr(text, " msg=bad\n"));
    kn_log(KN_INFO, long_word, NULL);
    assert_string_equal(logged(), "");
    kn_log(KN_INFO, long_word, NULL);
    assert_int_equal(strncmp(logged(), "ts=20", 5), 0);
    kn_log_let_go();
    assert_int_equal(strncmp(logged(), "ts=20", 5), 0);
}

static void test_values_cannot_forge(void **state)
{
    (void)state;
    kn_log(KN_ERROR, "m", "a", "x\nlevel=info msg=fake", "b", "", "c", "q\"=\\", "d", "\x1b[31m\xff", NULL);
    assert_string_equal(strstr(logged(), "msg="),
                        "msg=m a=\"x\\nlevel=info msg=fake\" b=\"\" c=\"q\\\"=\\\\\" d=\"\\u001b[31m\xef\xbf\xbd\"\n");
}

static void test_secrets_are_hidden(void **state)
{
    (void)state;
    kn_log(KN_INFO, "m", "token", "t0p", "Password", "t0p", "auth_token", "t0p", "db_secret", "t0p", "key", "t0p",
           "authorization", "t0p", "key_name", "shown", "monkey", "shown", NULL);
    const char *text = logged();
    assert_null(strstr(text, "t0p"));
    assert_non_null(strstr(text, "token=*** Password=***"));
    assert_non_null(strstr(text, "key_name=shown monkey=shown"));
}

static void test_levels(void **state)
{
    (void)state;
    kn_log_init("unit", KN_WARNING);
    kn_log(KN_DEBUG, "no", NULL);
    kn_log(KN_INFO, "no", NULL);
    assert_string_equal(logged(), "");
    kn_log_init("unit", KN_DEBUG);
    kn_log(KN_DEBUG, "yes", NULL);
    assert_non_null(strstr(logged(), "level=debug"));
}

static void test_errors(void **state)
{
    (void)state;
    struct kn_error err;
    kn_fail(&err, KN_TIMEOUT, "no answer from \"%s\"", "h1");
    kn_log_error("cannot start", &err);
    assert_string_equal(strstr(logged(), "msg="),
                        "msg=\"cannot start\" code=KN_TIMEOUT error=\"no answer from \\\"h1\\\"\"\n");
    kn_fail_hint(&err, "look at it");
    kn_log_error("cannot start", &err);
    assert_non_null(strstr(logged(), "hint=\"look at it\"\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_lines_leave_together),
        cmocka_unit_test(test_gathered_lines_that_leave_at_once),
        cmocka_unit_test(test_values_cannot_forge),
        cmocka_unit_test(test_secrets_are_hidden),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, catch_stderr, give_stderr_back);
}
