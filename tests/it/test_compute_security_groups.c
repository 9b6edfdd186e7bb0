/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups as Nova has them: those of a server, shown, added and removed, those that a new server names, and the proxies until 2.35, whose codes are
 * Nova's and not Neutron's.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/five_servers.h"
#include "tests/support/test.h"

#define GROUPS "/compute/v2.1/os-security-groups"
#define RULES "/compute/v2.1/os-security-group-rules"

static int ask(const char *token, int minor, const char *method, const char *path, const char *body)
{
    return kn_test_nova_ask(nova, token, minor, method, path, body);
}

static int act(const char *server, const char *body)
{
    AUTO_FREE char *path = kn_asprintf(SERVERS "/%s/action", server);

    return ask(SEED_MEMBER, 1, "POST", path, body);
}

static int64_t number(const char *sql)
{
    return kn_test_nova_sql(nova, sql);
}

/* The id of a new group of the member's. */
static void make(const char *name, char id[64])
{
    AUTO_FREE char *body = kn_asprintf("{\"security_group\": {\"name\": \"%s\", \"description\": \"d\"}}", name);

    assert_int_equal(ask(SEED_MEMBER, 1, "POST", GROUPS, body), 200);
    kn_copy(id, 64, kn_test_nova_str(nova, "security_group.id"));
}

static void groups_of_a_server(void **state)
{
    (void)state;
    char web[64];

    make("web", web);
    assert_int_equal(ask(SEED_MEMBER, 90, "GET", SERVERS "/" ONE, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.security_groups.0.name"), "default");
    const int64_t revision = number("SELECT max(revision) FROM port");

    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"web\"}}"), 202);
    assert_int_equal(number("SELECT max(revision) FROM port"), revision + 1); /* a port's groups are a part of it */
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/detail?name=web$", NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "servers.0.security_groups.1.name"), "web");
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/" ONE "/os-security-groups", NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_groups.0.name"), "default");
    assert_string_equal(kn_test_nova_str(nova, "security_groups.1.id"), web);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"web\"}}"), 400);
    AUTO_FREE char *by_id = kn_asprintf("{\"removeSecurityGroup\": {\"name\": \"%s\"}}", web);

    assert_int_equal(act(ONE, by_id), 202);
    assert_int_equal(number("SELECT max(revision) FROM port"), revision + 2);
    assert_int_equal(act(ONE, by_id), 404);
    assert_int_equal(number("SELECT count(*) FROM port_security_group"), 1);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"nobody\"}}"), 404);
    assert_string_equal(kn_test_nova_str(nova, "itemNotFound.message"),
                        "Security group nobody is not found for project " SEED_PROJECT);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {}}"), 400);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \" \"}}"), 400);
    assert_int_equal(act(THREE, "{\"addSecurityGroup\": {\"name\": \"web\"}}"), 404);
    assert_int_equal(act(FOREIGN, "{\"addSecurityGroup\": {\"name\": \"web\"}}"), 404);
    make("web", web);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"web\"}}"), 409);
    struct kn_error err;

    assert_ok(kn_db_script(nova->db,
                           "DELETE FROM port_security_group; UPDATE port SET port_security = false;"
                           "UPDATE server SET group_ids = '{}' WHERE id = '" ONE "'",
                           &err),
              &err);
    AUTO_FREE char *to_open = kn_asprintf("{\"addSecurityGroup\": {\"name\": \"%s\"}}", web);

    assert_int_equal(act(ONE, to_open), 400);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/" ONE, NULL), 200);
    assert_null(kn_test_nova_at(nova, "server.security_groups"));
}

/* The names that the server shows, each with a space behind it. */
static const char *shown(void)
{
    static char names[256];
    char path[64];

    assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/" ONE, NULL), 200);
    names[0] = '\0';
    for (int i = 0;
         snprintf(path, sizeof(path), "server.security_groups.%d.name", i) > 0 && kn_test_nova_at(nova, path); i++) {
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", kn_test_nova_str(nova, path));
    }
    assert_int_equal(
        number(
            "SELECT count(*) FROM server s WHERE s.id = '" ONE
            "' AND s.group_ids <> (SELECT coalesce(array_agg(DISTINCT b.group_id), '{}') "
            "FROM port p JOIN port_security_group b ON b.port_id = p.id WHERE p.nic IS NOT NULL AND p.device_id = '" ONE
            "')"),
        0);
    return names;
}

