/* SPDX-License-Identifier: Apache-2.0 */
/* What definitions of metadata may hold: the tables and the check by them. The schemas are printed by metadef_schema.c. */
#include "image/rows/metadef.h"

#include <string.h>

#include "lib/base/mem.h"

static const char *const VISIBILITIES[] = { "public", "private", NULL };
static const char *const TYPES[] = { "array", "boolean", "integer", "number", "object", "string", NULL };

#define FIELD(name, type, rule) { name, KN_METADEF_##type, KN_METADEF_##rule, NULL, NULL }
#define WORD(name, rule, words) { name, KN_METADEF_TEXT, KN_METADEF_##rule, words, NULL }
#define ITEMS(name, kind) { name, KN_METADEF_ITEMS, KN_METADEF_FREE, NULL, kind }
#define TIMES FIELD("created_at", TEXT, READONLY), FIELD("updated_at", TEXT, READONLY)
#define LINKS FIELD("self", TEXT, READONLY), FIELD("schema", TEXT, READONLY)
#define END { NULL, KN_METADEF_TEXT, KN_METADEF_FREE, NULL, NULL }

static const struct kn_metadef_field NAMESPACE[] = {
    FIELD("namespace", TEXT, REQUIRED),
    FIELD("display_name", TEXT, FREE),
    FIELD("description", TEXT, FREE),
    WORD("visibility", FREE, VISIBILITIES),
    FIELD("protected", FLAG, FREE),
    FIELD("owner", TEXT, FREE),
    ITEMS("resource_type_associations", &kn_metadef_association),
    FIELD("properties", PROPERTIES, FREE),
    ITEMS("objects", &kn_metadef_object),
    ITEMS("tags", &kn_metadef_tag),
    TIMES,
    LINKS,
    END,
};

static const struct kn_metadef_field OBJECT[] = {
    FIELD("name", TEXT, REQUIRED),
    FIELD("description", TEXT, FREE),
    FIELD("required", TEXTS, FREE),
    FIELD("properties", PROPERTIES, FREE),
    TIMES,
    LINKS,
    END,
};

/* A piece of JSON schema. */
static const struct kn_metadef_field PROPERTY[] = {
    FIELD("name", TEXT, FREE),
    FIELD("title", TEXT, REQUIRED),
    WORD("type", REQUIRED, TYPES),
    FIELD("description", TEXT, FREE),
    FIELD("operators", TEXTS, FREE),
    FIELD("required", TEXTS, FREE),
    FIELD("minimum", NUMBER, FREE),
    FIELD("maximum", NUMBER, FREE),
    FIELD("minLength", COUNT_OF, FREE),
    FIELD("maxLength", COUNT_OF, FREE),
    FIELD("pattern", TEXT, FREE),
    FIELD("enum", LIST, FREE),
    FIELD("readonly", FLAG, FREE),
    FIELD("default", ANY, FREE),
    FIELD("items", DICT, FREE),
    FIELD("minItems", COUNT_OF, FREE),
    FIELD("maxItems", COUNT_OF, FREE),
    FIELD("uniqueItems", FLAG, FREE),
    FIELD("additionalItems", FLAG, FREE),
    END,
};

static const struct kn_metadef_field TAG[] = { FIELD("name", TEXT, REQUIRED), TIMES, END };

static const struct kn_metadef_field ASSOCIATION[] = {
    FIELD("name", TEXT, REQUIRED), FIELD("prefix", TEXT, FREE), FIELD("properties_target", TEXT, FREE), TIMES, END,
};

const struct kn_metadef_kind kn_metadef_namespace = { "namespace", "namespaces", "namespaces", "namespace", NAMESPACE, true, false };
const struct kn_metadef_kind kn_metadef_object = { "object", "objects", "objects", "object", OBJECT, true, false };
const struct kn_metadef_kind kn_metadef_property = { "property", "properties", "properties", "property", PROPERTY, true, true };
const struct kn_metadef_kind kn_metadef_tag = { "tag", "tags", "tags", "tag", TAG, true, false };
const struct kn_metadef_kind kn_metadef_association = {
    "resource_type", "resource_types", "resource_type_associations", "resource_type_association", ASSOCIATION, false, false,
};
const struct kn_metadef_kind *const kn_metadef_items[] = {
    &kn_metadef_object, &kn_metadef_property, &kn_metadef_tag, &kn_metadef_association, NULL,
};

