/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutron's bodies, field by field: each gets values of every wrong type, in POST and in PUT, and answers 400 with nothing changed.
 * Then what is the same said in another way: defaults, a port's present state, ids in capitals.
 */
#include "tests/support/test.h"

#include <ctype.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "tests/support/front.h"
#include "tests/support/neutron.h"

#define ALICE KN_TEST_TOKEN("a11ce", "member")
#define ADMIN KN_TEST_TOKEN("ad", "admin")

static char network[KN_UUID_SIZE], subnet[KN_UUID_SIZE], port[KN_UUID_SIZE];

/* noun.member of the last answer. */
static void keep(const char *noun, const char *member, char *out, size_t size)
{
    json_t *json = kn_test_http_json(&kn_neutron.http);

    kn_copy(out, size, json_string_value(json_object_get(json_object_get(json, noun), member)));
    json_decref(json);
}

/* POST of {"<noun>": {<members>}}; its id. */
static void make(const char *noun, const char *members, char id[KN_UUID_SIZE])
{
    AUTO_FREE char *path = kn_asprintf("%ss", noun);
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s}}", noun, members);

    kn_neutron_ask(201, ALICE, "POST", path, body);
    keep(noun, "id", id, KN_UUID_SIZE);
}

static void put(int status, const char *token, const char *noun, const char *id, const char *members)
{
    AUTO_FREE char *path = kn_asprintf("%ss/%s", noun, id);
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s}}", noun, members);

    kn_neutron_ask(status, token, "PUT", path, body);
}

static void fingerprint(char out[64])
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(
        kn_db_query(
            kn_neutron.db,
            "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (SELECT t::text AS line FROM network t UNION ALL "
            "SELECT t::text FROM subnet t UNION ALL SELECT t::text FROM port t UNION ALL SELECT t::text FROM address t "
            "UNION ALL SELECT t::text FROM quota_limit t) lines",
            0, KN_NO_ARGS, &rows, &err),
        &err);
    kn_copy(out, 64, kn_rows_text(rows, 0, 0));
}

/* --- wrong types -------------------------------------------------------------------------------------------------- */

enum { TEXT = 1, NUMBER = 2, BOOLEAN = 4, LIST = 8, DICT = 16, NOTHING = 32 };

static const struct {
    int type;
    const char *value;
} VALUES[] = {
    { TEXT, "\"no such thing\"" }, { NUMBER, "5.5" }, { BOOLEAN, "true" }, { LIST, "[[1]]" },
    { DICT, "{\"a\":{\"b\":1}}" }, { NUMBER, "-7" },  { NOTHING, "null" },
};

