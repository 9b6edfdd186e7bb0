/* SPDX-License-Identifier: Apache-2.0 */
/* Glance's rules for the body of an import: which members it must have, and what they may be. */
#include "image/rows/import_order.h"

#include <string.h>

#include "image/rows/image.h"
#include "lib/base/mem.h"
#include "lib/domain/schema.h"

const char *const kn_image_import_method_names[] = {
    [KN_IMPORT_DIRECT] = "glance-direct",
    [KN_IMPORT_DOWNLOAD] = "web-download",
    [KN_IMPORT_COPY] = "copy-image",
};
_Static_assert(KN_COUNT(kn_image_import_method_names) == KN_IMPORT_METHOD_COUNT, "one name a method");

/* Glance takes more and drops it; here only what glanceclient and openstacksdk may say of the methods that there are. */
static const struct kn_schema METHOD[] = { KN_SCHEMA("name", KN_IS_STRING),
                                           KN_SCHEMA("uri", KN_IS_STRING, .limit = KN_LIMIT_IMPORT_URI),
                                           KN_SCHEMA_END };
static const struct kn_schema STORE[] = { KN_SCHEMA("store", KN_IS_STRING), KN_SCHEMA_END };
static const struct kn_schema BODY[] = {
    KN_SCHEMA("method", KN_IS_OBJECT, .inner = METHOD),
    KN_SCHEMA("stores", KN_IS_LIST, .inner = STORE),
    KN_SCHEMA("all_stores", KN_IS_BOOLEAN, .flags = KN_EXACT),
    KN_SCHEMA("all_stores_must_succeed", KN_IS_BOOLEAN, .flags = KN_EXACT),
    KN_SCHEMA_END,
};

static int import_order_parse_method(const json_t *body, struct kn_image_import_order *ret, struct kn_error *err)
{
    const json_t *method = json_object_get(body, "method");
    const json_t *name = json_object_get(method, "name");

    if (method == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Import request requires a 'method' field.");
    }
    if (!json_is_string(name)) {
        return kn_fail(err, KN_BAD_REQUEST, "Import request requires a 'name' field.");
    }
    ret->uri = json_string_value(json_object_get(method, "uri"));
    if (ret->uri != NULL && strcmp(json_string_value(name), kn_image_import_method_names[KN_IMPORT_DOWNLOAD]) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Import method '%.64s' takes no 'uri'.", json_string_value(name));
    }
    for (int i = 0; i < KN_IMPORT_METHOD_COUNT; i++) {
        if (strcmp(kn_image_import_method_names[i], json_string_value(name)) == 0) {
            ret->method = (enum kn_image_import_method)i;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Unknown import method name '%.64s'.", json_string_value(name));
}

static int parse_flag(const json_t *body, const char *name, bool *flag, struct kn_error *err)
{
    const json_t *value = json_object_get(body, name);

    if (value != NULL && !json_is_boolean(value)) {
        return kn_fail(err, KN_BAD_REQUEST, "'%s' must be boolean value only", name);
    }
    *flag = value != NULL ? json_is_true(value) : *flag;
    return 0;
}

static int parse_stores(const json_t *body, struct kn_image_import_order *ret, struct kn_error *err)
{
    const json_t *stores = json_object_get(body, "stores");
    const json_t *store;
    size_t i;

    if (stores != NULL && ret->all_stores) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "All_stores parameter can't be used with x-image-meta-store header or stores parameter");
    }
    if (stores != NULL && (!json_is_array(stores) || json_array_size(stores) == 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "'stores' must be a list of store names");
    }
    json_array_foreach (stores, i, store) {
        if (!json_is_string(store)) {
            return kn_fail(err, KN_BAD_REQUEST, "'stores' must be a list of store names");
        }
        ret->names_unknown_store = ret->names_unknown_store || strcmp(json_string_value(store), KN_IMAGE_STORE) != 0;
    }
    return 0;
}

int kn_image_import_order_parse(const json_t *body, struct kn_image_import_order *ret, struct kn_error *err)
{
    struct kn_image_import_order order = { .method = KN_IMPORT_DIRECT };
    bool must_succeed = true; /* with one store both answers mean the same */

    if (!json_is_object(body)) {
        return kn_fail(err, KN_BAD_REQUEST, "Body expected in request.");
    }
    if (kn_schema_check(BODY, body, 0, err) < 0 || import_order_parse_method(body, &order, err) < 0 ||
        parse_flag(body, "all_stores_must_succeed", &must_succeed, err) < 0 ||
        parse_flag(body, "all_stores", &order.all_stores, err) < 0 || parse_stores(body, &order, err) < 0) {
        return -1;
    }
    *ret = order;
    return 0;
}
