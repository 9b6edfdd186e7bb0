/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a list's statement: what a noun can be asked, and that no word of a user ever stands in it. And what immutable forbids. */
#include "identity/filter.h"

#include <string.h>

#include "identity/immutable.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static const struct kn_field FIELDS[] = {
    { "name", "name", KN_FIELD_TEXT },
    { "enabled", "on_off", KN_FIELD_BOOLEAN },
    { "tags", "labels", KN_FIELD_TAGS },
    { "not-tags-any", "labels", KN_FIELD_NOT_TAGS_ANY },
    { NULL, NULL, KN_FIELD_TEXT },
};
static const struct kn_listing LISTING = {
    .select = "SELECT id FROM thing WHERE true", .from = "thing", .fields = FIELDS, .realm = "domain_id = ?",
    .of = "id IN (SELECT ? UNION SELECT ?)",
};

struct built {
    struct kn_strbuf sql;
    const char *args[KN_FILTER_MAX + 8];
    int count;
};

static int build(const struct kn_filter *filter, struct built *b, struct kn_error *err)
{
    return kn_filter_text(&LISTING, filter, &b->sql, b->args, &b->count, err);
}

static void expect(const struct kn_filter *filter, const char *sql, int count)
{
    struct built b = { .sql = KN_STRBUF_INIT };
    struct kn_error err = { 0 };

    assert_ok(build(filter, &b, &err), &err);
    assert_string_equal(b.sql.buf + strlen(LISTING.select), sql);
    assert_int_equal(b.count, count);
    kn_strbuf_release(&b.sql);
}

static void expect_item(const char *key, const char *value, const char *sql, int count)
{
    const struct kn_filter filter = { .items = { { key, value } }, .count = 1 };
    expect(&filter, sql, count);
}

static void test_fields(void **state)
{
    const struct kn_filter nothing = { .count = 0 };

    (void)state;
    expect(&nothing, " ORDER BY name, id", 0);
    expect_item("name", "'; DROP TABLE thing", " AND name = $1 ORDER BY name, id", 1);
    expect_item("name__contains", "%", " AND position($1 IN name) > 0 ORDER BY name, id", 1);
    expect_item("name__istartswith", "a", " AND starts_with(lower(name), lower($1)) ORDER BY name, id", 1);
    expect_item("name__", "a", " ORDER BY name, id", 0);
    expect_item("name__contains__", "a", " ORDER BY name, id", 0);
    expect_item("names", "a", " ORDER BY name, id", 0);
    expect_item("id; --", "a", " ORDER BY name, id", 0);
    expect_item("enabled__contains", "a", " ORDER BY name, id", 0);
    expect_item("enabled", "yes", " AND on_off = $1::boolean ORDER BY name, id", 1);
    expect_item("tags", "a,b", " AND labels @> string_to_array($1, ',') ORDER BY name, id", 1);
    expect_item("not-tags-any", "a", " AND NOT labels && string_to_array($1, ',') ORDER BY name, id", 1);
}

static void test_bounds(void **state)
{
    const struct kn_filter filter = { .realm = "d", .of = "o", .marker = "m", .limit = 10 };
    struct kn_filter full = { .count = 0 };
    struct built b = { .sql = KN_STRBUF_INIT };
    const struct kn_filter bad = { .items = { { "enabled", "perhaps" } }, .count = 1 };
    struct kn_error err = { 0 };

    (void)state;
    expect(&filter, " AND domain_id = $1 AND id IN (SELECT $2 UNION SELECT $2) AND (name, id) > "
                    "(SELECT name, id FROM thing WHERE id = $3) ORDER BY name, id LIMIT 11", 3);
    for (int i = 0; i < KN_FILTER_MAX; i++) {
        assert_ok(kn_filter_add(&full, "name", "x", &err), &err);
    }
    assert_fails(kn_filter_add(&full, "name", "x", &err), &err, KN_BAD_REQUEST);
    full.realm = full.of = full.marker = "x";
    assert_ok(build(&full, &b, &err), &err);
    assert_int_equal(b.count, KN_FILTER_MAX + 3);
    assert_fails(build(&bad, &b, &err), &err, KN_BAD_REQUEST);
    kn_strbuf_release(&b.sql);
}

static void test_immutable(void **state)
{
    const struct kn_change rename = { .name = "x" }, back = { .immutable = "false" }, stay = { .immutable = "true" };
    const struct kn_change both = { .name = "x", .immutable = "false" };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_immutable_update(false, "role", "1", &rename, &err), &err);
    assert_ok(kn_immutable_delete(false, "role", "1", &err), &err);
    assert_fails(kn_immutable_update(true, "role", "1", &rename, &err), &err, KN_FORBIDDEN);
    assert_fails(kn_immutable_update(true, "role", "1", &both, &err), &err, KN_FORBIDDEN);
    assert_fails(kn_immutable_update(true, "role", "1", &stay, &err), &err, KN_FORBIDDEN);
    assert_fails(kn_immutable_delete(true, "role", "1", &err), &err, KN_FORBIDDEN);
    assert_ok(kn_immutable_update(true, "role", "1", &back, &err), &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_immutable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
