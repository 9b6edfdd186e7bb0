/* SPDX-License-Identifier: Apache-2.0 */
/* What old clients ask compute for and other rooms have: hosts, networks, volumes, logs of usage, events; and what is asked by a link, or of what is not there. */
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/test.h"

#define V "/compute/v2.1"

static int ask(const char *token, int minor, const char *method, const char *path, const char *body)
{
    return kn_test_nova_ask(nova, token, minor, method, path, body);
}

static int get(const char *token, int minor, const char *path)
{
    return ask(token, minor, "GET", path, NULL);
}

static size_t length(const char *path)
{
    return json_array_size(kn_test_nova_at(nova, path));
}

static int64_t number(const char *path)
{
    return json_integer_value(kn_test_nova_at(nova, path));
}

static void hosts(void **state)
{
    static const struct {
        const char *token, *method, *path, *body;
        int status;
    } ROWS[] = {
        { SEED_MEMBER, "GET", V "/os-hosts", NULL, 403 },
        { SEED_ADMIN, "GET", V "/os-hosts/nowhere", NULL, 404 },
        { SEED_MEMBER, "PUT", V "/os-hosts/h1", "{\"status\": \"enable\"}", 403 },
        { SEED_ADMIN, "PUT", V "/os-hosts/h1", "{}", 400 },
        { SEED_ADMIN, "PUT", V "/os-hosts/h1", "{\"status\": \"on\"}", 400 },
        { SEED_ADMIN, "PUT", V "/os-hosts/h1", "{\"maintenance_mode\": \"invalid\", \"status\": \"enable\"}", 400 },
        { SEED_ADMIN, "PUT", V "/os-hosts/h1", "{\"colour\": \"red\"}", 400 },
        { SEED_ADMIN, "PUT", V "/os-hosts/nowhere", "{\"status\": \"enable\"}", 404 },
        { SEED_ADMIN, "PUT", V "/os-hosts/h1", "{\"status\": \"disable\"}", 501 },
        { SEED_ADMIN, "GET", V "/os-hosts/h1/reboot", NULL, 501 },
        { SEED_ADMIN, "GET", V "/os-hosts/nowhere/shutdown", NULL, 404 },
        { SEED_MEMBER, "GET", V "/os-hosts/h1/startup", NULL, 403 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(ROWS); i++) {
        const int status = ask(ROWS[i].token, 42, ROWS[i].method, ROWS[i].path, ROWS[i].body);

        if (status != ROWS[i].status) {
            fail_msg("row %zu: %d: %s", i, status, nova->http.body.buf);
        }
    }
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM host WHERE disabled"), 0);
    assert_int_equal(get(SEED_ADMIN, 43, V "/os-hosts"), 404);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-hosts?service=compute&zone="), 200);
    const size_t all = length("hosts");

    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM host"), all);
    assert_string_equal(kn_test_nova_str(nova, "hosts.0.host_name"), "h1");
    kn_test_nova_sql(nova, "UPDATE host SET aggregate_zone = 'moon' WHERE name = 'h1' RETURNING 1");
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-hosts?zone=moon"), 200);
    assert_int_equal(length("hosts"), 1);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-hosts?zone=nowhere"), 200);
    assert_int_equal(length("hosts"), 0);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-hosts/h1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "host.0.resource.project"), "(total)");
    assert_string_equal(kn_test_nova_str(nova, "host.1.resource.project"), "(used_now)");
    assert_string_equal(kn_test_nova_str(nova, "host.2.resource.project"), "(used_max)");
    assert_int_equal(number("host.2.resource.cpu"),
                     kn_test_nova_sql(nova, "SELECT count(*) FROM server WHERE host = 'h1' AND deleted_at IS NULL"));
}

static void networks(void **state)
{
    (void)state;
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-tenant-networks"), 200);
    const size_t own = length("networks");

    assert_true(own > 0);
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-networks"), 200);
    assert_int_equal(length("networks"), own);
    assert_true(json_is_null(kn_test_nova_at(nova, "networks.0.cidr")));
    assert_null(kn_test_nova_at(nova, "networks.0.project_id"));
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-tenant-networks/" SEED_NETWORK), 200);
    assert_string_equal(kn_test_nova_str(nova, "network.cidr"), "None");
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-networks/" SEED_NETWORK_FOREIGN), 404);
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-tenant-networks/" SEED_NETWORK_FOREIGN), 404);
    assert_int_equal(get(SEED_ADMIN, 35, V "/os-networks/" SEED_NETWORK_FOREIGN), 200);
    assert_non_null(kn_test_nova_at(nova, "network.project_id"));
    assert_int_equal(get(SEED_MEMBER, 36, V "/os-networks"), 404);
    assert_int_equal(get(SEED_MEMBER, 36, V "/os-tenant-networks"), 404);
}

