# SPDX-License-Identifier: Apache-2.0
"""Security groups between real guests, on one host and across two: what passes, how soon, and what ends."""
import time

from lab import CloudError, wait_until
from packet_steps.world import ANY_LIMIT_S, SOON_S, expect


def soon(what, probe):
    """Comes true, and within a second or so of the API's answer. A probe gives up after a second or two: else one that got lost, not the cloud, would be late."""
    begun = time.monotonic()
    wait_until(what, probe, ANY_LIMIT_S, 0.02)
    took = time.monotonic() - begun
    if took > SOON_S:
        raise CloudError(f"{what}: only after {took:.1f} s")


class Stream:
    """A TCP connection that says a line ten times a second to another guest's echo, in the background."""

    def __init__(self, guest, address):
        self.guest, self.name = guest, f"/run/stream{time.monotonic_ns()}"
        line = f"i=0; while echo $((i += 1)); do usleep 100000; done | nc {address} 7777 >{self.name}"
        guest.sh(f": >{self.name}; setsid sh -c '{line}' >/dev/null 2>&1 & echo $! >{self.name}.pid")
        wait_until("the stream flows", lambda: self.count() > 3, ANY_LIMIT_S, 0.1)

    def count(self):
        return int(self.guest.sh(f"wc -l <{self.name}"))

    def flows(self, limit_s=10):
        before, end = self.count(), time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.count() > before:
                return True
        return False

    def end(self):
        self.guest.sh(f"kill -9 -- -$(cat {self.name}.pid) 2>/dev/null; rm -f {self.name}*")


def everything_is_denied_at_first(w):
    for guest, others in ((w.a, (w.b, w.c)), (w.b, (w.a, w.c)), (w.c, (w.a, w.b))):
        tries = [f"( ping -q -c 1 -W 1 {address} >/dev/null && echo pings {address} ) & ( echo | nc -w 1 {address} 7777 && echo connects to {address} ) &"
                 for other in others for address in (other.v4, other.v6)]
        command = f"( {' '.join(tries)} wait ) 2>/dev/null; true"
        soon(f"{guest.name} reaches nobody", lambda guest=guest, command=command: guest.sh(command) == "")


def a_rule_lets_in_at_once_and_its_end_cuts_what_it_let_in(w):
    quiet = w.groups["quiet"]
    expect("before the rule", w.a.connects(w.b.v4), False)
    rule = w.one.rule(quiet, protocol="tcp", remote_ip_prefix=f"{w.a.v4}/32")
    soon("a rule lets in on the same host", lambda: w.a.connects(w.b.v4))
    soon("and across hosts", lambda: w.a.connects(w.c.v4))
    expect("whom it does not name", w.c.connects(w.b.v4), False)
    kept = w.one.rule(quiet, protocol="tcp", remote_ip_prefix=f"{w.c.v4}/32", port_range_min=7777, port_range_max=7777)
    soon("the other one's rule", lambda: w.c.connects(w.b.v4))
    here, there, other = Stream(w.a, w.b.v4), Stream(w.a, w.c.v4), Stream(w.c, w.b.v4)
    w.one.drop_rule(rule)
    soon("a stream on the same host is cut", lambda: not here.flows(0.8))
    soon("a stream across hosts is cut", lambda: not there.flows(0.8))
    expect("the stream of another rule", other.flows(), True)
    for stream in (here, there, other):
        stream.end()
    w.one.drop_rule(kept)
    six = w.one.rule(quiet, ethertype="IPv6", protocol="tcp", port_range_min=7777, port_range_max=7777)
    soon("a rule of IPv6", lambda: w.a.connects(w.c.v6))
    expect("is none of IPv4", w.a.connects(w.c.v4), False)
    w.one.drop_rule(six)
    soon("and its end", lambda: not w.a.connects(w.c.v6))


