# SPDX-License-Identifier: Apache-2.0
"""What the packet tests share: two tenants, their networks, a handful of guests, and what a guest can be made to say and hear."""
import re
import subprocess
import time

from serial_shell import SerialShell
from lab import DIR, ROOT, CloudError, GUEST_LIMIT_S, Guest, Lab, wait_until
from packet_steps import wire

ANY_LIMIT_S = 60   # whatever should come, on a machine that has other things to do
SOON_S = 5         # "within a second", and what it takes an emulated guest on a busy machine to try and to see


def expect(what, found, wanted):
    if found != wanted:
        raise CloudError(f"{what}: {found!r} instead of {wanted!r}")


class Tenant:
    """The administrator in one project; what he makes there is called packets-…"""

    def __init__(self, project):
        self.lab = Lab()
        self.lab.login(project)

    def call(self, method, path, body=None, want=None):
        return self.lab.call(method, f"/network/v2.0/{path}", body, want)

    def make(self, noun, **attributes):
        plural = {"security_group": "security-groups", "security_group_rule": "security-group-rules", "address_group": "address-groups"}.get(noun, f"{noun}s")
        return self.call("POST", plural, {noun: attributes}, want=201)[noun]

    def network(self, name, *subnets, **attributes):
        made = self.make("network", name=f"packets-{name}", **attributes)
        for subnet in subnets:
            self.make("subnet", network_id=made["id"], ip_version=6 if ":" in subnet["cidr"] else 4, **subnet)
        return made

    def rule(self, group, **attributes):
        return self.make("security_group_rule", security_group_id=group, **{"direction": "ingress", "ethertype": "IPv4", **attributes})["id"]

    def drop_rule(self, rule):
        self.call("DELETE", f"security-group-rules/{rule}", want=204)

    def port(self, port, **attributes):
        return self.call("PUT", f"ports/{port}", {"port": attributes}, want=200)["port"]

    def clear_away(self):
        """What a run that failed has left, and what this one made."""
        for server in self.lab.call("GET", "/compute/v2.1/servers?name=^packets-", want=200)["servers"]:
            self.lab.call("DELETE", f"/compute/v2.1/servers/{server['id']}")
            self.lab.wait_gone(server["id"])
        for address in self.call("GET", "floatingips?description=packets", want=200)["floatingips"]:
            self.call("DELETE", f"floatingips/{address['id']}", want=204)
        for router in self.call("GET", "routers?name=packets-router", want=200)["routers"]:
            for port in self.call("GET", f"ports?device_id={router['id']}&device_owner=network:router_interface", want=200)["ports"]:
                self.call("PUT", f"routers/{router['id']}/remove_router_interface", {"port_id": port["id"]})
            self.call("DELETE", f"routers/{router['id']}")
        mine = f"project_id={self.lab.project}"
        networks = self.call("GET", f"networks?{mine}", want=200)["networks"]
        for network in (n for n in networks if n["name"].startswith("packets-")):
            for port in self.call("GET", f"ports?network_id={network['id']}", want=200)["ports"]:
                self.call("DELETE", f"ports/{port['id']}")
            self.call("DELETE", f"networks/{network['id']}", want=204)
        for noun, path in (("security_groups", "security-groups"), ("address_groups", "address-groups")):
            for _ in range(2):  # a group that another one names goes after it
                for group in self.call("GET", f"{path}?{mine}", want=200)[noun]:
                    if group["name"].startswith("packets-"):
                        self.call("DELETE", f"{path}/{group['id']}")


