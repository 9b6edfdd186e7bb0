/* SPDX-License-Identifier: Apache-2.0 */
/* What a host makes of NICs: golden texts of the firewall and of dnsmasq's files, and everything that a NIC must not smuggle in. */
#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/host/dhcp.h"
#include "network/host/rules.h"

#define SERVER "5e000001-1111-4111-8111-111111111111"
#define NET "0a0a0a0a-1111-4111-8111-111111111111"

static const char ONE[] =
    "{\"port\":\"00000001-1111-4111-8111-111111111111\",\"network\":\"" NET
    "\",\"network_name\":\"x\",\"mac\":\"fa:16:3e:00:00:01\","
    "\"vni\":7,\"mtu\":1450,\"tap\":\"tap00000001-11\",\"dhcp_ip\":\"10.5.0.2\",\"dhcp_mac\":\"fa:16:3e:ff:ff:ff\",\"ips\":["
    "{\"address\":\"10.5.0.11\",\"prefix\":24,\"version\":4,\"gateway\":\"10.5.0.1\",\"subnet\":\"0b0b0b0b-1111-4111-8111-111111111111\","
    "\"dhcp\":true,\"dns\":[\"192.0.2.53\",\"192.0.2.54\"],\"routes\":[{\"destination\":\"198.51.100.0/24\",\"nexthop\":\"10.5.0.9\"}]}]}";
/* No DHCP, no gateway, two addresses. */
static const char TWO[] =
    "{\"port\":\"00000002-1111-4111-8111-111111111111\",\"network\":\"" NET
    "\",\"network_name\":\"x\",\"mac\":\"fa:16:3e:00:00:02\","
    "\"vni\":7,\"mtu\":1450,\"tap\":\"tap00000002-11\",\"ips\":["
    "{\"address\":\"10.6.0.5\",\"prefix\":28,\"version\":4,\"subnet\":\"0c0c0c0c-1111-4111-8111-111111111111\",\"dns\":[],\"routes\":[],\"dhcp\":false},"
    "{\"address\":\"10.6.0.6\",\"prefix\":28,\"version\":4,\"subnet\":\"0c0c0c0c-1111-4111-8111-111111111111\",\"dns\":[],\"routes\":[],\"dhcp\":false}]}";

static struct kn_network_host_nic *parse(const char *text, const char *hostname)
{
    json_t *json = json_loads(text, 0, NULL);
    struct kn_network_host_nic *nic = NULL;
    struct kn_error err;

    assert_non_null(json);
    assert_ok(kn_network_host_nic_parse(SERVER, hostname, json, &nic, &err), &err);
    json_decref(json);
    return nic;
}

struct pair {
    struct kn_network_host_nic *nics[2];
};

static const struct kn_network_host_nic *const *list(const struct pair *pair)
{
    return (const struct kn_network_host_nic *const *)pair->nics;
}

static int make(void **state)
{
    struct pair *pair = KN_NEW(struct pair);

    pair->nics[0] = parse(ONE, "vm-1");
    pair->nics[1] = parse(TWO, "not a label");
    *state = pair;
    return 0;
}

static int drop(void **state)
{
    struct pair *pair = *state;

    kn_network_host_nic_free(pair->nics[0]);
    kn_network_host_nic_free(pair->nics[1]);
    free(pair);
    return 0;
}

