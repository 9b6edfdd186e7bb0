/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of images: what a POST may say, what a PATCH may change, and how each refusal is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "image/api/patch.h"
#include "image/rows/property.h"
#include "lib/base/mem.h"

#define OWNER "0123456789abcdef0123456789abcdef"

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(json);
    return json;
}

static int make(const char *body, json_t **ret, struct kn_error *err)
{
    json_t *json = parse(body);
    const int rc = kn_image_draft_new(json, OWNER, ret, err);

    json_decref(json);
    return rc;
}

static void test_new_draft(void **state)
{
    (void)state;
    json_t *draft = NULL;
    json_t *wanted =
        parse("{\"name\":\"ubuntu\",\"owner\":\"" OWNER "\",\"visibility\":\"shared\",\"disk_format\":\"qcow2\","
              "\"container_format\":null,\"min_disk\":0,\"min_ram\":512,\"protected\":true,\"os_hidden\":false,"
              "\"tags\":[\"a\",\"b\"],\"os_distro\":\"x\",\"owner_specified.openstack.md5\":\"\"}");

    assert_int_equal(make("{\"name\":\"ubuntu\",\"disk_format\":\"qcow2\",\"min_ram\":512,\"protected\":true,"
                          "\"tags\":[\"a\",\"b\",\"a\"],\"os_distro\":\"x\",\"owner_specified.openstack.md5\":\"\"}",
                          &draft, NULL),
                     0);
    assert_true(json_equal(draft, wanted));
    json_decref(draft);
    json_decref(wanted);
}

static void test_refused_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum kn_code code;
        const char *says;
    } CASES[] = {
        { "[]", KN_BAD_REQUEST, "JSON object" },
        { "\"x\"", KN_BAD_REQUEST, "JSON object" },
        { "{\"id\":\"not-a-uuid\"}", KN_BAD_REQUEST, "uuid" },
        { "{\"id\":7}", KN_BAD_REQUEST, "string" },
        { "{\"name\":5}", KN_BAD_REQUEST, "name" },
        { "{\"disk_format\":\"floppy\"}", KN_BAD_REQUEST, "floppy" },
        { "{\"container_format\":\"box\"}", KN_BAD_REQUEST, "box" },
        { "{\"visibility\":\"secret\"}", KN_BAD_REQUEST, "secret" },
        { "{\"visibility\":null}", KN_BAD_REQUEST, "visibility" },
        { "{\"min_disk\":-1}", KN_BAD_REQUEST, "min_disk" },
        { "{\"min_disk\":\"1\"}", KN_BAD_REQUEST, "min_disk" },
        { "{\"min_ram\":2147483648}", KN_BAD_REQUEST, "min_ram" },
        { "{\"min_ram\":1.5}", KN_BAD_REQUEST, "min_ram" },
        { "{\"protected\":\"true\"}", KN_BAD_REQUEST, "protected" },
        { "{\"tags\":\"a\"}", KN_BAD_REQUEST, "tags" },
        { "{\"tags\":[1]}", KN_BAD_REQUEST, "tags" },
        { "{\"own\":5}", KN_BAD_REQUEST, "own" },
        { "{\"own\":null}", KN_BAD_REQUEST, "own" },
        { "{\"own\":{}}", KN_BAD_REQUEST, "own" },
        { "{\"\":\"x\"}", KN_BAD_REQUEST, "name" },
        { "{\"kernel_id\":\"x\"}", KN_BAD_REQUEST, "uuid" },
        { "{\"status\":\"active\"}", KN_FORBIDDEN, "read-only" },
        { "{\"size\":1}", KN_FORBIDDEN, "read-only" },
        { "{\"checksum\":\"x\"}", KN_FORBIDDEN, "read-only" },
        { "{\"os_hash_value\":\"x\"}", KN_FORBIDDEN, "read-only" },
        { "{\"self\":\"x\"}", KN_FORBIDDEN, "read-only" },
        { "{\"locations\":[]}", KN_FORBIDDEN, "reserved" },
        { "{\"deleted\":true}", KN_FORBIDDEN, "reserved" },
        { "{\"os_glance_x\":\"1\"}", KN_FORBIDDEN, "reserved" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_t *draft = NULL;
        struct kn_error err = { 0 };

        assert_int_equal(make(CASES[i].body, &draft, &err), -1);
        assert_null(draft);
        assert_int_equal(err.code, CASES[i].code);
        if (strstr(err.message, CASES[i].says) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", CASES[i].body, err.message, CASES[i].says);
        }
    }
}

