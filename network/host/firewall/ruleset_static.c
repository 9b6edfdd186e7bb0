/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_static.c: what of the firewall never changes: the sets' types and the chains that ask them. Numbers as nft lists them: ether types
 * 0x0806 ARP, 0x0800 IPv4, 0x86dd IPv6; nfproto 2 IPv4, 10 IPv6; connection states 0x1 invalid, 0x2 established, 0x4 related, 0x8 new; ICMPv6 130-132
 * and 143 multicast listeners, 133 and 134 router solicitation and advertisement, 135 and 136 neighbour's; @th,64,128 is the address that one of the
 * latter two speaks of.
 */
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "network/host/firewall/ruleset_private.h"

const struct kn_network_ruleset_set KN_RULESET_SETS[] = {
    { KN_RULESET_BRIDGE, "map ports", "type ifname : verdict" },
    { KN_RULESET_BRIDGE, "map leaving", "typeof iifname : meta mark" },
    { KN_RULESET_BRIDGE, "map entering", "typeof oifname : meta mark" },
    { KN_RULESET_BRIDGE, "map dscp", "type ifname : verdict" },
    { KN_RULESET_BRIDGE, "map doors", "type ifname : verdict" },
    { KN_RULESET_BRIDGE, "set down", "type ifname" },
    { KN_RULESET_BRIDGE, "set opened", "type ifname" },
    { KN_RULESET_BRIDGE, "set macs", "type ifname . ether_addr" },
    { KN_RULESET_BRIDGE, "set ips4", "type ifname . ether_addr . ipv4_addr" },
    { KN_RULESET_BRIDGE, "set ips6", "type ifname . ether_addr . ipv6_addr" },
    { KN_RULESET_BRIDGE, "set nets4", "type ifname . ether_addr . ipv4_addr\n\t\tflags interval" },
    { KN_RULESET_BRIDGE, "set nets6", "type ifname . ether_addr . ipv6_addr\n\t\tflags interval" },
    { KN_RULESET_BRIDGE, "set targets", "typeof iifname . @th,64,128" },
    { KN_RULESET_BRIDGE, "set nettargets", "typeof iifname . @th,64,128\n\t\tflags interval" },
    { KN_RULESET_BRIDGE, "set floods", "type ifname\n\t\tsize 65535\n\t\tflags dynamic,timeout\n\t\ttimeout 10s" },
    { KN_RULESET_INET, "map zones", "typeof iifname : ct zone" },
    { KN_RULESET_INET, "map leaving", "type mark : verdict" },
    { KN_RULESET_INET, "map entering", "type mark : verdict" },
    { KN_RULESET_INET, "set gateways", "type ifname" },
    { KN_RULESET_INET, "set hosts4", "type ipv4_addr" },
    { KN_RULESET_INET, "set hosts6", "type ipv6_addr" },
    { KN_RULESET_INET, "set cut4", "typeof iifname . ip saddr . tcp sport . ip daddr . tcp dport\n\t\tflags timeout" },
    { KN_RULESET_INET, "set cut6",
      "typeof iifname . ip6 saddr . tcp sport . ip6 daddr . tcp dport\n\t\tflags timeout" },
    { KN_RULESET_INET, "set conns4", "type ifname . ipv4_addr\n\t\tsize 65535\n\t\tflags dynamic" },
    { KN_RULESET_INET, "set conns6", "type ifname . ipv6_addr\n\t\tsize 65535\n\t\tflags dynamic" },
};
const size_t KN_RULESET_SET_COUNT = KN_COUNT(KN_RULESET_SETS);

/*
 * A port without port security ("opened") may say what it likes to its neighbours, but not to the doors of the network (kd: DHCP and metadata), which
 * know guests by their addresses; and nobody may pose as the metadata server. The namespaces behind kd never speak over the VXLAN (kx): the same
 * address and MAC live on every host.
 *
 * Who asks for metadata by way of his router, because nobody told him of the door, speaks to the door all the same: behind the checks of what he may say, his frame
 * is addressed to it.
 *
 * What is for everybody (packet types 1 and 2, broadcast and multicast) goes to the other hosts of the network as well ("flood"), so many frames a second of each port; but
 * not what each host answers by itself: ARP and neighbour solicitations end in the VXLAN device, DHCP at the door, routers are spoken for on each host, and what an
 * advertisement would say is known there. What a host itself says to its guests ("announcer") is for them alone.
 */
