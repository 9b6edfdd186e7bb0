/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that are there already: views at every microversion that changed them (golden files), filters, order and pages of
 * lists, updates, actions and their tasks, metadata, tags, history, and who may not see or touch them.
 */
#include <pthread.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define SIXTY "123456789012345678901234567890123456789012345678901234567890"

static int get(const char *token, int minor, const char *path)
{
    return kn_test_nova_ask(nova, token, minor, "GET", path, NULL);
}

static int act(const char *token, int minor, const char *id, const char *body)
{
    char path[128];

    snprintf(path, sizeof(path), SERVERS "/%s/action", id);
    return kn_test_nova_ask(nova, token, minor, "POST", path, body);
}

/* Every microversion that adds or takes a member, and the one before it. */
static void views_by_microversion(void **state)
{
    static const int MINORS[] = { 1, 3, 9, 16, 19, 26, 47, 63, 71, 73, 75, 90, 96 };
    static const char *const TOKENS[][2] = { { "member", SEED_MEMBER }, { "admin", SEED_ADMIN } };
    char name[64];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(MINORS); i++) {
        for (size_t t = 0; t < KN_COUNT(TOKENS); t++) {
            assert_int_equal(get(TOKENS[t][1], MINORS[i], SERVERS "/" ONE), 200);
            snprintf(name, sizeof(name), "compute/server-2.%d-%s", MINORS[i], TOKENS[t][0]);
            kn_test_golden(name, kn_test_nova_at(nova, ""), nova->http.port);
        }
    }
    assert_int_equal(get(SEED_MEMBER, 96, SERVERS "/" TWO), 200);
    kn_test_golden("compute/server-error-member", kn_test_nova_at(nova, ""), nova->http.port);
    assert_int_equal(get(SEED_ADMIN, 96, SERVERS "/" TWO), 200);
    kn_test_golden("compute/server-error-admin", kn_test_nova_at(nova, ""), nova->http.port);
    assert_int_equal(get(SEED_MEMBER, 96, SERVERS "/detail?name=db"), 200);
    kn_test_golden("compute/servers-detail", kn_test_nova_at(nova, ""), nova->http.port);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS), 200);
    kn_test_golden("compute/servers", kn_test_nova_at(nova, ""), nova->http.port);
}

struct listing {
    const char *token;
    int minor;
    const char *query;
    const char *names; /* in order */
};

