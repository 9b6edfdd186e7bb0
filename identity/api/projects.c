/* SPDX-License-Identifier: Apache-2.0 */
/* Projects over HTTP, but for their place in the tree (tree.c) and their tags (tags.c). Rows and rules are project.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/realm.h"
#include "lib/base/uuid.h"

static const struct kn_schema CREATE[] = {
    KN_BODY_SHORT_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_IMMUTABLE,
    KN_BODY_TAGS,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA("parent_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA("is_domain", KN_IS_BOOLEAN), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_BODY_SHORT_NAME(0), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_IMMUTABLE, KN_BODY_TAGS,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA("parent_id", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_IDENTITY_REF),
    KN_SCHEMA("is_domain", KN_IS_BOOLEAN), KN_SCHEMA_END,
};

static int show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_project_noun, req, id, KN_REST_SHOW, res, err);
}

int kn_projects_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_list(&kn_project_noun, req, NULL, res, err);
}

static int find(struct kn_request *req, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_rest_find(&kn_project_noun, req, req->params[0], KN_REST_SHOW, NULL, ret_rows, err);
}

static const char *cell(const struct kn_request *req, const char *name, const struct kn_rows *project)
{
    const char *text = kn_rest_cell(&kn_project_noun, req, KN_REST_SHOW, name, project, 0);
    return text != NULL ? text : "";
}

/* A domain read as a project is changed as a domain. */
static bool is_domain(const struct kn_request *req, const struct kn_rows *project)
{
    return strcmp(cell(req, "is_domain", project), "t") == 0;
}

/* A parent may be the domain itself, and gives its own domain when none is named. */
static int settle_place(const struct kn_request *req, const json_t *project, const char **ret_domain,
                        const char **ret_parent, struct kn_error *err)
{
    const char *domain = json_string_value(json_object_get(project, "domain_id"));
    const char *parent = json_string_value(json_object_get(project, "parent_id"));

    if (kn_realm_home(req, domain, ret_domain, err) < 0) {
        return -1;
    }
    *ret_parent = parent == NULL || strcmp(parent, *ret_domain) == 0 ? NULL : parent;
    return 0;
}

static int create_domain(const struct kn_request *req, const json_t *project, const char *id, const struct kn_change *change,
                         struct kn_error *err)
{
    if (json_is_string(json_object_get(project, "parent_id")) || json_is_string(json_object_get(project, "domain_id"))) {
        return kn_fail(err, KN_BAD_REQUEST, "only root projects are allowed to act as domains.");
    }
    return kn_realm(req) != NULL ? kn_realm_refuse(req, err) : kn_domain_insert(req->db, id, change, err);
}

static int create_project(const struct kn_request *req, const json_t *project, const char *id, const struct kn_change *change,
                          struct kn_error *err)
{
    const char *domain = NULL, *parent = NULL;

    return settle_place(req, project, &domain, &parent, err) < 0
               ? -1
               : kn_project_insert(req->db, id, domain, parent, change, err);
}

int kn_projects_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    char id[KN_HEX_SIZE];
    const json_t *project = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_open_object(req, "project", CREATE, &project, &change.extra, err) < 0 ||
        kn_body_tags(project, &tags, &change.tags, err) < 0) {
        return -1;
    }
    kn_body_change(project, &change);
    int rc = kn_schema_bool(project, "is_domain", false) ? create_domain(req, project, id, &change, err)
                                                         : create_project(req, project, id, &change, err);
    return rc < 0 ? -1 : show(req, id, res, err);
}

static bool says_other(const json_t *project, const char *key, const char *now)
{
    const char *said = json_string_value(json_object_get(project, key));
    return json_object_get(project, key) != NULL && strcmp(said != NULL ? said : "", now) != 0;
}

/* Where a project stands never changes; clients may repeat it. */
static int check_place(const struct kn_request *req, const json_t *project, const struct kn_rows *now, struct kn_error *err)
{
    if (says_other(project, "parent_id", cell(req, "parent_id", now))) {
        return kn_fail(err, KN_FORBIDDEN, "Update of `parent_id` is not allowed.");
    }
    if (says_other(project, "domain_id", cell(req, "domain_id", now))) {
        return kn_fail(err, KN_BAD_REQUEST, "Update of `domain_id` is not allowed.");
    }
    bool is = is_domain(req, now);
    return kn_schema_bool(project, "is_domain", is) == is
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Update of `is_domain` is not allowed.");
}

int kn_projects_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *project = NULL;
    struct kn_change change = { 0 };

    if (kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
        kn_body_open_object(req, "project", UPDATE, &project, &change.extra, err) < 0 || find(req, &rows, err) < 0 ||
        check_place(req, project, rows, err) < 0 || kn_body_tags(project, &tags, &change.tags, err) < 0) {
        return -1;
    }
    kn_body_change(project, &change);
    int rc = (is_domain(req, rows) ? kn_domain_update : kn_project_update)(req->db, req->params[0], &change, err);
    if (rc < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return show(req, req->params[0], res, err);
}

int kn_projects_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)res;
    if (kn_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 || find(req, &rows, err) < 0 ||
        (is_domain(req, rows) ? kn_domain_delete : kn_project_delete)(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
