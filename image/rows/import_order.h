/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_order: the body of POST …/import, read. Pure. A body of an import that is under way is read again by kilonova-image, so
 * whatever this accepts must stay acceptable.
 */
#ifndef KN_IMAGE_ROWS_IMPORT_ORDER_H
#define KN_IMAGE_ROWS_IMPORT_ORDER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"

enum kn_image_import_method { KN_IMPORT_DIRECT, KN_IMPORT_DOWNLOAD, KN_IMPORT_COPY, KN_IMPORT_METHOD_COUNT };

struct kn_image_import_order {
    enum kn_image_import_method method;
    const char *uri;         /* of KN_IMPORT_DOWNLOAD; NULL if the body has none. Lives as long as the body */
    bool all_stores;
    bool names_unknown_store;
};

/* "glance-direct" and so on. */
extern const char *const kn_image_import_method_names[KN_IMPORT_METHOD_COUNT];

/* KN_BAD_REQUEST in Glance's words. */
int kn_image_import_order_parse(const json_t *body, struct kn_image_import_order *ret, struct kn_error *err);

#endif