static const struct listing LISTINGS[] = {
    { SEED_MEMBER, 1, "", "web2 db web" },
    { SEED_READER, 1, "", "web2 db web" },
    { SEED_STRANGER, 1, "", "web" },
    { SEED_ADMIN, 1, "", "" },
    { SEED_ADMIN, 1, "?all_tenants=1", "web web2 db web" },
    { SEED_ADMIN, 1, "?all_tenants=True&project_id=" SEED_OTHER, "web" },
    { SEED_ADMIN, 1, "?all_tenants=1&host=h2", "web2" },
    { SEED_ADMIN, 1, "?all_tenants=1&deleted=True", "old" },
    { SEED_MEMBER, 1, "?deleted=True", "web2 db web" }, /* not for members: left out */
    { SEED_MEMBER, 1, "?deleted=False", "web2 db web" },
    { SEED_MEMBER, 1, "?name=web", "web2 web" },
    { SEED_MEMBER, 1, "?name=%5Eweb%24", "web" },
    { SEED_MEMBER, 1, "?name=w.b", "web2 web" },
    { SEED_MEMBER, 1, "?name=%5Ew%5Ceb%24", "" }, /* an escape character */
    { SEED_MEMBER, 1, "?name=%5Eweb%5Cd%24", "web2" },
    { SEED_MEMBER, 1, "?name=%5Cw%2B2", "web2" },
    { SEED_MEMBER, 1, "?name=%5E(%3F!web)", "db" },
    { SEED_MEMBER, 1, "?name=web(%3F%3D2)", "web2" },
    { SEED_MEMBER, 1, "?name=%5E(web%7Cdb)%24", "db web" },
    { SEED_MEMBER, 83, "?name=%5Ew.b&key_name=k.y", "web" },
    { SEED_MEMBER, 1, "?name=%5Ew.b&sort_key=display_name&sort_dir=asc", "web web2" },
    { SEED_MEMBER, 1, "?name=.&limit=2&marker=" THREE, "db web" },
    { SEED_MEMBER, 1, "?name=.&changes-since=2026-11-21T08:00:00Z", "web2 db web old" },
    { SEED_MEMBER, 1, "?name=.&limit=0", "" },
    { SEED_ADMIN, 1, "?all_tenants=1&name=%5Ewe.%24", "web web" },
    { SEED_MEMBER, 1, "?ip=%5E10%5C.0%5C.0%5C.77%24", "web" },
    { SEED_MEMBER, 1, "?ip=%5E10.*7%24", "web" },
    { SEED_MEMBER, 1, "?ip=%5E0", "" },
    { SEED_MEMBER, 1, "?reservation_id=r-%5B23%5D", "web2 db" },
    { SEED_MEMBER, 83, "?availability_zone=n.va", "web" },
    { SEED_MEMBER, 1, "?status=ACTIVE", "web2 web" },
    { SEED_MEMBER, 1, "?status=error", "db" },
    { SEED_MEMBER, 1, "?status=REBOOT", "web2" },
    { SEED_MEMBER, 1, "?status=ERROR&status=REBOOT", "web2 db" },
    { SEED_MEMBER, 1, "?status=nonsense", "" },
    { SEED_MEMBER, 1, "?flavor=1", "web2 db web" },
    { SEED_MEMBER, 1, "?flavor=2", "" },
    { SEED_MEMBER, 1, "?image=" SEED_IMAGE, "web2 web" },
    { SEED_MEMBER, 1, "?image=x", "" },
    { SEED_MEMBER, 1, "?ip=10.0.0.7", "web" },
    { SEED_MEMBER, 1, "?reservation_id=r-2", "db" },
    { SEED_MEMBER, 1, "?changes-since=2026-11-21T11:00:00Z", "web2 db" },
    { SEED_MEMBER, 1, "?changes-since=2026-11-21T08:00:00Z", "web2 db web old" },
    { SEED_MEMBER, 66, "?changes-since=2026-11-21T08:00:00Z&changes-before=2026-11-21T09:30:00Z", "old" },
    { SEED_MEMBER, 66, "?changes-since=2026-11-21T10:00:00Z&changes-before=2026-11-21T10:00:05Z",
      "web" }, /* changed at 05.5, shown as 05 */
    { SEED_MEMBER, 26, "?tags=red,blue", "web" },
    { SEED_MEMBER, 26, "?tags-any=red,green", "web" },
    { SEED_MEMBER, 26, "?not-tags-any=red", "web2 db" },
    { SEED_MEMBER, 73, "?locked=true", "db" },
    { SEED_MEMBER, 83, "?key_name=key", "web" },
    { SEED_MEMBER, 1, "?unknown=1", "web2 db web" },
    { SEED_MEMBER, 1, "?sort_key=display_name&sort_dir=asc", "db web web2" },
    { SEED_MEMBER, 1, "?sort_key=vm_state&sort_key=display_name&sort_dir=desc&sort_dir=asc", "db web web2" },
    { SEED_MEMBER, 1, "?limit=2", "web2 db" },
    { SEED_MEMBER, 1, "?limit=0", "" },
    { SEED_MEMBER, 1, "?limit=5&marker=" THREE, "db web" },
    { SEED_MEMBER, 1, "?sort_key=vm_state&sort_key=display_name&sort_dir=desc&sort_dir=asc&limit=9&marker=" TWO,
      "web web2" },
};

static void names_of(char *out, size_t size)
{
    const json_t *servers = kn_test_nova_at(nova, "servers");
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(servers); i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "",
                                json_string_value(json_object_get(json_array_get(servers, i), "name")));
    }
}

