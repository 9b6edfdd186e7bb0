/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts of images: made from a POST's body, changed by JSON patches in Glance's two dialects (a limited form of JSON pointers,
 * one step deep). What may be set to what is property.c's to say; who may, is the handler's. Pure.
 */
#include "image/api/patch.h"

#include <string.h>
#include <strings.h>

#include "image/rows/property.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

enum op { OP_ADD, OP_REMOVE, OP_REPLACE };
static const char *const OPS[] = { [OP_ADD] = "add", [OP_REMOVE] = "remove", [OP_REPLACE] = "replace" };
#define LOCATION "/locations/"
_Static_assert(KN_COUNT(OPS) == OP_REPLACE + 1, "a word for every operation");

int kn_image_patch_dialect_of(const char *content_type)
{
    static const struct {
        const char *type;
        enum kn_image_patch_dialect dialect;
    } TYPES[] = {
        { "application/openstack-images-v2.0-json-patch", KN_PATCH_V20 },
        { "application/openstack-images-v2.1-json-patch", KN_PATCH_V21 },
    };
    const size_t len = content_type == NULL ? 0 : strcspn(content_type, "; ");

    for (size_t i = 0; i < KN_COUNT(TYPES); i++) {
        if (strlen(TYPES[i].type) == len && strncasecmp(TYPES[i].type, content_type, len) == 0) {
            return (int)TYPES[i].dialect;
        }
    }
    return 0;
}

/* --- a new draft ---------------------------------------------------------------------------------------------------- */

int kn_image_draft_check(json_t *draft, struct kn_error *err)
{
    const char *name;
    json_t *value;
    size_t bytes = 0;
    int own = 0;

    json_object_foreach (draft, name, value) {
        if (kn_image_property(name) == NULL) {
            bytes += strlen(name) + json_string_length(value);
            own++;
        }
    }
    if (own > KN_MAX_IMAGE_PROPERTIES) {
        return kn_fail(err, KN_TOO_LARGE, "an image has at most %d properties, not %d", KN_MAX_IMAGE_PROPERTIES, own);
    }
    return bytes <= KN_MAX_IMAGE_PROPERTIES_SIZE
               ? 0
               : kn_fail(err, KN_TOO_LARGE, "the properties of an image have at most %d bytes in all, not %zu",
                         KN_MAX_IMAGE_PROPERTIES_SIZE, bytes);
}

/* Each tag once, in the order of its first use. */
static json_t *unique_tags(const json_t *tags)
{
    json_t *seen = json_object(), *unique = json_array();
    size_t i;
    json_t *tag;

    json_array_foreach (tags, i, tag) {
        if (json_object_get(seen, json_string_value(tag)) == NULL) {
            json_object_set(seen, json_string_value(tag), tag);
            json_array_append(unique, tag);
        }
    }
    json_decref(seen);
    return unique;
}

static void patch_set(json_t *draft, const char *name, json_t *value)
{
    if (strcmp(name, "tags") == 0) {
        json_object_set_new(draft, name, unique_tags(value));
    } else {
        json_object_set(draft, name, value);
    }
}

static json_t *defaults(const char *owner)
{
    return json_pack("{s:n, s:s, s:s, s:n, s:n, s:i, s:i, s:b, s:b, s:[]}", "name", "owner", owner, "visibility",
                     "shared", "disk_format", "container_format", "min_disk", 0, "min_ram", 0, "protected", 0,
                     "os_hidden", 0, "tags");
}

int kn_image_draft_new(const json_t *body, const char *owner, json_t **ret, struct kn_error *err)
{
    if (!json_is_object(body)) {
        return kn_fail(err, KN_BAD_REQUEST, "the body must be a JSON object");
    }
    json_t *draft = defaults(owner);
    const char *name;
    json_t *value;
    json_t *fields = json_copy((json_t *)(uintptr_t)body);
    int rc = 0;

    json_object_foreach (fields, name, value) {
        if (rc == 0 && (rc = kn_image_property_check(name, value, true, err)) == 0) {
            patch_set(draft, name, value);
        }
    }
    json_decref(fields);
    if (rc == 0) {
        rc = kn_image_draft_check(draft, err);
    }
    if (rc < 0) {
        json_decref(draft);
        return -1;
    }
    *ret = draft;
    return 0;
}

/* --- JSON patches --------------------------------------------------------------------------------------------------- */

struct change {
    enum op op;
    char name[4 * KN_MAX_IMAGE_TEXT + 1]; /* one token of the pointer, decoded */
    json_t *value; /* NULL: remove */
};

static int op_of(const char *word)
{
    for (int op = 0; op < (int)KN_COUNT(OPS); op++) {
        if (word != NULL && strcmp(OPS[op], word) == 0) {
            return op;
        }
    }
    return -1;
}

/* {"op": "add", "path": "/name", "value": …} */
static int read_v21(json_t *raw, int *ret_op, const char **ret_path, struct kn_error *err)
{
    *ret_op = op_of(json_string_value(json_object_get(raw, "op")));
    *ret_path = json_string_value(json_object_get(raw, "path"));
    if (*ret_op < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "an operation's \"op\" must be one of: add, remove, replace");
    }
    return *ret_path != NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "an operation's \"path\" must be a string");
}