/* One property may be long, all of them together not without end: lists show them. */
static void test_too_long_properties(void **state)
{
    (void)state;
    static char text[KN_MAX_IMAGE_PROPERTIES_SIZE + 1];
    json_t *body = json_object();
    json_t *draft = NULL;
    struct kn_error err = { 0 };

    memset(text, 'v', sizeof(text) - 1);
    json_object_set_new(body, "name", json_string("not counted"));
    json_object_set_new(body, "p", json_string(text));
    assert_int_equal(kn_image_draft_new(body, OWNER, &draft, &err), -1);
    assert_int_equal(err.code, KN_TOO_LARGE);
    json_object_set_new(body, "p", json_string(text + 1));
    assert_int_equal(kn_image_draft_new(body, OWNER, &draft, &err), 0);
    json_t *patch = json_pack("[{s:s, s:s, s:s}]", "op", "add", "path", "/q", "value", "");
    assert_int_equal(kn_image_patch(draft, patch, KN_PATCH_V21, true, &err), -1); /* its name is one byte too many */
    assert_int_equal(err.code, KN_TOO_LARGE);
    json_decref(patch);
    json_decref(draft);
    json_decref(body);
}

static void test_too_many_properties(void **state)
{
    (void)state;
    json_t *body = json_object();
    json_t *draft = NULL;
    struct kn_error err = { 0 };

    for (int i = 0; i <= KN_MAX_IMAGE_PROPERTIES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "p%d", i);
        json_object_set_new(body, name, json_string("x"));
    }
    assert_int_equal(kn_image_draft_new(body, OWNER, &draft, &err), -1);
    assert_int_equal(err.code, KN_TOO_LARGE);
    json_object_del(body, "p0");
    assert_int_equal(kn_image_draft_new(body, OWNER, &draft, &err), 0);
    json_decref(draft);
    json_decref(body);
}

static json_t *draft_for_patch(void)
{
    json_t *draft = NULL;

    assert_int_equal(
        make("{\"name\":\"n\",\"disk_format\":\"raw\",\"container_format\":\"bare\",\"tags\":[\"t\"],\"own\":\"1\","
             "\"a/b~c\":\"2\"}",
             &draft, NULL),
        0);
    return draft;
}

static void test_patches(void **state)
{
    (void)state;
    static const struct {
        enum kn_image_patch_dialect dialect;
        const char *patch;
        const char *name;
        const char *value; /* NULL: gone */
    } CASES[] = {
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"m\"}]", "name", "\"m\"" },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":null}]", "name", "null" },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/name\",\"value\":\"m\"}]", "name", "\"m\"" },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/new\",\"value\":\"x\"}]", "new", "\"x\"" },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/own\",\"value\":\"2\"}]", "own", "\"2\"" },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/own\"}]", "own", NULL },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/a~1b~0c\"}]", "a/b~c", NULL },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/tags\",\"value\":[\"x\",\"x\"]}]", "tags", "[\"x\"]" },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/disk_format\",\"value\":\"qcow2\"}]", "disk_format",
          "\"qcow2\"" },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/x\",\"value\":\"1\"},{\"op\":\"remove\",\"path\":\"/x\"}]", "x",
          NULL },
        { KN_PATCH_V21, "[]", "own", "\"1\"" },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/stores\"},{\"op\":\"remove\",\"path\":\"/own\"}]", "own",
          NULL },
        { KN_PATCH_V20, "[{\"replace\":\"/name\",\"value\":\"m\"}]", "name", "\"m\"" },
        { KN_PATCH_V20, "[{\"add\":\"/new\",\"value\":\"x\"}]", "new", "\"x\"" },
        { KN_PATCH_V20, "[{\"remove\":\"/own\"}]", "own", NULL },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_t *draft = draft_for_patch(), *patch = parse(CASES[i].patch);
        json_t *wanted = CASES[i].value == NULL ? NULL : parse(CASES[i].value);
        struct kn_error err = { 0 };

        if (kn_image_patch(draft, patch, CASES[i].dialect, true, &err) < 0) {
            fail_msg("%s: %s", CASES[i].patch, err.message);
        }
        json_t *found = json_object_get(draft, CASES[i].name);
        assert_true(wanted == NULL ? found == NULL : json_equal(found, wanted));
        json_decref(wanted);
        json_decref(patch);
        json_decref(draft);
    }
}

