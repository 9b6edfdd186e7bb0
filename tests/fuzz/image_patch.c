/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what a user may say about an image. The input is JSON, taken as the body of a POST and as a patch in both dialects;
 * a draft that was accepted must be one that the same checks accept again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/api/patch.h"
#include "image/rows/property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_draft(json_t *draft)
{
    const char *name;
    json_t *value;

    json_object_foreach (draft, name, value) {
        if (kn_image_property_check(name, value, true, NULL) < 0) {
            abort();
        }
    }
}

static void patch_with(const json_t *patch, enum kn_image_patch_dialect dialect)
{
    static const char BODY[] =
        "{\"name\":\"n\",\"own\":\"1\",\"tags\":[\"t\"],\"disk_format\":\"raw\",\"container_format\":\"bare\"}";
    json_t *body = json_loads(BODY, 0, NULL);
    json_t *draft = NULL;

    if (kn_image_draft_new(body, "owner", &draft, NULL) < 0) {
        abort();
    }
    if (kn_image_patch(draft, patch, dialect, dialect == KN_PATCH_V20, NULL) == 0) {
        check_draft(draft);
    }
    json_decref(draft);
    json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *draft = NULL;

    if (json == NULL) {
        return 0;
    }
    if (kn_image_draft_new(json, "owner", &draft, NULL) == 0) {
        check_draft(draft);
        json_decref(draft);
    }
    patch_with(json, KN_PATCH_V20);
    patch_with(json, KN_PATCH_V21);
    json_decref(json);
    return 0;
}
