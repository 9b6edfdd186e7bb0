# SPDX-License-Identifier: Apache-2.0
"""Both families: what guests are told of addresses, routers, name servers, MTU, and that what they were told is true."""
import json

from lab import CloudError
from packet_steps import wire
from packet_steps.world import ANY_LIMIT_S, expect, local

METADATA = "openstack/latest/meta_data.json"


def fixed(guest, nic, family):
    return next(ip["ip_address"] for ip in guest.ports[nic]["fixed_ips"] if (":" in ip["ip_address"]) == (family == 6))


def has_address(guest, nic, address):
    guest.until(f"has {address}", f"ip -o address show dev eth{nic} | grep -v tentative | grep -qw {address}")


def guests_have_the_addresses_of_their_ports(w):
    for guest in w.guests():
        has_address(guest, 0, guest.v4)
        if guest.v6:
            expect("SLAAC's address", guest.v6, wire.slaac("fd0a::/64", guest.mac))
            has_address(guest, 0, guest.v6)
    has_address(w.a, 2, fixed(w.a, 2, 6))


def said_by(guest, source, nic=0):
    """What the source says to all when somebody asks."""
    came = guest.hears(f"eth{nic}", wire.ip_bytes(source) + wire.ip_bytes(wire.ALL_NODES) + b"\x86\0", wire.router_solicitation(guest.ports[nic]["mac_address"]))
    if came is None:
        raise CloudError(f"{guest.name}: {source} does not answer a router solicitation on eth{nic}")
    return wire.parse_advertisement(came[-1])


def advertisement(guest, nic, source="fe80::a9fe:a9fe"):
    """What the source answers to a router solicitation."""
    mac = guest.ports[nic]["mac_address"]
    came = guest.hears(f"eth{nic}", wire.ip_bytes(source) + wire.ip_bytes(wire.local_of(mac)) + b"\x86\0", wire.router_solicitation(mac))
    if came is None:
        raise CloudError(f"{guest.name}: {source} does not answer a router solicitation on eth{nic}")
    return wire.parse_advertisement(came[-1])


def advertisements_say_what_the_subnet_is(w):
    wanted = {0: ("fd0a::/64", False, False, True, "fd0a::53"), 1: ("fd1a::/64", True, True, False, "fd1a::53"), 2: ("fd2a::/64", False, True, True, "fd2a::53")}
    for nic, (prefix, managed, other, autonomous, dns) in wanted.items():
        said = advertisement(w.a, nic)
        expect(f"eth{nic}", said, {"source": "fe80::a9fe:a9fe", "managed": managed, "other": other, "preference": 0, "lifetime": 0, "mtu": w.mtu,
                                   "prefixes": {prefix: autonomous}, "dns": [dns]})
        expect(f"eth{nic}: MTU of IPv6", w.a.sh(f"cat /proc/sys/net/ipv6/conf/eth{nic}/mtu"), str(w.mtu))
    expect("MTU by DHCP", w.a.sh("cat /sys/class/net/eth0/mtu"), str(w.mtu))
    expect("default routes of a network without a router", w.a.sh("ip -6 route show default"), "")


def ask_dhcp6(guest, nic, kind, options, transaction):
    mac = guest.ports[nic]["mac_address"]
    said = wire.dhcp6(mac, kind, transaction, options)
    came = guest.hears(f"eth{nic}", transaction.to_bytes(3, "big"), said)
    answers = [answer for answer in map(wire.parse_dhcp6, came or ()) if answer and answer[1] == transaction]
    if not answers:
        raise CloudError(f"{guest.name}: no answer to DHCPv6's {kind}")
    return answers[0][0], answers[0][2]