#define FLOOD "100"
_Static_assert(KN_MAX_GUEST_FLOOD == 100, "the number that the rules name");
#define BRIDGE_CHAINS \
    "\tchain prerouting {\n" \
    "\t\ttype filter hook prerouting priority -300; policy accept;\n" \
    "\t\tiifname vmap @ports\n" \
    "\t}\n" \
    "\tchain guest {\n" \
    "\t\tiifname . ether saddr != @macs drop\n" \
    "\t\tether type 0x0806 goto guest_arp\n" \
    "\t\tether type 0x0800 goto guest_ip\n" \
    "\t\tether type 0x86dd goto guest_ip6\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain guest_arp {\n" \
    "\t\tiifname . arp saddr ether != @macs drop\n" \
    "\t\tarp saddr ip 0.0.0.0 accept\n" \
    "\t\tiifname . arp saddr ether . arp saddr ip @ips4 accept\n" \
    "\t\tiifname . arp saddr ether . arp saddr ip @nets4 accept\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain guest_ip {\n" \
    "\t\tudp sport 67 udp dport 68 drop\n" \
    "\t\tiifname . ether saddr . ip saddr @ips4 accept\n" \
    "\t\tiifname . ether saddr . ip saddr @nets4 accept\n" \
    "\t\tip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain guest_ip6 {\n" \
    "\t\ticmpv6 type 134 drop\n" \
    "\t\tudp sport 547 udp dport 546 drop\n" \
    "\t\ticmpv6 type 136 goto guest_answer\n" \
    "\t\tip6 saddr :: goto guest_unspecified\n" \
    "\t\tgoto guest_source6\n" \
    "\t}\n" \
    "\tchain guest_source6 {\n" \
    "\t\tiifname . ether saddr . ip6 saddr @ips6 accept\n" \
    "\t\tiifname . ether saddr . ip6 saddr @nets6 accept\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain guest_answer {\n" \
    "\t\tiifname . @th,64,128 @targets goto guest_source6\n" \
    "\t\tiifname . @th,64,128 @nettargets goto guest_source6\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain guest_unspecified {\n" \
    "\t\ticmpv6 type 135 iifname . @th,64,128 @targets accept\n" \
    "\t\ticmpv6 type 135 iifname . @th,64,128 @nettargets accept\n" \
    "\t\ticmpv6 type { 131, 132, 143 } accept\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain open {\n" \
    "\t\tarp saddr ip 169.254.169.254 drop\n" \
    "\t\tip saddr 169.254.169.254 drop\n" \
    "\t\tip6 saddr fe80::a9fe:a9fe drop\n" \
    "\t\ticmpv6 type 136 @th,64,128 0xfe8000000000000000000000a9fea9fe drop\n" \
    "\t}\n" \
    "\tchain sender {\n" \
    "\t\ttype filter hook prerouting priority -290; policy accept;\n" \
    "\t\tmeta mark set 0x00000000\n" \
    "\t\tmeta mark set iifname map @leaving\n" \
    "\t\tiifname vmap @dscp\n" \
    "\t\tip daddr 169.254.169.254 tcp dport 80 iifname vmap @doors\n" \
    "\t}\n" \
    "\tchain forward {\n" \
    "\t\ttype filter hook forward priority -300; policy accept;\n" \
    "\t\tiifname \"kd*\" oifname \"kx*\" drop\n" \
    "\t\tiifname \"kx*\" oifname \"kd*\" drop\n" \
    "\t\toifname \"kx*\" meta pkttype { 1, 2 } jump flood\n" \
    "\t\toifname @down drop\n" \
    "\t\toifname \"kd*\" iifname @opened goto guest\n" \
    "\t}\n" \
    "\tchain flood {\n" \
    "\t\tether type 0x0806 return\n" \
    "\t\ticmpv6 type 135 return\n" \
    "\t\ticmpv6 type { 133-134, 136-137 } drop\n" \
    "\t\tudp dport { 67-68, 546-547 } drop\n" \
    "\t\tupdate @floods { iifname limit rate over " FLOOD "/second burst " FLOOD " packets } drop\n" \
    "\t}\n" \
    "\tchain announcer {\n" \
    "\t\ttype filter hook output priority -300; policy accept;\n" \
    "\t\toifname \"kx*\" drop\n" \
    "\t}\n" \
    "\tchain receiver {\n" \
    "\t\ttype filter hook forward priority -290; policy accept;\n" \
    "\t\tmeta mark set 0x00000000\n" \
    "\t\tmeta mark set oifname map @entering\n" \
    "\t}\n"

#define CONNECTIONS "8192"
_Static_assert(KN_MAX_GUEST_CONNECTIONS == 8192, "the number that the rules name");

