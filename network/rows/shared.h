/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared: what a project lets others see and use of its own. That stands in rbac_policy and nowhere else; the nouns that can be shared say in one word
 * who sees them (KN_NETWORK_VISIBLE) and show `shared` as it is for the caller. Whoever is about to use what is another's asks kn_network_use(), which
 * holds the policies that let him until he is done; a policy that goes looks for users when it is held.
 */
#ifndef KN_NETWORK_ROWS_SHARED_H
#define KN_NETWORK_ROWS_SHARED_H

#include "lib/adapter/http.h"
#include "lib/rest/list.h"
#include "lib/rest/noun.h"
#include "network/api.h"

/* A condition: the project `who` was let at the object by one of the actions. */
#define KN_NETWORK_LET(id, actions, who) \
    "EXISTS (SELECT FROM rbac_policy b WHERE b.object_id = " id " AND b.action IN (" actions \
    ") AND b.target IN ('" KN_NETWORK_EVERYBODY "', " who "))"
/* `shared` among a noun's attributes; may: what beside showing and filtering, and rules. */
#define KN_NETWORK_SHARED_ATTR(t, ...) \
    KN_REST_ATTR("shared", \
                 "(SELECT string_agg(b.target, ',') FROM rbac_policy b WHERE b.object_id = " t \
                 ".id AND b.action = '" KN_NETWORK_AS_SHARED "')", \
                 KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER | __VA_ARGS__, .print = kn_network_shared_print, \
                 .filter = kn_network_shared_filter)

void kn_network_shared_print(const struct kn_request *req, const char *name, const char *targets,
                             struct kn_strbuf *out);
/* Of an attribute: the noun's own; of a parameter with an expression of type KN_REST_UUID: that object's. */
kn_rest_filter kn_network_shared_filter;

/* What can be shared. */
struct kn_network_shareable {
    const char *type; /* as RBAC policies call it */
    const struct kn_rest_noun *noun;
    const char *actions; /* as errors list them */
    struct kn_stmt keep; /* it does not go meanwhile */
    struct kn_stmt hold; /* its project; nobody else shares it meanwhile */
    struct kn_stmt users; /* of what is shared: whoever needs a policy that goes */
};
/* NULL: it cannot. */
const struct kn_network_shareable *kn_network_shareable(const char *type);

/*
 * kn_rest_see() for whoever goes on to use what he sees, in the transaction in which he does: an object is his, everybody's business by the route's rule, or
 * let to him by a policy that nobody takes away before the transaction ends.
 */
int kn_network_use(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, bool *ret_is_owned,
                   struct kn_error *err);
/* Of several that are kept already, those that the project was let at: their ids, once each, the policies held. */
int kn_network_use_many(struct kn_db *db, struct kn_array *ids, const char *project, struct kn_rows **ret_rows,
                        struct kn_error *err);

/*
 * Of several that are kept already, those on which the projects may build what is their own: rows of object and target (KN_NETWORK_EVERYBODY or one of the
 * projects), the policies held. Less than what kn_network_use_many() lets: who was let outside by a network does not stand on it.
 */
int kn_network_shares(struct kn_db *db, struct kn_array *ids, struct kn_array *projects, struct kn_rows **ret_rows,
                      struct kn_error *err);

/* A policy that is to go, or to be another's. */
struct kn_network_let {
    const struct kn_network_shareable *what;
    const char *object, *owner; /* the object, and whose it is */
    const char *policy, *action, *target;
    const char *next; /* the target that it will have; NULL: it goes */
};
/* KN_CONFLICT, RbacPolicyInUse: somebody needs it. The policy is held. */
int kn_network_let_check(struct kn_db *db, const struct kn_network_let *let, struct kn_error *err);

/* That error. Returns -1. */
int kn_network_let_fail(const char *object, const char *details, struct kn_error *err);

/*
 * A noun's `after`, for "shared" of a body: the policy for everybody is made or taken away. now NULL: it is new.
 */
int kn_network_shared_after(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                            const struct kn_rows *now, const json_t *object, struct kn_error *err);
/* The same for router:external of networks; what else was let from outside goes with it. */
int kn_network_external_after(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *object,
                              struct kn_error *err);

/* Does the caller find it shared? targets: the attribute's value, as kn_rest_was() has it. */
bool kn_network_is_shared(const struct kn_request *req, const char *targets);

/* Of what counts for nobody itself: what goes before the next. */
#define KN_NETWORK_NOTHING "SELECT NULL::text, NULL::text, 0::bigint WHERE false"
/* Amounts of a noun's counts: what policies of the objects $1 count as. Everybody's count for nobody. */
#define KN_NETWORK_COUNTS_POLICIES \
    " UNION ALL SELECT project_id, 'rbac_policy', count(*) FROM rbac_policy WHERE object_id = ANY($1::uuid[])" \
    " AND target <> '" KN_NETWORK_EVERYBODY "' GROUP BY project_id"

extern const struct kn_rest_noun kn_network_rbac_policies;

#endif
