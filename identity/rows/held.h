/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held: pieces of SQL that say what assignments come to: through groups (the view held_assignment), down the tree of projects
 * (inherited), and by implication. For the statements of this room, each piece a subquery in parentheses.
 */
#ifndef KN_IDENTITY_ROWS_HELD_H
#define KN_IDENTITY_ROWS_HELD_H

/* The ids of all projects in which this user has any role. holder: "$1" */
#define KN_HELD_PROJECTS(holder) \
    "(WITH RECURSIVE mine AS (SELECT project_id, domain_id, inherited FROM held_assignment WHERE holder_id = " holder \
    "), below AS (SELECT p.id FROM project p JOIN mine ON mine.inherited AND p.parent_id = mine.project_id " \
    "UNION SELECT p.id FROM project p JOIN below ON p.parent_id = below.id) " \
    "SELECT project_id FROM mine WHERE NOT inherited AND project_id IS NOT NULL " \
    "UNION SELECT p.id FROM project p JOIN mine ON mine.inherited AND p.domain_id = mine.domain_id " \
    "UNION SELECT id FROM below)"

/* The ids of all domains on which this user has a role: what is inherited holds below, not here. */
#define KN_HELD_DOMAINS(holder) \
    "(SELECT domain_id FROM held_assignment WHERE holder_id = " holder " AND NOT inherited AND domain_id IS NOT NULL)"

/* The ids of this role and all that imply it, whatever the distance. */
#define KN_ROLES_LEADING_TO(role) \
    "(WITH RECURSIVE up (id) AS (SELECT " role "::text UNION SELECT i.prior_id FROM role_implication i " \
    "JOIN up ON i.implied_id = up.id) SELECT id FROM up)"

/*
 * Ends the tokens that rest on some held assignments: "WHERE …" follows; $1, a time, is overruled by the
 * trigger that gives revocations their moment. What is inherited reaches any number of
 * projects, so there all tokens of the user end.
 */
#define KN_REVOKE_HELD \
    "INSERT INTO revocation (kind, target, before_us, expires_at) SELECT DISTINCT " \
    "CASE WHEN inherited THEN 'user' ELSE 'grant' END, CASE WHEN inherited THEN holder_id " \
    "ELSE holder_id || '/' || coalesce(project_id, domain_id, 'system') END, $1::bigint, now() + interval '3 days' " \
    "FROM held_assignment "

#endif
