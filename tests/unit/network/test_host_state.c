/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's state: what is taken and what is not, what nothing refers to any more, everything that an object must not smuggle in, and the texts that dnsmasq gets of it.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/form.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/state/state.h"
#include "network/host/state/file.h"
#include "network/host/state/object.h"
#include "tests/support/scratch.h"

#define ID(n) "0000000" #n "-1111-4111-8111-111111111111"
#define NET ID(a)
#define SUBNET "0b0b0b0b-1111-4111-8111-111111111111"
#define SIX "0c0c0c0c-1111-4111-8111-111111111111"
#define NETWORK \
    "{\"kind\":\"network\",\"id\":\"" NET \
    "\",\"type\":\"vxlan\",\"vni\":7,\"mtu\":1450,\"dhcp_mac\":\"fa:16:3e:ff:ff:ff\"," \
    "\"dhcp_ips\":[\"10.5.0.2\"],\"subnets\":[{\"id\":\"" SUBNET \
    "\",\"cidr\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.1\",\"dhcp\":true," \
    "\"dns\":[\"192.0.2.53\",\"192.0.2.54\"],\"routes\":[{\"destination\":\"198.51.100.0/24\",\"nexthop\":\"10.5.0.9\"}]}]}"
#define PORT \
    "{\"kind\":\"port\",\"id\":\"" ID(1) "\",\"network\":\"" NET "\",\"server\":\"" ID( \
        5) "\",\"hostname\":\"vm-1\",\"mac\":\"fa:16:3e:00:00:01\"," \
           "\"up\":true,\"filtered\":true,\"ips\":[{\"subnet\":\"" SUBNET \
           "\",\"ip\":\"10.5.0.11\"}],\"groups\":[\"" ID(6) "\"],\"policy\":\"" ID( \
               8) "\"," \
                  "\"pairs\":[{\"ip\":\"10.5.0.128/25\",\"mac\":\"fa:16:3e:00:00:09\"}],\"options\":[{\"name\":\"bootfile-name\",\"value\":\"pxe,x\",\"version\":4}]}"
#define PEER \
    "{\"kind\":\"peer\",\"id\":\"" ID( \
        2) "\",\"network\":\"" NET \
           "\",\"hostname\":\"vm-2\",\"mac\":\"fa:16:3e:00:00:02\",\"ips\":[\"10.5.0.12\",\"fd00::12\"]," \
           "\"underlay\":\"192.0.2.2\"}"
#define GROUP \
    "{\"kind\":\"group\",\"id\":\"" ID(6) "\",\"stateful\":true,\"rules\":[{\"id\":\"" ID( \
        d) "\",\"ingress\":true,\"family\":4,\"protocol\":6,\"first\":22,\"last\":22," \
           "\"group\":\"" ID(7) "\"},{\"id\":\"" ID(e) "\",\"ingress\":false,\"family\":6,\"addresses\":\"" ID( \
               9) "\"},{\"id\":\"" ID(f) "\",\"ingress\":true,\"family\":4,\"prefix\":\"10.0.0.0/8\"}]}"
#define MEMBER "{\"kind\":\"member\",\"id\":\"" ID(2) "\",\"ips\":[\"10.5.0.12\"],\"groups\":[\"" ID(7) "\"]}"
#define ADDRESSES "{\"kind\":\"addresses\",\"id\":\"" ID(9) "\",\"prefixes\":[\"10.9.0.0/16\",\"fd00::/8\"]}"
#define POLICY "{\"kind\":\"policy\",\"id\":\"" ID(8) "\",\"to_guest\":{\"max_kbps\":1000},\"dscp\":46}"
#define ROUTER \
    "{\"kind\":\"router\",\"id\":\"" ID(b) "\",\"lease\":3,\"up\":true,\"interfaces\":[{\"port\":\"" ID( \
        c) "\",\"network\":\"" NET "\",\"mac\":\"fa:16:3e:00:00:0c\"," \
           "\"ips\":[\"10.5.0.1/24\"]}],\"gateway\":0,\"snat\":true,\"snat_ip\":\"10.5.0.1\",\"routes\":[{\"destination\":\"::/0\",\"nexthop\":\"fe80::1\"}]," \
           "\"floating\":[{\"id\":\"" ID(d) "\",\"outside\":\"203.0.113.5\",\"inside\":\"10.5.0.11\"}],\"forwards\":[{\"id\":\"" ID( \
               e) "\",\"outside\":\"203.0.113.6\",\"inside\":\"10.5.0.11\"," \
                  "\"protocol\":6,\"outside_first\":80,\"outside_last\":81,\"inside_first\":8080,\"inside_last\":8081}]}"
