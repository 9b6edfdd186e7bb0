/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of Cinder's routes, by file; routes.c's table mounts them. */
#ifndef KN_VOLUME_API_PRIVATE_H
#define KN_VOLUME_API_PRIVATE_H

#include "lib/adapter/http.h"
#include "lib/domain/schema.h"
#include "volume/rows/volume.h"

/* volumes.c */
kn_handler kn_volume_api_create, kn_volume_api_list, kn_volume_api_detail, kn_volume_api_show, kn_volume_api_update,
    kn_volume_api_delete, kn_volume_api_summary;
/* The wish to delete, by any way that leads there. cascade: its snapshots, too; without it there must be none. */
int kn_volume_api_delete_as(struct kn_request *req, enum kn_volume_event event, bool cascade, struct kn_error *err);
/*
 * The same in the caller's transaction, the tasks of the volume having been asked to stop before any row was held. ret_wakes: {id: task} of the volume and of whatever goes with it.
 */
int kn_volume_api_doom(struct kn_request *req, const char *id, enum kn_volume_event event, bool cascade,
                       json_t *ret_wakes, struct kn_error *err);
/* group_types.c */
kn_handler kn_volume_api_group_types, kn_volume_api_group_type, kn_volume_api_group_type_create,
    kn_volume_api_group_type_update, kn_volume_api_group_type_delete, kn_volume_api_group_specs,
    kn_volume_api_group_spec, kn_volume_api_group_specs_add, kn_volume_api_group_spec_set,
    kn_volume_api_group_spec_delete;
/* groups.c */
kn_handler kn_volume_api_groups, kn_volume_api_groups_detail, kn_volume_api_group, kn_volume_api_group_create,
    kn_volume_api_group_update, kn_volume_api_group_action;
/* group_snapshots.c */
kn_handler kn_volume_api_group_snapshots, kn_volume_api_group_snapshots_detail, kn_volume_api_group_snapshot,
    kn_volume_api_group_snapshot_create, kn_volume_api_group_snapshot_delete, kn_volume_api_group_snapshot_action,
    kn_volume_api_group_create_from;
/* labels.c */
kn_handler kn_volume_api_metadata, kn_volume_api_metadata_add, kn_volume_api_metadata_replace, kn_volume_api_meta,
    kn_volume_api_meta_set, kn_volume_api_meta_delete;
kn_handler kn_volume_api_type_specs, kn_volume_api_type_spec, kn_volume_api_type_specs_add, kn_volume_api_type_spec_set,
    kn_volume_api_type_spec_delete;
kn_handler kn_volume_api_snapshot_metadata, kn_volume_api_snapshot_metadata_add,
    kn_volume_api_snapshot_metadata_replace, kn_volume_api_snapshot_meta, kn_volume_api_snapshot_meta_set,
    kn_volume_api_snapshot_meta_delete;
/* snapshots.c */
kn_handler kn_volume_api_snapshots, kn_volume_api_snapshots_detail, kn_volume_api_snapshot,
    kn_volume_api_snapshot_create, kn_volume_api_snapshot_update, kn_volume_api_snapshot_delete,
    kn_volume_api_snapshot_action;
/* backups.c */
kn_handler kn_volume_api_backups, kn_volume_api_backups_detail, kn_volume_api_backup, kn_volume_api_backup_create,
    kn_volume_api_backup_update, kn_volume_api_backup_delete, kn_volume_api_backup_restore, kn_volume_api_backup_action;
/* backup_records.c */
kn_handler kn_volume_api_backup_export, kn_volume_api_backup_import;
/* actions.c */
kn_handler kn_volume_api_action;
/* An action on a volume that the caller may act on; in: its checked inner object. What it answers goes into res; none: nothing. */
typedef int kn_volume_action(struct kn_request *req, const json_t *in, const struct kn_volume *v,
                             struct kn_response *res, struct kn_error *err);
/* disk_actions.c: what changes disks, or what their type promises */
kn_volume_action kn_volume_api_extend, kn_volume_api_upload, kn_volume_api_retype, kn_volume_api_revert,
    kn_volume_api_reimage;
extern const struct kn_schema kn_volume_upload_body[], kn_volume_retype_body[];
/* old_attach.c */
kn_volume_action kn_volume_api_old_attach, kn_volume_api_old_detach, kn_volume_api_old_reserve,
    kn_volume_api_old_unreserve, kn_volume_api_old_begin_detaching, kn_volume_api_old_roll_detaching;
extern const struct kn_schema kn_volume_attach_body[], kn_volume_detach_body[], kn_volume_force_detach_body[];
/* flags.c: what is only written on the row */
kn_volume_action kn_volume_api_reset_status, kn_volume_api_set_bootable, kn_volume_api_set_readonly,
    kn_volume_api_show_image_metadata, kn_volume_api_set_image_metadata, kn_volume_api_unset_image_metadata;
/* quotas.c */
kn_handler kn_volume_api_quota, kn_volume_api_quota_defaults, kn_volume_api_quota_set, kn_volume_api_quota_reset,
    kn_volume_api_quota_class, kn_volume_api_quota_class_set, kn_volume_api_limits;
/* types.c */
kn_handler kn_volume_api_types, kn_volume_api_type, kn_volume_api_type_create, kn_volume_api_type_update,
    kn_volume_api_type_delete, kn_volume_api_type_encryption, kn_volume_api_type_encryption_item,
    kn_volume_api_type_encryption_create, kn_volume_api_type_encryption_update, kn_volume_api_type_encryption_delete,
    kn_volume_api_encryption, kn_volume_api_encryption_item;
/* type_access.c */
kn_handler kn_volume_api_type_access, kn_volume_api_type_action;
/* info.c */
kn_handler kn_volume_api_zones, kn_volume_api_extensions, kn_volume_api_empty;
/* services.c: the last word of the path says what is done */
kn_handler kn_volume_api_services, kn_volume_api_service_switch, kn_volume_api_service_freeze,
    kn_volume_api_service_failover;
/* hosts.c */
kn_handler kn_volume_api_hosts, kn_volume_api_host, kn_volume_api_host_update;
/* qos.c */
kn_handler kn_volume_api_qos_list, kn_volume_api_qos, kn_volume_api_qos_create, kn_volume_api_qos_set,
    kn_volume_api_qos_unset, kn_volume_api_qos_delete, kn_volume_api_qos_associations, kn_volume_api_qos_associate,
    kn_volume_api_qos_disassociate, kn_volume_api_qos_disassociate_all;
/* default_types.c */
kn_handler kn_volume_api_default_types, kn_volume_api_default_type, kn_volume_api_default_type_set,
    kn_volume_api_default_type_unset;
/* pools.c */
kn_handler kn_volume_api_pools, kn_volume_api_capabilities, kn_volume_api_cluster, kn_volume_api_cluster_switch,
    kn_volume_api_cleanup;
/* filters.c */
kn_handler kn_volume_api_filters;
/* messages.c */
kn_handler kn_volume_api_messages, kn_volume_api_message, kn_volume_api_message_delete;
/* transfers.c */
kn_handler kn_volume_api_transfers, kn_volume_api_transfers_detail, kn_volume_api_transfer,
    kn_volume_api_transfer_create, kn_volume_api_transfer_delete, kn_volume_api_transfer_accept;
/* attachments.c */
kn_handler kn_volume_api_attachments, kn_volume_api_attachments_detail, kn_volume_api_attachment,
    kn_volume_api_attachment_create, kn_volume_api_attachment_update, kn_volume_api_attachment_complete,
    kn_volume_api_attachment_delete;

#endif
