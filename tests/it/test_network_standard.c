/* SPDX-License-Identifier: Apache-2.0 */
/* What every noun of Neutron has, over the real front door: tags and their filters, revision numbers and If-Match, times. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_bad.h"
#include "tests/support/neutron_words.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define READER KN_TEST_TOKEN("a11ce", "reader")
#define BOB KN_TEST_TOKEN("b0b", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")
#define MATCH(what) ALICE "If-Match: " what "\r\n"

/* "PUT /networks/<id>/tags/red" */
static const char *below(const char *method, const char *plural, const char *id, const char *rest)
{
    static char text[4][256];
    static int at;
    char *out = text[at++ % 4];

    snprintf(out, sizeof(text[0]), "%s /%s/%s/%s", method, plural, id, rest);
    return out;
}

static void test_tags_of_each_noun(void **state)
{
    static const char *const NOUNS[][2] = { { "networks", "network" }, { "subnets", "subnet" }, { "ports", "port" } };

    (void)state;
    const char *network = neutron_network(ALICE, "");
    char ids[3][64], path[64];

    snprintf(ids[0], sizeof(ids[0]), "%s", network);
    snprintf(ids[1], sizeof(ids[1]), "%s", neutron_subnet(ALICE, ids[0], ",\"cidr\":\"10.0.0.0/24\""));
    neutron_post(201, ALICE, "port", ids[0], ",\"tags\":[\"born\"]");
    assert_string_equal(neutron_get("port.tags.0"), "born");
    snprintf(ids[2], sizeof(ids[2]), "%s", neutron_get("port.id"));
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        const char *many = NOUNS[i][0], *id = ids[i];

        neutron_say(200, ALICE, below("PUT", many, id, "tags"), "{\"tags\":[\"red\",\"big\"]}");
        assert_string_equal(neutron_get("tags.1"), "big");
        neutron_say(201, ALICE, below("PUT", many, id, "tags/a%20b"), NULL);
        neutron_say(201, ALICE, below("PUT", many, id, "tags/a%20b"), "\"{}\""); /* as some clients send it */
        neutron_say(200, ALICE, below("POST", many, id, "tags"), "{\"tags\":[\"red\",\"more\"]}");
        assert_int_equal(neutron_count("tags"), 2); /* what was sent */
        neutron_say(200, ALICE, below("GET", many, id, "tags"), NULL);
        assert_int_equal(neutron_count("tags"), 4);
        neutron_say(204, ALICE, below("GET", many, id, "tags/red"), NULL);
        neutron_say(404, ALICE, below("GET", many, id, "tags/blue"), NULL);
        assert_string_equal(neutron_get("NeutronError.type"), "TagNotFound");
        assert_string_equal(neutron_get("NeutronError.message"), "Tag blue could not be found.");
        neutron_say(204, ALICE, below("DELETE", many, id, "tags/red"), NULL);
        neutron_say(404, ALICE, below("DELETE", many, id, "tags/red"), NULL);
        neutron_say(200, ALICE, neutron_at("GET", many, id), NULL);
        snprintf(path, sizeof(path), "%s.tags.1", NOUNS[i][1]);
        assert_string_equal(neutron_get(path), "a b");
        neutron_say(403, READER, below("PUT", many, id, "tags/x"), NULL);
        neutron_say(404, BOB, below("PUT", many, id, "tags/x"), NULL);
        neutron_say(404, BOB, below("GET", many, id, "tags"), NULL);
        neutron_say(400, ALICE, below("PUT", many, id, "tags"), "{\"tags\":[\"a\",\"a\"]}");
        neutron_say(400, ALICE, below("PUT", many, id, "tags"), "{\"tags\":\"a\"}");
        neutron_say(400, ALICE, below("PUT", many, id, "tags"), "{\"tags\":[5]}");
        neutron_say(400, ALICE, below("PUT", many, id, "tags"), "{\"tags\":[\"\"]}");
        neutron_say(400, ALICE, below("PUT", many, id, "tags"), "{}");
        neutron_say(204, ALICE, below("DELETE", many, id, "tags"), NULL);
        neutron_say(200, ALICE, below("GET", many, id, "tags"), NULL);
        assert_int_equal(neutron_count("tags"), 0);
    }
    neutron_say(400, ALICE, neutron_at("PUT", "networks", ids[0]), "{\"network\":{\"tags\":[\"x\"]}}");
    assert_string_equal(neutron_get("NeutronError.message"), "Cannot update read-only attribute tags");
}

