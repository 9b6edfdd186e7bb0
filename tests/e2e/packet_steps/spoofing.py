# SPDX-License-Identifier: Apache-2.0
"""What a guest that tries may not say, and that it is the firewall which stops it: without port security all of it arrives. Then what pairs allow."""
from lab import CloudError, wait_until
from packet_steps import wire
from packet_steps.world import ANY_LIMIT_S, expect, local

STRANGER, STRANGER_MAC = "10.0.0.99", "fa:16:3e:00:00:99"
LAST = b"the last of it"


def lies(w):
    """name -> (frame, the bytes it is known by) of guest a to guest b."""
    a, b = w.a, w.b

    def mark(n):
        return b"kn-lie-%02d" % n
    return {
        "MAC": (wire.udp4(b.mac, STRANGER_MAC, a.v4, b.v4, 9, 9, mark(1)), mark(1)),
        "IPv4 address": (wire.udp4(b.mac, a.mac, STRANGER, b.v4, 9, 9, mark(2)), mark(2)),
        "IPv6 address": (wire.udp6(b.mac, a.mac, "fd0a::99", b.v6, 9, 9, mark(3)), mark(3)),
        "IPv4 address of the metadata server": (wire.udp4(b.mac, a.mac, "169.254.169.254", b.v4, 80, 9, mark(4)), mark(4)),
        "ARP's address": (wire.arp(a.mac, a.mac, STRANGER, b.v4), wire.ip_bytes(STRANGER) + bytes(6)),
        "ARP's MAC": (wire.arp(a.mac, STRANGER_MAC, a.v4, b.v4, 2, b.mac), wire.mac_bytes(STRANGER_MAC) + wire.ip_bytes(a.v4)),
        "neighbour advertisement": (wire.neighbour_advertisement(a.mac, local(a), "fd0a::dead", a.mac, b.mac, b.v6), wire.ip_bytes("fd0a::dead")),
        "DHCP server": (wire.dhcp_offer(a.mac, a.v4, b.mac, mark(5)), mark(5)),
        "DHCPv6 server": (wire.udp6(b.mac, a.mac, local(a), local(b), 547, 546, mark(6)), mark(6)),
        "router advertisement": (wire.router_advertisement(a.mac, mark(7)), mark(7)),
    }


NEVER = {"IPv4 address of the metadata server"}  # not even without port security


def until_heard(listener, speaker, frame, mark):
    """Says it until who listens for it has heard it; all that was heard."""
    def comes():
        speaker.says(frame)
        return listener.does(f"grep -q {mark.hex()} /run/heard")
    wait_until(f"{listener.name} hears {mark}", comes, ANY_LIMIT_S, 0.05)
    return listener.heard(mark)


def what_arrives(w):
    """Names of those lies that guest b hears. What guest a says in its own name comes behind them."""
    told = lies(w)
    w.b.listen(LAST)
    for frame, _ in told.values():
        w.a.says(frame)
    heard = until_heard(w.b, w.a, wire.udp4(w.b.mac, w.a.mac, w.a.v4, w.b.v4, 9, 9, LAST), LAST)
    return {name for name, (_, mark) in told.items() if mark.hex() in heard}


def secure(w, guest, on):
    """Port security with its group, or neither; effective when this returns."""
    port = guest.ports[0]["id"]
    if on:
        w.one.port(port, port_security_enabled=True, security_groups=[w.groups["quiet"]])
    else:
        w.one.port(port, security_groups=[], port_security_enabled=False)
    tap = f"tap{port[:11]}"

    def is_opened():
        return tap in w.lab.on(guest.host, "nft", "list", "set", "bridge", "kilonova", "opened", check=True)
    wait_until("port security follows", lambda: is_opened() != on, ANY_LIMIT_S)


def open_to_datagrams(w):
    """The rules, as soon as they hold."""
    rules = [w.one.rule(w.groups["quiet"], protocol="udp"), w.one.rule(w.groups["quiet"], protocol="udp", ethertype="IPv6")]
    for mark, frame in ((b"kn-open-4", wire.udp4(w.b.mac, w.a.mac, w.a.v4, w.b.v4, 9, 9, b"kn-open-4")),
                        (b"kn-open-6", wire.udp6(w.b.mac, w.a.mac, w.a.v6, w.b.v6, 9, 9, b"kn-open-6"))):
        w.b.listen(mark)
        until_heard(w.b, w.a, frame, mark)
    return rules


def a_guest_speaks_in_nobody_elses_name(w):
    rules = open_to_datagrams(w)
    expect("lies that arrive", what_arrives(w), set())
    for rule in rules:
        w.one.drop_rule(rule)