#define PORTS "/network/v2.0/ports"

/* Whoever changes which groups a server's ports have, or which ports it has, says so in the server's row. */
static void who_writes_what_a_server_shows(void **state)
{
    struct kn_error err;
    char web[64];

    (void)state;
    make("web", web);
    AUTO_FREE char *both = kn_asprintf("{\"port\": {\"security_groups\": [\"%s\", \"" ITS_GROUP "\"]}}", web);
    AUTO_FREE char *rename = kn_asprintf(GROUPS "/%s", web);
    AUTO_FREE char *made = kn_asprintf("{\"port\": {\"network_id\": \"" SEED_NETWORK "\", \"device_id\": \"" ONE
                                       "\", \"security_groups\": [\"%s\"]}}",
                                       web);

    assert_string_equal(shown(), "default ");
    assert_int_equal(ask(SEED_MEMBER, 0, "PUT", PORTS "/" ITS_PORT, both), 200);
    assert_string_equal(shown(), "default web ");
    assert_int_equal(ask(SEED_MEMBER, 1, "PUT", rename,
                         "{\"security_group\": {\"name\": \"door\", \"description\": \"\"}}"),
                     200);
    assert_string_equal(shown(), "default door ");
    assert_int_equal(ask(SEED_MEMBER, 0, "PUT", PORTS "/" ITS_PORT, "{\"port\": {\"security_groups\": []}}"), 200);
    assert_string_equal(shown(), "");
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"default\"}}"), 202);
    assert_string_equal(shown(), "default ");
    /* a port whose device somebody wrote by hand, wrote again, and that goes: it is no NIC, and its groups are its own */
    assert_int_equal(ask(SEED_MEMBER, 0, "POST", PORTS, made), 201);
    AUTO_FREE char *port = kn_asprintf(PORTS "/%s", kn_test_nova_str(nova, "port.id"));

    assert_string_equal(shown(), "default ");
    assert_int_equal(act(ONE, "{\"removeSecurityGroup\": {\"name\": \"door\"}}"), 404);
    assert_int_equal(ask(SEED_MEMBER, 0, "PUT", port, "{\"port\": {\"device_id\": \"\"}}"), 200);
    assert_int_equal(ask(SEED_MEMBER, 0, "PUT", port, "{\"port\": {\"device_id\": \"" ONE "\"}}"), 200);
    assert_int_equal(ask(SEED_MEMBER, 0, "PUT", port, "{\"port\": {\"security_groups\": []}}"), 200);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"door\"}}"), 202);
    assert_string_equal(shown(), "default door ");
    assert_int_equal(act(ONE, "{\"removeSecurityGroup\": {\"name\": \"door\"}}"), 202);
    assert_int_equal(number("SELECT count(*) FROM port_security_group"), 1);
    assert_int_equal(ask(SEED_MEMBER, 0, "DELETE", port, NULL), 204);
    assert_string_equal(shown(), "default ");
    /* one that is being made says nothing before it has a port */
    assert_ok(kn_db_script(nova->db, "UPDATE server SET group_ids = NULL; UPDATE port SET nic = NULL", &err), &err);
    assert_int_equal(act(ONE, "{\"addSecurityGroup\": {\"name\": \"door\"}}"), 404);
    assert_int_equal(number("SELECT count(*) FROM server WHERE id = '" ONE "' AND group_ids IS NULL"), 1);
    assert_ok(kn_db_script(nova->db, "UPDATE port SET nic = 0", &err), &err);
    /* one that says nothing asks its ports */
    assert_ok(kn_db_script(nova->db, "UPDATE server SET group_ids = NULL", &err), &err);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/" ONE, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "server.security_groups.0.name"), "default");
    assert_int_equal(ask(SEED_MEMBER, 0, "DELETE", PORTS "/" ITS_PORT, NULL), 204);
    assert_string_equal(shown(), "");
}

