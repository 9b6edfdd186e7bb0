/* SPDX-License-Identifier: Apache-2.0 */
/* Glance's routes as one table, and the one question that compute asks. The handlers are in api_*.c. */
#include "image/api.h"

#include <stdlib.h>

#include "image/api/private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define READER KN_POLICY_PROJECT_READER
#define MEMBER KN_POLICY_PROJECT_MEMBER
#define ADMIN KN_POLICY_ADMIN
#define SPACES "/v2/metadefs/namespaces"
#define ROUTE(method, path, policy, status, handler) { method, path, policy, status, handler, 0, 0, NULL }

static const struct kn_route ROUTES[] = {
    ROUTE("POST", "/v2/images", MEMBER, 201, kn_image_api_create),
    ROUTE("GET", "/v2/images", READER, 200, kn_image_api_list),
    ROUTE("GET", "/v2/images/{id}", READER, 200, kn_image_api_show),
    ROUTE("PATCH", "/v2/images/{id}", MEMBER, 200, kn_image_api_update),
    ROUTE("DELETE", "/v2/images/{id}", MEMBER, 204, kn_image_api_delete),
    { "PUT", "/v2/images/{id}/file", MEMBER, 204, NULL, 0, 0, &kn_image_upload },
    ROUTE("GET", "/v2/images/{id}/file", READER, 200, kn_image_api_download),
    { "PUT", "/v2/images/{id}/stage", MEMBER, 204, NULL, 0, 0, &kn_image_stage },
    ROUTE("POST", "/v2/images/{id}/import", MEMBER, 202, kn_image_api_import),
    ROUTE("GET", "/v2/images/{id}/tasks", READER, 200, kn_image_api_image_tasks),
    ROUTE("POST", "/v2/images/{id}/actions/deactivate", MEMBER, 204, kn_image_api_deactivate),
    ROUTE("POST", "/v2/images/{id}/actions/reactivate", MEMBER, 204, kn_image_api_reactivate),
    ROUTE("PUT", "/v2/images/{id}/tags/{tag}", MEMBER, 204, kn_image_api_tag),
    ROUTE("DELETE", "/v2/images/{id}/tags/{tag}", MEMBER, 204, kn_image_api_untag),
    ROUTE("GET", "/v2/images/{id}/members", READER, 200, kn_image_api_members),
    ROUTE("POST", "/v2/images/{id}/members", MEMBER, 200, kn_image_api_member_add),
    ROUTE("GET", "/v2/images/{id}/members/{member}", READER, 200, kn_image_api_member),
    ROUTE("PUT", "/v2/images/{id}/members/{member}", MEMBER, 200, kn_image_api_member_update),
    ROUTE("DELETE", "/v2/images/{id}/members/{member}", MEMBER, 204, kn_image_api_member_delete),
    ROUTE("GET", "/v2/schemas/{name}", READER, 200, kn_image_api_schema),
    ROUTE("GET", "/v2/info/import", READER, 200, kn_image_api_import_info),
    ROUTE("GET", "/v2/info/stores", READER, 200, kn_image_api_stores),
    ROUTE("GET", "/v2/info/stores/detail", ADMIN, 200, kn_image_api_stores_detail),
    ROUTE("GET", "/v2/info/usage", READER, 200, kn_image_api_usage),
    ROUTE("GET", "/v2/cache", ADMIN, 200, kn_image_api_no_cache),
    ROUTE("DELETE", "/v2/cache", ADMIN, 204, kn_image_api_no_cache),
    ROUTE("PUT", "/v2/cache/{id}", ADMIN, 202, kn_image_api_no_cache),
    ROUTE("DELETE", "/v2/cache/{id}", ADMIN, 204, kn_image_api_no_cache),
    ROUTE("POST", "/v2/cache/{id}", ADMIN, 200, kn_image_api_no_cache), /* clean, prune */
    ROUTE("GET", "/v2/cache/nodes/{id}", ADMIN, 200, kn_image_api_no_cache),
    ROUTE("POST", "/v2/tasks", ADMIN, 201, kn_image_api_task_create),
    ROUTE("GET", "/v2/tasks", ADMIN, 200, kn_image_api_tasks),
    ROUTE("GET", "/v2/tasks/{id}", ADMIN, 200, kn_image_api_task_show),
    ROUTE("DELETE", "/v2/tasks/{id}", ADMIN, 204, kn_image_api_task_delete),

    ROUTE("GET", "/v2/schemas/metadefs/{name}", READER, 200, kn_metadef_api_schema),
    ROUTE("GET", "/v2/metadefs/resource_types", READER, 200, kn_metadef_api_types),
    ROUTE("GET", SPACES, READER, 200, kn_metadef_api_namespaces),
    ROUTE("POST", SPACES, ADMIN, 201, kn_metadef_api_namespace_create),
    ROUTE("GET", SPACES "/{namespace}", READER, 200, kn_metadef_api_namespace),
    ROUTE("PUT", SPACES "/{namespace}", ADMIN, 200, kn_metadef_api_namespace_update),
    ROUTE("DELETE", SPACES "/{namespace}", ADMIN, 204, kn_metadef_api_namespace_delete),
    ROUTE("GET", SPACES "/{namespace}/{items}", READER, 200, kn_metadef_api_items),
    ROUTE("POST", SPACES "/{namespace}/{items}", ADMIN, 201, kn_metadef_api_item_create),
    ROUTE("DELETE", SPACES "/{namespace}/{items}", ADMIN, 204, kn_metadef_api_items_delete),
    ROUTE("GET", SPACES "/{namespace}/{items}/{name}", READER, 200, kn_metadef_api_item),
    ROUTE("PUT", SPACES "/{namespace}/{items}/{name}", ADMIN, 200, kn_metadef_api_item_update),
    ROUTE("POST", SPACES "/{namespace}/{items}/{name}", ADMIN, 201, kn_metadef_api_tag_create),
    ROUTE("DELETE", SPACES "/{namespace}/{items}/{name}", ADMIN, 204, kn_metadef_api_item_delete),
    { NULL, NULL, KN_POLICY_NONE, 0, NULL, 0, 0, NULL },
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

int kn_image_usable(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                    struct kn_error *err)
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
    kn_copy(ret->id, sizeof(ret->id), image.id);
    kn_copy(ret->status, sizeof(ret->status), image.status);
    kn_copy(ret->disk_format, sizeof(ret->disk_format), image.disk_format != NULL ? image.disk_format : "");
    return 0;
}
