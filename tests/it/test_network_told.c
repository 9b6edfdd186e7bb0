/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts are told of networks, by kilonova-network as a process: it follows the servers and the rows, goes on after what cannot be told, makes up for what was lost, and
 * after a kill -9 hosts know in the end what the rows say.
 */
#include "tests/support/test.h"

#include <signal.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/api.h"
#include "network/rows/change.h"
#include "tests/support/network_world.h"
#include "tests/support/process.h"

#define OWN "0f0f0f0f-0000-4000-8000-000000000001" /* the port of a floating IP's own */

/* --- what h1 is told ------------------------------------------------------------------------------------------------- */

/* What h1 knows, as a host would keep it: "kind id" -> the object. */
static json_t *known;
static int64_t known_version = -1;

static void learn(const json_t *body)
{
    json_t *item;
    size_t i;

    assert_string_equal(kn_json_str(body, "host"), "h1");
    if (kn_json_int(body, "from") == -1) {
        json_object_clear(known);
    } else {
        assert_int_equal(kn_json_int(body, "from"), known_version); /* nothing is lost here */
    }
    json_array_foreach (json_object_get(body, "drop"), i, item) {
        AUTO_FREE char *key = kn_asprintf("%s %s", kn_json_str(item, "kind"), kn_json_str(item, "id"));

        json_object_del(known, key);
    }
    json_array_foreach (json_object_get(body, "put"), i, item) {
        AUTO_FREE char *key = kn_asprintf("%s %s", kn_json_str(item, "kind"), kn_json_str(item, "id"));

        json_object_set(known, key, item);
    }
    if (kn_json_int(body, "piece") == kn_json_int(body, "pieces")) {
        known_version = kn_json_int(body, "version");
    }
}

/* The next message for host h1, learned. */
static void hear(void)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    kn_network_world_next(kn_network_world.told, &m);
    assert_string_equal(m.type->name, "net.state");
    learn(m.body);
}

/* Hears until h1 knows just so many of a kind. */
static void hear_until(const char *kind, int count)
{
    for (;;) {
        const char *key;
        json_t *object;
        int n = 0;

        json_object_foreach (known, key, object) {
            n += strncmp(key, kind, strlen(kind)) == 0 && key[strlen(kind)] == ' ';
        }
        if (n == count) {
            return;
        }
        hear();
    }
}

/* The only one of its kind; NULL: there is none. */
static json_t *the(const char *kind)
{
    const char *key;
    json_t *object;

    json_object_foreach (known, key, object) {
        if (strncmp(key, kind, strlen(kind)) == 0 && key[strlen(kind)] == ' ') {
            return object;
        }
    }
    return NULL;
}

static void say_hello_as(const char *agent, const char *host, const char *type)
{
    kn_network_world_send(KN_TOPIC_REPORT, "agent.hello", 0,
                          json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "agent", agent, "boot", "c", "hosts", "host", host,
                                    "hypervisor_type", type));
}

static void run_script(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(kn_network_world.db, sql, &err), &err);
}