static void test_tags_as_filters(void **state)
{
    static const struct {
        const char *query;
        size_t count;
    } CASES[] = {
        { "tags=red", 2 },
        { "tags=red,big", 1 },
        { "tags-any=red,big", 3 },
        { "not-tags=red,big", 3 },
        { "not-tags-any=red,big", 1 },
        { "tags=nothing", 0 },
        { "tags-any=big&name=b", 1 },
    };

    (void)state;
    neutron_say(201, ALICE, "POST /networks",
                "{\"networks\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"d\"}]}");
    char ids[3][64];
    for (int i = 0; i < 3; i++) {
        char path[32];

        snprintf(path, sizeof(path), "networks.%d.id", i);
        snprintf(ids[i], sizeof(ids[i]), "%s", neutron_get(path));
    }
    neutron_say(200, ALICE, below("PUT", "networks", ids[0], "tags"), "{\"tags\":[\"red\"]}");
    neutron_say(200, ALICE, below("PUT", "networks", ids[1], "tags"), "{\"tags\":[\"red\",\"big\"]}");
    neutron_say(200, ALICE, below("PUT", "networks", ids[2], "tags"), "{\"tags\":[\"big\"]}");
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        char what[64];

        snprintf(what, sizeof(what), "GET /networks?%s", CASES[i].query);
        neutron_say(200, ALICE, what, NULL);
        if (neutron_count("networks") != CASES[i].count) {
            fail_msg("%s: %zu", CASES[i].query, neutron_count("networks"));
        }
    }
    neutron_say(200, ALICE, "GET /networks?changed_since=2999-01-01T00:00:00", NULL);
    assert_int_equal(neutron_count("networks"), 0);
    neutron_say(200, ALICE, "GET /networks?changed_since=2001-01-01T00:00:00Z", NULL);
    assert_int_equal(neutron_count("networks"), 4);
    neutron_say(400, ALICE, "GET /networks?changed_since=yesterday", NULL);
}

static int revision(const char *path)
{
    return atoi(neutron_get(path));
}

static void test_revisions(void **state)
{
    (void)state;
    const char *id = neutron_network(ALICE, "");
    const int first = revision("network.revision_number");
    char network[64], wrong[64], body[96];

    snprintf(network, sizeof(network), "%s", id);
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"name\":\"x\"}}");
    assert_int_equal(revision("network.revision_number"), first + 1);
    neutron_say(201, ALICE, below("PUT", "networks", network, "tags/t"), NULL);
    neutron_say(200, ALICE, neutron_at("GET", "networks", network), NULL);
    assert_int_equal(revision("network.revision_number"), first + 2);
    neutron_say(200, ALICE, "GET /networks?sort_key=revision_number&sort_dir=asc", NULL);

    snprintf(wrong, sizeof(wrong), "Constrained to 1, but current revision is %d", first + 2);
    neutron_say(412, MATCH("revision_number=1"), neutron_at("PUT", "networks", network),
                "{\"network\":{\"name\":\"y\"}}");
    assert_string_equal(neutron_get("NeutronError.type"), "RevisionNumberConstraintFailed");
    assert_string_equal(neutron_get("NeutronError.message"), wrong);
    neutron_say(412, MATCH("revision_number=1"), neutron_at("DELETE", "networks", network), NULL);
    neutron_say(400, MATCH("revision_number=x"), neutron_at("PUT", "networks", network),
                "{\"network\":{\"name\":\"y\"}}");
    assert_string_equal(neutron_get("NeutronError.message"),
                        "Bad if-match request: Revision number etag must be in the format of revision_number=<int>.");
    neutron_say(200, ALICE, neutron_at("GET", "networks", network), NULL);
    assert_string_equal(neutron_get("network.name"), "x");
    assert_int_equal(first, 1);
    neutron_say(200, MATCH("revision_number=3"), neutron_at("PUT", "networks", network),
                "{\"network\":{\"name\":\"y\"}}");
    neutron_say(200, MATCH("\"something-else\""), neutron_at("PUT", "networks", network),
                "{\"network\":{\"name\":\"z\"}}");
    snprintf(body, sizeof(body), "%s", neutron_get("network.revision_number"));
    assert_string_equal(body, "5");
    neutron_say(204, MATCH("revision_number=5"), neutron_at("DELETE", "networks", network), NULL);
}

