/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glance's calls over a real front door and database: the life of an image, what others see of it, lists, and bad input after
 * which nothing has changed. Data that ends badly is in test_image_upload.c.
 */
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/image_world.h"

/* --- life ----------------------------------------------------------------------------------------------------------- */

static void test_life(void **state)
{
    (void)state;
    AUTO_FREE char *id =
        create(A JSON, "{\"name\":\"cirros\",\"disk_format\":\"raw\",\"container_format\":\"bare\",\"min_ram\":64,"
                       "\"owner_specified.openstack.md5\":\"\",\"os_distro\":\"x\",\"tags\":[\"t\"]}");
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *file = path_of(id, "/file");

    assert_string_equal(field("status"), "queued");
    assert_string_equal(field("owner"), "aaaa");
    assert_string_equal(field("visibility"), "shared");
    assert_string_equal(field("os_distro"), "x");
    assert_string_equal(field("file"), file + strlen("/image"));
    assert_string_equal(field("schema"), "/v2/schemas/image");
    assert_int_equal(strlen(field("created_at")), strlen("2026-11-21T10:00:00Z"));
    expect(204, "GET", file, A, NULL);

    upload(204, id, "hello, world");
    expect(200, "GET", path, A_READER, NULL);
    assert_string_equal(field("status"), "active");
    assert_int_equal(number("size"), 12);
    assert_int_equal(number("virtual_size"), 12);
    assert_string_equal(field("checksum"), "e4d7f1b4ed2e42d15898f4b27b019da4");
    assert_string_equal(field("os_hash_algo"), "sha512");
    assert_memory_equal(field("os_hash_value"), "8710339dcb6814d0d9d2290ef422285c9322b7163951f9a0", 48);

    expect(200, "GET", file, A_READER, NULL);
    assert_string_equal(world.http.body.buf, "hello, world");
    assert_string_equal(kn_test_http_header(&world.http, "Content-MD5"), "e4d7f1b4ed2e42d15898f4b27b019da4");
    assert_string_equal(kn_test_http_header(&world.http, "Content-Type"), "application/octet-stream");
    expect(206, "GET", file, A "Range: bytes=7-8\r\n", NULL);
    assert_string_equal(world.http.body.buf, "wo");
    assert_string_equal(kn_test_http_header(&world.http, "Content-Range"), "bytes 7-8/12");
    expect(200, "GET", file, A "Range: bytes=7-8\r\nIf-Range: \"another\"\r\n", NULL);
    expect(416, "GET", file, A "Range: bytes=12-\r\n", NULL);
    expect(304, "GET", file, A "If-None-Match: \"other\", \"e4d7f1b4ed2e42d15898f4b27b019da4\"\r\n", NULL);
    assert_string_equal(kn_test_http_header(&world.http, "ETag"), "\"e4d7f1b4ed2e42d15898f4b27b019da4\"");
    expect(200, "GET", file, A "If-None-Match: \"other\"\r\n", NULL);

    upload(409, id, "again");
    expect(200, "PATCH", path, A PATCH,
           "[{\"op\":\"replace\",\"path\":\"/protected\",\"value\":true},"
           "{\"op\":\"add\",\"path\":\"/hw\",\"value\":\"1\"},{\"op\":\"remove\",\"path\":\"/os_distro\"}]");
    assert_string_equal(field("hw"), "1");
    assert_string_equal(field("os_distro"), "");
    expect(403, "DELETE", path, A, NULL);
    expect(200, "PATCH", path, A PATCH, "[{\"op\":\"replace\",\"path\":\"/protected\",\"value\":false}]");
    expect(204, "DELETE", path, A, NULL);
    expect(404, "GET", path, A, NULL);
    expect(404, "DELETE", path, A, NULL);
    expect(404, "GET", file, A, NULL);
    assert_int_equal(
        count_of("SELECT count(*) FROM task WHERE kind = 'image.delete' AND length(input->>'sha512') = 128"), 1);
    drop_everything();
}

