/* SPDX-License-Identifier: Apache-2.0 */
/* Subnet pools, address scopes and the report of free addresses, over the real front door. */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define POOL(rest) "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0.0/16\"]" rest "}}"

struct id {
    char text[64];
};

static struct id kept(const char *path)
{
    struct id id;

    snprintf(id.text, sizeof(id.text), "%s", neutron_get(path));
    return id;
}

static struct id pool(const char *token, const char *body)
{
    neutron_say(201, token, "POST /subnetpools", body);
    return kept("subnetpool.id");
}

/* A subnet on the network: its status, and (201) its range. */
static void subnet_is(int status, const char *token, const struct id *network, const char *more, const char *wanted)
{
    AUTO_FREE char *body = kn_asprintf("{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4%s}}", network->text, more);

    neutron_say(status, token, "POST /subnets", body);
    assert_string_equal(neutron_get(status == 201 ? "subnet.cidr" : "NeutronError.type"), wanted);
}

static struct id network_of(const char *token)
{
    struct id id;

    snprintf(id.text, sizeof(id.text), "%s", neutron_network(token, ""));
    return id;
}

/* How many routers hosts hear of since it was asked last. */
static int64_t routers_changed(void)
{
    struct kn_error err = { 0 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    assert_ok(kn_db_query(kn_neutron.db,
                          "WITH gone AS (DELETE FROM network_change RETURNING kind) SELECT count(*) FROM gone WHERE "
                          "kind = 'router'",
                          0, KN_NO_ARGS, &rows, &err),
              &err);
    return kn_rows_int(rows, 0, 0);
}

/* A router with a leg on the subnet that was made last. */
static void router_at_subnet(const char *token)
{
    const struct id subnet = kept("subnet.id");
    AUTO_FREE char *body = kn_asprintf("{\"subnet_id\":\"%s\"}", subnet.text);

    neutron_say(201, token, "POST /routers", "{\"router\":{}}");
    AUTO_FREE char *what = kn_asprintf("PUT /routers/%s/add_router_interface", neutron_get("router.id"));

    neutron_say(200, token, what, body);
    routers_changed();
}

/* PUT of one of the two; what the pool has then, with blanks between. */
static void prefixes(int status, const char *token, const struct id *pool, const char *word, const char *list,
                     const char *wanted)
{
    AUTO_FREE char *what = kn_asprintf("PUT /subnetpools/%s/%s_prefixes", pool->text, word);
    AUTO_FREE char *body = kn_asprintf("{\"prefixes\":[%s]}", list);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf has = KN_STRBUF_INIT;

    neutron_say(status, token, what, body);
    if (status != 200) {
        assert_string_equal(neutron_get("NeutronError.type"), wanted);
        return;
    }
    for (size_t i = 0; i < neutron_count("prefixes"); i++) {
        AUTO_FREE char *at = kn_asprintf("prefixes.%zu", i);

        kn_strbuf_addf(&has, "%s%s", i > 0 ? " " : "", neutron_get(at));
    }
    assert_string_equal(has.buf != NULL ? has.buf : "", wanted);
}

static void test_prefixes_come_and_go(void **state)
{
    (void)state;
    const struct id id = pool(ALICE, POOL("")), network = network_of(ALICE);
    AUTO_FREE char *of_pool = kn_asprintf(",\"subnetpool_id\":\"%s\",\"cidr\":\"10.0.3.0/24\"", id.text);

    prefixes(200, ALICE, &id, "add", "\"10.1.0.0/16\",\"192.168.0.0/24\"", "10.0.0.0/15 192.168.0.0/24");
    prefixes(200, ALICE, &id, "add", "\"10.1.0.0/16\"", "10.0.0.0/15 192.168.0.0/24"); /* again is nothing */
    prefixes(200, ALICE, &id, "remove", "\"172.16.0.0/12\"", "10.0.0.0/15 192.168.0.0/24"); /* what it has not, too */
    subnet_is(201, ALICE, &network, of_pool, "10.0.3.0/24");
    prefixes(400, ALICE, &id, "remove", "\"192.168.0.0/24\",\"10.0.3.128/25\"", "IllegalSubnetPoolPrefixUpdate");
    assert_string_equal(neutron_get("NeutronError.message"),
                        "Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet..");
    prefixes(200, ALICE, &id, "remove", "\"10.1.0.0/16\",\"10.0.128.0/17\",\"10.0.64.7/32\"",
             "10.0.0.0/18 10.0.64.0/30 10.0.64.4/31 10.0.64.6/32 10.0.64.8/29 10.0.64.16/28 10.0.64.32/27 "
             "10.0.64.64/26 10.0.64.128/25 10.0.65.0/24 10.0.66.0/23 10.0.68.0/22 10.0.72.0/21 10.0.80.0/20 "
             "10.0.96.0/19 192.168.0.0/24");
    prefixes(400, ALICE, &id, "add", "\"fd00::/48\"", "PrefixVersionMismatch");
    prefixes(400, ALICE, &id, "add", "\"everything\"", "HTTPBadRequest");
    prefixes(400, ALICE, &id, "add", "7", "HTTPBadRequest");
    prefixes(400, ALICE, &id, "remove", "\"everything\"", "HTTPBadRequest");
    prefixes(400, ALICE, &id, "remove", "", "HTTPBadRequest");
    prefixes(404, BOB, &id, "add", "\"10.9.0.0/16\"", "SubnetPoolNotFound");
    prefixes(404, BOB, &id, "remove", "\"10.0.0.0/18\"", "SubnetPoolNotFound");
}

/* All of it may go: the pool stays of its family, gives nothing, and can be given prefixes again. */
static void test_a_pool_without_prefixes(void **state)
{
    (void)state;
    const struct id id = pool(ALICE, POOL("")), network = network_of(ALICE);
    AUTO_FREE char *of_pool = kn_asprintf(",\"subnetpool_id\":\"%s\",\"prefixlen\":24", id.text);

    prefixes(200, ALICE, &id, "remove", "\"0.0.0.0/0\"", "");
    neutron_say(200, ALICE, neutron_at("PUT", "subnetpools", id.text), "{\"subnetpool\":{\"name\":\"bare\"}}");
    assert_string_equal(neutron_get("subnetpool.ip_version"), "4");
    neutron_say(400, ALICE, neutron_at("PUT", "subnetpools", id.text), "{\"subnetpool\":{\"prefixes\":[]}}");
    assert_string_equal(neutron_get("NeutronError.type"), "EmptySubnetPoolPrefixList");
    subnet_is(409, ALICE, &network, of_pool, "SubnetAllocationError");
    prefixes(400, ALICE, &id, "add", "\"fd00::/48\"", "PrefixVersionMismatch");
    prefixes(200, ALICE, &id, "add", "\"10.9.0.0/16\"", "10.9.0.0/16");
    subnet_is(201, ALICE, &network, of_pool, "10.9.0.0/24");
}

static void test_life_of_a_pool(void **state)
{
    static const char *const DEFAULTS[][2] = {
        { "subnetpool.ip_version", "4" },     { "subnetpool.min_prefixlen", "8" },
        { "subnetpool.max_prefixlen", "32" }, { "subnetpool.default_prefixlen", "8" },
        { "subnetpool.shared", "false" },     { "subnetpool.is_default", "false" },
        { "subnetpool.tenant_id", "a11ce" },
    };

    (void)state;
    const struct id id = pool(
        ALICE,
        "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.1.0.0/16\",\"10.0.0.0/16\",\"10.0.7.0/24\",\"192.168.0.7/24\"]}}");

    for (size_t i = 0; i < KN_COUNT(DEFAULTS); i++) {
        assert_string_equal(neutron_get(DEFAULTS[i][0]), DEFAULTS[i][1]);
    }
    assert_string_equal(neutron_get("subnetpool.prefixes.0"), "10.0.0.0/15"); /* as few as possible */
    assert_string_equal(neutron_get("subnetpool.prefixes.1"), "192.168.0.0/24");
    neutron_say(
        200, ALICE, neutron_at("PUT", "subnetpools", id.text),
        "{\"subnetpool\":{\"name\":\"q\",\"default_quota\":4,\"default_prefixlen\":26,\"prefixes\":[\"10.0.0.0/14\",\"192.168.0.0/24\"]}}");
    assert_string_equal(neutron_get("subnetpool.prefixes.0"), "10.0.0.0/14");
    assert_string_equal(neutron_get("subnetpool.default_prefixlen"), "26");
    neutron_say(400, ALICE, neutron_at("PUT", "subnetpools", id.text),
                "{\"subnetpool\":{\"prefixes\":[\"10.0.0.0/14\"]}}");
    assert_string_equal(neutron_get("NeutronError.type"), "IllegalSubnetPoolPrefixUpdate");
    neutron_say(404, BOB, neutron_at("GET", "subnetpools", id.text), NULL);
    neutron_say(200, ALICE, "GET /subnetpools?name=q", NULL);
    assert_int_equal(neutron_count("subnetpools"), 1);
    neutron_say(204, ALICE, neutron_at("DELETE", "subnetpools", id.text), NULL);
}

static void test_bad_pools(void **state)
{
    static const char *const BAD[][2] = {
        { "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[]}}", "EmptySubnetPoolPrefixList" },
        { "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0.0/8\",\"fd00::/48\"]}}", "PrefixVersionMismatch" },
        { "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.0.0/8\"]}}", "HTTPBadRequest" },
        { "{\"subnetpool\":{\"prefixes\":[\"10.0.0.0/8\"]}}", "HTTPBadRequest" },
        { POOL(",\"min_prefixlen\":25,\"max_prefixlen\":24"), "IllegalSubnetPoolPrefixBounds" },
        { POOL(",\"max_prefixlen\":33"), "IllegalSubnetPoolPrefixBounds" },
        { POOL(",\"default_prefixlen\":7"), "IllegalSubnetPoolPrefixBounds" },
        { POOL(",\"default_prefixlen\":30,\"max_prefixlen\":28"), "IllegalSubnetPoolPrefixBounds" },
        { POOL(",\"default_quota\":-1"), "HTTPBadRequest" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        neutron_say(400, ALICE, "POST /subnetpools", BAD[i][0]);
        assert_string_equal(neutron_get("NeutronError.type"), BAD[i][1]);
    }
    neutron_say(403, ALICE, "POST /subnetpools", POOL(",\"shared\":true"));
    neutron_say(403, ALICE, "POST /subnetpools", POOL(",\"is_default\":true"));
    neutron_say(200, ALICE, "GET /subnetpools", NULL);
    assert_int_equal(neutron_count("subnetpools"), 0);
}

static void test_ranges_out_of_a_pool(void **state)
{
    (void)state;
    const struct id of =
        pool(ALICE, POOL(",\"default_prefixlen\":24,\"min_prefixlen\":20,\"max_prefixlen\":28,\"default_quota\":1100"));
    const struct id a = network_of(ALICE), b = network_of(ALICE);
    AUTO_FREE char *any = kn_asprintf(",\"subnetpool_id\":\"%s\"", of.text);
    AUTO_FREE char *small = kn_asprintf("%s,\"prefixlen\":28", any), *large = kn_asprintf("%s,\"prefixlen\":19", any),
                   *wide = kn_asprintf("%s,\"prefixlen\":20", any), *tiny = kn_asprintf("%s,\"prefixlen\":29", any),
                   *named = kn_asprintf("%s,\"cidr\":\"10.0.8.0/24\"", any),
                   *outside = kn_asprintf("%s,\"cidr\":\"10.1.8.0/24\"", any),
                   *both = kn_asprintf("%s,\"cidr\":\"10.0.9.0/24\",\"prefixlen\":24", any),
                   *pools = kn_asprintf("%s,\"allocation_pools\":[{\"start\":\"10.0.0.2\",\"end\":\"10.0.0.9\"}]", any);

    subnet_is(201, ALICE, &a, any, "10.0.0.0/24");
    assert_string_equal(neutron_get("subnet.gateway_ip"), "10.0.0.1");
    assert_string_equal(neutron_get("subnet.subnetpool_id"), of.text);
    subnet_is(201, ALICE, &b, any, "10.0.1.0/24"); /* others' networks have others */
    subnet_is(201, ALICE, &b, small, "10.0.2.0/28");
    subnet_is(201, ALICE, &b, named, "10.0.8.0/24");
    subnet_is(409, ALICE, &b, named, "SubnetAllocationError");
    subnet_is(409, ALICE, &b, outside, "SubnetAllocationError");
    subnet_is(400, ALICE, &b, large, "MinPrefixSubnetAllocationError");
    subnet_is(400, ALICE, &b, tiny, "MaxPrefixSubnetAllocationError");
    subnet_is(400, ALICE, &b, both, "BadRequest");
    subnet_is(400, ALICE, &b, pools, "BadRequest");
    subnet_is(400, ALICE, &b, ",\"cidr\":\"192.168.0.0/24\"", "NetworkSubnetPoolAffinityError");
    subnet_is(400, ALICE, &b, ",\"use_default_subnetpool\":true", "BadRequest");
    subnet_is(409, ALICE, &b, wide, "SubnetPoolQuotaExceeded"); /* 784 of 1,100 are taken */
    subnet_is(201, ALICE, &b, small, "10.0.2.16/28"); /* the smallest room that has one */
    neutron_say(400, ALICE, neutron_at("DELETE", "subnetpools", of.text), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "SubnetPoolDeleteError");
    subnet_is(404, BOB, &b, any, "NetworkNotFound");
}

static void test_default_pools(void **state)
{
    (void)state;
    pool(ADMIN, POOL(",\"default_prefixlen\":26,\"is_default\":true,\"shared\":true"));
    neutron_say(400, ADMIN, "POST /subnetpools", POOL(",\"is_default\":true"));
    assert_string_equal(neutron_get("NeutronError.type"), "InvalidInput");
    const struct id net = network_of(ALICE);

    subnet_is(201, ALICE, &net, ",\"use_default_subnetpool\":true", "10.0.0.0/26");
    subnet_is(201, ALICE, &net, ",\"use_default_subnetpool\":true", "10.0.0.64/26");
    neutron_say(200, ALICE, "GET /subnetpools?is_default=true", NULL);
    assert_int_equal(neutron_count("subnetpools"), 1);
}

static void test_scopes(void **state)
{
    (void)state;
    neutron_say(404, ALICE, neutron_at("GET", "address-scopes", "5c0be000-1111-4111-8111-111111111111"), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "AddressScopeNotFound");
    neutron_say(201, ALICE, "POST /address-scopes", "{\"address_scope\":{\"name\":\"s\",\"ip_version\":4}}");
    const struct id scope = kept("address_scope.id");
    AUTO_FREE char *in = kn_asprintf(POOL(",\"address_scope_id\":\"%s\",\"default_prefixlen\":24"), scope.text);
    AUTO_FREE char *v6 =
        kn_asprintf("{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"fd00::/48\"],\"address_scope_id\":\"%s\"}}",
                    scope.text);
    AUTO_FREE char *bad = kn_asprintf(",\"address_scope_id\":\"%s\"", scope.text);
    AUTO_FREE char *theirs = kn_asprintf("{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.9.0.0/16\"]%s}}", bad);

    neutron_say(403, ALICE, "POST /address-scopes",
                "{\"address_scope\":{\"name\":\"s\",\"ip_version\":4,\"shared\":true}}");
    neutron_say(400, ALICE, "POST /address-scopes", "{\"address_scope\":{\"name\":\"s\",\"ip_version\":5}}");
    neutron_say(400, ALICE, "POST /address-scopes", "{\"address_scope\":{\"name\":\"s\"}}");
    const struct id of = pool(ALICE, in);

    neutron_say(409, ALICE, "POST /subnetpools", in);
    assert_string_equal(neutron_get("NeutronError.type"), "AddressScopePrefixConflict");
    neutron_say(400, ALICE, "POST /subnetpools", v6);
    assert_string_equal(neutron_get("NeutronError.type"), "IllegalSubnetPoolIpVersionAssociationToAddressScope");
    neutron_say(404, BOB, "POST /subnetpools", theirs);
    neutron_say(409, ALICE, neutron_at("DELETE", "address-scopes", scope.text), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "AddressScopeInUse");
    const struct id net = network_of(ALICE);
    AUTO_FREE char *any = kn_asprintf(",\"subnetpool_id\":\"%s\"", of.text);

    subnet_is(201, ALICE, &net, any, "10.0.0.0/24");
    neutron_say(200, ALICE, neutron_at("GET", "networks", net.text), NULL);
    assert_string_equal(neutron_get("network.ipv4_address_scope"), scope.text);
    /* the pool's scope is that of its subnets' routers' legs */
    const struct id beside = network_of(ALICE);
    AUTO_FREE char *back = kn_asprintf("{\"subnetpool\":{\"address_scope_id\":\"%s\"}}", scope.text);

    subnet_is(201, ALICE, &beside, any, "10.0.1.0/24");
    router_at_subnet(ALICE);
    neutron_say(200, ALICE, neutron_at("PUT", "subnetpools", of.text), "{\"subnetpool\":{\"name\":\"q\"}}");
    assert_int_equal(routers_changed(), 0);
    neutron_say(200, ALICE, neutron_at("PUT", "subnetpools", of.text), back);
    assert_int_equal(routers_changed(), 0);
    neutron_say(200, ALICE, neutron_at("PUT", "subnetpools", of.text), "{\"subnetpool\":{\"address_scope_id\":null}}");
    assert_int_equal(routers_changed(), 1);
    neutron_say(200, ALICE, neutron_at("PUT", "subnetpools", of.text), back);
    assert_int_equal(routers_changed(), 1);
    neutron_say(200, ADMIN, neutron_at("PUT", "address-scopes", scope.text), "{\"address_scope\":{\"shared\":true}}");
    neutron_say(400, ADMIN, neutron_at("PUT", "address-scopes", scope.text), "{\"address_scope\":{\"shared\":false}}");
    assert_string_equal(neutron_get("NeutronError.type"), "AddressScopeUpdateError");
    neutron_say(201, BOB, "POST /subnetpools", theirs); /* what is shared is used, too */
}

/* The network's subnets of the pool's family become some of it: the status, and how many they are or the error. */
static void onboard(int status, const char *token, const struct id *pool, const struct id *network, const char *wanted)
{
    AUTO_FREE char *what = kn_asprintf("PUT /subnetpools/%s/onboard_network_subnets", pool->text);
    AUTO_FREE char *body = kn_asprintf("{\"network_id\":\"%s\"}", network->text);
    char count[16];

    neutron_say(status, token, what, body);
    json_auto_t *answer = kn_test_http_json(&kn_neutron.http);

    snprintf(count, sizeof(count), "%zu", json_array_size(answer));
    assert_string_equal(status == 200 ? count : neutron_get("NeutronError.type"), wanted);
}

static void test_subnets_are_onboarded(void **state)
{
    (void)state;
    const struct id into = pool(ALICE, POOL(",\"default_prefixlen\":24")), network = network_of(ALICE);
    AUTO_FREE char *any = kn_asprintf(",\"subnetpool_id\":\"%s\"", into.text);
    const struct id bobs = network_of(BOB), nothing = { "11111111-1111-4111-8111-111111111111" };

    subnet_is(201, ALICE, &network, ",\"cidr\":\"10.1.0.0/24\"", "10.1.0.0/24");
    const struct id subnet = kept("subnet.id");

    subnet_is(201, ALICE, &network, ",\"cidr\":\"10.0.0.0/24\"", "10.0.0.0/24");
    neutron_post(201, ALICE, "subnet", network.text, ",\"ip_version\":6,\"cidr\":\"fd00::/64\"");
    const struct id v6 = kept("subnet.id");

    subnet_is(400, ALICE, &network, any, "NetworkSubnetPoolAffinityError");
    onboard(404, BOB, &into, &bobs, "SubnetPoolNotFound");
    onboard(404, ALICE, &into, &bobs, "NetworkNotFound");
    onboard(404, ALICE, &into, &nothing, "NetworkNotFound");
    onboard(404, ALICE, &nothing, &network, "SubnetPoolNotFound");
    onboard(404, ALICE, &into, &(struct id){ "x" }, "NetworkNotFound");
    AUTO_FREE char *what = kn_asprintf("PUT /subnetpools/%s/onboard_network_subnets", into.text);

    for (size_t i = 0; i < 4; i++) {
        neutron_say(400, ALICE, what,
                    (const char *const[]){ "{}", "{\"network_id\":null}", "{\"network_id\":7}", "[]" }[i]);
    }
    neutron_say(200, ALICE, neutron_at("GET", "subnets", subnet.text), NULL);
    router_at_subnet(ALICE);
    onboard(200, ALICE, &into, &network, "2");
    assert_int_equal(routers_changed(), 1);
    neutron_say(200, ALICE, neutron_at("GET", "subnets", subnet.text), NULL);
    assert_string_equal(neutron_get("subnet.subnetpool_id"), into.text);
    assert_string_equal(neutron_get("subnet.cidr"), "10.1.0.0/24");
    neutron_say(200, ALICE, neutron_at("GET", "subnets", v6.text), NULL);
    assert_string_equal(neutron_get("subnet.subnetpool_id"), "null");
    neutron_say(200, ALICE, neutron_at("GET", "subnetpools", into.text), NULL);
    assert_string_equal(neutron_get("subnetpool.prefixes.0"), "10.0.0.0/16");
    assert_string_equal(neutron_get("subnetpool.prefixes.1"), "10.1.0.0/24");
    subnet_is(201, ALICE, &network, any, "10.0.1.0/24"); /* what was onboarded is taken */
    onboard(400, ALICE, &into, &network, "IllegalSubnetPoolUpdate");
    prefixes(400, ALICE, &into, "remove", "\"10.1.0.0/24\"", "IllegalSubnetPoolPrefixUpdate");
    neutron_say(400, ALICE, neutron_at("DELETE", "subnetpools", into.text), NULL);
    const struct id empty = network_of(ALICE);

    onboard(200, ALICE, &into, &empty, "0");
}

/* Pools of one scope have no prefix in common; who merely sees a network gives its subnets to nobody. */
static void test_what_is_not_onboarded(void **state)
{
    (void)state;
    neutron_say(201, ALICE, "POST /address-scopes", "{\"address_scope\":{\"name\":\"s\",\"ip_version\":4}}");
    const struct id scope = kept("address_scope.id");
    AUTO_FREE char *in = kn_asprintf(POOL(",\"address_scope_id\":\"%s\",\"default_prefixlen\":24"), scope.text);
    AUTO_FREE char *beside =
        kn_asprintf("{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.9.0.0/16\"],\"address_scope_id\":\"%s\"}}",
                    scope.text);
    const struct id first = pool(ALICE, in), second = pool(ALICE, beside), network = network_of(ALICE);
    AUTO_FREE char *of_first = kn_asprintf(",\"subnetpool_id\":\"%s\"", first.text);
    const struct id bobs = pool(BOB, "{\"subnetpool\":{\"name\":\"p\",\"prefixes\":[\"10.64.0.0/16\"]}}");

    subnet_is(201, ALICE, &network, of_first, "10.0.0.0/24");
    onboard(409, ALICE, &second, &network, "AddressScopePrefixConflict");
    neutron_say(200, ALICE, neutron_at("GET", "subnetpools", second.text), NULL);
    assert_string_equal(neutron_get("subnetpool.prefixes.0"), "10.9.0.0/16");
    assert_string_equal(neutron_get("subnetpool.prefixes.1"), "(absent)");
    neutron_say(200, ADMIN, neutron_at("PUT", "networks", network.text), "{\"network\":{\"shared\":true}}");
    onboard(403, BOB, &bobs, &network, "PolicyNotAuthorized");
}

static void test_report_of_addresses(void **state)
{
    (void)state;
    const struct id net = network_of(ALICE);

    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.0.0/24\"");
    neutron_post(201, ALICE, "port", net.text, "");
    neutron_say(200, ALICE, "GET /network-ip-availabilities", NULL); /* is administrators' alone, and empty to others */
    assert_int_equal(neutron_count("network_ip_availabilities"), 0);
    neutron_say(404, ALICE, neutron_at("GET", "network-ip-availabilities", net.text), NULL);
    neutron_say(200, ADMIN, neutron_at("GET", "network-ip-availabilities", net.text), NULL);
    assert_string_equal(neutron_get("network_ip_availability.total_ips"), "253");
    assert_string_equal(neutron_get("network_ip_availability.used_ips"), "2"); /* the DHCP port's, too */
    assert_string_equal(neutron_get("network_ip_availability.subnet_ip_availability.0.cidr"), "10.0.0.0/24");
    neutron_say(200, ADMIN, "GET /network-ip-availabilities?ip_version=6", NULL);
    assert_int_equal(neutron_count("network_ip_availabilities"), 0);
    neutron_say(200, ADMIN, "GET /network-ip-availabilities?ip_version=4", NULL);
    assert_int_equal(neutron_count("network_ip_availabilities"), 1);
}

static void report_is(const char *request, const char *total, const char *used, const char *second)
{
    neutron_say(200, ADMIN, request, NULL);
    assert_int_equal(neutron_count("network_ip_availabilities"), 1);
    assert_string_equal(neutron_get("network_ip_availabilities.0.total_ips"), total);
    assert_string_equal(neutron_get("network_ip_availabilities.0.used_ips"), used);
    assert_string_equal(neutron_get("network_ip_availabilities.0.subnet_ip_availability.1.ip_version"), second);
}

/* What is asked of one family counts no address of the other. */
static void test_report_of_a_family(void **state)
{
    (void)state;
    const struct id net = network_of(ALICE);

    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.0.0/24\",\"enable_dhcp\":false");
    neutron_post(201, ALICE, "subnet", net.text, ",\"ip_version\":6,\"cidr\":\"fd00::/120\",\"enable_dhcp\":false");
    neutron_post(201, ALICE, "port", net.text, "");
    report_is("GET /network-ip-availabilities", "507", "2", "6");
    report_is("GET /network-ip-availabilities?ip_version=4&ip_version=6", "507", "2", "6");
    report_is("GET /network-ip-availabilities?ip_version=", "507", "2", "6");
    report_is("GET /network-ip-availabilities?ip_version=4", "253", "1", "(absent)");
    report_is("GET /network-ip-availabilities?ip_version=6", "254", "1", "(absent)");
    assert_string_equal(neutron_get("network_ip_availabilities.0.subnet_ip_availability.0.cidr"), "fd00::/120");
    neutron_say(200, ADMIN, "GET /network-ip-availabilities?ip_version=5", NULL);
    assert_int_equal(neutron_count("network_ip_availabilities"), 0);
}

