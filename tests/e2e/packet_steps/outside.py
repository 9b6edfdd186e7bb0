# SPDX-License-Identifier: Apache-2.0
"""A router that leads outside of the cloud: floating addresses that move under a stream, rules that end under one, a gateway that does not translate, and one
whose host dies."""
import atexit
import os
import signal
import subprocess
import tempfile
import time

from lab import ROOT, wait_until
from packet_steps.groups import soon
from packet_steps.world import ANY_LIMIT_S, expect

OUTSIDE = "172.24.4.1"
TRY_S = 2  # a try that is repeated: one that gets lost takes no longer
LISTEN = f"""
import socket, sys
with socket.create_server(("{OUTSIDE}", 0)) as s:
    s.settimeout(float(sys.argv[1]))
    print(s.getsockname()[1], flush=True)
    print(s.accept()[1][0], flush=True)
"""


def outside(*words, **how):
    return subprocess.Popen([ROOT / "lab" / "hosts.sh", "outside", *words], stdin=subprocess.DEVNULL, start_new_session=True, **how)


class FromOutside:
    """A TCP connection that says a line ten times a second to a guest's echo, from outside. A step that fails leaves nothing of it."""

    def __init__(self, address):
        self.heard = tempfile.TemporaryFile()
        line = f"i=0; while echo $((i += 1)); do busybox usleep 100000; done | timeout 900 busybox nc {address} 7777"
        self.process = outside("sh", "-c", line, stdout=self.heard)
        atexit.register(self.end)
        wait_until(f"a stream from outside to {address} flows", lambda: self.count() > 3, ANY_LIMIT_S, 0.1)

    def count(self):
        """Read beside the process, whose place in the file it is."""
        fd = self.heard.fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).count(b"\n")

    def flows(self, limit_s=10):
        before, end = self.count(), time.monotonic() + limit_s
        while self.count() <= before and time.monotonic() < end:
            time.sleep(0.05)
        return self.count() > before

    def end(self):
        atexit.unregister(self.end)
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.heard.close()


def who(w, address, limit_s=TRY_S):
    """The name of the guest that answers there."""
    found = w.lab.outside("sh", "-c", f"echo | timeout {limit_s} busybox wget -q -O - http://{address}/cgi-bin/status")[1].split()
    return found[0].removeprefix("hostname=") if found else None


def source_of(guest, limit_s=ANY_LIMIT_S):
    """As whom the guest is seen outside."""
    with outside("python3", "-c", LISTEN, str(limit_s), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            port = int(server.stdout.readline())
            guest.does(f"echo | nc -w {min(limit_s, 5)} {OUTSIDE} {port}")
            return server.stdout.readline().strip()
        finally:
            server.kill()


def routed(w):
    """The router, made when it is first wanted."""
    if not hasattr(w, "router"):
        w.public = w.lab.id_of("/network/v2.0/networks", "networks", "public")
        made = w.one.make("router", name="packets-router", external_gateway_info={"network_id": w.public})
        subnet = w.one.call("GET", f"subnets?network_id={w.net['id']}&ip_version=4", want=200)["subnets"][0]["id"]
        w.one.call("PUT", f"routers/{made['id']}/add_router_interface", {"subnet_id": subnet}, want=200)
        w.router, w.gateway = made["id"], made["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    return w.router


def floating(w, guest):
    routed(w)
    return w.one.make("floatingip", floating_network_id=w.public, port_id=guest.ports[0]["id"], description="packets")


def translates(w, does):
    w.one.call("PUT", f"routers/{w.router}", {"router": {"external_gateway_info": {"network_id": w.public, "enable_snat": does}}}, want=200)


def router_goes_to(w, host):
    """Whoever else might have it is silent until that host has it."""
    others = [f"agent-{name}" for name in w.hosts if name != host]
    if w.lab.router(routed(w)) != ("ACTIVE", host):
        for agent in others:
            w.lab.ask("stop", agent)
        wait_until(f"{host} has the router", lambda: w.lab.router(w.router) == ("ACTIVE", host), ANY_LIMIT_S)
        for agent in others:
            w.lab.ask("start", agent)


def a_floating_address_moves_under_a_stream(w):
    rule = w.one.rule(w.groups["quiet"], protocol="tcp")
    moves, stays = floating(w, w.a), floating(w, w.c)
    address = moves["floating_ip_address"]
    wait_until("a guest by its floating address", lambda: who(w, address) == w.a.name, ANY_LIMIT_S)
    old, other = FromOutside(address), FromOutside(stays["floating_ip_address"])
    expect("as whom it goes out", source_of(w.a), address)
    w.one.call("PUT", f"floatingips/{moves['id']}", {"floatingip": {"port_id": w.b.ports[0]["id"]}}, want=200)
    soon("who connects now meets the other guest", lambda: who(w, address) == w.b.name)
    soon("the stream to the guest that had it is cut", lambda: not old.flows(0.8))
    expect("the stream by another address", other.flows(), True)
    expect("as whom the other goes out", source_of(w.b), address)
    expect("and the one that had it", source_of(w.a), w.gateway)
    for stream in (old, other):
        stream.end()
    w.one.drop_rule(rule)
    w.floating = {w.b.name: moves, w.c.name: stays}


def a_rule_ends_under_a_stream_from_outside(w):
    quiet, address = w.groups["quiet"], w.floating[w.b.name]["floating_ip_address"]
    rules = [w.one.rule(quiet, protocol="tcp", remote_ip_prefix=f"{OUTSIDE}/32", **ports) for ports in ({}, {"port_range_min": 7777, "port_range_max": 7777})]
    wait_until("rules that let in from outside", lambda: who(w, address) == w.b.name, ANY_LIMIT_S)
    stream = FromOutside(address)
    w.one.drop_rule(rules[0])
    soon("what the other rule does not name is over", lambda: who(w, address, 1) is None)
    expect("what it names", stream.flows(), True)
    w.one.drop_rule(rules[1])
    soon("the stream is cut with the last rule", lambda: not stream.flows(0.8))
    again = w.one.rule(quiet, protocol="tcp", remote_ip_prefix=f"{OUTSIDE}/32")
    soon("who connects anew comes in", lambda: who(w, address) == w.b.name)
    expect("the old stream", stream.flows(1), False)
    stream.end()
    w.one.drop_rule(again)


def a_gateway_that_does_not_translate_routes(w):
    rule = w.one.rule(w.groups["quiet"], protocol="tcp")
    stream = FromOutside(w.floating[w.c.name]["floating_ip_address"])
    expect("translated, it is the router's", source_of(w.a), w.gateway)
    translates(w, False)
    expect("a route outside", w.lab.outside("ip", "route", "add", "10.0.0.0/24", "via", w.gateway)[0], 0)
    try:
        soon("not translated, it is the guest's own", lambda: source_of(w.a, TRY_S) == w.a.v4)
        soon("and is reached there by the route", lambda: who(w, w.a.v4) == w.a.name)
        expect("the stream by a floating address", stream.flows(), True)
        expect("as whom its guest goes out", source_of(w.c), w.floating[w.c.name]["floating_ip_address"])
    finally:
        w.lab.outside("ip", "route", "del", "10.0.0.0/24")
    translates(w, True)
    soon("translated again", lambda: source_of(w.a, TRY_S) == w.gateway)
    stream.end()
    w.one.drop_rule(rule)


STEPS = [a_floating_address_moves_under_a_stream, a_rule_ends_under_a_stream_from_outside, a_gateway_that_does_not_translate_routes]
SHORT = STEPS
