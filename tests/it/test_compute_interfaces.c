/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-interface at the front door: what a wish for a NIC writes, in one transaction: the port, its place among the server's, what it counts as, the task; and all that is
 * refused, in Nova's words, after which nothing has changed. What becomes of the wish: tests/it/test_interfaces_cloud.c and test_agent_libvirt.c.
 */
#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "tests/support/five_servers.h"
#include "tests/support/test.h"

#define INTERFACES SERVERS "/" ONE "/os-interface"
#define WISH(members) "{\"interfaceAttachment\": {" members "}}"
#define BY_NETWORK(more) WISH("\"net_id\": \"" SEED_NETWORK "\"" more)
#define BY_PORT(id) WISH("\"port_id\": \"" id "\"")
#define HIS_PORT "33333333-3333-4333-8333-333333333333" /* of another project, on this one's network */
#define BARE_PORT "33333333-3333-4333-8333-444444444444" /* without an address */
#define WIRE_PORT "33333333-3333-4333-8333-555555555555" /* on an external network */

static void must(const char *sql)
{
    struct kn_error err = { 0 };

    assert_ok(kn_db_script(nova->db, sql, &err), &err);
}

static int attach(int minor, const char *body)
{
    return kn_test_nova_ask(nova, SEED_MEMBER, minor, "POST", INTERFACES, body);
}

static int64_t count(const char *sql)
{
    return kn_test_nova_sql(nova, sql);
}

static int64_t quota_used(void)
{
    return count(
        "SELECT coalesce(sum(used), 0) FROM quota_usage WHERE resource = 'port' AND project_id = '" SEED_PROJECT "'");
}

/* The port of the last answer is the server's, at this place, as it should be. */
static void expect_given(int place, bool is_made)
{
    AUTO_FREE char *sql = kn_asprintf(
        "SELECT count(*) FROM port p JOIN task t ON t.object_id::text = p.device_id AND t.kind = 'server.attach_interface' AND t.state = 'run' "
        "AND t.input = jsonb_build_object('port', p.id) WHERE p.id = '%s' AND p.device_id = '" ONE
        "' AND p.device_owner = 'compute:' AND p.nic = %d AND p.made_for_server = %s AND p.project_id = '" SEED_PROJECT
        "' AND EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id)",
        kn_test_nova_str(nova, "interfaceAttachment.port_id"), place, is_made ? "true" : "false");

    assert_int_equal(count(sql), 1);
    assert_int_equal(count("SELECT count(*) FROM server WHERE id = '" ONE
                           "' AND task_state IS NULL AND vm_state = 'active'"),
                     1);
}

static void a_port_is_made(void **state)
{
    const int64_t used = quota_used();

    (void)state;
    assert_int_equal(attach(49, BY_NETWORK(", \"tag\": \"inside\"")), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.net_id"), SEED_NETWORK);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.port_state"), "BUILD");
    assert_int_equal(strlen(kn_test_nova_str(nova, "interfaceAttachment.mac_addr")), 17);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.fixed_ips.0.subnet_id"),
                        "44444444-4444-4444-8444-111111111111");
    expect_given(1, true);
    assert_int_equal(quota_used(), used + 1);
    assert_int_equal(
        count("SELECT count(*) FROM port_security_group g JOIN port p ON p.id = g.port_id WHERE p.nic = 1 AND "
              "g.group_id = '" ITS_GROUP "'"),
        1);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 70, "GET", INTERFACES, NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachments.0.port_id"), ITS_PORT);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachments.1.tag"), "inside");
    assert_null(kn_test_nova_at(nova, "interfaceAttachments.2"));
}

