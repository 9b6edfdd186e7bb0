/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in which groups, over HTTP. Rows and rules are group.c's. */
#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "identity/rows/rank.h"
#include "identity/rows/realm.h"

int kn_identity_groups_of_user(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of = { "id IN (SELECT group_id FROM membership WHERE user_id = ?)", req->params[0] };
    AUTO(kn_rows) struct kn_rows *user = NULL;

    return kn_identity_realm_check(req, KN_REALM_USER, req->params[0], err) < 0 ||
                   kn_rest_find(&kn_identity_user_noun, req, req->params[0], KN_REST_SHOW, NULL, &user, err) < 0
               ? -1
               : kn_identity_realm_list(&kn_identity_group_noun, req, &of, res, err);
}

int kn_identity_members_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of = { "id IN (SELECT user_id FROM membership WHERE group_id = ?)", req->params[0] };
    AUTO(kn_rows) struct kn_rows *group = NULL;

    return kn_identity_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ||
                   kn_rest_find(&kn_identity_group_noun, req, req->params[0], KN_REST_SHOW, NULL, &group, err) < 0
               ? -1
               : kn_identity_realm_list(&kn_identity_user_noun, req, &of, res, err);
}

/* Both have to be in the realm of the caller. */
static int check_both(const struct kn_request *req, struct kn_error *err)
{
    return kn_identity_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0
               ? -1
               : kn_identity_realm_check(req, KN_REALM_USER, req->params[1], err);
}

/* And neither may be above the caller: the user gets what the group holds. */
static int check_ranks(const struct kn_request *req, struct kn_error *err)
{
    return kn_identity_rank_check(req, KN_REALM_GROUP, req->params[0], err) < 0
               ? -1
               : kn_identity_rank_check(req, KN_REALM_USER, req->params[1], err);
}

int kn_identity_members_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_ranks(req, err) < 0 ? -1 : kn_identity_group_join(req->db, req->params[0], req->params[1], err);
}

int kn_identity_members_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_both(req, err) < 0 ? -1 : kn_identity_group_check(req->db, req->params[0], req->params[1], err);
}

int kn_identity_members_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (check_ranks(req, err) < 0 || kn_identity_group_leave(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