static void test_hosts_follow_the_servers(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message early = { 0 };
    char mac[32];
    int64_t rows;

    (void)state;
    known = json_object();
    kn_network_world_must(kn_network_world_allocate(1));
    kn_network_world_mac(2, mac);
    kn_network_world_must(kn_network_world_allocate(3));
    kn_network_world_must(kn_network_world_command("port.bind", 1, json_pack("{s:s}", "host", "h1")));
    kn_network_world_next(kn_network_world.told,
                          &early); /* a change of what h1 never heard: it would ask, and says hello here */
    assert_int_equal(kn_json_int(early.body, "from"), 0);
    say_hello_as(AGENT_A, "h1", "QEMU");
    hear_until("port", 1);
    hear_until("network", 1);
    hear_until("group", 1); /* its default one, which lets in its own */
    hear_until("member", 1);
    assert_int_equal(json_object_size(known), 4);
    const json_t *port = the("port"), *net = the("network");

    assert_string_equal(kn_json_str(port, "server"), "aaaaaaaa-0000-4000-8000-000000000001");
    assert_true(kn_json_bool(port, "up"));
    assert_string_equal(kn_json_str(json_array_get(json_object_get(port, "ips"), 0), "ip"),
                        "10.0.1.2"); /* .1.1 is DHCP's */
    assert_string_equal(json_string_value(json_array_get(json_object_get(net, "dhcp_ips"), 0)), "10.0.1.1");
    assert_int_equal(kn_json_int(net, "vni"), 1);
    assert_string_equal(kn_json_str(json_array_get(json_object_get(net, "subnets"), 0), "cidr"), "10.0.0.0/16");

    rows = kn_network_world_number("SELECT count(*) FROM network_change");
    kn_network_world_must(kn_network_world_command(
        "port.bind", 3, json_pack("{s:s}", "host", "s1"))); /* a simulated host: nobody is told, nothing is written */
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM network_change"), rows);
    kn_network_world_must(kn_network_world_command("port.bind", 2, json_pack("{s:s}", "host", "h2")));
    hear_until("peer", 1);
    assert_string_equal(kn_json_str(the("peer"), "mac"), mac);
    assert_string_equal(kn_json_str(the("peer"), "underlay"), "192.0.2.2");
    assert_string_equal(json_string_value(json_array_get(json_object_get(the("peer"), "ips"), 0)), "10.0.1.3");

    hear_until("member", 2);
    json_auto_t *before = json_deep_copy(known);
    const int64_t version = known_version;

    say_hello_as(AGENT_A, "h1", "QEMU");
    while (known_version == version) {
        hear();
    }
    assert_true(json_equal(known, before)); /* everything, and the same */

    kn_network_world_must(kn_network_world_command("port.release", 2, NULL));
    hear_until("peer", 0);
    kn_network_world_must(kn_network_world_command("port.release", 2, NULL));
    kn_network_world_must(kn_network_world_command("port.bind", 3,
                                                   json_pack("{s:s, s:s}", "host", "h1", "state",
                                                             "inactive"))); /* about to come: told, and nobody's peer */
    hear_until("port", 2);
    kn_network_world_must(kn_network_world_command("port.release", 3, json_pack("{s:s}", "host", "h1")));
    hear_until("port", 1);
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM network_change"), 0);
}

/* A network that is down forwards nothing: its ports are down with it, and nobody answers for DHCP; and all of it comes back. */
static void network_turns(const char *up, bool is_up)
{
    struct kn_error err = { 0 };
    AUTO_FREE char *sql = kn_asprintf("UPDATE network SET admin_state_up = %s WHERE id = '" NET
                                      "'; INSERT INTO network_change (kind, id) VALUES ('network', '" NET "')",
                                      up);

    run_script(sql);
    assert_ok(kn_network_change_on(kn_network_world.db, NET, &err), &err);
    while (kn_json_bool(the("port"), "up") != is_up || (json_object_get(the("network"), "dhcp_mac") != NULL) != is_up) {
        hear();
    }
}

