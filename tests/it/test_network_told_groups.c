/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host is told of security groups, by kilonova-network as a process: the groups of the ports that live there, the members of groups that rules there
 * name, wherever these live, address groups; and that all of it goes again when nobody there needs it.
 */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "tests/support/network_world.h"

static json_t *told; /* "kind id" -> the object, as host h1 would keep it */

static void groups_learn(const json_t *body)
{
    json_t *item;
    size_t i;

    if (kn_json_int(body, "from") == -1) {
        json_object_clear(told);
    }
    json_array_foreach (json_object_get(body, "drop"), i, item) {
        AUTO_FREE char *key = kn_asprintf("%s %s", kn_json_str(item, "kind"), kn_json_str(item, "id"));

        json_object_del(told, key);
    }
    json_array_foreach (json_object_get(body, "put"), i, item) {
        AUTO_FREE char *key = kn_asprintf("%s %s", kn_json_str(item, "kind"), kn_json_str(item, "id"));

        json_object_set(told, key, item);
    }
}

static int groups_count(const char *kind, json_t **ret_last)
{
    const char *key;
    json_t *object;
    int n = 0;

    json_object_foreach (told, key, object) {
        if (strncmp(key, kind, strlen(kind)) == 0 && key[strlen(kind)] == ' ') {
            *ret_last = object;
            n++;
        }
    }
    return n;
}

/* Hears until h1 knows just so many of a kind; the last of them. */
static json_t *groups_await(const char *kind, int count)
{
    json_t *last = NULL;

    while (groups_count(kind, &last) != count) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_network_world_next(kn_network_world.told, &m);
        groups_learn(m.body);
        last = NULL;
    }
    return last;
}

/* The same until a list of its only one has just so many. */
static json_t *groups_await_list(const char *kind, const char *list, size_t count)
{
    for (;;) {
        json_t *last = NULL;
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        if (groups_count(kind, &last) == 1 && json_array_size(json_object_get(last, list)) == count) {
            return last;
        }
        kn_network_world_next(kn_network_world.told, &m);
        groups_learn(m.body);
    }
}

static void run_script(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_network_world.db, sql, &err), &err);
}

static void bind(int server, const char *host)
{
    kn_network_world_must(kn_network_world_allocate(server));
    kn_network_world_must(kn_network_world_command("port.bind", server, json_pack("{s:s}", "host", host)));
}

#define NAME_GROUP "INSERT INTO network_change (kind, id) SELECT 'group', id FROM security_group WHERE is_default;"
#define RULE \
    "INSERT INTO security_group_rule (id, group_id, project_id, direction, ethertype, protocol, number, range_min, range_max, "
#define OF_DEFAULT " FROM security_group WHERE is_default"

#define NAME_PORTS \
    "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', p.id, p.network_id, '{h1}' FROM port p JOIN port_binding b" \
    " ON b.port_id = p.id WHERE b.host = 'h1';"

static void test_groups_and_members(void **state)
{
    (void)state;
    told = json_object();
    bind(1, "h1");
    kn_network_world_send(KN_TOPIC_REPORT, "agent.hello", 0,
                          json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "agent", AGENT_A, "boot", "c", "hosts", "host", "h1",
                                    "hypervisor_type", "QEMU"));
    AUTO_FREE char *group = kn_strdup(kn_json_str(groups_await("group", 1), "id"));
    const json_t *port = groups_await("port", 1), *rules = json_object_get(groups_await("group", 1), "rules"), *rule;
    size_t i, inside = 0;

    assert_true(kn_json_bool(port, "filtered"));
    assert_string_equal(json_string_value(json_array_get(json_object_get(port, "groups"), 0)), group);
    assert_int_equal(json_array_size(rules), 4);
    json_array_foreach (rules, i, rule) {
        inside += kn_json_bool(rule, "ingress") && strcmp(kn_json_str(rule, "group"), group) == 0;
    }
    assert_int_equal(inside, 2);
    assert_string_equal(kn_json_str(groups_await("member", 1), "id"), kn_json_str(port, "id"));
    /* One elsewhere, and it goes. */
    bind(2, "h2");
    groups_await("member", 2);
    kn_network_world_must(kn_network_world_command("port.release", 2, NULL));
    groups_await("member", 1);
    /* A rule of two ports, and an address group that one names. */
    run_script(
        NAME_GROUP RULE
        "remote_prefix) SELECT gen_random_uuid(), id, project_id, 'ingress', 'IPv4', 'tcp', 6, 22, 23, '10.0.0.7/8'" OF_DEFAULT);
    rules = json_object_get(groups_await_list("group", "rules", 5), "rules");
    json_array_foreach (rules, i, rule) {
        if (kn_json_int(rule, "protocol") == 6) {
            assert_int_equal(kn_json_int(rule, "first"), 22);
            assert_int_equal(kn_json_int(rule, "last"), 23);
            assert_string_equal(kn_json_str(rule, "prefix"), "10.0.0.0/8");
        }
    }
    run_script(
        "INSERT INTO address_group (id, project_id) VALUES ('99999999-0000-4000-8000-000000000001', 'p');"
        "INSERT INTO address_group_address VALUES ('99999999-0000-4000-8000-000000000001', '192.0.2.0/24');" NAME_GROUP
            RULE
        "remote_address_group_id) SELECT gen_random_uuid(), id, project_id, 'ingress', 'IPv4', 'udp', 17, 1, 2,"
        " '99999999-0000-4000-8000-000000000001'" OF_DEFAULT);
    assert_string_equal(json_string_value(json_array_get(json_object_get(groups_await("addresses", 1), "prefixes"), 0)),
                        "192.0.2.0/24");
    run_script("INSERT INTO network_change (kind, id) VALUES ('addresses', '99999999-0000-4000-8000-000000000001');"
               "INSERT INTO address_group_address VALUES ('99999999-0000-4000-8000-000000000001', '2001:db8::/32')");
    groups_await_list("addresses", "prefixes", 2);
    run_script(NAME_GROUP "DELETE FROM security_group_rule WHERE remote_address_group_id IS NOT NULL");
    groups_await("addresses", 0);
}

