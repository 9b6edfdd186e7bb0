/* SPDX-License-Identifier: Apache-2.0 */
/* What a host makes of its ports: golden texts of the firewall. */
#include "tests/support/test.h"

#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "network/host/rules.h"

static struct kn_ip ip_of(const char *text)
{
    struct kn_ip ip;

    assert_true(kn_ip_parse(text, &ip));
    return ip;
}

struct pair {
    struct kn_network_state_port ports[2];
    const struct kn_network_state_port *list[2];
    struct kn_ip one[1], two[2];
};

static const struct kn_network_state_port *const *list(const struct pair *pair)
{
    return pair->list;
}

static int make(void **state)
{
    struct pair *pair = KN_NEW(struct pair);

    pair->one[0] = ip_of("10.5.0.11");
    pair->two[0] = ip_of("10.6.0.5");
    pair->two[1] = ip_of("10.6.0.6");
    pair->ports[0] = (struct kn_network_state_port){ .id = "00000001-1111-4111-8111-111111111111",
                                                     .mac = { 0xfa, 0x16, 0x3e, 0, 0, 1 },
                                                     .ips = { pair->one, 1 } };
    pair->ports[1] = (struct kn_network_state_port){ .id = "00000002-1111-4111-8111-111111111111",
                                                     .mac = { 0xfa, 0x16, 0x3e, 0, 0, 2 },
                                                     .ips = { pair->two, 2 } };
    pair->list[0] = &pair->ports[0];
    pair->list[1] = &pair->ports[1];
    *state = pair;
    return 0;
}

static int drop(void **state)
{
    free(*state);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, make, drop),
        cmocka_unit_test_setup_teardown(test_change, make, drop),
        cmocka_unit_test_setup_teardown(test_empty_table_has_no_elements, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
