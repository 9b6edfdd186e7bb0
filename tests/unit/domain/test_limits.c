/* SPDX-License-Identifier: Apache-2.0 */
/* The table of limits itself, and every field of every message at its limit and one over. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/domain/wish.h"
#include "tests/support/test.h"

static void test_rows_are_sound(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf doc = KN_STRBUF_INIT;

    (void)state;
    kn_limits_document(&doc);
    for (int i = KN_LIMIT_NONE + 1; i < KN_LIMIT_COUNT; i++) {
        const struct kn_limit_row *row = &kn_limit_rows[i];
        AUTO_FREE char *line = kn_asprintf("\n| %s | %s | ", row->name, row->what);

        assert_true(row->min <= row->max && row->what[0] != '\0' && row->source[0] != '\0');
        assert_true(row->unit == KN_UNIT_NUMBER || row->min >= 0);
        assert_non_null(strstr(doc.buf, line));
    }
}

static void test_measures(void **state)
{
    (void)state;
    assert_false(kn_limit_short(KN_LIMIT_NONE, -1) || kn_limit_long(KN_LIMIT_NONE, INT64_MAX));
    assert_true(kn_limit_short(KN_LIMIT_SERVER_LABEL, 1) && !kn_limit_short(KN_LIMIT_SERVER_LABEL, 2));
    assert_true(kn_limit_long(KN_LIMIT_SERVER_LABEL, 64) && !kn_limit_long(KN_LIMIT_SERVER_LABEL, 63));
    assert_true(kn_limit_fits(KN_LIMIT_SERVER_LABEL, "\xC3\xA9\xC3\xA9") &&
                !kn_limit_fits(KN_LIMIT_SERVER_LABEL, "\xC3\xA9"));
}

/* A value of the field's kind whose measure is this. */
static json_t *value_of(const struct kn_field *field, int64_t measure, const char *character)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    json_t *list = NULL;

    if (field->kind == KN_INT) {
        return json_integer(measure);
    }
    if (field->kind == KN_ARR) {
        list = json_array();
    }
    for (int64_t i = 0; i < measure; i++) {
        kn_strbuf_addstr(&text, character);
        if (list != NULL) {
            json_array_append_new(list, json_null());
        }
    }
    return list != NULL ? list : json_string(text.len > 0 ? text.buf : "");
}

static void check(const char *whose, const struct kn_field *field, int64_t measure, const char *character, bool fits)
{
    const struct kn_field alone[] = { *field, KN_FIELDS_END };
    struct kn_error err = { 0 };
    json_t *object = json_object();

    json_object_set_new(object, field->name, value_of(field, measure, character));
    if ((kn_fields_check_outer(alone, object, "body", &err) == 0) != fits) {
        fail_msg("%s: \"%s\" of %lld is %s", whose, field->name, (long long)measure, fits ? err.message : "taken");
    }
    json_decref(object);
}

static void walk(const char *whose, const struct kn_field *fields)
{
    static const char *const CHARACTERS[] = { "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };

    for (const struct kn_field *field = fields; field != NULL && field->kind != KN_FIELD_END; field++) {
        const struct kn_limit_row *row = &kn_limit_rows[field->limit];

        for (size_t i = 0; field->limit != KN_LIMIT_NONE && i < KN_COUNT(CHARACTERS); i++) {
            check(whose, field, row->max, CHARACTERS[i], true);
            check(whose, field, row->max + 1, CHARACTERS[i], false);
            check(whose, field, row->min, CHARACTERS[i], true);
            if (row->min > 0 || row->unit == KN_UNIT_NUMBER) {
                check(whose, field, row->min - 1, CHARACTERS[i], false);
            }
        }
    }
}

static void test_fields_at_their_limits(void **state)
{
    (void)state;
    for (const struct kn_message_type *t = kn_message_types; t->name != NULL; t++) {
        walk(t->name, t->fields);
        walk(t->name, t->result);
    }
    for (const struct kn_wish_type *t = kn_wish_types; t->kind != NULL; t++) {
        walk(t->kind, t->fields);
    }
    for (int i = 0; kn_forms[i] != NULL; i++) {
        walk(kn_forms[i]->name, kn_forms[i]->fields);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows_are_sound), cmocka_unit_test(test_measures),
                                        cmocka_unit_test(test_fields_at_their_limits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
