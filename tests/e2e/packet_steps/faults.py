# SPDX-License-Identifier: Apache-2.0
"""What may die: agents, kilonova-network, a whole host. Who talks goes on talking, and what is made again is what was there."""
import re
import subprocess
import time

from lab import DIR, ROOT, CloudError, wait_until
from packet_steps import outside
from packet_steps.groups import Stream, soon
from packet_steps.world import ANY_LIMIT_S, expect


class Pings:
    """Ten a second, in the background; each that is lost counts."""

    def __init__(self, guest, address):
        self.guest, self.name = guest, f"/run/pings-{address}"
        guest.sh(f"setsid ping -i 0.1 -W 10 {address} >{self.name} 2>&1 & echo $! >{self.name}.pid")
        wait_until("pings are answered", self.count, ANY_LIMIT_S, 0.1)

    def count(self):
        return int(self.guest.sh(f"grep -c seq= {self.name} || true"))

    def lost(self):
        """Those that nobody answered, by their numbers; ends it."""
        self.guest.sh(f"kill -INT $(cat {self.name}.pid); sleep 0.2")
        seen = {int(n) for n in re.findall(r"seq=(\d+)", self.guest.sh(f"cat {self.name}"))}
        return sorted(set(range(max(seen) + 1)) - seen)


def let_them_talk(w):
    return [w.one.rule(w.groups["quiet"], protocol=protocol) for protocol in ("tcp", "icmp")]


def agents_of(w):
    return [f"agent-{host}" for host in w.hosts]


def lives(w):
    """How often each host's agent came up; whom nobody hears the audit waits for."""
    return [(DIR / "log" / f"agent-{host}.log").read_text(errors="replace").count("agent ready") for host in w.hosts]


def is_in_order(w):
    """The audit holds each host's state against the rows and its kernel's rules against its state."""
    def probe():
        try:
            w.lab.audit()
            return True
        except CloudError as error:
            probe.why = error
            return False
    try:
        wait_until("the audit is clean", probe, ANY_LIMIT_S, 0.5)
    except CloudError as error:
        raise CloudError(f"{error}: {probe.why}") from error


def talks_through(w, death):
    """Guests on one host and across two talk while something dies; nothing is lost."""
    rules = let_them_talk(w)
    soon("they may talk", lambda: w.a.ping(w.c.v4) and w.a.ping(w.b.v4))
    talk = [Pings(w.a, w.b.v4), Pings(w.a, w.c.v4)]
    streams = [Stream(w.a, w.c.v4), Stream(w.c, w.b.v4)]
    before, lived = [pings.count() for pings in talk], lives(w)
    death()
    wait_until("the agents live again", lambda: all(now > then for now, then in zip(lives(w), lived)), ANY_LIMIT_S)
    is_in_order(w)
    wait_until("they talk on", lambda: all(p.count() > n + 20 for p, n in zip(talk, before)), ANY_LIMIT_S, 0.1)
    expect("pings lost", [pings.lost() for pings in talk], [[], []])
    expect("streams", [stream.flows() for stream in streams], [True, True])
    for stream in streams:
        stream.end()
    for rule in rules:
        w.one.drop_rule(rule)
    soon("they may not talk any more", lambda: not w.a.ping(w.c.v4) and not w.c.ping(w.b.v4))


def an_agent_dies_and_nobody_notices(w):
    def death():
        for agent in agents_of(w):
            w.lab.ask("kill9", agent)
    talks_through(w, death)


def agents_and_kilonova_network_die_together(w):
    """While they are dead a rule is made; it holds as soon as they live."""
    made = []

    def death():
        for name in ("network", *agents_of(w)):
            w.lab.ask("kill9", name)
        made.append(w.two.rule(w.group2, protocol="tcp"))
    talks_through(w, death)
    if w.other2:
        wait_until("the rule that came meanwhile holds", lambda: w.other2.connects(w.other.v4), ANY_LIMIT_S)
    w.two.drop_rule(made[0])


def broken(host):
    """What an agent said went wrong with its networks since the last start."""
    lines = (DIR / "log" / f"agent-{host}.log").read_text(errors="replace").splitlines()
    starts = [n for n, line in enumerate(lines) if "started" in line or "starting" in line]
    return [line for line in lines[starts[-1] if starts else 0:] if re.search(r"\b(WARNING|ERROR|warning|error)\b", line) and "network" in line]


def a_host_dies_with_a_router_and_is_what_it_was(w):
    """A stream through the router goes on by another host. The dead one's namespaces are made again; its guests are started, and meet whom they met."""
    guest, host = (w.other2, w.other2.host) if w.other2 else (w.c, w.c.host)
    tenant = guest.tenant
    rules = [(tenant, tenant.rule(w.group2 if w.other2 else w.groups["quiet"], protocol="tcp"))]
    if w.other2:
        rules.append((w.one, w.one.rule(w.groups["quiet"], protocol="tcp")))
    peer = w.other if w.other2 else w.b
    soon("they may talk", lambda: guest.connects(peer.v4))
    address = outside.floating(w, w.a)
    outside.router_goes_to(w, host)
    is_in_order(w)
    stream = outside.FromOutside(address["floating_ip_address"])
    guest.shell.close()
    lived = sum(lives(w))
    subprocess.run([ROOT / "lab" / "hosts.sh", "off", host], check=True)
    died = time.monotonic()
    wait_until("another host has the router", lambda: w.lab.router(w.router)[1] not in (host, "-", None), ANY_LIMIT_S)
    wait_until("who connects anew meets the guest", lambda: outside.who(w, address["floating_ip_address"]) == w.a.name, ANY_LIMIT_S)
    wait_until("the stream goes on", lambda: stream.flows(1), ANY_LIMIT_S)
    print(f"     a stream stood for {time.monotonic() - died:.0f} s while its router went to another host", flush=True)
    subprocess.run([ROOT / "lab" / "hosts.sh", "on", host], check=True)
    wait_until("its agent lives again", lambda: sum(lives(w)) > lived, ANY_LIMIT_S)
    w.lab.wait_status(guest.id, "SHUTOFF")
    is_in_order(w)
    expect("the stream, now that the dead one is back", stream.flows(), True)
    stream.end()
    expect(f"what went wrong on {host}", broken(host), [])
    w.lab.action(guest.id, **{"os-start": None})
    guest.come_up(2)
    soon("they talk again", lambda: guest.connects(peer.v4) and peer.connects(guest.v4))
    is_in_order(w)
    for whose, rule in rules:
        whose.drop_rule(rule)


STEPS = [an_agent_dies_and_nobody_notices, agents_and_kilonova_network_die_together, a_host_dies_with_a_router_and_is_what_it_was]
SHORT = [an_agent_dies_and_nobody_notices]
