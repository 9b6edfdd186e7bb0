/* SPDX-License-Identifier: Apache-2.0 */
/* handlers: what routes.c names, by file. */
#ifndef KN_IDENTITY_API_HANDLERS_H
#define KN_IDENTITY_API_HANDLERS_H

#include "lib/adapter/http.h"

/* nouns.c: whatever they do alike */
kn_handler kn_identity_nouns_list, kn_identity_nouns_show, kn_identity_nouns_create, kn_identity_nouns_update,
    kn_identity_nouns_delete;
/* tokens.c */
kn_handler kn_identity_tokens_create, kn_identity_tokens_show, kn_identity_tokens_delete;
/* auth.c */
kn_handler kn_identity_auth_catalog, kn_identity_auth_projects, kn_identity_auth_domains, kn_identity_auth_system;
/* projects.c */
kn_handler kn_identity_projects_create, kn_identity_projects_update, kn_identity_projects_delete;
/* tree.c */
kn_handler kn_identity_projects_show;
/* tags.c */
kn_handler kn_identity_tags_list, kn_identity_tags_replace, kn_identity_tags_clear, kn_identity_tags_check,
    kn_identity_tags_add, kn_identity_tags_remove;
/* users.c */
kn_handler kn_identity_users_create, kn_identity_users_update, kn_identity_users_password, kn_identity_users_projects;
/* groups.c */
kn_handler kn_identity_groups_of_user, kn_identity_members_list, kn_identity_members_add, kn_identity_members_check,
    kn_identity_members_remove;
/* app_credentials.c */
kn_handler kn_identity_app_credentials_list, kn_identity_app_credentials_show, kn_identity_app_credentials_create,
    kn_identity_app_credentials_delete, kn_identity_access_rules_list, kn_identity_access_rules_show,
    kn_identity_access_rules_delete;
/* trusts.c */
kn_handler kn_identity_trusts_list, kn_identity_trusts_show, kn_identity_trusts_create, kn_identity_trusts_delete,
    kn_identity_trust_roles_list, kn_identity_trust_roles_show;
/* roles.c */
kn_handler kn_identity_roles_list, kn_identity_roles_show;
/* inferences.c */
kn_handler kn_identity_inferences_list, kn_identity_implied_list, kn_identity_implied_show, kn_identity_implied_check,
    kn_identity_implied_create, kn_identity_implied_delete;
/* grants.c */
kn_handler kn_identity_grants_list, kn_identity_grants_create, kn_identity_grants_check, kn_identity_grants_delete;
/* assignments.c */
kn_handler kn_identity_assignments_list;
/* credentials.c */
kn_handler kn_identity_credentials_list, kn_identity_credentials_show, kn_identity_credentials_create,
    kn_identity_credentials_update, kn_identity_credentials_delete, kn_identity_ec2_refuse;
/* limits.c */
kn_handler kn_identity_limits_model, kn_identity_limits_list, kn_identity_limits_show;

#endif
