/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of metadata over a real front door: namespaces with all they hold, who sees them, protection, and bad input. */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/image_world.h"

#define SPACES "/image/v2/metadefs/namespaces"
#define SPACE SPACES "/x::y"

static int64_t items(void)
{
    return count_of("SELECT count(*) FROM metadef_item");
}

static void forget(void)
{
    expect(204, "DELETE", SPACE, ADMIN, NULL);
    expect(404, "GET", SPACE, ADMIN, NULL);
    assert_int_equal(items(), 0);
}

/* What `path` of the last answer says, as compact JSON; the caller frees. */
static char *inner(const char *a, const char *b)
{
    json_t *json = kn_test_http_json(&world.http);
    char *text = json_dumps(json_object_get(b != NULL ? json_object_get(json, a) : json, b != NULL ? b : a),
                            JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(json);
    return text;
}

static void test_whole(void **state)
{
    (void)state;
    expect(
        201, "POST", SPACES, ADMIN JSON,
        "{\"namespace\":\"x::y\",\"visibility\":\"public\",\"display_name\":\"X\",\"resource_type_associations\":[{\"name\":\"Own::Type\",\"prefix\":\"p_\"}],"
        "\"properties\":{\"size\":{\"title\":\"S\",\"type\":\"integer\",\"minimum\":1}},\"objects\":[{\"name\":\"o\",\"required\":[\"k\"],"
        "\"properties\":{\"k\":{\"title\":\"K\",\"type\":\"string\"}}}],\"tags\":[{\"name\":\"t\"}]}");
    assert_string_equal(field("owner"), "cccc");
    assert_string_equal(field("self"), "/v2/metadefs/namespaces/x::y");
    assert_non_null(strstr(kn_test_http_header(&world.http, "Location"), "/v2/metadefs/namespaces/x%3A%3Ay"));
    assert_int_equal(items(), 4);

    expect(200, "GET", SPACE, A_READER, NULL);
    AUTO_FREE char *plain = inner("properties", "size");
    assert_string_equal(plain, "{\"type\":\"integer\",\"title\":\"S\",\"minimum\":1}");
    expect(200, "GET", SPACE "?resource_type=Own::Type", A_READER, NULL);
    AUTO_FREE char *prefixed = inner("properties", "p_size");
    assert_string_equal(prefixed, plain);
    assert_non_null(strstr(world.http.body.buf, "[\"p_k\"]"));

    expect(200, "GET", "/image/v2/metadefs/resource_types", A_READER, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"Own::Type\""));
    assert_non_null(strstr(world.http.body.buf, "\"OS::Nova::Flavor\""));
    forget();
}

static void test_items(void **state)
{
    (void)state;
    expect(201, "POST", SPACES, ADMIN JSON, "{\"namespace\":\"x::y\"}");
    expect(201, "POST", SPACE "/objects", ADMIN JSON, "{\"name\":\"o\"}");
    assert_string_equal(field("self"), "/v2/metadefs/namespaces/x::y/objects/o");
    expect(409, "POST", SPACE "/objects", ADMIN JSON, "{\"name\":\"o\"}");
    expect(200, "PUT", SPACE "/objects/o", ADMIN JSON, "{\"name\":\"o2\",\"description\":\"d\"}");
    expect(404, "GET", SPACE "/objects/o", ADMIN, NULL);
    expect(200, "GET", SPACE "/objects/o2", ADMIN, NULL);
    assert_string_equal(field("description"), "d");

    expect(201, "POST", SPACE "/properties", ADMIN JSON, "{\"name\":\"q\",\"title\":\"Q\",\"type\":\"string\"}");
    expect(200, "PUT", SPACE "/properties/q", ADMIN JSON, "{\"name\":\"q\",\"title\":\"R\",\"type\":\"string\"}");
    expect(200, "GET", SPACE "/properties", ADMIN, NULL);
    AUTO_FREE char *title = inner("properties", "q");
    assert_string_equal(title, "{\"name\":\"q\",\"type\":\"string\",\"title\":\"R\"}");

    expect(201, "POST", SPACE "/tags", ADMIN JSON, "{\"tags\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    expect(201, "POST", SPACE "/tags", ADMIN JSON, "{\"tags\":[{\"name\":\"c\"}]}");
    expect(201, "POST", SPACE "/tags", ADMIN JSON "X-Openstack-Append: true\r\n", "{\"tags\":[{\"name\":\"d\"}]}");
    expect(409, "POST", SPACE "/tags", ADMIN JSON, "{\"tags\":[{\"name\":\"e\"},{\"name\":\"e\"}]}");
    expect(201, "POST", SPACE "/tags/f", ADMIN, NULL);
    assert_int_equal(count_of("SELECT count(*) FROM metadef_item WHERE kind = 'tag' AND name IN ('c', 'd', 'f')"), 3);
    assert_int_equal(items(), 5);
    expect(200, "GET", SPACE "/tags?limit=1&marker=f", ADMIN, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"d\""));
    assert_null(strstr(world.http.body.buf, "\"c\""));
    expect(204, "DELETE", SPACE "/tags", ADMIN, NULL);
    assert_int_equal(items(), 2);

    expect(201, "POST", SPACE "/resource_types", ADMIN JSON, "{\"name\":\"OS::Nova::Flavor\"}");
    expect(405, "GET", SPACE "/resource_types/OS::Nova::Flavor", ADMIN, NULL);
    expect(204, "DELETE", SPACE "/resource_types/OS::Nova::Flavor", ADMIN, NULL);
    expect(404, "DELETE", SPACE "/resource_types/OS::Nova::Flavor", ADMIN, NULL);
    forget();
}

