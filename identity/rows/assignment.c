/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of all assignments, as they stand (grant.c wrote them) and as they work out: one row for each user, project and role,
 * with what it comes from. It only reads.
 */
#include "identity/rows/nouns.h"

/* The projects that are asked for: $4, and with $8 all below it. A domain counts as the project above all of its own. */
#define WANTED \
    "WITH RECURSIVE wanted (id) AS (SELECT $4::text UNION SELECT p.id FROM project p JOIN wanted w " \
    "ON (p.parent_id = w.id OR (p.parent_id IS NULL AND p.domain_id = w.id)) AND $8::boolean), "
#define IS_WANTED(id) "($4::text IS NULL OR " id " IN (SELECT id FROM wanted)) "
/* role_id, user_id, group_id, project_id, domain_id, inherited, via_group, via_project, via_domain, via_role */
#define STORED \
    "a AS (SELECT role_id, user_id, group_id, project_id, domain_id, inherited, NULL AS via_group, " \
    "NULL AS via_project, NULL AS via_domain, NULL AS via_role FROM assignment " \
    "WHERE ($1::text IS NULL OR user_id = $1) AND " IS_WANTED("project_id") ") "
#define HELD \
    "held AS (SELECT * FROM held_assignment WHERE ($1::text IS NULL OR holder_id = $1) " \
    "AND (inherited OR " IS_WANTED("project_id") ")), "
/* What stands below what: of all that something inherited was given on, or of all that is asked for. */
#define BELOW \
    "below (top, id) AS (SELECT DISTINCT h.project_id, p.id FROM held h " \
    "JOIN project p ON p.parent_id = h.project_id WHERE h.inherited " \
    "UNION SELECT b.top, p.id FROM below b JOIN project p ON p.parent_id = b.id), "
#define ABOVE_WANTED \
    "below (top, id) AS (SELECT p.parent_id, p.id FROM project p JOIN wanted w ON w.id = p.id " \
    "WHERE p.parent_id IS NOT NULL UNION SELECT p.parent_id, b.id FROM below b JOIN project p ON p.id = b.top " \
    "WHERE p.parent_id IS NOT NULL), "
/* Groups become their members, what is inherited the projects below, and roles what they imply. Roles of a domain only imply. */
#define EFFECTIVE \
    "placed (role_id, user_id, via_group, project_id, domain_id, via_project, via_domain) AS (" \
    "SELECT role_id, holder_id, group_id, project_id, domain_id, NULL, NULL FROM held WHERE NOT inherited AND " IS_WANTED( \
        "project_id") "UNION ALL SELECT h.role_id, h.holder_id, h.group_id, p.id, NULL, NULL, h.domain_id FROM held h " \
                      "JOIN project p ON p.domain_id = h.domain_id WHERE h.inherited AND " IS_WANTED( \
                          "p.id") "UNION ALL SELECT h.role_id, h.holder_id, h.group_id, b.id, NULL, h.project_id, NULL FROM held h " \
                                  "JOIN below b ON b.top = h.project_id WHERE h.inherited AND " IS_WANTED( \
                                      "b.id") "), " \
                                              "implied (prior_id, implied_id) AS (SELECT prior_id, implied_id FROM role_implication " \
                                              "UNION SELECT i.prior_id, r.implied_id FROM implied i JOIN role_implication r ON r.prior_id = i.implied_id), " \
                                              "a AS (SELECT role_id, user_id, NULL AS group_id, project_id, domain_id, " \
                                              "via_project IS NOT NULL OR via_domain IS NOT NULL AS inherited, via_group, via_project, via_domain, " \
                                              "NULL AS via_role FROM placed " \
                                              "UNION ALL SELECT i.implied_id, user_id, NULL, project_id, domain_id, " \
                                              "via_project IS NOT NULL OR via_domain IS NOT NULL, via_group, via_project, via_domain, i.prior_id " \
                                              "FROM placed JOIN implied i ON i.prior_id = placed.role_id AND i.implied_id <> placed.role_id) "
#define NAMED \
    "SELECT r.id, r.name, rd.id, rd.name, u.id, u.name, ud.id, ud.name, g.id, g.name, gd.id, gd.name, p.id, p.name, " \
    "pd.id, pd.name, d.id, d.name, NULL, NULL, a.inherited, a.via_group, a.via_project, a.via_domain, a.via_role " \
    "FROM a JOIN role r ON r.id = a.role_id LEFT JOIN domain rd ON rd.id = r.domain_id " \
    "LEFT JOIN identity_user u ON u.id = a.user_id LEFT JOIN domain ud ON ud.id = u.domain_id " \
    "LEFT JOIN identity_group g ON g.id = a.group_id LEFT JOIN domain gd ON gd.id = g.domain_id " \
    "LEFT JOIN project p ON p.id = a.project_id LEFT JOIN domain pd ON pd.id = p.domain_id " \
    "LEFT JOIN domain d ON d.id = a.domain_id " \
    "WHERE ($2::text IS NULL OR a.group_id = $2) AND ($3::text IS NULL OR a.role_id = $3) " \
    "AND ($5::text IS NULL OR a.domain_id = $5) AND ($6::text IS NULL OR p.domain_id = $6 OR a.domain_id = $6) " \
    "AND (NOT $7::boolean OR (a.project_id IS NULL AND a.domain_id IS NULL)) " \
    "AND ($9::boolean IS NULL OR a.inherited = $9) "
#define ORDER "ORDER BY u.name, u.id, g.name, g.id, p.name, p.id, d.name, r.name, r.id, a.inherited"

/* Not prepared: what is not asked for has to fall out of the plan, or each list would look at every assignment there is. */
static const char LIST[] = WANTED STORED NAMED ORDER;
static const char LIST_EFFECTIVE[] = WANTED HELD BELOW EFFECTIVE NAMED "AND r.domain_id IS NULL " ORDER;
static const char LIST_EFFECTIVE_WANTED[] = WANTED HELD ABOVE_WANTED EFFECTIVE NAMED "AND r.domain_id IS NULL " ORDER;

int kn_identity_assignment_list(struct kn_db *db, const struct kn_identity_assignment_filter *f,
                                struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *const *args = KN_ARGS(f->user_id, f->group_id, f->role_id, f->project_id, f->domain_id, f->realm,
                                      f->system ? "true" : "false", f->subtree ? "true" : "false", f->inherited);
    const char *effective = f->project_id != NULL ? LIST_EFFECTIVE_WANTED : LIST_EFFECTIVE;

    return kn_db_query(db, f->effective ? effective : LIST, 9, args, ret_rows, err);
}
