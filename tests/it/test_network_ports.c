/* SPDX-License-Identifier: Apache-2.0 */
/* Ports on a real PostgreSQL: allocation in batches, idempotence, addresses, named ports, binding, release, what fails and how. */
#include "tests/support/postgres.h"
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "network/serve/batch.h"
#include "tests/support/own_database.h"

#define NET "11111111-1111-4111-8111-111111111111"
#define SUB "22222222-2222-4222-8222-222222222222"
#define BIG "33333333-3333-4333-8333-333333333333"
#define BIG_SUB "44444444-4444-4444-8444-444444444444"
#define BARE "55555555-5555-4555-8555-555555555555"
#define PORT "66666666-6666-4666-8666-666666666666"
#define NOBODY "99999999-9999-4999-8999-999999999999"

static struct kn_db *db;
static struct kn_error err;

static const char FIXTURE[] = KN_TEST_EMPTY(
    "address, address_ready, port_binding, port_security_group, port, subnet, network, host, agent, quota_usage, quota_limit") "INSERT INTO network (id, project_id, name, vni) VALUES ('" NET
                                                                                                                               "', 'p', 'small', 1), ('" BIG
                                                                                                                               "', 'p', 'big', 2),"
                                                                                                                               " ('" BARE
                                                                                                                               "', 'p', 'bare', 3);"
                                                                                                                               "INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, gateway_ip, enable_dhcp, dns_nameservers, pools)"
                                                                                                                               " VALUES ('" SUB
                                                                                                                               "', '" NET
                                                                                                                               "', 'p', 4, '10.0.0.0/29', '10.0.0.1', true, '{8.8.8.8}',"
                                                                                                                               "  '[{\"start\":\"10.0.0.2\",\"end\":\"10.0.0.6\"}]'),"
                                                                                                                               " ('" BIG_SUB
                                                                                                                               "', '" BIG
                                                                                                                               "', 'p', 4, '10.8.0.0/16', NULL, false, '{}',"
                                                                                                                               "  '[{\"start\":\"10.8.0.1\",\"end\":\"10.8.255.254\"}]');"
                                                                                                                               "INSERT INTO agent (id, boot) VALUES ('a', 'b');"
                                                                                                                               "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type,"
                                                                                                                               " hypervisor_version) VALUES ('h1', gen_random_uuid(), 'a', 'nova', '192.0.2.1', 1, 1, 1, 100, 'QEMU', 1),"
                                                                                                                               " ('h2', gen_random_uuid(), 'a', 'nova', '192.0.2.2', 1, 1, 1, 100, 'QEMU', 1),"
                                                                                                                               " ('s1', gen_random_uuid(), 'a', 'nova', NULL, 1, 1, 1, 100, 'sim', 1);";

static int setup(void **state)
{
    (void)state;
    db = kn_own_database_start("ports");
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    assert_ok(kn_db_script(db, FIXTURE, &err), &err);
    return 0;
}

static int64_t number(const char *sql)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, 0);
}

static void server_id(int n, char out[KN_UUID_SIZE])
{
    snprintf(out, KN_UUID_SIZE, "aaaaaaaa-0000-4000-8000-%012d", n);
}

/* A command, made of JSON. */
struct command {
    struct kn_message message;
    struct kn_network_outcome outcome;
};

static struct command *command(const char *type, int server, const char *more)
{
    struct command *c = KN_NEW(struct command);
    char id[KN_UUID_SIZE];

    server_id(server, id);
    AUTO_FREE char *text = kn_asprintf("{\"server\":\"%s\",\"project\":\"p\",\"hostname\":\"vm\"%s}", id, more);
    json_t *body = json_loads(text, 0, NULL);

    assert_non_null(body);
    kn_message_init(&c->message, type, body);
    c->outcome.command = &c->message;
    return c;
}

static void drop(struct command *c)
{
    json_decref(c->outcome.result);
    kn_message_release(&c->message);
    free(c);
}

