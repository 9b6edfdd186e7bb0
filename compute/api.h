/* SPDX-License-Identifier: Apache-2.0 */
/* compute: Nova's API, microversions 2.1 to 2.104: its route table (api/routes.c) and the handlers that it names. */
#ifndef KN_COMPUTE_API_H
#define KN_COMPUTE_API_H

#include "lib/domain/schema.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

extern const struct kn_api kn_compute_api; /* prefix "/compute", KN_DIALECT_NOVA */

/* api/flavors.c */
kn_handler kn_compute_flavors_list, kn_compute_flavors_detail, kn_compute_flavors_show, kn_compute_flavors_create,
    kn_compute_flavors_update, kn_compute_flavors_delete;
kn_handler kn_compute_flavor_specs_list, kn_compute_flavor_specs_create, kn_compute_flavor_specs_show,
    kn_compute_flavor_specs_update, kn_compute_flavor_specs_delete;
/* api/flavor_access.c */
kn_handler kn_compute_flavor_access_list, kn_compute_flavors_action;
/* api/keypairs.c */
kn_handler kn_compute_keypairs_list, kn_compute_keypairs_show, kn_compute_keypairs_create, kn_compute_keypairs_delete;
/* api/servers.c, api/server_create.c */
bool kn_compute_servers_join(struct kn_request *req); /* the API's `join` */
kn_handler kn_compute_servers_list, kn_compute_servers_detail, kn_compute_servers_show, kn_compute_servers_create,
    kn_compute_servers_update, kn_compute_servers_delete;
kn_handler kn_compute_server_ips_list, kn_compute_server_ips_show;
/* api/server_labels.c */
kn_handler kn_compute_server_metadata_list, kn_compute_server_metadata_create, kn_compute_server_metadata_update;
kn_handler kn_compute_server_meta_show, kn_compute_server_meta_update, kn_compute_server_meta_delete;
kn_handler kn_compute_server_tags_list, kn_compute_server_tags_update, kn_compute_server_tags_delete;
kn_handler kn_compute_server_tag_show, kn_compute_server_tag_update, kn_compute_server_tag_delete;
/* api/password.c: no letters that look alike. It is answered once and kept nowhere. */
#define KN_PASSWORD_MADE 13
void kn_compute_password_make(char out[KN_PASSWORD_MADE]);
extern const struct kn_schema kn_compute_password_body[];
int kn_compute_server_set_password(struct kn_request *req, const json_t *args, struct kn_error *err);
/* api/hosts.c, api/networks.c, api/volumes.c, api/usage_audit.c */
kn_handler kn_compute_hosts_list, kn_compute_hosts_show, kn_compute_hosts_update, kn_compute_hosts_power;
kn_handler kn_compute_networks_list, kn_compute_networks_show, kn_compute_tenant_networks_list,
    kn_compute_tenant_networks_show;
kn_handler kn_compute_volumes_list, kn_compute_volumes_create, kn_compute_volumes_show, kn_compute_volumes_delete;
kn_handler kn_compute_usage_audit_list, kn_compute_usage_audit_show;
/* api/external_events.c */
kn_handler kn_compute_external_events_create;
/* api/rescue.c: {"adminPass"?, "rescue_image_ref"?}, or nothing */
extern const struct kn_schema kn_compute_rescue_body[];
int kn_compute_server_rescue(struct kn_request *req, const json_t *args, struct kn_response *res, struct kn_error *err);
/* api/create_image.c: {"name", "metadata"?}; of a backup {"name", "backup_type", "rotation", "metadata"?} */
extern const struct kn_schema kn_compute_create_image_body[], kn_compute_create_backup_body[];
int kn_compute_server_create_backup(struct kn_request *req, const json_t *args, struct kn_response *res,
                                    struct kn_error *err);
int kn_compute_server_create_image(struct kn_request *req, const json_t *args, struct kn_response *res,
                                   struct kn_error *err);
/* api/consoles.c; the bodies of the old actions, and what each of them opens */
kn_handler kn_compute_remote_consoles_create, kn_compute_console_tokens_show;
extern const struct kn_schema kn_compute_vnc_body[], kn_compute_spice_body[], kn_compute_serial_body[];
int kn_compute_server_console(struct kn_request *req, const char *action, const json_t *args, struct kn_error *err);
/* rows/console.c: for the door of consoles (api/consoles.c) */
#define KN_CONSOLE_MARK_MAX 1024
struct kn_compute_console {
    char server[KN_UUID_SIZE], host[256], agent[256], project[65];
    char type[KN_SIZE_OF(CONSOLE_TYPE)]; /* novnc or serial */
    int64_t generation;
    char mark[KN_CONSOLE_MARK_MAX]; /* kn_identity_stands() */
};
/* Uses a token up. KN_NOT_FOUND: it opens nothing. */
int kn_compute_console_take(struct kn_db *db, const char *token, struct kn_compute_console *ret, struct kn_error *err);
/* Drops those whose time is over. */
int kn_compute_consoles_tidy(struct kn_db *db, struct kn_error *err);
/* Calls over() for those of the servers that are not on that host any more, or are being deleted. */
int kn_compute_consoles_over(struct kn_db *db, const char *const *servers, const char *const *hosts, size_t count,
                             void (*over)(void *ctx, const char *server, const char *host), void *ctx,
                             struct kn_error *err);
