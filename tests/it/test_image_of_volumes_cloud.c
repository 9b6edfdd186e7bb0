/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of servers whose root disk is a volume, in a whole cloud on simulated hosts: snapshots of all volumes and an image that names them; servers that are made of such an image, also by clients who
 * know nothing of it; what it is no good for; quotas; what fails, is deleted or killed in the middle. A volume that is let go, since that needs a whole cloud, too. After all of it the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define IMAGES "/image/v2/images"
#define V KN_WHOLE_JSON "OpenStack-API-Version: compute 2.93\r\n"
#define VV KN_WHOLE_JSON "OpenStack-API-Version: volume 3.71\r\n"
#define BUSY "SELECT count(*) FROM task WHERE state IN ('run', 'undo')"
#define UNDECIDED "SELECT count(*) FROM image WHERE status IN ('queued', 'saving') AND deleted_at IS NULL"
#define SNAPSHOTS "SELECT count(*) FROM volume_snapshot"
#define OURS "SELECT count(*) FROM image WHERE deleted_at IS NULL AND properties ? 'block_device_mapping'"

static char base[KN_UUID_SIZE], flavor[64], server[KN_UUID_SIZE], root[KN_UUID_SIZE], data[KN_UUID_SIZE];

static void settled(void)
{
    kn_whole_cloud_await(BUSY, 0);
    kn_whole_cloud_await(UNDECIDED, 0);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE task_state IS NOT NULL", NULL), 0);
}

static void post(int status, const char *image, const char *more, char ret_id[KN_UUID_SIZE])
{
    AUTO_FREE char *body = kn_asprintf("{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", "
                                       "\"networks\": \"none\"%s}}",
                                       flavor, image, more);

    kn_whole_cloud_expect(status, "POST", SERVERS, V, body);
    if (status == 202) {
        kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("server.id"));
    }
}

static void delete_one(int status, const char *of, const char *id, const char *headers)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", of, id);

    kn_whole_cloud_expect(status, "DELETE", path, headers, NULL);
}

/* With two volumes, of which both die with it. */
static void make_server(void)
{
    AUTO_FREE char *more = kn_asprintf(
        ", \"block_device_mapping_v2\": [{\"source_type\": \"image\", \"destination_type\": \"volume\", \"uuid\": "
        "\"%s\", \"boot_index\": 0, \"volume_size\": 1, \"delete_on_termination\": true}, {\"source_type\": \"blank\", "
        "\"destination_type\": \"volume\", \"volume_size\": 2, \"tag\": \"data\", \"delete_on_termination\": true}]",
        base);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    post(202, "", more, server);
    settled();
    assert_ok(kn_db_query(kn_whole.db, "SELECT volume_id FROM attachment WHERE server_id = $1 ORDER BY boot_index", 1,
                          KN_ARGS(server), &rows, &err),
              &err);
    kn_copy(root, sizeof(root), kn_rows_text(rows, 0, 0));
    kn_copy(data, sizeof(data), kn_rows_text(rows, 1, 0));
}

static void create_image(int status, char ret_id[KN_UUID_SIZE])
{
    kn_whole_cloud_act(
        server, status, V,
        "{\"createImage\": {\"name\": \"of it\", \"metadata\": {\"k\": \"v\", \"block_device_mapping\": \"[]\"}}}");
    if (status == 202) {
        kn_copy(ret_id, KN_UUID_SIZE, kn_whole_cloud_text("image_id"));
    }
}

/* What its owner writes of what is in the root volume. */
static void root_says(const char *metadata)
{
    AUTO_FREE char *path = kn_asprintf("/volume/v3/volumes/%s/action", root);
    AUTO_FREE char *body = kn_asprintf("{\"os-set_image_metadata\": {\"metadata\": {%s}}}", metadata);

    kn_whole_cloud_expect(200, "POST", path, VV, body);
}

/* All that was made goes; nothing counts in any quota but what the first server has. */
static void clean(const char *image)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    if (image != NULL) {
        delete_one(204, IMAGES, image, NULL);
    }
    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM volume_snapshot", 0, NULL, &rows, &err), &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        delete_one(202, "/volume/v3/snapshots", kn_rows_text(rows, i, 0), VV);
    }
    settled();
    assert_int_equal(kn_whole_cloud_count(SNAPSHOTS, NULL), 0);
    assert_int_equal(kn_whole_cloud_count("SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = "
                                          "'volume' AND resource = 'snapshots'",
                                          NULL),
                     0);
}

