/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs over HTTP. They belong to users, not to projects; an admin may name another user from 2.10 on. */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/keypair.h"
#include "compute/rows/quota.h"
#include "compute/rows/view.h"
#include "lib/adapter/crypto.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

static const char *const TYPES[] = { "ssh", "x509", NULL };
static const struct kn_schema KEYPAIR[] = {
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_KEYPAIR_NAME, .rule = &KN_TEXT_KEYPAIR, .until = 91),
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_KEYPAIR_NAME, .rule = &KN_TEXT_KEYPAIR_292, .since = 92),
    KN_SCHEMA("public_key", KN_IS_STRING, .limit = KN_LIMIT_PUBLIC_KEY, .until = 91),
    KN_SCHEMA("public_key", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_PUBLIC_KEY, .since = 92),
    KN_SCHEMA("type", KN_IS_STRING, .words = TYPES, .since = 2),
    KN_SCHEMA("user_id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID, .since = 10),
    KN_SCHEMA_END,
};
static const struct kn_schema CREATE[] = {
    KN_SCHEMA("keypair", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = KEYPAIR),
    KN_SCHEMA_END,
};
static const char *const LIST_QUERY[] = { "user_id", "limit", "marker", NULL };
static const char *const SHOW_QUERY[] = { "user_id", NULL };
static const struct kn_sort_key BY_NAME = { "name", "k.name", "text" };

/* Whose key pairs: the caller's, or those of the user that an admin names. */
static int whose(const struct kn_request *req, const char *asked, const char **ret_user, struct kn_error *err)
{
    if (asked == NULL || !kn_since(req, 10) || strcmp(asked, req->caller.user_id) == 0) {
        *ret_user = req->caller.user_id;
        return 0;
    }
    if (!req->caller.is_admin) {
        return kn_fail(err, KN_FORBIDDEN, "Policy doesn't allow key pairs of another user to be touched.");
    }
    *ret_user = asked;
    return 0;
}

static void write_basic(struct kn_strbuf *sb, const struct kn_request *req, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, KN_KEYPAIR_NAME));
    kn_jsonw_str(sb, "public_key", kn_rows_str(rows, row, KN_KEYPAIR_PUBLIC));
    kn_jsonw_str(sb, "fingerprint", kn_rows_str(rows, row, KN_KEYPAIR_FINGERPRINT));
    if (kn_since(req, 2)) {
        kn_jsonw_str(sb, "type", kn_rows_str(rows, row, KN_KEYPAIR_TYPE));
    }
}

int kn_keypairs_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_select) struct kn_select sel = KN_SELECT_INIT;
    AUTO(kn_rows) struct kn_rows *marker = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_order order = { { &BY_NAME }, { false }, 1 };
    struct kn_page page = { .limit = KN_MAX_PAGE };
    const char *user = NULL;
    int count = 0;

    if (kn_query_known(req, LIST_QUERY, 75, err) < 0 || whose(req, kn_request_query(req, "user_id"), &user, err) < 0 ||
        (kn_since(req, 35) && kn_page_read(req, &page, err) < 0)) {
        return -1;
    }
    kn_select_text(&sel, KN_KEYPAIR_SELECT);
    kn_select_add(&sel, " AND k.user_id = ?", user);
    if (kn_select_page(&sel, req->db, &order, &page, "keypair k", "k.name = ?", &marker, err) < 0 ||
        kn_select_run(&sel, req->db, &rows, err) < 0) {
        return -1;
    }
    count = kn_rows_count(rows);
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "keypairs");
    for (int row = 0; row < count; row++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_object(&res->body, "keypair");
        write_basic(&res->body, req, rows, row);
        kn_jsonw_end_object(&res->body);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    if (kn_since(req, 35)) {
        kn_page_links(&res->body, req, &page, "keypairs_links", "/os-keypairs", count,
                      count > 0 ? kn_rows_str(rows, count - 1, KN_KEYPAIR_NAME) : NULL);
    }
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_keypairs_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *user = NULL;

    if (kn_query_known(req, SHOW_QUERY, 75, err) < 0 || whose(req, kn_request_query(req, "user_id"), &user, err) < 0 ||
        kn_keypair_get(req->db, user, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "keypair");
    write_basic(&res->body, req, rows, 0);
    kn_jsonw_str(&res->body, "user_id", user);
    kn_jsonw_int(&res->body, "id", kn_rows_int(rows, 0, KN_KEYPAIR_ID));
    kn_view_time_us(&res->body, "created_at", kn_rows_str(rows, 0, KN_KEYPAIR_CREATED));
    kn_jsonw_bool(&res->body, "deleted", false);
    kn_jsonw_null(&res->body, "deleted_at");
    kn_jsonw_null(&res->body, "updated_at");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* What was sent, or a new pair whose private half is given out once. */
static int take_key(const json_t *in, struct kn_strbuf *private_pem, struct kn_strbuf *public_line,
                    char fingerprint[KN_FINGERPRINT_SIZE], struct kn_error *err)
{
    const char *sent = json_string_value(json_object_get(in, "public_key"));

    if (strcmp(kn_json_str(in, "type"), "x509") == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Key pairs of type x509 are not supported; ssh is");
    }
    if (sent != NULL) {
        kn_strbuf_addstr(public_line, sent); /* as it was sent, end of line and all: clients compare */
        return kn_ssh_public_check(sent, fingerprint, err);
    }
    return kn_ssh_key_make(private_pem, public_line, err) < 0 ? -1 : kn_ssh_public_check(public_line->buf, fingerprint, err);
}

int kn_keypairs_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf private_pem = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf public_line = KN_STRBUF_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char fingerprint[KN_FINGERPRINT_SIZE];
    struct kn_quota_set quota;
    const json_t *in = NULL;
    const char *user = NULL, *name = NULL;

    if (kn_schema_check(CREATE, req->body, req->microversion, err) < 0) {
        return -1;
    }
    in = json_object_get(req->body, "keypair");
    name = kn_json_str(in, "name");
    if (whose(req, json_string_value(json_object_get(in, "user_id")), &user, err) < 0 ||
        take_key(in, &private_pem, &public_line, fingerprint, err) < 0 ||
        kn_quota_read(req->db, req->caller.project_id, &quota, err) < 0 ||
        kn_keypair_insert(req->db, user, name, public_line.buf, fingerprint, quota.limits[KN_QUOTA_KEY_PAIRS], err) < 0 ||
        kn_keypair_get(req->db, user, name, &rows, err) < 0) {
        return -1;
    }
    res->status = kn_since(req, 2) ? 201 : 200;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "keypair");
    write_basic(&res->body, req, rows, 0);
    kn_jsonw_str(&res->body, "user_id", user);
    if (private_pem.len > 0) {
        kn_jsonw_str(&res->body, "private_key", private_pem.buf);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_keypairs_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *user = NULL;

    if (kn_query_known(req, SHOW_QUERY, 75, err) < 0 || whose(req, kn_request_query(req, "user_id"), &user, err) < 0) {
        return -1;
    }
    res->status = kn_since(req, 2) ? 204 : 202;
    return kn_keypair_delete(req->db, user, req->params[0], err);
}