/* The network's policy is its ports', unless they have one of their own. */
static void test_policies(void **state)
{
    (void)state;
    run_script(
        "INSERT INTO qos_policy (id, project_id) VALUES ('99999999-0000-4000-8000-000000000002', 'p');"
        "INSERT INTO qos_rule (id, policy_id, kind, direction, max_kbps, max_burst_kbps) VALUES (gen_random_uuid(), '99999999-0000-4000-8000-000000000002',"
        " 'bandwidth_limit', 'ingress', 3000, 100);"
        "UPDATE network SET qos_policy_id = '99999999-0000-4000-8000-000000000002';" NAME_PORTS);
    const json_t *policy = groups_await("policy", 1);

    assert_int_equal(kn_json_int(json_object_get(policy, "to_guest"), "max_kbps"), 3000);
    assert_int_equal(kn_json_int(json_object_get(policy, "to_guest"), "burst_kbit"), 100);
    assert_null(json_object_get(policy, "from_guest"));
    assert_string_equal(kn_json_str(groups_await("port", 1), "policy"), "99999999-0000-4000-8000-000000000002");
    run_script("UPDATE network SET qos_policy_id = NULL;" NAME_PORTS);
    groups_await("policy", 0);
}

/* A port that has its groups taken needs nobody's members; a group's members are known where a rule names it and nowhere else. */
static void test_what_nobody_needs_goes(void **state)
{
    (void)state;
    bind(3, "h2");
    groups_await("member", 2);
    run_script(NAME_PORTS
               "DELETE FROM port_security_group g USING port_binding b WHERE b.port_id = g.port_id AND b.host = 'h1'");
    groups_await("group", 0);
    groups_await("member", 0);
    assert_non_null(json_object_get(groups_await("port", 1), "groups"));
    assert_int_equal(json_array_size(json_object_get(groups_await("port", 1), "groups")), 0);
    run_script(NAME_PORTS
               "UPDATE port p SET port_security = false FROM port_binding b WHERE b.port_id = p.id AND b.host = 'h1'");
    while (kn_json_bool(groups_await("port", 1), "filtered")) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_network_world_next(kn_network_world.told, &m);
        groups_learn(m.body);
    }
    assert_null(json_object_get(groups_await("port", 1), "groups"));
    run_script(
        NAME_PORTS
        "UPDATE port p SET port_security = true, allowed_pairs = '[{\"ip_address\": \"10.0.9.9\", \"mac_address\": \"fa:16:3e:00:00:09\"},"
        " {\"ip_address\": \"10.0.8.7/24\", \"mac_address\": \"fa:16:3e:00:00:09\"}]'"
        " FROM port_binding b WHERE b.port_id = p.id AND b.host = 'h1';"
        "INSERT INTO port_security_group SELECT b.port_id, g.id FROM port_binding b, security_group g WHERE b.host = 'h1' AND g.is_default");
    groups_await("member", 2);
    const json_t *port = groups_await("port", 1);
    AUTO_FREE char *own = kn_asprintf("member %s", kn_json_str(port, "id"));

    assert_string_equal(kn_json_str(json_array_get(json_object_get(port, "pairs"), 0), "ip"), "10.0.9.9");
    const json_t *member = json_object_get(told, own);

    assert_int_equal(json_array_size(json_object_get(member, "ips")), 2);
    assert_int_equal(json_array_size(json_object_get(member, "prefixes")), 1); /* what is more than one address */
    assert_string_equal(json_string_value(json_array_get(json_object_get(member, "prefixes"), 0)), "10.0.8.0/24");
    kn_network_world_must(kn_network_world_command("port.release", 1, NULL));
    groups_await("network", 0);
    groups_await("member", 0);
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM host_network_object WHERE host = 'h1'"), 0);
    json_decref(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_groups_and_members), cmocka_unit_test(test_policies),
                                        cmocka_unit_test(test_what_nobody_needs_goes) };

    return cmocka_run_group_tests(tests, kn_network_world_setup, kn_network_world_teardown);
}