def without_port_security_it_would(w):
    rules = open_to_datagrams(w)
    secure(w, w.a, False)
    expect("lies that arrive", what_arrives(w), set(lies(w)) - NEVER)
    secure(w, w.a, True)
    expect("lies that arrive again", what_arrives(w), set())
    w.b.sh("ip -6 route flush proto ra default 2>/dev/null; ip neigh flush dev eth0; true")
    for rule in rules:
        w.one.drop_rule(rule)


PAIR_MAC, PAIR = "02:00:5e:00:01:50", "10.0.0.50"


def hears_of(listener, speaker, frame, mark):
    listener.listen(mark)
    until_heard(listener, speaker, frame, mark)


def pairs_with_another_mac_are_reached(w):
    """Such an address lives behind the port: on its host and across hosts, in both directions; and not any more without the pair."""
    rules, port = open_to_datagrams(w), w.a.ports[0]["id"]
    w.one.port(port, allowed_address_pairs=[{"ip_address": PAIR, "mac_address": PAIR_MAC}])
    w.a.sh("ifconfig eth0 promisc")
    for n, (guest, mark) in enumerate(((w.b, b"kn-pair-to-b"), (w.c, b"kn-pair-to-c"))):
        hears_of(guest, w.a, wire.udp4(guest.mac, PAIR_MAC, PAIR, guest.v4, 9, 9, mark), mark)
        mark = b"kn-pair-%02d" % n
        hears_of(w.a, guest, wire.udp4(PAIR_MAC, guest.mac, guest.v4, PAIR, 9, 9, mark), mark)
    # Across hosts nobody is asked: the other host answers for it.
    came = w.c.hears("eth0", wire.mac_bytes(PAIR_MAC) + wire.ip_bytes(PAIR), wire.arp(w.c.mac, w.c.mac, w.c.v4, PAIR))
    if came is None:
        raise CloudError(f"nobody says who has {PAIR}")
    w.one.port(port, allowed_address_pairs=[])

    def is_gone(guest, device):
        return PAIR_MAC not in w.lab.on(guest.host, "sh", "-c", f"bridge fdb show dev {device}", check=True)
    wait_until("its station goes", lambda: is_gone(w.a, f"tap{port[:11]}"), ANY_LIMIT_S)
    wait_until("and on the other host", lambda: is_gone(w.c, f"kx{w.net['id'][:8]}"), ANY_LIMIT_S)
    w.a.sh("ifconfig eth0 -promisc")
    for rule in rules:
        w.one.drop_rule(rule)


def an_address_of_pairs_moves_between_hosts(w):
    """As VRRP does: who announces it last has it, for guests on either host; the MAC goes along."""
    rules, holders = open_to_datagrams(w), (w.c, w.a, w.c)
    pair = [{"ip_address": PAIR, "mac_address": PAIR_MAC}]
    for guest in {w.a, w.c}:
        w.one.port(guest.ports[0]["id"], allowed_address_pairs=pair)
        guest.sh("ifconfig eth0 promisc")
    for n, holder in enumerate(holders):
        mark = b"kn-moves-%02d" % n

        def leads_there(holder=holder):
            holder.says(wire.arp(PAIR_MAC, PAIR_MAC, PAIR, PAIR))
            return PAIR_MAC in w.lab.on(holder.host, "bridge", "fdb", "show", "dev", f"tap{holder.ports[0]['id'][:11]}", check=True)
        wait_until(f"{PAIR} leads to {holder.name}", leads_there, ANY_LIMIT_S)
        hears_of(holder, w.b, wire.udp4(PAIR_MAC, w.b.mac, w.b.v4, PAIR, 9, 9, mark), mark)
    for guest in {w.a, w.c}:
        w.one.port(guest.ports[0]["id"], allowed_address_pairs=[])
        guest.sh("ifconfig eth0 -promisc")
    for rule in rules:
        w.one.drop_rule(rule)


def a_members_pair_prefix_is_the_groups(w):
    quiet, mates = w.groups["quiet"], w.groups["mates"]
    port, mark = w.a.ports[0]["id"], b"kn-prefix"
    rule = w.one.rule(quiet, protocol="253", remote_group_id=mates)  # one that no other rule ever let in
    w.one.port(port, security_groups=[quiet, mates], allowed_address_pairs=[{"ip_address": "10.0.9.0/24"}])
    for guest in (w.b, w.c):
        hears_of(guest, w.a, wire.ipv4(guest.mac, w.a.mac, "10.0.9.7", guest.v4, 253, mark), mark)
    w.one.port(port, security_groups=[quiet], allowed_address_pairs=[])
    w.one.drop_rule(rule)


STEPS = [a_guest_speaks_in_nobody_elses_name, without_port_security_it_would, pairs_with_another_mac_are_reached,
         an_address_of_pairs_moves_between_hosts, a_members_pair_prefix_is_the_groups]
SHORT = STEPS
