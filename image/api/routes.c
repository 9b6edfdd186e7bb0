/* SPDX-License-Identifier: Apache-2.0 */
/* Glance's routes as one table, and the one question that compute asks. The handlers are in api_*.c. */
#include "image/api.h"

#include <stdlib.h>
#include <string.h>

#include "image/api/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define SPACES "/v2/metadefs/namespaces"
#define ROUTE(m, p, r, s, h) \
    { \
        .method = m, .path = p, .rule = KN_GLANCE_##r, .status = s, .handle = h \
    }
#define UPLOAD(m, p, r, s, u) \
    { \
        .method = m, .path = p, .rule = KN_GLANCE_##r, .status = s, .upload = u \
    }

static const struct kn_route ROUTES[] = {
    ROUTE("POST", "/v2/images", ADD_IMAGE, 201, kn_image_api_create),
    ROUTE("GET", "/v2/images", GET_IMAGES, 200, kn_image_api_list),
    ROUTE("GET", "/v2/images/{id}", GET_IMAGE, 200, kn_image_api_show),
    ROUTE("PATCH", "/v2/images/{id}", MODIFY_IMAGE, 200, kn_image_api_update),
    ROUTE("DELETE", "/v2/images/{id}", DELETE_IMAGE, 204, kn_image_api_delete),
    UPLOAD("PUT", "/v2/images/{id}/file", UPLOAD_IMAGE, 204, &kn_image_upload),
    ROUTE("GET", "/v2/images/{id}/file", DOWNLOAD_IMAGE, 200, kn_image_api_download),
    UPLOAD("PUT", "/v2/images/{id}/stage", UPLOAD_IMAGE, 204, &kn_image_stage),
    ROUTE("POST", "/v2/images/{id}/import", IMPORT_IMAGE, 202, kn_image_api_import),
    ROUTE("GET", "/v2/images/{id}/tasks", IMAGE_TASKS, 200, kn_image_api_image_tasks),
    ROUTE("POST", "/v2/images/{id}/actions/deactivate", DEACTIVATE, 204, kn_image_api_deactivate),
    ROUTE("POST", "/v2/images/{id}/actions/reactivate", REACTIVATE, 204, kn_image_api_reactivate),
    ROUTE("PUT", "/v2/images/{id}/tags/{tag}", MODIFY_IMAGE, 204, kn_image_api_tag),
    ROUTE("DELETE", "/v2/images/{id}/tags/{tag}", MODIFY_IMAGE, 204, kn_image_api_untag),
    ROUTE("GET", "/v2/images/{id}/members", GET_MEMBERS, 200, kn_image_api_members),
    ROUTE("POST", "/v2/images/{id}/members", ADD_MEMBER, 200, kn_image_api_member_add),
    ROUTE("GET", "/v2/images/{id}/members/{member}", GET_MEMBER, 200, kn_image_api_member),
    ROUTE("PUT", "/v2/images/{id}/members/{member}", MODIFY_MEMBER, 200, kn_image_api_member_update),
    ROUTE("DELETE", "/v2/images/{id}/members/{member}", DELETE_MEMBER, 204, kn_image_api_member_delete),
    ROUTE("GET", "/v2/schemas/{name}", SCHEMAS, 200, kn_image_api_schema),
    ROUTE("GET", "/v2/info/import", INFO, 200, kn_image_api_import_info),
    ROUTE("GET", "/v2/info/stores", INFO, 200, kn_image_api_stores),
    ROUTE("GET", "/v2/info/stores/detail", STORES_DETAIL, 200, kn_image_api_stores_detail),
    ROUTE("GET", "/v2/info/usage", INFO, 200, kn_image_api_usage),
    ROUTE("GET", "/v2/cache", CACHE_LIST, 200, kn_image_api_no_cache),
    ROUTE("DELETE", "/v2/cache", CACHE_DELETE, 204, kn_image_api_no_cache),
    ROUTE("PUT", "/v2/cache/{id}", CACHE_IMAGE, 202, kn_image_api_no_cache),
    ROUTE("DELETE", "/v2/cache/{id}", CACHE_DELETE, 204, kn_image_api_no_cache),
    ROUTE("POST", "/v2/cache/{id}", CACHE_CLEAN, 200, kn_image_api_no_cache), /* clean, prune */
    ROUTE("GET", "/v2/cache/nodes/{id}", CACHED_NODES, 200, kn_image_api_no_cache),
    ROUTE("POST", "/v2/tasks", TASKS, 201, kn_image_api_task_create),
    ROUTE("GET", "/v2/tasks", TASKS, 200, kn_image_api_tasks),
    ROUTE("GET", "/v2/tasks/{id}", TASKS, 200, kn_image_api_task_show),
    ROUTE("DELETE", "/v2/tasks/{id}", TASKS, 204, kn_image_api_task_delete),

    ROUTE("GET", "/v2/schemas/metadefs/{name}", SCHEMAS, 200, kn_image_metadef_api_schema),
    ROUTE("GET", "/v2/metadefs/resource_types", GET_RESOURCE_TYPES, 200, kn_image_metadef_api_types),
    ROUTE("GET", SPACES, GET_NAMESPACES, 200, kn_image_metadef_api_namespaces),
    ROUTE("POST", SPACES, ADD_NAMESPACE, 201, kn_image_metadef_api_namespace_create),
    ROUTE("GET", SPACES "/{namespace}", GET_NAMESPACE, 200, kn_image_metadef_api_namespace),
    ROUTE("PUT", SPACES "/{namespace}", MODIFY_NAMESPACE, 200, kn_image_metadef_api_namespace_update),
    ROUTE("DELETE", SPACES "/{namespace}", DELETE_NAMESPACE, 204, kn_image_metadef_api_namespace_delete),
    ROUTE("GET", SPACES "/{namespace}/{items}", GET_ITEMS, 200, kn_image_metadef_api_items),
    ROUTE("POST", SPACES "/{namespace}/{items}", CHANGE_ITEMS, 201, kn_image_metadef_api_item_create),
    ROUTE("DELETE", SPACES "/{namespace}/{items}", CHANGE_ITEMS, 204, kn_image_metadef_api_items_delete),
    ROUTE("GET", SPACES "/{namespace}/{items}/{name}", GET_ITEMS, 200, kn_image_metadef_api_item),
    ROUTE("PUT", SPACES "/{namespace}/{items}/{name}", CHANGE_ITEMS, 200, kn_image_metadef_api_item_update),
    ROUTE("POST", SPACES "/{namespace}/{items}/{name}", CHANGE_ITEMS, 201, kn_image_metadef_api_tag_create),
    ROUTE("DELETE", SPACES "/{namespace}/{items}/{name}", CHANGE_ITEMS, 204, kn_image_metadef_api_item_delete),
    { .method = NULL },
};