static void refuses_services(const struct id *network, const char *types, const char *name, const char *words)
{
    AUTO_FREE char *more = kn_asprintf(",\"ip_version\":4,\"cidr\":\"10.0.2.0/24\",\"service_types\":%s", types);

    neutron_post(400, ALICE, "subnet", network->text, more);
    assert_string_equal(neutron_get("NeutronError.type"), name);
    assert_string_equal(neutron_get("NeutronError.message"), words);
}

/* A subnet for ports of certain owners gives its addresses to no other port. */
static void test_service_types(void **state)
{
    (void)state;
    const struct id net = network_of(ALICE);

    neutron_subnet(ALICE, net.text,
                   ",\"cidr\":\"10.0.0.0/24\",\"enable_dhcp\":false,\"service_types\":[\"compute:nova\"]");
    assert_string_equal(neutron_get("subnet.service_types.0"), "compute:nova");
    neutron_post(409, ALICE, "port", net.text, "");
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressGenerationFailureNoMatchingSubnet");
    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.1.0/24\",\"enable_dhcp\":false");
    neutron_post(201, ALICE, "port", net.text, "");
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.1.2");
    neutron_post(201, ALICE, "port", net.text, ",\"device_owner\":\"compute:nova\"");
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.0.2");
    refuses_services(&net, "[\"x\"]", "InvalidSubnetServiceType",
                     "Subnet service type x does not correspond to a valid device owner.");
    refuses_services(&net, "[\"\"]", "InvalidSubnetServiceType",
                     "Subnet service type  does not correspond to a valid device owner.");
    refuses_services(&net, "[7]", "InvalidInputSubnetServiceType", "Subnet service type 7 is not a string.");
    refuses_services(&net, "\"x\"", "HTTPBadRequest", "Subnet service types must be a list.");
    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.2.0/24\",\"enable_dhcp\":false,\"service_types\":[\"test:own\"]");
    neutron_post(201, ALICE, "port", net.text, ",\"device_owner\":\"test:own\"");
    assert_string_equal(neutron_get("port.fixed_ips.0.ip_address"), "10.0.2.2");
}

