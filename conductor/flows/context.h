/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: what a task knows: what it was wished with, what its object's row says, and what its steps found out. All is declared: wishes in
 * lib/domain/wish.c, rows in the record's table (struct kn_conductor_knowledge), findings in the flow's (struct kn_conductor_finding). Every reader asks here; a name that is not declared is a programming error and
 * aborts. tests/unit/conductor/test_context.c walks every path of every flow and holds against the declarations what was asked for, and that it
 * was there.
 */
#ifndef KN_CONDUCTOR_FLOWS_CONTEXT_H
#define KN_CONDUCTOR_FLOWS_CONTEXT_H

#include <jansson.h>
#include <stdint.h>

#include "conductor/store/task.h"

/* Borrowed; NULL: the wish does not say. */
json_t *kn_conductor_wished(const struct kn_conductor_task *task, const char *name);
const char *kn_conductor_wished_str(const struct kn_conductor_task *task, const char *name);
/* Borrowed, null where the row has NULL; NULL: the row is gone. */
json_t *kn_conductor_known(const struct kn_conductor_task *task, const char *name);
const char *kn_conductor_known_str(const struct kn_conductor_task *task, const char *name);
/* Borrowed; NULL: nothing was found yet. */
json_t *kn_conductor_found(const struct kn_conductor_task *task, const char *name);
const char *kn_conductor_found_str(const struct kn_conductor_task *task, const char *name);
int64_t kn_conductor_found_int(const struct kn_conductor_task *task, const char *name);

/* What the answer to this message brings, as the flow's findings say. */
void kn_conductor_find_answer(struct kn_conductor_task *task, const char *message, const json_t *answer);
/* After the object was loaded: what is kept in its row (in_row) and was found before the task's current row. */
void kn_conductor_find_again(struct kn_conductor_task *task);
/* What its row must keep, a new reference: all but what the object's row has. Of what is over only the engine's own notes (the audit reads what was not taken back). */
json_t *kn_conductor_find_kept(const struct kn_conductor_task *task, bool over);
/* What the engine itself notes (kn_conductor_findings_engine); steals value. */
void kn_conductor_find(struct kn_conductor_task *task, const char *name, json_t *value);
/* The same for a list: one entry more. */
void kn_conductor_find_more(struct kn_conductor_task *task, const char *name, json_t *entry);

/* NULL if neither the flow nor the engine declares it. */
const struct kn_conductor_finding *kn_conductor_finding(const struct kn_conductor_flow *flow, const char *name);

#endif