/* What tests write by hand is counted by hand. */
#define COUNTED \
    "DELETE FROM quota_usage; INSERT INTO quota_usage SELECT service, project_id, resource, used FROM quota_fact"

static int allocate(struct command **commands, int count)
{
    AUTO_FREE struct kn_network_outcome **outcomes = kn_realloc_array(NULL, (size_t)count,
                                                                      sizeof(struct kn_network_outcome *));
    AUTO_TX struct kn_tx tx = { NULL };

    for (int i = 0; i < count; i++) {
        outcomes[i] = &commands[i]->outcome;
    }
    struct kn_network_touched touched = { .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };
    int rc = kn_tx_begin(&tx, db, &err) == 0 && kn_network_ports_allocate(db, outcomes, count, &touched, &err) == 0 &&
                     kn_quota_take(db, &touched.claims, &err) == 0
                 ? kn_tx_commit(&tx, &err)
                 : -1;
    kn_quota_claims_release(&touched.claims);
    return rc;
}

static struct command *allocated(int server, const char *requests)
{
    AUTO_FREE char *more = kn_asprintf(",\"requests\":[%s]", requests);
    struct command *c = command("port.allocate", server, more);

    assert_ok(allocate(&c, 1), &err);
    return c;
}

static const json_t *nic(const struct command *c, size_t n)
{
    return json_array_get(json_object_get(c->outcome.result, "nics"), n);
}

static const char *ip(const struct command *c, size_t n)
{
    return kn_json_str(json_array_get(json_object_get(nic(c, n), "ips"), 0), "address");
}

static void test_shape_of_a_nic(void **state)
{
    (void)state;
    struct command *c = allocated(1, "{\"network\":\"" NET "\",\"tag\":\"front\"}");
    const json_t *n = nic(c, 0), *address = json_array_get(json_object_get(n, "ips"), 0);

    assert_false(c->outcome.failed);
    assert_string_equal(kn_json_str(n, "network_name"), "small");
    assert_string_equal(kn_json_str(n, "tag"), "front");
    assert_memory_equal(kn_json_str(n, "mac"), "fa:16:3e:", 9);
    assert_memory_equal(kn_json_str(n, "tap"), "tap", 3);
    assert_memory_equal(kn_json_str(n, "tap") + 3, kn_json_str(n, "port"), 11);
    assert_int_equal(kn_json_int(n, "vni"), 1);
    assert_int_equal(kn_json_int(n, "mtu"), 1450);
    assert_string_equal(kn_json_str(n, "dhcp_ip"), "10.0.0.2"); /* the DHCP port came first */
    assert_memory_equal(kn_json_str(n, "dhcp_mac"), "fa:16:3e:", 9);
    assert_string_equal(kn_json_str(address, "address"), "10.0.0.3");
    assert_string_equal(kn_json_str(address, "gateway"), "10.0.0.1");
    assert_int_equal(kn_json_int(address, "prefix"), 29);
    assert_string_equal(json_string_value(json_array_get(json_object_get(address, "dns"), 0)), "8.8.8.8");
    assert_int_equal(number("SELECT count(*) FROM port WHERE device_owner = 'network:dhcp'"), 1);
    drop(c);
}

static void test_again_is_the_same(void **state)
{
    (void)state;
    struct command *a = allocated(1, "{\"network\":\"" BIG "\"},{\"network\":\"" NET "\"}");
    struct command *b = allocated(1, "{\"network\":\"" BIG "\"},{\"network\":\"" NET "\"}");

    assert_int_equal(json_array_size(json_object_get(a->outcome.result, "nics")), 2);
    assert_true(json_equal(a->outcome.result, b->outcome.result));
    assert_int_equal(number("SELECT count(*) FROM port WHERE made_for_server"), 2);
    drop(a);
    drop(b);
}

