/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image's attributes and the properties of its user's own may be called and hold. The attributes are noun.c's table, so are the
 * schemas that clients fetch (property_schema.c). Pure.
 */
#include "image/rows/property.h"

#include <string.h>

#include "image/rows/noun.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

/* Names that nobody may use: Glance's own, past and present. */
static const char *const RESERVED[] = { "location", "locations", "deleted", "deleted_at" };
#define RESERVED_PREFIX "os_glance_"

static bool property_is_reserved(const char *name)
{
    for (size_t i = 0; i < KN_COUNT(RESERVED); i++) {
        if (strcmp(RESERVED[i], name) == 0) {
            return true;
        }
    }
    return strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0;
}

const struct kn_rest_attr *kn_image_property(const char *name)
{
    const struct kn_rest_attr *a = kn_image_noun.attrs;

    while (a->name != NULL && (strcmp(a->name, name) != 0 || property_is_reserved(name))) {
        a++;
    }
    return a->name != NULL ? a : NULL;
}

static int property_check_value(const struct kn_rest_attr *a, const json_t *value, struct kn_error *err)
{
    const struct kn_schema fields[] = { kn_rest_field(a, KN_REST_POST), KN_SCHEMA_END };
    json_auto_t *object = json_pack("{s:O}", a->name, value);

    if (a->type == KN_REST_TAGS && json_array_size(value) > KN_MAX_IMAGE_TAGS) {
        return kn_fail(err, KN_TOO_LARGE, "an image has at most %d tags", KN_MAX_IMAGE_TAGS);
    }
    return kn_schema_check_in(KN_REST_GLANCE.words, fields, object, 0, err) == 0
               ? 0
               : kn_fail_context(err, "Provided object does not match schema 'image'");
}

/* kernel_id and ramdisk_id, as Glance's own custom schema has them. */
static bool is_nullable_id(const char *name)
{
    return strcmp(name, "kernel_id") == 0 || strcmp(name, "ramdisk_id") == 0;
}

static int check_custom(const char *name, const json_t *value, struct kn_error *err)
{
    if (!kn_limit_fits(KN_LIMIT_IMAGE_PROPERTY, name)) {
        return kn_fail(err, KN_BAD_REQUEST, "a property's name has %d to %d characters", KN_MIN_IMAGE_PROPERTY,
                       KN_MAX_IMAGE_PROPERTY);
    }
    if (is_nullable_id(name) && (json_is_null(value) || kn_uuid_valid(json_string_value(value)))) {
        return 0;
    }
    if (is_nullable_id(name) || !json_is_string(value)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" must be a %s", name, is_nullable_id(name) ? "uuid" : "string");
    }
    return 0;
}

int kn_image_property_mutable(const char *name, struct kn_error *err)
{
    const struct kn_rest_attr *a = kn_image_property(name);

    if (a != NULL && (a->may & KN_REST_PUT) == 0) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute '%s' is read-only.", name);
    }
    if (property_is_reserved(name)) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute '%.64s' is reserved.", name);
    }
    return 0;
}

int kn_image_property_check(const char *name, const json_t *value, bool creating, struct kn_error *err)
{
    const struct kn_rest_attr *a = kn_image_property(name);
    const bool once = creating && a != NULL && (a->may & KN_REST_POST) != 0;

    if (!once && kn_image_property_mutable(name, err) < 0) {
        return -1;
    }
    return a != NULL ? property_check_value(a, value, err) : check_custom(name, value, err);
}
