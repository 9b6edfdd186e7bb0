/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volume types over a real front door and database: who sees, makes, changes and uses which, extra specs one by one, access to those that
 * are not public, and bad input after which nothing has changed. They are also the proof of lib/rest/write.
 */
#include <pthread.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/front_world.h"
#include "tests/support/test.h"
#include "volume/api.h"
#include "volume/rows/type.h"
#include "volume/rows/volume.h"

#define A KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define B KN_TEST_TOKEN("bbbb", "member") "OpenStack-API-Version: volume 3.71\r\n"
#define ADMIN KN_TEST_TOKEN("cccc", "admin") "OpenStack-API-Version: volume 3.71\r\n"
#define TYPES "/volume/v3/types"
#define NOBODY TYPES "/00000000-0000-4000-8000-000000000000"

static struct kn_test_world world;

static void expect(int status, const char *method, const char *path, const char *headers, const char *body)
{
    kn_test_world_expect(&world, status, method, path, headers, body);
}

static void expect_text(const char *wanted)
{
    kn_test_world_expect_text(&world, wanted);
}

/* Makes a type and gives its path; the caller frees. */
static char *make(const char *body)
{
    expect(200, "POST", TYPES, ADMIN, body);
    json_t *json = kn_test_http_json(&world.http);
    char *path = kn_asprintf(TYPES "/%s",
                             json_string_value(json_object_get(json_object_get(json, "volume_type"), "id")));

    json_decref(json);
    return path;
}

static char *behind(const char *path, const char *tail)
{
    return kn_asprintf("%s%s", path, tail);
}

static int64_t count_of(const char *text)
{
    return kn_test_world_number(&world, text);
}

static int clean(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        kn_db_script(
            world.db,
            "DELETE FROM volume; DELETE FROM quota_usage; DELETE FROM task; DELETE FROM volume_type WHERE id <> '" KN_VOLUME_TYPE_ID
            "'",
            &err),
        &err);
    return 0;
}

static void test_life(void **state)
{
    (void)state;
    AUTO_FREE char *gold =
        make("{\"volume_type\":{\"name\":\"gold é\",\"description\":\"d\",\"os-volume-type-access:is_public\":\"True\","
             "\"extra_specs\":{\"volume_backend_name\":\"file\"}}}");

    expect_text("\"name\":\"gold é\"");
    expect_text("\"extra_specs\":{\"volume_backend_name\": \"file\"}");
    expect_text("\"is_public\":true");
    expect(200, "GET", gold, A, NULL);
    expect_text("\"extra_specs\":{}");
    expect(200, "PUT", gold, ADMIN, "{\"volume_type\":{\"name\":\"gold\",\"description\":null}}");
    expect_text("\"name\":\"gold\"");
    expect_text("\"description\":null");
    expect(200, "GET", TYPES "?sort=name:asc&limit=1", A, NULL);
    expect_text("\"name\":\"file\"");
    expect_text("volume_types_links");
    expect(202, "POST", "/volume/v3/volumes", A, "{\"volume\":{\"size\":1,\"volume_type\":\"gold\"}}");
    expect_text("\"volume_type\":\"gold\"");
    expect_text(gold + strlen(TYPES "/"));
    expect(400, "DELETE", gold, ADMIN, NULL);
    expect_text("still in use");
    assert_int_equal(clean(NULL), 0);
    expect(404, "DELETE", gold, ADMIN, NULL);
    AUTO_FREE char *other = make("{\"volume_type\":{\"name\":\"gold\"}}");
    expect(202, "DELETE", other, ADMIN, NULL);
    expect(404, "GET", other, ADMIN, NULL);
    expect(400, "DELETE", TYPES "/" KN_VOLUME_TYPE_ID, ADMIN, NULL);
    expect(200, "GET", TYPES "/default", A, NULL);
}

#define LUKS(more) "{\"encryption\":{\"provider\":\"luks\",\"control_location\":\"front-end\"" more "}}"

