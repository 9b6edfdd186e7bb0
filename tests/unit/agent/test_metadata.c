/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest is told about itself, path by path. */
#include "tests/support/test.h"

#include <string.h>

#include "compute-agent/metadata/metadata.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"

static const char SPEC[] =
    "{\"name\":\"web \\\"1\\\"\",\"hostname\":\"web-1\",\"project\":\"p1\",\"zone\":\"nova\",\"flavor\":\"m1.small\",\"key_name\":\"mine\","
    "\"public_key\":\"ssh-ed25519 AAAA me\",\"user_data\":\"IyEvYmluL3NoCmVjaG8gaGkK\",\"metadata\":{\"role\":\"db\"},"
    "\"files\":[{\"path\":\"/etc/motd\",\"contents\":\"aGVs\\nbG8K\"}],"
    "\"image\":{\"id\":\"0abcdef0-0000-4000-8000-000000000000\"},"
    "\"nics\":[{\"port\":\"p\",\"network\":\"n\",\"mac\":\"fa:16:3e:00:00:01\",\"tap\":\"tap1\",\"mtu\":1450,\"ips\":["
    "{\"address\":\"10.0.0.5\",\"prefix\":24,\"version\":4,\"gateway\":\"10.0.0.1\",\"dhcp\":true,\"dns\":[\"9.9.9.9\"],\"routes\":[]}]},"
    "{\"port\":\"q\",\"network\":\"m\",\"tag\":\"inside\",\"mac\":\"fa:16:3e:00:00:02\",\"tap\":\"tap2\",\"ips\":["
    "{\"address\":\"10.1.0.5\",\"prefix\":22,\"version\":4,\"gateway\":\"10.1.0.1\",\"dhcp\":false,\"dns\":[],"
    "\"routes\":[{\"destination\":\"192.168.0.0/16\",\"nexthop\":\"10.1.0.9\"}]}]}]}";

struct got {
    int status;
    struct kn_strbuf body;
    const char *type;
};

static struct got get_of(const char *spec_text, const char *path)
{
    json_t *spec = json_loads(spec_text, 0, NULL);
    struct got got = { 0, KN_STRBUF_INIT, NULL };

    assert_non_null(spec);
    got.status = kn_agent_metadata_answer(SERVER, spec, path, &got.body, &got.type);
    json_decref(spec);
    return got;
}

static void text_is(const char *path, const char *want)
{
    struct got got = get_of(SPEC, path);

    assert_int_equal(got.status, 200);
    assert_string_equal(got.body.buf, want);
    kn_strbuf_release(&got.body);
}

static void absent(const char *spec, const char *path)
{
    struct got got = get_of(spec, path);

    if (got.status != 404) {
        fail_msg("\"%s\" is there", path);
    }
    kn_strbuf_release(&got.body);
}

static json_t *document(const char *path)
{
    struct got got = get_of(SPEC, path);
    json_t *doc = json_loadb(got.body.buf, got.body.len, 0, NULL);

    assert_int_equal(got.status, 200);
    assert_string_equal(got.type, "application/json");
    assert_non_null(doc);
    kn_strbuf_release(&got.body);
    return doc;
}

static void test_ec2(void **state)
{
    (void)state;
    text_is("/latest", "meta-data/\nuser-data");
    text_is("/2009-04-04/user-data", "#!/bin/sh\necho hi\n");
    text_is("/latest/meta-data/hostname", "web-1");
    text_is("/latest/meta-data/instance-id", "i-5d1c5e1c");
    text_is("/latest/meta-data/ami-id", "ami-0abcdef0");
    text_is("/latest/meta-data/local-ipv4", "10.0.0.5");
    text_is("/latest/meta-data/instance-type", "m1.small");
    text_is("/latest/meta-data/block-device-mapping/", "ami\nroot");
    text_is("/latest/meta-data/block-device-mapping/ami", "vda");
    text_is("/latest/meta-data/block-device-mapping/root", "/dev/vda");
    text_is("/latest/meta-data/placement/availability-zone", "nova");
    text_is("/latest/meta-data/public-keys/", "0=mine");
    text_is("/latest/meta-data/public-keys/0/", "openssh-key");
    text_is("//latest///meta-data/public-keys/0/openssh-key/", "ssh-ed25519 AAAA me");
}

