/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the counters of a process and their Prometheus text. A metric has one cell a combination of label values; cells are only
 * ever added (in front, under the lock) and never freed, so writers walk the list and add to a cell without any lock. It must never
 * grow without bound: beyond CELLS_MAX combinations everything lands in one cell labelled "other".
 */
#include "lib/adapter/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"

#define CELLS_MAX 500

static const int64_t BUCKETS_MS[] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000
};
#define BUCKET_COUNT KN_COUNT(BUCKETS_MS)

struct kn_metric_cell {
    struct kn_metric_cell *next; /* immutable after it is in the list */
    char *v1, *v2;               /* immutable; "" when the metric has no such label */
    _Atomic int64_t value;       /* of a counter or gauge; how many were observed by a histogram */
    _Atomic int64_t sum_us;
    _Atomic int64_t buckets[BUCKET_COUNT]; /* not cumulative: kn_metrics_print() sums */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kn_metric *registry;  /* guarded by lock; newest first */

static struct kn_metric_cell *find_cell(struct kn_metric *m, const char *v1, const char *v2, int *ret_count)
{
    int count = 0;
    for (struct kn_metric_cell *c = __atomic_load_n(&m->cells, __ATOMIC_ACQUIRE); c != NULL; c = c->next, count++) {
        if (strcmp(c->v1, v1) == 0 && strcmp(c->v2, v2) == 0) {
            return c;
        }
    }
    *ret_count = count;
    return NULL;
}

/* Under the lock: the cell may have come since the caller looked. */
static struct kn_metric_cell *add_cell(struct kn_metric *m, const char *v1, const char *v2)
{
    int count = 0;
    struct kn_metric_cell *cell = find_cell(m, v1, v2, &count);
    if (cell == NULL && count >= CELLS_MAX) {
        v1 = v1[0] != '\0' ? "other" : "";
        v2 = v2[0] != '\0' ? "other" : "";
        cell = find_cell(m, v1, v2, &count);
    }
    if (cell != NULL) {
        return cell;
    }
    cell = KN_NEW(struct kn_metric_cell);
    cell->v1 = kn_strdup(v1);
    cell->v2 = kn_strdup(v2);
    cell->next = m->cells;
    if (!m->registered) {
        m->registered = 1;
        m->next = registry;
        registry = m;
    }
    __atomic_store_n(&m->cells, cell, __ATOMIC_RELEASE);
    return cell;
}

static struct kn_metric_cell *cell_of(struct kn_metric *m, const char *v1, const char *v2)
{
    const char *first = m->label1 != NULL && v1 != NULL ? v1 : "";
    const char *second = m->label2 != NULL && v2 != NULL ? v2 : "";
    int count = 0;
    struct kn_metric_cell *cell = find_cell(m, first, second, &count);
    if (cell == NULL) {
        pthread_mutex_lock(&lock);
        cell = add_cell(m, first, second);
        pthread_mutex_unlock(&lock);
    }
    return cell;
}

void kn_metric_add(struct kn_metric *m, int64_t n, const char *v1, const char *v2)
{
    atomic_fetch_add_explicit(&cell_of(m, v1, v2)->value, n, memory_order_relaxed);
}

void kn_metric_set(struct kn_metric *m, int64_t n, const char *v1, const char *v2)
{
    atomic_store_explicit(&cell_of(m, v1, v2)->value, n, memory_order_relaxed);
}

void kn_metric_observe_ms(struct kn_metric *m, double ms, const char *v1, const char *v2)
{
    struct kn_metric_cell *cell = cell_of(m, v1, v2);
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        if (ms <= (double)BUCKETS_MS[i]) {
            atomic_fetch_add_explicit(&cell->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
    atomic_fetch_add_explicit(&cell->sum_us, (int64_t)(ms * 1000), memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->value, 1, memory_order_relaxed);
}

/* --- Prometheus text ----------------------------------------------------------------------------------------------- */

static void add_label(struct kn_strbuf *out, char before, const char *name, const char *value)
{
    kn_strbuf_addf(out, "%c%s=\"", before, name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"') {
            kn_strbuf_addch(out, '\\');
        }
        if (*value == '\n') {
            kn_strbuf_addstr(out, "\\n");
        } else {
            kn_strbuf_addch(out, *value);
        }
    }
    kn_strbuf_addch(out, '"');
}

/* name_suffix{label1="…",label2="…",le="…"} and a space */
static void add_series(struct kn_strbuf *out, const struct kn_metric *m, const struct kn_metric_cell *cell,
                       const char *suffix, const char *le)
{
    const char *const names[] = { m->label1, m->label2, le != NULL ? "le" : NULL };
    const char *const values[] = { cell->v1, cell->v2, le };
    char before = '{';
    kn_strbuf_addf(out, "%s%s", m->name, suffix);
    for (size_t i = 0; i < KN_COUNT(names); i++) {
        if (names[i] != NULL) {
            add_label(out, before, names[i], values[i]);
            before = ',';
        }
    }
    kn_strbuf_addstr(out, before == ',' ? "} " : " ");
}

static void print_histogram(struct kn_strbuf *out, const struct kn_metric *m, struct kn_metric_cell *cell)
{
    int64_t total = atomic_load_explicit(&cell->value, memory_order_relaxed);
    int64_t so_far = 0;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        char le[24];
        snprintf(le, sizeof(le), "%" PRId64, BUCKETS_MS[i]);
        so_far += atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
        total = so_far > total ? so_far : total; /* a writer was between its two additions */
        add_series(out, m, cell, "_bucket", le);
        kn_strbuf_addf(out, "%" PRId64 "\n", so_far);
    }
    add_series(out, m, cell, "_bucket", "+Inf");
    kn_strbuf_addf(out, "%" PRId64 "\n", total);
    add_series(out, m, cell, "_sum", NULL);
    kn_strbuf_addf(out, "%.3f\n", (double)atomic_load_explicit(&cell->sum_us, memory_order_relaxed) / 1000);
    add_series(out, m, cell, "_count", NULL);
    kn_strbuf_addf(out, "%" PRId64 "\n", total);
}

static void print_metric(struct kn_strbuf *out, const struct kn_metric *m)
{
    static const char *const KINDS[] = {
        [KN_METRIC_COUNTER] = "counter",
        [KN_METRIC_GAUGE] = "gauge",
        [KN_METRIC_HISTOGRAM] = "histogram",
    };
    _Static_assert(KN_COUNT(KINDS) == KN_METRIC_HISTOGRAM + 1, "one name a kind");
    kn_strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, KINDS[m->kind]);
    for (struct kn_metric_cell *c = m->cells; c != NULL; c = c->next) {
        if (m->kind == KN_METRIC_HISTOGRAM) {
            print_histogram(out, m, c);
        } else {
            add_series(out, m, c, "", NULL);
            kn_strbuf_addf(out, "%" PRId64 "\n", atomic_load_explicit(&c->value, memory_order_relaxed));
        }
    }
}

/* The second number of /proc/self/statm, in pages; 0 if it cannot be read. */
static int64_t resident_bytes(void)
{
    char text[128] = "";
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    bool got = fgets(text, sizeof(text), f) != NULL;
    fclose(f);
    const char *second = got ? strchr(text, ' ') : NULL;
    return second != NULL ? strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static void print_process(struct kn_strbuf *out)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    kn_strbuf_addf(out,
                   "# HELP process_cpu_seconds_total user and system time\n# TYPE process_cpu_seconds_total counter\n"
                   "process_cpu_seconds_total %.6f\n",
                   (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    kn_strbuf_addf(out,
                   "# HELP process_resident_memory_bytes resident set\n# TYPE process_resident_memory_bytes gauge\n"
                   "process_resident_memory_bytes %" PRId64 "\n",
                   resident_bytes());
}

void kn_metrics_print(struct kn_strbuf *out)
{
    pthread_mutex_lock(&lock);
    for (const struct kn_metric *m = registry; m != NULL; m = m->next) {
        print_metric(out, m);
    }
    pthread_mutex_unlock(&lock);
    print_process(out);
}
