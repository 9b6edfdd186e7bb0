/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.c: security groups as a table, and their rules of conduct: which may change, go, and be called "default". Their rules are rules.c's, which
 * of them a port has port_guard.c's.
 */
#include "network/rows/groups/groups.h"

#include <string.h>
#include <strings.h>

#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/groups/rules.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "g.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "g.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME),
    KN_REST_ATTR("stateful", "g.stateful", KN_REST_BOOL, FIND | KN_REST_WRITE, .column = "stateful"),
    KN_REST_ATTR("tenant_id", "g.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "g.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("description", "g.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_NETWORK_SHARED_ATTR("g", 0),
    KN_REST_ATTR("security_group_rules", "(SELECT coalesce(json_agg(" KN_NETWORK_RULE_JSON " ORDER BY r.created_at, r.id), '[]')"
      " FROM security_group_rule r WHERE r.group_id = g.id)", KN_REST_JSON, KN_REST_SHOWN),
    KN_NETWORK_STANDARD("g"),
    KN_REST_ATTR("is_default", "g.is_default", KN_REST_BOOL, 0), /* for us alone */
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_NETWORK_STANDARD_PARAMS("g"), KN_REST_PARAMS_END };
static const struct kn_stmt USED = { "group_used", "SELECT FROM port_security_group WHERE group_id = $1::uuid LIMIT 1", 1 };
/* Rules of others that name it go with it. */
static const struct kn_stmt REMOTE_OF = {
    "group_remote_of", "SELECT DISTINCT group_id FROM security_group_rule WHERE remote_group_id = $1::uuid AND group_id <> $1::uuid", 1
};
/* clang-format on */

static int groups_fail_in_use(const char *id, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Security Group %.36s in use.", id);
    return kn_fail_name(err, "SecurityGroupInUse");
}

static int groups_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    (void)req;
    if (strcasecmp(kn_schema_text(object, "name", ""), "default") == 0) {
        kn_fail(err, KN_CONFLICT, "Default security group already exists.");
        return kn_fail_name(err, "SecurityGroupDefaultAlreadyExists");
    }
    return 0;
}

static int groups_check_unused(struct kn_request *req, const char *id, struct kn_error *err)
{
    int64_t used = 0;

    if (kn_db_change(req->db, &USED, KN_ARGS(id), &used, err) < 0) {
        return -1;
    }
    return used > 0 ? groups_fail_in_use(id, err) : 0;
}

static int groups_new(struct kn_request *req, const json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    const char *project;

    if (kn_rest_owner(&kn_network_security_groups, req, object, &project, err) < 0) {
        return -1;
    }
    kn_array_add(&projects, project);
    return kn_network_default_groups(req->db, &projects, err);
}

static bool group_is(const struct kn_rows *now, const char *name)
{
    return strcmp(kn_rest_was(&kn_network_security_groups, now, name), "t") == 0;
}

static int groups_end(struct kn_request *req, const char *id, const struct kn_rows *now, struct kn_error *err)
{
    enum { GROUP };
    AUTO_RELEASE(kn_array) struct kn_array others = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (groups_check_unused(req, id, err) < 0) {
        return -1;
    }
    if (group_is(now, "is_default") && !kn_rest_reaches_all(req)) {
        kn_fail(err, KN_CONFLICT, "Insufficient rights for removing default security group.");
        return kn_fail_name(err, "SecurityGroupCannotRemoveDefault");
    }
    if (kn_db_run(req->db, &REMOTE_OF, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&others, kn_rows_text(rows, row, GROUP));
    }
    return kn_network_change_many(req->db, KN_CHANGED_GROUP, &others, err);
}

static int groups_change(struct kn_request *req, const char *id, const struct kn_rows *now, const json_t *object,
                         struct kn_error *err)
{
    const bool is_stateful = group_is(now, "stateful");

    if (kn_schema_bool(object, "stateful", is_stateful) != is_stateful && groups_check_unused(req, id, err) < 0) {
        return -1;
    }
    if (group_is(now, "is_default") && json_object_get(object, "name") != NULL) {
        kn_fail(err, KN_CONFLICT, "Updating default security group not allowed.");
        return kn_fail_name(err, "SecurityGroupCannotUpdateDefault");
    }
    return 0;
}

static int groups_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    return object == NULL ? groups_end(req, id, now, err)
           : now == NULL  ? groups_new(req, object, err)
                          : groups_change(req, id, now, object, err);
}

static int groups_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    return object != NULL && now == NULL ? kn_network_group_begin(req->db, id, err) : 0;
}

/* Somebody took it for his port meanwhile. */
static int groups_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)constraint;
    return object == NULL ? groups_fail_in_use(req->params[0], err) : -1;
}

/* It goes with its rules, and with those that name it. */
static const struct kn_rest_counts COUNTS = {
    "network",
    { "group_counts",
      "SELECT project_id, 'security_group', count(*) FROM security_group WHERE id = ANY($1::uuid[]) GROUP BY project_id"
      " UNION ALL SELECT project_id, 'security_group_rule', count(*) FROM security_group_rule"
      " WHERE group_id = ANY($1::uuid[]) OR remote_group_id = ANY($1::uuid[]) GROUP BY project_id" KN_NETWORK_COUNTS_POLICIES,
      1 },
    false
};

const struct kn_rest_noun kn_network_security_groups = {
    .one = "security_group",
    .many = "security_groups",
    .label = "Security group",
    .absent = "Security group %2 does not exist",
    .absent_name = "SecurityGroupNotFound",
    .path = "/security-groups",
    .from = "security_group g",
    .id = "g.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("g", KN_NETWORK_SHARED),
    .owned = "(g.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = kn_network_groups_narrow,
    .manners = &KN_REST_NEUTRON,
    .table = "security_group",
    .project_column = "project_id",
    .counts = &COUNTS,
    .check = groups_check,
    .decide = groups_decide,
    .after = groups_after,
    .tell = kn_network_change_tell,
    .clash = groups_clash,
};
