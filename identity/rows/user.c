/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table `identity_user`. A password is hashed before anything is asked of the database; a hash leaves it only for a login (account.c). */
#include <string.h>

#include "identity/rows/nouns.h"
#include "identity/rows/password.h"
#include "identity/rows/realm.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT | KN_REST_PUT, .fixed = "Cannot change %1 ID"),
    KN_ATTR_NAME(KN_LIMIT_IDENTITY_NAME),
    KN_SHOWN_TEXT("domain_id", "domain_id", KN_REST_FIND | KN_REST_WRITE | KN_REST_NULL, .column = "domain_id",
                  .limit = KN_LIMIT_IDENTITY_REF, .fixed = "Cannot change Domain ID"),
    KN_ATTR_DESCRIPTION(KN_REST_FIND | KN_REST_IF_SET),
    KN_ATTR_ENABLED(KN_REST_FIND | KN_REST_EXACT),
    KN_SHOWN_TEXT("email", "coalesce(email, '')", KN_REST_FIND | KN_REST_IF_SET | KN_REST_WRITE | KN_REST_NULL,
                  .column = "email", .limit = KN_LIMIT_EMAIL, .form = KN_REF_FORM),
    KN_ATTR_REF("default_project_id", "coalesce(default_project_id, '')",
                KN_REST_FIND | KN_REST_IF_SET | KN_REST_WRITE),
    KN_REST_ATTR("password_expires_at", "password_expires_at", KN_REST_TIME,
                 KN_REST_SHOWN | KN_REST_FIND | KN_REST_NULL),
    KN_REST_ATTR("options", "options", KN_REST_JSON, KN_REST_SHOWN | KN_REST_WRITE, .column = "options",
                 .inner = kn_identity_user_options, .inner_shape = KN_IS_OBJECT,
                 .form = "jsonb_strip_nulls(coalesce(%C, '{}'::jsonb) || ?::jsonb)"),
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTR("password", NULL, KN_REST_TEXT, KN_REST_WRITE | KN_REST_NULL, .limit = KN_LIMIT_PASSWORD),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_clash CLASHES[] = {
    { "user_name", KN_CONFLICT, "Conflict occurred attempting to store user - Duplicate entry found with name %1." },
    { "", KN_NOT_FOUND, "Could not find the user's domain." },
    { NULL, KN_CONFLICT, NULL },
};

/* clang-format off */
static const struct kn_stmt DEPART = { "user_depart", "INSERT INTO departed_user (id) VALUES ($1) ON CONFLICT DO NOTHING", 1 };
/* clang-format on */
/* clang-format off */
static const struct kn_stmt UNLOCK = { "user_unlock", "UPDATE identity_user SET failures = 0 WHERE id = $1 AND failures > 0", 1 };
/* clang-format on */

/* The password becomes its hash; null takes it away. */
static int user_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *password = kn_identity_said(object, "password");
    char hash[KN_PASSWORD_HASH];

    if (password == NULL) {
        return 0;
    }
    if (kn_identity_password_allowed(req->conf, password, err) < 0 || kn_password_hash(password, hash, err) < 0) {
        return -1;
    }
    json_object_set_new(object, "password", json_string(hash));
    return 0;
}

static int user_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    (void)id;
    return now == NULL ? kn_identity_settle_home(req, object, err) : 0;
}

static int user_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                      struct kn_error *err)
{
    const bool sets_password = json_object_get(object, "password") != NULL;

    if (object == NULL) {
        return kn_db_run(req->db, &DEPART, KN_ARGS(id), NULL, err) < 0
                   ? -1
                   : kn_identity_revoke(req->db, KN_REVOKE_USER, id, err);
    }
    if ((kn_identity_says_enabled(object, true) && kn_db_run(req->db, &UNLOCK, KN_ARGS(id), NULL, err) < 0) ||
        (sets_password &&
         kn_identity_password_store(req->db, req->conf, id, kn_identity_said(object, "password"), false, err) < 0)) {
        return -1;
    }
    return now != NULL && (sets_password || kn_identity_says_enabled(object, false))
               ? kn_identity_revoke(req->db, KN_REVOKE_USER, id, err)
               : 0;
}

const struct kn_rest_noun kn_identity_user_noun = {
    .one = "user",
    .many = "users",
    .label = "user",
    .path = "/users",
    .from = "identity_user",
    .order = "name",
    .attrs = ATTRS,
    KN_NOUN_COMMON,
    .table = "identity_user",
    .check = user_check,
    .decide = user_decide,
    .after = user_after,
    .clashes = CLASHES,
};
