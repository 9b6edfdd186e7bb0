/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c: the rules of security groups as a table. What a body means is rule_plan.c's; here is what it stands beside: groups that must be there, and the
 * same rule twice, for which the group is held while one is added.
 */
#include "network/rows/groups/rules.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/groups/groups.h"
#include "network/rows/groups/rule_plan.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define MADE (FIND | KN_REST_POST | KN_REST_NULL)

static const char *const DIRECTIONS[] = { "ingress", "egress", NULL };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "r.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("tenant_id", "r.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "r.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("security_group_id", "r.group_id", KN_REST_UUID, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "group_id"),
    KN_REST_ATTR("ethertype", "r.ethertype", KN_REST_TEXT, MADE, .column = "ethertype", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("direction", "r.direction", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "direction", .words = DIRECTIONS),
    KN_REST_ATTR("protocol", "r.protocol", KN_REST_TEXT, MADE, .column = "protocol", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("port_range_min", "r.range_min", KN_REST_INT, MADE, .column = "range_min", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("port_range_max", "r.range_max", KN_REST_INT, MADE, .column = "range_max", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("remote_ip_prefix", KN_NETWORK_RULE_PREFIX, KN_REST_TEXT, MADE, .column = "remote_prefix", .form = "?::inet", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("normalized_cidr", KN_NETWORK_RULE_CIDR, KN_REST_TEXT, FIND | KN_REST_NULL),
    KN_REST_ATTR("remote_group_id", "r.remote_group_id", KN_REST_UUID, MADE, .column = "remote_group_id"),
    KN_REST_ATTR("remote_address_group_id", "r.remote_address_group_id", KN_REST_UUID, MADE, .column = "remote_address_group_id"),
    KN_REST_ATTR("description", "r.description", KN_REST_TEXT, FIND | KN_REST_POST, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_REST_ATTR("belongs_to_default_sg", "g.is_default", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER),
    KN_NETWORK_TIMES("r"),
    KN_REST_ATTR("number", NULL, KN_REST_INT, 0, .column = "number"), /* of the protocol: rule_plan.c's */
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changed_since", kn_rest_since, .sql = "r.updated_at", .type = KN_REST_TIME),
    KN_REST_PARAMS_END,
};
/* A POST of many is about one group, of one project. */
static int check_siblings(const struct kn_request *req, const json_t *object, struct kn_error *err)
{
    static const char *const OWNERS[] = { "project_id", "tenant_id" };
    const json_t *first = json_array_get(json_object_get(req->body, "security_group_rules"), 0);

    if (first == NULL) {
        return 0;
    }
    if (strcmp(kn_schema_text(first, "security_group_id", ""), kn_schema_text(object, "security_group_id", "")) != 0) {
        kn_fail(err, KN_BAD_REQUEST, "Only allowed to update rules for one security profile at a time");
        return kn_fail_name(err, "SecurityGroupNotSingleGroupRules");
    }
    for (size_t i = 0; i < KN_COUNT(OWNERS); i++) {
        if (strcmp(kn_schema_text(first, OWNERS[i], ""), kn_schema_text(object, OWNERS[i], "")) != 0) {
            kn_fail(err, KN_BAD_REQUEST, "Multiple tenant_ids in bulk security group rule create not allowed");
            return kn_fail_name(err, "SecurityGroupRulesNotSingleTenant");
        }
    }
    return 0;
}

static int rules_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    static const char *const REMOTES[] = { "remote_group_id", "remote_address_group_id" };

    for (size_t i = 0; i < KN_COUNT(REMOTES); i++) {
        if (strcmp(kn_schema_text(object, REMOTES[i], "x"), "") == 0) {
            json_object_set_new(object, REMOTES[i], json_null());
        }
    }
    return check_siblings(req, object, err) < 0 ? -1 : kn_network_rule_plan(object, err);
}

/* A rule is its group's: with it that changes, too. Whoever adds one holds the group by it, so that two do not add the same. */
static const struct kn_stmt HOLD = { "group_rule_hold",
                                     "UPDATE security_group SET updated_at = now() WHERE id = $1::uuid", 1 };
/* Everybody's prefix and none are the same. Of this transaction: another one of the same POST. */
static const struct kn_stmt SAME = {
    "group_rule_same",
    "SELECT id, created_at = now() FROM security_group_rule WHERE group_id = $1::uuid AND direction = $2 AND ethertype = $3"
    " AND number IS NOT DISTINCT FROM $4::smallint AND range_min IS NOT DISTINCT FROM $5::integer AND range_max IS NOT DISTINCT FROM $6::integer"
    " AND (CASE WHEN masklen(remote_prefix) > 0 THEN remote_prefix END) IS NOT DISTINCT FROM (CASE WHEN masklen($7::inet) > 0 THEN $7::inet END)"
    " AND remote_group_id IS NOT DISTINCT FROM $8::uuid AND remote_address_group_id IS NOT DISTINCT FROM $9::uuid",
    9
};

static const char *number_or_null(const json_t *object, const char *name, struct kn_arg *arg)
{
    return json_is_integer(json_object_get(object, name)) ? kn_arg_int(arg, kn_schema_int(object, name, 0)) : NULL;
}

static int check_once(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    enum { ID, IN_POST };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg number, first, last;

    if (kn_db_run(req->db, &SAME,
                  KN_ARGS(kn_schema_text(object, "security_group_id", ""), kn_schema_text(object, "direction", ""),
                          kn_schema_text(object, "ethertype", ""), number_or_null(object, "number", &number),
                          number_or_null(object, "port_range_min", &first),
                          number_or_null(object, "port_range_max", &last),
                          kn_schema_text(object, "remote_ip_prefix", NULL),
                          kn_schema_text(object, "remote_group_id", NULL),
                          kn_schema_text(object, "remote_address_group_id", NULL)),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    if (kn_rows_bool(rows, 0, IN_POST)) {
        kn_fail(err, KN_CONFLICT, "Duplicate Security Group Rule in POST.");
        return kn_fail_name(err, "DuplicateSecurityGroupRuleInPost");
    }
    kn_fail(err, KN_CONFLICT, "Security group rule already exists. Rule id is %s.", kn_rows_text(rows, 0, ID));
    return kn_fail_name(err, "SecurityGroupRuleExists");
}

/* What a rule names must be there for its maker; its own group must be his. */
static int check_named(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const char *remote = kn_schema_text(object, "remote_group_id", NULL),
               *addresses = kn_schema_text(object, "remote_address_group_id", NULL),
               *group = kn_schema_text(object, "security_group_id", "");
    bool is_owned = false;

    if ((remote != NULL && kn_network_use(&kn_network_security_groups, req, remote, &is_owned, err) < 0) ||
        (addresses != NULL && kn_network_use(&kn_network_address_groups, req, addresses, &is_owned, err) < 0) ||
        kn_rest_see(&kn_network_security_groups, req, group, &is_owned, err) < 0) {
        return -1;
    }
    return is_owned ? 0 : kn_rest_not_found(&kn_network_security_groups, group, err);
}

static int rules_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    const char *project, *group = now != NULL ? kn_rest_was(&kn_network_security_group_rules, now, "security_group_id")
                                              : kn_schema_text(object, "security_group_id", "");

    (void)id;
    if (now == NULL && (kn_rest_owner(&kn_network_security_group_rules, req, object, &project, err) < 0 ||
                        check_named(req, object, err) < 0)) {
        return -1;
    }
    if (kn_db_run(req->db, &HOLD, KN_ARGS(group), NULL, err) < 0 || (now == NULL && check_once(req, object, err) < 0)) {
        return -1;
    }
    return kn_network_change(req->db, KN_CHANGED_GROUP, group, err);
}

/* The group, or what the rule names, went while it was added. */
static int rules_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    (void)constraint;
    return object == NULL
               ? -1
               : kn_rest_not_found(&kn_network_security_groups, kn_schema_text(object, "security_group_id", ""), err);
}

static const struct kn_rest_counts COUNTS = {
    "network",
    { "group_rule_counts",
      "SELECT project_id, 'security_group_rule', count(*) FROM security_group_rule WHERE id = ANY($1::uuid[]) GROUP BY project_id",
      1 },
    false
};

const struct kn_rest_noun kn_network_security_group_rules = {
    .one = "security_group_rule",
    .many = "security_group_rules",
    .label = "Security group rule",
    .absent = "Security group rule %2 does not exist",
    .absent_name = "SecurityGroupRuleNotFound",
    .path = "/security-group-rules",
    .from = "security_group_rule r JOIN security_group g ON g.id = r.group_id",
    .id = "r.id",
    .id_type = KN_REST_UUID,
    .visible = "(r.project_id = ? OR g.project_id = ?)",
    .owned = "(r.project_id = ?)",
    .lock = " FOR UPDATE OF r",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_network_groups_narrow,
    .manners = &KN_REST_NEUTRON,
    .table = "security_group_rule",
    .project_column = "project_id",
    .counts = &COUNTS,
    .check = rules_check,
    .decide = rules_decide,
    .tell = kn_network_change_tell,
    .clash = rules_clash,
};
