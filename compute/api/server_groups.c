/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-server-groups as a table: servers that are to be on one host, or on different ones. A server says at its creation that it is a member
 * (compute/rows/server_plan.c); the scheduler holds the policy (scheduler/group.c). Up to 2.63 a body names a list of one policy, from then on the policy and its rules.
 */
#include <string.h>

#include "compute/api.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

static const char *const HARD[] = { "anti-affinity", "affinity", NULL };
static const char *const POLICIES[] = { "anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity", NULL };
static const struct kn_schema HARD_ITEM[] = { KN_SCHEMA("policy", KN_IS_STRING, .words = HARD), KN_SCHEMA_END };
static const struct kn_schema ITEM[] = { KN_SCHEMA("policy", KN_IS_STRING, .words = POLICIES), KN_SCHEMA_END };
static const struct kn_schema RULES[] = {
    KN_SCHEMA("max_server_per_host", KN_IS_INTEGER, .limit = KN_LIMIT_GROUP_PER_HOST), KN_SCHEMA_END
};

#define MADE KN_REST_SHOWN | KN_REST_POST
#define LIST_OF(items, ...) \
    KN_REST_ATTR("policies", "json_build_array(g.policy)", KN_REST_JSON, MADE | KN_REST_REQUIRED, .inner = items, \
                 .inner_shape = KN_IS_LIST, .limit = KN_LIMIT_ONE_ITEM, __VA_ARGS__)
#define MEMBERS \
    "(SELECT coalesce(json_agg(s.id ORDER BY s.created_at, s.id), '[]') FROM server s WHERE s.group_id = g.id AND s.deleted_at IS NULL)"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "g.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("name", "g.name", KN_REST_TEXT, MADE | KN_REST_REQUIRED, .column = "name", .limit = KN_LIMIT_SERVER_GROUP_NAME, .rule = &KN_TEXT_NAME),
    LIST_OF(HARD_ITEM, .until = 14),
    LIST_OF(ITEM, .since = 15, .until = 63),
    KN_REST_ATTR("policy", "g.policy", KN_REST_TEXT, MADE | KN_REST_REQUIRED, .since = 64, .column = "policy", .words = POLICIES),
    KN_REST_ATTR("rules", "CASE WHEN g.max_per_host IS NULL THEN '{}' ELSE json_build_object('max_server_per_host', g.max_per_host) END", KN_REST_JSON, MADE,
                 .since = 64, .inner = RULES, .inner_shape = KN_IS_OBJECT),
    KN_REST_ATTR("members", MEMBERS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("metadata", "'{}'", KN_REST_JSON, KN_REST_SHOWN, .until = 63),
    KN_REST_ATTR("project_id", "g.project_id", KN_REST_TEXT, KN_REST_SHOWN, .since = 13),
    KN_REST_ATTR("user_id", "g.user_id", KN_REST_TEXT, KN_REST_SHOWN, .since = 13),
    KN_REST_ATTR("created_at", "g.created_at", KN_REST_TIME, 0),
    KN_REST_ATTR("first policy", NULL, KN_REST_TEXT, 0, .column = "policy"), /* what check() finds in the body */
    KN_REST_ATTR("most", NULL, KN_REST_INT, 0, .column = "max_per_host"),
    KN_REST_ATTRS_END,
};
/* clang-format on */
static const struct kn_rest_param PARAMS[] = { KN_REST_PARAM("all_projects", NULL), KN_REST_PARAMS_END };

/* The caller's project's, or everybody's for an admin who says all_projects, whatever it says. */
static int server_groups_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    l->sees_all = kn_rest_asked(l, "all_projects", 0) != NULL;
    return l->sees_all ? kn_policy_check(KN_NOVA_GROUPS_ALL, &l->req->caller, NULL, err) : 0;
}

static int server_groups_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const json_t *policies = json_object_get(object, "policies"), *rules = json_object_get(object, "rules");

    (void)req;
    if (policies != NULL) {
        json_object_set(object, "first policy", json_array_get(policies, 0));
    }
    if (json_object_size(rules) == 0) {
        return 0;
    }
    if (strcmp(kn_json_str(object, "policy"), "anti-affinity") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Only anti-affinity policy supports rules.");
    }
    json_object_set(object, "most", json_object_get(rules, "max_server_per_host"));
    return 0;
}

static const struct kn_rest_counts COUNTS = {
    .service = "compute",
    .stmt = { "server_group_counts",
              "SELECT project_id, 'server_groups', 1 FROM server_group WHERE id = ANY($1::uuid[])", 1 },
};

static const struct kn_rest_noun GROUP = {
    .one = "server_group",
    .many = "server_groups",
    .label = "Instance group",
    .path = "/os-server-groups",
    .absent = "Instance group %2 could not be found.",
    .from = "server_group g",
    .id = "g.id",
    .id_type = KN_REST_UUID,
    .visible = "g.project_id = ?",
    .order = "created_at",
    .ascending = true,
    .ties = "id",
    .unsorted = true,
    .by_offset = true,
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = server_groups_narrow,
    .table = "server_group",
    .is_timeless = true,
    .project_column = "project_id",
    .user_column = "user_id",
    .check = server_groups_check,
    .counts = &COUNTS,
    .manners = &KN_REST_NOVA,
};

int kn_compute_server_groups_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&GROUP, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_server_groups_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&GROUP, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_compute_server_groups_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&GROUP, req, res, err);
}

int kn_compute_server_groups_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&GROUP, req, req->params[0], err);
}