static void test_encryption(void **state)
{
    static const char *const BAD[] = {
        "{}",
        "{\"encryption\":{\"provider\":\"luks\"}}",
        "{\"encryption\":{\"control_location\":\"front-end\"}}",
        "{\"encryption\":{\"provider\":\"\",\"control_location\":\"front-end\"}}",
        "{\"encryption\":{\"provider\":\"luks\",\"control_location\":\"nowhere\"}}",
        LUKS(",\"key_size\":-1"),
        LUKS(",\"key_size\":\"many\""),
        LUKS(",\"surprise\":1"),
    };
    (void)state;
    AUTO_FREE char *type = make("{\"volume_type\":{\"name\":\"secret\"}}");
    AUTO_FREE char *path = behind(type, "/encryption"), *item = behind(type, "/encryption/x"),
                   *cipher = behind(type, "/encryption/cipher"), *none = behind(type, "/encryption/nothing");

    expect(403, "GET", path, A, NULL);
    expect(200, "GET", path, ADMIN, NULL);
    assert_string_equal(world.http.body.buf, "{}");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        expect(400, "POST", path, ADMIN, BAD[i]);
    }
    for (size_t more = 0; more < 2; more++) {
        AUTO_FREE char *name = kn_asprintf("%0*d", 255 + (int)more, 0);
        AUTO_FREE char *long_one = kn_asprintf(
            "{\"encryption\":{\"provider\":\"%s\",\"control_location\":\"front-end\",\"cipher\":\"%s\",\"key_size\":2147483647}}",
            name, name);

        expect(more == 0 ? 200 : 400, "POST", path, ADMIN, long_one);
        expect(more == 0 ? 202 : 404, "DELETE", item, ADMIN, NULL);
    }
    expect(400, "POST", path, ADMIN, LUKS(",\"key_size\":2147483648"));
    expect(403, "POST", path, A, LUKS(""));
    expect(404, "POST", NOBODY "/encryption", ADMIN, LUKS(""));
    expect(404, "PUT", item, ADMIN, LUKS(""));
    expect_text("Volume type encryption for type");
    expect(404, "DELETE", item, ADMIN, NULL);
    expect(200, "POST", path, ADMIN, LUKS(",\"cipher\":\"aes-xts-plain64\",\"key_size\":\"256\""));
    expect_text("\"key_size\":256");
    expect_text("\"encryption_id\":\"");
    expect(400, "POST", path, ADMIN, LUKS(""));
    expect_text("already exists");
    expect(403, "PUT", item, A, LUKS(""));
    expect(403, "DELETE", item, A, NULL);
    expect(200, "GET", cipher, ADMIN, NULL);
    assert_string_equal(world.http.body.buf, "{\"cipher\":\"aes-xts-plain64\"}");
    expect(404, "GET", none, ADMIN, NULL);
    expect(200, "PUT", item, ADMIN,
           "{\"encryption\":{\"provider\":\"SomeProvider\",\"control_location\":\"back-end\",\"cipher\":null}}");
    expect(200, "GET", path, ADMIN, NULL);
    expect_text("\"provider\":\"SomeProvider\"");
    expect_text("\"cipher\":null");
    expect_text("\"key_size\":256");
    expect(202, "DELETE", item, ADMIN, NULL);
    expect(200, "GET", path, ADMIN, NULL);
    assert_string_equal(world.http.body.buf, "{}");
}

#define SECRET "{\"volume\":{\"size\":1,\"volume_type\":\"secret\"}}"

