/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask about the service itself: schemas, import methods, stores. Version documents are the front door's. */
#include <string.h>

#include "image/api_private.h"
#include "image/property.h"
#include "lib/base/mem.h"

int kn_image_api_schema(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct {
        const char *name;
        void (*print)(struct kn_strbuf *out);
    } SCHEMAS[] = {
        { "image", kn_image_schema_print },
        { "images", kn_images_schema_print },
        { "member", kn_member_schema_print },
        { "members", kn_members_schema_print },
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
    kn_strbuf_addstr(&res->body, "{\"import-methods\":{\"description\":\"Import methods available.\","
                                 "\"type\":\"array\",\"value\":[]}}");
    return 0;
}

/* One store, so none to choose: what Glance says without "enabled_backends". */
int kn_image_api_stores(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    return kn_fail(err, KN_NOT_FOUND, "Multi backend is not supported at this site.");
}
