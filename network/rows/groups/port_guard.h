/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port_guard: what keeps a port, as a body says it and as rows have it: security groups, port security, allowed address pairs. Errors and their order are
 * Neutron's; ports.c calls these where it makes and changes ports for people.
 */
#ifndef KN_NETWORK_ROWS_GROUPS_PORT_GUARD_H
#define KN_NETWORK_ROWS_GROUPS_PORT_GUARD_H

#include "lib/adapter/http.h"
#include "network/rows/ports/plan.h"

/* Before the transaction: the pairs' texts. KN_BAD_REQUEST. */
int kn_network_guard_check(const json_t *object, struct kn_error *err);

/*
 * A new port's, which is about to have this MAC: notes its groups in the plan, says how secure it is and its pairs (heap, for the plan). Of which groups
 * nothing is said, it has its project's default one.
 */
struct kn_network_guard {
    bool is_secure;
    char *pairs;
};
void kn_network_guard_release(struct kn_network_guard *guard);
/* What was found for the one before, of the same transaction: most of many say the same. Begins zeroed. */
struct kn_network_guard_memo {
    char *asked;
    struct kn_rows *groups;
};
void kn_network_guard_memo_release(struct kn_network_guard_memo *memo);
int kn_network_guard_new(struct kn_request *req, const struct kn_network_plan_port *port, const json_t *object,
                         struct kn_network_plan *plan, struct kn_network_guard_memo *memo, struct kn_network_guard *ret,
                         struct kn_error *err);
/* A change of what a port has (the noun's row): writes its groups, lays out in the object what the row takes. Nothing of it is said: nothing is done. */
int kn_network_guard_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                            struct kn_error *err);

#endif