/* What cannot be done makes no volume; a type that has one stays as it is; and a volume stays what its type made it. */
static void test_encrypted_volumes(void **state)
{
    static const struct {
        const char *spec, *words;
    } UNDONE[] = {
        { "{\"encryption\":{\"provider\":\"SomeProvider\"}}", "is not luks" },
        { LUKS(",\"key_size\":512"), "neither 128 nor 256" },
        { LUKS(",\"key_size\":null,\"cipher\":\"aes-cbc-essiv\""), "is not aes-xts-plain64" },
        { "{\"encryption\":{\"control_location\":\"back-end\",\"cipher\":null}}", "is not front-end" },
    };
    (void)state;
    AUTO_FREE char *type = make("{\"volume_type\":{\"name\":\"secret\"}}"),
                   *plain = make("{\"volume_type\":{\"name\":\"plain\"}}");
    AUTO_FREE char *path = behind(type, "/encryption"), *item = behind(type, "/encryption/x"),
                   *other = behind(plain, "/encryption");

    expect(200, "POST", path, ADMIN, LUKS(""));
    expect(400, "POST", "/volume/v3/volumes", A, SECRET);
    expect_text("volume.key_file");
    world.conf.volume_key_file = "/somewhere";
    for (size_t i = 0; i < KN_COUNT(UNDONE); i++) {
        expect(200, "PUT", item, ADMIN, UNDONE[i].spec);
        expect(400, "POST", "/volume/v3/volumes", A, SECRET);
        expect_text(UNDONE[i].words);
    }
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 0);
    expect(200, "PUT", item, ADMIN, LUKS(""));
    expect(202, "POST", "/volume/v3/volumes", A, SECRET);
    expect_text("\"encrypted\":true");
    expect_text("\"encryption_key_id\":\"");
    AUTO_FREE char *id = kn_test_world_id(&world, "volume");
    AUTO_FREE char *volume = kn_asprintf("/volume/v3/volumes/%s", id);
    AUTO_FREE char *shown = behind(volume, "/encryption"), *provider = behind(volume, "/encryption/provider"),
                   *action = behind(volume, "/action");
    expect(200, "GET", shown, A, NULL);
    expect_text("\"provider\":\"luks\"");
    expect_text("\"encryption_key_id\":\"");
    expect(200, "GET", provider, A, NULL);
    assert_string_equal(world.http.body.buf, "luks");
    expect(404, "GET", shown, B, NULL);
    expect(404, "GET", provider, B, NULL);
    expect(200, "GET", volume, KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.63\r\n", NULL);
    assert_null(strstr(world.http.body.buf, "encryption_key_id"));

    expect(400, "PUT", item, ADMIN, LUKS(""));
    expect_text("Volume type in use.");
    expect(400, "DELETE", item, ADMIN, NULL);
    expect(202, "POST", "/volume/v3/volumes", A, "{\"volume\":{\"size\":1,\"volume_type\":\"plain\"}}");
    expect_text("\"encrypted\":false");
    expect(400, "POST", other, ADMIN, LUKS(""));
    expect_text("Volume type in use.");
    kn_test_world_sql(&world, "UPDATE volume SET status = 'available'");
    expect(400, "POST", action, A, "{\"os-retype\":{\"new_type\":\"plain\",\"migration_policy\":\"never\"}}");
    expect_text("Retype requires migration");
    expect(400, "POST", action, A, "{\"os-volume_upload_image\":{\"image_name\":\"i\"}}");
    expect_text("is encrypted, and cannot be uploaded as an image here");
    AUTO_FREE char *clone = kn_asprintf("{\"volume\":{\"source_volid\":\"%s\"}}", id),
                   *other_clone = kn_asprintf("{\"volume\":{\"source_volid\":\"%s\",\"volume_type\":\"plain\"}}", id),
                   *backup = kn_asprintf("{\"backup\":{\"volume_id\":\"%s\"}}", id),
                   *transfer = kn_asprintf("{\"transfer\":{\"volume_id\":\"%s\"}}", id);
    expect(400, "POST", "/volume/v3/volumes", A, other_clone);
    expect_text("requested type is not compatible");
    expect(400, "POST", "/volume/v3/backups", A, backup);
    expect_text("is encrypted, and cannot be backed up here");
    expect(400, "POST", "/volume/v3/volume-transfers",
           KN_TEST_TOKEN("aaaa", "member") "OpenStack-API-Version: volume 3.69\r\n", transfer);
    expect_text("transferring encrypted volume is not supported");
    expect(202, "POST", "/volume/v3/volumes", A, clone);
    expect_text("\"encrypted\":true");
    world.conf.volume_key_file = "";
}

