/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes of an image as Glance names and limits them, and the checks on them. The schemas that clients fetch come
 * out of the same rows (property_schema.c prints them). Pure; rows in the database are image.c's.
 */
#include "image/rows/property.h"

#include <string.h>

#include "image/rows/property_private.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static const char *const STATUSES[] = { "queued", "saving", "active", "killed", "deleted", "uploading", "importing",
                                        "pending_delete", "deactivated", NULL };
static const char *const VISIBILITIES[] = { "community", "public", "private", "shared", NULL };
static const char *const CONTAINERS[] = { "ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed", NULL };
static const char *const DISKS[] = { "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
                                     NULL };

const struct kn_image_property kn_image_properties[] = {
    { "id", KN_PROPERTY_STRING, KN_PROPERTY_ONCE, NULL, "An identifier for the image" },
    { "name", KN_PROPERTY_NULLABLE, KN_PROPERTY_FREE, NULL, "Descriptive name for the image" },
    { "status", KN_PROPERTY_STRING, KN_PROPERTY_READONLY, STATUSES, "Status of the image" },
    { "visibility", KN_PROPERTY_STRING, KN_PROPERTY_FREE, VISIBILITIES, "Scope of image accessibility" },
    { "protected", KN_PROPERTY_BOOLEAN, KN_PROPERTY_FREE, NULL, "If true, image will not be deletable." },
    { "os_hidden", KN_PROPERTY_BOOLEAN, KN_PROPERTY_FREE, NULL,
      "If true, image will not appear in default image list response." },
    { "checksum", KN_PROPERTY_NULLABLE, KN_PROPERTY_READONLY, NULL, "md5 hash of image contents." },
    { "os_hash_algo", KN_PROPERTY_NULLABLE, KN_PROPERTY_READONLY, NULL, "Algorithm to calculate the os_hash_value" },
    { "os_hash_value", KN_PROPERTY_NULLABLE, KN_PROPERTY_READONLY, NULL,
      "Hexdigest of the image contents using the algorithm specified by the os_hash_algo" },
    { "owner", KN_PROPERTY_NULLABLE, KN_PROPERTY_FREE, NULL, "Owner of the image" },
    { "size", KN_PROPERTY_SIZE, KN_PROPERTY_READONLY, NULL, "Size of image file in bytes" },
    { "virtual_size", KN_PROPERTY_SIZE, KN_PROPERTY_READONLY, NULL, "Virtual size of image in bytes" },
    { "container_format", KN_PROPERTY_NULLABLE, KN_PROPERTY_FREE, CONTAINERS, "Format of the container" },
    { "disk_format", KN_PROPERTY_NULLABLE, KN_PROPERTY_FREE, DISKS, "Format of the disk" },
    { "created_at", KN_PROPERTY_STRING, KN_PROPERTY_READONLY, NULL, "Date and time of image registration" },
    { "updated_at", KN_PROPERTY_STRING, KN_PROPERTY_READONLY, NULL, "Date and time of the last image modification" },
    { "tags", KN_PROPERTY_TAGS, KN_PROPERTY_FREE, NULL, "List of strings related to the image" },
    { "direct_url", KN_PROPERTY_STRING, KN_PROPERTY_LINK, NULL, "URL to access the image file kept in external store" },
    { "min_ram", KN_PROPERTY_INTEGER, KN_PROPERTY_FREE, NULL, "Amount of ram (in MB) required to boot image." },
    { "min_disk", KN_PROPERTY_INTEGER, KN_PROPERTY_FREE, NULL, "Amount of disk space (in GB) required to boot image." },
    { "self", KN_PROPERTY_STRING, KN_PROPERTY_LINK, NULL, "An image self url" },
    { "file", KN_PROPERTY_STRING, KN_PROPERTY_LINK, NULL, "An image file url" },
    { "schema", KN_PROPERTY_STRING, KN_PROPERTY_LINK, NULL, "An image schema url" },
    { "stores", KN_PROPERTY_STRING, KN_PROPERTY_LINK, NULL, "Store in which image data resides" },
    { NULL, KN_PROPERTY_STRING, KN_PROPERTY_FREE, NULL, NULL },
};

/* Names that nobody may use: Glance's own, past and present. */
static const char *const RESERVED[] = { "location", "locations", "deleted", "deleted_at" };
#define RESERVED_PREFIX "os_glance_"

