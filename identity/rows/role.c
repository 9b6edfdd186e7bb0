/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `role`. admin, manager, member and reader are what the policies of all services mean (lib/domain/policy.h): they
 * cannot be renamed or deleted. Any other role is a name that a token carries, unless it implies one of the four; a role of a domain never
 * stands in a token, only what it implies does.
 */
#include <string.h>

#include "identity/rows/app_credential.h"
#include "identity/rows/held.h"
#include "identity/rows/immutable.h"
#include "identity/rows/nouns.h"
#include "lib/base/clock.h"
#include "lib/domain/policy.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_ATTR_ID,
    KN_ATTR_NAME(KN_LIMIT_IDENTITY_NAME),
    KN_SHOWN_TEXT("domain_id", "domain_id", KN_REST_FIND | KN_REST_NULL | KN_REST_POST, .column = "domain_id",
                  .limit = KN_LIMIT_IDENTITY_ID),
    KN_ATTR_DESCRIPTION(KN_REST_FIND),
    KN_ATTR_OPTIONS,
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
static const struct kn_rest_clash CLASHES[] = {
    { "role_name", KN_CONFLICT, "Conflict occurred attempting to store role - Duplicate entry found with name %1." },
    { "", KN_NOT_FOUND, "Could not find the role's domain." },
    { NULL, KN_CONFLICT, NULL },
};

/* Whoever names no domain wants the roles of the whole cloud. */
static int role_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    kn_rest_text(&l->query, kn_request_query(l->req, "domain_id") == NULL ? " AND domain_id IS NULL" : "");
    return 0;
}

static const struct kn_stmt REVOKE = { "role_revoke", KN_REVOKE_HELD "WHERE role_id IN " KN_ROLES_LEADING_TO("$2"), 2 };

bool kn_identity_role_is_builtin(const char *name)
{
    return kn_role_is_rank(name);
}

bool kn_identity_role_is_managed(const char *name)
{
    return kn_identity_role_is_builtin(name) && strcmp(name, "admin") != 0;
}

/* Of a role that is none of the four. */
static int role_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    struct kn_arg moment;

    if (now == NULL) {
        return 0;
    }
    const char *name = kn_rest_was(&kn_identity_role_noun, now, "name");
    if (kn_identity_role_is_builtin(name) && kn_rest_was(&kn_identity_role_noun, now, "domain_id")[0] == '\0') {
        return kn_fail(err, KN_FORBIDDEN, "Cannot change or delete immutable role %s.", name);
    }
    if (kn_identity_immutable_check(strcmp(kn_rest_was(&kn_identity_role_noun, now, "options"), "{}") != 0, "role", id,
                                    object, err) < 0) {
        return -1;
    }
    return object != NULL ||
                   (kn_db_run(req->db, &REVOKE, KN_ARGS(kn_arg_int(&moment, kn_now_us()), id), NULL, err) == 0 &&
                    kn_identity_app_credential_forget_role(req->db, id, err) == 0)
               ? 0
               : -1;
}

const struct kn_rest_noun kn_identity_role_noun = {
    .one = "role",
    .many = "roles",
    .label = "role",
    .path = "/roles",
    .from = "role",
    .order = "name",
    .attrs = ATTRS,
    .narrow = role_narrow,
    KN_NOUN_COMMON,
    .table = "role",
    .decide = role_decide,
    .clashes = CLASHES,
};
