/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c: the compiler of the anti-spoofing table. Prints only interface names that nic.c derived from uuids,
 * and numbers. Golden texts: tests/unit/network/golden/.
 */
#include "network/host/rules.h"

#include "lib/base/cleanup.h"
#include "network/address/mac.h"
#include "network/host/nic.h"

static const char RULES[] = "  chain prerouting {\n"
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
                            "  }\n";

enum set { TAPS, MACS, IPS, SETS };

static const struct {
    const char *name;
    const char *type;
} SET[] = {
    [TAPS] = { "taps", "ifname" },
    [MACS] = { "macs", "ifname . ether_addr" },
    [IPS] = { "ips", "ifname . ipv4_addr" },
};
_Static_assert(sizeof(SET) / sizeof(SET[0]) == SETS, "a row for each set");

/* Starts an element: the separator, the interface. Returns where a second key may be added. */
static struct kn_strbuf *rules_element(struct kn_strbuf *out, size_t *count, const struct kn_network_state_port *port)
{
    kn_strbuf_addstr(out, (*count)++ == 0 ? "" : ", ");
    char tap[KN_HOST_IFNAME];

    kn_network_tap_of(port->id, tap);
    kn_strbuf_addf(out, "\"%s\"", tap);
    return out;
}

static void port_elements(enum set set, const struct kn_network_state_port *port, size_t *count, struct kn_strbuf *out)
{
    char mac[KN_MAC_TEXT], ip[KN_IP_SIZE];

    switch (set) {
    case TAPS:
        rules_element(out, count, port);
        break;
    case MACS:
        kn_network_mac_text(port->mac, mac);
        kn_strbuf_addf(rules_element(out, count, port), " . %s", mac);
        break;
    case IPS:
        for (size_t i = 0; i < port->ips.count; i++) {
            if (port->ips.items[i].family == 4) {
                kn_strbuf_addf(rules_element(out, count, port), " . %s", kn_ip_text(&port->ips.items[i], ip));
            }
        }
        break;
    case SETS:
        break;
    }
}

/* Prints "before a, b, c after", or nothing for no elements. */
static void elements(enum set set, const struct kn_network_state_port *const *ports, size_t count, const char *before,
                     const char *after, struct kn_strbuf *out)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf list = KN_STRBUF_INIT;
    size_t printed = 0;

    for (size_t i = 0; i < count; i++) {
        port_elements(set, ports[i], &printed, &list);
    }
    if (printed > 0) {
        kn_strbuf_addstr(out, before);
        kn_strbuf_add(out, list.buf, list.len);
        kn_strbuf_addstr(out, after);
    }
}

void kn_network_host_rules_whole(const struct kn_network_state_port *const *ports, size_t count, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, "add table bridge kilonova\ndelete table bridge kilonova\ntable bridge kilonova {\n");
    for (enum set set = TAPS; set < SETS; set++) {
        kn_strbuf_addf(out, "  set %s {\n    type %s\n", SET[set].name, SET[set].type);
        elements(set, ports, count, "    elements = { ", " }\n", out);
        kn_strbuf_addstr(out, "  }\n");
    }
    kn_strbuf_addstr(out, RULES);
    kn_strbuf_addstr(out, "}\n");
}

static void commands(const char *verb, const struct kn_network_state_port *const *ports, size_t count,
                     struct kn_strbuf *out)
{
    for (enum set set = TAPS; set < SETS; set++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf before = KN_STRBUF_INIT;

        kn_strbuf_addf(&before, "%s element bridge kilonova %s { ", verb, SET[set].name);
        elements(set, ports, count, before.buf, " }\n", out);
    }
}

void kn_network_host_rules_change(const struct kn_network_state_port *const *gone, size_t gone_count,
                                  const struct kn_network_state_port *const *come, size_t come_count,
                                  struct kn_strbuf *out)
{
    commands("delete", gone, gone_count, out);
    commands("add", come, come_count, out);
}
