/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON schemas of images and members, as clients fetch them to know which attributes are the service's own ("openstack
 * image set" and the test suites do). Printed from noun.c's table.
 */
#include <stddef.h>

#include "image/rows/noun.h"
#include "image/rows/property.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/rest/type.h"

static const char *type_of(const struct kn_rest_attr *a)
{
    const bool may_be_null = (a->may & KN_REST_NULL) != 0;

    switch (kn_rest_shape(a->type)) {
    case KN_IS_INTEGER:
        return may_be_null ? "[\"null\",\"integer\"]" : "\"integer\"";
    case KN_IS_BOOLEAN:
        return "\"boolean\"";
    case KN_IS_LIST:
        return "\"array\"";
    case KN_IS_STRING:
    case KN_IS_NUMBER:
    case KN_IS_OBJECT:
    case KN_IS_MAP:
    case KN_IS_NULL:
    case KN_IS_ANY:
        break;
    }
    return may_be_null ? "[\"null\",\"string\"]" : "\"string\"";
}

static void print_words(struct kn_strbuf *out, const struct kn_rest_attr *a)
{
    kn_jsonw_array(out, "enum");
    if ((a->may & KN_REST_NULL) != 0) {
        kn_jsonw_null(out, NULL);
    }
    for (const char *const *word = a->words; *word != NULL; word++) {
        kn_jsonw_str(out, NULL, *word);
    }
    kn_jsonw_end_array(out);
}

static void print_property(struct kn_strbuf *out, const struct kn_rest_attr *a)
{
    kn_jsonw_object(out, a->name);
    kn_jsonw_raw(out, "type", type_of(a));
    kn_jsonw_str(out, "description", a->doc);
    if (a->words != NULL) {
        print_words(out, a);
    }
    if ((a->may & KN_REST_WRITE) == 0) {
        kn_jsonw_bool(out, "readOnly", true);
    }
    if (a->type == KN_REST_TAGS) {
        kn_jsonw_raw(out, "items", "{\"type\":\"string\",\"maxLength\":255}");
    }
    kn_jsonw_end_object(out);
}

void kn_image_schema_print(struct kn_strbuf *out)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", "image");
    kn_jsonw_object(out, "properties");
    for (const struct kn_rest_attr *a = kn_image_noun.attrs; a->name != NULL; a++) {
        if (a->doc != NULL) {
            print_property(out, a);
        }
    }
    kn_jsonw_end_object(out);
    kn_jsonw_raw(out, "additionalProperties", "{\"type\":\"string\"}");
    kn_jsonw_raw(out, "links",
                 "[{\"rel\":\"self\",\"href\":\"{self}\"},{\"rel\":\"enclosure\",\"href\":\"{file}\"},"
                 "{\"rel\":\"describedby\",\"href\":\"{schema}\"}]");
    kn_jsonw_end_object(out);
}

void kn_image_member_schema_print(struct kn_strbuf *out)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", "member");
    kn_jsonw_raw(
        out, "properties",
        "{\"member_id\":{\"type\":\"string\",\"description\":\"An identifier for the image member (tenantId)\"},"
        "\"image_id\":{\"type\":\"string\",\"description\":\"An identifier for the image\"},"
        "\"created_at\":{\"type\":\"string\",\"description\":\"Date and time of image member creation\"},"
        "\"updated_at\":{\"type\":\"string\",\"description\":\"Date and time of last modification of image member\"},"
        "\"status\":{\"type\":\"string\",\"description\":\"The status of this image member\","
        "\"enum\":[\"pending\",\"accepted\",\"rejected\"]},"
        "\"schema\":{\"type\":\"string\",\"readOnly\":true}}");
    kn_jsonw_end_object(out);
}

#define TASK_PROPERTIES \
    "\"id\":{\"type\":\"string\",\"description\":\"An identifier for the task\"," \
    "\"pattern\":\"^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$\"}," \
    "\"type\":{\"type\":\"string\",\"description\":\"The type of task represented by this content\"," \
    "\"enum\":[\"import\",\"api_image_import\",\"location_import\"]}," \
    "\"status\":{\"type\":\"string\",\"description\":\"The current status of this task\"," \
    "\"enum\":[\"pending\",\"processing\",\"success\",\"failure\"]}," \
    "\"owner\":{\"type\":\"string\",\"description\":\"An identifier for the owner of this task\"}," \
    "\"image_id\":{\"type\":\"string\",\"description\":\"Image associated with the task\"}," \
    "\"request_id\":{\"type\":\"string\",\"description\":\"Human-readable informative request-id\"}," \
    "\"user_id\":{\"type\":\"string\",\"description\":\"User associated with the task\"}," \
    "\"expires_at\":{\"type\":[\"null\",\"string\"]," \
    "\"description\":\"Datetime when this resource would be subject to removal\"}," \
    "\"created_at\":{\"type\":\"string\",\"description\":\"Datetime when this resource was created\"}," \
    "\"updated_at\":{\"type\":\"string\",\"description\":\"Datetime when this resource was updated\"}," \
    "\"self\":{\"type\":\"string\",\"readOnly\":true},\"schema\":{\"type\":\"string\",\"readOnly\":true}"
#define TASK_OWN \
    ",\"input\":{\"type\":[\"null\",\"object\"],\"description\":\"The parameters required by task, JSON blob\"}," \
    "\"result\":{\"type\":[\"null\",\"object\"],\"description\":\"The result of current task, JSON blob\"}," \
    "\"message\":{\"type\":\"string\",\"description\":\"Human-readable informative message only included when " \
    "appropriate (usually on failure)\"}"

void kn_image_task_schema_print(struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "{\"name\":\"task\",\"properties\":{" TASK_PROPERTIES TASK_OWN "}}");
}

static void print_listed_task(struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "{\"name\":\"task\",\"properties\":{" TASK_PROPERTIES "}}");
}

/* The schema of a list of `item`s under `name`. */
static void print_collection(struct kn_strbuf *out, const char *name, void (*item)(struct kn_strbuf *out), bool pages)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf items = KN_STRBUF_INIT;

    item(&items);
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "name", name);
    kn_jsonw_object(out, "properties");
    kn_jsonw_object(out, name);
    kn_jsonw_str(out, "type", "array");
    kn_jsonw_raw(out, "items", items.buf);
    kn_jsonw_end_object(out);
    if (pages) {
        kn_jsonw_raw(out, "first", "{\"type\":\"string\"}");
        kn_jsonw_raw(out, "next", "{\"type\":\"string\"}");
    }
    kn_jsonw_raw(out, "schema", "{\"type\":\"string\"}");
    kn_jsonw_end_object(out);
    kn_jsonw_raw(out, "links",
                 pages ? "[{\"rel\":\"first\",\"href\":\"{first}\"},{\"rel\":\"next\",\"href\":\"{next}\"},"
                         "{\"rel\":\"describedby\",\"href\":\"{schema}\"}]"
                       : "[{\"rel\":\"describedby\",\"href\":\"{schema}\"}]");
    kn_jsonw_end_object(out);
}

void kn_image_images_schema_print(struct kn_strbuf *out)
{
    print_collection(out, "images", kn_image_schema_print, true);
}

void kn_image_members_schema_print(struct kn_strbuf *out)
{
    print_collection(out, "members", kn_image_member_schema_print, false);
}

void kn_image_tasks_schema_print(struct kn_strbuf *out)
{
    print_collection(out, "tasks", print_listed_task, true);
}
