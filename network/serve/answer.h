/* SPDX-License-Identifier: Apache-2.0 */
/* answer: what port.allocate answers, server by server: the NICs, and the security groups of all its ports, which come into the answers when they are known. */
#ifndef KN_NETWORK_SERVE_ANSWER_H
#define KN_NETWORK_SERVE_ANSWER_H

#include <jansson.h>

#include "lib/adapter/db.h"
#include "lib/base/hmap.h"

/* A new reference; takes the NICs. answers: by port, whose group_ids are filled later; empty at first, it borrows from what this returns. */
json_t *kn_network_answer_make(struct kn_hmap *answers, json_t *nics);
/* Rows (port, group), as kn_network_plan_write_groups() has them; NULL: none. An answer says each group once, however many ports have it. */
void kn_network_answers_note(const struct kn_hmap *answers, const struct kn_rows *rows);
/* The same of ports that were there before; they are held by now. */
int kn_network_answers_ask(const struct kn_hmap *answers, struct kn_db *db, struct kn_array *ports,
                           struct kn_error *err);

#endif
