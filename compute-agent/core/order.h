/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order: which command of a server was obeyed last, so that an older one is refused. A generation tells placements apart; within one,
 * commands follow each other by (task, attempt): task ids grow, one task of a server runs at a time, and its attempts grow with every step,
 * the steps back included. The same pair may come again: a command is answered again.
 *
 * On a real host it is a link a server under <state dir>/orders, which needs no room on a full disk, written before the command acts: killed in between, the agent obeys the
 * same command again and still refuses what came before it. The simulator keeps it in its journal.
 */
#ifndef KN_COMPUTE_AGENT_CORE_ORDER_H
#define KN_COMPUTE_AGENT_CORE_ORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct kn_agent_order {
    int64_t task; /* 0: none was obeyed yet */
    int64_t attempt;
};

/* Pure. */
bool kn_agent_order_is_older(const struct kn_agent_order *asked, const struct kn_agent_order *obeyed);
int kn_agent_order_refuse(const char *server, const struct kn_agent_order *asked, const struct kn_agent_order *obeyed,
                          struct kn_error *err); /* KN_STALE, always */

/* {0, 0} when there is none. */
struct kn_agent_order kn_agent_order_get(const char *state_dir, const char *server);
/* Durable when it returns; KN_STALE when a newer command was obeyed. */
int kn_agent_order_obey(const char *state_dir, const char *server, const struct kn_agent_order *asked,
                        struct kn_error *err);
/*
 * What the command that was obeyed last did is remembered with it, so that the same again is answered and not done: a reboot is no ensure. What failed
 * is not remembered, because it may be tried again. An answer is short; one that is not is not kept.
 */
int kn_agent_order_done(const char *state_dir, const char *server, const struct kn_agent_order *done, int part,
                        const json_t *answer, struct kn_error *err);
/* New reference; NULL: this part of this command was not done, or its answer is not known. */
json_t *kn_agent_order_answer(const char *state_dir, const char *server, const struct kn_agent_order *asked, int part);
/* An answer as a word without spaces, and back; NULL when it is none. */
char *kn_agent_order_word(const json_t *answer);
json_t *kn_agent_order_unword(const char *word);
/* Removes those last written before since_ms (wall clock) whose server has no directory here any more. */
void kn_agent_order_prune(const char *state_dir, int64_t since_ms);

#endif
