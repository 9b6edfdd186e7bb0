/* SPDX-License-Identifier: Apache-2.0 */
/* What is plugged into a server, NICs and volumes: what is shown, how many fit, and which of them die with it. */
#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/test.h"

static int get(const char *token, int minor, const char *path)
{
    return kn_test_nova_ask(nova, token, minor, "GET", path, NULL);
}

static void what_is_plugged_in(void **state)
{
    (void)state;
    assert_int_equal(get(SEED_MEMBER, 70, SERVERS "/" ONE "/os-interface"), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachments.0.port_id"), ITS_PORT);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/os-interface/" ITS_PORT), 200);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/os-interface/" SEED_NOBODY), 404);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/ips/net"), 200);
    assert_string_equal(kn_test_nova_str(nova, "net.0.addr"), "10.0.0.77");
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/ips/x"), 404);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/os-security-groups"), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_groups.0.name"), "default");
    assert_null(kn_test_nova_at(nova, "security_groups.1"));
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" FOREIGN "/os-security-groups"), 404);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" FOREIGN "/os-server-password"), 404);
    assert_int_equal(get(SEED_ADMIN, 23, SERVERS "/" ONE "/migrations"), 200);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/os-volume_attachments"), 200);
    assert_string_equal(kn_test_nova_str(nova, "volumeAttachments.0.id"), SEED_NOBODY);
    assert_int_equal(get(SEED_MEMBER, 89, SERVERS "/" ONE "/os-volume_attachments/" SEED_NOBODY), 200);
    assert_string_equal(kn_test_nova_str(nova, "volumeAttachment.attachment_id"),
                        "88888888-8888-4888-8888-888888888888");
    assert_null(kn_test_nova_at(nova, "volumeAttachment.id"));
    assert_int_equal(get(SEED_MEMBER, 89, SERVERS "/" THREE "/os-volume_attachments/" SEED_NOBODY), 404);
}

static void what_cannot_be_plugged_in(void **state)
{
    static const char FULL[] =
        "INSERT INTO volume (id, project_id, user_id, size_gib, status) SELECT ('99999999-9999-4999-8999-' || lpad(i::text, 12, '0'))::uuid, '" SEED_PROJECT
        "', '" SEED_PROJECT "', 1, CASE WHEN i = 0 THEN 'available' ELSE 'in-use' END FROM generate_series(0, 24) i;"
        "INSERT INTO attachment (id, volume_id, server_id, status) SELECT ('77777777-9999-4999-8999-' || lpad(i::text, 12, '0'))::uuid, "
        "('99999999-9999-4999-8999-' || lpad(i::text, 12, '0'))::uuid, '" ONE
        "', 'attached' FROM generate_series(1, 24) i;";
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(nova->db, FULL, &err), &err);
    assert_int_equal(
        kn_test_nova_ask(nova, SEED_MEMBER, 79, "POST", SERVERS "/" ONE "/os-volume_attachments",
                         "{\"volumeAttachment\": {\"volumeId\": \"99999999-9999-4999-8999-000000000000\"}}"),
        403);
    assert_string_equal(
        kn_test_nova_str(nova, "forbidden.message"),
        "The maximum allowed number of disk devices (26) to attach to a single instance has been exceeded.");
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 0);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM volume WHERE status = 'attaching'"), 0);
}

/* The answer says which device the volume becomes, as Nova's does: the one that was asked for, or the next that nobody has. */
static void what_a_volume_is_called(void **state)
{
    static const struct {
        const char *volume, *wish, *device;
    } CASES[] = {
        { "99999999-9999-4999-8999-000000000001", "",
          "/dev/vdd" }, /* vda: root; vdb: a volume; vdc: the server's own */
        { "99999999-9999-4999-8999-000000000002", ", \"device\": \"/dev/vdc\"", "/dev/vde" },
        { "99999999-9999-4999-8999-000000000003", ", \"device\": \"/dev/vdx\"", "/dev/vdx" },
        { "99999999-9999-4999-8999-000000000004", ", \"device\": null", "/dev/vdf" },
    };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        kn_db_script(
            nova->db,
            "INSERT INTO volume (id, project_id, user_id, size_gib, status) SELECT ('99999999-9999-4999-8999-' || lpad(i::text, 12, '0'))::uuid, '" SEED_PROJECT
            "', '" SEED_PROJECT "', 1, 'available' FROM generate_series(1, 4) i;"
            "UPDATE attachment SET device = '/dev/vdb';"
            "UPDATE server SET disks = '[{\"device\": \"/dev/vdc\", \"bus\": \"virtio\"}]' WHERE id = '" ONE "'",
            &err),
        &err);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *body = kn_asprintf("{\"volumeAttachment\": {\"volumeId\": \"%s\"%s}}", CASES[i].volume,
                                           CASES[i].wish);

        assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "POST", SERVERS "/" ONE "/os-volume_attachments", body),
                         200);
        assert_string_equal(kn_test_nova_str(nova, "volumeAttachment.device"), CASES[i].device);
        assert_ok(kn_db_script(nova->db, "DELETE FROM task; UPDATE server SET task_state = NULL", &err), &err);
    }
}