/* Whoever changes a row names it; whom it concerns is told, also when nobody says so. What cannot be told is set aside, and the others are told. */
static void test_changes_of_rows_arrive(void **state)
{
    AUTO_FREE char *port = kn_strdup(kn_json_str(the("port"), "id"));

    (void)state;
    AUTO_FREE char *rename = kn_asprintf(
        "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', p.id, p.network_id, '{h1}' FROM port p WHERE p.id = '%s';"
        "UPDATE port SET admin_state_up = false WHERE id = '%s';"
        "INSERT INTO network_change (kind, id) VALUES ('network', '" NET "');"
        "UPDATE network SET mtu = 1300 WHERE id = '" NET "'",
        port, port);

    run_script(rename); /* nobody is woken: the service looks by itself */
    while (kn_json_bool(the("port"), "up") || kn_json_int(the("network"), "mtu") != 1300) {
        hear();
    }
    run_script("UPDATE port SET admin_state_up = true");
    network_turns("true", true);
    network_turns("false", false);
    network_turns("true", true);
    /* what a port is called and gets by DHCP: its own name goes before its server's */
    AUTO_FREE char *name = kn_asprintf(
        "INSERT INTO server (id, project_id, user_id, name, hostname, vm_state, flavor, reservation_id, created_at)"
        " SELECT device_id::uuid, 'p', 'u', 'n', 'web-1.example.org', 'active', '{}', 'r-1', now() FROM port WHERE id = '%s'"
        " ON CONFLICT (id) DO UPDATE SET hostname = EXCLUDED.hostname;"
        "UPDATE network SET dns_domain = 'example.org.' WHERE id = '" NET "';"
        "UPDATE port SET dhcp_options = '[{\"opt_name\":\"mtu\",\"opt_value\":\"1400\",\"ip_version\":4}]' WHERE id = '%s';"
        "INSERT INTO network_change (kind, id) VALUES ('network', '" NET "')",
        port, port);

    run_script(name);
    {
        struct kn_error err = { 0 };

        assert_ok(kn_network_server_renamed(kn_network_world.db, kn_json_str(the("port"), "server"), &err), &err);
    }
    while (strcmp(kn_json_str(the("port"), "hostname"), "web-1") != 0 ||
           strcmp(kn_json_str(the("network"), "domain"), "example.org") != 0) {
        hear();
    }
    assert_string_equal(kn_json_str(json_array_get(json_object_get(the("port"), "options"), 0), "value"), "1400");
    /* what stands for it outside, for metadata, wherever its router is */
    AUTO_FREE char *floating = kn_asprintf(
        "INSERT INTO port (id, network_id, project_id, mac, device_owner) SELECT '" OWN
        "', network_id, project_id, 'fa:16:3e:99:00:01', 'network:floatingip'"
        " FROM port WHERE id = '%s';"
        "INSERT INTO floating_ip (id, project_id, network_id, own_port_id, ip, port_id, fixed_ip) SELECT gen_random_uuid(), 'p', '" NET
        "', '" OWN "', '203.0.113.5',"
        " port_id, ip FROM address WHERE port_id = '%s' LIMIT 1;"
        "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', id, network_id, '{h1}' FROM port WHERE id = '%s'",
        port, port, port);

    run_script(floating);
    while (json_array_size(json_object_get(the("port"), "floating")) == 0) {
        hear();
    }
    assert_string_equal(kn_json_str(json_array_get(json_object_get(the("port"), "floating"), 0), "outside"),
                        "203.0.113.5");
    run_script("DELETE FROM floating_ip; DELETE FROM port WHERE id = '" OWN "'");
    /* one row that makes the statement of its kind fail, between two that are fine */
    run_script("ALTER TABLE host_network_object ADD CONSTRAINT hurt CHECK (false) NOT VALID;"
               "INSERT INTO network_change (kind, id, network_id, hosts) SELECT 'port', gen_random_uuid(), '" NET
               "', '{h2}';"
               "INSERT INTO network_change (kind, id) VALUES ('network', '" NET "');"
               "UPDATE network SET mtu = 1310 WHERE id = '" NET "'");
    kn_network_world_must(kn_network_world_allocate(4));
    kn_network_world_must(kn_network_world_command(
        "port.bind", 4,
        json_pack("{s:s}", "host", "h2"))); /* h2 would be told of the network, and that cannot be written */
    while (kn_json_int(the("network"), "mtu") != 1310) {
        hear();
    }
    for (const int64_t deadline = kn_mono_ms() + KN_NETWORK_WAIT_MS;
         kn_network_world_number("SELECT count(*) FROM network_change WHERE aside LIKE '%hurt%'") == 0;) {
        assert_true(kn_mono_ms() < deadline);
    }
    run_script("ALTER TABLE host_network_object DROP CONSTRAINT hurt; UPDATE network_change SET aside = NULL");
    hear_until("peer", 1);
    kn_network_world_must(kn_network_world_command("port.release", 4, NULL));
    hear_until("peer", 0);
}

/* What a guest on h2 announced of its pairs leads there from h1; said again, it is nothing. */
static void test_announced_addresses_arrive(void **state)
{
    char mac[32];
    json_t *first;

    (void)state;
    kn_network_world_mac(6, mac);
    AUTO_FREE char *pairs = kn_asprintf(
        "UPDATE port SET allowed_pairs = jsonb_build_array(jsonb_build_object('ip_address', '10.0.9.9', 'mac_address', '%s'))"
        " WHERE mac = '%s'",
        mac, mac);
    AUTO_FREE char *port = NULL;

    run_script(pairs);
    kn_network_world_must(kn_network_world_command("port.bind", 6, json_pack("{s:s}", "host", "h2")));
    hear_until("peer", 1);
    port = kn_strdup(kn_json_str(the("peer"), "id"));
    for (int twice = 0; twice < 2; twice++) {
        kn_network_world_send(KN_TOPIC_REPORT, "net.announced", 0,
                              json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:i, s:i}]}", "agent", AGENT_B, "host", "h2",
                                        "heard", "port", port, "ip", "10.0.9.9", "mac", mac, "after", 0, "age_ms", 5));
    }
    while ((first = json_array_get(json_object_get(the("peer"), "announced"), 0)) == NULL) {
        hear();
    }
    assert_string_equal(kn_json_str(first, "ip"), "10.0.9.9");
    assert_string_equal(kn_json_str(first, "mac"), mac);
    assert_true(kn_json_int(first, "number") > 0);
    const int64_t number = kn_json_int(first, "number");

    kn_network_world_must(kn_network_world_command("port.release", 6, NULL));
    hear_until("peer", 0);
    assert_int_equal(kn_network_world_number("SELECT last_value FROM announced_address_number"), number);
}

