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

#define SWAPPED "99999999-9999-4999-8999-0000000000"
#define BODY(id) "{\"volumeAttachment\": {\"volumeId\": \"" id "\"}}"

/* Of the two the one that the guest has, until the other is it: whether that dies with the server is said of it alone. */
static void one_of_two_is_seen(void)
{
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 85, "GET", PLUGGED, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "volumeAttachments.0.volumeId"), SEED_NOBODY);
    assert_null(kn_test_nova_at(nova, "volumeAttachments.1"));
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 85, "GET", SERVERS "/" ONE, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.os-extended-volumes:volumes_attached.0.id"), SEED_NOBODY);
    assert_null(kn_test_nova_at(nova, "server.os-extended-volumes:volumes_attached.1"));
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 85, "GET", PLUGGED "/" SWAPPED "01", NULL), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 85, "PUT", PLUGGED "/" SWAPPED "01",
                                      "{\"volumeAttachment\": {\"volumeId\": \"" SWAPPED
                                      "01\", \"delete_on_termination\": true}}"),
                     404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 85, "PUT", PLUGGED "/" SEED_NOBODY,
                                      "{\"volumeAttachment\": {\"volumeId\": \"" SEED_NOBODY
                                      "\", \"delete_on_termination\": false}}"),
                     202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM attachment WHERE delete_on_termination"), 0);
}

/* Another volume in the place of one: who may, which, and when; what is accepted is written in one piece. */
static void what_changes_places(void **state)
{
    static const struct {
        const char *token;
        int minor;
        const char *before, *body;
        int status;
    } ASKED[] = {
        { SEED_MEMBER, 85, NULL, BODY(SWAPPED "01"), 403 },
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "02"), 400 }, /* smaller */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "03"), 400 }, /* larger */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "04"), 400 }, /* another project's */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "05"), 400 }, /* read-only */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "06"), 409 }, /* of several servers, perhaps */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "07"), 400 }, /* just being made */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "08"),
          400 }, /* of a format whose bytes are not to be copied to another's */
        { SEED_ADMIN, 85, NULL, BODY(SWAPPED "99"), 400 }, /* not there */
        { SEED_ADMIN, 84, NULL, BODY(SEED_NOBODY), 400 }, /* itself */
        { SEED_ADMIN, 85, "UPDATE volume SET readonly = true WHERE id = '" SEED_NOBODY "'", BODY(SWAPPED "01"), 400 },
        { SEED_ADMIN, 85,
          "UPDATE volume SET readonly = false WHERE id = '" SEED_NOBODY "'; UPDATE attachment SET status = 'detaching'",
          BODY(SWAPPED "01"), 400 }, /* whatever was said of the volume itself */
        { SEED_ADMIN, 1, "UPDATE attachment SET status = 'attached'; UPDATE server SET vm_state = 'stopped'",
          BODY(SWAPPED "01"), 409 },
        { SEED_ADMIN, 1, "UPDATE server SET vm_state = 'active', task_state = 'rebooting'", BODY(SWAPPED "01"), 409 },
        { SEED_ADMIN, 1, "UPDATE server SET vm_state = 'paused', task_state = NULL", BODY(SWAPPED "01"), 202 },
        { SEED_ADMIN, 1, NULL, BODY(SWAPPED "01"), 400 }, /* it is on its way */
    };
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(
        kn_db_script(
            nova->db,
            "UPDATE volume SET size_gib = 2; UPDATE attachment SET tag = 'data', delete_on_termination = true, boot_index = 0; "
            "INSERT INTO volume (id, project_id, user_id, size_gib, status, readonly, multiattach) SELECT ('" SWAPPED
            "' || n)::uuid, project, 'u', gib, status, ro, multi FROM (VALUES ('01', '" SEED_PROJECT
            "', 2, 'available', false, false), ('02', '" SEED_PROJECT
            "', 1, 'available', false, false), ('03', '" SEED_PROJECT
            "', 3, 'available', false, false), ('04', '" SEED_OTHER
            "', 2, 'available', false, false), ('05', '" SEED_PROJECT
            "', 2, 'available', true, false), ('06', '" SEED_PROJECT
            "', 2, 'available', false, true), ('07', '" SEED_PROJECT
            "', 2, 'creating', false, false)) AS v(n, project, gib, status, ro, multi); "
            "SET session_replication_role = replica; ALTER TABLE volume DROP CONSTRAINT IF EXISTS volume_format, DROP CONSTRAINT IF EXISTS volume_encrypted; "
            "INSERT INTO volume (id, project_id, user_id, size_gib, status, format) VALUES ('" SWAPPED
            "08', '" SEED_PROJECT "', 'u', 2, 'available', 'luks'); "
            "SET session_replication_role = DEFAULT",
            &err),
        &err);
    for (size_t i = 0; i < KN_COUNT(ASKED); i++) {
        if (ASKED[i].before != NULL) {
            assert_ok(kn_db_script(nova->db, ASKED[i].before, &err), &err);
        }
        const int status = kn_test_nova_ask(nova, ASKED[i].token, ASKED[i].minor, "PUT", PLUGGED "/" SEED_NOBODY,
                                            ASKED[i].body);

        if (status != ASKED[i].status) {
            fail_msg("request %zu: %d instead of %d: %s", i, status, ASKED[i].status, nova->http.body.buf);
        }
        assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), i < KN_COUNT(ASKED) - 2 ? 0 : 1);
    }
    assert_int_equal(
        kn_test_nova_sql(
            nova,
            "SELECT count(*) FROM task t JOIN attachment o ON o.id::text = t.input->>'attachment' JOIN attachment n ON n.id::text = t.input->>'to_attachment' "
            "JOIN volume ov ON ov.id = o.volume_id JOIN volume nv ON nv.id = n.volume_id WHERE t.kind = 'server.swap_volume' "
            "AND t.input->>'boot' = '0' AND o.status = 'detaching' AND ov.status = 'detaching' AND n.status = 'attaching' AND nv.status = 'attaching' "
            "AND n.device IS NOT DISTINCT FROM o.device AND n.tag = 'data' AND n.boot_index IS NULL AND NOT n.delete_on_termination"),
        1);
    one_of_two_is_seen();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_plugged_in, five_servers_fresh),
        cmocka_unit_test_setup(what_cannot_be_plugged_in, five_servers_fresh),
        cmocka_unit_test_setup(what_a_volume_is_called, five_servers_fresh),
        cmocka_unit_test_setup(what_dies_with_a_server, five_servers_fresh),
        cmocka_unit_test_setup(what_changes_places, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