static void at_an_address(void **state)
{
    (void)state;
    assert_int_equal(attach(1, BY_NETWORK(", \"fixed_ips\": [{\"ip_address\": \"10.0.0.99\"}]")), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.fixed_ips.0.ip_address"), "10.0.0.99");
    expect_given(1, true);
    assert_null(kn_test_nova_at(nova, "interfaceAttachment.tag"));
    assert_int_equal(attach(1, BY_NETWORK(", \"fixed_ips\": [{\"ip_address\": \"10.0.0.99\"}]")), 409);
    assert_non_null(strstr(kn_test_nova_str(nova, "conflictingRequest.message"),
                           "Fixed IP address 10.0.0.99 is already in use on instance"));
}

/* The project has one network that it can use: that one. With a second one it has to say which. */
static void of_which_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(attach(1, WISH("")), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.net_id"), SEED_NETWORK);
    expect_given(1, true);
    must("INSERT INTO network (id, project_id, name, vni) VALUES ('" SEED_NOBODY "', '" SEED_PROJECT "', 'other', 77)");
    assert_int_equal(attach(1, WISH("")), 400);
    assert_string_equal(kn_test_nova_str(nova, "badRequest.message"),
                        "Multiple possible networks found, use a Network ID to be more specific.");
}

static void a_port_is_given(void **state)
{
    const int64_t used = quota_used();

    (void)state;
    assert_int_equal(attach(1, BY_PORT(SEED_PORT)), 200);
    assert_string_equal(kn_test_nova_str(nova, "interfaceAttachment.port_id"), SEED_PORT);
    expect_given(1, false);
    assert_int_equal(quota_used(), used);
    assert_int_equal(attach(1, BY_PORT(SEED_PORT)), 409);
    assert_string_equal(kn_test_nova_str(nova, "conflictingRequest.message"), "Port " SEED_PORT " is still in use.");
}

static void what_is_refused(void **state)
{
    static const struct {
        int minor;
        const char *body;
        int status;
        const char *words;
    } CASES[] = {
        { 1, BY_NETWORK(", \"port_id\": \"" SEED_PORT "\""), 400, "Must not input both network_id and port_id" },
        { 1, WISH("\"fixed_ips\": [{\"ip_address\": \"10.0.0.9\"}]"), 400,
          "Must input network_id when request IP address" },
        { 48, BY_NETWORK(", \"tag\": \"t\""), 400, "tag" },
        { 49, BY_NETWORK(", \"tag\": \"a,b\""), 400, "tag" },
        { 1, BY_NETWORK(", \"fixed_ips\": []"), 400, "fixed_ips" },
        { 1, BY_NETWORK(", \"fixed_ips\": [{\"ip_address\": \"10.0.0.9\"}, {\"ip_address\": \"10.0.0.10\"}]"), 400,
          "fixed_ips" },
        { 1, BY_NETWORK(", \"fixed_ips\": [{\"ip_address\": \"here\"}]"), 400, "ip_address" },
        { 1, BY_NETWORK(", \"fixed_ips\": [{}]"), 400, "ip_address" },
        { 1, BY_NETWORK(", \"fixed_ips\": [{\"ip_address\": \"10.9.0.9\"}]"), 400,
          "Fixed IP 10.9.0.9 is not a valid ip address for network " SEED_NETWORK "." },
        { 1, WISH("\"net_id\": \"x\""), 400, "net_id" },
        { 1, WISH("\"net\": \"x\""), 400, "net" },
        { 1, "{\"interface\": {}}", 400, "interface" },
        { 1, WISH("\"net_id\": \"" SEED_NOBODY "\""), 404, "Network " SEED_NOBODY " could not be found." },
        { 1, WISH("\"net_id\": \"" SEED_NETWORK_FOREIGN "\""), 404,
          "Network " SEED_NETWORK_FOREIGN " could not be found." },
        { 1, BY_PORT(SEED_NOBODY), 404, "Port id " SEED_NOBODY " could not be found." },
        { 1, BY_PORT(SEED_PORT_USED), 409, "Port " SEED_PORT_USED " is still in use." },
        { 1, BY_PORT(ITS_PORT), 409, "Port " ITS_PORT " is still in use." },
        { 1, BY_PORT(HIS_PORT), 400, "Port " HIS_PORT " not usable for instance " ONE "." },
        { 1, BY_PORT(BARE_PORT), 400, "Port " BARE_PORT " requires a FixedIP in order to be used." },
        { 1, BY_PORT(WIRE_PORT), 403,
          "It is not allowed to create an interface on external network " SEED_NETWORK_FOREIGN },
    };
    const char *const state_sql =
        "SELECT (SELECT count(*) FROM task) + (SELECT count(*) FROM port) + (SELECT count(*) FROM port WHERE device_id = '" ONE
        "') + (SELECT count(*) FROM address) + (SELECT coalesce(sum(used), 0) FROM quota_usage)";

    (void)state;
    must(
        "INSERT INTO port (id, network_id, project_id, mac) VALUES ('" HIS_PORT "', '" SEED_NETWORK "', '" SEED_OTHER
        "', 'fa:16:3e:00:00:33'), ('" BARE_PORT "', '" SEED_NETWORK "', '" SEED_PROJECT
        "', 'fa:16:3e:00:00:44'), ('" WIRE_PORT "', '" SEED_NETWORK_FOREIGN "', '" SEED_PROJECT
        "', 'fa:16:3e:00:00:55');"
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), 'x', 'network', '" SEED_NETWORK_FOREIGN
        "', 'access_as_external', '*')");
    const int64_t before = count(state_sql);

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        const int status = attach(CASES[i].minor, CASES[i].body);

        if (status != CASES[i].status || strstr(nova->http.body.buf, CASES[i].words) == NULL) {
            fail_msg("%s: %d %s, wanted %d %s", CASES[i].body, status, nova->http.body.buf, CASES[i].status,
                     CASES[i].words);
        }
        assert_int_equal(count(state_sql), before);
    }
}

