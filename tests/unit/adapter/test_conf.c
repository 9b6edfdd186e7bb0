/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: its layers in order, every kind of bad input with what it is told, and that secrets stay inside. */
#include "lib/adapter/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

static struct kn_error err;

static int parse(struct kn_conf *conf, const char *text)
{
    return kn_conf_parse(conf, "k.conf", text, strlen(text), &err);
}

static char *write_file(const char *text)
{
    char *path = kn_alloc(KN_TEST_DIR);
    kn_test_template(path, "conf");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void test_defaults(void **state)
{
    (void)state;
    struct kn_conf conf;
    kn_conf_defaults(&conf); /* aborts if a default breaks its own range */
    assert_string_equal(conf.bus_brokers, "embedded");
    assert_int_equal(conf.api_threads, 32);
}

static void test_table_is_in_order(void **state)
{
    (void)state;
    static const char *const KEYS[] = {
#define X(type, member, section, key, dflt, min, max, help) section "." key,
#include "lib/adapter/conf.def"
#undef X
    };
    char before[64] = "";
    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        char section[64];
        kn_copy(section, sizeof(section), KEYS[i]);
        section[strcspn(section, ".")] = '\0';
        assert_true(strcmp(before, section) <= 0); /* sections are contiguous and sorted */
        kn_copy(before, sizeof(before), section);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(KEYS[i], KEYS[k]);
        }
    }
}

static void test_reads_a_file(void **state)
{
    (void)state;
    struct kn_conf conf;
    kn_conf_defaults(&conf);
    assert_ok(parse(&conf, "# comment\n; another\n\n[db]\nurl = postgresql://u@h/k?x=1#2\r\n"
                           "[api]\n\t threads=3 \n[agent]\nhost =\n[db]"),
              &err);
    assert_string_equal(conf.db_url, "postgresql://u@h/k?x=1#2");
    assert_int_equal(conf.api_threads, 3);
    assert_string_equal(conf.agent_host, "");
    assert_int_equal(conf.api_login_threads, 1); /* what is not named stays */
}

static void test_refuses_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } CASES[] = {
        { "[api]\nthreds = 3\n", "k.conf:2: unknown key \"threds\" in section \"api\"" },
        { "\n[apy]\n", "k.conf:2: unknown section \"apy\"" },
        { "[api\n", "k.conf:1: a section without its \"]\": \"[api\"" },
        { "[api]\nthreads\n", "k.conf:2: neither \"[section]\" nor \"key = value\": \"threads\"" },
        { "threads = 3\n", "k.conf:1: a key before the first section: \"threads\"" },
        { "[api]\nthreads = 3\nthreads = 3\n", "k.conf:3: a second value for \"threads\"" },
        { "[api]\nthreads = many\n", "k.conf:2: api.threads wants a number, not \"many\"" },
        { "[api]\nthreads = 3 # few\n", "k.conf:2: api.threads wants a number, not \"3 # few\"" },
        { "[api]\nthreads =\n", "k.conf:2: api.threads wants a number, not \"\"" },
        { "[api]\nthreads = 0x10\n", "k.conf:2: api.threads wants a number, not \"0x10\"" },
        { "[api]\nthreads = 0\n", "k.conf:2: api.threads is \"0\", outside 1 to 256" },
        { "[api]\nthreads = 257\n", "k.conf:2: api.threads is \"257\", outside 1 to 256" },
        { "[api]\nthreads = -5\n", "k.conf:2: api.threads is \"-5\", outside 1 to 256" },
        { "[api]\nthreads = 99999999999999999999\n",
          "k.conf:2: api.threads is \"99999999999999999999\", outside 1 to 256" },
        { "[api]\nlisten = a\tb\x01\n", "k.conf:2: a control character (byte 1)" },
        { "[api]\nlisten = a\rb\n", "k.conf:2: a control character (byte 13)" },
    };
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_conf conf, before;
        kn_conf_defaults(&conf);
        before = conf;
        assert_fails(parse(&conf, CASES[i].text), &err, KN_BAD_REQUEST);
        assert_string_equal(err.message, CASES[i].message);
        assert_memory_equal(&conf, &before, sizeof(conf)); /* untouched */
    }
}

static void test_nul_byte(void **state)
{
    (void)state;
    struct kn_conf conf;
    kn_conf_defaults(&conf);
    static const char TEXT[] = "[api]\nlisten = a\0b\n";
    assert_fails(kn_conf_parse(&conf, "k.conf", TEXT, sizeof(TEXT) - 1, &err), &err, KN_BAD_REQUEST);
}

#define LOAD(conf, left, ...) \
    kn_conf_load(conf, (int)KN_COUNT(((char *[]){ __VA_ARGS__ })), (char *[]){ __VA_ARGS__, NULL }, left, &err)

static char PROGRAM[] = "kilonova-test";

