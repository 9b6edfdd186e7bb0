/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_agent: a kn_actor_work that is a host's networks (network/host.h), with a metadata server that knows one thing: who asks. It understands
 * "physical <list>" (before open), "open <underlay> <dir>", "hold <age>" (a word of that age, in ms, is the newest that reached the bus: "holds" or "free", and "asks"),
 * "announced" (what its guests announced of pairs since the last time, each with the number of the message that said it), "standing", "plug <server> <nics>", "unplug <server>", "state <body>", "version", "tick", "taps", "firewall" (whether the kernel has what the
 * state wants: "same" or "others"), "broken" (the networks and routers that the kernel has not as they should be), "trace <pieces>" (the first hop that does not pass, or "pass" and the rules that let it); and the texts that such a host is told in tests.
 */
#ifndef KN_TESTS_SUPPORT_HOST_AGENT_H
#define KN_TESTS_SUPPORT_HOST_AGENT_H

#include <stddef.h>

void kn_host_agent(const char *line, char *answer, size_t size);

#define NET "0a0a0a0a-1111-4111-8111-111111111111"
#define SUBNET "0b0b0b0b-1111-4111-8111-111111111111"
#define BRIDGE "kb0a0a0a0a"

/* Server n has port <n>…, MAC …:0n and address 10.5.0.1n. */
#define TAP(n) "tap0000000" #n "-11"
#define MAC(n) "fa:16:3e:00:00:0" #n
#define IP(n) "10.5.0.1" #n
#define SERVER(n) "5e00000" #n "-1111-4111-8111-111111111111"
#define PORT_ID(n) "0000000" #n "-1111-4111-8111-111111111111"
#define NIC(n) "{\"port\":\"" PORT_ID(n) "\",\"mac\":\"" MAC(n) "\",\"tap\":\"" TAP(n) "\",\"mtu\":1450}"
/* What the host is told; a port as its server's, with this address and name. */
#define NETWORK(mtu) \
    "{\"kind\":\"network\",\"id\":\"" NET "\",\"type\":\"vxlan\",\"vni\":4242,\"mtu\":" #mtu \
    ",\"dhcp_mac\":\"fa:16:3e:ff:ff:ff\"," \
    "\"dhcp_ips\":[\"10.5.0.2\"],\"subnets\":[{\"id\":\"" SUBNET \
    "\",\"cidr\":\"10.5.0.0/24\",\"gateway\":\"10.5.0.1\",\"dhcp\":true," \
    "\"dns\":[\"192.0.2.53\"],\"routes\":[{\"destination\":\"198.51.100.0/24\",\"nexthop\":\"10.5.0.9\"}]}]}"
#define PORT_AS(n, ip, name, server, up) \
    "{\"kind\":\"port\",\"id\":\"" PORT_ID(n) "\",\"network\":\"" NET "\",\"server\":\"" server \
                                              "\",\"hostname\":\"" name "\"," \
                                              "\"mac\":\"" MAC(n) "\",\"up\":" up \
                                                                  ",\"filtered\":true,\"ips\":[{\"subnet\":\"" SUBNET \
                                                                  "\",\"ip\":\"" ip "\"}]}"
#define PORT(n) PORT_AS(n, IP(n), "guest-" #n, SERVER(n), "true")
#define PEER(n, underlay) \
    "{\"kind\":\"peer\",\"id\":\"" PORT_ID(n) "\",\"network\":\"" NET "\",\"hostname\":\"guest-" #n \
                                              "\",\"mac\":\"" MAC(n) "\"," \
                                                                     "\"ips\":[\"" IP( \
                                                                         n) "\"],\"underlay\":\"" underlay "\"}"
#define DROP(kind, id) "{\"kind\":\"" kind "\",\"id\":\"" id "\"}"
#define PIECE(piece, pieces, from, version, put, drop) \
    "state {\"host\":\"h\",\"from\":" #from ",\"version\":" #version ",\"piece\":" #piece ",\"pieces\":" #pieces \
    ",\"put\":[" put "],\"drop\":[" drop "]}"
#define STATE(from, version, put, drop) PIECE(1, 1, from, version, put, drop)

#endif
