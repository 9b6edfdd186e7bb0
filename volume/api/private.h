/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of Cinder's routes, by file; routes.c's table mounts them. */
#ifndef KN_VOLUME_API_PRIVATE_H
#define KN_VOLUME_API_PRIVATE_H

#include "lib/adapter/http.h"
#include "volume/rows/volume.h"

/* volumes.c */
kn_handler kn_volume_api_create, kn_volume_api_list, kn_volume_api_detail, kn_volume_api_show, kn_volume_api_update,
    kn_volume_api_delete, kn_volume_api_summary;
/* The wish to delete, by any way that leads there. */
int kn_volume_api_delete_as(struct kn_request *req, enum kn_volume_event event, struct kn_error *err);
/* labels.c */
kn_handler kn_volume_api_metadata, kn_volume_api_metadata_add, kn_volume_api_metadata_replace, kn_volume_api_meta,
    kn_volume_api_meta_set, kn_volume_api_meta_delete;
kn_handler kn_volume_api_type_specs, kn_volume_api_type_spec, kn_volume_api_type_specs_add, kn_volume_api_type_spec_set,
    kn_volume_api_type_spec_delete;
/* actions.c */
kn_handler kn_volume_api_action;
/* quotas.c */
kn_handler kn_volume_api_quota, kn_volume_api_quota_defaults, kn_volume_api_quota_set, kn_volume_api_quota_reset,
    kn_volume_api_quota_class, kn_volume_api_quota_class_set, kn_volume_api_limits;
/* types.c */
kn_handler kn_volume_api_types, kn_volume_api_type, kn_volume_api_type_create, kn_volume_api_type_update,
    kn_volume_api_type_delete, kn_volume_api_type_encryption;
/* type_access.c */
kn_handler kn_volume_api_type_access, kn_volume_api_type_action;
/* info.c */
kn_handler kn_volume_api_zones, kn_volume_api_extensions, kn_volume_api_services, kn_volume_api_empty;
/* attachments.c */
kn_handler kn_volume_api_attachments, kn_volume_api_attachments_detail, kn_volume_api_attachment,
    kn_volume_api_attachment_refuse;

#endif