static void lists_and_filters(void **state)
{
    char path[512], names[256];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(LISTINGS); i++) {
        for (int detail = 0; detail < 2; detail++) {
            snprintf(path, sizeof(path), SERVERS "%s%s", detail ? "/detail" : "", LISTINGS[i].query);
            if (get(LISTINGS[i].token, LISTINGS[i].minor, path) != 200) {
                fail_msg("%s: %d %s", path, nova->http.status, nova->http.body.buf);
            }
            names_of(names, sizeof(names));
            if (strcmp(names, LISTINGS[i].names) != 0) {
                fail_msg("%s at 2.%d: \"%s\", wanted \"%s\"", path, LISTINGS[i].minor, names, LISTINGS[i].names);
            }
        }
    }
}

static void refused_queries(void **state)
{
    static const struct {
        const char *token;
        int minor;
        const char *query;
        int status;
    } BAD[] = {
        { SEED_MEMBER, 75, "?unknown=1", 400 },
        { SEED_MEMBER, 38, "?status=nonsense", 400 },
        { SEED_MEMBER, 1, "?limit=-1", 400 },
        { SEED_MEMBER, 1, "?limit=x", 400 },
        { SEED_MEMBER, 1, "?marker=" SEED_NOBODY, 400 },
        { SEED_MEMBER, 1, "?marker=x", 400 },
        { SEED_MEMBER, 1, "?marker=" FOREIGN, 400 },
        { SEED_MEMBER, 1, "?all_tenants=1", 403 },
        { SEED_MEMBER, 1, "?sort_key=colour", 400 },
        { SEED_MEMBER, 1, "?sort_dir=up", 400 },
        { SEED_MEMBER, 1, "?sort_key=host", 403 },
        { SEED_MEMBER, 1, "?name=%5B", 400 },
        { SEED_MEMBER, 1, "?name=(%3F", 400 },
        { SEED_MEMBER, 1, "?name=a%5C", 400 },
        { SEED_MEMBER, 1, "?name=((a%7B1,999%7D)%7B1,999%7D)%7B1,999%7D", 400 },
        { SEED_MEMBER, 1, "?ip=%2B", 400 },
        { SEED_MEMBER, 1, "?name=%5CC.", 400 },
        { SEED_MEMBER, 1, "?changes-since=yesterday", 400 },
        { SEED_MEMBER, 1, "?metadata=a", 400 },
        { SEED_MEMBER, 1, "?_x=1", 400 },
        { SEED_MEMBER, 1, "?status=DELETED", 403 },
    };
    char path[256];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        snprintf(path, sizeof(path), SERVERS "/detail%s", BAD[i].query);
        if (get(BAD[i].token, BAD[i].minor, path) != BAD[i].status) {
            fail_msg("%s: %d %s", path, nova->http.status, nova->http.body.buf);
        }
    }
}

/* Following "next" gives every server once. */
static void pages_join_up(void **state)
{
    char path[512] = SERVERS "?limit=1";
    const char *href = NULL;
    int seen = 0;

    (void)state;
    do {
        assert_int_equal(get(SEED_MEMBER, 1, path), 200);
        seen += (int)json_array_size(kn_test_nova_at(nova, "servers"));
        href = kn_test_nova_str(nova, "servers_links.0.href");
        if (href[0] != '\0') {
            snprintf(path, sizeof(path), "%s", strstr(href, "/compute"));
        }
    } while (href[0] != '\0' && seen < 10);
    assert_int_equal(seen, 3);
}

/* How many servers following "next" shows; each is called as it should. */
static int follow(const char *path, const char *name)
{
    char next[512];
    int seen = 0;

    snprintf(next, sizeof(next), SERVERS "%s", path);
    while (next[0] != '\0' && seen < 5000) {
        assert_int_equal(get(SEED_MEMBER, 1, next), 200);
        const json_t *servers = kn_test_nova_at(nova, "servers");
        for (size_t i = 0; i < json_array_size(servers); i++) {
            const char *own = json_string_value(json_object_get(json_array_get(servers, i), "name"));
            assert_int_equal(strncmp(own, name, strlen(name)), 0);
        }
        seen += (int)json_array_size(servers);
        const char *href = kn_test_nova_str(nova, "servers_links.0.href");
        snprintf(next, sizeof(next), "%s", href[0] != '\0' ? strstr(href, "/compute") : "");
    }
    return seen;
}

