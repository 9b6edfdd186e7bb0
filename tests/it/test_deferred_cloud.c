/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletions that wait, in a whole cloud on simulated hosts: the server is off and in no list, counts in no quota, and can only be restored or deleted for good; when its time has
 * come it goes by itself, and so does a shelved one from its host. Daemons die in the middle; after all of it the audit finds every promise kept.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/whole_cloud.h"

#define SERVERS "/compute/v2.1/servers"
#define V(minor) KN_WHOLE_JSON "OpenStack-API-Version: compute 2." minor "\r\n"
#define IS(state) \
    "SELECT count(*) FROM server WHERE vm_state = '" state "' AND task_state IS NULL AND deleted_at IS NULL"
#define USED "SELECT used FROM quota_usage WHERE service = 'compute' AND resource = 'instances'"
#define SETS "/compute/v2.1/os-quota-sets/"

static char server[KN_UUID_SIZE], make[512];

static void sound(void)
{
    kn_whole_cloud_await("SELECT count(*) FROM task WHERE state IN ('run', 'undo')", 0);
    kn_whole_cloud_await("SELECT count(*) FROM image WHERE status IN ('queued', 'saving') AND deleted_at IS NULL", 0);
    assert_true(kn_whole_cloud_is_sound());
}

static void sql(const char *text)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_whole.db, text, &err), &err);
}

static void make_server(void)
{
    kn_whole_cloud_expect(202, "POST", SERVERS, V("37"), make);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    kn_whole_cloud_await(IS("active"), 1);
}

static void remove_server(void)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(204, "DELETE", path, V("1"), NULL);
}

static const char *shown(const char *member)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", server);

    kn_whole_cloud_expect(200, "GET", path, V("96"), NULL);
    return kn_whole_cloud_text(member);
}

static void listed(const char *query, bool is_there)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "?%s", query);

    kn_whole_cloud_expect(200, "GET", path, V("1"), NULL);
    if ((strstr(kn_whole.http.body.buf, server) != NULL) != is_there) {
        fail_msg("%s: %s", query, kn_whole.http.body.buf);
    }
}

static void kept_and_restored(void **state)
{
    static const char *const FORBIDDEN[] = { "{\"os-start\": null}",
                                             "{\"os-stop\": null}",
                                             "{\"reboot\": {\"type\": \"HARD\"}}",
                                             "{\"shelve\": null}",
                                             "{\"createImage\": {\"name\": \"n\"}}",
                                             "{\"os-resetState\": {\"state\": \"active\"}}" };

    (void)state;
    make_server();
    kn_whole_cloud_act(server, 409, V("1"), "{\"restore\": null}");
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 1);
    remove_server();
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 0); /* with the answer */
    kn_whole_cloud_await(IS("soft-delete"), 1);
    assert_string_equal(shown("server.status"), "SOFT_DELETED");
    assert_int_equal(kn_whole_cloud_count(
                         "SELECT count(*) FROM server WHERE id = $1 AND power_state = 4 AND host IS NOT NULL", server),
                     1);
    listed("name=s", false);
    listed("status=SOFT_DELETED", false);
    listed("deleted=True", true);
    listed("deleted=True&soft_deleted=False", false);
    listed("soft_deleted=True", true);
    listed("soft_deleted=True&status=SOFT_DELETED", true);
    listed("changes-since=2020-01-01T00:00:00Z", true);
    for (size_t i = 0; i < KN_COUNT(FORBIDDEN); i++) {
        kn_whole_cloud_act(server, 409, V("1"), FORBIDDEN[i]);
    }
    remove_server(); /* said again, it stays as it is */
    sound();
    kn_whole_cloud_act(server, 202, V("1"), "{\"restore\": null}");
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 1);
    kn_whole_cloud_await(IS("active"), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM server WHERE id = $1 AND power_state = 1", server), 1);
    listed("name=s", true);
    sound();
    AUTO_FREE char *actions = kn_asprintf(SERVERS "/%s/os-instance-actions", server);

    kn_whole_cloud_expect(200, "GET", actions, V("1"), NULL);
    assert_string_equal(kn_whole_cloud_text("instanceActions.0.action"), "restore");
    assert_string_equal(kn_whole_cloud_text("instanceActions.1.action"), "delete");
}