static void port_is(int status, const struct id *network, const char *owner, const char *fixed_ip, const char *wanted)
{
    AUTO_FREE char *more = kn_asprintf(",\"device_owner\":\"%s\",\"fixed_ips\":[{%s}]", owner, fixed_ip);

    neutron_post(status, ALICE, "port", network->text, more);
    assert_string_equal(neutron_get(status == 201 ? "port.fixed_ips.0.ip_address" : "NeutronError.type"), wanted);
}

/* Nor to one that names the subnet or the address. What a port has from before stays. */
static void test_service_types_of_what_is_named(void **state)
{
    (void)state;
    const struct id net = network_of(ALICE);

    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.0.0/24\"");
    const struct id subnet = kept("subnet.id");
    AUTO_FREE char *on = kn_asprintf("\"subnet_id\":\"%s\"", subnet.text);

    port_is(201, &net, "", "\"ip_address\":\"10.0.0.9\"", "10.0.0.9");
    const struct id old = kept("port.id");

    neutron_say(200, ALICE, neutron_at("PUT", "subnets", subnet.text),
                "{\"subnet\":{\"service_types\":[\"test:own\"]}}");
    port_is(409, &net, "", on, "IpAddressGenerationFailureNoMatchingSubnet");
    port_is(409, &net, "", "\"ip_address\":\"10.0.0.10\"", "IpAddressGenerationFailureNoMatchingSubnet");
    port_is(201, &net, "test:own", on, "10.0.0.3");
    port_is(201, &net, "test:own", "\"ip_address\":\"10.0.0.10\"", "10.0.0.10");
    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.1.0/24\",\"enable_dhcp\":false");
    port_is(400, &net, "", on, "InvalidInput");
    port_is(400, &net, "", "\"ip_address\":\"10.0.0.11\"", "InvalidIpForNetwork");
    port_is(201, &net, "", "\"ip_address\":\"10.0.1.11\"", "10.0.1.11");
    neutron_say(200, ALICE, neutron_at("PUT", "ports", old.text),
                "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.1.12\"}]}}");
    neutron_say(400, ALICE, neutron_at("PUT", "ports", old.text),
                "{\"port\":{\"fixed_ips\":[{\"ip_address\":\"10.0.0.9\"},{\"ip_address\":\"10.0.0.12\"}]}}");
}