/* What is the guest's own beside the image's disk; cloud-init mounts it by these names. */
static void test_local_disks(void **state)
{
    static const char WITH[] =
        "{\"name\":\"w\",\"hostname\":\"w\",\"disks\":[{\"device\":\"/dev/sda\",\"bus\":\"sata\",\"tag\":\"root\"},"
        "{\"device\":\"/dev/vda\",\"bus\":\"virtio\",\"size_mib\":9,\"name\":\"ephemeral0\",\"tag\":\"scratch\"},"
        "{\"device\":\"/dev/vdb\",\"bus\":\"virtio\",\"size_mib\":9,\"name\":\"swap\"}],\"volumes\":["
        "{\"volume\":\"v1\",\"device\":\"/dev/vdc\",\"tag\":\"data\"},{\"volume\":\"v2\",\"device\":\"/dev/vdd\"}]}";
    static const char *const SAID[][2] = {
        { "", "ami\nephemeral0\nroot\nswap" },
        { "ami", "sda" },
        { "root", "/dev/sda" },
        { "ephemeral0", "vda" },
        { "swap", "vdb" },
    };
    json_auto_t *devices =
        json_loads("[{\"type\":\"disk\",\"bus\":\"sata\",\"path\":\"/dev/sda\",\"tags\":[\"root\"]},"
                   "{\"type\":\"disk\",\"bus\":\"pci\",\"path\":\"/dev/vda\",\"tags\":[\"scratch\"]},"
                   "{\"type\":\"disk\",\"bus\":\"pci\",\"serial\":\"v1\",\"path\":\"/dev/vdc\",\"tags\":[\"data\"]}]",
                   0, NULL);
    struct got got;

    (void)state;
    for (size_t i = 0; i < KN_COUNT(SAID); i++) {
        AUTO_FREE char *path = kn_asprintf("/latest/meta-data/block-device-mapping/%s", SAID[i][0]);

        got = get_of(WITH, path);
        assert_string_equal(got.body.buf, SAID[i][1]);
        kn_strbuf_release(&got.body);
    }
    got = get_of(WITH, "/openstack/latest/meta_data.json");
    json_auto_t *doc = json_loads(got.body.buf, 0, NULL);

    assert_true(json_equal(json_object_get(doc, "devices"), devices));
    kn_strbuf_release(&got.body);
}

/* Follows every name of a directory's listing down to the leaves: what is named is there. */
static void walk(const char *spec, const char *dir, int *leaves)
{
    struct got got = get_of(spec, dir);
    char *rest = NULL;

    assert_int_equal(got.status, 200);
    for (char *name = strtok_r(got.body.buf, "\n", &rest); name != NULL; name = strtok_r(NULL, "\n", &rest)) {
        AUTO_FREE char *path = kn_asprintf("%s%s", dir, strcmp(name, "0=mine") == 0 ? "0/" : name);
        if (path[strlen(path) - 1] == '/') {
            walk(spec, path, leaves);
        } else {
            struct got leaf = get_of(spec, path);
            assert_int_equal(leaf.status, 200);
            kn_strbuf_release(&leaf.body);
            ++*leaves;
        }
    }
    kn_strbuf_release(&got.body);
}

static void test_listings_keep_their_word(void **state)
{
    int leaves = 0;

    (void)state;
    walk(SPEC, "/latest/", &leaves);
    assert_int_equal(leaves, 17);
    walk(SPEC, "/openstack/latest/", &leaves);
    assert_int_equal(leaves, 17 + 6);
    leaves = 0;
    walk("{\"hostname\":\"h\"}", "/latest/", &leaves);
    walk("{\"hostname\":\"h\"}", "/openstack/latest/", &leaves);
    assert_int_equal(leaves, 11 + 5); /* neither key nor user data, image, flavor, zone, address */
}

