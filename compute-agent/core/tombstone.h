/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tombstone: the memory of servers that were destroyed here: one small link a server under <state dir>/tombstones, so that a
 * late command of an older decision finds out that it is late. After a day nobody can be that late.
 */
#ifndef KN_COMPUTE_AGENT_CORE_TOMBSTONE_H
#define KN_COMPUTE_AGENT_CORE_TOMBSTONE_H

#include <stdint.h>

#include "lib/base/error.h"

#define KN_TOMBSTONE_LIFE_MS (24 * 3600 * INT64_C(1000))

/* Makes the directory, while there is room. */
int kn_agent_tombstone_prepare(const char *state_dir, struct kn_error *err);
/* Durable when it returns. An older generation than the one that is there changes nothing. */
int kn_agent_tombstone_put(const char *state_dir, const char *server, int64_t generation, struct kn_error *err);
/* 0 when there is none. */
int64_t kn_agent_tombstone_get(const char *state_dir, const char *server);
/* Removes those last written before since_ms (wall clock). */
void kn_agent_tombstone_prune(const char *state_dir, int64_t since_ms);

#endif