static void *add_beside(void *status)
{
    *(int *)status = act(ONE, "{\"addSecurityGroup\": {\"name\": \"theirs\"}}");
    return NULL;
}

/* A group that its owner shares no more: he was first, and no port has it. */
static void a_group_that_is_shared_no_more(void **state)
{
    const int64_t deadline = kn_mono_ms() + 60000;
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };
    pthread_t asker;
    int status = 0;

    (void)state;
    assert_ok(
        kn_db_script(
            nova->db,
            "INSERT INTO security_group (id, project_id, name) VALUES ('" SEED_NOBODY "', '" SEED_OTHER "', 'theirs');"
            "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), '" SEED_OTHER
            "', 'security_group', '" SEED_NOBODY "', 'access_as_shared', '" SEED_PROJECT "')",
            &err),
        &err);
    assert_ok(kn_tx_begin(&tx, nova->db, &err), &err);
    assert_ok(kn_db_script(nova->db, "DELETE FROM rbac_policy WHERE object_id = '" SEED_NOBODY "'", &err), &err);
    assert_int_equal(pthread_create(&asker, NULL, add_beside, &status), 0);
    while (number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(asker, NULL);
    assert_int_equal(status, 404);
    assert_int_equal(number("SELECT count(*) FROM port_security_group WHERE group_id = '" SEED_NOBODY "'"), 0);
}

#define MANY 300

/* Nothing was counted yet that a planner could go by: each server's are found by its ports all the same; each is shown once, in order, however many ports have it. */
static void groups_of_a_list(void **state)
{
    static const char MAKE[] =
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id)"
        " SELECT ('aaaaaaaa-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '" SEED_PROJECT
        "', 'u', 'many', 'many', 'active', '{}', 'r' FROM generate_series(1, 300) i;"
        "INSERT INTO port (id, network_id, project_id, mac, device_id, nic) SELECT ('bbbbbbbb-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '" SEED_NETWORK
        "', '" SEED_PROJECT
        "', ('02:00:00:01:' || lpad(to_hex(i / 256), 2, '0') || ':' || lpad(to_hex(i % 256), 2, '0'))::macaddr,"
        " 'aaaaaaaa-0000-4000-8000-' || lpad(((i + 1) / 2)::text, 12, '0'), 0 FROM generate_series(1, 600) i;"
        "INSERT INTO port_security_group (port_id, group_id) SELECT p.id, g.id FROM port p, security_group g WHERE p.id::text LIKE 'bbbbbbbb%' AND g.project_id = '" SEED_PROJECT
        "' AND (g.name <> 'a\"b' OR p.mac < '02:00:00:01:00:03')";
    const int64_t deadline = kn_mono_ms() + 60000;
    struct kn_error err;
    char id[64];

    (void)state;
    make("web", id);
    make("a\\\"b", id);
    assert_ok(kn_db_script(nova->db, MAKE, &err), &err);
    const int64_t found = number("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'port_device'");
    const int64_t read = number("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'port_security_group'");

    do { /* sessions tell what they counted once a second */
        assert_true(kn_mono_ms() < deadline);
        assert_int_equal(ask(SEED_MEMBER, 1, "GET", SERVERS "/detail?name=many&sort_key=uuid&sort_dir=asc", NULL), 200);
    } while (number("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'port_device'") < found + MANY);
    assert_true(number("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'port_security_group'") <
                read + 10 * MANY);
    assert_int_equal(json_array_size(kn_test_nova_at(nova, "servers")), MANY);
    assert_string_equal(kn_test_nova_str(nova, "servers.0.security_groups.0.name"), "a\"b");
    assert_string_equal(kn_test_nova_str(nova, "servers.0.security_groups.1.name"), "default");
    assert_string_equal(kn_test_nova_str(nova, "servers.0.security_groups.2.name"), "web");
    assert_null(kn_test_nova_at(nova, "servers.0.security_groups.3"));
    assert_string_equal(kn_test_nova_str(nova, "servers.9.security_groups.0.name"), "default");
    assert_null(kn_test_nova_at(nova, "servers.9.security_groups.2"));
}