class Inmate(Guest):
    """A guest that does what it is told, by its serial line."""

    def __init__(self, tenant, name, host, ports):
        self.tenant, self.ports = tenant, ports
        lab = tenant.lab
        body = {"name": f"packets-{name}", "imageRef": lab.id_of("/image/v2/images", "images", "guest"),
                "flavorRef": lab.id_of("/compute/v2.1/flavors", "flavors", "tiny"), "availability_zone": f"nova:{host}",
                "networks": [{"port": port["id"]} for port in ports]}
        made = lab.call("POST", "/compute/v2.1/servers", {"server": body}, want=202)["server"]["id"]
        super().__init__(lab, made, ports[0]["network_id"])
        self.mac = ports[0]["mac_address"]
        self.v4 = next(ip["ip_address"] for ip in ports[0]["fixed_ips"] if "." in ip["ip_address"])
        self.v6 = next((ip["ip_address"] for ip in ports[0]["fixed_ips"] if ":" in ip["ip_address"]), None)

    def come_up(self, boot=1):
        self.refresh()
        expect(f"{self.name}: its metadata's source", self.wait_ready(boot)[1], "metadata")
        self.shell = SerialShell(self.lab, self.host, self.id)

    def take_frames(self, program):
        """The program, from the namespace of its network's DHCP: what a guest may always ask."""
        inside = ["ip", "netns", "exec", f"kn-{self.network[:8]}"]
        door = self.lab.on(self.host, *inside, "ip", "-4", "-o", "address", "show", "dev", "dhcp", check=True)
        address = next(a for a in re.findall(r"inet ([\d.]+)", door) if not a.startswith("169."))
        command = [ROOT / "lab" / "lab.sh", "in", self.host, *inside, "busybox", "nc", "-l", "-p", "9000", "-e", "/bin/cat", program]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as server:
            self.until("fetches its tool", f"nc -w 5 {address} 9000 >/bin/frames && [ $(wc -c </bin/frames) = {program.stat().st_size} ] && chmod +x /bin/frames")
            server.wait(GUEST_LIMIT_S)

    # --- commands -----------------------------------------------------------------------------------------------------

    def sh(self, command, limit_s=GUEST_LIMIT_S):
        """Its output; CloudError unless it succeeds."""
        code, text = self.shell.run(command, limit_s)
        if code != 0:
            raise CloudError(f"{self.name}: {command}: {code}: {text}")
        return text

    def does(self, command):
        return self.shell.run(command)[0] == 0

    def until(self, what, command, limit_s=ANY_LIMIT_S):
        """The output of a command that succeeds sooner or later."""
        def probe():
            code, text = self.shell.run(command)
            return [text] if code == 0 else None
        return wait_until(f"{self.name} {what}", probe, limit_s, 0.05)[0]

    def ping(self, address, size=56, count=1, wait_s=1):
        return self.does(f"ping -q -c {count} -W {wait_s} -s {size} {address}")

    def connects(self, address, port=7777, wait_s=1):
        """TCP, to the echo that every guest is."""
        return self.does(f"[ \"$(echo across | timeout {wait_s + 1} nc -w {wait_s} {address} {port})\" = across ]")

    # --- frames -------------------------------------------------------------------------------------------------------

    def hears(self, nic, until, *said, limit_ms=20000, only=b""):
        """Says frames and returns what came, as bytes, until one held `until` (None: it did not come)."""
        words = " ".join(frame.hex() for frame in said)
        code, text = self.shell.run(f"frames {nic} {limit_ms} {until.hex() or '-'} {words} 2>/dev/null")
        if code > 1:
            raise CloudError(f"{self.name}: frames: {text}")
        came = [bytes.fromhex(line) for line in text.split() if re.fullmatch("[0-9a-f]+", line)]
        return came if code == 0 else None

    def says(self, *frames, nic="eth0"):
        self.sh(f"frames {nic} 0 - {' '.join(frame.hex() for frame in frames)} 2>/dev/null")

    def listen(self, last, nic="eth0"):
        """Begins to listen, until a frame with `last` comes; heard() says what came."""
        self.sh(f"rm -f /run/heard /run/ear; frames {nic} 60000 {last.hex()} >/run/heard 2>/run/ear & until grep -q listening /run/ear 2>/dev/null; do :; done")

    def heard(self, last):
        self.until("hears the last of it", f"grep -q {last.hex()} /run/heard")
        return self.sh("cat /run/heard")