static void who_may_and_when(void **state)
{
    static const struct {
        const char *sql;
        int status;
        const char *words;
    } CASES[] = {
        { "UPDATE server SET vm_state = 'suspended' WHERE id = '" ONE "'", 409,
          "Cannot 'attach_interface' instance " ONE " while it is in vm_state suspended" },
        { "UPDATE server SET vm_state = 'active', task_state = 'rebooting' WHERE id = '" ONE "'", 409,
          "Cannot 'attach_interface' instance " ONE " while it is in task_state rebooting" },
        { "UPDATE server SET task_state = NULL, locked = true, locked_by = 'admin' WHERE id = '" ONE "'", 409,
          "Instance " ONE " is locked" },
        { "UPDATE server SET locked = false, locked_by = NULL WHERE id = '" ONE "';"
          "INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('network', '" SEED_PROJECT
          "', 'port', 0)",
          403, "Maximum number of ports exceeded" },
        { "DELETE FROM quota_limit; UPDATE server SET vm_state = 'stopped' WHERE id = '" ONE "'", 200, "BUILD" },
    };

    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_READER, 1, "POST", INTERFACES, BY_NETWORK("")), 403);
    assert_int_equal(kn_test_nova_ask(nova, SEED_STRANGER, 1, "POST", INTERFACES, BY_NETWORK("")), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_STRANGER, 1, "GET", INTERFACES, NULL), 404);
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        must(CASES[i].sql);
        const int status = attach(1, BY_NETWORK(""));

        if (status != CASES[i].status || strstr(nova->http.body.buf, CASES[i].words) == NULL) {
            fail_msg("%s: %d %s, wanted %d %s", CASES[i].sql, status, nova->http.body.buf, CASES[i].status,
                     CASES[i].words);
        }
    }
}

/* An administrator's wish is for the server's project. */
static void by_an_administrator(void **state)
{
    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_ADMIN, 1, "POST", INTERFACES, BY_NETWORK("")), 200);
    expect_given(1, true);
    assert_int_equal(kn_test_nova_ask(nova, SEED_ADMIN, 1, "POST", INTERFACES, BY_PORT(SEED_PORT)), 200);
    expect_given(2, false);
}

static void as_many_as_fit(void **state)
{
    (void)state;
    for (int i = 1; i < KN_MAX_NICS; i++) {
        assert_int_equal(attach(1, BY_NETWORK("")), 200);
        expect_given(i, true);
    }
    assert_int_equal(attach(1, BY_NETWORK("")), 403);
    assert_string_equal(kn_test_nova_str(nova, "forbidden.message"),
                        "The maximum allowed number of network interfaces (16) to attach to a single instance has been "
                        "exceeded.");
}

static void no_address_is_left(void **state)
{
    (void)state;
    must(
        "UPDATE subnet SET pools = '[{\"start\": \"10.0.0.2\", \"end\": \"10.0.0.3\"}]' WHERE network_id = '" SEED_NETWORK
        "'; DELETE FROM address_ready");
    while (attach(1, BY_NETWORK("")) == 200) {
    }
    assert_int_equal(nova->http.status, 400);
    assert_string_equal(kn_test_nova_str(nova, "badRequest.message"),
                        "No fixed IP addresses available for network: " SEED_NETWORK);
}

static void out_again(void **state)
{
    (void)state;
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", INTERFACES "/" SEED_PORT, NULL), 404);
    assert_string_equal(kn_test_nova_str(nova, "itemNotFound.message"), "Port id " SEED_PORT " could not be found.");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", INTERFACES "/nothing", NULL), 404);
    must("UPDATE server SET task_state = NULL WHERE id = '" THREE "'");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", SERVERS "/" THREE "/os-interface/" ITS_PORT,
                                      NULL),
                     404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_STRANGER, 1, "DELETE", INTERFACES "/" ITS_PORT, NULL), 404);
    assert_int_equal(kn_test_nova_ask(nova, SEED_READER, 1, "DELETE", INTERFACES "/" ITS_PORT, NULL), 403);
    assert_int_equal(count("SELECT count(*) FROM task"), 0);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "DELETE", INTERFACES "/" ITS_PORT, NULL), 202);
    assert_int_equal(
        count("SELECT count(*) FROM task WHERE kind = 'server.detach_interface' AND input->>'port' = '" ITS_PORT
              "' AND object_id = '" ONE "'"),
        1);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "GET", INTERFACES "/" ITS_PORT, NULL),
                     200); /* until it is out */
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "GET", SERVERS "/" ONE "/os-instance-actions", NULL), 200);
    assert_string_equal(kn_test_nova_str(nova, "instanceActions.0.action"), "detach_interface");
}

