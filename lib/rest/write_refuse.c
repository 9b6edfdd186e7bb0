/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody is told whom a route's rule refuses, where a service looks at the body and the row before it says so. */
#include "lib/rest/write_refuse.h"

#include <string.h>

#include "lib/rest/write_private.h"

/* What a caller may not write is no reason here: he may not write at all. */
static int refuse_body(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_error *err)
{
    struct kn_error why = { 0 };
    json_t *objects = NULL;
    const bool is_put = strcmp(req->method, "PUT") == 0;

    if (!is_put && strcmp(req->method, "POST") != 0) {
        return 0;
    }
    const int rc = !is_put && kn_rest_write_is_bulk(noun, req)
                       ? kn_rest_body_many(noun, req, &objects, &why)
                       : kn_rest_body(noun, req, is_put ? KN_REST_PUT : KN_REST_POST, &objects, &why);

    if (rc < 0 && why.code == KN_BAD_REQUEST) {
        *err = why;
        return -1;
    }
    return 0;
}

static int refuse_unseen(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule reads, const char *id,
                         struct kn_error *err)
{
    bool is_owned = false;

    if (kn_policy_admit(reads, &req->caller, NULL) != KN_ALLOW) {
        return 0;
    }
    if (kn_rest_see_by(noun, req, reads, id, &is_owned, err) < 0) {
        return -1;
    }
    return is_owned || !noun->hides_others ? 0 : kn_rest_not_found(noun, id, err);
}

int kn_rest_refuse(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule reads, struct kn_error *err)
{
    const bool is_new = strcmp(req->method, "POST") == 0;

    return refuse_body(noun, req, err) < 0 || (!is_new && refuse_unseen(noun, req, reads, req->params[0], err) < 0)
               ? -1
               : kn_policy_refuse(req->route->rule, err);
}

int kn_rest_refuse_part(const struct kn_rest_noun *whole, const struct kn_rest_noun *part, struct kn_request *req,
                        enum kn_rule reads, struct kn_error *err)
{
    const bool is_new = strcmp(req->method, "POST") == 0;

    return refuse_body(part, req, err) < 0 || (!is_new && (refuse_unseen(whole, req, reads, req->params[0], err) < 0 ||
                                                           refuse_unseen(part, req, reads, req->params[1], err) < 0))
               ? -1
               : kn_policy_refuse(req->route->rule, err);
}

int kn_rest_refuse_act(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule reads,
                       struct kn_error *err)
{
    return refuse_unseen(noun, req, reads, req->params[0], err) < 0 ? -1 : kn_policy_refuse(req->route->rule, err);
}