static void test_access(void **state)
{
    (void)state;
    AUTO_FREE char *path = make("{\"volume_type\":{\"name\":\"silver\",\"os-volume-type-access:is_public\":false}}");
    AUTO_FREE char *action = behind(path, "/action"), *who = behind(path, "/os-volume-type-access");
    static const char WISH[] = "{\"volume\":{\"size\":1,\"volume_type\":\"silver\"}}";

    expect(404, "GET", path, A, NULL);
    expect(404, "POST", "/volume/v3/volumes", A, WISH);
    expect(200, "GET", path, ADMIN, NULL);
    expect(202, "POST", action, ADMIN, "{\"addProjectAccess\":{\"project\":\"aaaa\"}}");
    expect(409, "POST", action, ADMIN, "{\"addProjectAccess\":{\"project\":\"aaaa\"}}");
    expect(200, "GET", who, ADMIN, NULL);
    expect_text("\"project_id\":\"aaaa\"");
    expect(200, "GET", path, A, NULL);
    expect(404, "GET", path, B, NULL);
    expect(200, "GET", TYPES, A, NULL);
    expect_text("silver");
    expect(200, "GET", TYPES "?is_public=None", B, NULL);
    assert_null(strstr(world.http.body.buf, "silver"));
    expect(200, "GET", TYPES, ADMIN, NULL);
    assert_null(strstr(world.http.body.buf, "silver"));
    expect(200, "GET", TYPES "?is_public=None", ADMIN, NULL);
    expect_text("silver");
    expect(200, "GET", TYPES "?is_public=None&name=silver", ADMIN, NULL);
    expect_text("silver");
    assert_null(strstr(world.http.body.buf, "\"file\""));
    expect(400, "GET", TYPES "?name=silver", B, NULL);
    expect(200, "GET", TYPES "?is_public=False", ADMIN, NULL);
    assert_null(strstr(world.http.body.buf, "\"file\""));
    expect(202, "POST", "/volume/v3/volumes", A, WISH);
    expect(202, "POST", action, ADMIN, "{\"removeProjectAccess\":{\"project\":\"aaaa\"}}");
    expect(404, "POST", action, ADMIN, "{\"removeProjectAccess\":{\"project\":\"aaaa\"}}");
    expect(404, "POST", "/volume/v3/volumes", A, WISH);
    expect(404, "GET", TYPES "/" KN_VOLUME_TYPE_ID "/os-volume-type-access", ADMIN, NULL);
    expect(409, "POST", TYPES "/" KN_VOLUME_TYPE_ID "/action", ADMIN, "{\"addProjectAccess\":{\"project\":\"aaaa\"}}");
}

static void wish(int status, const char *method, const char *path, const char *body, const char *wanted)
{
    expect(status, method, path, ADMIN, body);
    expect_text(wanted);
}

#define QOS "/volume/v3/qos-specs"