/*
 * The kernel has room for so many connections, of all guests together. What a guest begins is counted by the address that it was let speak from, with the first packet of
 * each connection (the kernel does not have it yet: status 0x8), and is dropped beyond the bound: it can fill its own room and nobody else's.
 *
 * What always passes is what a guest needs to have an address at all, as in Neutron: its DHCP, its neighbours and routers, its metadata. A connection that
 * was cut (firewall.c) is not picked up again in its middle by what the other side still sends. What the hosts themselves say over VXLAN is no
 * connection, and it is unpacked if it comes from a host that has a peer here, and from nobody else: whoever reaches the underlay would be in every
 * network else.
 *
 * The host itself is no station of a network: what comes out of a bridge, be it of a guest, a router or a wire, is neither for the host's own stack, which
 * would unpack a guest's VXLAN, nor for it to route. Except where the host is the gateway, because it translates what comes ("gateways").
 */
#define INET_CHAINS \
    "\tchain track {\n" \
    "\t\ttype filter hook prerouting priority -300; policy accept;\n" \
    "\t\tiifname != \"kb*\" udp dport 4789 notrack\n" \
    "\t\tct zone set iifname map @zones\n" \
    "\t}\n" \
    "\tchain track_own {\n" \
    "\t\ttype filter hook output priority -300; policy accept;\n" \
    "\t\tudp dport 4789 notrack\n" \
    "\t}\n" \
    "\tchain own {\n" \
    "\t\ttype filter hook input priority -300; policy accept;\n" \
    "\t\tiifname \"kb*\" iifname != @gateways drop\n" \
    "\t\tudp dport 4789 ip saddr != @hosts4 drop\n" \
    "\t\tudp dport 4789 ip6 saddr != @hosts6 drop\n" \
    "\t}\n" \
    "\tchain through {\n" \
    "\t\ttype filter hook forward priority -300; policy accept;\n" \
    "\t\tiifname \"kb*\" iifname != @gateways oifname != \"kb*\" drop\n" \
    "\t\tiifname \"kb*\" iifname != @gateways oifname @gateways drop\n" \
    "\t}\n" \
    "\tchain leave {\n" \
    "\t\ttype filter hook prerouting priority -150; policy accept;\n" \
    "\t\tiifname != \"kb*\" accept\n" \
    "\t\tct state 0x8 tcp flags != 0x2 / 0x2,0x10 jump midstream\n" \
    "\t\tct status ! 0x8 meta mark != 0x00000000 add @conns4 { iifname . ip saddr ct count over " CONNECTIONS \
    " } drop\n" \
    "\t\tct status ! 0x8 meta mark != 0x00000000 add @conns6 { iifname . ip6 saddr ct count over " CONNECTIONS \
    " } drop\n" \
    "\t\tmeta mark vmap @leaving\n" \
    "\t}\n" \
    "\tchain enter {\n" \
    "\t\ttype filter hook forward priority 0; policy accept;\n" \
    "\t\tiifname \"kb*\" meta mark vmap @entering\n" \
    "\t}\n" \
    "\tchain midstream {\n" \
    "\t\tiifname . ip saddr . tcp sport . ip daddr . tcp dport @cut4 drop\n" \
    "\t\tiifname . ip6 saddr . tcp sport . ip6 daddr . tcp dport @cut6 drop\n" \
    "\t}\n" \
    "\tchain always_out {\n" \
    "\t\tmeta nfproto 2 udp sport 68 udp dport 67 accept\n" \
    "\t\tmeta nfproto 10 udp sport 546 udp dport 547 accept\n" \
    "\t\ticmpv6 type { 130-133, 135-136, 143 } accept\n" \
    "\t\tip daddr 169.254.169.254 tcp dport 80 accept\n" \
    "\t\tip6 daddr fe80::a9fe:a9fe tcp dport 80 accept\n" \
    "\t\tdrop\n" \
    "\t}\n" \
    "\tchain always_in {\n" \
    "\t\tmeta nfproto 2 udp sport 67 udp dport 68 accept\n" \
    "\t\tmeta nfproto 10 udp sport 547 udp dport 546 accept\n" \
    "\t\ticmpv6 type { 130, 134-136 } accept\n" \
    "\t\tip saddr 169.254.169.254 tcp sport 80 accept\n" \
    "\t\tip6 saddr fe80::a9fe:a9fe tcp sport 80 accept\n" \
    "\t\tdrop\n" \
    "\t}\n"

const char *const KN_RULESET_CHAINS[KN_RULESET_FAMILIES] = {
    [KN_RULESET_BRIDGE] = BRIDGE_CHAINS,
    [KN_RULESET_INET] = INET_CHAINS,
};