static void test_tags(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *tag = path_of(id, "/tags/a%20b");
    AUTO_FREE char *path = path_of(id, "");

    expect(204, "PUT", tag, A, NULL);
    expect(204, "PUT", tag, A, NULL);
    expect(200, "GET", path, A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    assert_int_equal(json_array_size(json_object_get(json, "tags")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "tags"), 0)), "a b");
    json_decref(json);
    expect(204, "DELETE", tag, A, NULL);
    expect(404, "DELETE", tag, A, NULL);
    drop_everything();
}

static void test_deactivate(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *off = path_of(id, "/actions/deactivate");
    AUTO_FREE char *on = path_of(id, "/actions/reactivate");
    AUTO_FREE char *file = path_of(id, "/file");

    expect(403, "POST", off, A, NULL);
    upload(204, id, "x");
    expect(204, "POST", off, A, NULL);
    expect(204, "POST", off, A, NULL);
    assert_string_equal(status_of(id), "deactivated");
    expect(403, "GET", file, A, NULL);
    expect(200, "GET", file, ADMIN, NULL);
    expect(204, "POST", on, A, NULL);
    expect(200, "GET", file, A, NULL);
    drop_everything();
}

/* --- who sees what -------------------------------------------------------------------------------------------------- */

static void set_visibility(const char *id, const char *word)
{
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *body = kn_asprintf("[{\"op\":\"replace\",\"path\":\"/visibility\",\"value\":\"%s\"}]", word);

    expect(200, "PATCH", path, ADMIN PATCH, body);
}

static bool lists(const char *query, const char *headers, const char *id)
{
    AUTO_FREE char *path = kn_asprintf(IMAGES "%s", query);

    expect(200, "GET", path, headers, NULL);
    return strstr(world.http.body.buf, id) != NULL;
}

static void test_visibility(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *file = path_of(id, "/file");
    AUTO_FREE char *members = path_of(id, "/members");
    AUTO_FREE char *member = path_of(id, "/members/bbbb");

    expect(404, "GET", path, B, NULL);
    expect(404, "PATCH", path, B PATCH, "[]");
    expect(404, "DELETE", path, B, NULL);
    expect(404, "PUT", file, B BYTES, "x");
    expect(404, "GET", members, B, NULL);
    assert_false(lists("", B, id));
    assert_true(lists("", A, id));
    assert_true(lists("", ADMIN, id));

    expect(200, "POST", members, A JSON, "{\"member\":\"bbbb\"}");
    assert_string_equal(field("status"), "pending");
    expect(409, "POST", members, A JSON, "{\"member\":\"bbbb\"}");
    expect(200, "GET", path, B, NULL);
    assert_false(lists("", B, id));
    assert_true(lists("?member_status=pending", B, id));
    expect(403, "PUT", member, A JSON, "{\"status\":\"accepted\"}");
    expect(400, "PUT", member, B JSON, "{\"status\":\"maybe\"}");
    expect(200, "PUT", member, B JSON, "{\"status\":\"accepted\"}");
    assert_true(lists("", B, id));
    expect(403, "PATCH", path, B PATCH, "[]");
    expect(403, "DELETE", path, B, NULL);
    expect(403, "PUT", file, B BYTES, "x");
    expect(403, "DELETE", member, B, NULL);
    expect(204, "DELETE", member, A, NULL);
    expect(404, "GET", path, B, NULL);

    expect(403, "PATCH", path, A PATCH, "[{\"op\":\"replace\",\"path\":\"/visibility\",\"value\":\"public\"}]");
    expect(403, "PATCH", path, A PATCH, "[{\"op\":\"replace\",\"path\":\"/owner\",\"value\":\"bbbb\"}]");
    set_visibility(id, "community");
    expect(200, "GET", path, B, NULL);
    assert_false(lists("", B, id));
    assert_true(lists("?visibility=community", B, id));
    assert_true(lists("", A, id));
    set_visibility(id, "public");
    assert_true(lists("", B, id));
    expect(403, "GET", members, A, NULL);
    set_visibility(id, "private");
    expect(404, "GET", path, B, NULL);
    drop_everything();
}