static void is_active_of(const char *of_image, const char *made)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", made);

    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM server WHERE id = $1 AND vm_state = 'active' AND image_id IS NULL "
                             "AND image_properties->>'hw_disk_bus' = 'virtio'",
                             made),
        1);
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM attachment a JOIN volume v ON v.id = a.volume_id JOIN volume_snapshot s ON s.id = v.snapshot_id "
            "WHERE a.server_id = $1 AND a.status = 'attached' AND v.size_gib = s.size_gib AND a.delete_on_termination AND "
            "(a.device, v.size_gib, coalesce(a.boot_index, -1), coalesce(a.tag, '')) IN (('/dev/vda', 1, 0, ''), ('/dev/vdb', 2, -1, 'data'))",
            made),
        2);
    (void)of_image;
    kn_whole_cloud_expect(200, "GET", path, V, NULL);
    assert_string_equal(kn_whole_cloud_text("server.image"), "");
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

/* What was done to its volumes is of the action, and none of its own. */
static void is_one_action(const char *place, const char *action, const char *event)
{
    AUTO_FREE char *all = kn_asprintf(SERVERS "/%s/os-instance-actions", server), *path = NULL, *one = NULL,
                   *member = kn_asprintf("instanceActions.%s.request_id", place);

    kn_whole_cloud_expect(200, "GET", all, V, NULL);
    path = kn_asprintf("%s/%s", all, kn_whole_cloud_text(member));
    assert_null(strstr(kn_whole.http.body.buf, "_volume\""));
    kn_whole_cloud_expect(200, "GET", path, V, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceAction.action"), action);
    one = kn_asprintf("\"event\":\"%s\"", event);
    if (strstr(kn_whole.http.body.buf, one) == NULL) {
        fail_msg("no %s in %s", one, kn_whole.http.body.buf);
    }
}

static void made_and_used(void **state)
{
    char image[KN_UUID_SIZE], plain[KN_UUID_SIZE], beside[KN_UUID_SIZE];
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    root_says("\"min_ram\": \"99999999999\", \"os_require_quiesce\": \"yes\"");
    create_image(400, image); /* of one moment none is made */
    assert_int_equal(kn_whole_cloud_count(SNAPSHOTS, NULL), 0);
    root_says("\"os_require_quiesce\": \"no\"");
    create_image(202, image); /* what is no number says nothing */
    settled();
    clean(image);
    root_says("\"min_ram\": \"0\"");
    create_image(202, image);
    settled();
    AUTO_FREE char *path = kn_asprintf(IMAGES "/%s", image);
    kn_whole_cloud_expect(200, "GET", path, NULL, NULL);
    assert_string_equal(kn_whole_cloud_text("status"), "active");
    assert_string_equal(kn_whole_cloud_text("bdm_v2"), "True");
    assert_string_equal(kn_whole_cloud_text("root_device_name"), "/dev/vda");
    assert_string_equal(kn_whole_cloud_text("k"), "v");
    assert_string_equal(kn_whole_cloud_text("hw_disk_bus"), "virtio"); /* of what is in the root volume */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM image WHERE id = $1 AND size = 0 AND min_disk = 0",
                                          image),
                     1);
    assert_int_equal(
        kn_whole_cloud_count(
            "SELECT count(*) FROM volume_snapshot s, image i CROSS JOIN LATERAL jsonb_array_elements((i.properties->>'block_device_mapping')::jsonb) m "
            "WHERE i.id = $1 AND m->>'snapshot_id' = s.id::text AND s.status = 'available' AND s.name = 'snapshot for of it' AND s.for_image IS NULL AND "
            "(m->>'source_type', m->>'destination_type', m->>'device_name', (m->>'volume_size')::int, coalesce(m->>'boot_index', ''), m->>'delete_on_termination') IN "
            "(('snapshot', 'volume', '/dev/vda', 1, '0', 'true'), ('snapshot', 'volume', '/dev/vdb', 2, '', 'true'))",
            image),
        2);
    is_one_action("0", "createImage", "snapshot.create");
    is_one_action("2", "create", "volume.create");
    post(202, image, "", plain);
    AUTO_FREE char *more = kn_asprintf(", \"block_device_mapping_v2\": [{\"source_type\": \"image\", "
                                       "\"destination_type\": \"local\", \"uuid\": \"%s\", \"boot_index\": 0}]",
                                       image);
    post(202, image, more, beside);
    settled();
    is_active_of(image, plain);
    is_active_of(image, beside);
    assert_true(kn_whole_cloud_is_sound());
    delete_one(204, SERVERS, plain, V);
    delete_one(204, SERVERS, beside, V);
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume", NULL), 2);
    /* What it is made of stays when it goes; and volumes stay that there are snapshots of, even if they were to die. */
    delete_one(204, IMAGES, image, NULL);
    settled();
    assert_int_equal(kn_whole_cloud_count(SNAPSHOTS " WHERE status = 'available'", NULL), 2);
    delete_one(204, SERVERS, server, V);
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE status = 'available'", NULL), 2);
    assert_true(kn_whole_cloud_is_sound());
    clean(NULL);
    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM volume", 0, NULL, &rows, &err), &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        delete_one(202, "/volume/v3/volumes", kn_rows_text(rows, i, 0), VV);
    }
    settled();
    make_server();
}