#define ALL NETWORK "," PORT "," PEER "," GROUP "," MEMBER "," ADDRESSES "," POLICY "," ROUTER
#define DROP(kind, id) "{\"kind\":\"" kind "\",\"id\":\"" id "\"}"

static struct kn_network_state host;

static int begin(void **state)
{
    (void)state;
    kn_network_state_init(&host);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kn_network_state_release(&host);
    return 0;
}

static json_t *body_of(int from, int version, const char *put, const char *drop)
{
    AUTO_FREE char *text = kn_asprintf("{\"from\":%d,\"version\":%d,\"put\":[%s],\"drop\":[%s]}", from, version, put,
                                       drop);
    json_t *body = json_loads(text, 0, NULL);

    assert_non_null(body);
    return body;
}

/* How many objects it changed; -1: it was not taken, and err says why. */
static int take(int from, int version, const char *put, const char *drop, struct kn_error *err)
{
    struct kn_network_state_changes changes = { NULL, 0 };
    json_auto_t *body = body_of(from, version, put, drop);
    int count = kn_network_state_take(&host, body, &changes, err) == 0 ? (int)changes.count : -1;

    kn_network_state_changes_release(&changes);
    return count;
}

static size_t count_of(enum kn_network_kind kind)
{
    return kn_hmap_count(host.objects[kind]);
}

static void test_every_kind_is_read(void **state)
{
    struct kn_error err = { 0 };
    json_auto_t *body = body_of(-1, 1, ALL, "");
    json_t *object;
    size_t i;

    (void)state;
    json_array_foreach (json_object_get(body, "put"), i, object) { /* senders and readers mean the same */
        assert_ok(kn_form_check(&kn_form_state_object, object, "object", &err), &err);
    }
    assert_int_equal(take(-1, 1, ALL, "", &err), KN_NETWORK_KINDS);
    const struct kn_network_state_port *port = kn_network_state_get(&host, KN_NETWORK_IS_PORT, ID(1));
    const struct kn_network_state_group *group = kn_network_state_get(&host, KN_NETWORK_IS_GROUP, ID(6));
    const struct kn_network_state_router *router = kn_network_state_get(&host, KN_NETWORK_IS_ROUTER, ID(b));
    const struct kn_network_state_policy *policy = kn_network_state_get(&host, KN_NETWORK_IS_POLICY, ID(8));
    const struct kn_network_state_network *network = kn_network_state_get(&host, KN_NETWORK_IS_NETWORK, NET);

    assert_true(port->has_groups);
    assert_string_equal(port->subnets[0], SUBNET);
    assert_int_equal(port->pairs[0].ip.length, 25);
    assert_string_equal(port->options[0].value, "pxe,x");
    assert_int_equal(group->rules[0].remote, KN_REMOTE_GROUP);
    assert_int_equal(group->rules[1].remote, KN_REMOTE_ADDRESSES);
    assert_int_equal(group->rules[1].protocol, -1);
    assert_int_equal(group->rules[2].remote, KN_REMOTE_PREFIX);
    assert_int_equal(router->interfaces[0].lengths[0], 24);
    assert_int_equal(router->forwards[0].inside_last, 8081);
    assert_int_equal(policy->to_guest.max_kbps, 1000);
    assert_int_equal(policy->from_guest.max_kbps, 0);
    assert_int_equal(network->zone, 1);
}