static void test_roles(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *path = path_of(id, "");

    expect(401, "GET", IMAGES, "", NULL);
    expect(403, "POST", IMAGES, A_READER JSON, "{}");
    expect(403, "DELETE", path, A_READER, NULL);
    expect(403, "POST", IMAGES, A JSON, "{\"visibility\":\"public\"}");
    expect(403, "POST", IMAGES, A JSON, "{\"owner\":\"bbbb\"}");
    expect(201, "POST", IMAGES, ADMIN JSON, "{\"owner\":\"bbbb\",\"visibility\":\"public\"}");
    drop_everything();
}

/* --- lists ---------------------------------------------------------------------------------------------------------- */

/* Names in the order of the list, joined. */
static char *names(const char *query)
{
    AUTO_FREE char *path = kn_asprintf(IMAGES "?%s", query);
    struct kn_strbuf joined = KN_STRBUF_INIT;
    size_t i;
    json_t *image;

    expect(200, "GET", path, A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    json_array_foreach (json_object_get(json, "images"), i, image) {
        kn_strbuf_addstr(&joined, json_string_value(json_object_get(image, "name")));
    }
    json_decref(json);
    return kn_strbuf_detach(&joined);
}

static void expect_names(const char *query, const char *wanted)
{
    AUTO_FREE char *found = names(query);

    if (strcmp(found, wanted) != 0) {
        fail_msg("?%s lists \"%s\", wanted \"%s\"", query, found, wanted);
    }
}

static void test_lists(void **state)
{
    (void)state;
    AUTO_FREE char *a = create(A JSON,
                               "{\"name\":\"a\",\"disk_format\":\"raw\",\"container_format\":\"bare\",\"min_ram\":3}");
    AUTO_FREE char *b = create(A JSON,
                               "{\"name\":\"b\",\"disk_format\":\"qcow2\",\"container_format\":\"bare\",\"os\":\"x\"}");
    AUTO_FREE char *c =
        create(A JSON, "{\"name\":\"c\",\"disk_format\":\"raw\",\"container_format\":\"ovf\",\"tags\":[\"t\",\"u\"]}");
    free(create(A JSON, "{\"name\":\"d\",\"disk_format\":\"iso\",\"container_format\":\"bare\",\"os_hidden\":true}"));
    AUTO_FREE char *in = kn_asprintf("sort=name:asc&id=in:%s,%s,junk", a, c);
    AUTO_FREE char *after = kn_asprintf("sort=name:desc&marker=%s", c);
    AUTO_FREE char *mixed = kn_asprintf("sort=disk_format:asc,name:desc&marker=%s", b);

    upload(204, a, "12345");
    expect_names("sort=name:asc", "abc");
    expect_names("sort_key=name&sort_dir=desc", "cba");
    expect_names("sort=name", "cba");
    expect_names("os_hidden=true", "d");
    expect_names("name=b", "b");
    expect_names("name=in:a,c&sort=name:asc", "ac");
    expect_names("name=in:%22a%22,%22c%22&sort=name:asc", "ac");
    static const char *const UNQUOTED[] = { "in:%22",      "in:%22a",     "in:a,%22c",
                                            "in:a%22c%22", "in:%22a%22c", "in:%22a%22%22c%22" };
    for (size_t i = 0; i < sizeof(UNQUOTED) / sizeof(UNQUOTED[0]); i++) {
        AUTO_FREE char *bad = kn_asprintf(IMAGES "?name=%s", UNQUOTED[i]);
        expect(400, "GET", bad, A, NULL);
    }
    expect_names(in, "ac");
    expect_names("id=junk", "");
    expect_names("status=active", "a");
    expect_names("size_min=5&size_max=5", "a");
    expect_names("size_min=6", "");
    expect_names("size_max=9223372036854775807", "a");
    expect_names("os_min=3", ""); /* a property of somebody's own, as what has a number has not */
    expect_names("disk_format=raw&sort=name:asc", "ac");
    expect_names("container_format=ovf", "c");
    expect_names("tag=t&tag=u", "c");
    expect_names("tag=t&tag=v", "");
    expect_names("os=x", "b");
    expect_names("os=y", "");
    expect_names("min_ram=3", "a");
    expect_names("owner=aaaa&sort=name:asc", "abc");
    expect_names("owner=bbbb", "");
    expect_names("protected=false&sort=name:asc", "abc");
    expect_names("created_at=gt:2000-01-01T00:00:00Z&sort=name:asc", "abc");
    expect_names("updated_at=lt:2000-01-01T00:00:00Z", "");
    expect_names("visibility=shared&sort=name:asc", "abc");
    expect_names("visibility=public", "");
    expect_names(after, "ba");
    expect_names("sort=disk_format:asc,name:desc", "bca");
    expect_names("sort_key=disk_format&sort_key=name&sort_dir=asc", "bac");
    expect_names("sort_key=disk_format&sort_key=name&sort_dir=asc&sort_dir=desc", "bca");
    expect_names("sort_dir=asc", "abc");
    expect_names("limit=+2&sort=name:asc", "ab");
    expect_names(mixed, "ca");
    expect_names("limit=0", "");
    expect_names("name=%27%3B%20DROP%20TABLE%20image%3B--", "");
    drop_everything();
}

static void test_pages(void **state)
{
    (void)state;
    struct kn_strbuf seen = KN_STRBUF_INIT;
    char next[256];

    for (char name = 'a'; name <= 'e'; name++) {
        AUTO_FREE char *body = kn_asprintf("{\"name\":\"%c\"}", name);
        free(create(A JSON, body));
    }
    kn_copy(next, sizeof(next), "/v2/images?limit=2&sort=name%3Aasc");
    for (int page = 0; next[0] != '\0'; page++) {
        AUTO_FREE char *path = kn_asprintf("/image%s", next);
        size_t i;
        json_t *image;

        assert_true(page < 4);
        expect(200, "GET", path, A, NULL);
        json_t *json = kn_test_http_json(&world.http);
        json_array_foreach (json_object_get(json, "images"), i, image) {
            kn_strbuf_addstr(&seen, json_string_value(json_object_get(image, "name")));
        }
        json_decref(json);
        assert_string_equal(field("first"), "/v2/images?limit=2&sort=name%3Aasc");
        kn_copy(next, sizeof(next), field("next"));
    }
    assert_string_equal(seen.buf, "abcde");
    kn_strbuf_release(&seen);
    drop_everything();
}

/* --- bad input ------------------------------------------------------------------------------------------------------ */

static void test_bad_lists(void **state)
{
    static const char *const QUERIES[] = {
        IMAGES "?limit=x",
        IMAGES "?limit=-1",
        IMAGES "?marker=nonsense",
        IMAGES "?marker=00000000-0000-4000-8000-000000000000",
        IMAGES "?sort=color",
        IMAGES "?sort=name:up",
        IMAGES "?sort=name&sort_key=id",
        IMAGES "?sort_key=name&sort_dir=asc&sort_dir=desc",
        IMAGES "?sort_dir=asc&sort_dir=desc",
        IMAGES "?sort_key=name,id",
        IMAGES "?sort=name:",
        IMAGES "?limit=",
        IMAGES "?min_ram=x",
        IMAGES "?min_ram_max=",
        IMAGES "?changes-since=2026-11-21T10:00:00Z",
        IMAGES "?created_at=gt:2026-11-21T10:00:00Z,lt:2027-11-21T10:00:00Z",
        IMAGES "?protected=1",
        IMAGES "?os_hidden=yes",
        IMAGES "?visibility=secret",
        IMAGES "?member_status=odd",
        IMAGES "?size_min=x",
        IMAGES "?created_at=yesterday",
        IMAGES "?protected=perhaps",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(QUERIES); i++) {
        expect(400, "GET", QUERIES[i], A, NULL);
    }
    assert_non_null(strstr(world.http.body.buf, "Invalid value 'perhaps' for 'protected' filter."));
    expect(400, "GET", IMAGES "?sort=color", A, NULL);
    assert_non_null(strstr(world.http.body.buf,
                           "It must be one of the following: name, status, container_format, disk_format, size, "
                           "id, created_at, updated_at."));
}

static void test_bad_input(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *method, *tail, *headers, *body;
    } CASES[] = {
        { 400, "POST", "", A JSON, "{" },
        { 400, "POST", "", A JSON, "[]" },
        { 400, "POST", "", A JSON, "" },
        { 400, "POST", "", A JSON, "{\"name\":7}" },
        { 400, "POST", "", A JSON, "{\"disk_format\":\"floppy\"}" },
        { 400, "POST", "", A JSON, "{\"min_disk\":-1}" },
        { 400, "POST", "", A JSON, "{\"own\":{}}" },
        { 400, "POST", "", A JSON, "{\"id\":\"x\"}" },
        { 409, "POST", "", A JSON, "{\"id\":\"%s\"}" },
        { 403, "POST", "", A JSON, "{\"status\":\"active\"}" },
        { 415, "PATCH", "/%s", A JSON, "[]" },
        { 400, "PATCH", "/%s", A PATCH, "{}" },
        { 400, "PATCH", "/%s", A PATCH, "[{\"op\":\"add\",\"path\":\"/name\",\"value\":7}]" },
        { 403, "PATCH", "/%s", A PATCH,
          "[{\"op\":\"add\",\"path\":\"/name\",\"value\":\"z\"},{\"op\":\"replace\",\"path\":\"/id\",\"value\":\"z\"}]" },
        { 409, "PATCH", "/%s", A PATCH,
          "[{\"op\":\"add\",\"path\":\"/name\",\"value\":\"z\"},{\"op\":\"remove\",\"path\":\"/none\"}]" },
        { 404, "PATCH", "/00000000-0000-4000-8000-000000000000", A PATCH, "[]" },
        { 404, "GET", "/nonsense", A, NULL },
        { 404, "DELETE", "/null", A, NULL },
        { 415, "PUT", "/%s/file", A JSON, "{}" },
        { 404, "PUT", "/00000000-0000-4000-8000-000000000000/file", A BYTES, "x" },
        { 400, "POST", "/%s/members", A JSON, "{}" },
        { 400, "POST", "/%s/members", A JSON, "{\"member\":\"\"}" },
        { 404, "GET", "/%s/members/bbbb", A, NULL },
        { 404, "DELETE", "/%s/members/bbbb", A, NULL },
        { 404, "PUT", "/%s/members/aaaa", A JSON, "{\"status\":\"accepted\"}" },
        { 404, "DELETE", "/%s/tags/none", A, NULL },
    };
    AUTO_FREE char *id = create_raw();
    AUTO_FREE char *own = path_of(id, "");

    expect(200, "GET", own, A, NULL);
    AUTO_FREE char *before = kn_strdup(world.http.body.buf);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        const char *in_tail = strstr(CASES[i].tail, "%s");
        const char *in_body = CASES[i].body != NULL ? strstr(CASES[i].body, "%s") : NULL;
        AUTO_FREE char *path = in_tail == NULL ? kn_asprintf(IMAGES "%s", CASES[i].tail)
                                               : kn_asprintf(IMAGES "%.*s%s%s", (int)(in_tail - CASES[i].tail),
                                                             CASES[i].tail, id, in_tail + 2);
        AUTO_FREE char *body = in_body == NULL ? kn_strdup(CASES[i].body)
                                               : kn_asprintf("%.*s%s%s", (int)(in_body - CASES[i].body), CASES[i].body,
                                                             id, in_body + 2);

        expect(CASES[i].status, CASES[i].method, path, CASES[i].headers, body);
    }
    expect(200, "GET", own, A, NULL);
    assert_string_equal(world.http.body.buf, before);
    assert_int_equal(count_of("SELECT count(*) FROM image"), 1);
    assert_int_equal(count_of("SELECT count(*) FROM image_member"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM task"), 0);
    assert_int_equal(files(), 0);
    drop_everything();
}

/* --- what compute asks ---------------------------------------------------------------------------------------------- */

static void test_usable(void **state)
{
    (void)state;
    AUTO_FREE char *id = create(A JSON,
                                "{\"disk_format\":\"raw\",\"container_format\":\"bare\",\"min_disk\":3,\"min_ram\":4}");
    struct kn_caller a = { .project_id = "aaaa" }, b = { .project_id = "bbbb" };
    struct kn_image_facts facts;
    struct kn_error err = { 0 };

    assert_ok(kn_image_usable(world.db, &a, id, &facts, &err), &err);
    assert_string_equal(facts.status, "queued");
    upload(204, id, "12345");
    assert_ok(kn_image_usable(world.db, &a, id, &facts, &err), &err);
    assert_string_equal(facts.status, "active");
    assert_string_equal(facts.disk_format, "raw");
    assert_int_equal(facts.min_disk_gib, 3);
    assert_int_equal(facts.min_ram_mib, 4);
    assert_int_equal(facts.virtual_size, 5);
    assert_fails(kn_image_usable(world.db, &b, id, &facts, &err), &err, KN_NOT_FOUND);
    assert_fails(kn_image_usable(world.db, &a, "nonsense", &facts, &err), &err, KN_NOT_FOUND);
    drop_everything();
}

static void test_info(void **state)
{
    (void)state;
    expect(200, "GET", "/image/v2/schemas/image", A, NULL);
    assert_string_equal(field("name"), "image");
    expect(200, "GET", "/image/v2/schemas/images", A, NULL);
    expect(404, "GET", "/image/v2/schemas/nothing", A, NULL);
    expect(200, "GET", "/image/v2/info/import", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "[\"glance-direct\",\"web-download\",\"copy-image\"]"));
    expect(200, "GET", "/image/v2/info/stores", A, NULL);
    expect(403, "GET", "/image/v2/info/stores/detail", A, NULL);
    expect(200, "GET", "/image/v2/info/stores/detail", ADMIN, NULL);
    expect(200, "GET", "/image/v2/info/usage", A, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"image_size_total\":{\"usage\":0,\"limit\":-1}"));
}

/* What a Glance without a cache says to those who may ask, in Glance's own words. */
static void test_no_cache(void **state)
{
    static const char *const CALLS[][2] = {
        { "GET", "/image/v2/cache" },        { "DELETE", "/image/v2/cache" },      { "PUT", "/image/v2/cache/x" },
        { "DELETE", "/image/v2/cache/x" },   { "GET", "/image/v2/cache/nodes/x" }, { "POST", "/image/v2/cache/clean" },
        { "POST", "/image/v2/cache/prune" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CALLS); i++) {
        expect(403, CALLS[i][0], CALLS[i][1], A, NULL);
        expect(404, CALLS[i][0], CALLS[i][1], ADMIN, NULL);
        assert_non_null(strstr(world.http.body.buf, "Caching via API is not supported at this site"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),       cmocka_unit_test(test_tags),      cmocka_unit_test(test_deactivate),
        cmocka_unit_test(test_visibility), cmocka_unit_test(test_roles),     cmocka_unit_test(test_lists),
        cmocka_unit_test(test_pages),      cmocka_unit_test(test_bad_lists), cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_usable),     cmocka_unit_test(test_info),      cmocka_unit_test(test_no_cache),
    };

    return cmocka_run_group_tests(tests, start_world, stop_world);
}
