/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables against JSON objects, and the same tables as a document. One row a kind says its JSON type, its word and how its
 * range is measured; nothing here knows a message by name.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"

static bool is_uuid(const json_t *value)
{
    return kn_uuid_valid(json_string_value(value));
}

static bool is_str(const json_t *value)
{
    return json_is_string(value);
}

static bool is_int(const json_t *value)
{
    return json_is_integer(value);
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_obj(const json_t *value)
{
    return json_is_object(value);
}

static bool is_arr(const json_t *value)
{
    return json_is_array(value);
}

static int64_t length_of_str(const json_t *value)
{
    return (int64_t)kn_utf8_count(json_string_value(value)); /* jansson lets nothing in that is not UTF-8 */
}

static int64_t length_of_arr(const json_t *value)
{
    return (int64_t)json_array_size(value);
}

static int64_t value_of_int(const json_t *value)
{
    return json_integer_value(value);
}

static const struct {
    bool (*is)(const json_t *value);
    int64_t (*measure)(const json_t *value); /* NULL: no range */
    const char *word;
    const char *measured; /* what min and max bound */
} KINDS[] = {
    [KN_FIELD_END] = { NULL, NULL, "", "" },
    [KN_STR] = { is_str, length_of_str, "a string", "length" },
    [KN_UUID] = { is_uuid, NULL, "a uuid", "" },
    [KN_INT] = { is_int, value_of_int, "an integer", "value" },
    [KN_BOOL] = { is_bool, NULL, "true or false", "" },
    [KN_OBJ] = { is_obj, NULL, "an object", "" },
    [KN_ARR] = { is_arr, length_of_arr, "an array", "length" },
};
_Static_assert(KN_COUNT(KINDS) == KN_ARR + 1, "one row a kind");

static bool has_range(const struct kn_field *field)
{
    return KINDS[field->kind].measure != NULL && field->limit != KN_LIMIT_NONE;
}

#define WHERE_SIZE 160

static int check_item(const struct kn_field *list, size_t i, const json_t *item, const char *where,
                      struct kn_error *err)
{
    char at[WHERE_SIZE];

    snprintf(at, sizeof(at), "%s.%s[%zu]", where, list->name, i);
    if (list->form != NULL) {
        return kn_form_check(list->form, item, at, err);
    }
    return KINDS[list->items].is(item) ? 0 : kn_fail(err, KN_BAD_REQUEST, "%s must be %s", at, KINDS[list->items].word);
}

/* What is inside, if the field says so. */
static int check_inside(const struct kn_field *field, const json_t *value, const char *where, struct kn_error *err)
{
    char at[WHERE_SIZE];
    size_t i;
    json_t *item;

    if (field->kind == KN_OBJ && field->form != NULL) {
        snprintf(at, sizeof(at), "%s.%s", where, field->name);
        return kn_form_check(field->form, value, at, err);
    }
    if (field->kind != KN_ARR || field->apart || (field->form == NULL && field->items == KN_FIELD_END)) {
        return 0;
    }
    json_array_foreach (value, i, item) {
        if (check_item(field, i, item, where, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int check_field(const struct kn_field *field, const json_t *value, const char *where, bool inside,
                       struct kn_error *err)
{
    if (value == NULL || json_is_null(value)) {
        return !field->required ? 0 : kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is missing", where, field->name);
    }
    if (!KINDS[field->kind].is(value)) {
        return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" must be %s", where, field->name, KINDS[field->kind].word);
    }
    if (has_range(field)) {
        const int64_t measure = KINDS[field->kind].measure(value);

        if (kn_limit_short(field->limit, measure) || kn_limit_long(field->limit, measure)) {
            return kn_fail(err, KN_BAD_REQUEST, "%s: the %s of \"%s\" must be from %lld to %lld", where,
                           KINDS[field->kind].measured, field->name, (long long)kn_limit_rows[field->limit].min,
                           (long long)kn_limit_rows[field->limit].max);
        }
    }
    return inside ? check_inside(field, value, where, err) : 0;
}

int kn_form_check(const struct kn_form *form, const json_t *object, const char *where, struct kn_error *err)
{
    if (kn_fields_check(form->fields, object, where, err) < 0) {
        return -1;
    }
    return form->also == NULL ? 0 : form->also(object, where, err);
}

static int message_fields_check_fields(const struct kn_field *fields, const json_t *object, const char *where,
                                       bool inside, struct kn_error *err)
{
    if (!json_is_object(object)) {
        return kn_fail(err, KN_BAD_REQUEST, "%s must be an object", where);
    }
    for (const struct kn_field *field = fields; field->kind != KN_FIELD_END; field++) {
        if (check_field(field, json_object_get(object, field->name), where, inside, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_fields_check(const struct kn_field *fields, const json_t *object, const char *where, struct kn_error *err)
{
    return message_fields_check_fields(fields, object, where, true, err);
}

int kn_fields_check_outer(const struct kn_field *fields, const json_t *object, const char *where, struct kn_error *err)
{
    return message_fields_check_fields(fields, object, where, false, err);
}

static bool message_fields_is_named(const struct kn_field *fields, const char *name)
{
    for (const struct kn_field *field = fields; field->kind != KN_FIELD_END; field++) {
        if (strcmp(field->name, name) == 0) {
            return true;
        }
    }
    return false;
}

int kn_fields_check_closed(const struct kn_field *fields, const json_t *object, const char *where, struct kn_error *err)
{
    const char *name;
    json_t *value;

    if (kn_fields_check(fields, object, where, err) < 0) {
        return -1;
    }
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (!message_fields_is_named(fields, name)) {
            return kn_fail(err, KN_BAD_REQUEST, "%s: \"%s\" is unknown", where, name);
        }
    }
    return 0;
}

/* --- the document -------------------------------------------------------------------------------------------------- */

void kn_fields_document(struct kn_strbuf *out, const char *title, const struct kn_field *fields)
{
    if (fields == NULL || fields->kind == KN_FIELD_END) {
        return;
    }
    kn_strbuf_addf(out, "\n| %s | type | | meaning |\n|---|---|---|---|\n", title);
    for (const struct kn_field *field = fields; field->kind != KN_FIELD_END; field++) {
        kn_strbuf_addf(out, "| `%s` | %s", field->name, KINDS[field->kind].word);
        if (field->form != NULL) {
            kn_strbuf_addf(out, field->kind == KN_ARR ? " of `%s`" : ", `%s`", field->form->name);
        } else if (field->items != KN_FIELD_END) {
            kn_strbuf_addf(out, ", each %s", KINDS[field->items].word);
        }
        if (has_range(field)) {
            kn_strbuf_addf(out, ", %s %lld to %lld", KINDS[field->kind].measured,
                           (long long)kn_limit_rows[field->limit].min, (long long)kn_limit_rows[field->limit].max);
        }
        kn_strbuf_addf(out, " | %s | %s |\n", field->required ? "required" : "optional", field->doc);
    }
}

void kn_message_document(struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "# Messages\n\nWritten by the registry itself (lib/domain/message_types.c).\n");
    for (const struct kn_message_type *t = kn_message_types; t->name != NULL; t++) {
        kn_strbuf_addf(out, "\n## %s (v%d)\n\nOn `%s%s`: %s. %s.\n", t->name, t->version, t->topic,
                       strcmp(t->topic, KN_TOPIC_AGENT) == 0 ? "<agent>" : "", t->doc,
                       t->result == NULL ? "Not answered"
                       : t->is_question  ? "A question, answered on `" KN_TOPIC_ANSWER "`"
                                         : "Answered on `" KN_TOPIC_REPLY "`");
        kn_fields_document(out, "body", t->fields);
        kn_fields_document(out, "result", t->result);
    }
}

void kn_form_document(struct kn_strbuf *out)
{
    kn_strbuf_addstr(
        out,
        "\n# Forms\n\nWhat the fields above are made of (lib/domain/forms.c). Whoever checks a message or a wish checks all of it.\n");
    for (int i = 0; kn_forms[i] != NULL; i++) {
        kn_strbuf_addf(out, "\n## %s\n\n%s.\n", kn_forms[i]->name, kn_forms[i]->doc);
        kn_fields_document(out, kn_forms[i]->name, kn_forms[i]->fields);
    }
}