/* Far apart among many: pages are full, none is missed, none comes twice. */
static void pages_of_a_pattern_join_up(void **state)
{
    static const char MANY[] =
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, created_at) SELECT gen_random_uuid(), '" SEED_PROJECT
        "', 'u', CASE WHEN i % 11 = 0 THEN 'pick.' ELSE 'n.' END || i, 'h', 'active', '" FLAVOR "', 'r', "
        "now() - i % 97 * interval '1 second' FROM generate_series(1, 2750) i;";
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_db_script(nova->db, MANY, &err), &err);
    assert_int_equal(follow("?name=%5Epick%5C.%5Cd%2B%24&limit=40", "pick."), 250);
    assert_int_equal(
        follow("?name=%5Epick%5C.%5Cd%2B%24&limit=125&sort_key=display_name&sort_dir=asc&sort_key=uuid&sort_dir=desc",
               "pick."),
        250);
    assert_int_equal(follow("?name=%5En%5C.%5Cd%2B%24", "n."), 2500);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "?name=%5Epick&limit=40"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "servers")), 40);
}

/* What backtracks without end is refused; neither a worker nor the database is held by it. */
static void a_pattern_without_end(void **state)
{
    (void)state;
    kn_test_nova_sql(nova, "UPDATE server SET name = repeat('a', 200) || '!' WHERE id = '" ONE "' RETURNING 1");
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "?name=(a%2B)%2B%24"), 400);
    assert_non_null(strstr(kn_test_nova_str(nova, "badRequest.message"), "too many steps"));
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "?name=%5E(a%7Caa)%2B%24"), 400);
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "?name=a%2B!%24"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "servers")), 1);
}

static void strangers_see_nothing(void **state)
{
    (void)state;
    assert_int_equal(get(SEED_MEMBER, 96, SERVERS "/" FOREIGN), 404);
    assert_string_equal(kn_test_nova_str(nova, "itemNotFound.message"), "Instance " FOREIGN " could not be found.");
    assert_int_equal(get(SEED_MEMBER, 96, SERVERS "/" GONE), 404);
    assert_int_equal(get(SEED_MEMBER, 96, SERVERS "/web"), 404);
    assert_int_equal(get(SEED_ADMIN, 96, SERVERS "/" FOREIGN), 200);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 96, "DELETE", SERVERS "/" FOREIGN, NULL), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_READER, 96, "DELETE", SERVERS "/" ONE, NULL), 403);
    assert_int_equal(act(SEED_STRANGER, 96, ONE, "{\"os-stop\": null}"), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_STRANGER, 96, "PUT", SERVERS "/" ONE,
                                      "{\"server\": {\"name\": \"x\"}}"),
                     404);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 0);
}

static void an_update(void **state)
{
    (void)state;
    assert_int_equal(
        kn_test_nova_ask(
            nova, SEED_MEMBER, 96, "PUT", SERVERS "/" ONE,
            "{\"server\": {\"name\": \"new\", \"description\": null, \"hostname\": \"new.example\", "
            "\"accessIPv4\": \"192.0.2.9\", \"accessIPv6\": \"0000:0000:0000:0000:0000:babe:220.12.22.2\"}}"),
        200);
    assert_string_equal(kn_test_nova_str(nova, "server.name"), "new");
    assert_string_equal(kn_test_nova_str(nova, "server.accessIPv4"), "192.0.2.9");
    assert_string_equal(kn_test_nova_str(nova, "server.accessIPv6"), "::babe:dc0c:1602");
    assert_string_equal(kn_test_nova_str(nova, "server.OS-EXT-SRV-ATTR:hostname"), "new.example");
    assert_true(json_is_null(kn_test_nova_at(nova, "server.description")));
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE, "{\"server\": {\"name\": \" \"}}"),
                     400);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE,
                                      "{\"server\": {\"vm_state\": \"x\"}}"),
                     400);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE, "{\"server\": {\"name\": \"n\"}}"),
                     200);
    assert_null(kn_test_nova_at(nova, "server.OS-EXT-STS:vm_state"));
}