static void refuses(int status, const char *method, const char *path, const char *headers, const char *body,
                    const char *words)
{
    kn_whole_cloud_expect(status, method, path, headers, body);
    if (strstr(kn_whole.http.body.buf, words) == NULL) {
        fail_msg("%s, not %s", kn_whole.http.body.buf, words);
    }
}

static void says(const char *image, const char *property, const char *value)
{
    AUTO_FREE char *path = kn_asprintf(IMAGES "/%s", image);
    json_auto_t *patch = json_pack("[{s:s, s:s+, s:s}]", "op", "add", "path", "/", property, "value", value);
    AUTO_FREE char *body = json_dumps(patch, 0);

    kn_whole_cloud_expect(200, "PATCH", path, "Content-Type: application/openstack-images-v2.1-json-patch\r\n", body);
}

/* It has no data; whoever wants some is told so. And what anybody writes into the property is read with care. */
static void what_it_is_no_good_for(void **state)
{
    AUTO_FREE char *quota = kn_asprintf("/volume/v3/os-quota-sets/%s", kn_whole.project), *action = NULL;
    char image[KN_UUID_SIZE], none[KN_UUID_SIZE];

    (void)state;
    kn_whole_cloud_expect(200, "PUT", quota, VV, "{\"quota_set\": {\"snapshots\": 1}}");
    create_image(403, image);
    assert_non_null(strstr(kn_whole.http.body.buf, "napshot"));
    assert_int_equal(kn_whole_cloud_count(SNAPSHOTS, NULL) + kn_whole_cloud_count(OURS, NULL), 0);
    kn_whole_cloud_expect(200, "PUT", quota, VV, "{\"quota_set\": {\"snapshots\": 10}}");
    create_image(202, image);
    settled();
    action = kn_asprintf(SERVERS "/%s/action", server);
    AUTO_FREE char *rebuild = kn_asprintf("{\"rebuild\": {\"imageRef\": \"%s\"}}", image),
                   *rescue = kn_asprintf("{\"rescue\": {\"rescue_image_ref\": \"%s\"}}", image),
                   *volume = kn_asprintf("{\"volume\": {\"size\": 1, \"imageRef\": \"%s\"}}", image);
    refuses(400, "POST", action, V, rebuild, "has no data");
    refuses(400, "POST", action, V, rescue, "is invalid");
    refuses(400, "POST", "/volume/v3/volumes", VV, volume, "has no data");
    says(image, "block_device_mapping", "{}");
    post(400, image, "", none);
    says(image, "block_device_mapping", "[7]");
    post(400, image, "", none);
    says(image, "block_device_mapping", "[{\"source_type\": \"snapshot\", \"boot_index\": [], \"snapshot_id\": 3}]");
    post(400, image, "", none);
    says(image, "block_device_mapping",
         "[{\"source_type\": \"snapshot\", \"destination_type\": \"volume\", \"boot_index\": 0, \"snapshot_id\": "
         "\"99999999-9999-4999-8999-999999999999\"}]");
    post(400, image, "", none);
    assert_non_null(strstr(kn_whole.http.body.buf, "failed to get snapshot"));
    says(image, "block_device_mapping", "[]");
    post(400, image, "", none);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE deleted_at IS NULL", NULL), 1);
    says(image, "block_device_mapping", "x");
    clean(image);
}

