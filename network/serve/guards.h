/* SPDX-License-Identifier: Apache-2.0 */
/* guards: which security groups the ports get that a batch of port.allocate makes: those that a request names, or its project's default one. */
#ifndef KN_NETWORK_SERVE_GUARDS_H
#define KN_NETWORK_SERVE_GUARDS_H

#include "network/rows/ports/plan.h"
#include "network/serve/batch.h"

struct kn_network_guards {
    struct kn_hmap *groups; /* by id: the project of each that is there */
    struct kn_hmap *defaults; /* by project: the id of its default group */
};

/* Looks up, and holds, the groups of all commands; makes default groups that are not there yet. One statement as a rule. */
int kn_network_guards_load(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                           struct kn_network_guards *ret, struct kn_error *err);
void kn_network_guards_release(struct kn_network_guards *guards);
/* KN_NOT_FOUND: the request names a group that has gone since. */
int kn_network_guards_check(const struct kn_network_guards *guards, const json_t *request, struct kn_error *err);
/* Notes in the plan which groups the new port has. */
void kn_network_guards_give(const struct kn_network_guards *guards, const json_t *request, const char *project,
                            const char *port_id, struct kn_network_plan *plan);

#endif
