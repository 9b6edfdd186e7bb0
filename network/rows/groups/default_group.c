/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default_group.c: what security groups begin with, out of the templates, and the group "default" of a project, which nobody makes by hand. Two who need
 * it at once make one: the second waits for the first and finds it.
 */
#include "lib/rest/list.h"
#include "network/rows/groups/groups.h"

#define COLUMNS \
    "(id, group_id, project_id, direction, ethertype, protocol, number, range_min, range_max, remote_prefix, remote_group_id," \
    " remote_address_group_id)"
/* A template whose remote group is gone makes no rule. */
#define OUT_OF_TEMPLATES \
    " SELECT gen_random_uuid(), g.id, g.project_id, t.direction, t.ethertype, t.protocol, t.number, t.range_min, t.range_max, t.remote_prefix," \
    " CASE WHEN t.remote_group = 'PARENT' THEN g.id ELSE o.id END, t.remote_address_group_id" \
    " FROM g CROSS JOIN security_group_template t LEFT JOIN security_group o ON o.id::text = t.remote_group" \
    " WHERE (t.remote_group IS NULL OR t.remote_group = 'PARENT' OR o.id IS NOT NULL)"

static const struct kn_stmt MISSING = {
    "default_groups_missing",
    "SELECT DISTINCT w.project FROM unnest($1::text[]) AS w(project) WHERE w.project <> '' AND NOT EXISTS"
    " (SELECT FROM security_group g WHERE g.project_id = w.project AND g.is_default)",
    1
};

static const struct kn_stmt MAKE = {
    "default_groups_make",
    "WITH g AS (INSERT INTO security_group (id, project_id, name, description, is_default)"
    "  SELECT gen_random_uuid(), w.project, 'default', 'Default security group', true FROM unnest($1::text[]) AS w(project)"
    "  ON CONFLICT (project_id) WHERE is_default DO NOTHING RETURNING id, project_id),"
    " r AS (INSERT INTO security_group_rule " COLUMNS OUT_OF_TEMPLATES " AND t.used_in_default_sg RETURNING project_id)"
    " INSERT INTO quota_usage (service, project_id, resource, used)"
    " SELECT 'network', c.project_id, c.resource, count(*) FROM (SELECT project_id, 'security_group' FROM g"
    "  UNION ALL SELECT project_id, 'security_group_rule' FROM r) AS c(project_id, resource) GROUP BY 2, 3 ORDER BY 2, 3"
    " ON CONFLICT (service, project_id, resource) DO UPDATE SET used = quota_usage.used + excluded.used",
    1
};

int kn_network_default_groups(struct kn_db *db, struct kn_array *projects, struct kn_error *err)
{
    enum { PROJECT };
    AUTO_RELEASE(kn_array) struct kn_array wanted = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &MISSING, KN_ARGS(kn_array_value(projects)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_array_add(&wanted, kn_rows_text(rows, row, PROJECT));
    }
    return wanted.count == 0 ? 0 : kn_db_run(db, &MAKE, KN_ARGS(kn_array_value(&wanted)), NULL, err);
}

int kn_network_groups_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    const char *asked = kn_rest_asked(l, "project_id", 0);

    asked = asked != NULL ? asked : kn_rest_asked(l, "tenant_id", 0);
    kn_array_add(&projects, asked != NULL && kn_rest_reaches_all(l->req) ? asked : l->req->caller.project_id);
    return kn_network_default_groups(l->req->db, &projects, err);
}

/* clang-format off */
static const struct kn_stmt BEGIN = {
    "group_begin",
    "WITH g AS (SELECT id, project_id FROM security_group WHERE id = $1::uuid) INSERT INTO security_group_rule " COLUMNS OUT_OF_TEMPLATES
    " AND t.used_in_non_default_sg", 1
};
/* clang-format on */

int kn_network_group_begin(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &BEGIN, KN_ARGS(id), NULL, err);
}