def dhcp6_gives_the_address_of_the_port(w):
    ia = bytes([0, 0, 0, 1]) + bytes(8)
    kind, said = ask_dhcp6(w.a, 1, wire.SOLICIT, [(wire.IA_NA, ia)], 0x6b6e01)
    expect("advertise", (kind, wire.addresses6(said)), (wire.ADVERTISE, [fixed(w.a, 1, 6)]))
    request = [(wire.SERVER_ID, said[wire.SERVER_ID]), (wire.IA_NA, ia)]
    kind, said = ask_dhcp6(w.a, 1, wire.REQUEST, request, 0x6b6e02)
    expect("reply", (kind, wire.addresses6(said), wire.servers6(said)), (wire.REPLY, [fixed(w.a, 1, 6)], ["fd1a::53"]))
    w.a.sh(f"ip address add {fixed(w.a, 1, 6)}/64 dev eth1")
    has_address(w.a, 1, fixed(w.a, 1, 6))
    kind, said = ask_dhcp6(w.a, 2, wire.INFORMATION_REQUEST, [], 0x6b6e03)
    expect("information", (kind, wire.servers6(said), wire.addresses6(said)), (wire.REPLY, ["fd2a::53"], []))


def metadata_comes_by_both_families(w):
    for guest in (w.a, w.c):
        for url in (f"http://169.254.169.254/{METADATA}", f"http://[fe80::a9fe:a9fe%eth0]/{METADATA}"):
            said = json.loads(guest.until(f"reads {url}", f"timeout 10 wget -q -O - '{url}'"))
            expect(url, said["uuid"], guest.id)


def packets_as_large_as_the_mtu_cross_hosts(w):
    rules = [w.one.rule(w.groups["quiet"], protocol="icmp"), w.one.rule(w.groups["quiet"], protocol="ipv6-icmp", ethertype="IPv6")]
    for a, b in ((w.a, w.c), (w.c, w.a)):
        a.until("pings the other host", f"ping -q -c 1 -W 1 -s {w.mtu - 28} {b.v4}")
        a.until("pings the other host", f"ping -q -c 1 -W 1 -s {w.mtu - 48} {b.v6}")
        a.until("pings the other host's link-local address", f"ping -q -c 1 -W 1 {local(b)}%eth0")
    for rule in rules:
        w.one.drop_rule(rule)


def a_router_is_everybodys_default_of_ipv6(w):
    """Wherever it lives: guests on each host learn it in its own name, reach what is behind it, and forget it when it is gone."""
    subnets = [s["id"] for s in w.one.call("GET", f"subnets?network_id={w.net['id']}&ip_version=6", want=200)["subnets"]]
    beyond = w.one.call("GET", f"subnets?network_id={w.stateful['id']}", want=200)["subnets"][0]["id"]
    router = w.one.make("router", name="packets-router")["id"]
    for subnet in [*subnets, beyond]:
        w.one.call("PUT", f"routers/{router}/add_router_interface", {"subnet_id": subnet}, want=200)
    leg = w.one.call("GET", f"ports?device_id={router}&network_id={w.net['id']}", want=200)["ports"][0]
    source = wire.local_of(leg["mac_address"])
    rules = [w.one.rule(w.groups["quiet"], protocol="ipv6-icmp", ethertype="IPv6")]
    for guest in (w.b, w.c):
        guest.until("has a default route", f"ip -6 route show default | grep -q 'via {source} '")
        expect("what the router says", said_by(guest, source), {"source": source, "managed": False, "other": False, "preference": 0, "lifetime": 1800,
                                                                "mtu": w.mtu, "prefixes": {}, "dns": []})
        expect("what the network says", advertisement(guest, 0)["lifetime"], 0)
        guest.until("reaches the other side of it", "ping -q -c 1 -W 1 fd1a::1")  # a guest on both sides would answer on this one
    for subnet in [*subnets, beyond]:
        w.one.call("PUT", f"routers/{router}/remove_router_interface", {"subnet_id": subnet}, want=200)
    w.one.call("DELETE", f"routers/{router}", want=204)
    for guest in (w.b, w.c):
        guest.until("has no default route any more", "[ -z \"$(ip -6 route show default)\" ]")
    for rule in rules:
        w.one.drop_rule(rule)


SHORT = [guests_have_the_addresses_of_their_ports, advertisements_say_what_the_subnet_is, dhcp6_gives_the_address_of_the_port,
         metadata_comes_by_both_families, packets_as_large_as_the_mtu_cross_hosts, a_router_is_everybodys_default_of_ipv6]
STEPS = SHORT