static const struct kn_unbuilt UNBUILT[] = {
    { "/v2/stores", "several stores" },
    { "/v2/images/{id}/locations", "locations" },
    { "/v2/discovery", "discovery of stores" },
    { NULL, NULL },
};

const struct kn_api kn_image_api = {
    .name = "image",
    .prefix = "/image",
    .dialect = KN_DIALECT_GLANCE,
    .routes = ROUTES,
    .unbuilt = UNBUILT,
};

int kn_image_usable_with(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                         json_t **ret_properties, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image image;

    if (kn_image_get(db, caller, id, false, &rows, &image, err) < 0) {
        return -1;
    }
    *ret = (struct kn_image_facts){
        .min_disk_gib = image.min_disk_gib,
        .min_ram_mib = image.min_ram_mib,
        .size = image.size != NULL ? strtoll(image.size, NULL, 10) : 0,
        .virtual_size = image.virtual_size != NULL ? strtoll(image.virtual_size, NULL, 10) : 0,
    };
    json_auto_t *properties = json_loads(image.properties != NULL ? image.properties : "{}", 0, NULL);

    ret->wants_config_drive = strcmp(kn_json_str(properties, "img_config_drive"), "mandatory") == 0;
    ret->is_mapping = ret->size == 0 && image.size != NULL && *kn_json_str(properties, KN_IMAGE_MAPPING) != '\0';
    kn_copy(ret->id, sizeof(ret->id), image.id);
    kn_copy(ret->status, sizeof(ret->status), image.status);
    kn_copy(ret->disk_format, sizeof(ret->disk_format), image.disk_format != NULL ? image.disk_format : "");
    if (ret_properties != NULL) {
        *ret_properties = properties != NULL ? json_incref(properties) : json_object();
    }
    return 0;
}

int kn_image_usable(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                    struct kn_error *err)
{
    return kn_image_usable_with(db, caller, id, ret, NULL, err);
}
