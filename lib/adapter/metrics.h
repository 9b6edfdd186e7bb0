/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: counters, gauges and histograms in Prometheus text, registered by static tables, written lock-free.
 *
 *   static struct kn_metric TASKS = KN_COUNTER("kilonova_tasks_total", "tasks ended", "kind", "state");
 *   kn_metric_add(&TASKS, 1, "server.create", "done");
 */
#ifndef KN_ADAPTER_METRICS_H
#define KN_ADAPTER_METRICS_H

#include <stdint.h>

#include "lib/base/strbuf.h"

enum kn_metric_kind { KN_METRIC_COUNTER, KN_METRIC_GAUGE, KN_METRIC_HISTOGRAM };

struct kn_metric_cell;
struct kn_metric {
    enum kn_metric_kind kind;
    const char *name;
    const char *help;
    const char *label1; /* NULL: no labels */
    const char *label2;
    struct kn_metric_cell *cells; /* internal, guarded by the registry's lock */
    struct kn_metric *next;       /* internal */
    int registered;               /* internal */
};
#define KN_METRIC_(kind, name, help, l1, l2) \
    { \
        kind, name, help, l1, l2, NULL, NULL, 0 \
    }
#define KN_COUNTER(name, help, l1, l2) KN_METRIC_(KN_METRIC_COUNTER, name, help, l1, l2)
#define KN_GAUGE(name, help, l1, l2) KN_METRIC_(KN_METRIC_GAUGE, name, help, l1, l2)
/* Buckets of milliseconds: 1 2 5 10 20 50 … 60000. */
#define KN_HISTOGRAM(name, help, l1, l2) KN_METRIC_(KN_METRIC_HISTOGRAM, name, help, l1, l2)

void kn_metric_add(struct kn_metric *m, int64_t n, const char *v1, const char *v2);
void kn_metric_set(struct kn_metric *m, int64_t n, const char *v1, const char *v2);
void kn_metric_observe_ms(struct kn_metric *m, double ms, const char *v1, const char *v2);
/* Everything registered, plus process_cpu_seconds_total and process_resident_memory_bytes. */
void kn_metrics_print(struct kn_strbuf *out);

#endif