static void test_qos(void **state)
{
    (void)state;
    wish(200, "POST", QOS, "{\"qos_specs\":{\"name\":\"fast\",\"consumer\":\"front-end\",\"read_iops_sec\":\"2000\"}}",
         "\"consumer\":\"front-end\",\"specs\":{\"read_iops_sec\": \"2000\"}},\"links\":[{\"rel\":\"self\"");
    AUTO_FREE char *id = kn_test_world_id(&world, "qos_specs");
    AUTO_FREE char *path = behind(QOS "/", id), *keys = behind(path, "/delete_keys"),
                   *list = behind(path, "/associations");
    AUTO_FREE char *type = make("{\"volume_type\":{\"name\":\"quick\"}}");
    AUTO_FREE char *on = kn_asprintf("%s/associate?vol_type_id=%s", path, type + strlen(TYPES "/"));
    AUTO_FREE char *off = kn_asprintf("%s/disassociate?vol_type_id=%s", path, type + strlen(TYPES "/"));
    AUTO_FREE char *all = behind(path, "/disassociate_all"), *none = behind(path, "/associate"),
                   *forced = behind(path, "?force=True"), *nothing = behind(path, "/associate?vol_type_id=x");

    expect(403, "GET", QOS, A, NULL);
    expect(403, "PUT", path, A, "{\"qos_specs\":{\"a\":\"b\"}}");
    wish(409, "POST", QOS, "{\"qos_specs\":{\"name\":\"fast\"}}", "QoS Specs fast already exists.");
    wish(400, "POST", QOS, "{\"qos_specs\":{\"name\":\"x\",\"consumer\":\"nobody\"}}", "consumer");
    wish(400, "POST", QOS, "{\"qos_specs\":{\"name\":\"x\",\"total_iops_sec\":\"many\"}}", "whole number");
    wish(400, "POST", QOS, "{\"qos_specs\":{\"name\":\"x\",\"k\":5}}", "is not of type 'string'");
    wish(200, "GET", QOS "?name=fast", NULL, id);
    wish(200, "PUT", path, "{\"qos_specs\":{\"iops_bytes\":\"500\",\"consumer\":\"both\"}}",
         "{\"qos_specs\":{\"iops_bytes\":\"500\",\"consumer\":\"both\"}}");
    wish(200, "GET", path, NULL,
         "\"consumer\":\"both\",\"specs\":{\"iops_bytes\": \"500\", \"read_iops_sec\": \"2000\"}");
    wish(400, "PUT", path, "{\"qos_specs\":{\"total_iops_sec\":\"5\"}}", "cannot be set at the same time");
    wish(404, "PUT", keys, "{\"keys\":[\"iops_bytes\",\"other\"]}", "has no spec with key other");
    expect(202, "PUT", keys, ADMIN, "{\"keys\":[\"iops_bytes\"]}");
    wish(200, "GET", path, NULL, "\"specs\":{\"read_iops_sec\": \"2000\"}");
    wish(400, "GET", none, NULL, "Volume Type id must not be None.");
    wish(404, "GET", nothing, NULL, "Volume type x could not be found.");
    expect(202, "GET", on, ADMIN, NULL);
    expect(202, "GET", on, ADMIN, NULL);
    wish(200, "GET", list, NULL, "[{\"association_type\":\"volume_type\",\"name\":\"quick\"");
    wish(200, "GET", type, NULL, id);
    wish(400, "PUT", path, "{\"qos_specs\":{\"consumer\":\"back-end\"}}", "QoS_support");
    wish(400, "DELETE", path, NULL, "Qos specs still in use.");
    wish(200, "POST", QOS, "{\"qos_specs\":{\"name\":\"other\",\"consumer\":\"both\"}}", "other");
    AUTO_FREE char *second = kn_test_world_id(&world, "qos_specs");
    AUTO_FREE char *too = kn_asprintf(QOS "/%s/associate?vol_type_id=%s", second, type + strlen(TYPES "/"));
    wish(400, "GET", too, NULL, "is already associated with another qos specs");
    expect(202, "GET", off, ADMIN, NULL);
    expect(202, "GET", too, ADMIN, NULL);
    expect(202, "GET", all, ADMIN, NULL); /* those of others stay */
    wish(200, "GET", type, NULL, second);
    expect(202, "DELETE", path, ADMIN, NULL);
    wish(404, "GET", path, NULL, "No such QoS spec");
    AUTO_FREE char *last = kn_asprintf(QOS "/%s?force=True", second);
    expect(202, "DELETE", last, ADMIN, NULL);
    wish(200, "GET", type, NULL, "\"qos_specs_id\":null");
    wish(404, "DELETE", forced, NULL, "No such QoS spec");
}

