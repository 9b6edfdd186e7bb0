/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: their Prometheus text, labels that cannot break it, and that threads lose no count. */
#include "lib/adapter/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

static const char *printed(struct kn_strbuf *sb)
{
    kn_strbuf_clear(sb);
    kn_metrics_print(sb);
    return sb->buf;
}

static void assert_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    size_t len = strlen(line);
    if (at == NULL || at[len] != '\n') {
        fail_msg("no line \"%s\" in:\n%s", line, text);
    }
}

static void test_counter_and_gauge(void **state)
{
    (void)state;
    static struct kn_metric TASKS = KN_COUNTER("t_tasks_total", "tasks ended", "kind", "state");
    static struct kn_metric OPEN = KN_GAUGE("t_open", "open tasks", NULL, NULL);
    struct kn_strbuf sb = KN_STRBUF_INIT;
    assert_null(strstr(printed(&sb), "t_open"));
    kn_metric_add(&TASKS, 1, "server.create", "done");
    kn_metric_add(&TASKS, 2, "server.create", "done");
    kn_metric_add(&TASKS, 5, "server.create", "failed");
    kn_metric_set(&OPEN, 9, NULL, NULL);
    kn_metric_set(&OPEN, -4, "ignored", "ignored");
    const char *text = printed(&sb);
    assert_line(text, "# HELP t_tasks_total tasks ended\n# TYPE t_tasks_total counter");
    assert_line(text, "t_tasks_total{kind=\"server.create\",state=\"done\"} 3");
    assert_line(text, "t_tasks_total{kind=\"server.create\",state=\"failed\"} 5");
    assert_line(text, "# TYPE t_open gauge\nt_open -4");
    kn_strbuf_release(&sb);
}

static void test_histogram(void **state)
{
    (void)state;
    static struct kn_metric WAIT = KN_HISTOGRAM("t_wait_ms", "waits", "route", NULL);
    kn_metric_observe_ms(&WAIT, 0.5, "r", NULL);
    kn_metric_observe_ms(&WAIT, 5, "r", NULL); /* a bound belongs to its bucket */
    kn_metric_observe_ms(&WAIT, 5.25, "r", NULL);
    kn_metric_observe_ms(&WAIT, 1e6, "r", NULL);
    struct kn_strbuf sb = KN_STRBUF_INIT;
    const char *text = printed(&sb);
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"1\"} 1");
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"2\"} 1");
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"5\"} 2");
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"10\"} 3");
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"60000\"} 3");
    assert_line(text, "t_wait_ms_bucket{route=\"r\",le=\"+Inf\"} 4");
    assert_line(text, "t_wait_ms_sum{route=\"r\"} 1000010.750");
    assert_line(text, "t_wait_ms_count{route=\"r\"} 4");
    kn_strbuf_release(&sb);
}

static void test_label_values_are_escaped(void **state)
{
    (void)state;
    static struct kn_metric ODD = KN_COUNTER("t_odd_total", "odd", "what", NULL);
    kn_metric_add(&ODD, 1, "a\"b\\c\nt_fake 1", NULL);
    struct kn_strbuf sb = KN_STRBUF_INIT;
    assert_line(printed(&sb), "t_odd_total{what=\"a\\\"b\\\\c\\nt_fake 1\"} 1");
    kn_strbuf_release(&sb);
}

static void test_cells_are_bounded(void **state)
{
    (void)state;
    static struct kn_metric MANY = KN_COUNTER("t_many_total", "many", "id", NULL);
    for (int i = 0; i < 2000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "id-%d", i);
        kn_metric_add(&MANY, 1, id, NULL);
    }
    struct kn_strbuf sb = KN_STRBUF_INIT;
    const char *text = printed(&sb);
    assert_line(text, "t_many_total{id=\"id-499\"} 1");
    assert_line(text, "t_many_total{id=\"other\"} 1500");
    assert_null(strstr(text, "id-500"));
    kn_strbuf_release(&sb);
}

static struct kn_metric SHARED = KN_COUNTER("t_shared_total", "shared", "n", NULL);

static void *count_up(void *arg)
{
    (void)arg;
    static const char *const NAMES[] = { "a", "b", "c", "d" };
    for (int i = 0; i < 40000; i++) {
        kn_metric_add(&SHARED, 1, NAMES[i % 4], NULL);
    }
    return NULL;
}

static void test_threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    struct kn_strbuf sb = KN_STRBUF_INIT;
    const char *text = printed(&sb);
    assert_line(text, "t_shared_total{n=\"a\"} 40000");
    assert_line(text, "t_shared_total{n=\"d\"} 40000");
    kn_strbuf_release(&sb);
}

static void test_process(void **state)
{
    (void)state;
    struct kn_strbuf sb = KN_STRBUF_INIT;
    const char *text = printed(&sb);
    long long bytes = 0;
    const char *at = strstr(text, "\nprocess_resident_memory_bytes ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\nprocess_resident_memory_bytes %lld", &bytes), 1);
    assert_true(bytes > 1024 * 1024);
    assert_non_null(strstr(text, "\nprocess_cpu_seconds_total "));
    kn_strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_and_gauge),        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_label_values_are_escaped), cmocka_unit_test(test_cells_are_bounded),
        cmocka_unit_test(test_threads_lose_nothing),     cmocka_unit_test(test_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