static void actions_write_wishes(void **state)
{
    static const char *const ROUND[][3] = {
        { "{\"os-stop\": null}", "powering-off", "server.stop" },
        { "{\"reboot\": {\"type\": \"SOFT\"}}", "rebooting", "server.reboot" },
        { "{\"reboot\": {\"type\": \"HARD\"}}", "rebooting_hard", "server.reboot" },
        { "{\"pause\": null}", "pausing", "server.pause" },
        { "{\"suspend\": null}", "suspending", "server.suspend" },
    };
    char sql[256];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(ROUND); i++) {
        kn_test_nova_sql(nova, "UPDATE server SET task_state = NULL");
        assert_int_equal(act(SEED_MEMBER, 96, ONE, ROUND[i][0]), 202);
        assert_int_equal(nova->http.body.len, 0);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM server WHERE id = '" ONE "' AND task_state = '%s'",
                 ROUND[i][1]);
        assert_int_equal(kn_test_nova_sql(nova, sql), 1);
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM task WHERE kind = '%s' AND object_id = '" ONE
                 "' AND id = (SELECT max(id) FROM task)",
                 ROUND[i][2]);
        assert_int_equal(kn_test_nova_sql(nova, sql), 1);
    }
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE input->>'type' = 'HARD'"), 1);
    assert_int_equal(act(SEED_MEMBER, 96, ONE, "{\"os-stop\": null}"), 409); /* it is suspending */
    assert_string_equal(kn_test_nova_str(nova, "conflictingRequest.message"),
                        "Cannot 'stop' instance " ONE " while it is in task_state suspending");
}

static void actions_that_are_refused(void **state)
{
    static const struct {
        const char *token;
        int minor;
        const char *id;
        const char *body;
        int status;
    } BAD[] = {
        { SEED_MEMBER, 96, ONE, "{\"os-start\": null}", 409 },
        { SEED_MEMBER, 96, ONE, "{\"fly\": null}", 400 },
        { SEED_MEMBER, 96, ONE, "{}", 400 },
        { SEED_MEMBER, 96, ONE, "{\"os-stop\": null, \"pause\": null}", 400 },
        { SEED_MEMBER, 96, ONE, NULL, 400 },
        { SEED_MEMBER, 96, ONE, "{\"reboot\": {}}", 400 },
        { SEED_MEMBER, 96, ONE, "{\"reboot\": {\"type\": \"x\"}}", 400 },
        { SEED_MEMBER, 96, ONE, "{\"resize\": {\"flavorRef\": \"1\"}}", 400 },
        { SEED_MEMBER, 96, ONE, "{\"os-resetState\": {\"state\": \"error\"}}", 403 },
        { SEED_ADMIN, 96, ONE, "{\"os-resetState\": {\"state\": \"happy\"}}", 400 },
        { SEED_MEMBER, 96, TWO, "{\"os-stop\": null}", 409 },
        { SEED_MEMBER, 96, TWO, "{\"unlock\": null}", 403 },
        { SEED_ADMIN, 96, TWO, "{\"os-stop\": null}", 409 },
        { SEED_MEMBER, 44, ONE, "{\"addFixedIp\": {}}", 400 },
        { SEED_MEMBER, 43, ONE, "{\"addFixedIp\": {}}", 400 },
        { SEED_MEMBER, 96, TWO, "{\"os-getConsoleOutput\": {}}", 409 },
        { SEED_MEMBER, 96, ONE, "{\"os-getConsoleOutput\": {\"length\": \"x\"}}", 400 },
        { SEED_MEMBER, 96, ONE, "{\"os-getConsoleOutput\": {\"length\": 1000001}}", 400 },
        { SEED_READER, 96, ONE, "{\"os-stop\": null}", 403 },
        { SEED_ADMIN, 96, TWO, "{\"os-resetState\": {\"state\": \"active\"}}", 409 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (act(BAD[i].token, BAD[i].minor, BAD[i].id, BAD[i].body) != BAD[i].status) {
            fail_msg("row %zu: %d %s", i, nova->http.status, nova->http.body.buf);
        }
        assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task"), 0);
    }
}

static void locks_and_states(void **state)
{
    (void)state;
    assert_int_equal(act(SEED_MEMBER, 73, ONE, "{\"lock\": {\"locked_reason\": \"busy\"}}"), 202);
    assert_int_equal(act(SEED_MEMBER, 73, ONE, "{\"os-stop\": null}"), 409);
    assert_string_equal(kn_test_nova_str(nova, "conflictingRequest.message"), "Instance " ONE " is locked");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 73, "DELETE", SERVERS "/" ONE, NULL), 409);
    assert_int_equal(get(SEED_MEMBER, 73, SERVERS "/" ONE), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.locked_reason"), "busy");
    assert_int_equal(act(SEED_MEMBER, 73, ONE, "{\"unlock\": null}"), 202);
    assert_int_equal(act(SEED_ADMIN, 73, ONE, "{\"os-resetState\": {\"state\": \"error\"}}"), 202);
    assert_int_equal(get(SEED_MEMBER, 73, SERVERS "/" ONE), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.status"), "ERROR");
    assert_int_equal(get(SEED_MEMBER, 84, SERVERS "/" ONE "/os-instance-actions"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "instanceActions")), 3);
    assert_string_equal(kn_test_nova_str(nova, "instanceActions.0.action"), "resetState");
    assert_string_equal(kn_test_nova_str(nova, "instanceActions.2.action"), "lock");
}