static void test_specs(void **state)
{
    (void)state;
    AUTO_FREE char *path = make("{\"volume_type\":{\"name\":\"bronze\"}}");
    AUTO_FREE char *specs = behind(path, "/extra_specs"), *key = behind(path, "/extra_specs/volume_backend_name");

    expect(200, "POST", specs, ADMIN, "{\"extra_specs\":{\"volume_backend_name\":\"tape\",\"x\":\"1\"}}");
    expect(200, "PUT", key, ADMIN, "{\"volume_backend_name\":\"file\"}");
    assert_string_equal(world.http.body.buf, "{\"volume_backend_name\":\"file\"}");
    expect(400, "PUT", key, ADMIN, "{\"other\":\"file\"}");
    expect(200, "GET", specs, ADMIN, NULL);
    expect_text("\"x\": \"1\"");
    AUTO_FREE char *x = behind(path, "/extra_specs/x");
    expect(202, "DELETE", x, ADMIN, NULL);
    expect(404, "DELETE", x, ADMIN, NULL);
    expect(404, "GET", x, ADMIN, NULL);
    expect(202, "POST", "/volume/v3/volumes", A, "{\"volume\":{\"size\":1,\"volume_type\":\"bronze\"}}");
    expect(403, "GET", specs, A, NULL);
}

/* A volume whose disk is there: the path of its actions. The caller frees. */
static char *make_volume(void)
{
    expect(202, "POST", "/volume/v3/volumes", A, "{\"volume\":{\"size\":1}}");
    AUTO_FREE char *id = kn_test_world_id(&world, "volume");

    kn_test_world_sql(&world, "UPDATE volume SET status = 'available', format = 'raw', backend = 'file'");
    return kn_asprintf("/volume/v3/volumes/%s/action", id);
}

static void retype(int status, const char *action, const char *type, const char *wanted)
{
    static const char *const POLICIES[] = { "\"never\"", "\"on-demand\"", "null" };

    for (size_t i = 0; i < (status == 202 ? 1 : KN_COUNT(POLICIES)); i++) {
        AUTO_FREE char *body = kn_asprintf("{\"os-retype\":{\"new_type\":\"%s\",\"migration_policy\":%s}}", type,
                                           POLICIES[i]);

        expect(status, "POST", action, A, body);
        expect_text(wanted);
    }
}

#define IS_FILE "SELECT count(*) FROM volume v JOIN volume_type t ON t.id = v.type_id WHERE t.name = 'file'"
#define MOVED "are not moved between back ends here"

/* No volume gets a type that its own back end does not do, nor anything of it. */
static void test_retype_to_another_back_end(void **state)
{
    (void)state;
    free(make("{\"volume_type\":{\"name\":\"far\",\"extra_specs\":{\"volume_backend_name\":\"nbd\"}}}"));
    free(make("{\"volume_type\":{\"name\":\"near\",\"extra_specs\":{\"volume_backend_name\":\"file\"}}}"));
    free(make(
        "{\"volume_type\":{\"name\":\"odd\",\"extra_specs\":{\"capabilities:storage_protocol\":\"<in> iscsi\"}}}"));
    AUTO_FREE char *action = make_volume();

    retype(400, action, "far", "Invalid volume: the volume's back end does not have what type far asks for");
    retype(400, action, "odd", MOVED);
    kn_test_world_sql(&world, "UPDATE volume SET status = 'in-use'");
    retype(400, action, "far", MOVED);
    assert_int_equal(count_of(IS_FILE), 1);
    assert_int_equal(count_of("SELECT count(*) FROM quota_usage WHERE resource ~ '^gigabytes_' AND used > 0"), 1);
    kn_test_world_sql(&world, "UPDATE volume SET backend = 'nbd'"); /* what volume.driver names now is of new volumes */
    retype(400, action, "near", MOVED);
    retype(202, action, "far", "");
    assert_int_equal(count_of(IS_FILE), 0);
}