static void test_versions_are_taken_in_order(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(take(0, 1, NETWORK, "", &err), -1); /* of what nobody knows */
    assert_int_equal(err.code, KN_STALE);
    assert_int_equal(take(-1, 5, NETWORK "," PORT, "", &err), 2);
    assert_int_equal(take(5, 6, PEER, "", &err), 1);
    assert_int_equal(take(5, 6, "", DROP("peer", ID(2)), &err), 0); /* it came twice */
    assert_int_equal(take(6, 7, PEER, "", &err), 0); /* and says nothing new */
    assert_int_equal(take(8, 9, "", DROP("peer", ID(2)), &err), -1); /* one is missing */
    assert_int_equal(err.code, KN_STALE);
    assert_int_equal(host.version, 7);
    assert_int_equal(count_of(KN_NETWORK_IS_PEER), 1);
    assert_int_equal(take(-1, 3, NETWORK "," PEER, "", &err), 1); /* everything, whatever was: the port is gone */
    assert_int_equal(host.version, 3);
    assert_int_equal(take(3, 3, "", "", &err), -1);
    assert_int_equal(take(-1, 4, NETWORK "," PORT, DROP("thing", ID(2)), &err), -1);
    assert_int_equal(count_of(KN_NETWORK_IS_PORT), 0); /* what is partly bad is not taken at all */
}

static void test_what_nothing_refers_to_goes(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(take(-1, 1, ALL, "", &err), KN_NETWORK_KINDS);
    /* no rule names the remote group any more */
    assert_int_equal(take(1, 2,
                          "{\"kind\":\"group\",\"id\":\"" ID(6) "\",\"stateful\":true,\"rules\":[{\"id\":\"" ID(
                              e) "\",\"ingress\":false,\"family\":6,\"addresses\":\"" ID(9) "\"}]}",
                          "", &err),
                     2);
    assert_int_equal(count_of(KN_NETWORK_IS_MEMBER), 0);
    assert_int_equal(count_of(KN_NETWORK_IS_ADDRESSES), 1);
    /* the port, and all that only it had */
    assert_int_equal(take(2, 3, "", DROP("port", ID(1)), &err), 4);
    assert_int_equal(count_of(KN_NETWORK_IS_GROUP) + count_of(KN_NETWORK_IS_ADDRESSES) + count_of(KN_NETWORK_IS_POLICY),
                     0);
    assert_int_equal(take(3, 4, "", DROP("network", NET), &err), 2); /* with its peer */
    assert_int_equal(count_of(KN_NETWORK_IS_PEER), 0);
}