/* %s: the field's value. fine: the types that it takes, or that mean the same as not saying it. */
static const struct {
    const char *noun, *members;
    int fine;
    bool only_post;
} FIELDS[] = {
    { "network", "\"name\":%s", TEXT, false },
    { "network", "\"description\":%s", TEXT, false },
    { "network", "\"admin_state_up\":%s", BOOLEAN, false },
    { "network", "\"shared\":%s", BOOLEAN, false },
    { "network", "\"router:external\":%s", BOOLEAN, false },
    { "network", "\"is_default\":%s", NOTHING, false },
    { "network", "\"mtu\":%s", 0, false },
    { "network", "\"tenant_id\":%s", TEXT, true },
    { "network", "\"project_id\":%s", TEXT, true },
    { "network", "\"provider:network_type\":%s", NOTHING, true },
    { "network", "\"provider:segmentation_id\":%s", NOTHING, true },
    { "network", "\"provider:physical_network\":%s", NOTHING, true },
    { "network", "\"colour\":%s", 0, false },
    { "subnet", "\"name\":%s", TEXT, false },
    { "subnet", "\"description\":%s", TEXT, false },
    { "subnet", "\"cidr\":%s", 0, true },
    { "subnet", "\"ip_version\":%s", 0, true },
    { "subnet", "\"enable_dhcp\":%s", BOOLEAN, false },
    { "subnet", "\"gateway_ip\":%s", NOTHING, false },
    { "subnet", "\"allocation_pools\":%s", NOTHING, false },
    { "subnet", "\"allocation_pools\":[{\"start\":%s,\"end\":\"10.0.0.9\"}]", 0, false },
    { "subnet", "\"allocation_pools\":[{\"start\":\"10.0.0.5\",\"end\":%s}]", 0, false },
    { "subnet", "\"allocation_pools\":[{\"start\":\"10.0.0.5\",\"end\":\"10.0.0.9\",\"x\":%s}]", 0, false },
    { "subnet", "\"dns_nameservers\":%s", NOTHING, false },
    { "subnet", "\"dns_nameservers\":[%s]", 0, false },
    { "subnet", "\"host_routes\":%s", NOTHING, false },
    { "subnet", "\"host_routes\":[%s]", 0, false },
    { "subnet", "\"host_routes\":[{\"destination\":%s,\"nexthop\":\"10.0.0.1\"}]", 0, false },
    { "subnet", "\"host_routes\":[{\"destination\":\"10.2.0.0/16\",\"nexthop\":%s}]", 0, false },
    { "subnet",
      "\"host_routes\":[{\"destination\":\"10.2.0.0/16\",\"nexthop\":\"10.0.0.1\"},{\"destination\":\"10.2.0.0/16\","
      "\"nexthop\":\"10.0.0.1\"}],\"description\":%s",
      0, false }, /* twice the same, so nothing helps */
    { "subnet", "\"subnetpool_id\":%s", NOTHING, true },
    { "subnet", "\"prefixlen\":%s", NOTHING, true },
    { "subnet", "\"use_default_subnetpool\":%s", NOTHING, true },
    { "subnet", "\"ipv6_ra_mode\":%s", NOTHING, true },
    { "subnet", "\"ipv6_address_mode\":%s", NOTHING, true },
    { "port", "\"name\":%s", TEXT, false },
    { "port", "\"description\":%s", TEXT, false },
    { "port", "\"admin_state_up\":%s", BOOLEAN, false },
    { "port", "\"mac_address\":%s", 0, false },
    { "port", "\"device_id\":%s", TEXT | NOTHING, false },
    { "port", "\"device_owner\":%s", TEXT | NOTHING, false },
    { "port", "\"binding:vnic_type\":%s", NOTHING, false },
    { "port", "\"binding:host_id\":%s", TEXT | NOTHING, false },
    { "port", "\"binding:profile\":%s", DICT | NOTHING, false },
    { "port", "\"fixed_ips\":%s", NOTHING, false },
    { "port", "\"fixed_ips\":[%s]", 0, false },
    { "port", "\"fixed_ips\":[{\"subnet_id\":%s}]", 0, false },
    { "port", "\"fixed_ips\":[{\"ip_address\":%s}]", 0, false },
    { "port", "\"fixed_ips\":[{\"subnet_id\":\"#\",\"ip_address\":%s}]", 0, false },
    { "port", "\"fixed_ips\":[{\"ip_address\":\"10.0.0.77\",\"subnet_id\":%s}]", 0, false },
    { "port", "\"fixed_ips\":[{\"ip_address\":\"10.0.0.77\",\"x\":%s}]", 0, false },
    { "port", "\"security_groups\":%s", NOTHING, false },
    { "port", "\"security_groups\":[%s]", 0, false },
    { "port", "\"port_security_enabled\":%s", BOOLEAN, false },
    { "port", "\"allowed_address_pairs\":%s", NOTHING, false },
    { "port", "\"allowed_address_pairs\":[%s]", 0, false },
    { "port", "\"allowed_address_pairs\":[{\"ip_address\":%s}]", 0, false },
    { "port", "\"allowed_address_pairs\":[{\"ip_address\":\"10.0.0.9\",\"mac_address\":%s}]", 0, false },
    { "port", "\"extra_dhcp_opts\":%s", NOTHING, false },
    { "port", "\"extra_dhcp_opts\":[%s]", 0, false },
    { "port", "\"extra_dhcp_opts\":[{\"opt_name\":\"mtu\",\"opt_value\":%s}]", TEXT | NOTHING, false },
    { "port", "\"extra_dhcp_opts\":[{\"opt_name\":%s,\"opt_value\":\"1\"}]", 0, false },
    { "port", "\"dns_name\":%s", NOTHING, false },
    { "network", "\"dns_domain\":%s", 0, false },
    { "quota", "\"network\":%s", 0, false },
    { "quota", "\"subnet\":%s", 0, false },
    { "quota", "\"port\":%s", 0, false },
    { "quota", "\"security_group\":%s", 0, false },
    { "quota", "\"security_group_rule\":%s", 0, false },
    { "quota", "\"check_limit\":%s", BOOLEAN, false },
};