/* The limits of a guest's disk are those of the type, so they do not change below it. */
static void test_retype_to_other_limits(void **state)
{
    (void)state;
    free(make("{\"volume_type\":{\"name\":\"held\"}}"));
    free(make("{\"volume_type\":{\"name\":\"free\"}}"));
    free(make("{\"volume_type\":{\"name\":\"same\"}}"));
    kn_test_world_sql(&world, "INSERT INTO volume_qos (id, name, consumer, specs) VALUES (gen_random_uuid(), 'slow', "
                              "'front-end', '{\"total_iops_sec\": \"5\"}')");
    kn_test_world_sql(&world, "UPDATE volume_type SET qos_id = (SELECT id FROM volume_qos WHERE name = 'slow') WHERE "
                              "name IN ('held', 'same')");
    AUTO_FREE char *action = make_volume();

    kn_test_world_sql(&world, "UPDATE volume SET status = 'in-use'");
    retype(400, action, "held", "for in-use volumes front-end qos specs cannot change.");
    assert_int_equal(count_of(IS_FILE), 1);
    retype(202, action, "free", ""); /* neither has any */
    kn_test_world_sql(&world, "UPDATE volume SET status = 'available'");
    retype(202, action, "held", "");
    kn_test_world_sql(&world, "UPDATE volume SET status = 'in-use'");
    retype(202, action, "same", "");
    kn_test_world_sql(&world, "UPDATE volume_qos SET consumer = 'both'");
    retype(400, action, "free", "front-end qos specs");
    kn_test_world_sql(&world, "UPDATE volume SET status = 'available'"); /* as an administrator says; a client has it */
    kn_test_world_sql(&world, "INSERT INTO attachment (id, volume_id, status) SELECT gen_random_uuid(), id, 'reserved' "
                              "FROM volume");
    retype(400, action, "free", "front-end qos specs");
    kn_test_world_sql(&world, "DELETE FROM attachment");
    retype(202, action, "free", "");
}

static void *post_a_volume(void *arg)
{
    struct kn_test_http *http = arg;

    kn_test_http_ask(http, "POST", "/volume/v3/volumes", A, "{\"volume\":{\"size\":1,\"volume_type\":\"fleeting\"}}");
    return NULL;
}