static void test_a_zone_stays_with_its_network(void **state)
{
    static const char OTHER[] =
        "{\"kind\":\"network\",\"id\":\"" ID(b) "\",\"type\":\"local\",\"mtu\":1500,\"subnets\":[]}";
    struct kn_error err = { 0 };
    const struct kn_network_state_network *network;

    (void)state;
    take(-1, 1, NETWORK, "", &err);
    take(1, 2, OTHER, "", &err);
    network = kn_network_state_get(&host, KN_NETWORK_IS_NETWORK, ID(b));
    assert_int_equal(network->zone, 2);
    take(2, 3, "{\"kind\":\"network\",\"id\":\"" ID(b) "\",\"type\":\"local\",\"mtu\":1400,\"subnets\":[]}",
         DROP("network", NET), &err);
    network = kn_network_state_get(&host, KN_NETWORK_IS_NETWORK, ID(b));
    assert_int_equal(network->zone, 2);
    assert_int_equal(network->mtu, 1400);
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

static void reopen(const char *path, struct kn_network_state_file **file)
{
    struct kn_error unread = { 0 }, err = { 0 };

    kn_network_state_file_free(*file);
    kn_network_state_release(&host);
    kn_network_state_init(&host);
    assert_ok(kn_network_state_file_open(path, &host, file, &unread, &err), &err);
}

static void tell(struct kn_network_state_file *file, int from, int version, const char *put, const char *drop)
{
    struct kn_network_state_changes changes = { NULL, 0 };
    json_auto_t *bodies = json_pack("[o]", body_of(from, version, put, drop));
    struct kn_error err = { 0 };

    assert_ok(kn_network_state_take(&host, bodies, &changes, &err), &err);
    kn_network_state_changes_release(&changes);
    assert_ok(kn_network_state_file_add(file, bodies, &host, &err), &err);
}

static void test_a_host_finds_its_state_again(void **state)
{
    char dir[KN_TEST_DIR];
    AUTO_FREE char *path = NULL;
    struct kn_network_state_file *file = NULL;
    const struct kn_network_state_network *network;

    (void)state;
    kn_test_dir(dir, "state");
    path = kn_asprintf("%s/network-state", dir);
    reopen(path, &file);
    assert_int_equal(host.version, -1);
    tell(file, -1, 3, "{\"kind\":\"network\",\"id\":\"" ID(b) "\",\"type\":\"local\",\"mtu\":1500,\"subnets\":[]}", "");
    tell(file, 3, 4, ALL, "");
    tell(file, 4, 5, "", DROP("network", ID(b)));
    for (int version = 5; version < 2004; version++) { /* it is written anew in between: peers come and go */
        tell(file, version, version + 1, version % 2 == 0 ? "" : PEER, version % 2 == 0 ? DROP("peer", ID(2)) : "");
    }
    reopen(path, &file);
    assert_int_equal(host.version, 2004);
    assert_int_equal(count_of(KN_NETWORK_IS_PEER), 1);
    assert_int_equal(count_of(KN_NETWORK_IS_NETWORK), 1);
    network = kn_network_state_get(&host, KN_NETWORK_IS_NETWORK, NET);
    assert_int_equal(network->zone, 2); /* as it was when another one was there, too */

    FILE *end = fopen(path, "a"); /* a crash in the middle of a line */

    fputs("{\"from\":2004,\"version\":2005,\"put\":[],\"drop\":[{\"kind\":\"network\",\"id\"", end);
    fclose(end);
    reopen(path, &file);
    assert_int_equal(host.version, 2004);
    tell(file, 2004, 2005, "", DROP("port", ID(1)));
    reopen(path, &file);
    assert_int_equal(host.version, 2005);
    assert_int_equal(count_of(KN_NETWORK_IS_PORT), 0);
    kn_network_state_file_free(file);
    unlink(path);
    rmdir(dir);
}

/* --- what must not get in ------------------------------------------------------------------------------------------- */

/* Each takes everything and puts something else in place of a value. */
static const struct {
    const char *old, *new;
} SMUGGLED[] = {
    { "fa:16:3e:00:00:01", "fa:16:3e:00:00:0g" },
    { "fa:16:3e:00:00:01", "01:16:3e:00:00:01" },
    { "fa:16:3e:00:00:01", "fa:16:3e:00:00:01,x" },
    { "10.5.0.11", "10.5.0.11\\ndhcp-script=/x" },
    { "10.5.0.11", "10.5.0.011.1" },
    { "\"10.5.0.1\"", "\"10.5.0.1, 6.6.6.6\"" },
    { "192.0.2.54", "::1x" },
    { "198.51.100.0/24", "198.51.100.0/33" },
    { "10.5.0.9", "x" },
    { "\"vni\":7", "\"vni\":16777216" },
    { "\"vni\":7", "\"vni\":\"7\"" },
    { "\"mtu\":1450", "\"mtu\":0" },
    { "\"vxlan\"", "\"vlan\"" },
    { "00000001-1111", "0000000X-1111" },
    { "0b0b0b0b-1111", "0b0b0b0b\\n-111" },
    { "\"10.5.0.2\"", "\"10.5.0.2/8\"" },
    { "fa:16:3e:ff:ff:ff", "" },
    { "\"pxe,x\"", "\"pxe\\nuser=x\"" },
    { "\"pxe,x\"", "\"pxe#\"" },
    { "\"pxe,x\"", "\"\xc3\xa4\"" },
    { "bootfile-name", "bootfile\\nname" },
    { "10.5.0.128/25", "10.5.0.128/255" },
    { "\"family\":4", "\"family\":5" },
    { "\"prefix\":\"10.0.0.0/8\"", "\"prefix\":\"fd00::/8\"" },
    { "\"prefix\":\"10.0.0.0/8\"", "\"prefix\":\"10.0.0.0/8\",\"group\":\"" ID(7) "\"" },
    { "\"first\":22", "\"first\":65536" },
    { "fd00::/8", "fd00::/8 accept" },
    { "\"dscp\":46", "\"dscp\":64" },
    { "\"gateway\":0", "\"gateway\":1" },
    { "10.5.0.1/24", "10.5.0.1/x" },
    { "\"outside_first\":80", "\"outside_first\":0" },
    { "\"kind\":\"router\"", "\"kind\":\"rooter\"" },
    { "192.0.2.2\"", "192.0.2.2 up\"" },
};

static void test_nothing_is_smuggled_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(SMUGGLED); i++) {
        const char *at = strstr(ALL, SMUGGLED[i].old);
        struct kn_error err = { .code = KN_OK };

        assert_non_null(at);
        AUTO_FREE char *text = kn_asprintf("%.*s%s%s", (int)(at - ALL), ALL, SMUGGLED[i].new,
                                           at + strlen(SMUGGLED[i].old));

        if (take(-1, 1, text, "", &err) != -1) {
            fail_msg("accepted: %s for %s", SMUGGLED[i].new, SMUGGLED[i].old);
        }
        assert_int_equal(err.code, KN_BAD_REQUEST);
        assert_int_equal(host.version, -1);
    }
}