/* From whatever it was, it comes back running. */
static void from_any_state(void **state)
{
    static const char *const BEFORE[][2] = { { "{\"os-stop\": null}", "stopped" },
                                             { "{\"pause\": null}", "paused" },
                                             { "{\"suspend\": null}", "suspended" },
                                             { "{\"rescue\": null}", "rescued" } };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BEFORE); i++) {
        AUTO_FREE char *is = kn_asprintf("SELECT count(*) FROM server WHERE vm_state = '%s' AND task_state IS NULL",
                                         BEFORE[i][1]);

        kn_whole_cloud_act(server, strcmp(BEFORE[i][1], "rescued") == 0 ? 200 : 202, V("1"), BEFORE[i][0]);
        kn_whole_cloud_await(is, 1);
        remove_server();
        kn_whole_cloud_await(IS("soft-delete"), 1);
        kn_whole_cloud_act(server, 202, V("1"), "{\"restore\": null}");
        kn_whole_cloud_await(IS("active"), 1);
    }
    sound();
}

/* Somebody took its place meanwhile. */
static void no_room_to_come_back(void **state)
{
    AUTO_FREE char *path = kn_asprintf(SETS "%s", kn_whole.project);

    (void)state;
    remove_server();
    kn_whole_cloud_await(IS("soft-delete"), 1);
    kn_whole_cloud_expect(200, "PUT", path, V("1"), "{\"quota_set\": {\"instances\": 0}}");
    kn_whole_cloud_act(server, 403, V("1"), "{\"restore\": null}");
    assert_non_null(strstr(kn_whole.http.body.buf, "Quota exceeded for instances"));
    assert_int_equal(kn_whole_cloud_count(IS("soft-delete"), NULL), 1);
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 0);
    kn_whole_cloud_expect(202, "DELETE", path, V("1"), NULL);
    sound();
}

static void reclaimed(void **state)
{
    (void)state;
    sql("UPDATE server SET soft_deleted_at = now() - interval '2 hours'");
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 0); /* once, not twice */
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation", NULL), 0);
    sound();
    make_server();
    remove_server();
    kn_whole_cloud_act(server, 202, V("1"), "{\"forceDelete\": null}"); /* whatever it is at */
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 0);
    sound();
}

/* What goes for good is not hidden by a deletion that comes behind: nothing is left to be restored, or to be stopped. */
static void deleted_behind_a_forced_deletion(void **state)
{
    (void)state;
    make_server();
    kn_whole_cloud_restart("kilonova-conductor"); /* it comes to nothing for a while */
    kn_whole_cloud_act(server, 202, V("1"), "{\"forceDelete\": null}");
    remove_server();
    assert_int_equal(
        kn_whole_cloud_count("SELECT count(*) FROM task WHERE kind = 'server.softDelete' AND object_id = $1", server),
        0);
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
    assert_int_equal(kn_whole_cloud_count(USED, NULL), 0);
    sound();
}

/* Its time comes while who reclaims it dies: it goes, once; or it was restored just before, and stays. */
static void daemons_die_when_its_time_comes(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent" };

    (void)state;
    for (int i = 0; i < 6; i++) {
        make_server();
        remove_server();
        kn_whole_cloud_await(IS("soft-delete"), 1);
        sql("UPDATE server SET soft_deleted_at = now() - interval '2 hours' WHERE soft_deleted_at IS NOT NULL");
        kn_test_pause(i * 5);
        kn_whole_cloud_restart(WHO[i % 2]);
        AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", server);

        const int status = kn_whole_cloud_ask("POST", path, V("1"), "{\"restore\": null}");

        if (status == 202) {
            kn_whole_cloud_await(IS("active"), 1);
            assert_int_equal(kn_whole_cloud_count(USED, NULL), 1);
            kn_whole_cloud_act(server, 202, V("1"), "{\"forceDelete\": null}");
        } else {
            assert_true(status == 409 || status == 404);
        }
        kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
        assert_int_equal(kn_whole_cloud_count(USED, NULL), 0);
        assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation", NULL), 0);
    }
    sound();
}

