/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of all assignments, as they stand (grant.c wrote them) and as they work out: one row for each user, project and role,
 * with what it comes from. It only reads.
 */
#include "identity/held.h"
#include "identity/nouns.h"

/* role_id, user_id, group_id, project_id, domain_id, inherited, via_group, via_project, via_domain, via_role */
#define STORED                                                                                                          \
    "WITH RECURSIVE a AS (SELECT role_id, user_id, group_id, project_id, domain_id, inherited, NULL AS via_group, "     \
    "NULL AS via_project, NULL AS via_domain, NULL AS via_role FROM assignment), "
/* Groups become their members, what is inherited the projects below, and roles what they imply. Roles of a domain only imply. */
#define EFFECTIVE                                                                                                       \
    "WITH RECURSIVE below (top, id) AS (SELECT DISTINCT h.project_id, p.id FROM assignment h "                          \
    "JOIN project p ON p.parent_id = h.project_id WHERE h.inherited "                                                   \
    "UNION SELECT b.top, p.id FROM below b JOIN project p ON p.parent_id = b.id), "                                     \
    "placed (role_id, user_id, via_group, project_id, domain_id, via_project, via_domain) AS ("                         \
    "SELECT role_id, holder_id, group_id, project_id, domain_id, NULL, NULL FROM held_assignment WHERE NOT inherited "  \
    "UNION ALL SELECT h.role_id, h.holder_id, h.group_id, p.id, NULL, NULL, h.domain_id FROM held_assignment h "        \
    "JOIN project p ON p.domain_id = h.domain_id WHERE h.inherited "                                                    \
    "UNION ALL SELECT h.role_id, h.holder_id, h.group_id, b.id, NULL, h.project_id, NULL FROM held_assignment h "       \
    "JOIN below b ON b.top = h.project_id WHERE h.inherited), "                                                         \
    "implied (prior_id, implied_id) AS (SELECT prior_id, implied_id FROM role_implication "                             \
    "UNION SELECT i.prior_id, r.implied_id FROM implied i JOIN role_implication r ON r.prior_id = i.implied_id), "      \
    "a AS (SELECT role_id, user_id, NULL AS group_id, project_id, domain_id, "                                          \
    "via_project IS NOT NULL OR via_domain IS NOT NULL AS inherited, via_group, via_project, via_domain, "              \
    "NULL AS via_role FROM placed "                                                                                     \
    "UNION ALL SELECT i.implied_id, user_id, NULL, project_id, domain_id, "                                             \
    "via_project IS NOT NULL OR via_domain IS NOT NULL, via_group, via_project, via_domain, i.prior_id "                \
    "FROM placed JOIN implied i ON i.prior_id = placed.role_id AND i.implied_id <> placed.role_id), "
#define REST                                                                                                            \
    "tree (id) AS (SELECT $4::text UNION SELECT p.id FROM project p JOIN tree ON p.parent_id = tree.id "                \
    "WHERE $8::boolean) "                                                                                               \
    "SELECT r.id, r.name, rd.id, rd.name, u.id, u.name, ud.id, ud.name, g.id, g.name, gd.id, gd.name, p.id, p.name, "   \
    "pd.id, pd.name, d.id, d.name, NULL, NULL, a.inherited, a.via_group, a.via_project, a.via_domain, a.via_role "      \
    "FROM a JOIN role r ON r.id = a.role_id LEFT JOIN domain rd ON rd.id = r.domain_id "                                \
    "LEFT JOIN identity_user u ON u.id = a.user_id LEFT JOIN domain ud ON ud.id = u.domain_id "                         \
    "LEFT JOIN identity_group g ON g.id = a.group_id LEFT JOIN domain gd ON gd.id = g.domain_id "                       \
    "LEFT JOIN project p ON p.id = a.project_id LEFT JOIN domain pd ON pd.id = p.domain_id "                            \
    "LEFT JOIN domain d ON d.id = a.domain_id "                                                                         \
    "WHERE ($1::text IS NULL OR a.user_id = $1) AND ($2::text IS NULL OR a.group_id = $2) "                             \
    "AND ($3::text IS NULL OR a.role_id = $3) AND ($4::text IS NULL OR a.project_id IN (SELECT id FROM tree)) "         \
    "AND ($5::text IS NULL OR a.domain_id = $5) AND ($6::text IS NULL OR p.domain_id = $6 OR a.domain_id = $6) "        \
    "AND (NOT $7::boolean OR (a.project_id IS NULL AND a.domain_id IS NULL)) "                                          \
    "AND ($9::boolean IS NULL OR a.inherited = $9) "
#define ORDER "ORDER BY u.name, u.id, g.name, g.id, p.name, p.id, d.name, r.name, r.id, a.inherited"

static const struct kn_stmt LIST = { "assignment_list", STORED REST ORDER, 9 };
static const struct kn_stmt LIST_EFFECTIVE = { "assignment_list_effective", EFFECTIVE REST "AND r.domain_id IS NULL " ORDER, 9 };

int kn_assignment_list(struct kn_db *db, const struct kn_assignment_filter *f, struct kn_rows **ret_rows,
                       struct kn_error *err)
{
    const char *const *args =
        KN_ARGS(f->user_id, f->group_id, f->role_id, f->project_id, f->domain_id, f->realm, f->system ? "true" : "false",
                f->subtree ? "true" : "false", f->inherited);
    return kn_db_run(db, f->effective ? &LIST_EFFECTIVE : &LIST, args, ret_rows, err);
}