static void test_names_that_are_no_labels_are_none(void **state)
{
    static const char *const BAD[] = { "", "-a", "a-", "a..b", ".a", "a b", "a\\n", "a,b", "\xc3\xa4" };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        const char *at = strstr(ALL, "vm-1");
        AUTO_FREE char *text = kn_asprintf("%.*s%s%s", (int)(at - ALL), ALL, BAD[i], at + 4);
        const struct kn_network_state_port *port;
        struct kn_error err = { 0 };

        assert_true(take(-1, (int)i + 1, text, "", &err) >= 0);
        port = kn_network_state_get(&host, KN_NETWORK_IS_PORT, ID(1));
        assert_string_equal(port->hostname, "");
    }
}

/* --- dnsmasq -------------------------------------------------------------------------------------------------------- */

static struct kn_network_host_network *network_with(const char *put)
{
    struct kn_network_host_network *network = kn_network_host_network_new("/var/lib/k", NET);
    struct kn_error err = { 0 };
    const char *id;
    void *value;

    if (take(-1, 1, put, "", &err) < 0) {
        fail_msg("%s", err.message);
    }
    network->wanted = kn_network_state_get(&host, KN_NETWORK_IS_NETWORK, NET);
    for (size_t at = 0; kn_hmap_next(host.objects[KN_NETWORK_IS_PORT], &at, &id, &value);) {
        kn_hmap_put(network->ports, id, value);
    }
    for (size_t at = 0; kn_hmap_next(host.objects[KN_NETWORK_IS_PEER], &at, &id, &value);) {
        kn_hmap_put(network->peers, id, value);
    }
    return network;
}

#define DIR "/var/lib/k/" NET
#define CONF(domain, advertise, ranges) \
    "# Written by kilonova-agent; every change is lost.\n" \
    "interface=dhcp\nexcept-interface=lo\nbind-interfaces\ndhcp-authoritative\n" \
    "dhcp-no-override\nno-ping\nquiet-dhcp\nquiet-dhcp6\nquiet-ra\ndomain-needed\nno-resolv\nno-hosts\nexpand-hosts\nuser=root\ndhcp-lease-max=65536\n" \
    "domain=" domain "\nlocal=/" domain "/\npid-file=" DIR "/pid\ndhcp-leasefile=" DIR "/leases\n" \
    "dhcp-hostsfile=" DIR "/hosts\ndhcp-optsfile=" DIR "/options\naddn-hosts=" DIR "/names\n" advertise ranges

