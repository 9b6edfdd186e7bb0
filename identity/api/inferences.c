/* SPDX-License-Identifier: Apache-2.0 */
/* Implied roles over HTTP: of one role, and all of them. Rows and rules are inference.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "lib/base/mem.h"

static void write_named(struct kn_strbuf *sb, const struct kn_request *req, const char *key, const char *id,
                        const char *name)
{
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "id", id);
    kn_identity_view_self(sb, req, "roles", id);
    kn_jsonw_str(sb, "name", name);
    kn_jsonw_end_object(sb);
}

/* {"id", "links", "name"} of the columns at `col`. */
static void write_role(struct kn_strbuf *sb, const struct kn_request *req, const char *key, const struct kn_rows *rows,
                       int row, int col)
{
    write_named(sb, req, key, kn_rows_str(rows, row, col), kn_rows_str(rows, row, col + 1));
}

int kn_identity_inferences_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_identity_inference_list(req->db, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_array(sb, "role_inferences");
    for (int i = 0; i < kn_rows_count(rows);) {
        const char *prior = kn_rows_text(rows, i, KN_INFERENCE_PRIOR_ID);
        kn_jsonw_object(sb, NULL);
        write_role(sb, req, "prior_role", rows, i, KN_INFERENCE_PRIOR_ID);
        kn_jsonw_array(sb, "implies");
        for (; i < kn_rows_count(rows) && strcmp(kn_rows_text(rows, i, KN_INFERENCE_PRIOR_ID), prior) == 0; i++) {
            write_role(sb, req, NULL, rows, i, KN_INFERENCE_IMPLIED_ID);
        }
        kn_jsonw_end_array(sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    kn_identity_view_list_links(sb, req);
    kn_jsonw_end_object(sb);
    return 0;
}

int kn_identity_implied_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *role = NULL, *rows = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_rest_find(&kn_identity_role_noun, req, req->params[0], KN_REST_SHOW, NULL, &role, err) < 0 ||
        kn_identity_inference_list(req->db, req->params[0], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "role_inference");
    write_named(sb, req, "prior_role", req->params[0],
                kn_rest_cell(&kn_identity_role_noun, req, KN_REST_SHOW, "name", role, 0));
    kn_jsonw_array(sb, "implies");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        write_role(sb, req, NULL, rows, i, KN_INFERENCE_IMPLIED_ID);
    }
    kn_jsonw_end_array(sb);
    kn_jsonw_end_object(sb);
    kn_identity_view_here(sb, req);
    kn_jsonw_end_object(sb);
    return 0;
}

int kn_identity_implied_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *sb = &res->body;

    if (kn_identity_inference_get(req->db, req->params[0], req->params[1], &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "role_inference");
    write_role(sb, req, "prior_role", rows, 0, KN_INFERENCE_PRIOR_ID);
    write_role(sb, req, "implies", rows, 0, KN_INFERENCE_IMPLIED_ID);
    kn_jsonw_end_object(sb);
    kn_identity_view_here(sb, req);
    kn_jsonw_end_object(sb);
    return 0;
}

/* HEAD alone has no body, not even its length, in Keystone: 204. */
int kn_identity_implied_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)res;
    return kn_identity_inference_get(req->db, req->params[0], req->params[1], &rows, err);
}

int kn_identity_implied_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_inference_insert(req->db, req->params[0], req->params[1], err) < 0
               ? -1
               : kn_identity_implied_show(req, res, err);
}

int kn_identity_implied_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_identity_inference_delete(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