static void test_openstack(void **state)
{
    json_t *again = document("/openstack/latest/meta_data.json");
    json_t *doc = document("/openstack/latest/meta_data.json");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(doc, "uuid")), SERVER);
    assert_string_equal(json_string_value(json_object_get(doc, "name")), "web \"1\"");
    assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "public_keys"), "mine")),
                        "ssh-ed25519 AAAA me");
    assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "meta"), "role")), "db");
    const json_t *devices = json_object_get(doc, "devices"), *device = json_array_get(devices, 0);

    assert_int_equal(json_array_size(devices), 1); /* only what has a tag */
    assert_string_equal(json_string_value(json_object_get(device, "mac")), "fa:16:3e:00:00:02");
    assert_string_equal(json_string_value(json_array_get(json_object_get(device, "tags"), 0)), "inside");
    assert_int_equal(json_string_length(json_object_get(doc, "random_seed")), 684); /* 512 bytes */
    assert_false(json_equal(json_object_get(doc, "random_seed"), json_object_get(again, "random_seed")));
    json_decref(again);
    json_decref(doc);
    text_is("/openstack/2018-08-27/user_data", "#!/bin/sh\necho hi\n");
    text_is("/openstack/latest/vendor_data.json", "{}");
    text_is("/openstack/latest/password", "");
}

static void test_network_data(void **state)
{
    json_t *doc = document("/openstack/latest/network_data.json");
    json_t *networks = json_object_get(doc, "networks");
    json_t *fixed = json_array_get(networks, 1);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(doc, "links")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(networks, 0), "type")), "ipv4_dhcp");
    assert_string_equal(json_string_value(json_object_get(fixed, "ip_address")), "10.1.0.5");
    assert_string_equal(json_string_value(json_object_get(fixed, "netmask")), "255.255.252.0");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(fixed, "routes"), 1),
                                                          "netmask")),
                        "255.255.0.0");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(doc, "services"), 0),
                                                          "address")),
                        "9.9.9.9");
    json_decref(doc);
}

/* Of each subnet how the guest gets its addresses, in Nova's words; two of one subnet that it asks for are asked for once. */
static void test_network_data_of_both_families(void **state)
{
    static const char NICS[] =
        "{\"nics\":[{\"port\":\"p\",\"network\":\"n\",\"mac\":\"fa:16:3e:00:00:01\",\"tap\":\"tap1\",\"mtu\":1450,\"ips\":["
        "{\"address\":\"10.0.0.5\",\"prefix\":24,\"version\":4,\"subnet\":\"s4\",\"dhcp\":true,\"dns\":[],\"routes\":[]},"
        "{\"address\":\"10.0.0.6\",\"prefix\":24,\"version\":4,\"subnet\":\"s4\",\"dhcp\":true,\"dns\":[],\"routes\":[]},"
        "{\"address\":\"fd00::5\",\"prefix\":64,\"version\":6,\"subnet\":\"a\",\"dhcp\":true,\"mode\":\"slaac\",\"dns\":[],\"routes\":[]},"
        "{\"address\":\"fd01::5\",\"prefix\":64,\"version\":6,\"subnet\":\"b\",\"dhcp\":true,\"mode\":\"dhcpv6-stateful\",\"dns\":[],"
        "\"routes\":[{\"destination\":\"fd09::/48\",\"nexthop\":\"fd01::9\"}]},"
        "{\"address\":\"fd02::5\",\"prefix\":64,\"version\":6,\"subnet\":\"c\",\"gateway\":\"fd02::1\",\"dhcp\":true,\"dns\":[],\"routes\":[]},"
        "{\"address\":\"fd02::6\",\"prefix\":60,\"version\":6,\"subnet\":\"c\",\"dhcp\":true,\"dns\":[],\"routes\":[]}]}]}";
    static const char *const WANTED[][3] = { { "ipv4_dhcp", NULL, NULL },
                                             { "ipv6_slaac", "fd00::5", "ffff:ffff:ffff:ffff::" },
                                             { "ipv6_dhcpv6-stateful", "fd01::5", "ffff:ffff:ffff:ffff::" },
                                             { "ipv6", "fd02::5", "ffff:ffff:ffff:ffff::" },
                                             { "ipv6", "fd02::6", "ffff:ffff:ffff:fff0::" } };
    struct got got = get_of(NICS, "/openstack/latest/network_data.json");
    json_auto_t *doc = json_loads(got.body.buf, 0, NULL);
    const json_t *networks = json_object_get(doc, "networks");

    (void)state;
    assert_int_equal(json_array_size(networks), KN_COUNT(WANTED));
    for (size_t i = 0; i < KN_COUNT(WANTED); i++) {
        const json_t *network = json_array_get(networks, i);

        assert_string_equal(json_string_value(json_object_get(network, "type")), WANTED[i][0]);
        assert_int_equal(json_object_get(network, "ip_address") == NULL, WANTED[i][1] == NULL);
        if (WANTED[i][1] != NULL) {
            assert_string_equal(json_string_value(json_object_get(network, "ip_address")), WANTED[i][1]);
            assert_string_equal(json_string_value(json_object_get(network, "netmask")), WANTED[i][2]);
        }
    }
    const json_t *route = json_array_get(json_object_get(json_array_get(networks, 2), "routes"), 0);

    assert_string_equal(json_string_value(json_object_get(route, "netmask")), "ffff:ffff:ffff::");
    kn_strbuf_release(&got.body);
}

