/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: a bounded pool of threads. Jobs of one key run one after the other in the order they came; jobs of different keys
 * run side by side. No key can starve another: a lane gives its thread back after each job.
 */
#ifndef KN_COMPUTE_AGENT_CORE_WORKER_H
#define KN_COMPUTE_AGENT_CORE_WORKER_H

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_workers;

typedef void kn_job(void *ctx, void *arg);

/* max_jobs: waiting and running; beyond it kn_workers_submit refuses. ctx goes to every job. */
int kn_workers_new(int threads, int max_jobs, void *ctx, struct kn_workers **ret_workers, struct kn_error *err);
/* Waits for what runs, and drops what waits by calling `drop` on it instead. */
void kn_workers_stop(struct kn_workers *workers, kn_job *drop);
void kn_workers_free(struct kn_workers *workers); /* stopped, or it stops with nothing to drop */
KN_DEFINE_AUTO(kn_workers);

/* Takes arg only on success. KN_UNAVAILABLE when full or stopped. */
int kn_workers_submit(struct kn_workers *workers, const char *key, kn_job *job, void *arg, struct kn_error *err);
int kn_workers_pending(struct kn_workers *workers);

#endif