static void test_twice_in_one_batch(void **state)
{
    (void)state;
    struct command *c[2];

    for (int i = 0; i < 2; i++) {
        c[i] = command("port.allocate", 1, ",\"requests\":[{\"network\":\"" BIG "\"}]");
    }
    assert_ok(allocate(c, 2), &err);
    assert_true(json_equal(c[0]->outcome.result, c[1]->outcome.result));
    assert_int_equal(number("SELECT count(*) FROM port"), 1);
    drop(c[0]);
    drop(c[1]);
}

#define MANY 500

static void test_many_get_different_addresses(void **state)
{
    (void)state;
    static struct command *c[MANY];

    for (int i = 0; i < MANY; i++) {
        c[i] = command("port.allocate", i, ",\"requests\":[{\"network\":\"" BIG "\"}]");
    }
    assert_ok(allocate(c, MANY), &err);
    assert_string_equal(ip(c[0], 0), "10.8.0.1");
    assert_string_equal(ip(c[MANY - 1], 0), "10.8.1.244");
    assert_int_equal(number("SELECT count(DISTINCT ip) FROM address"), MANY);
    for (int i = 0; i < MANY; i++) {
        assert_false(c[i]->outcome.failed);
        drop(c[i]);
    }
}

/* Every 168th MAC is taken: three of 500 that were only drawn would be, too. */
static void test_many_macs_on_a_crowded_network(void **state)
{
    (void)state;
    static struct command *c[MANY];

    assert_ok(
        kn_db_script(
            db,
            "INSERT INTO port (id, network_id, project_id, mac) SELECT gen_random_uuid(), '" BIG "', 'p',"
            " ('fa:16:3e:' || lpad(to_hex(n * 168 >> 16), 2, '0') || ':' || lpad(to_hex(n * 168 >> 8 & 255), 2, '0')"
            "  || ':' || lpad(to_hex(n * 168 & 255), 2, '0'))::macaddr FROM generate_series(0, 99863) n",
            &err),
        &err);
    for (int i = 0; i < MANY; i++) {
        c[i] = command("port.allocate", i, ",\"requests\":[{\"network\":\"" BIG "\"}]");
    }
    for (int i = 0; i < MANY; i += 100) {
        assert_ok(allocate(c + i, 100), &err);
    }
    for (int i = 0; i < MANY; i++) {
        drop(c[i]);
    }
}

static void test_full_subnet_wraps_then_says_so(void **state)
{
    (void)state;
    struct command *c[5];

    for (int i = 0; i < 5; i++) { /* one address is the DHCP port's: the last server gets none */
        c[i] = allocated(i, "{\"network\":\"" NET "\"}");
    }
    assert_string_equal(ip(c[3], 0), "10.0.0.6");
    assert_true(c[4]->outcome.failed);
    assert_int_equal(c[4]->outcome.error.code, KN_CONFLICT);
    assert_string_equal(c[4]->outcome.error.message, "No more IP addresses available on network " NET ".");
    drop(c[4]);
    assert_ok(kn_db_script(db, "DELETE FROM port WHERE id = (SELECT port_id FROM address WHERE ip = '10.0.0.4')", &err),
              &err);
    c[4] = allocated(9, "{\"network\":\"" NET "\"}");
    assert_string_equal(ip(c[4], 0), "10.0.0.4");
    for (int i = 0; i < 5; i++) {
        drop(c[i]);
    }
}

static void test_named_address(void **state)
{
    (void)state;
    struct command *a = allocated(1, "{\"network\":\"" NET "\",\"fixed_ip\":\"10.0.0.3\"}");
    struct command *b = allocated(2, "{\"network\":\"" NET "\"}");
    struct command *c = allocated(3, "{\"network\":\"" NET "\",\"fixed_ip\":\"10.0.0.3\"}");
    struct command *d = allocated(4, "{\"network\":\"" NET "\",\"fixed_ip\":\"10.0.0.7\"}");

    assert_string_equal(ip(a, 0), "10.0.0.3");
    assert_string_equal(ip(b, 0), "10.0.0.4");
    assert_string_equal(c->outcome.error.message, "IP address 10.0.0.3 already allocated in subnet " SUB);
    assert_int_equal(d->outcome.error.code, KN_BAD_REQUEST); /* the broadcast address */
    drop(a);
    drop(b);
    drop(c);
    drop(d);
}