/* The template with the value, and with the subnet's id for its '#'. */
static char *fill(const char *members, const char *value)
{
    const char *mark = strstr(members, "%s"), *hash = strchr(members, '#');
    AUTO_FREE char *head = hash == NULL ? kn_asprintf("%.*s", (int)(mark - members), members)
                                        : kn_asprintf("%.*s%s%.*s", (int)(hash - members), members, subnet,
                                                      (int)(mark - hash - 1), hash + 1);

    return kn_asprintf("%s%s%s", head, value, mark + 2);
}

static void refuse(size_t i, const char *value)
{
    const char *noun = FIELDS[i].noun;
    AUTO_FREE char *members = fill(FIELDS[i].members, value);
    AUTO_FREE char *path = kn_asprintf("%ss", noun);
    const char *id = strcmp(noun, "network") == 0  ? network
                     : strcmp(noun, "subnet") == 0 ? subnet
                     : strcmp(noun, "port") == 0   ? port
                                                   : "a11ce";

    if (strcmp(noun, "quota") != 0) {
        AUTO_FREE char *in = strcmp(noun, "network") == 0 ? kn_strdup("")
                                                          : kn_asprintf("\"network_id\":\"%s\",", network);
        const char *must = strcmp(noun, "subnet") != 0 || strstr(members, "cidr") != NULL ||
                                   strstr(members, "ip_version") != NULL
                               ? ""
                               : "\"ip_version\":4,\"cidr\":\"10.0.0.0/24\",";
        AUTO_FREE char *body = kn_asprintf("{\"%s\":{%s%s%s}}", noun, in, must, members);

        kn_neutron_ask(400, ADMIN, "POST", path, body);
    }
    if (!FIELDS[i].only_post) {
        put(400, ADMIN, noun, id, members);
    }
}

static void test_wrong_types(void **state)
{
    char before[64], after[64];

    (void)state;
    fingerprint(before);
    for (size_t i = 0; i < KN_COUNT(FIELDS); i++) {
        for (size_t v = 0; v < KN_COUNT(VALUES); v++) {
            if ((VALUES[v].type & FIELDS[i].fine) == 0) {
                refuse(i, VALUES[v].value);
            }
        }
    }
    fingerprint(after);
    assert_string_equal(after, before);
}

/* --- the same in other words -------------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    char id[KN_UUID_SIZE];

    (void)state;
    make(
        "network",
        "\"name\":\"d\",\"shared\":false,\"is_default\":false,\"router:external\":false,\"provider:network_type\":null",
        id);
    AUTO_FREE char *profile = kn_asprintf("\"network_id\":\"%s\",\"binding:profile\":{}", network);
    make("port", profile, id);
    AUTO_FREE char *nothing = kn_asprintf("\"network_id\":\"%s\",\"security_groups\":[]", network);
    make("port", nothing, id);
    put(200, ALICE, "port", id, "\"security_groups\":[]");
}

/* PUT of one attribute as an answer shows it. */
static void echo(const char *noun, const char *id, const char *name, json_t *value)
{
    json_t *body = json_pack("{s:{s:O}}", noun, name, value);
    AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    AUTO_FREE char *path = kn_asprintf("/network/v2.0/%ss/%s", noun, id);

    json_decref(body);
    kn_test_http_ask(&kn_neutron.http, "PUT", path, ADMIN, text);
    if (kn_neutron.http.status != 200 &&
        (kn_neutron.http.status != 400 ||
         strstr(kn_neutron.http.body.buf, "Cannot update read-only attribute") == NULL)) {
        fail_msg("PUT %s %s: %d %s", path, text, kn_neutron.http.status, kn_neutron.http.body.buf);
    }
}

