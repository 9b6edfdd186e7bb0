/* SPDX-License-Identifier: Apache-2.0 */
/* spawn: starts a row of the process table in its namespaces, and finds everything that descends from this process. */
#ifndef KN_LAB_SPAWN_H
#define KN_LAB_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "lab/proctable.h"

/*
 * Starts the process in a session of its own, signals unblocked and default, stdin from /dev/null. It gets its stop
 * signal should the caller die, and mark ("NAME=value") in its environment, which its children inherit. What goes wrong
 * after the fork is said in its log, and its exit status is 126 or 127.
 */
int kn_lab_spawn(const struct kn_lab_proc *proc, const char *mark, pid_t *ret_pid, struct kn_error *err);

/* The descendants of root, at most max of them. Returns how many. */
size_t kn_lab_descendants(pid_t root, pid_t *ret_pids, size_t max);

#endif