/* What is a part of a noun changes it. */
static void test_parts_revise(void **state)
{
    char network[64], group[64], rule[64], router[64], subnet[64], body[160];
    int was;

    (void)state;
    snprintf(network, sizeof(network), "%s", neutron_network(ALICE, ""));
    was = revision("network.revision_number");
    snprintf(subnet, sizeof(subnet), "%s", neutron_subnet(ALICE, network, ",\"cidr\":\"10.0.0.0/24\""));
    neutron_say(200, ALICE, neutron_at("GET", "networks", network), NULL);
    assert_int_equal(revision("network.revision_number"), was + 1);

    neutron_say(201, ALICE, "POST /routers", "{\"router\":{}}");
    snprintf(router, sizeof(router), "%s", neutron_get("router.id"));
    was = revision("router.revision_number");
    snprintf(body, sizeof(body), "{\"subnet_id\":\"%s\"}", subnet);
    neutron_say(200, ALICE, below("PUT", "routers", router, "add_router_interface"), body);
    neutron_say(200, ALICE, neutron_at("GET", "routers", router), NULL);
    assert_int_equal(revision("router.revision_number"), was + 1);

    neutron_say(201, ALICE, "POST /security-groups", "{\"security_group\":{\"name\":\"g\"}}");
    snprintf(group, sizeof(group), "%s", neutron_get("security_group.id"));
    snprintf(body, sizeof(body), "{\"security_group_rule\":{\"security_group_id\":\"%s\",\"direction\":\"ingress\"}}",
             group);
    neutron_say(201, ALICE, "POST /security-group-rules", body);
    snprintf(rule, sizeof(rule), "%s", neutron_get("security_group_rule.id"));
    neutron_say(200, ALICE, neutron_at("GET", "security-groups", group), NULL);
    was = revision("security_group.revision_number");
    neutron_say(204, ALICE, neutron_at("DELETE", "security-group-rules", rule), NULL);
    neutron_say(200, ALICE, neutron_at("GET", "security-groups", group), NULL);
    assert_int_equal(revision("security_group.revision_number"), was + 1);

    neutron_say(201, ADMIN, "POST /qos/policies", "{\"policy\":{\"name\":\"q\"}}");
    snprintf(group, sizeof(group), "%s", neutron_get("policy.id"));
    was = revision("policy.revision_number");
    neutron_say(201, ADMIN, below("POST", "qos/policies", group, "bandwidth_limit_rules"),
                "{\"bandwidth_limit_rule\":{\"max_kbps\":3000}}");
    neutron_say(200, ADMIN, neutron_at("GET", "qos/policies", group), NULL);
    assert_int_equal(revision("policy.revision_number"), was + 1);
}

/* Items of a bulk may stand in boxes of their own. */
static void test_boxed_items(void **state)
{
    (void)state;
    neutron_say(201, ALICE, "POST /networks", "{\"networks\":[{\"network\":{\"name\":\"a\"}},{\"name\":\"b\"}]}");
    assert_string_equal(neutron_get("networks.0.name"), "a");
    assert_string_equal(neutron_get("networks.1.name"), "b");
    neutron_say(400, ALICE, "POST /networks", "{\"networks\":[{\"network\":{\"colour\":1}}]}");
    neutron_say(400, ALICE, "POST /networks", "{\"networks\":[{\"network\":1}]}");
}

static const char *subnet_v6(const char *network)
{
    static char body[200];

    snprintf(body, sizeof(body), "{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":6,\"cidr\":\"2001:db8::/64\"}}",
             network);
    return body;
}

static void test_too_small_for_v6(void **state)
{
    char network[64];

    (void)state;
    snprintf(network, sizeof(network), "%s", neutron_network(ALICE, ",\"mtu\":1279"));
    neutron_say(409, ALICE, "POST /subnets", subnet_v6(network));
    assert_string_equal(neutron_get("NeutronError.type"), "NetworkMTUSubnetConflict");
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":1280}}");
    neutron_say(201, ALICE, "POST /subnets", subnet_v6(network));
    neutron_say(409, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":1279}}");
}

