/* SPDX-License-Identifier: Apache-2.0 */
/* handlers: what routes.c names, by file. */
#ifndef KN_IDENTITY_API_HANDLERS_H
#define KN_IDENTITY_API_HANDLERS_H

#include "lib/adapter/http.h"

/* tokens.c */
kn_handler kn_tokens_create, kn_tokens_show, kn_tokens_delete;
/* auth.c */
kn_handler kn_auth_catalog, kn_auth_projects, kn_auth_domains, kn_auth_system;
/* domains.c */
kn_handler kn_domains_list, kn_domains_show, kn_domains_create, kn_domains_update, kn_domains_delete;
/* projects.c */
kn_handler kn_projects_list, kn_projects_create, kn_projects_update, kn_projects_delete;
/* tree.c */
kn_handler kn_projects_show;
/* tags.c */
kn_handler kn_tags_list, kn_tags_replace, kn_tags_clear, kn_tags_check, kn_tags_add, kn_tags_remove;
/* users.c */
kn_handler kn_users_list, kn_users_show, kn_users_create, kn_users_update, kn_users_delete, kn_users_password,
    kn_users_projects;
/* groups.c */
kn_handler kn_groups_list, kn_groups_show, kn_groups_create, kn_groups_update, kn_groups_delete, kn_groups_of_user,
    kn_members_list, kn_members_add, kn_members_check, kn_members_remove;
/* app_credentials.c */
kn_handler kn_app_credentials_list, kn_app_credentials_show, kn_app_credentials_create, kn_app_credentials_delete,
    kn_access_rules_list, kn_access_rules_show, kn_access_rules_delete;
/* trusts.c */
kn_handler kn_trusts_list, kn_trusts_show, kn_trusts_create, kn_trusts_delete, kn_trust_roles_list, kn_trust_roles_show;
/* roles.c */
kn_handler kn_roles_list, kn_roles_show, kn_roles_create, kn_roles_update, kn_roles_delete;
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
kn_handler kn_registered_limits_list, kn_registered_limits_show, kn_registered_limits_create, kn_registered_limits_update,
    kn_registered_limits_delete, kn_limits_model, kn_limits_list, kn_limits_show, kn_limits_create, kn_limits_update, kn_limits_delete;
/* catalog.c: regions, services and endpoints */
kn_handler kn_catalog_nouns_list, kn_catalog_nouns_show, kn_catalog_nouns_create, kn_catalog_nouns_update, kn_catalog_nouns_delete;

#endif
