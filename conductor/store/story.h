/* SPDX-License-Identifier: Apache-2.0 */
/*
 * story: what a task's row keeps of how it went, as texts for store.c's statement: the steps that a move ended, which are added to task.steps with the move
 * itself, so that they are told exactly when it was made; the failure; and of the context what somebody will still ask for.
 */
#ifndef KN_CONDUCTOR_STORE_STORY_H
#define KN_CONDUCTOR_STORE_STORY_H

#include "conductor/store/store.h"

/* A list of kn_form_step, "[]" for none; all of them ended now. Free it. */
char *kn_conductor_story_steps(const struct kn_conductor_move *move, int64_t now_us);
/* {code, message, elsewhere}; NULL: nothing failed. Free it. */
char *kn_conductor_story_error(const struct kn_conductor_task *task);
/* Free it. */
char *kn_conductor_story_context(const struct kn_conductor_task *task);

#endif
