/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of metadata's definitions: what a namespace and its items may hold, and what is shown of them. Rows of items are metadef_item.c's. */
#include "image/rows/metadef.h"

#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

/* --- what bodies hold ------------------------------------------------------------------------------------------------- */

static const char *const VISIBILITIES[] = { "public", "private", NULL };
static const char *const TYPES[] = { "array", "boolean", "integer", "number", "object", "string", NULL };

#define SIZED(n, f, l) KN_SCHEMA(n, KN_IS_STRING, .flags = f, .limit = KN_LIMIT_METADEF_##l)
#define TEXT(n, f) SIZED(n, f, TEXT)
#define NAME(n, f) SIZED(n, f, NAME)
#define WORD(n, f, w) KN_SCHEMA(n, KN_IS_STRING, .flags = f, .words = w)
#define FLAG(n) KN_SCHEMA(n, KN_IS_BOOLEAN, .flags = KN_EXACT)
#define LENGTH(n) KN_SCHEMA(n, KN_IS_INTEGER, .flags = KN_EXACT, .limit = KN_LIMIT_METADEF_LENGTH)
#define NUMBER(n) KN_SCHEMA(n, KN_IS_NUMBER, .flags = KN_EXACT)
#define LIST(n, i) KN_SCHEMA(n, KN_IS_LIST, .inner = i)
#define PROPERTIES(n) KN_SCHEMA(n, KN_IS_MAP, .rule = &ITEM_NAME, .inner = PROPERTY_ITEM)

static bool is_item_name(const char *text)
{
    return kn_limit_fits(KN_LIMIT_METADEF_NAME, text);
}

static const struct kn_text_rule ITEM_NAME = { is_item_name, "is no name of 1 to 80 characters", false };
static const struct kn_schema TEXTS[] = { TEXT("text", 0), KN_SCHEMA_END };

/* A piece of JSON schema. */
static const struct kn_schema PROPERTY[] = {
    NAME("name", 0),
    TEXT("title", KN_REQUIRED),
    WORD("type", KN_REQUIRED, TYPES),
    TEXT("description", 0),
    LIST("operators", TEXTS),
    LIST("required", TEXTS),
    NUMBER("minimum"),
    NUMBER("maximum"),
    LENGTH("minLength"),
    LENGTH("maxLength"),
    TEXT("pattern", 0),
    LIST("enum", NULL),
    FLAG("readonly"),
    KN_SCHEMA("default", KN_IS_ANY),
    KN_SCHEMA("items", KN_IS_OBJECT),
    LENGTH("minItems"),
    LENGTH("maxItems"),
    FLAG("uniqueItems"),
    FLAG("additionalItems"),
    KN_SCHEMA_END,
};
static const struct kn_schema PROPERTY_ITEM[] = { KN_SCHEMA("property", KN_IS_OBJECT, .inner = PROPERTY),
                                                  KN_SCHEMA_END };
static const struct kn_schema OBJECT[] = {
    NAME("name", KN_REQUIRED), TEXT("description", 0), LIST("required", TEXTS), PROPERTIES("properties"), KN_SCHEMA_END,
};
static const struct kn_schema OBJECT_ITEM[] = { KN_SCHEMA("object", KN_IS_OBJECT, .inner = OBJECT), KN_SCHEMA_END };
static const struct kn_schema TAG[] = { NAME("name", KN_REQUIRED), KN_SCHEMA_END };
static const struct kn_schema TAG_ITEM[] = { KN_SCHEMA("tag", KN_IS_OBJECT, .inner = TAG), KN_SCHEMA_END };
static const struct kn_schema TAG_LIST[] = { KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED, .inner = TAG_ITEM),
                                             KN_SCHEMA_END };
static const struct kn_schema ASSOCIATION[] = { NAME("name", KN_REQUIRED), SIZED("prefix", 0, DISPLAY_NAME),
                                                SIZED("properties_target", 0, DISPLAY_NAME), KN_SCHEMA_END };
static const struct kn_schema ASSOCIATION_ITEM[] = { KN_SCHEMA("association", KN_IS_OBJECT, .inner = ASSOCIATION),
                                                     KN_SCHEMA_END };