static void insert_port(void)
{
    assert_ok(kn_db_script(db,
                           "INSERT INTO port (id, network_id, project_id, mac) VALUES ('" PORT "', '" NET
                           "', 'p', 'fa:16:3e:00:00:01');"
                           "INSERT INTO address VALUES ('" SUB "', '10.0.0.5', '" PORT "')",
                           &err),
              &err);
}

/* Ports made for servers count; within a batch as well; one that fails takes nothing; deleted ones are given back. */
static void test_quota(void **state)
{
    struct command *three[3], *named, *after;

    (void)state;
    insert_port();
    assert_ok(
        kn_db_script(
            db,
            "DELETE FROM quota_limit; INSERT INTO quota_limit (service, project_id, resource, hard_limit) VALUES ('network', 'p', 'port', 4); " COUNTED
            "",
            &err),
        &err);
    three[0] = command("port.allocate", 1, ",\"requests\":[{\"network\":\"" BIG "\"}]");
    three[1] = command("port.allocate", 2,
                       ",\"requests\":[{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"}]");
    three[2] = command("port.allocate", 3, ",\"requests\":[{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"}]");
    assert_ok(allocate(three, 3), &err);
    assert_false(three[0]->outcome.failed);
    assert_int_equal(three[1]->outcome.error.code, KN_QUOTA);
    assert_string_equal(three[1]->outcome.error.message,
                        "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
    assert_false(three[2]->outcome.failed);
    assert_int_equal(number("SELECT count(*) FROM port WHERE made_for_server"), 3);
    named = allocated(4, "{\"port\":\"" PORT "\"}"); /* counted already */
    assert_false(named->outcome.failed);
    after = allocated(5, "{\"network\":\"" BIG "\"}");
    assert_int_equal(after->outcome.error.code, KN_QUOTA);
    drop(after);
    assert_ok(kn_db_script(db, "DELETE FROM port WHERE device_id LIKE '%000000000003'; " COUNTED, &err), &err);
    after = allocated(5, "{\"network\":\"" BIG "\"}");
    assert_false(after->outcome.failed);
    assert_ok(kn_db_script(db, "UPDATE quota_limit SET hard_limit = -1", &err), &err);
    drop(after);
    after = allocated(6, "{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"}");
    assert_false(after->outcome.failed);
    drop(after);
    drop(named);
    for (size_t i = 0; i < 3; i++) {
        drop(three[i]);
    }
    assert_ok(kn_db_script(db, "DELETE FROM quota_limit", &err), &err);
}

static void test_named_port(void **state)
{
    (void)state;
    insert_port();
    struct command *a = allocated(1, "{\"network\":\"" BIG "\"},{\"port\":\"" PORT "\",\"tag\":\"t\"}");
    struct command *again = allocated(1, "{\"network\":\"" BIG "\"},{\"port\":\"" PORT "\",\"tag\":\"t\"}");
    struct command *b = allocated(2, "{\"network\":\"" BIG "\"},{\"port\":\"" PORT "\"}");
    struct command *c = allocated(3, "{\"port\":\"" NOBODY "\"}");

    assert_string_equal(ip(a, 1), "10.0.0.5");
    assert_string_equal(kn_json_str(nic(a, 1), "port"), PORT);
    assert_true(json_equal(a->outcome.result, again->outcome.result));
    assert_int_equal(b->outcome.error.code, KN_CONFLICT);
    assert_string_equal(b->outcome.error.message, "Port " PORT " is still in use.");
    assert_int_equal(number("SELECT count(*) FROM port WHERE made_for_server"),
                     1); /* nothing was made for the one that failed */
    assert_int_equal(c->outcome.error.code, KN_NOT_FOUND);
    drop(a);
    drop(again);
    drop(b);
    drop(c);
}

