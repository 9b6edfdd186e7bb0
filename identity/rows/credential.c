/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table `credential`. A blob is sealed about its credential's id, so that no row's text opens in another row. Nothing here looks into
 * the text, but for an ec2 credential's access key, which names it.
 */
#include "identity/rows/credential.h"

#include <string.h>

#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "lib/adapter/crypto.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define SEALED "id || ' ' || sealed" /* a cell that says about what it is sealed */

static int open_blob(const char *cell, char **ret, struct kn_error *err)
{
    const size_t len = strcspn(cell, " ");
    AUTO_FREE char *id = kn_strndup(cell, len);

    return kn_identity_unseal(id, cell + len + (cell[len] != '\0'), ret, err);
}

/* vet() has opened it before. */
static void print_blob(const struct kn_request *req, const char *name, const char *cell, struct kn_strbuf *out)
{
    AUTO_FREE char *blob = NULL;
    struct kn_error err = { 0 };

    (void)req;
    kn_jsonw_str(out, name, open_blob(cell, &blob, &err) < 0 ? NULL : blob);
}

static int vet(struct kn_request *req, unsigned view, const struct kn_rows *rows, struct kn_error *err)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *blob = NULL;

        if (open_blob(kn_rest_cell(&kn_identity_credential_noun, req, view, "blob", rows, i), &blob, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT | KN_REST_PUT, .fixed = "Cannot change %1 ID"),
    KN_SHOWN_TEXT("user_id", "user_id", KN_REST_FILTER | KN_REST_WRITE, .column = "user_id",
                  .limit = KN_LIMIT_IDENTITY_ID),
    KN_SHOWN_TEXT("project_id", "project_id", KN_REST_WRITE | KN_REST_NULL, .column = "project_id",
                  .limit = KN_LIMIT_IDENTITY_REF),
    KN_SHOWN_TEXT("type", "type", KN_REST_FILTER | KN_REST_WRITE | KN_REST_REQUIRED, .column = "type",
                  .limit = KN_LIMIT_CREDENTIAL_TYPE),
    KN_SHOWN_TEXT("blob", SEALED, KN_REST_WRITE | KN_REST_REQUIRED, .column = "sealed",
                  .limit = KN_LIMIT_CREDENTIAL_BLOB, .print = print_blob),
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
static const struct kn_rest_clash CLASHES[] = {
    { "credential_pkey", KN_CONFLICT, "Conflict occurred attempting to store credential - Duplicate entry." },
    { "", KN_BAD_REQUEST, "the credential's user or project does not exist" },
    { NULL, KN_CONFLICT, NULL },
};

bool kn_identity_credential_is_reached(const struct kn_request *req, const char *user_id, const char *project_id)
{
    const struct kn_target whose = { .user_id = user_id };

    return (!kn_identity_credential_is_lent(&req->caller) || strcmp(project_id, req->caller.project_id) == 0) &&
           kn_policy_allows(req->route->rule, &req->caller, &whose);
}

bool kn_identity_credential_is_lent(const struct kn_caller *caller)
{
    return caller->credential_id[0] != '\0' || caller->restricted;
}

int kn_identity_credential_refuse(const struct kn_request *req, struct kn_error *err)
{
    return kn_policy_refuse(req->route->rule, err);
}

/* An ec2 credential is known by its access key (*ret_id), everything else by chance: it stays NULL. */
static int credential_name_of(struct kn_request *req, const char *type, const char *blob, const char *project,
                              const char **ret_id, struct kn_error *err)
{
    char id[KN_SHA256_HEX];

    if (strcmp(type, "ec2") != 0) {
        return 0;
    }
    json_auto_t *json = json_loads(blob, JSON_REJECT_DUPLICATES, NULL);
    const char *access = kn_identity_said(json, "access");
    if (access == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid blob in credential: an ec2 credential is a JSON object with \"access\"");
    }
    if (project == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "an ec2 credential has a project_id");
    }
    kn_sha256_hex(access, strlen(access), id);
    *ret_id = kn_request_strdup(req, id);
    return 0;
}

static int credential_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    return credential_name_of(req, kn_identity_said(object, "type"), kn_identity_said(object, "blob"),
                              kn_identity_said(object, "project_id"), ret_id, err);
}

/* What an attribute becomes by an object that names it or not; NULL: nothing. */
static const char *becomes(const json_t *object, const char *key, const struct kn_rows *now)
{
    const char *was = now != NULL ? kn_rest_was(&kn_identity_credential_noun, now, key) : "";

    return json_object_get(object, key) != NULL ? kn_identity_said(object, key) : was[0] != '\0' ? was : NULL;
}

static int seal(const char *id, json_t *object, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sealed = KN_STRBUF_INIT;
    const char *blob = kn_identity_said(object, "blob");

    if (blob != NULL && kn_identity_seal(id, blob, &sealed, err) < 0) {
        return -1;
    }
    if (blob != NULL) {
        json_object_set_new(object, "blob", json_string(sealed.buf));
    }
    return 0;
}

/*
 * Whoever changes one must reach what it was and what it becomes: nobody puts a credential into another's hands but an admin. Keystone keeps
 * the id although the access key is another one.
 */
static int credential_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err)
{
    AUTO_FREE char *blob = NULL;
    const char *unused = NULL;

    if (now != NULL &&
        !kn_identity_credential_is_reached(req, kn_rest_was(&kn_identity_credential_noun, now, "user_id"),
                                           kn_rest_was(&kn_identity_credential_noun, now, "project_id"))) {
        return kn_identity_credential_refuse(req, err);
    }
    if (object == NULL) {
        return req->caller.restricted ? kn_identity_credential_refuse(req, err) : 0;
    }
    if (now == NULL && kn_identity_said(object, "user_id") == NULL) {
        json_object_set_new(object, "user_id", json_string(req->caller.user_id));
    }
    if (now != NULL && open_blob(kn_rest_was(&kn_identity_credential_noun, now, "blob"), &blob, err) < 0) {
        return -1;
    }
    const char *project = becomes(object, "project_id", now), *said = kn_identity_said(object, "blob");
    if (req->caller.restricted ||
        !kn_identity_credential_is_reached(req, becomes(object, "user_id", now), project != NULL ? project : "")) {
        return kn_identity_credential_refuse(req, err);
    }
    return credential_name_of(req, becomes(object, "type", now), said != NULL ? said : blob, project, &unused, err) < 0
               ? -1
               : seal(id, object, err);
}

const struct kn_rest_noun kn_identity_credential_noun = {
    .one = "credential",
    .many = "credentials",
    .label = "credential",
    .path = "/credentials",
    .from = "credential",
    .order = "id",
    .attrs = ATTRS,
    KN_NOUN_COMMON,
    .vet = vet,
    .table = "credential",
    .choose_id = credential_choose_id,
    .decide = credential_decide,
    .clashes = CLASHES,
};