/* api/rebuild.c */
extern const struct kn_schema kn_compute_rebuild_body[];
int kn_compute_server_rebuild(struct kn_request *req, const json_t *args, struct kn_response *res,
                              struct kn_error *err);
/* api/shelve.c; unshelve's bodies are of its microversions */
extern const struct kn_schema kn_compute_unshelve_zone[], kn_compute_unshelve_host[];
int kn_compute_server_shelve(struct kn_request *req, struct kn_error *err);
int kn_compute_server_unshelve(struct kn_request *req, const json_t *args, struct kn_error *err);
/* api/actions.c */
kn_handler kn_compute_servers_action;
/* api/history.c */
kn_handler kn_compute_server_history_list, kn_compute_server_history_show;
/* api/attachments.c */
kn_handler kn_compute_server_volumes_list, kn_compute_server_volumes_show, kn_compute_server_volumes_attach,
    kn_compute_server_volumes_update, kn_compute_server_volumes_detach;
/* api/interfaces.c */
kn_handler kn_compute_server_interfaces_list, kn_compute_server_interfaces_show, kn_compute_server_interfaces_attach,
    kn_compute_server_interfaces_detach;
/* api/hypervisors.c */
kn_handler kn_compute_hypervisors_list, kn_compute_hypervisors_detail, kn_compute_hypervisors_show,
    kn_compute_hypervisors_search, kn_compute_hypervisors_servers;
kn_handler kn_compute_hypervisors_statistics, kn_compute_hypervisors_uptime;
/* api/diagnostics.c */
kn_handler kn_compute_server_diagnostics_show, kn_compute_server_topology_show;
/* api/image_metadata.c */
kn_handler kn_compute_image_metadata_list, kn_compute_image_metadata_create, kn_compute_image_metadata_update;
kn_handler kn_compute_image_meta_show, kn_compute_image_meta_update, kn_compute_image_meta_delete;
/* api/shares.c */
kn_handler kn_compute_server_shares_list, kn_compute_server_shares_attach, kn_compute_server_shares_show,
    kn_compute_server_shares_detach;
/* api/parameters.c: kn_api.vets_query */
int kn_compute_vet_query(const struct kn_request *req, struct kn_error *err);
/* api/services.c */
kn_handler kn_compute_services_list, kn_compute_services_update, kn_compute_services_update_old,
    kn_compute_services_delete, kn_compute_zones_list, kn_compute_zones_detail;
/* api/quotas.c */
kn_handler kn_compute_quotas_show, kn_compute_quotas_detail, kn_compute_quotas_defaults, kn_compute_quotas_update,
    kn_compute_quotas_delete;
kn_handler kn_compute_quota_classes_show, kn_compute_quota_classes_update, kn_compute_limits_show;
/* api/rest.c */
kn_handler kn_compute_extensions_list, kn_compute_extensions_show;
/* api/usage.c */
kn_handler kn_compute_usages_list, kn_compute_usages_show;
/* api/aggregates.c */
kn_handler kn_compute_aggregates_list, kn_compute_aggregates_show, kn_compute_aggregates_create,
    kn_compute_aggregates_update, kn_compute_aggregates_delete, kn_compute_aggregates_action,
    kn_compute_aggregates_images;
/* compute/api/server_groups.c */
kn_handler kn_compute_server_groups_list, kn_compute_server_groups_show, kn_compute_server_groups_create,
    kn_compute_server_groups_delete;
/* api/floating_ips.c; the bodies of the actions */
kn_handler kn_compute_floating_ip_pools_list, kn_compute_floating_ips_list, kn_compute_floating_ips_show,
    kn_compute_floating_ips_create, kn_compute_floating_ips_delete;
enum kn_compute_address_action { KN_FLOATING_GIVEN, KN_FLOATING_TAKEN, KN_FIXED_ADDED, KN_FIXED_DROPPED };
extern const struct kn_schema kn_compute_floating_body[], kn_compute_address_body[], kn_compute_fixed_body[];
int kn_compute_server_address(struct kn_request *req, enum kn_compute_address_action action, const json_t *args,
                              struct kn_error *err);
/* compute/api/security_groups.c */
kn_handler kn_compute_server_security_groups_list, kn_compute_security_groups_list, kn_compute_security_groups_show,
    kn_compute_security_groups_create, kn_compute_security_groups_update, kn_compute_security_groups_delete,
    kn_compute_security_group_rules_create, kn_compute_security_group_rules_delete, kn_compute_gone;
/* addSecurityGroup and its opposite: {"name": …} */
int kn_compute_server_security_group(struct kn_request *req, const json_t *args, bool adds, struct kn_error *err);
/* compute/api/rest.c */
kn_handler kn_compute_server_password_show, kn_compute_server_password_clear, kn_compute_migrations_list,
    kn_compute_server_migrations_list;
kn_handler kn_compute_nova_images_list, kn_compute_nova_images_detail, kn_compute_nova_images_show,
    kn_compute_nova_images_delete;
kn_handler kn_compute_unsupported;

#endif