static void test_what_is_wrong_with_a_network(void **state)
{
    (void)state;
    struct command *a = allocated(1, "{\"network\":\"" NOBODY "\"}");
    struct command *b = allocated(2, "{\"network\":\"" BARE "\"}");
    struct command *c = allocated(3, "{\"network\":\"x' OR 1=1\"}");
    struct command *d = allocated(4, "");

    assert_int_equal(a->outcome.error.code, KN_NOT_FOUND);
    assert_int_equal(b->outcome.error.code, KN_BAD_REQUEST);
    assert_int_equal(c->outcome.error.code, KN_NOT_FOUND);
    assert_false(d->outcome.failed);
    assert_int_equal(json_array_size(json_object_get(d->outcome.result, "nics")), 0);
    drop(a);
    drop(b);
    drop(c);
    drop(d);
}

#define CHANGES "SELECT count(*) FROM network_change"

static void forget_changes(struct kn_network_touched *touched)
{
    touched->changes = false;
    assert_ok(kn_db_script(db, "DELETE FROM network_change", &err), &err);
}

static void place(int server, const char *host, struct kn_network_touched *touched)
{
    AUTO_FREE char *more = kn_asprintf(",\"host\":\"%s\"", host);
    struct command *c = command("port.bind", server, more);
    struct kn_network_outcome *outcome = &c->outcome;

    assert_ok(kn_network_ports_bind(db, &outcome, 1, touched, &err), &err);
    drop(c);
}

static void release(int server, struct kn_network_touched *touched)
{
    struct command *c = command("port.release", server, "");
    struct kn_network_outcome *outcome = &c->outcome;

    assert_ok(kn_network_ports_release(db, &outcome, 1, touched, &err), &err);
    drop(c);
}

static void test_bind_touches_networks_of_real_hosts_only(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim" };

    drop(allocated(1, "{\"network\":\"" NET "\"},{\"network\":\"" BIG "\"}"));
    place(1, "s1", &touched);
    assert_false(touched.changes);
    assert_int_equal(number(CHANGES), 0);
    assert_int_equal(
        number(
            "SELECT count(*) FROM port p JOIN port_binding b ON b.port_id = p.id WHERE b.host = 's1' AND b.state = 'active' AND p.device_owner = 'compute:nova'"),
        2);
    place(1, "h1", &touched);
    assert_true(touched.changes);
    assert_int_equal(number(CHANGES " WHERE hosts = '{h1}' AND placed"), 2);
}

static void test_release(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };

    insert_port();
    drop(allocated(1, "{\"network\":\"" BIG "\"},{\"port\":\"" PORT "\"}"));
    drop(allocated(2, "{\"network\":\"" BIG "\"}"));
    place(1, "h1", &touched);
    forget_changes(&touched);
    release(1, &touched);
    assert_true(touched.changes);
    assert_int_equal(number(CHANGES " WHERE hosts = '{h1}'"), 2);
    assert_int_equal(number("SELECT count(*) FROM port WHERE made_for_server"), 1);
    assert_int_equal(number("SELECT count(*) FROM port WHERE id = '" PORT "' AND device_id = '' AND nic IS NULL"), 1);
    assert_int_equal(number("SELECT count(*) FROM port_binding"), 0);
    assert_int_equal(number("SELECT count(*) FROM address"), 3); /* the given port's, server 2's, the DHCP port's */
    forget_changes(&touched);
    release(1, &touched); /* of nothing is fine */
    assert_false(touched.changes);
    assert_int_equal(kn_quota_claimed(&touched.claims, "p", KN_QUOTA_PORT),
                     -1); /* once, and not the one that it was given */
    kn_quota_claims_release(&touched.claims);
}