static const struct kn_schema NAMESPACE[] = {
    NAME("namespace", KN_REQUIRED),
    SIZED("display_name", 0, DISPLAY_NAME),
    SIZED("description", 0, DESCRIPTION),
    WORD("visibility", 0, VISIBILITIES),
    FLAG("protected"),
    SIZED("owner", 0, OWNER),
    LIST("resource_type_associations", ASSOCIATION_ITEM),
    PROPERTIES("properties"),
    LIST("objects", OBJECT_ITEM),
    LIST("tags", TAG_ITEM),
    KN_SCHEMA_END,
};

/* --- items ------------------------------------------------------------------------------------------------------------ */

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
/* The JSON of the row i of metadef_item. */
#define ITEM \
    "(i.body || jsonb_build_object('name', i.name) || CASE i.kind WHEN 'property' THEN '{}'::jsonb ELSE " \
    "jsonb_build_object('created_at', " TIME("i.created_at") ", 'updated_at', " TIME( \
        "i.updated_at") ") END || " \
                        "CASE i.kind WHEN 'object' THEN jsonb_build_object('self', '/v2/metadefs/namespaces/' || i.namespace || '/objects/' || i.name, " \
                        "'schema', '/v2/schemas/metadefs/object') ELSE '{}'::jsonb END)"