def members_of_another_group_are_let_in_while_they_are_members(w):
    quiet, mates = w.groups["quiet"], w.groups["mates"]
    rules = [w.one.rule(quiet, protocol="tcp", remote_group_id=mates), w.one.rule(quiet, ethertype="IPv6", protocol="tcp", remote_group_id=mates)]
    expect("nobody is a member", w.c.connects(w.b.v4), False)
    w.one.port(w.c.ports[0]["id"], security_groups=[quiet, mates])
    soon("a member is let in", lambda: w.c.connects(w.b.v4) and w.c.connects(w.b.v6))
    expect("who is none", w.a.connects(w.b.v4), False)
    stream = Stream(w.c, w.b.v4)
    w.one.port(w.c.ports[0]["id"], security_groups=[quiet])
    soon("the stream of who was one is cut", lambda: not stream.flows(0.8))
    stream.end()
    for rule in rules:
        w.one.drop_rule(rule)


def address_groups_let_in_what_they_hold(w):
    group = w.one.make("address_group", name="packets-addresses", addresses=["10.0.0.11/32"])["id"]
    rule = w.one.rule(w.groups["quiet"], protocol="tcp", remote_address_group_id=group)
    soon("who is in it", lambda: w.a.connects(w.c.v4))
    expect("who is not", w.b.connects(w.c.v4), False)
    w.one.call("PUT", f"address-groups/{group}/add_addresses", {"addresses": ["10.0.0.12/32"]}, want=200)
    soon("who came", lambda: w.b.connects(w.c.v4))
    stream = Stream(w.a, w.c.v4)
    w.one.call("PUT", f"address-groups/{group}/remove_addresses", {"addresses": ["10.0.0.11/32"]}, want=200)
    soon("the stream of who left", lambda: not stream.flows(0.8))
    stream.end()
    expect("who stayed", w.b.connects(w.c.v4), True)
    w.one.drop_rule(rule)
    w.one.call("DELETE", f"address-groups/{group}", want=204)


def tenants_of_the_same_addresses_never_meet(w):
    """10.0.0.12 is a guest of each of them on the same host."""
    rules = [(w.one, w.one.rule(w.groups["quiet"], protocol="tcp")), (w.two, w.two.rule(w.group2, protocol="tcp")),
             (w.two, w.two.rule(w.group2, protocol="icmp"))]

    def who(guest, address):
        return guest.until(f"asks {address}", f"timeout 5 wget -q -O - http://{address}/cgi-bin/status").split()[0].removeprefix("hostname=")
    expect("both have it", (w.b.v4, w.other.v4), ("10.0.0.12", "10.0.0.12"))
    for guest in (w.a, w.c):
        expect(f"whom {guest.name} finds there", who(guest, "10.0.0.12"), "packets-b")
    for _ in range(2):
        expect("what is only the other's", w.other.connects("10.0.0.13"), False)
        expect("what is only the other's", w.other.ping("10.0.0.13"), False)
    if w.other2:
        expect("whom the other tenant's guest finds there", who(w.other2, "10.0.0.12"), "packets-other")
        expect("whom the other tenant's guest finds there", who(w.other, "10.0.0.11"), "packets-other2")
        streams = [Stream(w.a, "10.0.0.12"), Stream(w.other2, "10.0.0.12")]
        expect("both streams at once", [stream.flows() for stream in streams], [True, True])
        for stream in streams:
            stream.end()
    for tenant, rule in rules:
        tenant.drop_rule(rule)


STEPS = [everything_is_denied_at_first, a_rule_lets_in_at_once_and_its_end_cuts_what_it_let_in, members_of_another_group_are_let_in_while_they_are_members,
         address_groups_let_in_what_they_hold, tenants_of_the_same_addresses_never_meet]
SHORT = [everything_is_denied_at_first, a_rule_lets_in_at_once_and_its_end_cuts_what_it_let_in, members_of_another_group_are_let_in_while_they_are_members,
         tenants_of_the_same_addresses_never_meet]