static struct kn_error bind_as(int server, const char *host, const char *as, struct kn_network_touched *touched)
{
    AUTO_FREE char *more = kn_asprintf(",\"host\":\"%s\",\"state\":\"%s\"", host, as);
    struct command *c = command("port.bind", server, more);
    struct kn_network_outcome *outcome = &c->outcome;
    struct kn_error why;

    assert_ok(kn_network_ports_bind(db, &outcome, 1, touched, &err), &err);
    why = outcome->error;
    drop(c);
    return why;
}

#define ASKED "SELECT count(*) FROM port WHERE id = '" PORT "' AND host_asked = 'h9'"
#define ASK "UPDATE port SET host_asked = 'h9' WHERE id = '" PORT "'"

/* Where an administrator wanted it is forgotten where a server has it; while one is only about to move there, it is not. */
static void test_a_real_binding_ends_what_was_asked(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };
    struct command *attach;

    insert_port();
    assert_ok(kn_db_script(db, ASK, &err), &err);
    drop(allocated(1, "{\"port\":\"" PORT "\"}"));
    assert_int_equal(bind_as(1, "h2", "inactive", &touched).code, KN_OK);
    assert_int_equal(number(ASKED), 1);
    place(1, "h1", &touched);
    assert_int_equal(number(ASKED), 0);

    assert_ok(kn_db_script(db, ASK "; DELETE FROM port_binding", &err), &err);
    attach = command("port.attach", 1, ",\"host\":\"h1\",\"port\":\"" PORT "\"");
    assert_ok(kn_network_ports_attach(db, (struct kn_network_outcome *[]){ &attach->outcome }, 1, &touched, &err),
              &err);
    assert_int_equal(number(ASKED), 0);
    drop(attach);
    release(1, &touched);
    assert_int_equal(number("SELECT count(*) FROM port WHERE id = '" PORT "' AND host_asked = ''"), 1);
    kn_quota_claims_release(&touched.claims);
}

static void expect_one_group(const struct command *c)
{
    const json_t *groups = json_object_get(c->outcome.result, "group_ids");
    AUTO_FREE char *sql = kn_asprintf("SELECT count(DISTINCT group_id) FROM port_security_group WHERE group_id = '%s'",
                                      json_string_value(json_array_get(groups, 0)));

    assert_int_equal(json_array_size(groups), 1);
    assert_int_equal(number(sql), 1);
}

/* Of ports that were made, again of the same, and of one that was there: each group once. */
static void test_groups_are_answered(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };
    struct command *made = allocated(1, "{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"}"), *again, *taken;

    expect_one_group(made);
    again = allocated(1, "{\"network\":\"" BIG "\"},{\"network\":\"" BIG "\"}");
    expect_one_group(again);
    assert_ok(
        kn_db_script(
            db, "UPDATE port SET device_id = '', device_owner = '', nic = NULL, made_for_server = false WHERE nic = 1",
            &err),
        &err);
    AUTO_FREE char *it = kn_asprintf("{\"port\":\"%s\"}", kn_json_str(nic(made, 1), "port"));

    taken = allocated(2, it);
    expect_one_group(taken);
    drop(taken);
    drop(again);
    drop(made);
    release(1, &touched);
    release(2, &touched);
    kn_quota_claims_release(&touched.claims);
}

#define BOUND(host, state) "SELECT count(*) FROM port_binding WHERE host = '" host "' AND state = '" state "'"

