/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports from the first request to the active image: staged and downloaded data, foreign formats, data that is not what it is said
 * to be, addresses that nobody may reach. What befalls them on the way is in test_image_import_faults.c.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/import_world.h"
#include "tests/support/needs.h"

/* --- staged data ------------------------------------------------------------------------------------------------------ */

static void test_staged(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *file = path_of(id, "/file");

    import_body(409, id, "{\"method\":{\"name\":\"glance-direct\"}}");
    stage_data(204, id, "some data");
    assert_string_equal(status_of(id), "uploading");
    assert_int_equal(number("size"), 9);
    stage_data(409, id, "other data");
    upload(409, id, "past the import");
    import_url(409, id, "http://example.org/");
    import_direct(id);
    await_status(id, "active");
    assert_string_equal(field("os_glance_importing_to_stores"), "");
    assert_string_equal(field("os_glance_import_task"), "");
    assert_string_equal(field("stores"), "file");
    assert_string_equal(field("checksum"), "1e50210a0202497fb79bc38b6ade6c34");
    expect(200, "GET", file, A, NULL);
    assert_string_equal(world.http.body.buf, "some data");
    expect_task(id, "success", "");
    import_body(409, id, "{\"method\":{\"name\":\"glance-direct\"}}");
    assert_int_equal(files(), 1);
    expect(204, "DELETE", path, A, NULL);
    await_files(0);
    drop_everything();
}

static void test_refused_requests(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } CASES[] = {
        { "[]", 400 },
        { "{}", 400 },
        { "{\"method\":3}", 400 },
        { "{\"method\":{\"name\":3}}", 400 },
        { "{\"method\":{\"name\":\"glance-telepathy\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"all_stores\":\"yes\"}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"all_stores_must_succeed\":1}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"stores\":\"file\"}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"stores\":[\"file\"],\"all_stores\":true}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://example.org/\"},\"stores\":[\"tape\"]}", 409 },
        { "{\"method\":{\"name\":\"web-download\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"file:///etc/passwd\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"ftp://example.org/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://127.0.0.1/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://2130706433/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://[::ffff:10.0.0.1]/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://169.254.169.254/latest\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://exa mple.org/\"}}", 400 },
        { "{\"method\":{\"name\":\"glance-direct\"}}", 409 },
        { "{\"method\":{\"name\":\"copy-image\"}}", 409 },
    };
    const char *const networks = world.conf.image_download_networks;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *bare = create(A JSON, "{\"name\":\"without formats\"}");
    AUTO_FREE char *path = path_of(id, "/import");

    world.conf.image_download_networks = "";
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        import_body(CASES[i].status, id, CASES[i].body);
    }
    world.conf.image_download_networks = networks;
    import_url(409, bare, "http://example.org/");
    expect(404, "POST", path, B JSON, "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://example.org/\"}}");
    upload(204, id, "x");
    import_body(403, id, "{\"method\":{\"name\":\"copy-image\"},\"all_stores\":true}");
    expect(202, "POST", path, ADMIN JSON, "{\"method\":{\"name\":\"copy-image\"},\"all_stores\":true}");
    AUTO_FREE char *shown = path_of(id, "");
    expect(200, "GET", shown, A, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"os_glance_importing_to_stores\": \"\""));
    expect(400, "POST", path, ADMIN JSON, "{\"method\":{\"name\":\"copy-image\"},\"stores\":[\"file\"]}");
    assert_int_equal(count_of("SELECT count(*) FROM image_task"), 0);
    drop_everything();
}

