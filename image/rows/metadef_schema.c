/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON schemas of metadef.c's tables, as dashboards and test suites fetch them. */
#include <string.h>

#include "image/rows/metadef.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

static const char *const TYPES[] = {
    [KN_METADEF_TEXT] = "\"string\"",     [KN_METADEF_FLAG] = "\"boolean\"",
    [KN_METADEF_COUNT_OF] = "\"integer\"", [KN_METADEF_NUMBER] = "\"number\"",
    [KN_METADEF_TEXTS] = "\"array\"",     [KN_METADEF_LIST] = "\"array\"",
    [KN_METADEF_DICT] = "\"object\"",     [KN_METADEF_ANY] = NULL,
    [KN_METADEF_PROPERTIES] = "\"object\"", [KN_METADEF_ITEMS] = "\"array\"",
};
_Static_assert(KN_COUNT(TYPES) == KN_METADEF_TYPE_COUNT, "a type a kind of field");

static void print_kind(struct kn_strbuf *out, const struct kn_metadef_kind *kind);

static void print_inner(struct kn_strbuf *out, const struct kn_metadef_field *field)
{
    if (field->type == KN_METADEF_TEXTS) {
        kn_jsonw_raw(out, "items", "{\"type\":\"string\"}");
    }
    if (field->type == KN_METADEF_COUNT_OF) {
        kn_jsonw_int(out, "minimum", 0);
    }
    if (field->type == KN_METADEF_ITEMS) {
        kn_jsonw_object(out, "items");
        print_kind(out, field->of);
        kn_jsonw_end_object(out);
    }
    if (field->type == KN_METADEF_PROPERTIES) {
        kn_jsonw_object(out, "additionalProperties");
        print_kind(out, &kn_metadef_property);
        kn_jsonw_end_object(out);
    }
}

static void print_field(struct kn_strbuf *out, const struct kn_metadef_field *field)
{
    kn_jsonw_object(out, field->name);
    if (TYPES[field->type] != NULL) {
        kn_jsonw_raw(out, "type", TYPES[field->type]);
    }
    if (strcmp(field->name, "name") == 0 || strcmp(field->name, "namespace") == 0) {
        kn_jsonw_int(out, "maxLength", KN_MAX_METADEF_NAME);
    }
    if (field->rule == KN_METADEF_READONLY) {
        kn_jsonw_bool(out, "readOnly", true);
    }
    if (field->words != NULL) {
        kn_jsonw_array(out, "enum");
        for (const char *const *word = field->words; *word != NULL; word++) {
            kn_jsonw_str(out, NULL, *word);
        }
        kn_jsonw_end_array(out);
    }
    print_inner(out, field);
    kn_jsonw_end_object(out);
}

/* Into the object being written. */
static void print_kind(struct kn_strbuf *out, const struct kn_metadef_kind *kind)
{
    kn_jsonw_str(out, "type", "object");
    kn_jsonw_object(out, "properties");
    for (const struct kn_metadef_field *field = kind->fields; field->name != NULL; field++) {
        print_field(out, field);
    }
    kn_jsonw_end_object(out);
    kn_jsonw_array(out, "required");
    for (const struct kn_metadef_field *field = kind->fields; field->name != NULL; field++) {
        if (field->rule == KN_METADEF_REQUIRED) {
            kn_jsonw_str(out, NULL, field->name);
        }
    }
    kn_jsonw_end_array(out);
    kn_jsonw_bool(out, "additionalProperties", false);
}

static void print_one(struct kn_strbuf *out, const struct kn_metadef_kind *kind)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", kind->schema);
    print_kind(out, kind);
    kn_jsonw_end_object(out);
}

static void print_list(struct kn_strbuf *out, const struct kn_metadef_kind *kind)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", kind->list);
    kn_jsonw_object(out, "properties");
    kn_jsonw_object(out, kind->list);
    kn_jsonw_str(out, "type", kind->is_map ? "object" : "array");
    kn_jsonw_object(out, kind->is_map ? "additionalProperties" : "items");
    print_kind(out, kind);
    kn_jsonw_end_object(out);
    kn_jsonw_end_object(out);
    for (const char *const *link = (const char *const[]){ "first", "next", "schema", NULL }; *link != NULL; link++) {
        kn_jsonw_raw(out, *link, "{\"type\":\"string\"}");
    }
    kn_jsonw_end_object(out);
    kn_jsonw_raw(out, "links", "[{\"rel\":\"first\",\"href\":\"{first}\"},{\"rel\":\"next\",\"href\":\"{next}\"},"
                               "{\"rel\":\"describedby\",\"href\":\"{schema}\"}]");
    kn_jsonw_end_object(out);
}

static bool print_named(const struct kn_metadef_kind *kind, const char *name, struct kn_strbuf *out)
{
    if (strcmp(name, kind->name) == 0) {
        print_one(out, kind);
        return true;
    }
    if (strcmp(name, kind->collection) == 0) {
        print_list(out, kind);
        return true;
    }
    return false;
}

bool kn_metadef_schema_print(const char *name, struct kn_strbuf *out)
{
    for (const struct kn_metadef_kind *const *kind = kn_metadef_items; *kind != NULL; kind++) {
        if (print_named(*kind, name, out)) {
            return true;
        }
    }
    return print_named(&kn_metadef_namespace, name, out);
}
