/* SPDX-License-Identifier: Apache-2.0 */
/* handlers: what routes.c names, by file. */
#ifndef KN_IDENTITY_API_HANDLERS_H
#define KN_IDENTITY_API_HANDLERS_H

#include "lib/adapter/http.h"

/* nouns.c: whatever they do alike */
kn_handler kn_nouns_list, kn_nouns_show, kn_nouns_create, kn_nouns_update, kn_nouns_delete;
/* tokens.c */
kn_handler kn_tokens_create, kn_tokens_show, kn_tokens_delete;
/* auth.c */
kn_handler kn_auth_catalog, kn_auth_projects, kn_auth_domains, kn_auth_system;
/* projects.c */
kn_handler kn_projects_create, kn_projects_update, kn_projects_delete;
/* tree.c */
kn_handler kn_projects_show;
/* tags.c */
kn_handler kn_tags_list, kn_tags_replace, kn_tags_clear, kn_tags_check, kn_tags_add, kn_tags_remove;
/* users.c */
kn_handler kn_users_create, kn_users_update, kn_users_password, kn_users_projects;
/* groups.c */
kn_handler kn_groups_of_user, kn_members_list, kn_members_add, kn_members_check, kn_members_remove;
/* app_credentials.c */
kn_handler kn_app_credentials_list, kn_app_credentials_show, kn_app_credentials_create, kn_app_credentials_delete,
    kn_access_rules_list, kn_access_rules_show, kn_access_rules_delete;
/* trusts.c */
kn_handler kn_trusts_list, kn_trusts_show, kn_trusts_create, kn_trusts_delete, kn_trust_roles_list, kn_trust_roles_show;
/* roles.c */
kn_handler kn_roles_list, kn_roles_show;
/* inferences.c */
kn_handler kn_inferences_list, kn_implied_list, kn_implied_show, kn_implied_check, kn_implied_create, kn_implied_delete;
/* grants.c */
kn_handler kn_grants_list, kn_grants_create, kn_grants_check, kn_grants_delete;
/* assignments.c */
kn_handler kn_assignments_list;
/* credentials.c */
kn_handler kn_credentials_list, kn_credentials_show, kn_credentials_create, kn_credentials_update, kn_credentials_delete,
    kn_ec2_refuse;
/* limits.c */
kn_handler kn_limits_model, kn_limits_list, kn_limits_show;

#endif
