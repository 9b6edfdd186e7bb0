/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask about the service itself: schemas, import methods, stores, the cache that it has not. Version documents are the front door's. */
#include <string.h>

#include "image/api/private.h"
#include "image/rows/import_order.h"
#include "image/rows/property.h"
#include "lib/adapter/quota.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

int kn_image_api_schema(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct {
        const char *name;
        void (*print)(struct kn_strbuf *out);
    } SCHEMAS[] = {
        { "image", kn_image_schema_print },         { "images", kn_image_images_schema_print },
        { "member", kn_image_member_schema_print }, { "members", kn_image_members_schema_print },
        { "task", kn_image_task_schema_print },     { "tasks", kn_image_tasks_schema_print },
    };

    for (size_t i = 0; i < KN_COUNT(SCHEMAS); i++) {
        if (strcmp(SCHEMAS[i].name, req->params[0]) == 0) {
            SCHEMAS[i].print(&res->body);
            return 0;
        }
    }
    return kn_fail(err, KN_NOT_FOUND, "there is no schema \"%.64s\"", req->params[0]);
}

int kn_image_api_import_info(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "import-methods");
    kn_jsonw_str(&res->body, "description", "Import methods available.");
    kn_jsonw_str(&res->body, "type", "array");
    kn_jsonw_array(&res->body, "value");
    for (int i = 0; i < KN_IMPORT_METHOD_COUNT; i++) {
        kn_jsonw_str(&res->body, NULL, kn_image_import_method_names[i]);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

#define STORE "\"id\":\"" KN_IMAGE_STORE "\",\"description\":\"content-addressed directory\",\"default\":\"true\""

int kn_image_api_stores(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_strbuf_addstr(&res->body, "{\"stores\":[{" STORE "}]}");
    return 0;
}

int kn_image_api_stores_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)err;
    kn_strbuf_addstr(&res->body,
                     "{\"stores\":[{" STORE ",\"type\":\"file\",\"weight\":0,\"properties\":{\"data_dir\":");
    kn_strbuf_addjson(&res->body, req->conf->image_store_dir);
    kn_strbuf_addstr(&res->body, "}}]}");
    return 0;
}

int kn_image_api_usage(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;

    if (kn_quota_read(req->db, "image", req->caller.project_id, &set, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "usage");
    for (int i = 0; i < set.count; i++) {
        kn_jsonw_object(&res->body, set.lines[i].name);
        kn_jsonw_int(&res->body, "usage", set.lines[i].used);
        kn_jsonw_int(&res->body, "limit", set.lines[i].limit);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/*
 * Glance's words when it keeps no cache. Its calls fetch into, list and clear the copies that an API keeps beside itself of data in a store
 * far away; this API reads its store itself.
 */
int kn_image_api_no_cache(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    kn_fail(err, KN_NOT_FOUND,
            "Caching via API is not supported at this site: the API reads its store itself, and every host keeps "
            "the images of its servers by its own rules (agent.cache_mib).");
    return -1;
}