/* Without subnets it may be any, with one of IPv4 it is at least 68; 0 asks for the largest. */
static void test_too_small_for_v4(void **state)
{
    char network[64];

    (void)state;
    neutron_network(ALICE, ",\"mtu\":0");
    assert_string_equal(neutron_get("network.mtu"), "1450");
    snprintf(network, sizeof(network), "%s", neutron_network(ALICE, ",\"mtu\":67"));
    assert_string_equal(neutron_get("network.mtu"), "67");
    neutron_post(409, ALICE, "subnet", network, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
    assert_string_equal(neutron_get("NeutronError.type"), "NetworkMTUSubnetConflict");
    assert_non_null(strstr(neutron_get("NeutronError.message"), "subnet requires a minimum of 68"));
    neutron_say(409, ALICE, "POST /subnets", subnet_v6(network));
    assert_non_null(strstr(neutron_get("NeutronError.message"), "subnet requires a minimum of 68"));
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":0}}");
    assert_string_equal(neutron_get("network.mtu"), "1450");
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":68}}");
    neutron_post(201, ALICE, "subnet", network, ",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"");
    neutron_say(409, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":67}}");
    neutron_say(409, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":0}}");
}

static void run(const char *sql)
{
    struct kn_error err;

    assert_ok(kn_db_script(kn_neutron.db, sql, &err), &err);
}

static void make_host(const char *name, const char *underlay)
{
    AUTO_FREE char *sql = kn_asprintf(
        "INSERT INTO agent (id, boot) VALUES ('%s', 'b');"
        "INSERT INTO host (name, uuid, agent_id, zone, underlay, vcpus, memory_mib, disk_gib, cpu_ratio_percent, hypervisor_type, hypervisor_version)"
        " VALUES ('%s', gen_random_uuid(), '%s', 'nova', '%s', 1, 1, 1, 100, 'QEMU', 1);"
        "INSERT INTO network_host (host, physical, until) VALUES ('%s', '{wire-%s}', now() + interval '1 hour')",
        name, name, name, underlay, name, name);

    run(sql);
}

static void refuses_mtu(const char *request, const char *body, const char *largest)
{
    AUTO_FREE char *words = kn_asprintf("Invalid input for operation: Requested MTU is too big, maximum is %s.",
                                        largest);

    neutron_say(400, ADMIN, request, body);
    assert_string_equal(neutron_get("NeutronError.type"), "InvalidInput");
    assert_string_equal(neutron_get("NeutronError.message"), words);
}

#define FLAT(host, more) \
    "{\"network\":{\"provider:network_type\":\"flat\",\"provider:physical_network\":\"wire-" host "\"" more "}}"

/* No network carries more than the wires below it (network.physical_mtu) less what an overlay adds; that is also what one has that says nothing. */
static void test_too_big_for_the_wires(void **state)
{
    char network[64];

    (void)state;
    make_host("m4", "192.0.2.1");
    snprintf(network, sizeof(network), "%s", neutron_network(ALICE, ",\"mtu\":1450"));
    refuses_mtu("POST /networks", "{\"network\":{\"mtu\":1451}}", "1450");
    refuses_mtu(neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":1451}}", "1450");
    run("UPDATE network SET mtu = 9000"); /* from when the wires were better: it keeps it */
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":9000,\"name\":\"x\"}}");
    refuses_mtu(neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":9001}}", "1450");
    neutron_say(200, ALICE, neutron_at("PUT", "networks", network), "{\"network\":{\"mtu\":1400}}");
    refuses_mtu("POST /networks", FLAT("m4", ",\"mtu\":1501"), "1500");
    neutron_say(201, ADMIN, "POST /networks", FLAT("m4", ""));
    assert_string_equal(neutron_get("network.mtu"), "1500");
    make_host("m6", "2001:db8::6");
    neutron_network(ALICE, "");
    assert_string_equal(neutron_get("network.mtu"), "1430");
    refuses_mtu("POST /networks", "{\"network\":{\"mtu\":1431}}", "1430");
    run("DELETE FROM network; DELETE FROM host WHERE name IN ('m4', 'm6')");
}

/* --- who may not -------------------------------------------------------------------------------------------------------- */

#define CHIEF KN_TEST_TOKEN("a11ce", "manager")
#define BOBS_READER KN_TEST_TOKEN("b0b", "reader")
#define LIMITS "qos/policies/$/bandwidth_limit_rules"