static void a_delete_cancels_and_is_said_once(void **state)
{
    (void)state;
    assert_int_equal(act(SEED_MEMBER, 1, ONE, "{\"pause\": null}"), 202);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE, NULL), 204);
    assert_int_equal(nova->http.body.len, 0);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE, NULL), 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.delete'"), 1);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.pause' AND cancel"), 1);
    assert_int_equal(kn_test_nova_sql(nova,
                                      "SELECT count(*) FROM server WHERE id = '" ONE "' AND task_state = 'deleting'"),
                     1);
    /* its task is gone without having deleted it: it may be said again */
    kn_test_nova_sql(nova, "UPDATE task SET state = 'failed'");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE, NULL), 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.delete'"), 2);
}

static void *delete_one(void *unused)
{
    (void)unused;
    kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE, NULL);
    return NULL;
}

static void await_a_lock(void)
{
    const int64_t deadline = kn_mono_ms() + 60000;

    while (kn_test_nova_sql(nova, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
}

/* A conductor that has written a task writes its server next: a deletion that waits for the task must not hold the server. */
static void a_delete_waits_for_tasks_with_nothing_held(void **state)
{
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };
    pthread_t deleter;

    (void)state;
    assert_int_equal(act(SEED_MEMBER, 1, ONE, "{\"pause\": null}"), 202);
    assert_ok(kn_tx_begin(&tx, nova->db, &err), &err);
    assert_ok(kn_db_script(nova->db, "UPDATE task SET step = 1 WHERE kind = 'server.pause'", &err), &err);
    assert_int_equal(pthread_create(&deleter, NULL, delete_one, NULL), 0);
    await_a_lock();
    assert_ok(kn_db_script(nova->db, "SELECT 1 FROM server WHERE id = '" ONE "' FOR UPDATE NOWAIT", &err), &err);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(deleter, NULL);
    assert_int_equal(nova->http.status, 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE kind = 'server.pause' AND cancel"), 1);
}

/* What is wished while a deletion waits for the server is cancelled as well: it does not hold the deletion up. */
static void a_delete_cancels_what_came_in_between(void **state)
{
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };
    pthread_t deleter;

    (void)state;
    assert_ok(kn_tx_begin(&tx, nova->db, &err), &err);
    assert_ok(kn_db_script(nova->db, "UPDATE server SET task_state = 'pausing' WHERE id = '" ONE "'", &err), &err);
    assert_int_equal(pthread_create(&deleter, NULL, delete_one, NULL), 0);
    await_a_lock();
    assert_ok(kn_db_script(nova->db,
                           "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, input) VALUES "
                           "('server.pause', 0, '" ONE "', 'p', 'u', 'req-between', '{}')",
                           &err),
              &err);
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(deleter, NULL);
    assert_int_equal(nova->http.status, 204);
    assert_int_equal(kn_test_nova_sql(nova, "SELECT count(*) FROM task WHERE request_id = 'req-between' AND cancel"),
                     1);
}

static void history_shows_tasks_and_steps(void **state)
{
    (void)state;
    kn_test_nova_sql(
        nova,
        "INSERT INTO task (kind, shard, object_id, project_id, user_id, request_id, state, error, finished_at) VALUES "
        "('server.create', 1, '" ONE "', '" SEED_PROJECT "', '" SEED_PROJECT
        "', 'req-1', 'failed', '{\"message\": \"full\"}', now())");
    kn_test_nova_sql(
        nova,
        "UPDATE task SET steps = '[{\"name\": \"place.claim\", \"state\": \"failed\", \"began_us\": 1764430000123456, \"ended_us\": 1764430001500000, "
        "\"host\": \"h1\", \"error\": {\"code\": \"KN_TOO_LARGE\", \"message\": \"full\"}}]'");
    assert_int_equal(get(SEED_MEMBER, 58, SERVERS "/" ONE "/os-instance-actions?limit=1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceActions.0.message"), "Error");
    assert_string_equal(kn_test_nova_str(nova, "links.0.rel"), "next");
    assert_int_equal(get(SEED_MEMBER, 58, SERVERS "/" ONE "/os-instance-actions?marker=req-1"), 200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "instanceActions")), 0);
    assert_int_equal(get(SEED_MEMBER, 58, SERVERS "/" ONE "/os-instance-actions?marker=req-9"), 400);