/* A shelved server stays on its host for a while; deleted and restored it is shelved again. */
static void shelved_ones(void **state)
{
    (void)state;
    make_server();
    kn_whole_cloud_act(server, 202, V("1"), "{\"shelve\": null}");
    kn_whole_cloud_await(IS("shelved"), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation WHERE server_id = $1", server), 1);
    remove_server();
    kn_whole_cloud_await(IS("soft-delete"), 1);
    sql("UPDATE server SET shelved_at = now() - interval '2 hours'"); /* it is not offloaded meanwhile */
    kn_whole_cloud_act(server, 202, V("1"), "{\"restore\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    assert_int_equal(kn_whole_cloud_count("SELECT count(*) FROM allocation WHERE server_id = $1", server), 0);
    remove_server();
    kn_whole_cloud_await(IS("soft-delete"), 1);
    kn_whole_cloud_act(server, 202, V("1"), "{\"restore\": null}");
    kn_whole_cloud_await(IS("shelved_offloaded"), 1);
    kn_whole_cloud_act(server, 202, V("1"), "{\"unshelve\": null}");
    kn_whole_cloud_await(IS("active"), 1);
    sound();
}

/* What was never active is deleted at once. */
static void never_active(void **state)
{
    const char *flavor = "SELECT count(*) FROM server WHERE vm_state = 'error' AND deleted_at IS NULL";
    AUTO_FREE char *first = kn_strdup(server);

    (void)state;
    sql("UPDATE flavor SET disk_gib = disk_gib + 1000000"); /* for which no host has room */
    kn_whole_cloud_expect(202, "POST", SERVERS, V("37"), make);
    kn_copy(server, sizeof(server), kn_whole_cloud_text("server.id"));
    remove_server();
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 1);
    assert_int_equal(kn_whole_cloud_count(flavor, NULL), 0);
    sql("UPDATE flavor SET disk_gib = disk_gib - 1000000");
    kn_copy(server, sizeof(server), first);
}

static void daemons_die(void **state)
{
    static const char *const WHO[] = { "kilonova-conductor", "kilonova-agent" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WHO); i++) {
        remove_server();
        kn_test_pause((int)(i * 11));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("soft-delete"), 1);
        kn_whole_cloud_act(server, 202, V("1"), "{\"restore\": null}");
        kn_test_pause((int)(i * 7));
        kn_whole_cloud_restart(WHO[i]);
        kn_whole_cloud_await(IS("active"), 1);
    }
    sound();
}

static int start(void **state)
{
    (void)state;
    setenv("KILONOVA_COMPUTE_RECLAIM_INSTANCE_INTERVAL", "3600", 1);
    setenv("KILONOVA_COMPUTE_SHELVED_OFFLOAD_TIME", "3600", 1);
    kn_whole_cloud_start("2");
    const char *flavor = kn_whole_cloud_flavor(), *image = kn_whole_cloud_image();

    snprintf(make, sizeof(make),
             "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\"}}",
             flavor, image);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_and_restored),
        cmocka_unit_test(from_any_state),
        cmocka_unit_test(no_room_to_come_back),
        cmocka_unit_test(reclaimed),
        cmocka_unit_test(deleted_behind_a_forced_deletion),
        cmocka_unit_test(daemons_die_when_its_time_comes),
        cmocka_unit_test(shelved_ones),
        cmocka_unit_test(never_active),
        cmocka_unit_test(daemons_die),
    };

    return cmocka_run_group_tests(tests, start, kn_whole_cloud_teardown);
}