/* $ of what: an id that is put there. */
static const char *with_id(const char *what, const char *id)
{
    static char text[4][256];
    static int at;
    char *out = text[at++ % 4];
    const int before = (int)strcspn(what, "$");

    snprintf(out, sizeof(text[0]), "%.*s%s%s", before, what, what[before] != '\0' ? id : "",
             what[before] != '\0' ? what + before + 1 : "");
    return out;
}

/* 404 for each of them, in the words of what there is none of, but for the id. */
static void hidden(const char *token, const char *method, const char *many, const char *id, const char *body)
{
    char there[256], absent[256];

    neutron_say(404, token, neutron_at(method, many, id), body);
    snprintf(there, sizeof(there), "%s: %s", neutron_get("NeutronError.type"), neutron_get("NeutronError.message"));
    neutron_say(404, token, neutron_at(method, many, KN_NEUTRON_NOBODY), body);
    snprintf(absent, sizeof(absent), "%s: %s", neutron_get("NeutronError.type"), neutron_get("NeutronError.message"));
    const char *named = strstr(absent, KN_NEUTRON_NOBODY);

    assert_non_null(named);
    assert_memory_equal(there, absent, (size_t)(named - absent));
    assert_string_equal(there + (named - absent) + strlen(id), named + strlen(KN_NEUTRON_NOBODY));
}

/* Whoever may change nothing hears first of a bad body, then whether there is such a thing for him, and only then that he may not. */
static void test_refusals(void **state)
{
    static const struct {
        const char *many, *one;
        const char *made; /* members of a new one; $: the network */
        const char *bad; /* of a change */
        const char *ruled; /* what only administrators change; NULL: nothing */
    } NOUNS[] = {
        { "networks", "network", "", "\"mtu\":\"x\"", "\"shared\":true" },
        { "subnets", "subnet", "\"network_id\":\"$\",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"", "\"enable_dhcp\":7",
          NULL },
        { "ports", "port", "\"network_id\":\"$\"", "\"admin_state_up\":7", "\"binding:host_id\":\"h\"" },
        { "security-groups", "security_group", "\"name\":\"g\"", "\"stateful\":7", NULL },
        { "address-groups", "address_group", "\"name\":\"a\",\"addresses\":[]", "\"name\":7", NULL },
        { "rbac-policies", "rbac_policy",
          "\"object_type\":\"network\",\"object_id\":\"$\",\"action\":\"access_as_shared\",\"target_tenant\":\"0123456789abcdef0123456789abcdef\"",
          "\"target_tenant\":7", "\"target_tenant\":\"*\"" },
        { "qos/policies", "policy", "\"name\":\"p\"", "\"shared\":7", NULL },
        { "routers", "router", "", "\"admin_state_up\":7", "\"ha\":true" },
        { "subnetpools", "subnetpool", "\"name\":\"s\",\"prefixes\":[\"10.0.0.0/8\"]", "\"default_prefixlen\":\"x\"",
          "\"is_default\":true" },
        { "address-scopes", "address_scope", "\"name\":\"s\",\"ip_version\":4", "\"name\":7", "\"shared\":true" },
    };
    char network[64] = "";

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        const char *many = NOUNS[i].many, *one = NOUNS[i].one;
        AUTO_FREE char *make = kn_asprintf("POST /%s", many);
        AUTO_FREE char *made = kn_asprintf("{\"%s\":{%s}}", one, with_id(NOUNS[i].made, network));
        AUTO_FREE char *good = kn_asprintf("{\"%s\":{}}", one);
        AUTO_FREE char *bad = kn_asprintf("{\"%s\":{%s}}", one, NOUNS[i].bad);
        AUTO_FREE char *path = kn_asprintf("%s.id", one);
        char id[64];

        neutron_say(201, CHIEF, make, made);
        kn_copy(id, sizeof(id), neutron_get(path));
        if (i == 0) {
            kn_copy(network, sizeof(network), id);
        }
        neutron_say(403, READER, make, made);
        neutron_say(400, READER, make, "{}");
        neutron_say(403, READER, neutron_at("PUT", many, id), good);
        neutron_say(403, READER, neutron_at("DELETE", many, id), NULL);
        neutron_say(400, READER, neutron_at("PUT", many, id), bad);
        hidden(BOBS_READER, "PUT", many, id, good);
        hidden(BOBS_READER, "DELETE", many, id, NULL);
        neutron_say(400, BOBS_READER, neutron_at("PUT", many, id), bad);
        if (NOUNS[i].ruled != NULL) {
            AUTO_FREE char *ruled = kn_asprintf("{\"%s\":{%s}}", one, NOUNS[i].ruled);

            neutron_say(403, ALICE, neutron_at("PUT", many, id), ruled);
            hidden(BOB, "PUT", many, id, ruled);
        }
        neutron_say(200, CHIEF, neutron_at("GET", many, id), NULL);
    }
}

