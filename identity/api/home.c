/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the relations of the API: Keystone's names for its resources, and the paths where they are. A test holds the table against the
 * routes: neither may know a path that the other does not.
 */
#include "identity/api/home.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define BASE "https://docs.openstack.org/api/openstack-identity/3"

struct home_relation {
    const char *path; /* below /v3 */
    const char *name;
    const char *extension; /* NULL: of the core */
};

#define INHERIT "OS-INHERIT"
#define TRUST "OS-TRUST"
#define GRANTS(target, word) \
    { target "/users/{user_id}/roles", word "_user_roles", NULL }, \
        { target "/users/{user_id}/roles/{role_id}", word "_user_role", NULL }, \
        { target "/groups/{group_id}/roles", word "_group_roles", NULL }, \
    { \
        target "/groups/{group_id}/roles/{role_id}", word "_group_role", NULL \
    }
#define INHERITED(target, word, actor, id) \
    { "/OS-INHERIT" target actor id "/roles/inherited_to_projects", word "_roles_inherited_to_projects", INHERIT }, \
    { \
        "/OS-INHERIT" target actor id "/roles/{role_id}/inherited_to_projects", word "_role_inherited_to_projects", \
            INHERIT \
    }

static const struct home_relation RELATIONS[] = {
    { "/auth/tokens", "auth_tokens", NULL },
    { "/auth/catalog", "auth_catalog", NULL },
    { "/auth/projects", "auth_projects", NULL },
    { "/auth/domains", "auth_domains", NULL },
    { "/auth/system", "auth_system", NULL },
    { "/domains", "domains", NULL },
    { "/domains/{domain_id}", "domain", NULL },
    { "/projects", "projects", NULL },
    { "/projects/{project_id}", "project", NULL },
    { "/projects/{project_id}/tags", "project_tags", NULL },
    { "/projects/{project_id}/tags/{value}", "project_tag", NULL },
    { "/users", "users", NULL },
    { "/users/{user_id}", "user", NULL },
    { "/users/{user_id}/password", "user_change_password", NULL },
    { "/users/{user_id}/projects", "user_projects", NULL },
    { "/users/{user_id}/groups", "user_groups", NULL },
    { "/users/{user_id}/application_credentials", "application_credentials", NULL },
    { "/users/{user_id}/application_credentials/{application_credential_id}", "application_credential", NULL },
    { "/users/{user_id}/access_rules", "access_rules", NULL },
    { "/users/{user_id}/access_rules/{access_rule_id}", "access_rule", NULL },
    { "/groups", "groups", NULL },
    { "/groups/{group_id}", "group", NULL },
    { "/groups/{group_id}/users", "group_users", NULL },
    { "/groups/{group_id}/users/{user_id}", "group_user", NULL },
    { "/roles", "roles", NULL },
    { "/roles/{role_id}", "role", NULL },
    { "/roles/{prior_role_id}/implies", "implied_roles", NULL },
    { "/roles/{prior_role_id}/implies/{implied_role_id}", "implied_role", NULL },
    { "/role_inferences", "role_inferences", NULL },
    { "/role_assignments", "role_assignments", NULL },
    GRANTS("/projects/{project_id}", "project"),
    GRANTS("/domains/{domain_id}", "domain"),
    GRANTS("/system", "system"),
    INHERITED("/projects/{project_id}", "project_user", "/users", "/{user_id}"),
    INHERITED("/projects/{project_id}", "project_group", "/groups", "/{group_id}"),
    INHERITED("/domains/{domain_id}", "domain_user", "/users", "/{user_id}"),
    INHERITED("/domains/{domain_id}", "domain_group", "/groups", "/{group_id}"),
    { "/regions", "regions", NULL },
    { "/regions/{region_id}", "region", NULL },
    { "/services", "services", NULL },
    { "/services/{service_id}", "service", NULL },
    { "/endpoints", "endpoints", NULL },
    { "/endpoints/{endpoint_id}", "endpoint", NULL },
    { "/registered_limits", "registered_limits", NULL },
    { "/registered_limits/{registered_limit_id}", "registered_limit", NULL },
    { "/limits", "limits", NULL },
    { "/limits/{limit_id}", "limit", NULL },
    { "/limits/model", "limit_model", NULL },
    { "/credentials", "credentials", NULL },
    { "/credentials/{credential_id}", "credential", NULL },
    { "/OS-TRUST/trusts", "trusts", TRUST },
    { "/OS-TRUST/trusts/{trust_id}", "trust", TRUST },
    { "/OS-TRUST/trusts/{trust_id}/roles", "trust_roles", TRUST },
    { "/OS-TRUST/trusts/{trust_id}/roles/{role_id}", "trust_role", TRUST },
};

/* "href-vars":{"user_id":"…/param/user_id"} of all {…} in the path. */
static void write_vars(struct kn_strbuf *sb, const char *path)
{
    kn_jsonw_object(sb, "href-vars");
    for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at, '{')) {
        size_t len = strcspn(++at, "}");
        AUTO_FREE char *name = kn_strndup(at, len);
        AUTO_FREE char *relation = strcmp(name, "trust_id") == 0 ? kn_asprintf(BASE "/ext/OS-TRUST/1.0/param/%s", name)
                                                                 : kn_asprintf(BASE "/param/%s", name);
        kn_jsonw_str(sb, name, relation);
    }
    kn_jsonw_end_object(sb);
}

static void write_relation(struct kn_strbuf *sb, const struct home_relation *r, const char *prefix)
{
    AUTO_FREE char *name = r->extension != NULL ? kn_asprintf(BASE "/ext/%s/1.0/rel/%s", r->extension, r->name)
                                                : kn_asprintf(BASE "/rel/%s", r->name);
    AUTO_FREE char *href = kn_asprintf("%s%s", prefix, r->path);
    bool template = strchr(r->path, '{') != NULL;

    kn_jsonw_object(sb, name);
    kn_jsonw_str(sb, template ? "href-template" : "href", href);
    if (template) {
        write_vars(sb, r->path);
    }
    kn_jsonw_end_object(sb);
}

bool kn_identity_home_write(const char *rest, struct kn_strbuf *sb)
{
    size_t len = strlen(rest);
    len -= len > 0 && rest[len - 1] == '/';
    bool root = len == 0, v3 = len == 3 && memcmp(rest, "/v3", 3) == 0;

    if (!root && !v3) {
        return false;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "resources");
    for (size_t i = 0; i < KN_COUNT(RELATIONS); i++) {
        write_relation(sb, &RELATIONS[i], root ? "/v3" : "");
    }
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
    return true;
}

const char *kn_identity_home_path(int i)
{
    return i >= 0 && (size_t)i < KN_COUNT(RELATIONS) ? RELATIONS[i].path : NULL;
}