static void test_table(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_network_host_rules_whole(list(*state), 2, &sb);
    assert_string_equal(
        sb.buf,
        "add table bridge kilonova\n"
        "delete table bridge kilonova\n"
        "table bridge kilonova {\n"
        "  set taps {\n"
        "    type ifname\n"
        "    elements = { \"tap00000001-11\", \"tap00000002-11\" }\n"
        "  }\n"
        "  set macs {\n"
        "    type ifname . ether_addr\n"
        "    elements = { \"tap00000001-11\" . fa:16:3e:00:00:01, \"tap00000002-11\" . fa:16:3e:00:00:02 }\n"
        "  }\n"
        "  set ips {\n"
        "    type ifname . ipv4_addr\n"
        "    elements = { \"tap00000001-11\" . 10.5.0.11, \"tap00000002-11\" . 10.6.0.5, \"tap00000002-11\" . 10.6.0.6 }\n"
        "  }\n"
        "  chain prerouting {\n"
        "    type filter hook prerouting priority -300; policy accept;\n"
        "    iifname @taps jump guest\n"
        "  }\n"
        "  chain guest {\n"
        "    iifname . ether saddr != @macs drop\n"
        "    ether type arp goto guest_arp\n"
        "    ether type ip goto guest_ip\n"
        "    drop\n"
        "  }\n"
        "  chain guest_arp {\n"
        "    iifname . arp saddr ether != @macs drop\n"
        "    arp saddr ip 0.0.0.0 accept\n"
        "    iifname . arp saddr ip @ips accept\n"
        "    drop\n"
        "  }\n"
        "  chain guest_ip {\n"
        "    udp sport 67 drop\n"
        "    iifname . ip saddr @ips accept\n"
        "    ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n"
        "    drop\n"
        "  }\n"
        "  chain forward {\n"
        "    type filter hook forward priority -300; policy accept;\n"
        "    iifname \"kd*\" oifname \"kx*\" drop\n"
        "    iifname \"kx*\" oifname \"kd*\" drop\n"
        "  }\n"
        "}\n");
}

static void test_change(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_network_host_rules_change(list(*state), 1, list(*state) + 1, 1, &sb);
    assert_string_equal(
        sb.buf, "delete element bridge kilonova taps { \"tap00000001-11\" }\n"
                "delete element bridge kilonova macs { \"tap00000001-11\" . fa:16:3e:00:00:01 }\n"
                "delete element bridge kilonova ips { \"tap00000001-11\" . 10.5.0.11 }\n"
                "add element bridge kilonova taps { \"tap00000002-11\" }\n"
                "add element bridge kilonova macs { \"tap00000002-11\" . fa:16:3e:00:00:02 }\n"
                "add element bridge kilonova ips { \"tap00000002-11\" . 10.6.0.5, \"tap00000002-11\" . 10.6.0.6 }\n");
}

static void test_empty_table_has_no_elements(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_network_host_rules_whole(list(*state), 0, &sb);
    assert_null(strstr(sb.buf, "elements"));
}

static void test_dnsmasq_conf(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_network_host_dhcp_conf("/var/lib/k/n", list(*state), 2, &sb);
    assert_string_equal(sb.buf, "# Written by kilonova-agent; every change is lost.\n"
                                "port=0\ninterface=dhcp\nexcept-interface=lo\nbind-interfaces\ndhcp-authoritative\n"
                                "dhcp-no-override\nno-ping\nquiet-dhcp\nuser=root\ndhcp-lease-max=65536\n"
                                "pid-file=/var/lib/k/n/pid\ndhcp-leasefile=/var/lib/k/n/leases\n"
                                "dhcp-hostsfile=/var/lib/k/n/hosts\ndhcp-optsfile=/var/lib/k/n/options\n"
                                "dhcp-range=set:s0b0b0b0b,10.5.0.0,static,255.255.255.0,86400\n");
}

static void test_dnsmasq_hosts_and_options(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT;

    kn_network_host_dhcp_hosts(list(*state), 2, &hosts);
    kn_network_host_dhcp_options(list(*state), 2, &options);
    assert_string_equal(hosts.buf, "fa:16:3e:00:00:01,10.5.0.11,vm-1\n");
    assert_string_equal(
        options.buf,
        "tag:s0b0b0b0b,option:mtu,1450\n"
        "tag:s0b0b0b0b,option:classless-static-route,169.254.169.254/32,10.5.0.2,198.51.100.0/24,10.5.0.9,0.0.0.0/0,10.5.0.1\n"
        "tag:s0b0b0b0b,249,169.254.169.254/32,10.5.0.2,198.51.100.0/24,10.5.0.9,0.0.0.0/0,10.5.0.1\n"
        "tag:s0b0b0b0b,option:router,10.5.0.1\n"
        "tag:s0b0b0b0b,option:dns-server,192.0.2.53,192.0.2.54\n");
}

