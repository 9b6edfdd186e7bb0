/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs over HTTP. They belong to users, not to projects; an admin may name another user from 2.10 on. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/keypair.h"
#include "compute/rows/view.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

static const char *const TYPES[] = { "ssh", "x509", NULL };
#define NAMED KN_REST_POST | KN_REST_REQUIRED, .limit = KN_LIMIT_KEYPAIR_NAME

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("name", "k.name", KN_REST_TEXT, KN_REST_ALWAYS),
    KN_REST_ATTR("public_key", "k.public_key", KN_REST_TEXT, KN_REST_ALWAYS),
    KN_REST_ATTR("fingerprint", "k.fingerprint", KN_REST_TEXT, KN_REST_ALWAYS),
    KN_REST_ATTR("type", "k.type", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_POST, .since = 2, .words = TYPES),
    KN_REST_ATTR("user_id", "k.user_id", KN_REST_TEXT, KN_REST_SHOW | KN_REST_CHANGED),
    KN_REST_ATTR("id", "k.id", KN_REST_INT, KN_REST_SHOW),
    KN_REST_ATTR("created_at", "k.created_at", KN_REST_TIME, KN_REST_SHOW | KN_REST_FINE),
    KN_REST_ATTR("deleted", "false", KN_REST_BOOL, KN_REST_SHOW),
    KN_REST_ATTR("deleted_at", "NULL", KN_REST_TEXT, KN_REST_SHOW),
    KN_REST_ATTR("updated_at", "NULL", KN_REST_TEXT, KN_REST_SHOW),
    /* What a body may say. */
    KN_REST_ATTR("name", NULL, KN_REST_TEXT, NAMED, .rule = &KN_TEXT_KEYPAIR, .until = 91),
    KN_REST_ATTR("name", NULL, KN_REST_TEXT, NAMED, .rule = &KN_TEXT_KEYPAIR_292, .since = 92),
    KN_REST_ATTR("public_key", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_PUBLIC_KEY, .until = 91),
    KN_REST_ATTR("public_key", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_REQUIRED, .limit = KN_LIMIT_PUBLIC_KEY,
                 .since = 92),
    KN_REST_ATTR("user_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_IDENTITY_ID, .since = 10),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = { KN_REST_PARAM("user_id", NULL), KN_REST_PARAMS_END };
static const char *const SHOW_QUERY[] = { "user_id", NULL };

static const struct kn_rest_noun KEYPAIR = {
    .one = "keypair",
    .many = "keypairs",
    .label = "Keypair",
    .path = "/os-keypairs",
    .from = "keypair k",
    .id = "k.name",
    .id_type = KN_REST_TEXT,
    .order = "name",
    .ascending = true,
    .ties = "",
    .unsorted = true,
    .pages_since = 35,
    .boxed = true,
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NOVA,
};

/* Whose key pairs: the caller's, or those of the user that an admin names. */
static int whose(const struct kn_request *req, const char *asked, const char **ret_user, struct kn_error *err)
{
    if (asked == NULL || !kn_compute_since(req, 10) || strcmp(asked, req->caller.user_id) == 0) {
        *ret_user = req->caller.user_id;
        return 0;
    }
    if (kn_policy_check(req->route->rule, &req->caller, &(struct kn_target){ .user_id = asked }, err) < 0) {
        return -1;
    }
    *ret_user = asked;
    return 0;
}

static int keypairs_find(struct kn_request *req, const char *user, const char *name, unsigned view,
                         struct kn_rows **ret, struct kn_error *err)
{
    const struct kn_rest_bound of_user[] = { { "k.user_id = ?", user }, { NULL, NULL } };

    if (kn_rest_find(&KEYPAIR, req, name, view, of_user, ret, err) == 0) {
        return 0;
    }
    return err->code == KN_NOT_FOUND ? kn_compute_keypair_absent(user, name, err) : -1;
}

int kn_compute_keypairs_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_rest_bound of_user[] = { { "k.user_id = ?", NULL }, { NULL, NULL } };

    return whose(req, kn_request_query(req, "user_id"), &of_user[0].value, err) < 0
               ? -1
               : kn_rest_list_within(&KEYPAIR, req, KN_REST_BRIEF, NULL, of_user, res, err);
}