class World:
    def __init__(self):
        self.one, self.step_started = Tenant("admin"), time.monotonic()
        self.grant_demo()
        self.two = Tenant("demo")
        self.lab = self.one.lab
        self.hosts = self.lab.hosts()
        self.mtu = None

    def grant_demo(self):
        """The administrator works in the second tenant's project, too: only he may say on which host a server lives."""
        lab = self.one.lab
        project = lab.call("GET", "/identity/v3/projects?name=demo", want=200)["projects"][0]["id"]
        user = lab.call("GET", "/identity/v3/users?name=admin", want=200)["users"][0]["id"]
        role = lab.call("GET", "/identity/v3/roles?name=admin", want=200)["roles"][0]["id"]
        lab.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{role}", want=204)

    def frames_program(self):
        program = DIR / "frames"
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-static", "-s", "-o", program, ROOT / "tests" / "e2e" / "frames.c"], check=True)
        return program

    def host(self, n):
        """The n-th host, or the last one."""
        return self.hosts[min(n, len(self.hosts) - 1)]

    def guests(self):
        return [self.a, self.b, self.c, self.other] + ([self.other2] if self.other2 else [])

    def make(self):
        """Networks, groups, ports; five guests at once, four on two hosts."""
        one, two = self.one, self.two
        one.clear_away()
        two.clear_away()
        self.net = one.network("plain", {"cidr": "10.0.0.0/24"},
                               {"cidr": "fd0a::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac", "dns_nameservers": ["fd0a::53"]})
        self.stateful = one.network("stateful", {"cidr": "fd1a::/64", "ipv6_ra_mode": "dhcpv6-stateful", "ipv6_address_mode": "dhcpv6-stateful",
                                                 "dns_nameservers": ["fd1a::53"]})
        self.stateless = one.network("stateless", {"cidr": "fd2a::/64", "ipv6_ra_mode": "dhcpv6-stateless", "ipv6_address_mode": "dhcpv6-stateless",
                                                   "dns_nameservers": ["fd2a::53"]})
        self.net2 = two.network("other", {"cidr": "10.0.0.0/24"})
        self.mtu = self.net["mtu"]
        self.groups = {name: one.make("security_group", name=f"packets-{name}")["id"] for name in ("quiet", "mates", "spare")}
        self.group2 = two.make("security_group", name="packets-other")["id"]

        def port(tenant, network, group, address=None, **attributes):
            fixed = {"fixed_ips": [{"ip_address": address}]} if address and network is not self.net else {}
            if address and network is self.net:
                fixed = {"fixed_ips": [{"ip_address": address}, {"subnet_id": self.slaac_subnet}]}
            return tenant.make("port", network_id=network["id"], name="packets-port", security_groups=[group], **fixed, **attributes)
        self.slaac_subnet = one.call("GET", f"subnets?network_id={self.net['id']}&ip_version=6", want=200)["subnets"][0]["id"]
        quiet = self.groups["quiet"]
        self.a = Inmate(one, "a", self.host(0), [port(one, self.net, quiet, "10.0.0.11"), port(one, self.stateful, quiet), port(one, self.stateless, quiet)])
        self.b = Inmate(one, "b", self.host(0), [port(one, self.net, quiet, "10.0.0.12")])
        self.c = Inmate(one, "c", self.host(1), [port(one, self.net, quiet, "10.0.0.13")])
        self.other = Inmate(two, "other", self.host(0), [port(two, self.net2, self.group2, "10.0.0.12")])
        self.other2 = Inmate(two, "other2", self.host(2), [port(two, self.net2, self.group2, "10.0.0.11")]) if len(self.hosts) > 2 else None

    def come_up(self):
        program = self.frames_program()
        for guest in self.guests():
            guest.come_up()
            guest.take_frames(program)


def local(guest, nic=0):
    return wire.local_of(guest.ports[nic]["mac_address"])