static void test_who(void **state)
{
    (void)state;
    expect(403, "POST", SPACES, A JSON, "{\"namespace\":\"x::y\"}");
    expect(201, "POST", SPACES, ADMIN JSON, "{\"namespace\":\"x::y\",\"owner\":\"aaaa\",\"protected\":true}");
    expect(200, "GET", SPACE, A_READER, NULL);
    expect(404, "GET", SPACE, B, NULL);
    expect(404, "GET", SPACE "/tags", B, NULL);
    expect(403, "PUT", SPACE, A JSON, "{\"namespace\":\"x::y\"}");
    expect(200, "GET", SPACES, B, NULL);
    assert_null(strstr(world.http.body.buf, "x::y"));
    expect(200, "GET", SPACES "?visibility=private", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "x::y"));

    expect(201, "POST", SPACE "/tags/t", ADMIN, NULL);
    expect(403, "DELETE", SPACE, ADMIN, NULL);
    expect(403, "DELETE", SPACE "/tags/t", ADMIN, NULL);
    expect(403, "DELETE", SPACE "/tags", ADMIN, NULL);
    expect(200, "PUT", SPACE, ADMIN JSON, "{\"namespace\":\"z\"}");
    expect(404, "GET", SPACE, ADMIN, NULL);
    expect(200, "GET", SPACES "/z/tags/t", ADMIN, NULL);
    expect(204, "DELETE", SPACES "/z", ADMIN, NULL);
    assert_int_equal(items(), 0);
}

static void test_pages(void **state)
{
    (void)state;
    for (char name = 'a'; name <= 'c'; name++) {
        AUTO_FREE char *body = kn_asprintf("{\"namespace\":\"%c\",\"visibility\":\"public\"}", name);
        expect(201, "POST", SPACES, ADMIN JSON, body);
    }
    expect(200, "GET", SPACES "?limit=2&sort_key=namespace&sort_dir=asc", A, NULL);
    assert_string_equal(field("next"), "/v2/metadefs/namespaces?limit=2&sort_key=namespace&sort_dir=asc&marker=b");
    expect(200, "GET", SPACES "?sort_key=namespace&sort_dir=desc&marker=b", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"a\""));
    assert_null(strstr(world.http.body.buf, "\"c\""));
    expect(200, "GET", SPACES "?sort_key=updated_at", A, NULL);
    expect(200, "GET", SPACES "?limit=2&sort_dir=asc", A, NULL);
    assert_string_equal(field("first"), "/v2/metadefs/namespaces?limit=2&sort_dir=asc");
    assert_string_equal(field("next"), "/v2/metadefs/namespaces?limit=2&sort_dir=asc&marker=b");
    expect(200, "GET", SPACES "?limit=2&sort_dir=asc&marker=b", A, NULL);
    assert_string_equal(field("next"), "");
    assert_non_null(strstr(world.http.body.buf, "\"c\""));
    assert_null(strstr(world.http.body.buf, "\"a\""));
    for (char name = 'a'; name <= 'c'; name++) {
        AUTO_FREE char *path = kn_asprintf(SPACES "/%c", name);
        expect(204, "DELETE", path, ADMIN, NULL);
    }
}