static void test_dnsmasq_of_ipv4(void **state)
{
    AUTO_RELEASE(kn_strbuf)
    struct kn_strbuf conf = KN_STRBUF_INIT, hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT, names = KN_STRBUF_INIT;
    struct kn_network_host_network *network = network_with(ALL);

    (void)state;
    kn_network_host_dhcp_conf(network, &conf);
    kn_network_host_dhcp_hosts(network, &hosts);
    kn_network_host_dhcp_options(network, &options);
    kn_network_host_dhcp_names(network, &names);
    assert_string_equal(conf.buf,
                        CONF("openstacklocal", "", "dhcp-range=set:s0b0b0b0b,10.5.0.0,static,255.255.255.0,86400\n"));
    assert_string_equal(hosts.buf, "fa:16:3e:00:00:01,set:p00000001-1111,10.5.0.11,vm-1\n");
    assert_string_equal(
        options.buf,
        "tag:s0b0b0b0b,option:mtu,1450\n"
        "tag:s0b0b0b0b,option:classless-static-route,169.254.169.254/32,10.5.0.2,198.51.100.0/24,10.5.0.9,0.0.0.0/0,10.5.0.1\n"
        "tag:s0b0b0b0b,249,169.254.169.254/32,10.5.0.2,198.51.100.0/24,10.5.0.9,0.0.0.0/0,10.5.0.1\n"
        "tag:s0b0b0b0b,option:router,10.5.0.1\n"
        "tag:s0b0b0b0b,option:dns-server,192.0.2.53,192.0.2.54\n"
        "tag:p00000001-1111,option:bootfile-name,pxe,x\n");
    assert_string_equal(names.buf,
                        "10.5.0.11 vm-1 host-10-5-0-11\n10.5.0.12 vm-2 host-10-5-0-12\nfd00::12 vm-2 host-fd00--12\n");
    kn_network_host_network_free(network);
}

/* A name below the domain is completed here, one that has it is left alone; a client is told its first label. An option without value is one not to be given. */
static void test_dnsmasq_of_names_with_dots(void **state)
{
    static const struct {
        const char *name, *host, *line;
    } NAMES[] = {
        { "a.b", ",a\n", "10.5.0.11 a.b.openstacklocal host-10-5-0-11\n" },
        { "a.example.org.", ",a\n", "10.5.0.11 a.example.org host-10-5-0-11\n" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(NAMES); i++) {
        AUTO_RELEASE(kn_strbuf)
        struct kn_strbuf hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT, names = KN_STRBUF_INIT;
        static const char PORTS[] = NETWORK "," PORT;
        const char *at = strstr(PORTS, "vm-1"), *value = strstr(PORTS, "bootfile-name");
        AUTO_FREE char *put = kn_asprintf("%.*s%s%.*srouter\",\"value\":\"\",\"version\":4}]}", (int)(at - PORTS),
                                          PORTS, NAMES[i].name, (int)(value - at - 4), at + 4);
        struct kn_network_host_network *network = network_with(put);

        kn_network_host_dhcp_hosts(network, &hosts);
        kn_network_host_dhcp_options(network, &options);
        kn_network_host_dhcp_names(network, &names);
        assert_non_null(strstr(hosts.buf, NAMES[i].host));
        assert_non_null(strstr(options.buf, "tag:p00000001-1111,option:router\n"));
        assert_string_equal(names.buf, NAMES[i].line);
        kn_network_host_network_free(network);
        end(NULL);
        begin(NULL);
    }
}

/* The words of a subnet say who gives addresses, and what advertisements say of it. */
static const struct {
    const char *words, *range, *advertise, *host;
} SIXES[] = {
    { "\"dhcp\":true,\"ra_mode\":\"slaac\",\"address_mode\":\"slaac\"", "ra-only",
      "enable-ra\nra-param=dhcp,mtu:1450,60,0\n", "" },
    { "\"dhcp\":true,\"ra_mode\":\"dhcpv6-stateless\",\"address_mode\":\"dhcpv6-stateless\"", "ra-stateless",
      "enable-ra\nra-param=dhcp,mtu:1450,60,0\n", "" },
    { "\"dhcp\":true,\"ra_mode\":\"dhcpv6-stateful\",\"address_mode\":\"dhcpv6-stateful\"", "static",
      "enable-ra\nra-param=dhcp,mtu:1450,60,0\n", "fa:16:3e:00:00:01,[fd00::11],vm\n" },
    { "\"dhcp\":true,\"address_mode\":\"dhcpv6-stateful\"", "static", "", "fa:16:3e:00:00:01,[fd00::11],vm\n" },
    { "\"dhcp\":true", "", "",
      "" }, /* whose addresses the cloud gives nobody; also of less than 64 bits, which dnsmasq would not start with */
};

static void test_dnsmasq_of_ipv6(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(SIXES); i++) {
        AUTO_RELEASE(kn_strbuf)
        struct kn_strbuf conf = KN_STRBUF_INIT, hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT;
        AUTO_FREE char *put = kn_asprintf(
            "{\"kind\":\"network\",\"id\":\"" NET
            "\",\"type\":\"vxlan\",\"vni\":7,\"mtu\":1450,\"domain\":\"lab.example.\",\"dhcp_mac\":\"fa:16:3e:ff:ff:ff\","
            "\"dhcp_ips\":[],\"subnets\":[{\"id\":\"" SIX "\",\"cidr\":\"fd00::/64\",\"dns\":[],\"routes\":[],%s}]},"
            "{\"kind\":\"port\",\"id\":\"" ID(
                1) "\",\"network\":\"" NET
                   "\",\"hostname\":\"vm\",\"mac\":\"fa:16:3e:00:00:01\",\"up\":true,\"filtered\":true,"
                   "\"ips\":[{\"subnet\":\"" SIX "\",\"ip\":\"fd00::11\"}]}",
            SIXES[i].words);
        AUTO_FREE char *range = SIXES[i].range[0] == '\0'
                                    ? kn_strdup("")
                                    : kn_asprintf("dhcp-range=set:s0c0c0c0c,fd00::,%s,64,86400\n", SIXES[i].range);
        AUTO_FREE char *expected = kn_asprintf(CONF("lab.example.", "%s", "%s"), SIXES[i].advertise, range);
        struct kn_network_host_network *network = network_with(put);

        kn_network_host_dhcp_conf(network, &conf);
        kn_network_host_dhcp_hosts(network, &hosts);
        kn_network_host_dhcp_options(network, &options);
        assert_string_equal(conf.buf, expected);
        assert_string_equal(hosts.buf, SIXES[i].host);
        /* who names no servers is told of ours, which knows the network's names */
        assert_string_equal(options.buf, "tag:s0c0c0c0c,option6:dns-server,[fd00::f816:3eff:feff:ffff]\n"
                                         "tag:s0c0c0c0c,option6:domain-search,lab.example.\n");
        kn_network_host_network_free(network);
    }
}

