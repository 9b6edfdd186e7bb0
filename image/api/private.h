/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of Glance's routes, by file; routes.c's table mounts them. */
#ifndef KN_IMAGE_API_PRIVATE_H
#define KN_IMAGE_API_PRIVATE_H

#include "image/api.h"
#include "image/rows/image.h"
#include "lib/adapter/http.h"

/* images.c */
kn_handler kn_image_api_create, kn_image_api_list, kn_image_api_show, kn_image_api_update;
/* volume/api/actions.c */
kn_handler kn_image_api_deactivate, kn_image_api_reactivate, kn_image_api_tag, kn_image_api_untag;
/* upload.c, download.c */
extern const struct kn_upload kn_image_upload, kn_image_stage;
kn_handler kn_image_api_download;
/* import.c, tasks.c */
kn_handler kn_image_api_import;
kn_handler kn_image_api_task_create, kn_image_api_tasks, kn_image_api_task_show, kn_image_api_task_delete,
    kn_image_api_image_tasks;
/* members.c */
kn_handler kn_image_api_members, kn_image_api_member_add, kn_image_api_member, kn_image_api_member_update,
    kn_image_api_member_delete;
/* volume/api/info.c */
kn_handler kn_image_api_schema, kn_image_api_import_info, kn_image_api_stores, kn_image_api_stores_detail,
    kn_image_api_usage, kn_image_api_no_cache;
/* metadefs.c */
kn_handler kn_image_metadef_api_namespaces, kn_image_metadef_api_namespace_create, kn_image_metadef_api_namespace,
    kn_image_metadef_api_namespace_update, kn_image_metadef_api_namespace_delete, kn_image_metadef_api_items,
    kn_image_metadef_api_item_create, kn_image_metadef_api_items_delete, kn_image_metadef_api_item,
    kn_image_metadef_api_item_update, kn_image_metadef_api_tag_create, kn_image_metadef_api_item_delete,
    kn_image_metadef_api_types, kn_image_metadef_api_schema;

#endif
