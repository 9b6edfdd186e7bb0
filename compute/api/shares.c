/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of a server (2.97). This cloud has no service for file shares, so no server has one and none can be attached: lists are empty, what is named is not found, and
 * who would attach one is told why not, in the order in which Nova looks.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

static bool share_tag(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] == '\0';
}

static const struct kn_text_rule TAG = { share_tag, "does not match '^[a-zA-Z0-9-]*$'", false };
static const struct kn_schema SHARE[] = {
    KN_SCHEMA("share_id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_META_KEY, .rule = &TAG),
    KN_SCHEMA_END,
};
static const struct kn_schema BODY[] = { KN_SCHEMA("share", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SHARE),
                                         KN_SCHEMA_END };

int kn_compute_server_shares_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, "{\"shares\":[]}");
    return 0;
}

static int share_absent(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Share %.80s could not be found.", req->params[1]);
}

int kn_compute_server_shares_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    (void)res;
    return kn_compute_server_get(req, req->params[0], &server, err) < 0 ? -1 : share_absent(req, err);
}

/* What the state table says of an action, asked of the server as it is. */
static int shares_may(const struct kn_request *req, const char *action, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : kn_compute_server_may(req, server, kn_server_action(action), err);
}

int kn_compute_server_shares_attach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_schema_check(BODY, req->body, req->microversion, err) < 0 || shares_may(req, "create share", err) < 0
               ? -1
               : kn_fail(err, KN_CONFLICT, "Feature not supported because this cloud has no service for file shares.");
}

int kn_compute_server_shares_detach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return shares_may(req, "delete share", err) < 0 ? -1 : share_absent(req, err);
}