static void *attach_beside(void *status)
{
    *(int *)status = attach(1, WISH("\"net_id\": \"" SEED_NETWORK_FOREIGN "\""));
    return NULL;
}

/* A network that its owner shares no more: he was first, and there is no port. */
static void of_a_network_that_is_shared_no_more(void **state)
{
    const int64_t deadline = kn_mono_ms() + 60000, before = count("SELECT count(*) FROM port");
    struct kn_error err = { 0 };
    AUTO_TX struct kn_tx tx = { NULL };
    pthread_t asker;
    int status = 0;

    (void)state;
    must(
        "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools) VALUES (gen_random_uuid(), '" SEED_NETWORK_FOREIGN
        "', '" SEED_OTHER "', 4, '10.7.0.0/24', '[{\"start\":\"10.7.0.2\",\"end\":\"10.7.0.254\"}]');"
        "INSERT INTO rbac_policy (id, project_id, object_type, object_id, action, target) VALUES (gen_random_uuid(), 'x', 'network', '" SEED_NETWORK_FOREIGN
        "', 'access_as_shared', '" SEED_PROJECT "')");
    assert_ok(kn_tx_begin(&tx, nova->db, &err), &err);
    must("DELETE FROM rbac_policy WHERE object_id = '" SEED_NETWORK_FOREIGN "'");
    assert_int_equal(pthread_create(&asker, NULL, attach_beside, &status), 0);
    while (count("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) {
        assert_true(kn_mono_ms() < deadline);
    }
    assert_ok(kn_tx_commit(&tx, &err), &err);
    pthread_join(asker, NULL);
    assert_int_equal(status, 404);
    assert_non_null(strstr(nova->http.body.buf, "Network " SEED_NETWORK_FOREIGN " could not be found."));
    assert_int_equal(count("SELECT count(*) FROM port"), before);
}

#define PORT_PATH "/network/v2.0/ports/" ITS_PORT

/* Who deletes a port by Neutron pulls it out of the guest; where that cannot be, the port stays. */
static void its_port_is_deleted(void **state)
{
    (void)state;
    must("UPDATE server SET vm_state = 'suspended' WHERE id = '" ONE "'");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 0, "DELETE", PORT_PATH, NULL), 409);
    assert_non_null(strstr(nova->http.body.buf, "Port already has an attached device " ONE));
    assert_int_equal(count("SELECT count(*) FROM task"), 0);
    must("UPDATE server SET vm_state = 'active' WHERE id = '" ONE "'");
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 0, "DELETE", PORT_PATH, NULL), 204);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 0, "GET", PORT_PATH, NULL), 404);
    assert_int_equal(
        count("SELECT count(*) FROM task WHERE kind = 'server.drop_interface' AND input->>'port' = '" ITS_PORT
              "' AND object_id = '" ONE "' AND state = 'run'"),
        1);
    assert_int_equal(kn_test_nova_ask(nova, SEED_MEMBER, 1, "GET", SERVERS "/" ONE "/os-instance-actions", NULL), 200);
    assert_null(kn_test_nova_at(nova, "instanceActions.0")); /* nobody asked compute for it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_port_is_made, five_servers_fresh),
        cmocka_unit_test_setup(at_an_address, five_servers_fresh),
        cmocka_unit_test_setup(of_which_nothing_is_said, five_servers_fresh),
        cmocka_unit_test_setup(a_port_is_given, five_servers_fresh),
        cmocka_unit_test_setup(what_is_refused, five_servers_fresh),
        cmocka_unit_test_setup(who_may_and_when, five_servers_fresh),
        cmocka_unit_test_setup(by_an_administrator, five_servers_fresh),
        cmocka_unit_test_setup(as_many_as_fit, five_servers_fresh),
        cmocka_unit_test_setup(no_address_is_left, five_servers_fresh),
        cmocka_unit_test_setup(out_again, five_servers_fresh),
        cmocka_unit_test_setup(its_port_is_deleted, five_servers_fresh),
        cmocka_unit_test_setup(of_a_network_that_is_shared_no_more, five_servers_fresh),
    };

    return cmocka_run_group_tests(tests, kn_seed_group_setup, kn_seed_group_teardown);
}