static void test_refused_patches(void **state)
{
    (void)state;
    static const struct {
        enum kn_image_patch_dialect dialect;
        const char *patch;
        enum kn_code code;
    } CASES[] = {
        { KN_PATCH_V21, "{}", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[1]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"move\",\"path\":\"/name\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":7,\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/name\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"name\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/tags/-\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/a~\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/a~2b\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/none\",\"value\":\"m\"}]", KN_CONFLICT },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/none\"}]", KN_CONFLICT },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/name\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/locations/-\",\"value\":{\"url\":\"http://x/\"}}]",
          KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"remove\",\"path\":\"/locations/0\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/stores\",\"value\":\"other\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/id\",\"value\":\"m\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"active\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/os_glance_y\",\"value\":\"m\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/location\",\"value\":\"m\"}]", KN_FORBIDDEN },
        { KN_PATCH_V21, "[{\"op\":\"replace\",\"path\":\"/visibility\",\"value\":\"x\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V21, "[{\"op\":\"add\",\"path\":\"/own\",\"value\":7}]", KN_BAD_REQUEST },
        { KN_PATCH_V20, "[{\"op\":\"add\",\"path\":\"/x\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V20, "[{\"add\":\"/x\",\"remove\":\"/own\",\"value\":\"m\"}]", KN_BAD_REQUEST },
        { KN_PATCH_V20, "[{\"add\":\"/own\",\"value\":\"m\"}]", KN_CONFLICT },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_t *draft = draft_for_patch(), *patch = parse(CASES[i].patch);
        struct kn_error err = { 0 };

        if (kn_image_patch(draft, patch, CASES[i].dialect, true, &err) == 0 || err.code != CASES[i].code) {
            fail_msg("%s: %s \"%s\"", CASES[i].patch, kn_code_name(err.code), err.message);
        }
        json_decref(patch);
        json_decref(draft);
    }
}

static void test_formats_are_fixed_with_data(void **state)
{
    (void)state;
    json_t *draft = draft_for_patch();
    json_t *other = parse("[{\"op\":\"replace\",\"path\":\"/disk_format\",\"value\":\"qcow2\"}]");
    json_t *same = parse("[{\"op\":\"replace\",\"path\":\"/disk_format\",\"value\":\"raw\"}]");
    struct kn_error err = { 0 };

    assert_int_equal(kn_image_patch(draft, other, KN_PATCH_V21, false, &err), -1);
    assert_int_equal(err.code, KN_FORBIDDEN);
    assert_int_equal(kn_image_patch(draft, same, KN_PATCH_V21, false, &err), 0);
    json_decref(same);
    json_decref(other);
    json_decref(draft);
}

static void test_media_types(void **state)
{
    (void)state;
    assert_int_equal(kn_image_patch_dialect_of("application/openstack-images-v2.0-json-patch"), KN_PATCH_V20);
    assert_int_equal(kn_image_patch_dialect_of("application/openstack-images-v2.1-json-patch"), KN_PATCH_V21);
    assert_int_equal(kn_image_patch_dialect_of("application/OpenStack-images-v2.1-json-patch; charset=utf-8"),
                     KN_PATCH_V21);
    assert_int_equal(kn_image_patch_dialect_of("application/json"), 0);
    assert_int_equal(kn_image_patch_dialect_of("application/openstack-images-v2.1-json-patchy"), 0);
    assert_int_equal(kn_image_patch_dialect_of(""), 0);
    assert_int_equal(kn_image_patch_dialect_of(NULL), 0);
}

static void test_schemas_are_json(void **state)
{
    (void)state;
    static void (*const PRINTERS[])(struct kn_strbuf *) = { kn_image_schema_print, kn_image_images_schema_print,
                                                            kn_image_member_schema_print,
                                                            kn_image_members_schema_print };

    for (size_t i = 0; i < KN_COUNT(PRINTERS); i++) {
        struct kn_strbuf text = KN_STRBUF_INIT;

        PRINTERS[i](&text);
        json_t *schema = json_loads(text.buf, JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(json_object_get(schema, "properties")));
        json_decref(schema);
        kn_strbuf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_draft),
        cmocka_unit_test(test_refused_bodies),
        cmocka_unit_test(test_too_many_properties),
        cmocka_unit_test(test_too_long_properties),
        cmocka_unit_test(test_patches),
        cmocka_unit_test(test_refused_patches),
        cmocka_unit_test(test_formats_are_fixed_with_data),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_schemas_are_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
