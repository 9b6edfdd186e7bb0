/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of projects over HTTP. They are a column of project.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/rows/body.h"
#include "identity/rows/realm.h"
#include "identity/rows/tree.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

static const struct kn_schema TAGS[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED, .inner = kn_body_tag, .limit = KN_LIMIT_PROJECT_TAGS), KN_SCHEMA_END,
};

/* {"tags": […], "links": {"self"}} of a project, or of a domain read as one. */
static int show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_FREE char *self = kn_asprintf("%s%s", req->base_url, req->path);

    if (kn_rest_find(&kn_project_noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "links");
    kn_jsonw_str(&res->body, "self", self);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_raw(&res->body, "tags", kn_rest_cell(&kn_project_noun, req, KN_REST_SHOW, "tags", rows, 0));
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ? -1 : show(req, res, err);
}

int kn_tags_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    struct kn_change change = { 0 };

    if (kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
        kn_schema_check(TAGS, req->body, 0, err) < 0 || kn_body_tags(req->body, &tags, &change.tags, err) < 0 ||
        kn_project_update(req->db, req->params[0], &change, err) < 0) {
        return -1;
    }
    return show(req, res, err);
}

int kn_tags_clear(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_change none = { .tags = "{}" };

    (void)res;
    return kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_project_update(req->db, req->params[0], &none, err);
}

int kn_tags_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_project_tag_check(req->db, req->params[0], req->params[1], err);
}

int kn_tags_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_FREE char *location = kn_asprintf("%s%s", req->base_url, req->path);
    json_auto_t *body = json_pack("{s:[s]}", "tags", req->params[1]);

    if (kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 || kn_schema_check(TAGS, body, 0, err) < 0 ||
        kn_project_tag_add(req->db, req->params[0], req->params[1], err) < 0) {
        return -1;
    }
    kn_response_header(res, "Location", location);
    return 0;
}

int kn_tags_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0
               ? -1
               : kn_project_tag_remove(req->db, req->params[0], req->params[1], err);
}