#define VOLUME(more) "{\"volume\": {\"size\": 1" more "}}"

static void volumes(void **state)
{
    static const char *const BAD[] = {
        "{}",
        "{\"volume\": {}}",
        "{\"volume\": {\"size\": \"\"}}",
        "{\"volume\": {\"size\": 0}}",
        "{\"volume\": {\"size\": \"#$%\"}}",
        VOLUME(", \"colour\": \"red\""),
        VOLUME(", \"metadata\": {\"k\": 1}"),
    };

    (void)state;
    kn_test_nova_sql(nova, "WITH a AS (DELETE FROM attachment), v AS (DELETE FROM volume) SELECT 1");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (ask(SEED_MEMBER, 35, "POST", V "/os-volumes", BAD[i]) != 400) {
            fail_msg("row %zu: %s", i, nova->http.body.buf);
        }
    }
    assert_int_equal(ask(SEED_MEMBER, 35, "POST", V "/os-volumes", VOLUME(", \"snapshot_id\": \"" SEED_NOBODY "\"")),
                     404);
    assert_int_equal(ask(SEED_READER, 35, "POST", V "/os-volumes", VOLUME("")), 403);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM volume"), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(SEED_MEMBER, 35, "POST", V "/os-volumes",
                             VOLUME(", \"display_name\": \"n\", \"metadata\": {\"Type\": \"work\"}")),
                         200);
        assert_string_equal(kn_test_nova_str(nova, "volume.displayName"), "n");
        assert_string_equal(kn_test_nova_str(nova, "volume.metadata.Type"), "work");
        assert_string_equal(kn_test_nova_str(nova, "volume.status"), "creating");
        assert_int_equal(json_object_size(kn_test_nova_at(nova, "volume.attachments.0")), 0);
    }
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'volume.create'"), 3);
    AUTO_FREE char *path = kn_asprintf(V "/os-volumes/%s", kn_test_nova_str(nova, "volume.id"));

    assert_int_equal(get(SEED_MEMBER, 35, path), 200);
    assert_true(json_is_null(kn_test_nova_at(nova, "volume.snapshotId")));
    assert_int_equal(get(SEED_STRANGER, 35, path), 404);
    assert_int_equal(get(SEED_MEMBER, 36, path), 404);
    assert_int_equal(get(SEED_MEMBER, 35, V "/os-snapshots"), 404);
    assert_non_null(strstr(nova->http.body.buf, "no snapshots of volumes but by the Volume API"));
    /* As Cinder says it: what it was made from, and until its disk has grown the size that it had. */
    kn_test_nova_sql(nova,
                     "UPDATE volume SET snapshot_id = '" SEED_NOBODY "', extends_from = 1, size_gib = 3 RETURNING 1");
    assert_int_equal(get(SEED_MEMBER, 35, path), 200);
    assert_string_equal(kn_test_nova_str(nova, "volume.snapshotId"), SEED_NOBODY);
    assert_int_equal(number("volume.size"), 1);
    kn_test_nova_sql(nova, "UPDATE volume SET extends_from = NULL, size_gib = 1 RETURNING 1");
    assert_int_equal(get(SEED_MEMBER, 1, V "/os-volumes/detail?limit=2"), 200);
    assert_int_equal(length("volumes"), 2);
    assert_int_equal(get(SEED_MEMBER, 1, V "/os-volumes?offset=1&limit=5"), 200);
    assert_int_equal(length("volumes"), 2);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-volumes"), 200);
    assert_int_equal(length("volumes"), 0);
    assert_int_equal(ask(SEED_STRANGER, 35, "DELETE", path, NULL), 404);
    kn_test_nova_sql(nova, "UPDATE volume SET status = 'available' RETURNING 1");
    assert_int_equal(ask(SEED_MEMBER, 35, "DELETE", path, NULL), 202);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM volume WHERE status = 'deleting'"), 1);
}