static void test_leases_of_the_gone_are_dropped(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    struct kn_network_host_network *network = network_with(ALL);

    (void)state;
    kn_network_host_dhcp_prune("1763722800 fa:16:3e:00:00:01 10.5.0.11 vm-1 01:fa:16:3e:00:00:01\n"
                               "1763722800 fa:16:3e:00:00:09 10.5.0.12 * *\n"
                               "1763722800 fa:16:3e:00:00:01 10.5.0.99 * *\n"
                               "duid 00:01\n1763722800 7340033 fd00::99 * 00:01\nrubbish",
                               network, &sb);
    assert_string_equal(sb.buf, "1763722800 fa:16:3e:00:00:01 10.5.0.11 vm-1 01:fa:16:3e:00:00:01\nduid 00:01\n");
    kn_network_host_network_free(network);
}

static void test_directories(void **state)
{
    (void)state;
    assert_true(kn_network_host_dhcp_dir_ok("/var/lib/kilonova-1/a.b_c"));
    assert_false(kn_network_host_dhcp_dir_ok("relative"));
    assert_false(kn_network_host_dhcp_dir_ok("/a b"));
    assert_false(kn_network_host_dhcp_dir_ok("/a\nuser=x"));
    assert_false(kn_network_host_dhcp_dir_ok("/a,b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_is_read, begin, end),
        cmocka_unit_test_setup_teardown(test_versions_are_taken_in_order, begin, end),
        cmocka_unit_test_setup_teardown(test_what_nothing_refers_to_goes, begin, end),
        cmocka_unit_test_setup_teardown(test_a_zone_stays_with_its_network, begin, end),
        cmocka_unit_test_setup_teardown(test_a_host_finds_its_state_again, begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_is_smuggled_in, begin, end),
        cmocka_unit_test_setup_teardown(test_names_that_are_no_labels_are_none, begin, end),
        cmocka_unit_test_setup_teardown(test_dnsmasq_of_ipv4, begin, end),
        cmocka_unit_test_setup_teardown(test_dnsmasq_of_names_with_dots, begin, end),
        cmocka_unit_test_setup_teardown(test_dnsmasq_of_ipv6, begin, end),
        cmocka_unit_test_setup_teardown(test_leases_of_the_gone_are_dropped, begin, end),
        cmocka_unit_test(test_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
