/* SPDX-License-Identifier: Apache-2.0 */
/* rules: how a rule is shown, alone and within its group. `r` is the rule, `g` its group. */
#ifndef KN_NETWORK_ROWS_GROUPS_RULES_H
#define KN_NETWORK_ROWS_GROUPS_RULES_H

#define KN_NETWORK_RULE_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
#define KN_NETWORK_RULE_PREFIX "text(r.remote_prefix)"
#define KN_NETWORK_RULE_CIDR "text(network(r.remote_prefix))"
#define KN_NETWORK_RULE_JSON \
    "json_build_object('id', r.id, 'project_id', r.project_id, 'tenant_id', r.project_id, 'security_group_id', r.group_id," \
    " 'ethertype', r.ethertype, 'direction', r.direction, 'protocol', r.protocol, 'port_range_min', r.range_min," \
    " 'port_range_max', r.range_max, 'remote_ip_prefix', " KN_NETWORK_RULE_PREFIX \
    ", 'normalized_cidr', " KN_NETWORK_RULE_CIDR \
    ", 'remote_group_id', r.remote_group_id, 'remote_address_group_id', r.remote_address_group_id, 'description', r.description," \
    " 'belongs_to_default_sg', g.is_default, 'revision_number', r.revision, 'created_at', " KN_NETWORK_RULE_TIME( \
        "r.created_at") ", 'updated_at', " KN_NETWORK_RULE_TIME("r.updated_at") ")"

#endif