/* A volume's disk is away while it is copied: neither the image nor the other snapshot stays. */
static void what_fails_leaves_nothing(void **state)
{
    AUTO_FREE char *disk = kn_asprintf("%s/volume-%s", kn_whole.dir, data),
                   *away = kn_asprintf("%s/away", kn_whole.dir),
                   *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);
    char image[KN_UUID_SIZE];

    (void)state;
    assert_int_equal(rename(disk, away), 0);
    create_image(202, image);
    settled();
    assert_int_equal(rename(away, disk), 0);
    assert_int_equal(kn_whole_cloud_count(SNAPSHOTS, NULL) + kn_whole_cloud_count(OURS, NULL), 0);
    kn_whole_cloud_expect(200, "GET", actions, V, NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.message"), "Error");
    /* What went with it is of the request that wished it. */
    assert_true(
        kn_whole_cloud_count("SELECT count(*) FROM task WHERE kind = 'snapshot.delete' AND request_id = (SELECT "
                             "request_id FROM task WHERE kind = 'server.createImage' ORDER BY id DESC LIMIT 1)",
                             NULL) > 0);
    assert_true(kn_whole_cloud_is_sound());
    clean(NULL);
}

/* Image or server deleted, daemons killed: the image is whole, with its snapshots, or nothing is there. */
static void ended_in_the_middle(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-volume", "kilonova-image", "kilonova-agent" };
    char image[KN_UUID_SIZE];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHO); i++) {
        create_image(202, image);
        kn_test_pause((int)i * 9);
        kn_whole_cloud_restart(WHO[i]);
        settled();
        assert_int_equal(2 * kn_whole_cloud_count(OURS, NULL),
                         kn_whole_cloud_count(SNAPSHOTS " WHERE for_image IS NULL", NULL));
        clean(kn_whole_cloud_count(OURS, NULL) > 0 ? image : NULL);
    }
    for (int i = 0; i < 3; i++) {
        create_image(202, image);
        kn_test_pause(i * 15);
        delete_one(204, IMAGES, image, NULL);
        settled();
        assert_int_equal(kn_whole_cloud_count(SNAPSHOTS " WHERE for_image IS NOT NULL OR status <> 'available'", NULL),
                         0);
        clean(NULL);
    }
    create_image(202, image);
    delete_one(204, SERVERS, server, V);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    settled();
    assert_int_equal(2 * kn_whole_cloud_count(OURS, NULL), kn_whole_cloud_count(SNAPSHOTS, NULL));
    assert_true(kn_whole_cloud_is_sound());
}

/* A volume that is unmanaged is nobody's: its bytes stay under a name that says so, whoever dies meanwhile; it counts nowhere. */
static void one_is_let_go(void **state)
{
    static const char COUNTED[] = "SELECT coalesce(sum(used), 0)::bigint FROM quota_usage WHERE service = 'volume'";
    const int64_t counted = kn_whole_cloud_count(COUNTED, NULL);
    char id[KN_UUID_SIZE];
    struct stat made, let_go;

    (void)state;
    kn_whole_cloud_expect(202, "POST", "/volume/v3/volumes", VV, "{\"volume\": {\"size\": 1}}");
    kn_copy(id, sizeof(id), kn_whole_cloud_text("volume.id"));
    settled();
    AUTO_FREE char *path = kn_asprintf("%s/volume-%s", kn_whole.dir, id),
                   *free_path = kn_asprintf("%s/unmanaged-volume-%s.raw", kn_whole.dir, id),
                   *action = kn_asprintf("/volume/v3/volumes/%s/action", id);
    assert_int_equal(stat(path, &made), 0);
    kn_whole_cloud_expect(202, "POST", action, VV, "{\"os-unmanage\": {}}");
    kn_whole_cloud_restart("kilonova-volume");
    settled();
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM volume WHERE id = $1", id), 0);
    assert_int_equal(kn_whole_cloud_count(COUNTED, NULL), counted);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(stat(free_path, &let_go), 0);
    assert_int_equal(let_go.st_ino, made.st_ino);
    assert_int_equal(unlink(free_path), 0);
}

static int start(void **state)
{
    (void)state;
    kn_whole_cloud_start("2");
    kn_copy(base, sizeof(base), kn_whole_cloud_image());
    says(base, "hw_disk_bus", "virtio");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    make_server();
    return 0;
}

int main(void)
{
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(one_is_let_go, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(made_and_used, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(what_it_is_no_good_for, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(what_fails_leaves_nothing, kn_whole_cloud_sound),
        cmocka_unit_test_teardown(ended_in_the_middle, kn_whole_cloud_sound),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
