/* SPDX-License-Identifier: Apache-2.0 */
/* Projects over HTTP. Rows and rules are project.c's. */
#include <string.h>

#include "identity/body.h"
#include "identity/handlers.h"
#include "identity/identity.h"
#include "identity/view.h"
#include "lib/base/uuid.h"

static const struct kn_schema TAG[] = {
    KN_SCHEMA("tags", KN_IS_STRING, .min = 1, .max = 255, .rule = &KN_TEXT_TAG), KN_SCHEMA_END,
};
#define TAGS KN_SCHEMA("tags", KN_IS_LIST, .inner = TAG, .max = 80)

static const struct kn_schema CREATE[] = {
    KN_BODY_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_OPTIONS, TAGS,
    KN_SCHEMA("domain_id", KN_IS_STRING, .flags = KN_NULLABLE, .max = 64),
    KN_SCHEMA("parent_id", KN_IS_STRING, .flags = KN_NULLABLE, .max = 64),
    KN_SCHEMA("is_domain", KN_IS_BOOLEAN), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_BODY_NAME(0), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_OPTIONS, TAGS, KN_SCHEMA_END,
};

static int show(const struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_project_get(req->db, id, &rows, err) < 0) {
        return -1;
    }
    return kn_view_one(res, req, "project", id, rows, kn_view_project, err);
}

/* The tags as an array literal; NULL if the body says nothing about them. */
static const char *tags_of(const json_t *project, struct kn_array *array)
{
    const json_t *tags = json_object_get(project, "tags");
    const json_t *tag = NULL;
    size_t i = 0;

    if (tags == NULL) {
        return NULL;
    }
    json_array_foreach(tags, i, tag) {
        kn_array_add(array, json_string_value(tag));
    }
    return kn_array_value(array);
}

int kn_projects_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_filter filter;

    if (kn_body_filter(req, &filter, err) < 0 || kn_project_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "projects", rows, kn_view_project);
    return 0;
}

int kn_projects_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return show(req, req->params[0], res, err);
}

/* A parent may be the domain itself, and gives its own domain when none is named. */
static int settle_place(const struct kn_request *req, const json_t *project, const char **ret_domain,
                        const char **ret_parent, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const char *domain = json_string_value(json_object_get(project, "domain_id"));
    const char *parent = json_string_value(json_object_get(project, "parent_id"));

    if (domain == NULL) {
        domain = req->caller.domain_id[0] != '\0' ? req->caller.domain_id : "default";
    }
    *ret_domain = domain;
    *ret_parent = parent == NULL || strcmp(parent, domain) == 0 ? NULL : parent;
    if (*ret_parent == NULL) {
        return 0;
    }
    if (kn_project_get(req->db, parent, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Could not find project: %s.", parent);
    }
    if (strcmp(kn_rows_text(rows, 0, 2), domain) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot create project, since it specifies its domain_id %s, but specifies a "
                       "parent in a different domain (%s).", domain, kn_rows_text(rows, 0, 2));
    }
    return 0;
}

int kn_projects_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    char id[KN_HEX_SIZE];
    const json_t *project = NULL;
    const char *domain = NULL, *parent = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_object(req, "project", CREATE, &project, err) < 0) {
        return -1;
    }
    if (kn_schema_bool(project, "is_domain", false)) {
        return kn_fail(err, KN_BAD_REQUEST, "a project that acts as a domain is made by POST /v3/domains");
    }
    kn_body_change(project, &change);
    change.tags = tags_of(project, &tags);
    if (settle_place(req, project, &domain, &parent, err) < 0 ||
        kn_project_insert(req->db, id, domain, parent, &change, err) < 0) {
        return -1;
    }
    return show(req, id, res, err);
}

int kn_projects_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    const json_t *project = NULL;
    struct kn_change change = { 0 };

    if (kn_body_object(req, "project", UPDATE, &project, err) < 0) {
        return -1;
    }
    kn_body_change(project, &change);
    change.tags = tags_of(project, &tags);
    if (kn_project_update(req->db, req->params[0], &change, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return show(req, req->params[0], res, err);
}

int kn_projects_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_project_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