/* A host that says an older version than it was told is told everything, and so is one that asks. */
static void test_a_host_that_missed_something_is_told_everything(void **state)
{
    const int64_t deadline = kn_mono_ms() + KN_NETWORK_WAIT_MS;
    int64_t version = known_version;

    (void)state;
    kn_network_world_send(KN_TOPIC_REPORT, "net.ask", 0,
                          json_pack("{s:s, s:s, s:i}", "agent", AGENT_A, "host", "h1", "version", 0));
    while (known_version == version) {
        hear();
    }
    version = known_version;
    while (known_version == version) { /* it says so for ten seconds */
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        struct kn_bus_message raw;

        kn_network_world_send(KN_TOPIC_REPORT, "agent.heartbeat", 0,
                              json_pack("{s:s, s:s, s:[{s:s, s:I}]}", "agent", AGENT_A, "boot", "c", "networks", "host",
                                        "h1", "version", (json_int_t)version - 1));
        assert_true(kn_mono_ms() < deadline);
        if (kn_bus_poll(kn_network_world.told, &raw, 1, 500) > 0) {
            struct kn_error err = { 0 };

            assert_ok(kn_message_parse(raw.data, raw.len, &m, &err), &err);
            kn_bus_message_done(&raw);
            learn(m.body);
        }
    }
}

/* Killed between any two lines: what was committed is told by the next life, and what h1 knows in the end is what the rows say. */
static void test_kill_while_hosts_are_told(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        const int server = 800 + round;

        kn_network_world_must(kn_network_world_allocate(server));
        kn_network_world_command("port.bind", server, json_pack("{s:s}", "host", "h2"));
        kn_test_pause(round * 3);
        kn_test_end(kn_network_world.network, SIGKILL);
        kn_network_world_start();
        kn_network_world_must(kn_network_world_command("port.bind", server,
                                                       json_pack("{s:s}", "host",
                                                                 "h2"))); /* the conductor sends again what is open */
    }
    known_version = -1;
    json_object_clear(known);
    say_hello_as(AGENT_A, "h1",
                 "QEMU"); /* a delta that was never sent: its version does not fit, as the agent would find */
    for (;;) {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

        kn_network_world_next(kn_network_world.told, &m);
        if (kn_json_int(m.body, "from") == -1 || (known_version >= 0 && kn_json_int(m.body, "from") == known_version)) {
            learn(m.body);
        }
        if (known_version >= 0 &&
            known_version == kn_network_world_number("SELECT version FROM host_network_state WHERE host = 'h1'")) {
            break;
        }
    }
    hear_until("peer", 6);
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM network_change"), 0);
    for (int round = 0; round < 6; round++) {
        kn_network_world_must(kn_network_world_command("port.release", 800 + round, NULL));
    }
    hear_until("peer", 0);
    kn_network_world_must(kn_network_world_command("port.release", 1, NULL));
    hear_until("network", 0);
    assert_int_equal(kn_network_world_number("SELECT count(*) FROM host_network_object WHERE host = 'h1'"), 0);
    json_decref(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_follow_the_servers),
        cmocka_unit_test(test_changes_of_rows_arrive),
        cmocka_unit_test(test_announced_addresses_arrive),
        cmocka_unit_test(test_a_host_that_missed_something_is_told_everything),
        cmocka_unit_test(test_kill_while_hosts_are_told),
    };
    return cmocka_run_group_tests(tests, kn_network_world_setup, kn_network_world_teardown);
}
