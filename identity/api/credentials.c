/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials over HTTP. A user's are its own; admins and (to look) readers of the system reach all. A token that somebody lent or
 * an application credential got reaches those of its project only. Rows are credential.c's. The calls of EC2 are refused in words.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/body.h"
#include "identity/rows/credential.h"
#include "lib/adapter/crypto.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define BLOB(flag) KN_SCHEMA("blob", KN_IS_STRING, .flags = flag, .limit = KN_LIMIT_CREDENTIAL_BLOB)

static const struct kn_schema CREATE[] = {
    BLOB(KN_REQUIRED),
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_CREDENTIAL_TYPE),
    KN_SCHEMA("user_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("project_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    BLOB(0), KN_SCHEMA("id", KN_IS_STRING), KN_SCHEMA("type", KN_IS_STRING, .limit = KN_LIMIT_CREDENTIAL_TYPE),
    KN_SCHEMA("user_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID), KN_SCHEMA("project_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA_END,
};

static bool is_lent(const struct kn_caller *caller)
{
    return caller->credential_id[0] != '\0' || caller->restricted;
}

static bool reaches(const struct kn_request *req, const char *user_id, const char *project_id, bool to_look)
{
    const struct kn_caller *c = &req->caller;
    bool all = c->is_admin || (to_look && c->system_scoped && (c->roles & KN_ROLE_READER) != 0);

    if (is_lent(c) && strcmp(project_id, c->project_id) != 0) {
        return false;
    }
    return all || strcmp(user_id, c->user_id) == 0;
}

static int forbidden(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_FORBIDDEN, "You are not authorized to perform the requested action: %s %s.", req->method, req->route->path);
}

static int view(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row, const char *key, struct kn_error *err)
{
    AUTO_FREE char *blob = NULL;

    if (kn_credential_open(rows, row, &blob, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, 0));
    kn_jsonw_str(sb, "user_id", kn_rows_str(rows, row, 1));
    kn_jsonw_str(sb, "project_id", kn_rows_str(rows, row, 2));
    kn_jsonw_str(sb, "type", kn_rows_str(rows, row, 3));
    kn_jsonw_str(sb, "blob", blob);
    kn_view_self(sb, req, "credentials", kn_rows_text(rows, row, 0));
    kn_jsonw_end_object(sb);
    return 0;
}

/* The row of the path, if the caller reaches it. One that is not there is nobody's: an admin hears of it, others are just refused. */
static int find(struct kn_request *req, bool to_look, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_credential_get(req->db, req->params[0], &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0 && req->caller.is_admin) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find credential: %s.", req->params[0]);
    }
    if (kn_rows_count(rows) == 0 || !reaches(req, kn_rows_text(rows, 0, 1), kn_rows_text(rows, 0, 2), to_look)) {
        return forbidden(req, err);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

static int show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_credential_get(req->db, id, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find credential: %s.", id);
    }
    kn_jsonw_object(&res->body, NULL);
    if (view(&res->body, req, rows, 0, "credential", err) < 0) {
        return -1;
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_credentials_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *user = kn_request_query(req, "user_id");
    const char *project = is_lent(&req->caller) ? req->caller.project_id : NULL;

    if (!reaches(req, "", req->caller.project_id, true)) {
        user = user == NULL || strcmp(user, req->caller.user_id) == 0 ? req->caller.user_id : ""; /* nobody else's */
    }
    if (kn_credential_list(req->db, user, kn_request_query(req, "type"), project, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "credentials");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (view(&res->body, req, rows, i, NULL, err) < 0) {
            return -1;
        }
    }
    kn_jsonw_end_array(&res->body);
    kn_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_credentials_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return find(req, true, &rows, err) < 0 ? -1 : show(req, req->params[0], res, err);
}

/* An ec2 credential is known by its access key, everything else by chance. */
static int choose_id(const struct kn_credential *c, char id[KN_CREDENTIAL_ID], struct kn_error *err)
{
    if (strcmp(c->type, "ec2") != 0) {
        kn_uuid_make_hex(id);
        return 0;
    }
    json_auto_t *blob = json_loads(c->blob, JSON_REJECT_DUPLICATES, NULL);
    const char *access = json_string_value(json_object_get(blob, "access"));
    if (access == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid blob in credential: an ec2 credential is a JSON object with \"access\"");
    }
    if (c->project_id == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "an ec2 credential has a project_id");
    }
    kn_sha256_hex(access, strlen(access), id);
    return 0;
}