/* A member makes no QoS; what he sees of it is his project's and what others share. */
static void test_refusals_below(void **state)
{
    char theirs[64], rule[64], mine[64];

    (void)state;
    neutron_say(201, CHIEF, "POST /qos/policies", "{\"policy\":{\"name\":\"theirs\"}}");
    kn_copy(theirs, sizeof(theirs), neutron_get("policy.id"));
    AUTO_FREE char *post = kn_asprintf("POST /%s", with_id(LIMITS, theirs));
    AUTO_FREE char *rules = kn_strdup(with_id(LIMITS, theirs));

    neutron_say(201, CHIEF, post, "{\"bandwidth_limit_rule\":{\"max_kbps\":1000}}");
    kn_copy(rule, sizeof(rule), neutron_get("bandwidth_limit_rule.id"));
    neutron_say(403, ALICE, post, "{\"bandwidth_limit_rule\":{\"max_kbps\":1000,\"direction\":\"ingress\"}}");
    neutron_say(400, ALICE, post, "{\"bandwidth_limit_rule\":{\"max_kbps\":-5}}");
    neutron_say(403, ALICE, neutron_at("PUT", rules, rule), "{\"bandwidth_limit_rule\":{\"max_kbps\":5}}");
    neutron_say(404, BOB, neutron_at("PUT", rules, rule), "{\"bandwidth_limit_rule\":{\"max_kbps\":5}}");
    assert_string_equal(neutron_get("NeutronError.type"), "QosPolicyNotFound");
    neutron_say(404, BOB, neutron_at("DELETE", rules, rule), NULL);
    neutron_say(404, BOB, below("PUT", "qos/policies", theirs, "tags/x"), NULL);
    neutron_say(200, CHIEF, neutron_at("PUT", "qos/policies", theirs), "{\"policy\":{\"shared\":true}}");
    neutron_say(403, BOB, neutron_at("PUT", "qos/policies", theirs), "{\"policy\":{}}");
    neutron_say(403, BOB, neutron_at("DELETE", rules, rule), NULL);
    neutron_say(404, BOB, neutron_at("DELETE", rules, KN_NEUTRON_NOBODY), NULL);
    assert_string_equal(neutron_get("NeutronError.type"), "QosRuleNotFound");
    /* Segments are nobody's but administrators'; one's own router is refused by the rule, another's is not there. */
    kn_copy(mine, sizeof(mine), neutron_network(ALICE, ""));
    neutron_say(404, ALICE, neutron_at("DELETE", "segments", mine), NULL);
    neutron_say(201, ALICE, "POST /routers", "{\"router\":{}}");
    kn_copy(mine, sizeof(mine), neutron_get("router.id"));
    neutron_say(403, READER, below("PUT", "routers", mine, "add_router_interface"), "{}");
    neutron_say(404, BOBS_READER, below("PUT", "routers", mine, "add_router_interface"), "{}");
    neutron_say(404, BOBS_READER, below("PUT", "routers", KN_NEUTRON_NOBODY, "add_router_interface"), "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tags_of_each_noun, kn_neutron_fresh),
        cmocka_unit_test_setup(test_too_big_for_the_wires, kn_neutron_fresh),
        cmocka_unit_test_setup(test_too_small_for_v4, kn_neutron_fresh),
        cmocka_unit_test_setup(test_parts_revise, kn_neutron_fresh),
        cmocka_unit_test_setup(test_boxed_items, kn_neutron_fresh),
        cmocka_unit_test_setup(test_too_small_for_v6, kn_neutron_fresh),
        cmocka_unit_test_setup(test_tags_as_filters, kn_neutron_fresh),
        cmocka_unit_test_setup(test_revisions, kn_neutron_fresh),
        cmocka_unit_test_setup(test_refusals, kn_neutron_fresh),
        cmocka_unit_test_setup(test_refusals_below, kn_neutron_fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
