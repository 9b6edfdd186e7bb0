/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of volumes: what may follow which status, what a type's body may say, how the file back end names disks, what QoS specs hold a disk to. */
#include "tests/support/test.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/volume_qos.h"
#include "lib/rest/write.h"
#include "tests/support/scratch.h"
#include "volume/rows/capabilities.h"
#include "volume/rows/type.h"
#include "volume/rows/volume.h"
#include "volume/serve/driver.h"

#define ID "11111111-1111-4111-8111-111111111111"

static void test_what_follows_which_status(void **state)
{
    static const char *const STATUSES[] = { "creating",  "available", "attaching", "in-use",        "reserved",
                                            "detaching", "deleting",  "error",     "error_deleting" };
    static const char *const ALLOWED[] = {
        [KN_VOLUME_ATTACH] = "available",
        [KN_VOLUME_RESERVE] = "available",
        [KN_VOLUME_SHARE] = "available attaching in-use detaching reserved",
        [KN_VOLUME_DETACH] = "in-use",
        [KN_VOLUME_DELETE] = "available error error_deleting",
        [KN_VOLUME_FORCE_DELETE] =
            "creating available attaching in-use reserved detaching deleting error error_deleting",
        [KN_VOLUME_UNMANAGE] = "available error error_deleting",
    };

    (void)state;
    for (int event = 0; event < (int)KN_COUNT(ALLOWED); event++) {
        for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
            AUTO_FREE char *word = kn_asprintf(" %s ", STATUSES[i]), *all = kn_asprintf(" %s ", ALLOWED[event]);

            assert_int_equal(kn_volume_allows(STATUSES[i], (enum kn_volume_event)event), strstr(all, word) != NULL);
        }
    }
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        assert_true(kn_volume_allows(STATUSES[i], KN_VOLUME_FORCE_DELETE));
    }
}

/* What the table of types makes of a body; "" if it is taken. */
static void expect_body(unsigned method, const char *text, const char *words)
{
    json_auto_t *body = json_loads(text, 0, NULL);
    struct kn_request req = { .body = body, .caller = { .user_id = "u" } };
    struct kn_error err = { 0 };
    json_t *object = NULL;
    const int rc = kn_rest_body(&kn_volume_type_noun, &req, method, &object, &err);

    assert_non_null(body);
    if (rc != (words[0] == '\0' ? 0 : -1) || (rc < 0 && strstr(err.message, words) == NULL)) {
        fail_msg("%s: %d %s", text, rc, err.message);
    }
}

static void test_bodies_of_types(void **state)
{
    (void)state;
    expect_body(KN_REST_POST,
                "{\"volume_type\":{\"name\":\"t\",\"description\":null,\"os-volume-type-access:is_public\":false,"
                "\"extra_specs\":{\"volume_backend_name\":\"file\",\"a:b_c-d.e\":\"\"}}}",
                "");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"description\":\"x\"}}", "'name' is a required property");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"name\":\"t\",\"is_public\":true}}", "('is_public' was unexpected)");
    expect_body(KN_REST_PUT, "{\"volume_type\":{\"is_public\":true}}", "");
    expect_body(KN_REST_PUT, "{\"volume_type\":{\"extra_specs\":{}}}", "('extra_specs' was unexpected)");
    expect_body(KN_REST_PUT, "{\"volume_type\":{}}", "Specify volume type name");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"name\":\"t\",\"extra_specs\":{\"a/b\":\"x\"}}}",
                "('a/b' was unexpected)");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"name\":\"t\",\"extra_specs\":{\"a\":1}}}",
                "1 is not of type 'string'");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"name\":\"t\",\"extra_specs\":{\"\":\"x\"}}}", "was unexpected");
    expect_body(KN_REST_POST, "{\"volume_type\":{\"name\":\"\"}}", "is too short");
}

static const struct kn_volume_user USER = { .server = ID, .host = "h", .format = "raw" };

