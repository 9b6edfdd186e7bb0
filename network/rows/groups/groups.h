/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups: security groups, their rules, what new ones begin with, and address groups, as nouns. Each project has one group "default", which is made when
 * somebody first looks or plugs: whoever needs it says so here.
 */
#ifndef KN_NETWORK_ROWS_GROUPS_GROUPS_H
#define KN_NETWORK_ROWS_GROUPS_GROUPS_H

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_network_security_groups, kn_network_security_group_rules,
    kn_network_default_security_group_rules, kn_network_address_groups;

/*
 * Each of the projects has its default group afterwards, with the rules that templates say. Their usage is counted and held against no limit. In the
 * caller's transaction, or in none.
 */
int kn_network_default_groups(struct kn_db *db, struct kn_array *projects, struct kn_error *err);
/* `narrow` of lists of groups and of rules: whoever looks finds his default group, or that of the project that he asks for. */
int kn_network_groups_narrow(struct kn_rest_list *l, struct kn_error *err);
/* What a new group that is not a default one begins with. Part of its POST. */
int kn_network_group_begin(struct kn_db *db, const char *id, struct kn_error *err);

/* "POST …/add_addresses" and its opposite: {"addresses": […]}; answers the group. */
int kn_network_address_group_add(struct kn_request *req, struct kn_response *res, struct kn_error *err);
int kn_network_address_group_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err);

#endif