static void groups_of_a_new_server(void **state)
{
    static const char BODY[] = "{\"server\": {\"name\": \"s\", \"flavorRef\": \"1\", \"imageRef\": \"" SEED_IMAGE
                               "\", \"networks\": [{\"uuid\": \"" SEED_NETWORK "\"}], \"security_groups\": [%s]}}";
    (void)state;
    char web[64];

    make("web", web);
    AUTO_FREE char *both = kn_asprintf(BODY, "{\"name\": \"web\"}, {\"name\": \"default\"}, {\"name\": \"web\"}");
    AUTO_FREE char *plain = kn_asprintf(BODY, "{\"name\": \"default\"}");
    AUTO_FREE char *missing = kn_asprintf(BODY, "{\"name\": \"nobody\"}");
    AUTO_FREE char *named = kn_asprintf("{\"name\": \"%s\"}", web);
    AUTO_FREE char *by_id = kn_asprintf(BODY, named);

    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, both), 202);
    assert_string_equal(kn_test_nova_str(nova, "server.security_groups.0.name"), "web");
    assert_int_equal(
        number("SELECT jsonb_array_length(input->'requests'->0->'groups') FROM task ORDER BY id DESC LIMIT 1"), 2);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, plain), 202);
    assert_int_equal(number("SELECT (input->'requests'->0 ? 'groups')::int FROM task ORDER BY id DESC LIMIT 1"), 0);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, by_id), 202);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, missing), 400);
    struct kn_error err;

    /* Another project's group of that name, called its default one; then it is shared. */
    assert_ok(
        kn_db_script(
            nova->db,
            "INSERT INTO security_group (id, project_id, name, is_default) VALUES (gen_random_uuid(), '" SEED_OTHER
            "', 'nobody', true)",
            &err),
        &err);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, missing), 400);
    assert_ok(
        kn_db_script(
            nova->db,
            "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) SELECT gen_random_uuid(), '" SEED_OTHER
            "', 'security_group', id, 'access_as_shared', '" SEED_PROJECT "' FROM security_group WHERE name = 'nobody'",
            &err),
        &err);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, missing), 202);
    assert_int_equal(
        number(
            "SELECT count(*) FROM task t JOIN security_group g ON g.id::text = t.input->'requests'->0->'groups'->>0 WHERE g.name = 'nobody'"),
        1);

    assert_ok(kn_db_script(nova->db, "UPDATE network SET port_security = false", &err), &err);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, by_id), 400);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", SERVERS, plain), 202);
}

static void proxies_for_groups(void **state)
{
    (void)state;
    char web[64];

    assert_int_equal(ask(SEED_MEMBER, 35, "GET", GROUPS, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_groups.0.name"), "default");
    assert_int_equal(ask(SEED_MEMBER, 36, "GET", GROUPS, NULL), 404);
    make("web", web);
    AUTO_FREE char *one = kn_asprintf(GROUPS "/%s", web);

    assert_int_equal(ask(SEED_MEMBER, 1, "GET", one, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_group.tenant_id"), SEED_PROJECT);
    assert_int_equal(ask(SEED_STRANGER, 1, "GET", one, NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "PUT", one,
                         "{\"security_group\": {\"name\": \"door\", \"description\": \"e\"}}"),
                     200);
    assert_string_equal(kn_test_nova_str(nova, "security_group.name"), "door");
    assert_string_equal(kn_test_nova_str(nova, "security_group.description"), "e");
    assert_int_equal(ask(SEED_MEMBER, 1, "PUT", one, "{\"security_group\": {\"name\": \"door\"}}"), 400);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", GROUPS "/x", NULL), 400);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", GROUPS "/" SEED_NOBODY, NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", GROUPS "/" ITS_GROUP, NULL), 400); /* in use, and the default one */
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", GROUPS "/", NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "POST", GROUPS,
                         "{\"security_group\": {\"name\": \"default\", \"description\": \"\"}}"),
                     403);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", one, NULL), 202);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", one, NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "GET", "/compute/v2.1/os-security-group-default-rules", NULL), 410);
}

