/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports that come together: of many who ask at the same time each gets his own, whatever is wrong with others' bodies, and exactly the quota; those of one body are
 * made all or none, in their order.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define CLIENTS 16
#define EACH 12

static char network[KN_UUID_SIZE];

static int fresh(void **state)
{
    AUTO_FREE char *body = NULL;

    kn_neutron_fresh(state);
    kn_copy(network, sizeof(network), neutron_network(ALICE, ""));
    body = kn_asprintf("{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.0.0.0/22\"}}", network);
    neutron_say(201, ALICE, "POST /subnets", body);
    return 0;
}

static int64_t crowd_count(const char *from)
{
    AUTO_FREE char *sql = kn_asprintf("SELECT %s", from);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_neutron.db, sql, 0, KN_NO_ARGS, &rows, &err), &err);
    return kn_rows_int(rows, 0, KN_ONLY);
}

/* Every third says something that is wrong. */
struct crowd_client {
    int number;
    int made, refused, others;
};

static void *post_ports(void *arg)
{
    struct crowd_client *client = arg;
    struct kn_test_http http = kn_test_http_open(kn_neutron.http.port);

    for (int i = 0; i < EACH; i++) {
        const bool is_wrong = (client->number + i) % 3 == 0;
        AUTO_FREE char *body = kn_asprintf("{\"port\":{\"network_id\":\"%s\",\"name\":\"n\"%s}}", network,
                                           is_wrong ? ",\"security_groups\":[\""
                                                      "99999999-9999-4999-8999-999999999999"
                                                      "\"]"
                                                    : "");

        kn_test_http_ask(&http, "POST", "/network/v2.0/ports", ALICE "Content-Type: application/json\r\n", body);
        client->made += http.status == 201;
        client->refused += http.status == (is_wrong ? 404 : 409);
        client->others += http.status != 201 && http.status != (is_wrong ? 404 : 409);
    }
    kn_test_http_close(&http);
    return NULL;
}

static struct crowd_client crowd(void)
{
    struct crowd_client clients[CLIENTS] = { 0 }, sum = { 0 };
    pthread_t threads[CLIENTS];

    for (int i = 0; i < CLIENTS; i++) {
        clients[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, post_ports, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum.made += clients[i].made;
        sum.refused += clients[i].refused;
        sum.others += clients[i].others;
    }
    return sum;
}

static void test_each_gets_his_own(void **state)
{
    struct crowd_client sum;

    (void)state;
    neutron_say(200, KN_TEST_TOKEN("ad", "admin"), "PUT /quotas/a11ce", "{\"quota\":{\"port\":-1}}");
    sum = crowd();
    assert_int_equal(sum.others, 0);
    assert_int_equal(sum.made, CLIENTS * EACH * 2 / 3);
    assert_int_equal(crowd_count("count(*) FROM port WHERE name = 'n'"), sum.made);
    assert_int_equal(
        crowd_count("count(DISTINCT a.ip) FROM port p JOIN address a ON a.port_id = p.id WHERE p.name = 'n'"),
        sum.made);
    assert_int_equal(crowd_count("count(DISTINCT mac) FROM port WHERE name = 'n'"), sum.made);
    assert_int_equal(crowd_count("count(*) FROM port_security_group"), sum.made);
    assert_int_equal(
        crowd_count(
            "count(*) FROM quota_fact f JOIN quota_usage u USING (service, project_id, resource) WHERE f.used <> u.used"),
        0);
}

static void test_a_crowd_gets_exactly_the_quota(void **state)
{
    struct crowd_client sum;

    (void)state;
    neutron_say(200, KN_TEST_TOKEN("ad", "admin"), "PUT /quotas/a11ce", "{\"quota\":{\"port\":50}}");
    sum = crowd();
    assert_int_equal(sum.others, 0);
    assert_int_equal(crowd_count("count(*) FROM port WHERE device_owner = ''"), 50);
    assert_int_equal(crowd_count("used FROM quota_usage WHERE project_id = 'a11ce' AND resource = 'port'"), 50);
}

/* Each wants the address that all want: one has it, and the others hear whose word it was. */
static void *move_port(void *arg)
{
    struct crowd_client *client = arg;
    struct kn_test_http http = kn_test_http_open(kn_neutron.http.port);
    AUTO_FREE char *name = kn_asprintf("crowd_%d", client->number), *path = NULL;
    AUTO_FREE char *body = kn_asprintf("{\"port\":{\"network_id\":\"%s\",\"name\":\"%s\"}}", network, name);

    kn_test_http_ask(&http, "POST", "/network/v2.0/ports", ALICE "Content-Type: application/json\r\n", body);
    json_auto_t *made = json_loads(http.body.buf, 0, NULL);

    path = kn_asprintf("/network/v2.0/ports/%s",
                       json_string_value(json_object_get(json_object_get(made, "port"), "id")));
    for (int i = 0; i < EACH; i++) {
        AUTO_FREE char *wish = kn_asprintf("{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.3.%d\"}]}}", 10 + i);

        kn_test_http_ask(&http, "PUT", path, ALICE "Content-Type: application/json\r\n", wish);
        client->made += http.status == 200;
        client->refused += http.status == 409 && strstr(http.body.buf, "\"IpAddressAlreadyAllocated\"") != NULL;
    }
    kn_test_http_close(&http);
    return NULL;
}

static void test_all_want_one_address(void **state)
{
    struct crowd_client clients[CLIENTS] = { 0 };
    pthread_t threads[CLIENTS];
    int made = 0, refused = 0;

    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, move_port, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        made += clients[i].made;
        refused += clients[i].refused;
    }
    assert_int_equal(made + refused, CLIENTS * EACH);
    assert_true(made >= EACH);
    assert_true(refused > 0);
    assert_int_equal(crowd_count("count(*) FROM (SELECT ip FROM address GROUP BY ip HAVING count(*) > 1) a"), 0);
}