static void test_leases_of_the_gone_are_dropped(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_network_host_dhcp_prune("1763722800 fa:16:3e:00:00:01 10.5.0.11 vm-1 01:fa:16:3e:00:00:01\n"
                               "1763722800 fa:16:3e:00:00:09 10.5.0.12 * *\n"
                               "1763722800 fa:16:3e:00:00:01 10.5.0.99 * *\n"
                               "duid 00:01\nrubbish",
                               list(*state), 2, &sb);
    assert_string_equal(sb.buf, "1763722800 fa:16:3e:00:00:01 10.5.0.11 vm-1 01:fa:16:3e:00:00:01\n");
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

/* Each takes ONE and puts something else in place of a value. */
static const struct {
    const char *old, *new;
} SMUGGLED[] = {
    { "fa:16:3e:00:00:01", "fa:16:3e:00:00:0g" },
    { "fa:16:3e:00:00:01", "01:16:3e:00:00:01" },
    { "fa:16:3e:00:00:01", "fa:16:3e:00:00:01,x" },
    { "10.5.0.11", "10.5.0.11\\ndhcp-script=/x" },
    { "10.5.0.11", "10.5.0.011.1" },
    { "\"10.5.0.1\"", "\"10.5.0.1, 6.6.6.6\"" },
    { "192.0.2.54", "::1" },
    { "198.51.100.0/24", "198.51.100.0/33" },
    { "198.51.100.0/24", "198.51.100.0" },
    { "10.5.0.9", "x" },
    { "tap00000001-11", "eth0" },
    { "tap00000001-11", "tap00000009-11" },
    { "\"vni\":7", "\"vni\":16777216" },
    { "\"vni\":7", "\"vni\":\"7\"" },
    { "\"mtu\":1450", "\"mtu\":0" },
    { "\"prefix\":24", "\"prefix\":33" },
    { "00000001-1111", "0000000X-1111" },
    { "0b0b0b0b-1111", "0b0b0b0b\\n-111" },
    { "\"10.5.0.2\"", "\"10.5.0.2/8\"" },
    { "fa:16:3e:ff:ff:ff", "" },
};

static char *replaced(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);

    assert_non_null(at);
    return kn_asprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static void test_nothing_is_smuggled_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(SMUGGLED); i++) {
        AUTO_FREE char *text = replaced(ONE, SMUGGLED[i].old, SMUGGLED[i].new);
        json_t *json = json_loads(text, 0, NULL);
        struct kn_network_host_nic *nic = NULL;
        struct kn_error err = { .code = KN_OK };

        assert_non_null(json);
        if (kn_network_host_nic_parse(SERVER, "vm", json, &nic, &err) == 0) {
            fail_msg("accepted: %s", text);
        }
        assert_int_equal(err.code, KN_BAD_REQUEST);
        json_decref(json);
    }
}

static void test_names_that_are_no_labels_are_not_sent(void **state)
{
    (void)state;
    static const char *const BAD[] = { "", "-a", "a-", "a.b", "a b", "a\n", "a,b", "\xc3\xa4", NULL };

    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_network_host_nic *nic = parse(ONE, BAD[i]);

        assert_string_equal(nic->hostname, "");
        kn_network_host_nic_free(nic);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, make, drop),
        cmocka_unit_test_setup_teardown(test_change, make, drop),
        cmocka_unit_test_setup_teardown(test_empty_table_has_no_elements, make, drop),
        cmocka_unit_test_setup_teardown(test_dnsmasq_conf, make, drop),
        cmocka_unit_test_setup_teardown(test_dnsmasq_hosts_and_options, make, drop),
        cmocka_unit_test_setup_teardown(test_leases_of_the_gone_are_dropped, make, drop),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_nothing_is_smuggled_in),
        cmocka_unit_test(test_names_that_are_no_labels_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