static int rule(const char *parent, const char *more)
{
    AUTO_FREE char *body = kn_asprintf("{\"security_group_rule\": {\"parent_group_id\": \"%s\"%s}}", parent, more);

    return ask(SEED_MEMBER, 1, "POST", RULES, body);
}

static void proxies_for_rules(void **state)
{
    static const char *const BAD[] = {
        ", \"ip_protocol\": \"tcp\", \"from_port\": 90, \"to_port\": 80",
        ", \"ip_protocol\": \"tcp\", \"from_port\": 0, \"to_port\": 80",
        ", \"ip_protocol\": \"tcp\", \"from_port\": 1, \"to_port\": 65536",
        ", \"ip_protocol\": \"icmp\", \"from_port\": 256, \"to_port\": 0",
        ", \"ip_protocol\": \"gre\", \"from_port\": 1, \"to_port\": 2",
        ", \"ip_protocol\": \"tcp\", \"from_port\": \"x\", \"to_port\": 2",
        ", \"ip_protocol\": \"tcp\"",
        "",
        ", \"ip_protocol\": \"tcp\", \"from_port\": 1, \"to_port\": 2, \"cidr\": \"10.0.0.0\"",
        ", \"ip_protocol\": \"tcp\", \"from_port\": 1, \"to_port\": 2, \"cidr\": \"10.0.0.0/0\"",
    };
    (void)state;
    char web[64], made[64];

    make("web", web);
    assert_int_equal(
        rule(web, ", \"ip_protocol\": \"TCP\", \"from_port\": 22, \"to_port\": \"23\", \"cidr\": \"10.0.0.0/8\""), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_group_rule.ip_range.cidr"), "10.0.0.0/8");
    assert_string_equal(kn_test_nova_str(nova, "security_group_rule.parent_group_id"), web);
    assert_string_equal(kn_test_nova_str(nova, "security_group_rule.ip_protocol"), "tcp");
    kn_copy(made, sizeof(made), kn_test_nova_str(nova, "security_group_rule.id"));
    assert_int_equal(rule(web,
                          ", \"ip_protocol\": \"tcp\", \"from_port\": 22, \"to_port\": 23, \"cidr\": \"10.0.0.0/8\""),
                     400);
    assert_int_equal(rule(web, ", \"ip_protocol\": \"tcp\", \"group_id\": \"" ITS_GROUP "\""), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_group_rule.group.name"), "default");
    assert_int_equal(rule(web, ", \"ip_protocol\": \"icmp\", \"from_port\": -1, \"to_port\": -1"), 200);
    assert_string_equal(kn_test_nova_str(nova, "security_group_rule.ip_range.cidr"), "0.0.0.0/0");
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        if (rule(web, BAD[i]) != 400) {
            fail_msg("%s: %s", BAD[i], nova->http.body.buf);
        }
    }
    assert_int_equal(rule(SEED_NOBODY, ", \"ip_protocol\": \"tcp\", \"from_port\": 1, \"to_port\": 2"), 404);
    assert_int_equal(rule(web, ", \"ip_protocol\": \"tcp\", \"group_id\": \"" SEED_NOBODY "\""), 404);
    AUTO_FREE char *one = kn_asprintf(RULES "/%s", made);

    assert_int_equal(ask(SEED_STRANGER, 1, "DELETE", one, NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", one, NULL), 202);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", one, NULL), 404);
    assert_int_equal(ask(SEED_MEMBER, 1, "DELETE", RULES "/x", NULL), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(groups_of_a_server, five_servers_fresh),
        cmocka_unit_test_setup(who_writes_what_a_server_shows, five_servers_fresh),
        cmocka_unit_test_setup(a_group_that_is_shared_no_more, five_servers_fresh),
        cmocka_unit_test_setup(groups_of_a_list, five_servers_fresh),
        cmocka_unit_test_setup(groups_of_a_new_server, five_servers_fresh),
        cmocka_unit_test_setup(proxies_for_groups, five_servers_fresh),
        cmocka_unit_test_setup(proxies_for_rules, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