/* Clients read an object, change a word and send it back: each attribute that answers show is one that bodies know, if only as read-only. */
static void test_what_is_shown_is_known(void **state)
{
    const char *const nouns[] = { "network", "subnet", "port" }, *const ids[] = { network, subnet, port };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(nouns); i++) {
        AUTO_FREE char *path = kn_asprintf("%ss/%s", nouns[i], ids[i]);
        const char *name;
        json_t *value;

        kn_neutron_ask(200, ADMIN, "GET", path, NULL);
        json_t *json = kn_test_http_json(&kn_neutron.http);
        assert_true(json_object_size(json_object_get(json, nouns[i])) > 10);
        json_object_foreach (json_object_get(json, nouns[i]), name, value) {
            echo(nouns[i], ids[i], name, value);
        }
        json_decref(json);
    }
}

static size_t count(const char *path)
{
    kn_neutron_ask(200, ALICE, "GET", path, NULL);
    json_t *json = kn_test_http_json(&kn_neutron.http);
    size_t n = json_array_size(json_object_get(json, "networks"));

    json_decref(json);
    return n;
}

static void test_external(void **state)
{
    (void)state;
    assert_int_equal(count("networks?router:external=True"), 0);
    assert_int_equal(count("networks?router:external=False"), 1);
    assert_int_equal(count("networks?router%3Aexternal=true&is_default=true"), 0);
    kn_neutron_ask(403, ALICE, "POST", "networks", "{\"network\":{\"name\":\"x\",\"shared\":true}}");
    put(403, ALICE, "network", network, "\"shared\":false");
}

/* What its host must be told, since it was asked last. */
static void host_hears(const char *id, int changes)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err;

    assert_ok(kn_db_query(kn_neutron.db, "DELETE FROM network_change WHERE id = $1::uuid RETURNING 1", 1, KN_ARGS(id),
                          &rows, &err),
              &err);
    assert_int_equal(kn_rows_count(rows), changes);
}

/* A bound port may be told what it is already, in any words. New addresses and its being down reach its host; what its guest has stays. */
static void test_bound_port(void **state)
{
    AUTO_FREE char *bind =
        kn_asprintf("UPDATE port SET device_id = 'd', device_owner = 'compute:nova', nic = 0 WHERE id = '%s';"
                    "INSERT INTO port_binding (port_id, host, state) VALUES ('%s', 'h', 'active')",
                    port, port);
    AUTO_FREE char *same = kn_asprintf(
        "\"fixed_ips\":[{\"subnet_id\":\"%s\",\"ip_address\":\"10.0.0.50\"}],\"name\":\"named\",\"device_id\":\"d\","
        "\"device_owner\":\"compute:nova\",\"admin_state_up\":true",
        subnet);
    AUTO_FREE char *any = kn_asprintf("\"fixed_ips\":[{\"subnet_id\":\"%s\"}]", subnet);
    struct kn_error err;
    char name[32];

    (void)state;
    assert_ok(kn_db_script(kn_neutron.db, bind, &err), &err);
    put(200, ALICE, "port", port, same);
    keep("port", "name", name, sizeof(name));
    assert_string_equal(name, "named");
    put(200, ALICE, "port", port, "\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}]");
    put(200, ALICE, "port", port, any);
    put(400, ALICE, "port", port, "\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"},{\"ip_address\":\"10.0.0.50\"}]");
    host_hears(port, 0);
    put(200, ALICE, "port", port, "\"fixed_ips\":[{\"ip_address\":\"10.0.0.51\"}]");
    host_hears(port, 1);
    put(200, ALICE, "port", port, "\"fixed_ips\":[]");
    host_hears(port, 1);
    put(200, ALICE, "port", port, "\"admin_state_up\":false");
    host_hears(port, 1);
    put(400, ADMIN, "port", port, "\"mac_address\":\"02:00:A9:FE:A9:FE\""); /* the metadata door's */
    put(409, ADMIN, "port", port, "\"mac_address\":\"fa:16:3e:00:00:02\"");
    put(200, ADMIN, "port", port, "\"mac_address\":\"FA:16:3E:00:00:01\"");
    put(403, ALICE, "port", port, "\"mac_address\":\"FA:16:3E:00:00:01\""); /* as Neutron: it is named */
    put(409, ALICE, "port", port, "\"device_owner\":\"\"");
}