int kn_compute_keypairs_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *user = NULL;

    if (kn_rest_only(&KEYPAIR, req, SHOW_QUERY, err) < 0 ||
        whose(req, kn_request_query(req, "user_id"), &user, err) < 0 ||
        keypairs_find(req, user, req->params[0], KN_REST_SHOW, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&KEYPAIR, req, KN_REST_SHOW, rows, res);
    return 0;
}

/* What was sent, or a new pair whose private half is given out once. */
static int take_certificate(const json_t *in, const char *user, struct kn_strbuf *private_pem, struct kn_strbuf *pem,
                            char fingerprint[KN_X509_FINGERPRINT], struct kn_error *err)
{
    const char *sent = json_string_value(json_object_get(in, "public_key"));

    if (sent != NULL) {
        kn_strbuf_addstr(pem, sent);
    } else if (kn_x509_make(user, private_pem, pem, err) < 0) {
        return -1;
    }
    return kn_x509_fingerprint(pem->buf, fingerprint, err);
}

static int take_key(const json_t *in, struct kn_strbuf *private_pem, struct kn_strbuf *public_line,
                    char fingerprint[KN_FINGERPRINT_SIZE], struct kn_error *err)
{
    const char *sent = json_string_value(json_object_get(in, "public_key"));

    if (sent != NULL) {
        kn_strbuf_addstr(public_line, sent); /* as it was sent, end of line and all: clients compare */
        return kn_compute_ssh_public_check(sent, fingerprint, err);
    }
    return kn_ssh_key_make(private_pem, public_line, err) < 0
               ? -1
               : kn_compute_ssh_public_check(public_line->buf, fingerprint, err);
}

int kn_compute_keypairs_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf private_pem = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf public_line = KN_STRBUF_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char fingerprint[KN_X509_FINGERPRINT];
    json_t *in = NULL;
    int64_t most = 0;
    const char *user = NULL;

    if (kn_rest_body(&KEYPAIR, req, KN_REST_POST, &in, err) < 0) {
        return -1;
    }
    const bool is_ssh = strcmp(kn_schema_text(in, "type", "ssh"), "ssh") == 0;
    struct kn_compute_keypair pair = { .name = kn_json_str(in, "name"),
                                       .type = is_ssh ? "ssh" : "x509",
                                       .fingerprint = fingerprint };

    if (whose(req, json_string_value(json_object_get(in, "user_id")), &user, err) < 0 ||
        (is_ssh ? take_key(in, &private_pem, &public_line, fingerprint, err)
                : take_certificate(in, user, &private_pem, &public_line, fingerprint, err)) < 0 ||
        kn_quota_limit(req->db, KN_QUOTA_KEY_PAIRS, req->caller.project_id, &most, err) < 0) {
        return -1;
    }
    pair.public_key = public_line.buf;
    if (kn_compute_keypair_insert(req->db, user, &pair, most, err) < 0 ||
        keypairs_find(req, user, pair.name, KN_REST_CHANGED, &rows, err) < 0) {
        return -1;
    }
    res->status = kn_compute_since(req, 2) ? 201 : 200;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, KEYPAIR.one);
    kn_rest_members(&KEYPAIR, req, KN_REST_CHANGED, rows, 0, &res->body);
    if (private_pem.len > 0) {
        kn_jsonw_str(&res->body, "private_key", private_pem.buf);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_keypairs_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *user = NULL;

    if (kn_rest_only(&KEYPAIR, req, SHOW_QUERY, err) < 0 ||
        whose(req, kn_request_query(req, "user_id"), &user, err) < 0) {
        return -1;
    }
    res->status = kn_compute_since(req, 2) ? 204 : 202;
    return kn_compute_keypair_delete(req->db, user, req->params[0], err);
}