const struct kn_metadef_kind *kn_metadef_kind(const char *collection)
{
    for (const struct kn_metadef_kind *const *kind = kn_metadef_items; *kind != NULL; kind++) {
        if (strcmp((*kind)->collection, collection) == 0) {
            return *kind;
        }
    }
    return NULL;
}

/* --- checks --------------------------------------------------------------------------------------------------------- */

static bool is_texts(json_t *value)
{
    size_t i;
    json_t *text;

    json_array_foreach(value, i, text) {
        if (!json_is_string(text)) {
            return false;
        }
    }
    return json_is_array(value);
}

static bool is_word(const char *const *words, json_t *value)
{
    while (*words != NULL && strcmp(*words, json_string_value(value)) != 0) {
        words++;
    }
    return *words != NULL;
}

/* The outer shape only; what is inside of lists of items and properties is looked at by check_inner(). */
static bool has_type(const struct kn_metadef_field *field, json_t *value)
{
    switch (field->type) {
    case KN_METADEF_TEXT: return json_is_string(value) && (field->words == NULL || is_word(field->words, value));
    case KN_METADEF_FLAG: return json_is_boolean(value);
    case KN_METADEF_COUNT_OF: return json_is_integer(value) && json_integer_value(value) >= 0;
    case KN_METADEF_NUMBER: return json_is_number(value);
    case KN_METADEF_TEXTS: return is_texts(value);
    case KN_METADEF_LIST:
    case KN_METADEF_ITEMS: return json_is_array(value);
    case KN_METADEF_DICT:
    case KN_METADEF_PROPERTIES: return json_is_object(value);
    case KN_METADEF_ANY: return true;
    case KN_METADEF_TYPE_COUNT: break;
    }
    return false;
}

static int check_name(const char *name, struct kn_error *err)
{
    size_t length = 0;

    for (const char *p = name; *p != '\0'; p++) {
        length += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return length >= 1 && length <= KN_MAX_METADEF_NAME
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "a name has 1 to %d characters", KN_MAX_METADEF_NAME);
}

static int check_inner(const struct kn_metadef_field *field, json_t *value, struct kn_error *err)
{
    size_t i;
    const char *name;
    json_t *inner;

    if (field->type == KN_METADEF_ITEMS) {
        json_array_foreach(value, i, inner) {
            if (kn_metadef_check(field->of, inner, err) < 0) {
                return -1;
            }
        }
    }
    if (field->type == KN_METADEF_PROPERTIES) {
        json_object_foreach(value, name, inner) {
            if (check_name(name, err) < 0 || kn_metadef_check(&kn_metadef_property, inner, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int check_field(const struct kn_metadef_kind *kind, const char *key, json_t *value, struct kn_error *err)
{
    const struct kn_metadef_field *field = kind->fields;

    while (field->name != NULL && strcmp(field->name, key) != 0) {
        field++;
    }
    if (field->name == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Additional properties are not allowed: '%.64s' of a %s.", key, kind->schema);
    }
    if (field->rule == KN_METADEF_READONLY) {
        return kn_fail(err, KN_FORBIDDEN, "Attribute '%s' is read-only.", key);
    }
    if (!has_type(field, value)) {
        return kn_fail(err, KN_BAD_REQUEST, "'%s' of a %s has not that type.", key, kind->schema);
    }
    if ((strcmp(key, "name") == 0 || strcmp(key, "namespace") == 0) && check_name(json_string_value(value), err) < 0) {
        return -1;
    }
    return check_inner(field, value, err);
}

int kn_metadef_check(const struct kn_metadef_kind *kind, json_t *body, struct kn_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(body)) {
        return kn_fail(err, KN_BAD_REQUEST, "a %s is a JSON object", kind->schema);
    }
    json_object_foreach(body, key, value) {
        if (check_field(kind, key, value, err) < 0) {
            return -1;
        }
    }
    for (const struct kn_metadef_field *field = kind->fields; field->name != NULL; field++) {
        if (field->rule == KN_METADEF_REQUIRED && json_object_get(body, field->name) == NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "'%s' is a required property of a %s.", field->name, kind->schema);
        }
    }
    return 0;
}