static void test_schemas(void **state)
{
    (void)state;
    static const char *const NAMES[] = { "namespace", "namespaces", "object", "objects",
                                         "property",  "properties", "tag",    "tags" };

    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        AUTO_FREE char *path = kn_asprintf("/image/v2/schemas/metadefs/%s", NAMES[i]);
        expect(200, "GET", path, A_READER, NULL);
        assert_string_equal(field("name"), NAMES[i]);
    }
    expect(200, "GET", "/image/v2/schemas/metadefs/resource_types", A_READER, NULL);
    assert_string_equal(field("name"), "resource_type_associations");
    expect(404, "GET", "/image/v2/schemas/metadefs/nonsense", A_READER, NULL);
}

static void test_bad_input(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *method, *path, *body;
    } CASES[] = {
        { 400, "POST", SPACES, "{" },
        { 400, "POST", SPACES, "[]" },
        { 400, "POST", SPACES, "{}" },
        { 409, "POST", SPACES, "{\"namespace\":\"x::y\"}" },
        { 400, "POST", SPACES, "{\"namespace\":\"\"}" },
        { 400, "POST", SPACES,
          "{\"namespace\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"visibility\":\"shared\"}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"color\":\"red\"}" },
        { 403, "POST", SPACES, "{\"namespace\":\"n\",\"created_at\":\"now\"}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"tags\":[{\"name\":7}]}" },
        { 409, "POST", SPACES, "{\"namespace\":\"n\",\"tags\":[{\"name\":\"t\"},{\"name\":\"t\"}]}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"properties\":{\"p\":{\"title\":\"no type\"}}}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"properties\":{\"p\":{\"title\":\"x\",\"type\":\"color\"}}}" },
        { 400, "POST", SPACES, "{\"namespace\":\"n\",\"objects\":[{\"name\":\"o\",\"properties\":{\"p\":{}}}]}" },
        { 400, "PUT", SPACE, "{}" },
        { 404, "PUT", SPACES "/none", "{\"namespace\":\"none\"}" },
        { 404, "GET", SPACE "/nonsense", NULL },
        { 404, "POST", SPACE "/nonsense", "{}" },
        { 400, "POST", SPACE "/properties", "{\"title\":\"nameless\",\"type\":\"string\"}" },
        { 400, "POST", SPACE "/properties", "{\"name\":\"p\",\"title\":\"x\",\"type\":\"string\",\"maxLength\":-1}" },
        { 400, "POST", SPACE "/tags", "{\"name\":\"t\"}" },
        { 405, "POST", SPACE "/objects/o", "{}" },
        { 404, "DELETE", SPACE "/objects/none", NULL },
        { 404, "PUT", SPACE "/objects/none", "{\"name\":\"none\"}" },
        { 400, "GET", SPACES "?limit=x", NULL },
        { 400, "GET", SPACES "?limit=-1", NULL },
        { 400, "GET", SPACES "?sort_dir=up", NULL },
        { 400, "GET", SPACES "?sort_key=owner", NULL },
        { 400, "GET", SPACES "?visibility=odd", NULL },
        { 404, "GET", SPACES "?marker=none", NULL },
    };

    expect(201, "POST", SPACES, ADMIN JSON, "{\"namespace\":\"x::y\"}");
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(CASES[i].status, CASES[i].method, CASES[i].path, ADMIN JSON, CASES[i].body);
    }
    assert_int_equal(count_of("SELECT count(*) FROM metadef_namespace"), 1);
    forget();
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_whole), cmocka_unit_test(test_items),   cmocka_unit_test(test_who),
        cmocka_unit_test(test_pages), cmocka_unit_test(test_schemas), cmocka_unit_test(test_bad_input),
    };

    return cmocka_run_group_tests(TESTS, start_world, stop_world);
}
