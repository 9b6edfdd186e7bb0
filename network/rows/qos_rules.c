/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qos_rules.c: the rules of QoS policies as tables, below their policy: limits of bandwidth, one a direction, and one mark. A policy is held while one of its
 * rules changes. Other kinds of rules are refused by network/api/qos.c.
 */
#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/qos.h"
#include "network/rows/shared.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)

const char *const kn_network_qos_directions[] = { "ingress", "egress", NULL };
const int kn_network_qos_marks[] = { 0,  8,  10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                     30, 32, 34, 36, 38, 40, 44, 46, 48, 56, -1 };

/* clang-format off */
#define BELOW \
    KN_REST_ATTR("id", "r.id", KN_REST_UUID, FIND), \
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_WRITE, .limit = KN_LIMIT_TENANT), /* its policy's */ \
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_WRITE, .limit = KN_LIMIT_TENANT), \
    KN_REST_ATTR("of", "r.policy_id", KN_REST_UUID, 0, .column = "policy_id"), /* what the path says; for us alone, as the next */ \
    KN_REST_ATTR("kind", "r.kind", KN_REST_TEXT, 0, .column = "kind")
static const struct kn_rest_attr LIMIT_ATTRS[] = {
    BELOW,
    KN_REST_ATTR("max_kbps", "r.max_kbps", KN_REST_INT, FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "max_kbps", .limit = KN_LIMIT_QOS_KBPS),
    KN_REST_ATTR("max_burst_kbps", "r.max_burst_kbps", KN_REST_INT, FIND | KN_REST_WRITE, .column = "max_burst_kbps", .limit = KN_LIMIT_QOS_KBPS),
    KN_REST_ATTR("direction", "r.direction", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "direction", .words = kn_network_qos_directions),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_attr MARK_ATTRS[] = {
    BELOW,
    KN_REST_ATTR("dscp_mark", "r.dscp_mark", KN_REST_INT, FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "dscp_mark"),
    KN_REST_ATTRS_END,
};
/* Its rules are a part of it: it is held by what says that it changed. */
static const struct kn_stmt HOLD = { "qos_rule_hold", "UPDATE qos_policy SET updated_at = now() WHERE id = $1::uuid", 1 };
static const struct kn_stmt SAME = {
    "qos_rule_same",
    "SELECT id FROM qos_rule WHERE policy_id = $1::uuid AND kind = $2 AND direction IS NOT DISTINCT FROM $3 AND id <> $4::uuid", 4
};
/* clang-format on */

static int check_mark(const json_t *object, struct kn_error *err)
{
    const int64_t mark = kn_schema_int(object, "dscp_mark", 0);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf known = KN_STRBUF_INIT;

    for (size_t i = 0; kn_network_qos_marks[i] >= 0; i++) {
        if (kn_network_qos_marks[i] == mark) {
            return 0;
        }
        kn_strbuf_addf(&known, "%s%d", i > 0 ? ", " : "", kn_network_qos_marks[i]);
    }
    return kn_fail(err, KN_BAD_REQUEST, "Invalid input for dscp_mark. Reason: %lld is not in [%s].", (long long)mark,
                   known.buf);
}

static int limits_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)err;
    json_object_set_new(object, "kind", json_string("bandwidth_limit"));
    if (strcmp(req->method, "POST") == 0 && json_object_get(object, "direction") == NULL) {
        json_object_set_new(object, "direction", json_string("egress"));
    }
    return 0;
}

static int marks_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    json_object_set_new(object, "kind", json_string("dscp_marking"));
    return check_mark(object, err);
}

/* Of one kind, and direction, a policy has one. */
static int qos_check_once(struct kn_request *req, const char *policy, const char *kind, const char *direction,
                          const char *id, struct kn_error *err)
{
    enum { OTHER };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &SAME, KN_ARGS(policy, kind, direction, id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    kn_fail(err, KN_CONFLICT, "Rule %s conflicts with rule %s which already exists in QoS Policy %s.", kind,
            kn_rows_text(rows, 0, OTHER), policy);
    return kn_fail_name(err, "QoSRulesConflict");
}

/* The policy must be his; a rule that goes or changes was found below it. */
static int qos_rules_decide(const struct kn_rest_noun *noun, struct kn_request *req, const char *id,
                            const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    const char *policy = now != NULL ? kn_rest_was(noun, now, "of") : req->params[0];
    const bool has_direction = noun == &kn_network_bandwidth_limit_rules;
    const char *direction = !has_direction
                                ? NULL
                                : kn_schema_text(object, "direction",
                                                 now != NULL ? kn_rest_was(noun, now, "direction") : "egress");

    if (now == NULL) {
        if (kn_rest_own(&kn_network_policies, req, policy, err) < 0) {
            return -1;
        }
        json_object_set_new(object, "of", json_string(policy));
    }
    return kn_db_run(req->db, &HOLD, KN_ARGS(policy), NULL, err) < 0 ||
                   (object != NULL && qos_check_once(req, policy, has_direction ? "bandwidth_limit" : "dscp_marking",
                                                     direction, id, err) < 0) ||
                   kn_network_change(req->db, KN_CHANGED_POLICY, policy, err) < 0
               ? -1
               : 0;
}

static int limits_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    return qos_rules_decide(&kn_network_bandwidth_limit_rules, req, id, now, object, err);
}

static int marks_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    return qos_rules_decide(&kn_network_dscp_marking_rules, req, id, now, object, err);
}

#define RULES_OF_POLICY \
    .label = "QoS rule", .absent = "QoS rule %2 could not be found.", .absent_name = "QosRuleNotFound", \
    .from = "qos_rule r JOIN qos_policy q ON q.id = r.policy_id", .id = "r.id", .id_type = KN_REST_UUID, \
    .visible = KN_NETWORK_VISIBLE("q", KN_NETWORK_SHARED), .owned = "(q.project_id = ?)", .lock = " FOR UPDATE OF r", \
    .order = "id", .ascending = true, .ties = "id", .manners = &KN_REST_NEUTRON, .table = "qos_rule", \
    .tell = kn_network_change_tell

const struct kn_rest_noun kn_network_bandwidth_limit_rules = {
    RULES_OF_POLICY,
    .one = "bandwidth_limit_rule",
    .many = "bandwidth_limit_rules",
    .path = "/qos/policies/{}/bandwidth_limit_rules",
    .kept = "r.kind = 'bandwidth_limit'",
    .attrs = LIMIT_ATTRS,
    .check = limits_check,
    .decide = limits_decide,
};

const struct kn_rest_noun kn_network_dscp_marking_rules = {
    RULES_OF_POLICY,
    .one = "dscp_marking_rule",
    .many = "dscp_marking_rules",
    .path = "/qos/policies/{}/dscp_marking_rules",
    .kept = "r.kind = 'dscp_marking'",
    .attrs = MARK_ATTRS,
    .check = marks_check,
    .decide = marks_decide,
};