/* The first floating address; known and blank where there is none. */
static void test_public_address(void **state)
{
    struct got got =
        get_of("{\"nics\":[{\"ips\":[{\"address\":\"10.0.0.5\",\"version\":4},"
               "{\"address\":\"10.0.0.6\",\"version\":4,\"floating\":[\"203.0.113.5\",\"203.0.113.6\"]}]}]}",
               "/latest/meta-data/public-ipv4");

    (void)state;
    assert_string_equal(got.body.buf, "203.0.113.5");
    kn_strbuf_release(&got.body);
    text_is("/latest/meta-data/public-ipv4", "");
}

static void test_absent(void **state)
{
    char longest[600];

    (void)state;
    absent("{\"hostname\":\"h\"}", "/latest/user-data");
    absent("{\"hostname\":\"h\"}", "/latest/meta-data/public-keys/0/openssh-key");
    absent("{\"hostname\":\"h\",\"user_data\":\"***\"}", "/latest/user-data");
    absent(SPEC, "/latest/meta-data/public-keys/1/");
    absent(SPEC, "/openstack/1999-01-01/meta_data.json");
    absent(SPEC, "/../etc/passwd");
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    absent(SPEC, longest);
}

static void refuses(const char *method, const char *path, int64_t length, int status)
{
    if (kn_agent_metadata_refusal(method, path, length) != status) {
        fail_msg("%s %s: %d, wanted %d", method, path, kn_agent_metadata_refusal(method, path, length), status);
    }
}

/* Of bytes that are a request; what is none never comes so far (test_metadata_server.c). */
static void test_requests(void **state)
{
    (void)state;
    refuses("GET", "/latest", 0, 0);
    refuses("HEAD", "/", 0, 0);
    refuses("GET", "/", 3, 0);
    refuses("GET", "/", -1, 0);
    refuses("POST", "/", 0, 405);
    refuses("POST", "/openstack/latest/password", 3, 0);
    refuses("POST", "/openstack//2013-04-04/password/", 0, 0);
    refuses("POST", "/openstack/latest/password", KN_MAX_GUEST_PASSWORD, 0);
    refuses("POST", "/openstack/latest/password", KN_MAX_GUEST_PASSWORD + 1, 400);
    refuses("POST", "/openstack/latest/password", -1, 411);
    refuses("POST", "/openstack/password", 0, 405);
    refuses("POST", "/openstack/1999-01-01/password", 0, 405);
    refuses("POST", "/latest/meta-data/hostname", 0, 405);
    refuses("PUT", "/latest/api/token", 0, 405);
    refuses("get", "/", 0, 405);
    refuses("GET", "latest", 0, 400);
    refuses("GET", "", 0, 400);
}

/* Personality: named in meta_data.json, its contents beside the versions. */
static void test_files(void **state)
{
    json_t *meta = document("/openstack/latest/meta_data.json");
    const json_t *file = json_array_get(json_object_get(meta, "files"), 0);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(file, "path")), "/etc/motd");
    assert_string_equal(json_string_value(json_object_get(file, "content_path")), "/content/0000");
    json_decref(meta);
    text_is("/openstack/content/0000", "hello\n");
    absent(SPEC, "/openstack/content/0001");
    absent(SPEC, "/openstack/content/0");
    absent(SPEC, "/openstack/content");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listings_keep_their_word),
        cmocka_unit_test(test_ec2),
        cmocka_unit_test(test_local_disks),
        cmocka_unit_test(test_openstack),
        cmocka_unit_test(test_network_data),
        cmocka_unit_test(test_network_data_of_both_families),
        cmocka_unit_test(test_public_address),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
