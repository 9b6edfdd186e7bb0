/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation and cleanup: zeroed, truncating, stolen; an impossible size ends the process. */
#include "lib/base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/support/test.h"

static void test_alloc_is_zeroed(void **state)
{
    (void)state;
    AUTO_FREE char *p = kn_alloc(100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
    }
    AUTO_FREE void *nothing = kn_alloc(0);
    assert_non_null(nothing);
}

static void test_strings(void **state)
{
    (void)state;
    assert_null(kn_strdup(NULL));
    AUTO_FREE char *s = kn_asprintf("%s-%d", "a", 1);
    assert_string_equal(s, "a-1");
    AUTO_FREE char *n = kn_strndup("abcdef", 3);
    assert_string_equal(n, "abc");
    char small[4];
    kn_copy(small, sizeof(small), "abcdef");
    assert_string_equal(small, "abc");
    kn_copy(small, sizeof(small), "");
    assert_string_equal(small, "");
    kn_copy(small, sizeof(small), "ab\xC3\xA9");
    assert_string_equal(small, "ab"); /* never half a character */
    kn_copy(small, 0, "not written");
    assert_string_equal(small, "ab");
}

static void test_overflow_aborts(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        kn_realloc_array(NULL, SIZE_MAX / 2, 3);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static char *make_or_fail(int fail)
{
    AUTO_FREE char *s = kn_strdup("kept");
    if (fail) {
        return NULL; /* freed here: LeakSanitizer watches */
    }
    return kn_steal(&s);
}

static void test_steal(void **state)
{
    (void)state;
    assert_null(make_or_fail(1));
    AUTO_FREE char *s = make_or_fail(0);
    assert_string_equal(s, "kept");
}

static void test_close(void **state)
{
    (void)state;
    int copy;
    {
        AUTO_CLOSE int fd = open("/dev/null", O_RDONLY);
        copy = fd;
        assert_true(fcntl(copy, F_GETFD) >= 0);
        AUTO_CLOSE int none = -1;
        (void)none;
    }
    assert_int_equal(fcntl(copy, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed), cmocka_unit_test(test_strings), cmocka_unit_test(test_overflow_aborts),
        cmocka_unit_test(test_steal),           cmocka_unit_test(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