static void floating_is(int status, const struct id *network, const char *more, const char *wanted)
{
    AUTO_FREE char *body = kn_asprintf("{\"floatingip\":{\"floating_network_id\":\"%s\"%s}}", network->text, more);

    neutron_say(status, ALICE, "POST /floatingips", body);
    assert_string_equal(neutron_get(status == 201 ? "floatingip.floating_ip_address" : "NeutronError.type"), wanted);
}

/* Ports of routers and floating addresses, too. */
static void test_service_types_of_routers(void **state)
{
    struct id net, gateways, floating, inside;

    (void)state;
    snprintf(net.text, sizeof(net.text), "%s", neutron_network(ADMIN, ",\"router:external\":true"));
    neutron_subnet(ADMIN, net.text, ",\"cidr\":\"172.24.4.0/24\",\"service_types\":[\"network:router_gateway\"]");
    gateways = kept("subnet.id");
    AUTO_FREE char *named = kn_asprintf(",\"subnet_id\":\"%s\"", gateways.text);

    floating_is(409, &net, "", "IpAddressGenerationFailureNoMatchingSubnet");
    floating_is(409, &net, named, "IpAddressGenerationFailureNoMatchingSubnet");
    neutron_subnet(ADMIN, net.text, ",\"cidr\":\"172.24.5.0/24\",\"service_types\":[\"network:floatingip\"]");
    floating = kept("subnet.id");
    floating_is(201, &net, "", "172.24.5.3");
    floating_is(400, &net, named, "InvalidInput");
    AUTO_FREE char *bad = kn_asprintf("{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\","
                                      "\"external_fixed_ips\":[{\"subnet_id\":\"%s\"}]}}}",
                                      net.text, floating.text);
    AUTO_FREE char *good = kn_asprintf("{\"router\":{\"external_gateway_info\":{\"network_id\":\"%s\"}}}", net.text);

    neutron_say(400, ADMIN, "POST /routers", bad);
    neutron_say(201, ALICE, "POST /routers", good);
    assert_string_equal(neutron_get("router.external_gateway_info.external_fixed_ips.0.subnet_id"), gateways.text);
    const struct id router = kept("router.id");

    net = network_of(ALICE);
    neutron_subnet(ALICE, net.text, ",\"cidr\":\"10.0.9.0/24\",\"service_types\":[\"compute:nova\"]");
    inside = kept("subnet.id");
    AUTO_FREE char *leg = kn_asprintf("PUT /routers/%s/add_router_interface", router.text);
    AUTO_FREE char *body = kn_asprintf("{\"subnet_id\":\"%s\"}", inside.text);

    neutron_say(409, ALICE, leg, body);
    assert_string_equal(neutron_get("NeutronError.type"), "IpAddressGenerationFailureNoMatchingSubnet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_life_of_a_pool, kn_neutron_fresh),
        cmocka_unit_test_setup(test_prefixes_come_and_go, kn_neutron_fresh),
        cmocka_unit_test_setup(test_a_pool_without_prefixes, kn_neutron_fresh),
        cmocka_unit_test_setup(test_bad_pools, kn_neutron_fresh),
        cmocka_unit_test_setup(test_ranges_out_of_a_pool, kn_neutron_fresh),
        cmocka_unit_test_setup(test_default_pools, kn_neutron_fresh),
        cmocka_unit_test_setup(test_scopes, kn_neutron_fresh),
        cmocka_unit_test_setup(test_subnets_are_onboarded, kn_neutron_fresh),
        cmocka_unit_test_setup(test_what_is_not_onboarded, kn_neutron_fresh),
        cmocka_unit_test_setup(test_report_of_addresses, kn_neutron_fresh),
        cmocka_unit_test_setup(test_report_of_a_family, kn_neutron_fresh),
        cmocka_unit_test_setup(test_service_types, kn_neutron_fresh),
        cmocka_unit_test_setup(test_service_types_of_what_is_named, kn_neutron_fresh),
        cmocka_unit_test_setup(test_service_types_of_routers, kn_neutron_fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
