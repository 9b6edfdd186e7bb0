/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application credentials and access rules over HTTP, below their user. A secret is shown once, in the answer that makes it. Rows are
 * app_credential.c's and access_rule.c's.
 */
#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/nouns.h"

/* What is the user's of the path. */
#define OF_USER(req) \
    { \
        { "user_id = ?", (req)->params[0] }, \
        { \
            NULL, NULL \
        } \
    }

static int app_credentials_list(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                                struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_USER(req);

    return kn_rest_list_within(noun, req, KN_REST_LIST, NULL, of, res, err);
}

static int app_credentials_show(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                                struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_USER(req);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(noun, req, req->params[1], KN_REST_SHOW, of, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_identity_app_credentials_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return app_credentials_list(&kn_identity_app_credential_noun, req, res, err);
}

int kn_identity_app_credentials_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return app_credentials_show(&kn_identity_app_credential_noun, req, res, err);
}

/* The answer once more, with the secret in front of its last two braces. */
static void add_secret(struct kn_strbuf *sb, const char *secret)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf member = KN_STRBUF_INIT;

    kn_strbuf_addjson(&member, secret);
    sb->len -= 2;
    kn_strbuf_addf(sb, ",\"secret\":%s}}", member.buf);
}

int kn_identity_app_credentials_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (kn_rest_create(&kn_identity_app_credential_noun, req, res, err) < 0) {
        return -1;
    }
    add_secret(&res->body, kn_identity_said(json_object_get(req->body, kn_identity_app_credential_noun.one), "secret"));
    return 0;
}

int kn_identity_app_credentials_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_USER(req);

    (void)res;
    return kn_identity_nouns_forget(&kn_identity_app_credential_noun, req, of, err);
}

int kn_identity_access_rules_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return app_credentials_list(&kn_identity_access_rule_noun, req, res, err);
}

int kn_identity_access_rules_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return app_credentials_show(&kn_identity_access_rule_noun, req, res, err);
}

int kn_identity_access_rules_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of[] = OF_USER(req);

    (void)res;
    return kn_identity_nouns_forget(&kn_identity_access_rule_noun, req, of, err);
}