static const struct kn_rest_attr ITEMS[] = {
    KN_REST_ATTR("name", "i.name", KN_REST_TEXT, KN_REST_SORT | KN_REST_WRITE),
    KN_REST_ATTR("created_at", "i.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTR("updated_at", "i.updated_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTR("item", ITEM, KN_REST_MEMBERS, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};

#define KIND(row, singular, plural, collection, schema, map) \
    { \
        .one = singular, .many = plural, .label = singular, .path = "/metadefs/" collection, .from = "metadef_item i", \
        .id = "i.name", .id_type = KN_REST_TEXT, .kept = "i.kind = '" row "'", .order = "created_at", \
        .ties = "created_at,name", .attrs = ITEMS, .manners = &KN_REST_GLANCE, .body = schema, .is_map = map, \
        .is_unpaged = true, .limit_default = KN_MAX_PAGE, \
        .absent = "The metadata definition " row " with name=%2 was not found." \
    }
static const struct kn_rest_noun OBJECTS = KIND("object", "object", "objects", "objects", OBJECT, false);
static const struct kn_rest_noun PROPERTIES_NOUN = KIND("property", "property", "properties", "properties", PROPERTY,
                                                        true);
static const struct kn_rest_noun TAGS = KIND("tag", "tag", "tags", "tags", TAG, false);
/* clang-format off */
static const struct kn_rest_noun ASSOCIATIONS =
    KIND("resource_type", "resource_type_association", "resource_type_associations", "resource_types", ASSOCIATION, false);
/* clang-format on */
const struct kn_rest_noun kn_image_metadef_tag_list = {
    .one = "tags", .many = "tags", .attrs = ITEMS, .manners = &KN_REST_GLANCE, .body = TAG_LIST
};

const struct kn_image_metadef_kind kn_image_metadef_kinds[] = {
    [KN_METADEF_OBJECT] = { "object", "objects", &OBJECTS, true },
    [KN_METADEF_PROPERTY] = { "property", "properties", &PROPERTIES_NOUN, true },
    [KN_METADEF_TAG] = { "tag", "tags", &TAGS, true },
    [KN_METADEF_ASSOCIATION] = { "resource_type", "resource_types", &ASSOCIATIONS, false },
};
_Static_assert(KN_COUNT(kn_image_metadef_kinds) == KN_METADEF_KINDS, "one row a kind");

/* --- namespaces ------------------------------------------------------------------------------------------------------- */

/* Names of properties begin with the prefix of the association that is asked for; the handler keeps it in params[1]. */
static const char *prefix_of(const struct kn_request *req)
{
    return req->params[1] != NULL ? req->params[1] : "";
}

static json_t *prefixed_map(const json_t *map, const char *prefix)
{
    json_t *out = json_object(), *value = NULL;
    const char *name = NULL;

    json_object_foreach ((json_t *)(uintptr_t)map, name, value) { /* jansson walks over non-const objects only */
        AUTO_FREE char *longer = kn_asprintf("%s%s", prefix, name);

        json_object_set(out, longer, value);
    }
    return out;
}

static json_t *prefixed_list(const json_t *list, const char *prefix)
{
    json_t *out = json_array(), *value = NULL;
    size_t i = 0;

    json_array_foreach (list, i, value) {
        json_array_append_new(out, json_sprintf("%s%s", prefix, json_string_value(value)));
    }
    return out;
}

static void print_json(const char *name, const json_t *value, struct kn_strbuf *out)
{
    AUTO_FREE char *text = json_dumps(value, JSON_COMPACT);

    kn_jsonw_raw(out, name, text);
}

static void print_properties(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    json_auto_t *map = json_loads(value, 0, NULL), *longer = prefixed_map(map, prefix_of(req));

    if (json_object_size(longer) > 0) {
        print_json(name, longer, out);
    }
}

static void print_objects(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    json_auto_t *list = json_loads(value, 0, NULL);
    json_t *object = NULL;
    size_t i = 0;

    json_array_foreach (list, i, object) {
        const json_t *properties = json_object_get(object, "properties"),
                     *required = json_object_get(object, "required");

        if (properties != NULL) {
            json_object_set_new(object, "properties", prefixed_map(properties, prefix_of(req)));
        }
        if (required != NULL) {
            json_object_set_new(object, "required", prefixed_list(required, prefix_of(req)));
        }
    }
    if (json_array_size(list) > 0) {
        print_json(name, list, out);
    }
}

/* All of a kind that the row n of metadef_namespace holds. */
#define HELD(kind, aggregate) \
    "(SELECT " aggregate " FROM metadef_item i WHERE i.namespace = n.namespace AND i.kind = '" kind "')"
#define WHOLE (KN_REST_SHOW | KN_REST_CHANGED)
#define SET (KN_REST_SHOWN | KN_REST_WRITE | KN_REST_IF_SET)

static const struct kn_rest_attr SPACES[] = {
    KN_REST_ATTR("namespace", "n.namespace", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT | KN_REST_WRITE,
                 .column = "namespace"),
    KN_REST_ATTR("owner", "n.owner", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE, .column = "owner"),
    KN_REST_ATTR("visibility", "n.visibility", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_WRITE, .column = "visibility"),
    KN_REST_ATTR("protected", "n.protected", KN_REST_BOOL, KN_REST_SHOWN | KN_REST_WRITE, .column = "protected"),
    KN_REST_ATTR("display_name", "n.display_name", KN_REST_TEXT, SET, .column = "display_name"),
    KN_REST_ATTR("description", "n.description", KN_REST_TEXT, SET, .column = "description"),
    KN_REST_ATTR("created_at", "n.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("updated_at", "n.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("self", "'/v2/metadefs/namespaces/' || n.namespace", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("schema", "'/v2/schemas/metadefs/namespace'", KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("resource_type_associations", HELD("resource_type", "jsonb_agg(" ITEM " ORDER BY i.name)"),
                 KN_REST_JSON, SET),
    KN_REST_ATTR("properties", HELD("property", "jsonb_object_agg(i.name, i.body)"), KN_REST_JSON,
                 WHOLE | KN_REST_WRITE, .print = print_properties),
    KN_REST_ATTR("objects", HELD("object", "jsonb_agg(" ITEM " ORDER BY i.name)"), KN_REST_JSON, WHOLE | KN_REST_WRITE,
                 .print = print_objects),
    KN_REST_ATTR("tags", HELD("tag", "jsonb_agg(jsonb_build_object('name', i.name) ORDER BY i.name)"), KN_REST_JSON,
                 WHOLE | KN_REST_WRITE | KN_REST_IF_SET),
    KN_REST_ATTRS_END,
};

static int add_visibility(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                          struct kn_error *err)
{
    (void)key;
    if (strcmp(value, "public") != 0 && strcmp(value, "private") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid visibility value: %.32s", value);
    }
    kn_rest_where(l, "%C = ?", a->sql, value);
    return 0;
}

/* a,b: associated with one of them. */
static int add_types(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                     struct kn_error *err)
{
    (void)a;
    (void)key;
    (void)err;
    kn_rest_where(l,
                  "EXISTS (SELECT FROM metadef_item i WHERE i.namespace = n.namespace AND i.kind = 'resource_type' AND "
                  "i.name = ANY (string_to_array(?, ',')))",
                  NULL, value);
    return 0;
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("visibility", add_visibility, .sql = "n.visibility", .type = KN_REST_TEXT),
    KN_REST_PARAM("resource_types", add_types),
    KN_REST_PARAMS_END,
};

static int metadef_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    (void)req;
    (void)err;
    *ret_id = json_string_value(json_object_get(object, "namespace"));
    return 0;
}

/* What a PUT does not say gets its default; what the namespace holds stays. */
static int metadef_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                          struct kn_error *err)
{
    static const char *const DEFAULTS[] = { "visibility", "protected", "display_name", "description" };

    if (object == NULL) {
        return strcmp(kn_rest_was(&kn_image_metadef_namespaces, now, "protected"), "t") != 0
                   ? 0
                   : kn_fail(err, KN_FORBIDDEN,
                             "Metadata definition namespace %.100s is protected and cannot be deleted.", id);
    }
    if (json_object_get(object, "owner") == NULL) {
        json_object_set_new(object, "owner", json_string(req->caller.project_id));
    }
    for (size_t i = 0; now != NULL && i < KN_COUNT(DEFAULTS); i++) {
        if (json_object_get(object, DEFAULTS[i]) == NULL) {
            json_object_set_new(object, DEFAULTS[i], json_null());
        }
    }
    return 0;
}

static int add_held(struct kn_request *req, const char *space, const struct kn_image_metadef_kind *kind,
                    const json_t *held, struct kn_error *err)
{
    const char *name = NULL;
    json_t *item = NULL;
    size_t i = 0;

    json_array_foreach (held, i, item) {
        if (kn_image_metadef_item_add(req->db, space, kind, NULL, item, err) < 0) {
            return -1;
        }
    }
    json_object_foreach ((json_t *)(uintptr_t)held, name, item) { /* jansson walks over non-const objects only */
        if (kn_image_metadef_item_add(req->db, space, kind, name, item, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* A new namespace brings its items along. */
static int metadef_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    for (int i = 0; now == NULL && i < KN_METADEF_KINDS; i++) {
        if (add_held(req, id, &kn_image_metadef_kinds[i], json_object_get(object, kn_image_metadef_kinds[i].noun->many),
                     err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int metadef_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    (void)constraint;
    return kn_fail(err, KN_CONFLICT, "The metadata definition namespace=%.100s already exists.",
                   kn_schema_text(object, "namespace", ""));
}

const struct kn_rest_noun kn_image_metadef_namespaces = {
    .one = "namespace",
    .many = "namespaces",
    .label = "namespace",
    .path = "/metadefs/namespaces",
    .from = "metadef_namespace n",
    .id = "n.namespace",
    .id_type = KN_REST_TEXT,
    .visible = "(n.visibility = 'public' OR n.owner = ?)",
    .order = "created_at",
    .ties = "created_at,namespace",
    .limit_default = KN_MAX_PAGE,
    .attrs = SPACES,
    .params = PARAMS,
    .manners = &KN_REST_GLANCE,
    .body = NAMESPACE,
    .absent_marker = true,
    .absent = "The metadata definition namespace=%2 was not found.",
    .table = "metadef_namespace",
    .choose_id = metadef_choose_id,
    .decide = metadef_decide,
    .after = metadef_after,
    .clash = metadef_clash,
};

/* --- schemas ---------------------------------------------------------------------------------------------------------- */

static void print_fields(struct kn_strbuf *out, const struct kn_schema *fields, const struct kn_rest_attr *shown);

static void metadef_print_row(struct kn_strbuf *out, const char *name, const struct kn_schema *row)
{
    static const char *const NAMES[] = {
        [KN_IS_STRING] = "string",   [KN_IS_INTEGER] = "integer", [KN_IS_NUMBER] = "number",
        [KN_IS_BOOLEAN] = "boolean", [KN_IS_OBJECT] = "object",   [KN_IS_LIST] = "array",
        [KN_IS_MAP] = "object",      [KN_IS_NULL] = "null",       [KN_IS_ANY] = NULL,
    };
    _Static_assert(KN_COUNT(NAMES) == KN_IS_ANY + 1, "a name a shape");

    kn_jsonw_object(out, name);
    if (NAMES[row->shape] != NULL) {
        kn_jsonw_str(out, "type", NAMES[row->shape]);
    }
    if (row->shape == KN_IS_INTEGER) {
        kn_jsonw_int(out, "minimum", kn_limit_rows[row->limit].min);
    } else if (row->limit != KN_LIMIT_NONE) {
        kn_jsonw_int(out, "maxLength", kn_limit_rows[row->limit].max);
    }
    if (row->words != NULL) {
        kn_jsonw_array(out, "enum");
        for (const char *const *word = row->words; *word != NULL; word++) {
            kn_jsonw_str(out, NULL, *word);
        }
        kn_jsonw_end_array(out);
    }
    if (row->shape == KN_IS_OBJECT && row->inner != NULL) {
        print_fields(out, row->inner, NULL);
    } else if (row->inner != NULL) {
        metadef_print_row(out, row->shape == KN_IS_LIST ? "items" : "additionalProperties", row->inner);
    }
    kn_jsonw_end_object(out);
}

/* shown: what is read-only beside them; NULL: nothing. */
static void print_fields(struct kn_strbuf *out, const struct kn_schema *fields, const struct kn_rest_attr *shown)
{
    kn_jsonw_object(out, "properties");
    for (const struct kn_schema *row = fields; row->name != NULL; row++) {
        metadef_print_row(out, row->name, row);
    }
    for (const struct kn_rest_attr *a = shown; a != NULL && a->name != NULL; a++) {
        if ((a->may & KN_REST_WRITE) == 0 && a->type != KN_REST_MEMBERS) {
            kn_jsonw_raw(out, a->name, "{\"type\":\"string\",\"readOnly\":true}");
        }
    }
    kn_jsonw_end_object(out);
    kn_jsonw_array(out, "required");
    for (const struct kn_schema *row = fields; row->name != NULL; row++) {
        if ((row->flags & KN_REQUIRED) != 0) {
            kn_jsonw_str(out, NULL, row->name);
        }
    }
    kn_jsonw_end_array(out);
    kn_jsonw_bool(out, "additionalProperties", false);
}

static void print_one(struct kn_strbuf *out, const struct kn_rest_noun *noun)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", noun->one);
    kn_jsonw_str(out, "type", "object");
    print_fields(out, noun->body, noun->attrs);
    kn_jsonw_end_object(out);
}

static void print_many(struct kn_strbuf *out, const struct kn_rest_noun *noun)
{
    const struct kn_schema item[] = { KN_SCHEMA(noun->one, KN_IS_OBJECT, .inner = noun->body), KN_SCHEMA_END };
    const struct kn_schema list = KN_SCHEMA(noun->many, noun->is_map ? KN_IS_MAP : KN_IS_LIST, .inner = item);

    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", noun->many);
    kn_jsonw_object(out, "properties");
    metadef_print_row(out, noun->many, &list);
    for (const char *const *link = (const char *const[]){ "first", "next", "schema", NULL }; *link != NULL; link++) {
        kn_jsonw_raw(out, *link, "{\"type\":\"string\"}");
    }
    kn_jsonw_end_object(out);
    kn_jsonw_raw(out, "links",
                 "[{\"rel\":\"first\",\"href\":\"{first}\"},{\"rel\":\"next\",\"href\":\"{next}\"},"
                 "{\"rel\":\"describedby\",\"href\":\"{schema}\"}]");
    kn_jsonw_end_object(out);
}

static bool print_named(const struct kn_rest_noun *noun, const char *one, const char *many, const char *name,
                        struct kn_strbuf *out)
{
    const bool is_one = strcmp(name, one) == 0;

    if (is_one || strcmp(name, many) == 0) {
        (is_one ? print_one : print_many)(out, noun);
        return true;
    }
    return false;
}

bool kn_image_metadef_schema_print(const char *name, struct kn_strbuf *out)
{
    for (int i = 0; i < KN_METADEF_KINDS; i++) {
        if (print_named(kn_image_metadef_kinds[i].noun, kn_image_metadef_kinds[i].name,
                        kn_image_metadef_kinds[i].collection, name, out)) {
            return true;
        }
    }
    return print_named(&kn_image_metadef_namespaces, "namespace", "namespaces", name, out);
}