/* Page after page of one: every task once, and the keys in order. */
static void walk_tasks(const char *key, const char *direction, size_t wanted)
{
    AUTO_FREE char *path = kn_asprintf("/image/v2/tasks?limit=1&sort_key=%s&sort_dir=%s", key, direction);
    AUTO_FREE char *before = NULL;

    for (size_t i = 0; i <= wanted; i++) {
        expect(200, "GET", path, ADMIN, NULL);
        json_t *json = kn_test_http_json(&world.http);
        const json_t *task = json_array_get(json_object_get(json, "tasks"), 0);
        const char *value = json_string_value(json_object_get(task, key));
        if ((task == NULL) != (i == wanted)) {
            fail_msg("%s %s: %zu tasks, not %zu", key, direction, i, wanted);
        }
        if (task != NULL) {
            assert_true(before == NULL ||
                        (strcmp(direction, "asc") == 0 ? strcmp(before, value) <= 0 : strcmp(before, value) >= 0));
            free(before);
            before = kn_strdup(value);
            free(path);
            path = kn_asprintf("/image%s", json_string_value(json_object_get(json, "next")));
        }
        json_decref(json);
    }
}

static void test_tasks(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *image_tasks = path_of(id, "/tasks");

    stage_data(204, id, "task");
    import_direct(id);
    await_status(id, "active");
    expect(403, "GET", "/image/v2/tasks", A, NULL);
    expect(200, "GET", "/image/v2/tasks?limit=1&status=success&type=api_image_import&sort_dir=asc", ADMIN, NULL);
    json_t *json = kn_test_http_json(&world.http);
    const json_t *task = json_array_get(json_object_get(json, "tasks"), 0);
    AUTO_FREE char *one = kn_asprintf("/image%s", json_string_value(json_object_get(task, "self")));
    AUTO_FREE char *next = kn_asprintf("/image%s", json_string_value(json_object_get(json, "next")));
    assert_null(json_object_get(task, "input"));
    json_decref(json);
    expect(200, "GET", one, ADMIN, NULL);
    assert_string_equal(field("status"), "success");
    assert_string_equal(field("owner"), "aaaa");
    assert_string_equal(field("image_id"), id);
    expect(405, "DELETE", one, ADMIN, NULL);
    expect(200, "GET", next, ADMIN, NULL);
    expect(404, "GET", "/image/v2/tasks/22222222-2222-4222-8222-222222222222", ADMIN, NULL);
    expect(404, "GET", "/image/v2/tasks/nonsense", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?status=active", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?marker=x", ADMIN, NULL);
    assert_non_null(strstr(world.http.body.buf, "No task found with ID x"));
    expect(400, "GET", "/image/v2/tasks?marker=22222222-2222-4222-8222-222222222222", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?type=export", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?sort_dir=up", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?sort_key=owner", ADMIN, NULL);
    AUTO_FREE char *second = create_as("raw");
    stage_data(204, second, "another task");
    import_direct(second);
    await_status(second, "active");
    expect(200, "GET", "/image/v2/tasks", ADMIN, NULL);
    json_t *all = kn_test_http_json(&world.http);
    assert_true(json_array_size(json_object_get(all, "tasks")) >= 2);
    for (size_t i = 0; i < 10; i++) {
        static const char *const KEYS[] = { "created_at", "updated_at", "status", "id", "type" };
        walk_tasks(KEYS[i / 2], i % 2 == 0 ? "asc" : "desc", json_array_size(json_object_get(all, "tasks")));
    }
    json_decref(all);
    expect(400, "GET", "/image/v2/tasks?limit=x", ADMIN, NULL);
    expect(400, "POST", "/image/v2/tasks", ADMIN JSON, "{\"type\":\"import\"}");
    expect(403, "POST", "/image/v2/tasks", ADMIN JSON, "{\"type\":\"import\",\"input\":{}}");
    expect(404, "GET", image_tasks, B, NULL);
    expect(200, "GET", "/image/v2/schemas/task", A, NULL);
    expect(200, "GET", "/image/v2/schemas/tasks", A, NULL);
    drop_everything();
}

static void test_conversion(void **state)
{
    (void)state;
    static const struct {
        const char *disk_format, *make;
    } CASES[] = {
        { "vmdk", "-O vmdk" },
        { "vmdk", "-O vmdk -o subformat=streamOptimized" },
        { "vhd", "-O vpc -o force_size=on" },
        { "vhd", "-O vpc -o force_size=on,subformat=fixed" },
        { "vhdx", "-O vhdx" },
        { "vdi", "-O vdi" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *id = create_as(CASES[i].disk_format);
        AUTO_FREE char *make = kn_asprintf("qemu-img convert -f raw %s pattern disk", CASES[i].make);

        shell(make);
        stage_file(204, id, "disk");
        import_direct(id);
        await_status(id, "active");
        assert_string_equal(field("disk_format"), "qcow2");
        assert_int_equal(number("virtual_size"), PATTERN_MIB << 20);
        expect_same_disk(id, "qcow2", "pattern");
        assert_int_equal(files(), 1);
        drop_everything();
    }
}

static void test_not_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *disk_format, *make, *says;
    } CASES[] = {
        { "vmdk", "head -c 1M /dev/urandom > disk", "but the data is not" },
        { "qcow2", "cp pattern disk", "but the data is not" },
        { "raw", "qemu-img create -q -f qcow2 disk 1M", "is \"qcow2\"" },
        { "qcow2", "qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw disk 1M", "backing file" },
        { "vmdk", "qemu-img create -q -f vmdk -o subformat=monolithicFlat disk 1M", "no sparse extent" },
        { "vmdk", "qemu-img create -q -f vmdk disk 2T", "more than" },
        { "vmdk",
          "qemu-img convert -O vmdk -o subformat=streamOptimized -f raw pattern disk && "
          "head -c 1M /dev/urandom | dd of=disk bs=1M seek=1 conv=notrunc status=none",
          "cannot be converted" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *id = create_as(CASES[i].disk_format);

        shell("rm -f disk*");
        shell(CASES[i].make);
        stage_file(204, id, "disk");
        import_direct(id);
        expect_failed(id, CASES[i].says);
        await_files(0);
        drop_everything();
    }
}

/* --- downloads -------------------------------------------------------------------------------------------------------- */

static void test_download(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *gone = create_as("raw");
    AUTO_FREE char *foreign = create_as("vdi");

    shell("rm -f disk && qemu-img convert -f raw -O vdi pattern disk");
    import_web(id, "localhost", "pattern");
    await_status(id, "active");
    expect_same_disk(id, "raw", "pattern");
    import_web(foreign, "127.0.0.1", "disk");
    await_status(foreign, "active");
    expect_same_disk(foreign, "qcow2", "pattern");
    import_web(gone, "localhost", "nothing");
    expect_failed(gone, "answered 404");
    import_web(gone, "localhost", "to?/pattern");
    await_status(gone, "active");
    drop_everything();
}

static void test_forbidden_addresses(void **state)
{
    (void)state;
    static const char *const TO[] = { "to?http://169.254.169.254/latest/", "to?http://[::1]:80/", "to?http://10.0.0.1/",
                                      "to?file:///etc/passwd", "to?http://2852039166/" };
    AUTO_FREE char *id = create_as("raw");
    struct kn_error err = { 0 };

    for (size_t i = 0; i < KN_COUNT(TO); i++) {
        import_web(id, "127.0.0.1", TO[i]);
        expect_failed(id, strstr(TO[i], "file:") != NULL ? "download failed" : "may not reach");
        assert_ok(kn_db_script(world.db, "DELETE FROM image_task", &err), &err); /* there is one again */
    }
    /* A name says nothing; what it resolves to does. */
    restart_image("");
    import_web(id, "localhost", "pattern");
    expect_failed(id, "may not reach");
    restart_image("127.0.0.0/8");
    await_files(0);
    drop_everything();
}

int main(void)
{
    kn_test_needs("qemu-img", "python3");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_staged),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_not_what_it_says),
        cmocka_unit_test(test_forbidden_addresses),
        cmocka_unit_test(test_download),
    };

    return cmocka_run_group_tests(tests, start_imports, stop_imports);
}