const struct kn_image_property *kn_image_property(const char *name)
{
    for (const struct kn_image_property *p = kn_image_properties; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < KN_COUNT(RESERVED); i++) {
        if (strcmp(RESERVED[i], name) == 0) {
            return true;
        }
    }
    return strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0;
}

static int check_text(const char *name, const char *text, struct kn_error *err)
{
    return kn_limit_fits(KN_LIMIT_IMAGE_TEXT, text)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "\"%s\" is longer than %d characters", name, KN_MAX_IMAGE_TEXT);
}

static int check_word(const struct kn_image_property *p, const char *text, struct kn_error *err)
{
    if (p->words == NULL) {
        return 0;
    }
    for (const char *const *word = p->words; *word != NULL; word++) {
        if (strcmp(*word, text) == 0) {
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "\"%.64s\" is not a %s that is known", text, p->name);
}

static int check_string(const struct kn_image_property *p, const json_t *value, struct kn_error *err)
{
    const char *text = json_string_value(value);

    if (text == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be a string", p->name);
    }
    if (strcmp(p->name, "id") == 0 && !kn_uuid_valid(text)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"id\" must be a uuid");
    }
    return check_text(p->name, text, err) < 0 ? -1 : check_word(p, text, err);
}

static int check_integer(const struct kn_image_property *p, const json_t *value, struct kn_error *err)
{
    if (!json_is_integer(value) || kn_limit_short(KN_LIMIT_IMAGE_MINIMUM, json_integer_value(value)) ||
        kn_limit_long(KN_LIMIT_IMAGE_MINIMUM, json_integer_value(value))) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be an integer from %d to %d", p->name, KN_MIN_IMAGE_MINIMUM, KN_MAX_IMAGE_MINIMUM);
    }
    return 0;
}

static int check_tags(const json_t *value, struct kn_error *err)
{
    size_t i;
    const json_t *tag;

    if (!json_is_array(value)) {
        return kn_fail(err, KN_BAD_REQUEST, "\"tags\" must be a list of strings");
    }
    if (json_array_size(value) > KN_MAX_IMAGE_TAGS) {
        return kn_fail(err, KN_TOO_LARGE, "an image has at most %d tags", KN_MAX_IMAGE_TAGS);
    }
    json_array_foreach(value, i, tag) {
        if (!json_is_string(tag)) {
            return kn_fail(err, KN_BAD_REQUEST, "\"tags\" must be a list of strings");
        }
        if (check_text("tags", json_string_value(tag), err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_value(const struct kn_image_property *p, const json_t *value, struct kn_error *err)
{
    switch (p->kind) {
    case KN_PROPERTY_STRING:
        return check_string(p, value, err);
    case KN_PROPERTY_NULLABLE:
        return json_is_null(value) ? 0 : check_string(p, value, err);
    case KN_PROPERTY_INTEGER:
    case KN_PROPERTY_SIZE:
        return check_integer(p, value, err);
    case KN_PROPERTY_BOOLEAN:
        return json_is_boolean(value) ? 0 : kn_fail(err, KN_BAD_REQUEST, "\"%s\" must be true or false", p->name);
    case KN_PROPERTY_TAGS:
        return check_tags(value, err);
    }
    return kn_fail(err, KN_INTERNAL, "property \"%s\" has no kind", p->name);
}

/* kernel_id and ramdisk_id, as Glance's own custom schema has them. */
static bool is_nullable_id(const char *name)
{
    return strcmp(name, "kernel_id") == 0 || strcmp(name, "ramdisk_id") == 0;
}

static int check_custom(const char *name, const json_t *value, struct kn_error *err)
{
    if (!kn_limit_fits(KN_LIMIT_IMAGE_PROPERTY, name)) {
        return kn_fail(err, KN_BAD_REQUEST, "a property's name has %d to %d characters", KN_MIN_IMAGE_PROPERTY, KN_MAX_IMAGE_PROPERTY);
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
    const struct kn_image_property *p = kn_image_property(name);

    if (p != NULL && p->rule != KN_PROPERTY_FREE) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute '%s' is read-only.", name);
    }
    if (is_reserved(name)) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute '%.64s' is reserved.", name);
    }
    return 0;
}

int kn_image_property_check(const char *name, const json_t *value, bool creating, struct kn_error *err)
{
    const struct kn_image_property *p = kn_image_property(name);
    const bool once = creating && p != NULL && p->rule == KN_PROPERTY_ONCE;

    if (!once && kn_image_property_mutable(name, err) < 0) {
        return -1;
    }
    return p != NULL ? check_value(p, value, err) : check_custom(name, value, err);
}
