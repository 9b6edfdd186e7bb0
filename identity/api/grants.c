/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants over HTTP: the roles of a user or a group on a project, a domain or the system, and those that are inherited by the projects
 * below (OS-INHERIT). One set of handlers for all the paths; rows and rules are grant.c's.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "identity/rows/rank.h"

/*
 * The path says what the parameters are: /{projects,domains}/{}/{users,groups}/{}/roles[/{}], /system/{users,groups}/{}/roles[/{}],
 * and the first ones again as /OS-INHERIT/…/inherited_to_projects.
 */
static struct kn_identity_grant grant_of(const struct kn_request *req)
{
    static const char INHERIT[] = "OS-INHERIT/";
    const char *path = req->route->path + strlen("/v3/");
    const char *const *params = req->params;
    struct kn_identity_grant grant = { 0 };

    if (strncmp(path, INHERIT, strlen(INHERIT)) == 0) {
        grant.inherited = true;
        path += strlen(INHERIT);
    }
    if (strncmp(path, "projects", 8) == 0) {
        grant.project_id = *params++;
    } else if (strncmp(path, "domains", 7) == 0) {
        grant.domain_id = *params++;
    }
    if (strstr(path, "/users/") != NULL) {
        grant.user_id = *params++;
    } else {
        grant.group_id = *params++;
    }
    grant.role_id = *params;
    return grant;
}

/* Who is bound to a domain sees and gives roles only where both the actor and the target are in it. */
static int check_realm(const struct kn_request *req, const struct kn_identity_grant *g, struct kn_error *err)
{
    bool project = g->project_id != NULL, user = g->user_id != NULL;

    if (kn_identity_realm_check(req, project ? KN_REALM_PROJECT : KN_REALM_DOMAIN,
                                project ? g->project_id : g->domain_id, err) < 0) {
        return -1;
    }
    return kn_identity_realm_check(req, user ? KN_REALM_USER : KN_REALM_GROUP, user ? g->user_id : g->group_id, err);
}

/* And of the roles only those of the cloud and of the own domain. */
static int check_role(const struct kn_request *req, const struct kn_identity_grant *g, struct kn_error *err)
{
    return check_realm(req, g, err) < 0 ? -1 : kn_identity_realm_check(req, KN_REALM_ROLE, g->role_id, err);
}

/* And gives no more than manager, and nothing to (and takes nothing from) who holds more than that. */
static int check_gift(const struct kn_request *req, const struct kn_identity_grant *g, struct kn_error *err)
{
    bool user = g->user_id != NULL;

    return check_role(req, g, err) < 0 || kn_identity_rank_check_role(req, g->role_id, err) < 0
               ? -1
               : kn_identity_rank_check(req, user ? KN_REALM_USER : KN_REALM_GROUP, user ? g->user_id : g->group_id,
                                        err);
}

int kn_identity_grants_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_identity_grant grant = grant_of(req);

    if (check_realm(req, &grant, err) < 0 || kn_identity_grant_roles(req->db, &grant, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_all(&kn_identity_role_noun, req, KN_REST_LIST, rows, res);
    return 0;
}

int kn_identity_grants_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_identity_grant grant = grant_of(req);

    (void)res;
    return check_gift(req, &grant, err) < 0 ? -1 : kn_identity_grant_insert(req->db, &grant, err);
}

int kn_identity_grants_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_identity_grant grant = grant_of(req);

    (void)res;
    return check_role(req, &grant, err) < 0 ? -1 : kn_identity_grant_exists(req->db, &grant, err);
}

int kn_identity_grants_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_identity_grant grant = grant_of(req);

    (void)res;
    if (check_gift(req, &grant, err) < 0 || kn_identity_grant_delete(req->db, &grant, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
