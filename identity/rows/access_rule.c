/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the tables `access_rule` and `application_credential_rule`. A rule that a credential has stays: tokens carry its text. It must
 * never let text into a rule that would look like the end of a line in a token.
 */
#include "identity/rows/access_rule.h"

#include <string.h>

#include "identity/auth/token.h"
#include "identity/rows/app_credential.h"
#include "identity/rows/nouns.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static const struct kn_stmt MAKE = {
    "access_rule_make",
    "INSERT INTO access_rule (id, user_id, service, method, path) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT ON CONSTRAINT access_rule_once DO UPDATE SET path = excluded.path RETURNING id",
    5
};
static const struct kn_stmt TIE = {
    "access_rule_tie",
    "INSERT INTO application_credential_rule (credential_id, rule_id) SELECT $1, id FROM access_rule WHERE id = $2 AND user_id = $3 "
    "ON CONFLICT (credential_id, rule_id) DO UPDATE SET rule_id = excluded.rule_id",
    3
};
static const struct kn_stmt SIZE = {
    "access_rule_size",
    "SELECT coalesce(sum(octet_length(service) + octet_length(method) + octet_length(path) + 3), 0) FROM access_rule "
    "WHERE id IN (SELECT rule_id FROM application_credential_rule WHERE credential_id = $1)",
    1
};

static bool is_line(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool is_path(const char *text)
{
    return text[0] == '/' && is_line(text);
}

static const struct kn_text_rule LINE = { is_line, "has characters that do not print", false };
static const struct kn_text_rule PATH = { is_path, "does not match '^/.*'", false };
static const char *const METHODS[] = { "DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", NULL };

const struct kn_schema kn_identity_access_rule_body[] = {
    KN_SCHEMA("id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("service", KN_IS_STRING, .limit = KN_LIMIT_ACCESS_SERVICE, .rule = &LINE),
    KN_SCHEMA("method", KN_IS_STRING, .words = METHODS),
    KN_SCHEMA("path", KN_IS_STRING, .limit = KN_LIMIT_ACCESS_PATH, .rule = &PATH),
    KN_SCHEMA_END,
};

#define TEXT(name) KN_SHOWN_TEXT(name, name, KN_REST_FIND)
static const struct kn_rest_attr ATTRS[] = { KN_ATTR_ID,   TEXT("service"), TEXT("method"),
                                             TEXT("path"), KN_ATTR_LINKS,   KN_REST_ATTRS_END };

static int access_rule_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                              struct kn_error *err)
{
    (void)id;
    (void)now;
    (void)object;
    return kn_identity_check_unrestricted(req, err);
}

const struct kn_rest_noun kn_identity_access_rule_noun = {
    .one = "access_rule",
    .many = "access_rules",
    .label = "Access Rule",
    .path = "/users/{}/access_rules",
    .from = "access_rule",
    .order = "service",
    .ties = "path,method,id",
    .attrs = ATTRS,
    .id = "id",
    .id_type = KN_REST_TEXT,
    .ascending = true,
    .is_timeless = true,
    .manners = &KN_REST_KEYSTONE,
    .table = "access_rule",
    .decide = access_rule_decide,
    .in_use =
        "You are not authorized to perform the requested action: the access rule is in use by an application credential.",
};

static int tie_id(struct kn_db *db, const char *user_id, const char *credential_id, const char *id,
                  struct kn_error *err)
{
    int64_t tied = 0;

    if (kn_db_change(db, &TIE, KN_ARGS(credential_id, id, user_id), &tied, err) < 0) {
        return -1;
    }
    return tied > 0 ? 0 : kn_rest_not_found(&kn_identity_access_rule_noun, id, err);
}

static int tie_rule(struct kn_db *db, const char *user_id, const char *credential_id, const json_t *rule,
                    struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *service = kn_identity_said(rule, "service"), *method = kn_identity_said(rule, "method"),
               *path = kn_identity_said(rule, "path");
    char id[KN_HEX_SIZE];

    if (service == NULL || method == NULL || path == NULL) {
        return kn_identity_said(rule, "id") != NULL
                   ? tie_id(db, user_id, credential_id, kn_identity_said(rule, "id"), err)
                   : kn_fail(err, KN_BAD_REQUEST,
                             "an access rule has a service, a method and a path, or the id of one that is there");
    }
    kn_uuid_make_hex(id);
    if (kn_db_run(db, &MAKE, KN_ARGS(id, user_id, service, method, path), &rows, err) < 0) {
        return -1;
    }
    return tie_id(db, user_id, credential_id, kn_rest_id_of(rows, 0), err);
}

int kn_identity_access_rule_tie(struct kn_db *db, const char *user_id, const char *credential_id, const json_t *rules,
                                struct kn_error *err)
{
    enum { SIZE_BYTES };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *rule = NULL;
    size_t i = 0;

    json_array_foreach (rules, i, rule) {
        if (tie_rule(db, user_id, credential_id, rule, err) < 0) {
            return -1;
        }
    }
    if (kn_db_run(db, &SIZE, KN_ARGS(credential_id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_int(rows, 0, SIZE_BYTES) <= KN_TOKEN_RULES
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "the access rules of one application credential take more than %d bytes",
                         KN_TOKEN_RULES);
}