int kn_credentials_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const json_t *body = NULL;
    char id[KN_CREDENTIAL_ID];

    if (kn_body_object(req, "credential", CREATE, &body, err) < 0) {
        return -1;
    }
    const char *user = json_string_value(json_object_get(body, "user_id"));
    const struct kn_credential credential = {
        .user_id = user != NULL ? user : req->caller.user_id,
        .project_id = json_string_value(json_object_get(body, "project_id")),
        .type = json_string_value(json_object_get(body, "type")),
        .blob = json_string_value(json_object_get(body, "blob")),
    };
    if (req->caller.restricted || !reaches(req, credential.user_id, credential.project_id != NULL ? credential.project_id : "", false)) {
        return forbidden(req, err);
    }
    if (choose_id(&credential, id, err) < 0 || kn_credential_insert(req->db, id, &credential, err) < 0) {
        return -1;
    }
    return show(req, id, res, err);
}

/* What the credential of the row becomes by a body that names some of it. */
static struct kn_credential changed_by(const json_t *body, const struct kn_rows *rows, const char *blob)
{
    const json_t *project = json_object_get(body, "project_id");
    const char *user = kn_body_text(body, "user_id"), *type = kn_body_text(body, "type"), *new_blob = kn_body_text(body, "blob");

    return (struct kn_credential){
        .user_id = user != NULL ? user : kn_rows_text(rows, 0, 1),
        .project_id = project != NULL ? json_string_value(project) : kn_rows_str(rows, 0, 2),
        .type = type != NULL ? type : kn_rows_text(rows, 0, 3),
        .blob = new_blob != NULL ? new_blob : blob,
    };
}

/* Whoever changes one must reach what it was and what it becomes: nobody puts a credential into another's hands but an admin. */
static int check_change(const struct kn_request *req, const json_t *body, const struct kn_credential *changed, struct kn_error *err)
{
    const char *said = kn_body_text(body, "id");
    char unused[KN_CREDENTIAL_ID];

    if (said != NULL && strcmp(said, req->params[0]) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot change credential ID");
    }
    if (req->caller.restricted || !reaches(req, changed->user_id, changed->project_id != NULL ? changed->project_id : "", false)) {
        return forbidden(req, err);
    }
    return choose_id(changed, unused, err); /* Keystone keeps the id although the access key is another one */
}

int kn_credentials_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *blob = NULL;
    const json_t *body = NULL;

    if (kn_body_object(req, "credential", UPDATE, &body, err) < 0 || find(req, false, &rows, err) < 0 ||
        kn_credential_open(rows, 0, &blob, err) < 0) {
        return -1;
    }
    const struct kn_credential changed = changed_by(body, rows, blob);
    if (check_change(req, body, &changed, err) < 0 || kn_credential_update(req->db, req->params[0], &changed, err) < 0) {
        return -1;
    }
    return show(req, req->params[0], res, err);
}

int kn_credentials_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)res;
    if (find(req, false, &rows, err) < 0) {
        return -1;
    }
    return req->caller.restricted ? forbidden(req, err) : kn_credential_delete(req->db, req->params[0], err);
}

int kn_ec2_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    kn_fail(err, KN_NOT_FOUND, "EC2 credentials and tokens do not exist here: nothing speaks EC2 or S3. An application credential does for "
            "programs what they did.");
    return -1;
}