static void test_names_of_disks(void **state)
{
    static const char *const NO_IDS[] = { "",      "..",  "../../etc/passwd", "11111111111141118111111111111111",
                                          ID "/x", ID " " };
    const struct kn_volume_driver *driver = &kn_volume_driver_file;
    AUTO_FREE char *disk = NULL, *other = NULL;
    char dir[KN_TEST_DIR];
    struct kn_conf conf = { 0 };
    struct kn_error err = { 0 };
    json_t *connection = NULL;
    struct stat now;

    (void)state;
    kn_test_dir(dir, "volumes");
    disk = kn_asprintf("%s/volume-" ID, dir);
    other = kn_asprintf("%s/.new-volume-" ID, dir);
    kn_conf_defaults(&conf);
    conf.volume_file_dir = dir;
    conf.volume_file_format = kn_strdup("raw");
    for (size_t i = 0; i < KN_COUNT(NO_IDS); i++) {
        assert_fails(driver->create(&conf, NO_IDS[i], "raw", 1, NULL, NULL, &err), &err, KN_BAD_REQUEST);
        assert_fails(driver->remove(&conf, NO_IDS[i], NULL, &err), &err, KN_BAD_REQUEST);
        assert_fails(driver->connect(&conf, NO_IDS[i], &USER, &connection, &err), &err, KN_BAD_REQUEST);
    }
    assert_fails(driver->connect(&conf, ID, &USER, &connection, &err), &err, KN_NOT_FOUND);
    assert_ok(driver->create(&conf, ID, "raw", 1, NULL, NULL, &err), &err);
    assert_ok(driver->create(&conf, ID, "raw", 2, NULL, NULL, &err), &err); /* is there: stays as it is */
    assert_int_equal(stat(disk, &now), 0);
    assert_int_equal(now.st_size, INT64_C(1) << 30);
    assert_int_equal(access(other, F_OK), -1);
    assert_ok(driver->connect(&conf, ID, &USER, &connection, &err), &err);
    assert_string_equal(json_string_value(json_object_get(connection, "path")), disk);
    assert_string_equal(json_string_value(json_object_get(connection, "serial")), ID);
    assert_string_equal(json_string_value(json_object_get(connection, "format")), "raw");
    json_decref(connection);
    assert_ok(driver->remove(&conf, ID, NULL, &err), &err);
    assert_ok(driver->remove(&conf, ID, NULL, &err), &err);
    assert_int_equal(rmdir(dir), 0); /* nothing else is left in it */
    free((char *)(uintptr_t)conf.volume_file_format);
}

