/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and who is in them, over HTTP. Rows and rules are group.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/rank.h"
#include "identity/rows/realm.h"
#include "lib/base/uuid.h"

static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_BODY_NAME(0), KN_BODY_DESCRIPTION, KN_SCHEMA("domain_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_REF), KN_SCHEMA_END,
};

int kn_groups_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_list(&kn_group_noun, req, NULL, res, err);
}

int kn_groups_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0
               ? -1
               : kn_rest_show(&kn_group_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_groups_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_HEX_SIZE];
    const json_t *group = NULL;
    const char *domain = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_open_object(req, "group", CREATE, &group, &change.extra, err) < 0 ||
        kn_realm_home(req, json_string_value(json_object_get(group, "domain_id")), &domain, err) < 0) {
        return -1;
    }
    kn_body_change(group, &change);
    return kn_group_insert(req->db, id, domain, &change, err) < 0
               ? -1
               : kn_rest_show(&kn_group_noun, req, id, KN_REST_SHOW, res, err);
}

/* A group stays in its domain; clients may repeat which. */
static int check_domain(struct kn_request *req, const json_t *group, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *said = json_string_value(json_object_get(group, "domain_id"));

    if (said == NULL) {
        return 0;
    }
    if (kn_rest_find(&kn_group_noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    return strcmp(kn_rest_cell(&kn_group_noun, req, KN_REST_SHOW, "domain_id", rows, 0), said) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Cannot change Domain ID.");
}

int kn_groups_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *group = NULL;
    struct kn_change change = { 0 };

    if (kn_rank_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ||
        kn_body_open_object(req, "group", UPDATE, &group, &change.extra, err) < 0 || check_domain(req, group, err) < 0) {
        return -1;
    }
    kn_body_change(group, &change);
    return kn_group_update(req->db, req->params[0], &change, err) < 0
               ? -1
               : kn_rest_show(&kn_group_noun, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_groups_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_rank_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ||
        kn_group_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

/* --- who is in them --- */

int kn_groups_of_user(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of = { "id IN (SELECT group_id FROM membership WHERE user_id = ?)", req->params[0] };
    AUTO(kn_rows) struct kn_rows *user = NULL;

    return kn_realm_check(req, KN_REALM_USER, req->params[0], err) < 0 ||
                   kn_rest_find(&kn_user_noun, req, req->params[0], KN_REST_SHOW, NULL, &user, err) < 0
               ? -1
               : kn_realm_list(&kn_group_noun, req, &of, res, err);
}

int kn_members_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of = { "id IN (SELECT user_id FROM membership WHERE group_id = ?)", req->params[0] };
    AUTO(kn_rows) struct kn_rows *group = NULL;

    return kn_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ||
                   kn_rest_find(&kn_group_noun, req, req->params[0], KN_REST_SHOW, NULL, &group, err) < 0
               ? -1
               : kn_realm_list(&kn_user_noun, req, &of, res, err);
}

/* Both have to be in the realm of the caller. */
static int check_both(const struct kn_request *req, struct kn_error *err)
{
    return kn_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0
               ? -1
               : kn_realm_check(req, KN_REALM_USER, req->params[1], err);
}

/* And neither may be above the caller: the user gets what the group holds. */
static int check_ranks(const struct kn_request *req, struct kn_error *err)
{
    return kn_rank_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ? -1 : kn_rank_check(req, KN_REALM_USER, req->params[1], err);
}

int kn_members_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_ranks(req, err) < 0 ? -1 : kn_group_join(req->db, req->params[0], req->params[1], err);
}

int kn_members_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return check_both(req, err) < 0 ? -1 : kn_group_check(req->db, req->params[0], req->params[1], err);
}

int kn_members_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (check_ranks(req, err) < 0 || kn_group_leave(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
