/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of projects over HTTP. They are a column of project.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "identity/rows/tree.h"
#include "lib/base/mem.h"

static const struct kn_schema TAGS[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED | KN_UNIQUE, .inner = kn_identity_tag_body,
              .limit = KN_LIMIT_PROJECT_TAGS),
    KN_SCHEMA_END,
};

/* {"tags": […], "links": {"self"}} of a project, or of a domain read as one. */
static int tags_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&kn_identity_project_noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_identity_view_here(&res->body, req);
    kn_jsonw_raw(&res->body, "tags", kn_rest_cell(&kn_identity_project_noun, req, KN_REST_SHOW, "tags", rows, 0));
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_identity_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ? -1 : tags_show(req, res, err);
}

int kn_identity_tags_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
                   kn_schema_check_in(&KN_SCHEMA_KEYSTONE, TAGS, req->body, 0, err) < 0 ||
                   kn_rest_change(&kn_identity_project_noun, req, req->params[0], req->body, err) < 0
               ? -1
               : tags_show(req, res, err);
}

int kn_identity_tags_clear(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    json_auto_t *none = json_pack("{s:[]}", "tags");

    (void)res;
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_rest_change(&kn_identity_project_noun, req, req->params[0], none, err);
}

int kn_identity_tags_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_identity_project_tag_check(req->db, req->params[0], req->params[1], err);
}

int kn_identity_tags_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_FREE char *location = kn_asprintf("%s%s", req->base_url, req->path);
    json_auto_t *body = json_pack("{s:[s]}", "tags", req->params[1]);

    if (kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
        kn_schema_check_in(&KN_SCHEMA_KEYSTONE, TAGS, body, 0, err) < 0 ||
        kn_identity_project_tag_add(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_response_header(res, "Location", location);
    return 0;
}

int kn_identity_tags_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_identity_project_tag_remove(req->db, req->params[0], req->params[1], err);
}
