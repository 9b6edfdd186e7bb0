/* SPDX-License-Identifier: Apache-2.0 */
/* qos: policies of QoS and their rules as nouns, and what ports and networks have of them. */
#ifndef KN_NETWORK_ROWS_QOS_H
#define KN_NETWORK_ROWS_QOS_H

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_network_policies, kn_network_bandwidth_limit_rules, kn_network_dscp_marking_rules;

extern const char *const kn_network_qos_directions[]; /* ended by NULL */
extern const int kn_network_qos_marks[]; /* the DSCP marks that there are; ended by -1 */

/* What a body says of qos_policy_id: KN_NOT_FOUND unless the caller sees that policy. Nothing is said: nothing is asked. */
int kn_network_qos_check(struct kn_request *req, const json_t *object, struct kn_error *err);
/* A new network of a project of which nothing is said has its default policy: puts it into the object. */
int kn_network_qos_default(struct kn_request *req, const char *project, json_t *object, struct kn_error *err);
/* Another policy of a network is one of its ports: names them for hosts. */
int kn_network_qos_of_network(struct kn_db *db, const char *network_id, struct kn_error *err);

#endif