#define TURNED "?changes-since=2026-11-21T10:00:00Z&changes-before=2026-11-21T09:00:00Z"
    assert_int_equal(get(SEED_MEMBER, 66, SERVERS "/" ONE "/os-instance-actions" TURNED), 400);
    assert_int_equal(get(SEED_MEMBER, 66, SERVERS TURNED), 400);
#define MIGRATIONS "/compute/v2.1/os-migrations"
    assert_int_equal(get(SEED_ADMIN, 66, MIGRATIONS TURNED), 400);
    assert_int_equal(get(SEED_ADMIN, 65, MIGRATIONS "?limit=5&changes-since=2026-11-21T10:00:00Z"), 200);
    assert_int_equal(get(SEED_ADMIN, 59, MIGRATIONS "?limit=x"), 400);
    assert_int_equal(get(SEED_ADMIN, 59, MIGRATIONS "?marker=x"), 400);
    assert_int_equal(get(SEED_MEMBER, 84, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.event"), "place.claim");
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.start_time"), "2025-11-29T15:26:40.123456");
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.finish_time"), "2025-11-29T15:26:41.500000");
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.details"), "full");
    assert_null(kn_test_nova_at(nova, "instanceAction.events.0.host"));
    assert_int_equal(get(SEED_ADMIN, 84, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.host"), "h1");
    kn_test_nova_sql(
        nova,
        "UPDATE task SET steps = jsonb_set(steps, '{0,error}', '{\"code\": \"KN_CONFLICT\", \"message\": \"h1 is full\"}')");
    assert_int_equal(get(SEED_MEMBER, 84, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_null(strstr(kn_test_nova_str(nova, "instanceAction.events.0.details"), "h1"));
    assert_int_equal(get(SEED_ADMIN, 84, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceAction.events.0.details"), "h1 is full");
    assert_int_equal(get(SEED_MEMBER, 50, SERVERS "/" ONE "/os-instance-actions/req-1"), 200);
    assert_null(kn_test_nova_at(nova, "instanceAction.events"));
    assert_int_equal(get(SEED_MEMBER, 50, SERVERS "/" ONE "/os-instance-actions/req-2"), 404);
    assert_int_equal(get(SEED_MEMBER, 20, SERVERS "/" GONE "/os-instance-actions"), 404);
    assert_int_equal(get(SEED_MEMBER, 21, SERVERS "/" GONE "/os-instance-actions"), 200);
    assert_int_equal(get(SEED_STRANGER, 21, SERVERS "/" ONE "/os-instance-actions"), 404);
}

static void metadata_and_tags(void **state)
{
    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "POST", SERVERS "/" ONE "/metadata",
                                      "{\"metadata\": {\"c\": \"d\"}}"),
                     200);
    assert_string_equal(kn_test_nova_str(nova, "metadata.a"), "b");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE "/metadata/c",
                                      "{\"meta\": {\"c\": \"e\"}}"),
                     200);
    kn_test_nova_sql(nova,
                     "DO $$ BEGIN ASSERT (SELECT count(*) FILTER (WHERE state = 'run') = 1 AND count(*) = 2 FROM task "
                     "WHERE kind = 'server.describe'), 'the newest describes it to the host'; END $$");
    assert_int_equal(get(SEED_MEMBER, 1, SERVERS "/" ONE "/metadata/c"), 200);
    assert_string_equal(kn_test_nova_str(nova, "meta.c"), "e");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE "/metadata/x",
                                      "{\"meta\": {\"c\": \"e\"}}"),
                     400);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE "/metadata/c", NULL), 204);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" ONE "/metadata/c", NULL), 404);
    kn_test_nova_sql(
        nova, "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('compute', '" SEED_PROJECT
              "', 'metadata_items', 1)");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "POST", SERVERS "/" ONE "/metadata",
                                      "{\"metadata\": {\"c\": \"d\"}}"),
                     403);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" ONE "/metadata", "{\"metadata\": {}}"),
                     200);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "PUT", SERVERS "/" TWO "/metadata", "{\"metadata\": {}}"),
                     409);
    assert_int_equal(get(SEED_MEMBER, 25, SERVERS "/" ONE "/tags"), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags/" SIXTY "x", NULL), 400);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags/" SIXTY, NULL), 201);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "DELETE", SERVERS "/" ONE "/tags/" SIXTY, NULL), 204);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags/green", NULL), 201);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags/green", NULL), 204);
    assert_int_equal(get(SEED_MEMBER, 26, SERVERS "/" ONE "/tags/green"), 204);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "DELETE", SERVERS "/" ONE "/tags/green", NULL), 204);
    assert_int_equal(get(SEED_MEMBER, 26, SERVERS "/" ONE "/tags/green"), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags",
                                      "{\"tags\": [\"x\", \"y\", \"x\"]}"),
                     200);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "tags")), 2);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 26, "PUT", SERVERS "/" ONE "/tags", "{\"tags\": [\"a/b\"]}"),
                     400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(views_by_microversion, five_servers_fresh),
        cmocka_unit_test_setup(lists_and_filters, five_servers_fresh),
        cmocka_unit_test_setup(refused_queries, five_servers_fresh),
        cmocka_unit_test_setup(pages_join_up, five_servers_fresh),
        cmocka_unit_test_setup(pages_of_a_pattern_join_up, five_servers_fresh),
        cmocka_unit_test_setup(a_pattern_without_end, five_servers_fresh),
        cmocka_unit_test_setup(strangers_see_nothing, five_servers_fresh),
        cmocka_unit_test_setup(an_update, five_servers_fresh),
        cmocka_unit_test_setup(actions_write_wishes, five_servers_fresh),
        cmocka_unit_test_setup(actions_that_are_refused, five_servers_fresh),
        cmocka_unit_test_setup(locks_and_states, five_servers_fresh),
        cmocka_unit_test_setup(a_delete_cancels_and_is_said_once, five_servers_fresh),
        cmocka_unit_test_setup(a_delete_waits_for_tasks_with_nothing_held, five_servers_fresh),
        cmocka_unit_test_setup(a_delete_cancels_what_came_in_between, five_servers_fresh),
        cmocka_unit_test_setup(history_shows_tasks_and_steps, five_servers_fresh),
        cmocka_unit_test_setup(metadata_and_tags, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
