/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials over HTTP. Who reaches which is identity/rows/credential.c's. The calls of EC2 are refused in words. */
#include "identity/api/handlers.h"
#include "identity/rows/credential.h"
#include "identity/rows/nouns.h"

/* One that is not there is nobody's: who reaches all hears of it, others are just refused. */
static int hide(struct kn_request *req, struct kn_error *err)
{
    return err->code == KN_NOT_FOUND && !kn_rest_reaches_all(req) ? kn_identity_credential_refuse(req, err) : -1;
}

int kn_identity_credentials_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_caller *c = &req->caller;
    struct kn_rest_bound bounds[3] = { { NULL, NULL } };
    int count = 0;

    if (!kn_rest_reaches_all(req)) {
        bounds[count++] = (struct kn_rest_bound){ "user_id = ?", c->user_id };
    }
    if (kn_identity_credential_is_lent(c)) {
        bounds[count++] = (struct kn_rest_bound){ "project_id = ?", c->project_id };
    }
    return kn_rest_list_within(&kn_identity_credential_noun, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_identity_credentials_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_identity_credential_noun, req, req->params[0], KN_REST_NOW, NULL, &rows, err) < 0) {
        return hide(req, err);
    }
    return kn_identity_credential_is_reached(req, kn_rest_was(&kn_identity_credential_noun, rows, "user_id"),
                                             kn_rest_was(&kn_identity_credential_noun, rows, "project_id"))
               ? kn_rest_show(&kn_identity_credential_noun, req, req->params[0], KN_REST_SHOW, res, err)
               : kn_identity_credential_refuse(req, err);
}

int kn_identity_credentials_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_identity_credential_noun, req, res, err);
}

int kn_identity_credentials_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_identity_credential_noun, req, req->params[0], res, err) < 0 ? hide(req, err) : 0;
}

int kn_identity_credentials_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&kn_identity_credential_noun, req, req->params[0], err) < 0 ? hide(req, err) : 0;
}

int kn_identity_ec2_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    return kn_fail(
        err, KN_NOT_FOUND,
        "EC2 credentials and tokens do not exist here: nothing speaks EC2 or S3. An application credential does for "
        "programs what they did.");
}