static void test_layers_in_order(void **state)
{
    (void)state;
    AUTO_FREE char *path = write_file("[api]\nthreads = 2\nlisten = file:1\nmax_body_kib = 8\n");
    struct kn_conf conf;
    char config[] = "--config", set[] = "--set=api.threads=4";
    setenv("KILONOVA_API_THREADS", "3", 1);
    setenv("KILONOVA_API_LISTEN", "env:1", 1);
    setenv("KILONOVA_LAB_DIRECTORY", "not ours", 1); /* no such section: somebody else's */
    assert_ok(LOAD(&conf, NULL, PROGRAM, config, path, set), &err);
    assert_int_equal(conf.api_threads, 4);
    assert_string_equal(conf.api_listen, "env:1");
    assert_int_equal(conf.api_max_body_kib, 8);
    assert_int_equal(conf.api_login_threads, 1);

    setenv("KILONOVA_CONFIG", path, 1);
    unsetenv("KILONOVA_API_LISTEN");
    assert_ok(LOAD(&conf, NULL, PROGRAM), &err);
    assert_string_equal(conf.api_listen, "file:1");
    assert_int_equal(conf.api_threads, 3);
    unsetenv("KILONOVA_CONFIG");
    unsetenv("KILONOVA_API_THREADS");
    unlink(path);
}

static void test_refuses_environment(void **state)
{
    (void)state;
    struct kn_conf conf;
    setenv("KILONOVA_API_THREDS", "3", 1);
    assert_fails(LOAD(&conf, NULL, PROGRAM), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message, "environment variable \"KILONOVA_API_THREDS\" names no option");
    unsetenv("KILONOVA_API_THREDS");
    setenv("KILONOVA_API_THREADS", "lots", 1);
    assert_fails(LOAD(&conf, NULL, PROGRAM), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message,
                        "environment variable KILONOVA_API_THREADS: api.threads wants a number, not \"lots\"");
    unsetenv("KILONOVA_API_THREADS");
}

static void test_refuses_arguments(void **state)
{
    (void)state;
    struct kn_conf conf;
    char unknown[] = "--colour", set[] = "--set", no_dot[] = "x", no_key[] = "api.colour=red", bad[] = "api.threads=x",
         config[] = "--config", missing[] = "/nonexistent/k.conf";
    assert_fails(LOAD(&conf, NULL, PROGRAM, unknown), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message, "unknown argument \"--colour\"");
    assert_fails(LOAD(&conf, NULL, PROGRAM, set), &err, KN_BAD_REQUEST);
    assert_fails(LOAD(&conf, NULL, PROGRAM, set, no_dot), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message, "--set wants section.key=value");
    assert_fails(LOAD(&conf, NULL, PROGRAM, set, no_key), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message, "--set: unknown option \"api.colour\"");
    assert_fails(LOAD(&conf, NULL, PROGRAM, set, bad), &err, KN_BAD_REQUEST);
    assert_string_equal(err.message, "--set: api.threads wants a number, not \"x\"");
    assert_fails(LOAD(&conf, NULL, PROGRAM, config, missing), &err, KN_NOT_FOUND);
    assert_fails(LOAD(&conf, NULL, PROGRAM, config), &err, KN_NOT_FOUND);
}

static void test_leaves_the_rest(void **state)
{
    (void)state;
    struct kn_conf conf;
    char driver[] = "--driver", sim[] = "sim", set[] = "--set", value[] = "agent.sim_hosts=7", more[] = "--settle";
    AUTO_FREE char **left = NULL;
    assert_ok(LOAD(&conf, &left, PROGRAM, driver, sim, set, value, more), &err);
    assert_int_equal(conf.agent_sim_hosts, 7);
    assert_string_equal(left[0], "--driver");
    assert_string_equal(left[1], "sim");
    assert_string_equal(left[2], "--settle");
    assert_null(left[3]);
}

static void test_prints(void **state)
{
    (void)state;
    struct kn_conf conf;
    kn_conf_defaults(&conf);
    assert_ok(parse(&conf, "[db]\nurl = postgresql://u:t0psecret@h/k\n[api]\nthreads = 9\n"), &err);
    AUTO_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    kn_conf_print(&conf, out);
    fclose(out);
    assert_null(strstr(text, "t0psecret"));
    assert_non_null(strstr(text, "[db]\npatience_s = 60\nurl = ***\n"));
    assert_non_null(strstr(text, "threads = 9\n"));
    struct kn_conf again;
    kn_conf_defaults(&again);
    assert_ok(parse(&again, text), &err); /* what is printed is read */
    assert_int_equal(again.api_threads, 9);
    assert_string_equal(again.agent_state_dir, conf.agent_state_dir);
}

static void test_help_names_every_option(void **state)
{
    (void)state;
    AUTO_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    kn_conf_help(out);
    fclose(out);
#define X(type, member, section, key, dflt, min, max, help) \
    assert_non_null(strstr(text, "  " section "." key " = " dflt "\n      " help));
#include "lib/adapter/conf.def"
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_table_is_in_order),
        cmocka_unit_test(test_reads_a_file),
        cmocka_unit_test(test_refuses_files),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_layers_in_order),
        cmocka_unit_test(test_refuses_environment),
        cmocka_unit_test(test_refuses_arguments),
        cmocka_unit_test(test_leaves_the_rest),
        cmocka_unit_test(test_prints),
        cmocka_unit_test(test_help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