static void await_a_lock(void)
{
    const int64_t deadline = kn_mono_ms() + 60000;

    while (count_of("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
}

/* A type that went between the look and the row: the volume is refused in words, and nothing of it stays. */
static void test_a_type_that_went(void **state)
{
    AUTO(kn_db) struct kn_db *other = kn_db_new(world.conf.db_url, "other-api");
    struct kn_test_http http = kn_test_http_open(world.http.port);
    AUTO_TX struct kn_tx tx = { NULL };
    struct kn_error err = { 0 };
    pthread_t poster;

    (void)state;
    free(make("{\"volume_type\":{\"name\":\"fleeting\"}}"));
    assert_ok(kn_tx_begin(&tx, other, &err), &err);
    assert_ok(kn_db_script(other, "DELETE FROM volume_type WHERE name = 'fleeting'", &err), &err);
    assert_int_equal(pthread_create(&poster, NULL, post_a_volume, &http), 0);
    await_a_lock();
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(poster, NULL);
    assert_int_equal(http.status, 404);
    assert_non_null(strstr(http.body.buf, "Volume type "));
    assert_null(strstr(http.body.buf, "with name")); /* it is known by its id by then */
    kn_test_http_close(&http);
    assert_int_equal(count_of("SELECT count(*) FROM volume"), 0);
    assert_int_equal(count_of("SELECT coalesce(sum(used), 0) FROM quota_usage WHERE resource = 'volumes'"), 0);
}

static void test_bad_input(void **state)
{
    static const struct {
        int status;
        const char *method, *path, *headers, *body;
    } CASES[] = {
        { 403, "POST", TYPES, A, "{\"volume_type\":{\"name\":\"x\"}}" },
        { 403, "DELETE", TYPES "/" KN_VOLUME_TYPE_ID, A, NULL },
        { 400, "POST", TYPES, ADMIN, NULL },
        { 400, "POST", TYPES, ADMIN, "{}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"\"}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\" \"}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":null}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":7}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"x\",\"is_public\":true}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"x\",\"color\":\"red\"}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"x\",\"extra_specs\":[]}}" },
        { 400, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"x\",\"extra_specs\":{\"k\":7}}}" },
        { 400, "POST", TYPES, ADMIN,
          "{\"volume_type\":{\"name\":\"x\",\"os-volume-type-access:is_public\":\"maybe\"}}" },
        { 409, "POST", TYPES, ADMIN, "{\"volume_type\":{\"name\":\"file\"}}" },
        { 400, "PUT", TYPES "/" KN_VOLUME_TYPE_ID, ADMIN, "{\"volume_type\":{}}" },
        { 400, "PUT", TYPES "/" KN_VOLUME_TYPE_ID, ADMIN, "{\"volume_type\":{\"name\":\"\"}}" },
        { 404, "PUT", NOBODY, ADMIN, "{\"volume_type\":{\"name\":\"x\"}}" },
        { 404, "PUT", TYPES "/nonsense", ADMIN, "{\"volume_type\":{\"name\":\"x\"}}" },
        { 404, "DELETE", NOBODY, ADMIN, NULL },
        { 404, "GET", TYPES "/nonsense", A, NULL },
        { 404, "GET", NOBODY "/extra_specs", ADMIN, NULL },
        { 404, "POST", NOBODY "/extra_specs", ADMIN, "{\"extra_specs\":{\"a\":\"b\"}}" },
        { 400, "POST", TYPES "/" KN_VOLUME_TYPE_ID "/extra_specs", ADMIN, "{\"extra_specs\":{}}" },
        { 404, "POST", NOBODY "/action", ADMIN, "{\"addProjectAccess\":{\"project\":\"aaaa\"}}" },
        { 400, "POST", NOBODY "/action", ADMIN, "{\"addProjectAccess\":{}}" },
        { 400, "POST", NOBODY "/action", ADMIN,
          "{\"addProjectAccess\":{\"project\":\"a\"},\"removeProjectAccess\":{\"project\":\"a\"}}" },
        { 400, "POST", NOBODY "/action", ADMIN, "{}" },
        { 400, "GET", TYPES "?is_public=perhaps", ADMIN, NULL },
        { 400, "GET", TYPES "?sort=extra_specs", ADMIN, NULL },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        expect(CASES[i].status, CASES[i].method, CASES[i].path, CASES[i].headers, CASES[i].body);
    }
    assert_int_equal(count_of("SELECT count(*) FROM volume_type"), 1);
    assert_int_equal(count_of("SELECT count(*) FROM volume_type WHERE name = 'file' AND extra_specs = '{}'"), 1);
}

static int start_world(void **state)
{
    static const struct kn_api *const APIS[] = { &kn_volume_api, NULL };

    *state = &world;
    kn_test_world_start(&world, "types", APIS);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_life, clean),
        cmocka_unit_test_teardown(test_encryption, clean),
        cmocka_unit_test_teardown(test_encrypted_volumes, clean),
        cmocka_unit_test_teardown(test_access, clean),
        cmocka_unit_test_teardown(test_qos, clean),
        cmocka_unit_test_teardown(test_specs, clean),
        cmocka_unit_test_teardown(test_retype_to_another_back_end, clean),
        cmocka_unit_test_teardown(test_retype_to_other_limits, clean),
        cmocka_unit_test(test_a_type_that_went),
        cmocka_unit_test(test_bad_input),
    };

    return cmocka_run_group_tests(tests, start_world, kn_test_world_teardown);
}
