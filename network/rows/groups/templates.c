/* SPDX-License-Identifier: Apache-2.0 */
/*
 * templates.c: what new security groups begin with (default-security-group-rules), an administrator's to choose. Groups that there are keep their
 * rules; default_group.c makes those of new ones.
 */
#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/groups/rules.h"
#include "network/rows/groups/groups.h"
#include "network/rows/groups/rule_plan.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define MADE (FIND | KN_REST_POST | KN_REST_NULL)

static const char *const DIRECTIONS[] = { "ingress", "egress", NULL };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "t.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT), /* whose it is, nobody asks */
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("ethertype", "t.ethertype", KN_REST_TEXT, MADE, .column = "ethertype", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("direction", "t.direction", KN_REST_TEXT, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "direction", .words = DIRECTIONS),
    KN_REST_ATTR("protocol", "t.protocol", KN_REST_TEXT, MADE, .column = "protocol", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("port_range_min", "t.range_min", KN_REST_INT, MADE, .column = "range_min", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("port_range_max", "t.range_max", KN_REST_INT, MADE, .column = "range_max", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("remote_ip_prefix", "text(t.remote_prefix)", KN_REST_TEXT, MADE, .column = "remote_prefix", .form = "?::inet", .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("remote_group_id", "t.remote_group", KN_REST_TEXT, MADE, .column = "remote_group", .limit = KN_LIMIT_CIDR),
    KN_REST_ATTR("remote_address_group_id", "t.remote_address_group_id", KN_REST_UUID, MADE, .column = "remote_address_group_id"),
    KN_REST_ATTR("description", "t.description", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_POST, .column = "description",
                 .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_REST_ATTR("used_in_default_sg", "t.used_in_default_sg", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_POST, .column = "used_in_default_sg"),
    KN_REST_ATTR("used_in_non_default_sg", "t.used_in_non_default_sg", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_POST,
                 .column = "used_in_non_default_sg"),
    KN_NETWORK_TIMES("t"),
    KN_REST_ATTR("number", NULL, KN_REST_INT, 0, .column = "number"),
    KN_REST_ATTRS_END,
};

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changed_since", kn_rest_since, .sql = "t.updated_at", .type = KN_REST_TIME),
    KN_REST_PARAMS_END,
};
static const struct kn_stmt HOLD = { "template_hold", "LOCK TABLE security_group_template IN SHARE ROW EXCLUSIVE MODE", 0 };
static const struct kn_stmt SAME = {
    "template_same",
    "SELECT id, created_at = now() FROM security_group_template WHERE direction = $1 AND ethertype = $2"
    " AND number IS NOT DISTINCT FROM $3::smallint AND range_min IS NOT DISTINCT FROM $4::integer AND range_max IS NOT DISTINCT FROM $5::integer"
    " AND (CASE WHEN masklen(remote_prefix) > 0 THEN remote_prefix END) IS NOT DISTINCT FROM (CASE WHEN masklen($6::inet) > 0 THEN $6::inet END)"
    " AND remote_group IS NOT DISTINCT FROM $7 AND remote_address_group_id IS NOT DISTINCT FROM $8::uuid"
    " AND ((used_in_default_sg AND $9::boolean) OR (used_in_non_default_sg AND $10::boolean)) ORDER BY created_at DESC LIMIT 1",
    10
};
/* clang-format on */

static int templates_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    return kn_network_rule_plan(object, err);
}

static int templates_check_once(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    enum { ID, IN_POST };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg numbers[3];
    static const char *const NUMBERS[] = { "number", "port_range_min", "port_range_max" };
    const char *said[3];

    for (int i = 0; i < 3; i++) {
        said[i] = json_is_integer(json_object_get(object, NUMBERS[i]))
                      ? kn_arg_int(&numbers[i], kn_schema_int(object, NUMBERS[i], 0))
                      : NULL;
    }
    if (kn_db_run(req->db, &SAME,
                  KN_ARGS(kn_schema_text(object, "direction", ""), kn_schema_text(object, "ethertype", ""), said[0],
                          said[1], said[2], kn_schema_text(object, "remote_ip_prefix", NULL),
                          kn_schema_text(object, "remote_group_id", NULL),
                          kn_schema_text(object, "remote_address_group_id", NULL),
                          kn_schema_bool(object, "used_in_default_sg", false) ? "t" : "f",
                          kn_schema_bool(object, "used_in_non_default_sg", true) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    if (kn_rows_bool(rows, 0, IN_POST)) {
        kn_fail(err, KN_CONFLICT, "Duplicate Default Security Group Rule in POST.");
        return kn_fail_name(err, "DuplicateDefaultSgRuleInPost");
    }
    kn_fail(err, KN_CONFLICT, "Default Security group rule already exists. Rule id is %s.", kn_rows_text(rows, 0, ID));
    return kn_fail_name(err, "DefaultSecurityGroupRuleExists");
}

/* A remote group is the rule's own, or one that is there. */
static int templates_check_named(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const char *remote = kn_schema_text(object, "remote_group_id", NULL),
               *addresses = kn_schema_text(object, "remote_address_group_id", NULL);
    bool is_owned = false;

    return (remote != NULL && strcmp(remote, "PARENT") != 0 &&
            kn_rest_see(&kn_network_security_groups, req, remote, &is_owned, err) < 0) ||
                   (addresses != NULL && kn_rest_see(&kn_network_address_groups, req, addresses, &is_owned, err) < 0)
               ? -1
               : 0;
}

static int templates_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                            struct kn_error *err)
{
    (void)id;
    if (now != NULL) {
        return 0;
    }
    return templates_check_named(req, object, err) < 0 || kn_db_run(req->db, &HOLD, KN_NO_ARGS, NULL, err) < 0
               ? -1
               : templates_check_once(req, object, err);
}

const struct kn_rest_noun kn_network_default_security_group_rules = {
    .one = "default_security_group_rule",
    .many = "default_security_group_rules",
    .label = "Default Security Group rule",
    .absent = "Default Security Group rule %2 does not exist",
    .absent_name = "DefaultSecurityGroupRuleNotFound",
    .path = "/default-security-group-rules",
    .from = "security_group_template t",
    .id = "t.id",
    .id_type = KN_REST_UUID,
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "security_group_template",
    .check = templates_check,
    .decide = templates_decide,
};