/* The server moves from h1 to h2: its port is bound to both, active on one; whichever it becomes active on, it is so nowhere else. */
static void test_two_bindings_of_one_port(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim" };

    drop(allocated(1, "{\"network\":\"" BIG "\"}"));
    place(1, "h1", &touched);
    assert_int_equal(bind_as(1, "h2", "inactive", &touched).code, KN_OK);
    assert_int_equal(bind_as(1, "h2", "inactive", &touched).code, KN_OK); /* twice is once */
    assert_int_equal(bind_as(1, "h1", "inactive", &touched).code, KN_OK); /* it is there, and stays active */
    assert_int_equal(number(BOUND("h1", "active")), 1);
    assert_int_equal(number(BOUND("h2", "inactive")), 1);
    /* The database keeps to one, whatever anybody writes. */
    assert_int_equal(kn_db_script(db, "UPDATE port_binding SET state = 'active'", &err), -1);
    assert_int_equal(err.code, KN_CONFLICT);

    forget_changes(&touched);
    place(1, "h2", &touched);
    assert_true(touched.changes); /* both hosts hear of it */
    assert_int_equal(number(CHANGES " WHERE hosts @> '{h1,h2}'"), 1);
    assert_int_equal(number(BOUND("h2", "active")), 1);
    assert_int_equal(number("SELECT count(*) FROM port_binding"), 1);
    assert_int_equal(bind_as(1, "h1", "passive", &touched).code, KN_BAD_REQUEST);
    assert_int_equal(number("SELECT count(*) FROM port_binding"), 1);
}

/* A move that failed: the binding of the host where it would have gone ends, the port and where it lives stay. */
static void test_one_binding_ends_alone(void **state)
{
    (void)state;
    struct kn_network_touched touched = { .silent = "sim", .claims = KN_QUOTA_CLAIMS("network") };
    struct command *c;
    struct kn_network_outcome *outcome;

    drop(allocated(1, "{\"network\":\"" BIG "\"}"));
    place(1, "h1", &touched);
    bind_as(1, "h2", "inactive", &touched);
    forget_changes(&touched);
    c = command("port.release", 1, ",\"host\":\"h2\"");
    outcome = &c->outcome;
    assert_ok(kn_network_ports_release(db, &outcome, 1, &touched, &err), &err);
    assert_int_equal(number(CHANGES " WHERE hosts = '{h2}'"), 1);
    assert_int_equal(number(BOUND("h1", "active")), 1);
    assert_int_equal(number("SELECT count(*) FROM port_binding"), 1);
    assert_int_equal(number("SELECT count(*) FROM port WHERE made_for_server AND nic = 0"), 1);
    bind_as(1, "h2", "inactive", &touched);
    release(1, &touched); /* the server's end: both */
    assert_int_equal(number("SELECT count(*) FROM port_binding"), 0);
    drop(c);
    kn_quota_claims_release(&touched.claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_shape_of_a_nic, fresh),
        cmocka_unit_test_setup(test_again_is_the_same, fresh),
        cmocka_unit_test_setup(test_twice_in_one_batch, fresh),
        cmocka_unit_test_setup(test_many_get_different_addresses, fresh),
        cmocka_unit_test_setup(test_many_macs_on_a_crowded_network, fresh),
        cmocka_unit_test_setup(test_full_subnet_wraps_then_says_so, fresh),
        cmocka_unit_test_setup(test_named_address, fresh),
        cmocka_unit_test_setup(test_quota, fresh),
        cmocka_unit_test_setup(test_named_port, fresh),
        cmocka_unit_test_setup(test_what_is_wrong_with_a_network, fresh),
        cmocka_unit_test_setup(test_bind_touches_networks_of_real_hosts_only, fresh),
        cmocka_unit_test_setup(test_release, fresh),
        cmocka_unit_test_setup(test_a_real_binding_ends_what_was_asked, fresh),
        cmocka_unit_test_setup(test_two_bindings_of_one_port, fresh),
        cmocka_unit_test_setup(test_groups_are_answered, fresh),
        cmocka_unit_test_setup(test_one_binding_ends_alone, fresh),
    };
    return cmocka_run_group_tests(tests, setup, kn_own_database_teardown);
}
