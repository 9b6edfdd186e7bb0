/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and who is in them, over HTTP. Rows and rules are group.c's. */
#include <string.h>

#include "identity/body.h"
#include "identity/handlers.h"
#include "identity/identity.h"
#include "identity/rank.h"
#include "identity/view.h"
#include "lib/base/uuid.h"

static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_BODY_NAME(0), KN_BODY_DESCRIPTION, KN_SCHEMA("domain_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_REF), KN_SCHEMA_END,
};

static int show(const struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_group_get(req->db, id, &rows, err) < 0) {
        return -1;
    }
    return kn_view_one(res, req, "group", id, rows, kn_view_group, err);
}

static int list(struct kn_request *req, const struct kn_filter *filter, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_group_list(req->db, filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_page(res, req, "groups", rows, filter->limit, kn_view_group);
    return 0;
}

int kn_groups_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_filter filter;
    return kn_body_filter(req, &filter, err) < 0 ? -1 : list(req, &filter, res, err);
}

int kn_groups_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0 ? -1 : show(req, req->params[0], res, err);
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
    return kn_group_insert(req->db, id, domain, &change, err) < 0 ? -1 : show(req, id, res, err);
}

/* A group stays in its domain; clients may repeat which. */
static int check_domain(const struct kn_request *req, const json_t *group, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *said = json_string_value(json_object_get(group, "domain_id"));

    if (said == NULL) {
        return 0;
    }
    if (kn_group_get(req->db, req->params[0], &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) == 0 || strcmp(kn_rows_text(rows, 0, 2), said) == 0
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
    return kn_group_update(req->db, req->params[0], &change, err) < 0 ? -1 : show(req, req->params[0], res, err);
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
    AUTO(kn_rows) struct kn_rows *user = NULL;
    struct kn_filter filter;

    if (kn_realm_check(req, KN_REALM_USER, req->params[0], err) < 0 || kn_body_filter(req, &filter, err) < 0 ||
        kn_user_get(req->db, req->params[0], &user, err) < 0) {
        return -1;
    }
    if (kn_rows_count(user) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find user: %s.", req->params[0]);
    }
    filter.of = req->params[0];
    return list(req, &filter, res, err);
}

int kn_members_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *group = NULL, *rows = NULL;
    struct kn_filter filter;

    if (kn_realm_check(req, KN_REALM_GROUP, req->params[0], err) < 0 || kn_body_filter(req, &filter, err) < 0 ||
        kn_group_get(req->db, req->params[0], &group, err) < 0) {
        return -1;
    }
    if (kn_rows_count(group) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find group: %s.", req->params[0]);
    }
    filter.of = req->params[0];
    if (kn_user_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_page(res, req, "users", rows, filter.limit, kn_view_user);
    return 0;
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
