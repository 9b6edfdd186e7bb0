/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qos.c: policies of QoS as a table: whose they are, which is a project's default, who uses them. Their rules are qos_rules.c's; what becomes of them on a
 * host is the host's.
 */
#include "network/rows/qos.h"

#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define RULES \
    "(SELECT coalesce(json_agg(CASE r.kind WHEN 'bandwidth_limit' THEN json_build_object('id', r.id, 'qos_policy_id', r.policy_id, 'type', r.kind," \
    " 'max_kbps', r.max_kbps, 'max_burst_kbps', r.max_burst_kbps, 'direction', r.direction) ELSE json_build_object('id', r.id, 'qos_policy_id', r.policy_id," \
    " 'type', r.kind, 'dscp_mark', r.dscp_mark) END ORDER BY r.created_at, r.id), '[]') FROM qos_rule r WHERE r.policy_id = q.id)"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "q.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "q.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("tenant_id", "q.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "q.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("description", "q.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_SHARED_ATTR("q", KN_REST_WRITE),
    KN_REST_ATTR("is_default", "q.is_default", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_WRITE, .column = "is_default"),
    KN_REST_ATTR("rules", RULES, KN_REST_JSON, KN_REST_SHOWN),
    KN_NETWORK_STANDARD("q"),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = {
    KN_NETWORK_STANDARD_PARAMS("q"),
    KN_REST_PARAMS_END,
};
static const struct kn_stmt USERS = {
    "qos_users", "SELECT 'port', id FROM port WHERE qos_policy_id = $1::uuid UNION ALL SELECT 'network', id FROM network WHERE qos_policy_id = $1::uuid LIMIT 1", 1
};
static const struct kn_stmt DEFAULT = { "qos_default", "SELECT id FROM qos_policy WHERE project_id = $1 AND is_default", 1 };
static const struct kn_stmt PORTS = {
    "qos_ports", "SELECT id FROM port WHERE network_id = $1::uuid AND qos_policy_id IS NULL ORDER BY id", 1
};
/* clang-format on */

static int policies_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                           struct kn_error *err)
{
    enum { KIND, USER };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)now;
    if (object != NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &USERS, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_CONFLICT, "QoS Policy %s is used by %s %s.", id, kn_rows_text(rows, 0, KIND),
                kn_rows_text(rows, 0, USER));
        return kn_fail_name(err, "QosPolicyInUse");
    }
    return 0;
}

static int policies_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    return kn_network_shared_after(&kn_network_policies, req, id, now, object, err);
}

static int policies_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    if (strcmp(constraint, "qos_policy_default") == 0) {
        kn_fail(err, KN_CONFLICT, "A default QoS policy exists for project %s.",
                kn_schema_text(object, "project_id", kn_schema_text(object, "tenant_id", req->caller.project_id)));
        return kn_fail_name(err, "QoSPolicyDefaultAlreadyExists");
    }
    return object == NULL ? kn_fail(err, KN_CONFLICT, "QoS Policy %.36s is in use.", req->params[0]) : -1;
}

static const struct kn_rest_counts COUNTS = { "network",
                                              { "qos_counts", KN_NETWORK_NOTHING KN_NETWORK_COUNTS_POLICIES, 1 },
                                              false };

const struct kn_rest_noun kn_network_policies = {
    .one = "policy",
    .many = "policies",
    .label = "QoS policy",
    .absent = "QoS policy %2 could not be found.",
    .absent_name = "QosPolicyNotFound",
    .path = "/qos/policies",
    .from = "qos_policy q",
    .id = "q.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("q", KN_NETWORK_SHARED),
    .owned = "(q.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .any_marker = true,
    .manners = &KN_REST_NEUTRON,
    .table = "qos_policy",
    .project_column = "project_id",
    .counts = &COUNTS,
    .decide = policies_decide,
    .after = policies_after,
    .clash = policies_clash,
};

int kn_network_qos_check(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    const char *policy = kn_schema_text(object, "qos_policy_id", NULL);
    bool is_owned = false;

    return policy == NULL ? 0 : kn_network_use(&kn_network_policies, req, policy, &is_owned, err);
}

int kn_network_qos_default(struct kn_request *req, const char *project, json_t *object, struct kn_error *err)
{
    enum { POLICY };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (json_object_get(object, "qos_policy_id") != NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &DEFAULT, KN_ARGS(project), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        json_object_set_new(object, "qos_policy_id", json_string(kn_rows_text(rows, 0, POLICY)));
    }
    return 0;
}

int kn_network_qos_of_network(struct kn_db *db, const char *network_id, struct kn_error *err)
{
    enum { PORT };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &PORTS, KN_ARGS(network_id), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&ids, kn_rows_text(rows, row, PORT));
    }
    return kn_network_change_many(db, KN_CHANGED_PORT, &ids, err);
}