/* {"add": "/name", "value": …} */
static int read_v20(json_t *raw, int *ret_op, const char **ret_path, struct kn_error *err)
{
    int found = 0;

    for (int op = 0; op < (int)KN_COUNT(OPS); op++) {
        json_t *path = json_object_get(raw, OPS[op]);

        if (path != NULL) {
            *ret_op = op;
            *ret_path = json_string_value(path);
            found++;
        }
    }
    if (found != 1 || *ret_path == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "an operation must have exactly one member named \"add\", \"remove\" or \"replace\", a string");
    }
    return 0;
}

static int fail_pointer(struct kn_error *err, const char *path)
{
    return kn_fail(err, KN_BAD_REQUEST, "Invalid JSON pointer for this resource: '%.128s'", path);
}

/* One token: "/name", with ~0 for ~ and ~1 for a slash. Locations alone have members ("/locations/-"), of which none can be touched. */
static int read_pointer(const char *path, char *name, size_t size, struct kn_error *err)
{
    size_t len = 0;

    if (path[0] != '/' || path[1] == '\0') {
        return fail_pointer(err, path);
    }
    if (strncmp(path, LOCATION, strlen(LOCATION)) == 0) {
        return kn_fail(err, KN_FORBIDDEN,
                       "It's not allowed to add, replace or remove locations if locations are invisible.");
    }
    for (const char *p = path + 1; *p != '\0'; p++) {
        const bool escape = *p == '~';

        p += escape;
        if (len + 1 >= size || (escape ? *p != '0' && *p != '1' : *p == '/')) {
            return fail_pointer(err, path);
        }
        name[len++] = !escape ? *p : *p == '0' ? '~' : '/';
    }
    name[len] = '\0';
    return 0;
}

/* Members of an operation that it does not need are ignored: RFC 6902, section 4. */
static int read_change(json_t *raw, enum kn_image_patch_dialect dialect, struct change *change, struct kn_error *err)
{
    int op = -1;
    const char *path = NULL;

    if (!json_is_object(raw)) {
        return kn_fail(err, KN_BAD_REQUEST, "operations must be JSON objects");
    }
    if ((dialect == KN_PATCH_V20 ? read_v20 : read_v21)(raw, &op, &path, err) < 0 ||
        read_pointer(path, change->name, sizeof(change->name), err) < 0) {
        return -1;
    }
    change->op = (enum op)op;
    change->value = change->op == OP_REMOVE ? NULL : json_object_get(raw, "value");
    if (change->op != OP_REMOVE && change->value == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "operation \"%s\" requires a member named \"value\"", OPS[change->op]);
    }
    return 0;
}

/* What the present draft says to a change whose words are in order. */
static int check_present(json_t *draft, const struct change *change, enum kn_image_patch_dialect dialect,
                         struct kn_error *err)
{
    const bool there = json_object_get(draft, change->name) != NULL;

    switch (change->op) {
    case OP_ADD:
        return there && dialect == KN_PATCH_V20
                   ? kn_fail(err, KN_CONFLICT, "Property %.64s already present.", change->name)
                   : 0;
    case OP_REMOVE:
        if (kn_image_property(change->name) != NULL) {
            return kn_fail(err, KN_FORBIDDEN, "Property %.64s may not be removed.", change->name);
        }
        break;
    case OP_REPLACE:
        break;
    }
    return there ? 0 : kn_fail(err, KN_CONFLICT, "Property %.64s does not exist.", change->name);
}

/*
 * openstacksdk patches what it read into what it wants, and takes a member that it does not know for a property: it "removes" the stores
 * of every image with data that it updates. That asks for nothing that a PATCH could do, and must not spoil the rest.
 */
static bool is_slip(const struct change *change)
{
    return change->op == OP_REMOVE && strcmp(change->name, "stores") == 0;
}

static int patch_apply(json_t *draft, const struct change *change, enum kn_image_patch_dialect dialect, bool queued,
                       struct kn_error *err)
{
    const bool is_format = strcmp(change->name, "disk_format") == 0 || strcmp(change->name, "container_format") == 0;

    if (is_slip(change)) {
        return 0;
    }
    if (kn_image_property_mutable(change->name, err) < 0 || check_present(draft, change, dialect, err) < 0) {
        return -1;
    }
    if (change->op == OP_REMOVE) {
        json_object_del(draft, change->name);
        return 0;
    }
    if (kn_image_property_check(change->name, change->value, false, err) < 0) {
        return -1;
    }
    if (is_format && !queued && !json_equal(change->value, json_object_get(draft, change->name))) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute %s can be only replaced for a queued image.", change->name);
    }
    patch_set(draft, change->name, change->value);
    return 0;
}

int kn_image_patch(json_t *draft, const json_t *patch, enum kn_image_patch_dialect dialect, bool queued,
                   struct kn_error *err)
{
    size_t i;
    json_t *raw;

    if (!json_is_array(patch)) {
        return kn_fail(err, KN_BAD_REQUEST, "the body must be a JSON array of operation objects");
    }
    json_array_foreach (patch, i, raw) {
        struct change change = { 0 };

        if (read_change(raw, dialect, &change, err) < 0 || patch_apply(draft, &change, dialect, queued, err) < 0) {
            return -1;
        }
    }
    return kn_image_draft_check(draft, err);
}