#define NEW "99999999-9999-4999-8999-000000000000"
#define PLUGGED SERVERS "/" ONE "/os-volume_attachments"

/* Whether a volume dies with its server: said at the attachment, shown, and changed later. */
static void what_dies_with_a_server(void **state)
{
    static const struct {
        const char *token;
        int minor;
        const char *path, *body;
        int status, dies; /* dies: afterwards */
    } CHANGES[] = {
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"delete_on_termination\": false}}", 202, 0 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW, "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\"}}", 202, 0 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"id\": \"" NEW "\", \"serverId\": \"" ONE
          "\", \"delete_on_termination\": \"true\"}}",
          202, 1 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"serverId\": \"" THREE "\"}}", 400, 1 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"device\": \"/dev/vdz\"}}", 400, 1 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW, "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"tag\": \"x\"}}", 400,
          1 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"delete_on_termination\": \"maybe\"}}", 400, 1 },
        { SEED_MEMBER, 84, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\", \"delete_on_termination\": false}}", 400, 1 },
        { SEED_MEMBER, 84, PLUGGED "/" NEW, "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\"}}", 403, 1 },
        { SEED_MEMBER, 85, PLUGGED "/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" SEED_NOBODY "\", \"delete_on_termination\": false}}", 403, 1 },
        { SEED_ADMIN, 84, PLUGGED "/" NEW, "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\"}}", 400, 1 },
        { SEED_MEMBER, 85, SERVERS "/" THREE "/os-volume_attachments/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\"}}", 404, 1 },
        { SEED_MEMBER, 85, SERVERS "/" FOREIGN "/os-volume_attachments/" NEW,
          "{\"volumeAttachment\": {\"volumeId\": \"" NEW "\"}}", 404, 1 },
    };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(nova->db,
                           "INSERT INTO volume (id, project_id, user_id, size_gib, status) VALUES ('" NEW
                           "', '" SEED_PROJECT "', '" SEED_PROJECT "', 1, 'available')",
                           &err),
              &err);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 78, "POST", PLUGGED,
                                      "{\"volumeAttachment\": {\"volumeId\": \"" NEW
                                      "\", \"delete_on_termination\": true}}"),
                     400);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM attachment WHERE volume_id = '" NEW "'"), 0);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 79, "POST", PLUGGED,
                                      "{\"volumeAttachment\": {\"volumeId\": \"" NEW
                                      "\", \"delete_on_termination\": true}}"),
                     200);
    assert_true(json_is_true(kn_test_nova_at(nova, "volumeAttachment.delete_on_termination")));
    for (size_t i = 0; i < KN_COUNT(CHANGES); i++) {
        const int status = kn_test_nova_ask(nova, CHANGES[i].token, CHANGES[i].minor, "PUT", CHANGES[i].path,
                                            CHANGES[i].body);

        if (status != CHANGES[i].status) {
            fail_msg("change %zu: %d instead of %d: %s", i, status, CHANGES[i].status, nova->http.body.buf);
        }
        assert_int_equal(kn_test_nova_sql(nova,
                                          "SELECT delete_on_termination::int FROM attachment WHERE volume_id = '" NEW
                                          "'"),
                         CHANGES[i].dies);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_plugged_in, five_servers_fresh),
        cmocka_unit_test_setup(what_cannot_be_plugged_in, five_servers_fresh),
        cmocka_unit_test_setup(what_a_volume_is_called, five_servers_fresh),
        cmocka_unit_test_setup(what_dies_with_a_server, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