static void logs_of_usage(void **state)
{
    (void)state;
#define AUDIT V "/os-instance_usage_audit_log"
    assert_int_equal(get(SEED_MEMBER, 1, AUDIT), 403);
    assert_int_equal(get(SEED_ADMIN, 1, AUDIT), 200);
    assert_int_equal(number("instance_usage_audit_logs.num_hosts"),
                     kn_test_nova_sql(nova, "SELECT count(*) FROM host"));
    assert_int_equal(get(SEED_ADMIN, 1, AUDIT "/2026-03-05%2010:00:00.5"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instance_usage_audit_log.period_beginning"), "2026-02-01 00:00:00");
    assert_string_equal(kn_test_nova_str(nova, "instance_usage_audit_log.period_ending"), "2026-03-01 00:00:00");
    assert_int_equal(get(SEED_ADMIN, 1, AUDIT "/2026-03-05%2010:00:00.x"), 400);
    assert_int_equal(get(SEED_ADMIN, 1, AUDIT "/invalid_time"), 400);
}

/* A server may be named by its link; what is not there is so before it is refused. */
static void what_is_not_there(void **state)
{
    (void)state;
    kn_test_nova_sql(nova, "UPDATE image SET properties = properties || '{\"instance_uuid\": \"" ONE
                           "\"}' WHERE id = '" SEED_IMAGE "' RETURNING 1");
    assert_int_equal(get(SEED_MEMBER, 1, V "/images?server=http://cloud.example/compute/v2.1/servers/" ONE), 200);
    assert_int_equal(length("images"), 1);
    assert_string_equal(kn_test_nova_str(nova, "images.0.id"), SEED_IMAGE);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-aggregates/-1"), 404);
    assert_int_equal(get(SEED_ADMIN, 1, V "/os-aggregates/-x"), 400);
    assert_int_equal(ask(SEED_ADMIN, 1, "POST", SERVERS "/" SEED_NOBODY "/action", "{\"migrate\": null}"), 404);
    assert_int_equal(ask(SEED_ADMIN, 1, "POST", SERVERS "/" ONE "/action", "{\"migrate\": null}"), 400);
    assert_int_equal(ask(SEED_ADMIN, 85, "PUT", SERVERS "/" ONE "/os-volume_attachments/" ONE,
                         "{\"volumeAttachment\": {\"volumeId\": \"" SEED_NOBODY "\"}}"),
                     404);
    assert_int_equal(get(SEED_MEMBER, 0, "/compute/v2/"), 200);
    assert_string_equal(kn_test_nova_str(nova, "version.id"), "v2.0");
}

/* What a host did is called as Nova calls it, because clients wait for such an event; all else as it is here. */
static void what_events_are_called(void **state)
{
    (void)state;
    kn_test_nova_sql(
        nova,
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, finished_at, steps) VALUES "
        "('server.detach_interface', 1, '" ONE "', '" SEED_PROJECT "', '" SEED_PROJECT
        "', 'req-1', 'done', now(), '[{\"name\": \"server.detach_interface\", \"state\": \"done\", \"began_us\": 1, \"ended_us\": 2}, "
        "{\"name\": \"port.detach\", \"state\": \"done\", \"began_us\": 2, \"ended_us\": 3}]') RETURNING 1");
    assert_int_equal(get(SEED_MEMBER, 51, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.1.event"), "compute_detach_interface");
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.result"), "Success");
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.event"), "port.detach");
}

/* The answer to a rebuild calls a server's user data by one name. */
static void what_a_rebuild_answers(void **state)
{
    (void)state;
    kn_test_nova_sql(nova,
                     "UPDATE server SET launched_at = now(), user_data = 'eA==' WHERE id = '" ONE "' RETURNING 1");
    assert_int_equal(ask(SEED_ADMIN, 75, "POST", SERVERS "/" ONE "/action",
                         "{\"rebuild\": {\"imageRef\": \"" SEED_IMAGE "\"}}"),
                     202);
    assert_string_equal(kn_test_nova_str(nova, "server.user_data"), "eA==");
    assert_null(kn_test_nova_at(nova, "server.OS-EXT-SRV-ATTR:user_data"));
    assert_int_equal(get(SEED_ADMIN, 75, SERVERS "/" ONE), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.OS-EXT-SRV-ATTR:user_data"), "eA==");
}

#define EVENTS V "/os-server-external-events"

/* What one says is done already or of nothing that is here; a member says none. */
static void events_of_a_server(void)
{
#define SAID(name, more) \
    "{\"events\": [{\"name\": \"" name "\", \"server_uuid\": \"77777777-7777-4777-8777-000000000008\"" more "}]}"
    static const char *const HOME[] = { "'h1'", "NULL" };
    static const struct {
        int minor;
        const char *body;
        int codes[KN_COUNT(HOME)]; /* of one on a host, of one that has none */
    } EVENTS_OF[] = {
        { 1, SAID("network-changed", ""), { 200, 422 } },
        { 1, SAID("network-vif-plugged", ", \"tag\": \"t\", \"status\": \"failed\""), { 200, 422 } },
        { 51, SAID("volume-extended", ""), { 400, 400 } },
        { 51, SAID("volume-extended", ", \"tag\": \"t\""), { 200, 422 } },
        { 76, SAID("power-update", ", \"tag\": \"POWER_OFF\""), { 422, 422 } },
        { 82, SAID("accelerator-request-bound", ""), { 400, 400 } },
        { 93, SAID("volume-reimaged", ", \"tag\": \"t\""), { 422, 422 } },
    };

    kn_test_nova_sql(
        nova,
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, host, flavor, reservation_id) VALUES "
        "('77777777-7777-4777-8777-000000000008', 'p', 'u', 's', 's', 'active', 'h1', '{}', 'r') RETURNING 1");
    for (size_t home = 0; home < KN_COUNT(HOME); home++) {
        AUTO_FREE char *move = kn_asprintf("UPDATE server SET host = %s RETURNING 1", HOME[home]);

        kn_test_nova_sql(nova, move);
        for (size_t i = 0; i < KN_COUNT(EVENTS_OF); i++) {
            const int code = EVENTS_OF[i].codes[home], got = ask(i % 2 == 0 ? SEED_ADMIN : "p:service",
                                                                 EVENTS_OF[i].minor, "POST", EVENTS, EVENTS_OF[i].body);

            if (got != (code == 200 ? 200 : 207) ||
                json_integer_value(kn_test_nova_at(nova, "events.0.code")) != code) {
                fail_msg("row %zu, host %s: %d %s", i, HOME[home], got, nova->http.body.buf);
            }
            assert_string_equal(kn_test_nova_str(nova, "events.0.status"), code == 200 ? "completed" : "failed");
        }
    }
}

/* Each is answered in Nova's form; of many, one that fails makes it 207. */
static void events_from_outside(void **state)
{
#define EVENT(name, more) "{\"events\": [{\"name\": \"" name "\", \"server_uuid\": \"" SEED_NOBODY "\"" more "}]}"
    static const struct {
        int minor;
        const char *body;
    } BAD[] = {
        { 1, "{}" },
        { 1, "{\"events\": []}" },
        { 1, "{\"events\": [{\"name\": \"network-changed\"}]}" },
        { 1, EVENT("volume-extended", "") },
        { 50, EVENT("volume-extended", "") },
        { 75, EVENT("power-update", "") },
        { 93, EVENT("network-changed", ", \"status\": \"done\"") },
        { 93, EVENT("network-changed", ", \"colour\": \"red\"") },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (ask("p:service", BAD[i].minor, "POST", EVENTS, BAD[i].body) != 400) {
            fail_msg("row %zu: %s", i, nova->http.body.buf);
        }
    }
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", EVENTS, EVENT("network-changed", "")), 403);
    assert_int_equal(ask("p:service", 51, "POST", EVENTS, EVENT("volume-extended", ", \"tag\": \"t\"")), 207);
    assert_int_equal(json_integer_value(kn_test_nova_at(nova, "events.0.code")), 404);
    assert_string_equal(kn_test_nova_str(nova, "events.0.status"), "failed");
    assert_string_equal(kn_test_nova_str(nova, "events.0.tag"), "t");
    events_of_a_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hosts, five_servers_fresh),
        cmocka_unit_test_setup(networks, five_servers_fresh),
        cmocka_unit_test_setup(volumes, five_servers_fresh),
        cmocka_unit_test_setup(logs_of_usage, five_servers_fresh),
        cmocka_unit_test_setup(what_is_not_there, five_servers_fresh),
        cmocka_unit_test_setup(what_events_are_called, five_servers_fresh),
        cmocka_unit_test_setup(what_a_rebuild_answers, five_servers_fresh),
        cmocka_unit_test_setup(events_from_outside, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
