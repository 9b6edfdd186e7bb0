/* SPDX-License-Identifier: Apache-2.0 */
/* due: what time alone makes of servers: those that are kept after their deletion are deleted for good, shelved ones leave their host. */
#ifndef KN_CONDUCTOR_STORE_DUE_H
#define KN_CONDUCTOR_STORE_DUE_H

#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"

/* Wishes what is due now, as tasks that the sweep finds. *ret_more: there may be more of it. Two at once share the work. */
int kn_conductor_due_wish(struct kn_db *db, const struct kn_conf *conf, bool *ret_more, struct kn_error *err);

#endif