/* Words like network:x have no device behind them, so they hold nothing; the ports that are the cloud's own stay as they are. */
static void test_network_owner(void **state)
{
    AUTO_FREE char *members = kn_asprintf("\"network_id\":\"%s\",\"device_owner\":\"network:x\"", network);
    char id[KN_UUID_SIZE];

    (void)state;
    make("port", members, id);
    AUTO_FREE char *path = kn_asprintf("ports/%s", id);
    kn_neutron_ask(204, ALICE, "DELETE", path, NULL);
    kn_neutron_ask(200, ALICE, "GET", "ports?device_owner=network:dhcp", NULL);
    json_t *json = kn_test_http_json(&kn_neutron.http);
    kn_copy(id, sizeof(id),
            json_string_value(json_object_get(json_array_get(json_object_get(json, "ports"), 0), "id")));
    json_decref(json);
    put(409, ALICE, "port", id, "\"device_owner\":\"\"");
    put(409, ALICE, "port", id, "\"fixed_ips\":[]");
    put(200, ALICE, "port", id, "\"name\":\"dhcp\"");
}

static void test_capitals(void **state)
{
    char up[2][KN_UUID_SIZE], id[KN_UUID_SIZE];

    (void)state;
    kn_copy(up[0], KN_UUID_SIZE, network);
    kn_copy(up[1], KN_UUID_SIZE, subnet);
    for (char *c = up[0]; c < up[1] + KN_UUID_SIZE; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
    AUTO_FREE char *members = kn_asprintf("\"network_id\":\"%s\",\"fixed_ips\":[{\"subnet_id\":\"%s\"}]", up[0], up[1]);
    AUTO_FREE char *filter = kn_asprintf("networks?id=%s", up[0]);
    AUTO_FREE char *next = kn_asprintf("\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.9.0.0/24\"", up[0]);

    make("port", members, id);
    keep("port", "network_id", id, sizeof(id));
    assert_string_equal(id, network);
    make("subnet", next, id);
    assert_int_equal(count(filter), 1);
}

/* --- the world ---------------------------------------------------------------------------------------------------- */

/* A network with a subnet and a port on it. */
static int fresh(void **state)
{
    kn_neutron_fresh(state);
    make("network", "\"name\":\"n\"", network);
    AUTO_FREE char *inside = kn_asprintf("\"network_id\":\"%s\",\"ip_version\":4,\"cidr\":\"10.0.0.0/24\"", network);
    make("subnet", inside, subnet);
    AUTO_FREE char *plugged =
        kn_asprintf("\"network_id\":\"%s\",\"fixed_ips\":[{\"ip_address\":\"10.0.0.50\"}],\"mac_address\":"
                    "\"fa:16:3e:00:00:01\"",
                    network);
    make("port", plugged, port);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_wrong_types, fresh),
        cmocka_unit_test_setup(test_defaults, fresh),
        cmocka_unit_test_setup(test_external, fresh),
        cmocka_unit_test_setup(test_bound_port, fresh),
        cmocka_unit_test_setup(test_what_is_shown_is_known, fresh),
        cmocka_unit_test_setup(test_network_owner, fresh),
        cmocka_unit_test_setup(test_capitals, fresh),
    };
    return cmocka_run_group_tests(tests, kn_neutron_start, kn_neutron_stop);
}