/* What a disk of 10 GiB is held to: "" if such specs are refused, "-" if it is held to nothing. */
static void test_rates(void **state)
{
    static const struct {
        const char *specs, *wanted;
    } CASES[] = {
        { "{}", "-" },
        { "{\"maxIOPS\":\"many\"}", "-" },
        { "{\"total_bytes_sec\":\"0\"}", "-" },
        { "{\"size_iops_sec\":\"4096\"}", "-" },
        { "{\"read_iops_sec\":\"2000\",\"size_iops_sec\":\"4096\"}",
          "{\"read_iops_sec\":2000,\"size_iops_sec\":4096}" },
        { "{\"total_iops_sec\":\"100\",\"total_iops_sec_max\":\"300\"}",
          "{\"total_iops_sec\":100,\"total_iops_sec_max\":300}" },
        { "{\"total_iops_sec\":\"0\",\"total_iops_sec_max\":\"300\"}", "-" },
        { "{\"read_bytes_sec\":\"5\",\"write_bytes_sec\":\"6\",\"total_iops_sec\":\"7\"}",
          "{\"read_bytes_sec\":5,\"total_iops_sec\":7,\"write_bytes_sec\":6}" },
        { "{\"total_iops_sec_per_gb\":\"30\"}", "{\"total_iops_sec\":300}" },
        { "{\"total_iops_sec_per_gb\":\"30\",\"total_iops_sec_max\":\"200\"}", "{\"total_iops_sec\":200}" },
        { "{\"total_iops_sec_per_gb\":\"30\",\"total_iops_sec_per_gb_min\":\"1000\"}", "{\"total_iops_sec\":1000}" },
        { "{\"write_bytes_sec_per_gb\":\"999999999999999\"}", "{\"write_bytes_sec\":1000000000000000}" },
        { "{\"total_bytes_sec\":\"fast\"}", "" },
        { "{\"total_bytes_sec\":\"-1\"}", "" },
        { "{\"total_bytes_sec\":\"1234567890123456\"}", "" },
        { "{\"total_bytes_sec\":\"5\",\"read_bytes_sec\":\"5\"}", "" },
        { "{\"total_bytes_sec_per_gb\":\"5\",\"write_bytes_sec\":\"5\"}", "" },
        { "{\"read_iops_sec_max\":\"5\"}", "" },
        { "{\"read_iops_sec\":\"5\",\"read_iops_sec_max\":\"4\"}", "" },
        { "{\"size_iops_sec\":\"\"}", "" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        json_auto_t *specs = json_loads(CASES[i].specs, 0, NULL);
        json_auto_t *limits = kn_volume_qos_limits(specs, 10);
        AUTO_FREE char *text = limits != NULL ? json_dumps(limits, JSON_COMPACT | JSON_SORT_KEYS) : kn_strdup("-");
        struct kn_error err = { 0 };

        if (CASES[i].wanted[0] == '\0') {
            assert_fails(kn_volume_qos_check(specs, &err), &err, KN_BAD_REQUEST);
            continue;
        }
        assert_ok(kn_volume_qos_check(specs, &err), &err);
        assert_string_equal(text, CASES[i].wanted);
        assert_true(limits == NULL || kn_form_check(&kn_form_disk_limits, limits, "limits", &err) == 0);
    }
}

/* As Cinder's extra_specs_ops and CapabilitiesFilter. */
static void test_capabilities(void **state)
{
    static const struct {
        const char *value, *required;
        bool meets;
    } CASES[] = {
        { "file", "file", true },
        { "file", "nbd", false },
        { "file", "<or> nbd <or> file", true },
        { "file", "<or> nbd <or> lvm", false },
        { "file", "<in> il", true },
        { "file", "<in> lv", false },
        { "True", "<is> true", true },
        { "False", "<is> True", false },
        { "10", "= 9", true },
        { "10", ">= 11", false },
        { "10", "<= 10", true },
        { "10", "== 10.0", true },
        { "10", "!= 10", false },
        { "ten", "!= 10", false },
        { "b", "s> a", true },
        { "b", "s<= a", false },
        { "b", "s== b", true },
        { "b", "s!= b", false },
        { "b", "s>= b", true },
        { "b", "s< c", true },
        { "10", ">=", false },
        { "", "", true },
        { "5", "5 ", false },
        { NULL, "x", false },
    };
    static const struct {
        const char *specs, *unmet; /* NULL: none */
    } TYPES[] = {
        { "{}", NULL },
        { "{\"multiattach\":\"<is> True\",\"volume_backend_name\":\"nbd\"}", NULL },
        { "{\"capabilities:free_capacity_gb\":\">= 60\"}", NULL },
        { "{\"capabilities:free_capacity_gb\":\">= 61\"}", "capabilities:free_capacity_gb" },
        { "{\"vendor:speed\":\"fast\"}", NULL },
        { "{\"QoS_support\":\"<is> True\"}", "QoS_support" },
        { "{\"colour\":\"red\"}", "colour" },
    };
    json_auto_t *nbd = kn_volume_capabilities("nbd", 100, 40);

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        if (kn_volume_capability_meets(CASES[i].value, CASES[i].required) != CASES[i].meets) {
            fail_msg("%s against \"%s\"", CASES[i].value, CASES[i].required);
        }
    }
    for (size_t i = 0; i < KN_COUNT(TYPES); i++) {
        json_auto_t *specs = json_loads(TYPES[i].specs, 0, NULL);
        const char *unmet = NULL;

        assert_int_equal(kn_volume_capabilities_fit(nbd, specs, &unmet), TYPES[i].unmet == NULL);
        assert_true((unmet == NULL) == (TYPES[i].unmet == NULL));
        assert_true(unmet == NULL || strcmp(unmet, TYPES[i].unmet) == 0);
    }
    assert_true(kn_volume_drivers_known("file, nbd"));
    assert_true(kn_volume_drivers_known("nbd"));
    assert_false(kn_volume_drivers_known("file,tape"));
    assert_false(kn_volume_drivers_known(","));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_follows_which_status),
        cmocka_unit_test(test_bodies_of_types),
        cmocka_unit_test(test_names_of_disks),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_capabilities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
