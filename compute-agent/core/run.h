/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: another program, without a shell: fork, exec, limits, a time-out. For tools that read what users made (qemu-img): the
 * limits are what keeps a malicious image from taking the host along. None outlives the agent.
 */
#ifndef KN_COMPUTE_AGENT_CORE_RUN_H
#define KN_COMPUTE_AGENT_CORE_RUN_H

#include <stdint.h>

#include "lib/base/error.h"

struct kn_agent_run_limits {
    int64_t memory_mib;  /* address space */
    int64_t cpu_s;
    int64_t timeout_ms;
    int64_t file_bytes; /* of each file that it writes; 0: any */
};

/*
 * argv[0] is looked up in PATH; the vector ends with NULL. No input; its output is dropped, the last line of its error
 * output becomes the message. KN_TIMEOUT when it was killed for its time, KN_INTERNAL when it failed.
 */
int kn_agent_run(const char *const argv[], const struct kn_agent_run_limits *limits, struct kn_error *err);
/* The same for what takes long: watch is called now and then; its -1, with its own error, ends the program. */
typedef int kn_agent_run_watch(void *ctx, struct kn_error *err);
int kn_agent_run_watched(const char *const argv[], const struct kn_agent_run_limits *limits, kn_agent_run_watch *watch,
                         void *ctx, struct kn_error *err);

#endif