/*
 * A network's first subnets made, taken away and drawn of at the same time, and the network changed: each hears what is so, and nobody that the database cannot
 * (it cannot where two wait for each other).
 */
#define ROUNDS 12

struct crowd_builder {
    int number, failed;
};

static void *build_up_and_down(void *arg)
{
    struct crowd_builder *builder = arg;
    struct kn_test_http http = kn_test_http_open(kn_neutron.http.port);
    AUTO_FREE char *port = kn_asprintf("{\"port\":{\"network_id\":\"%s\"}}", network),
                   *named = kn_asprintf("/network/v2.0/networks/%s", network);

    for (int i = 0; i < 3; i++) {
        AUTO_FREE char *subnet =
            kn_asprintf("{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.%d.%d.0/24\"}}", network,
                        builder->number + 1, i);

        if (builder->number % 4 < 2) {
            kn_test_http_ask(&http, "POST", "/network/v2.0/subnets", ALICE "Content-Type: application/json\r\n",
                             subnet);
        } else if (builder->number % 4 == 2) {
            kn_test_http_ask(&http, "POST", "/network/v2.0/ports", ALICE "Content-Type: application/json\r\n", port);
        } else {
            kn_test_http_ask(&http, "PUT", named, ALICE "Content-Type: application/json\r\n",
                             "{\"network\":{\"name\":\"n\"}}");
        }
        builder->failed += http.status >= 500;
    }
    kn_test_http_close(&http);
    return NULL;
}

static void test_a_network_that_is_built_by_many(void **state)
{
    struct crowd_builder builders[CLIENTS] = { 0 };
    pthread_t threads[CLIENTS];

    (void)state;
    neutron_say(200, KN_TEST_TOKEN("ad", "admin"), "PUT /quotas/a11ce", "{\"quota\":{\"port\":-1,\"subnet\":-1}}");
    for (int round = 0; round < ROUNDS; round++) {
        kn_copy(network, sizeof(network), neutron_network(ALICE, ""));
        for (int i = 0; i < CLIENTS; i++) {
            builders[i].number = i;
            assert_int_equal(pthread_create(&threads[i], NULL, build_up_and_down, &builders[i]), 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(builders[i].failed, 0);
        }
    }
}

/* What several of one body say of the same thing is seen as if they had come one after the other. */
static void test_many_of_one_body(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;

    (void)state;
    kn_strbuf_addstr(&body, "{\"ports\":[");
    for (int i = 0; i < 100; i++) {
        kn_strbuf_addf(&body, "%s{\"network_id\":\"%s\",\"name\":\"%d\"%s}", i == 0 ? "" : ",", network, i,
                       i == 7 ? ",\"fixed_ips\":[{\"ip_address\":\"10.0.1.9\"}]" : "");
    }
    kn_strbuf_addstr(&body, "]}");
    neutron_say(201, ALICE, "POST /ports", body.buf);
    assert_int_equal(neutron_count("ports"), 100);
    assert_string_equal(neutron_get("ports.42.name"), "42");
    assert_string_equal(neutron_get("ports.7.fixed_ips.0.ip_address"), "10.0.1.9");
    assert_int_equal(
        crowd_count("count(DISTINCT ip) FROM address a JOIN port p ON p.id = a.port_id WHERE p.device_owner = ''"),
        100);
}

static void post_two(int status, const char *first, const char *second)
{
    AUTO_FREE char *body = kn_asprintf("{\"ports\":[{\"network_id\":\"%s\",%s},{\"network_id\":\"%s\",%s}]}", network,
                                       first, network, second);

    neutron_say(status, ALICE, "POST /ports", body);
}

static void test_two_of_one_body_cannot_have_the_same(void **state)
{
    (void)state;
    post_two(409, "\"mac_address\":\"fa:16:3e:aa:bb:01\"", "\"mac_address\":\"FA:16:3E:AA:BB:01\"");
    assert_string_equal(neutron_get("NeutronError.type"), "MacAddressInUse");
    post_two(409, "\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}]", "\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}]");
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressAlreadyAllocated");
    assert_int_equal(crowd_count("count(*) FROM port WHERE device_owner = ''"), 0);
    assert_int_equal(
        crowd_count(
            "count(*) FROM quota_fact f JOIN quota_usage u USING (service, project_id, resource) WHERE f.used <> u.used"),
        0);
    post_two(201, "\"mac_address\":\"fa:16:3e:aa:bb:01\"", "\"mac_address\":\"fa:16:3e:aa:bb:02\"");
    assert_int_equal(crowd_count("count(*) FROM port WHERE device_owner = ''"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_gets_his_own, fresh),
        cmocka_unit_test_setup(test_a_crowd_gets_exactly_the_quota, fresh),
        cmocka_unit_test_setup(test_all_want_one_address, fresh),
        cmocka_unit_test_setup(test_a_network_that_is_built_by_many, fresh),
        cmocka_unit_test_setup(test_many_of_one_body, fresh),
        cmocka_unit_test_setup(test_two_of_one_body_cannot_have_the_same, fresh),
    };

    return cmocka_run_group_tests_name("it/network_crowd", tests, kn_neutron_start, kn_neutron_stop);
}
