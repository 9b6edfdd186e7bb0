#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real guests on the real hosts of a lab, by the API and from inside the guests.

    e2e.py        in a lab that runs (make lab)

The steps build on each other, from two servers on two hosts to nothing: the first failure ends it. What it made stays then, to be
looked at; the next run clears it away.
"""
import base64
import sys
import time
import traceback

from lab import DIR, CloudError, GUEST_LIMIT_S, Guest, Lab, wait_until

USER_DATA = "#!/bin/sh\necho \"user data of $(hostname)\" >/dev/console\n"


class World:
    """What the steps share."""

    def __init__(self):
        self.lab = Lab()
        self.lab.login()
        self.image = self.lab.id_of("/image/v2/images", "images", "guest")
        self.flavor = self.lab.id_of("/compute/v2.1/flavors", "flavors", "tiny")
        self.one = self.two = self.three = self.network = self.volume = None
        self.far = None
        self.servers, self.ports = [], {}

    def clear_away(self):
        """What a run that failed has left."""
        lab = self.lab
        for server in lab.call("GET", "/compute/v2.1/servers?name=^e2e-", want=200)["servers"]:
            lab.call("DELETE", f"/compute/v2.1/servers/{server['id']}")
            lab.wait_gone(server["id"])
        for volume in lab.call("GET", "/volume/v3/volumes?name=e2e-volume", want=200)["volumes"]:
            lab.call("DELETE", f"/volume/v3/volumes/{volume['id']}")
        for router in lab.call("GET", "/network/v2.0/routers?name=e2e-router", want=200)["routers"]:
            for port in lab.call("GET", f"/network/v2.0/ports?device_id={router['id']}&device_owner=network:router_interface", want=200)["ports"]:
                lab.call("PUT", f"/network/v2.0/routers/{router['id']}/remove_router_interface", {"port_id": port["id"]})
            lab.call("DELETE", f"/network/v2.0/routers/{router['id']}")
        for name in ("e2e-net", "e2e-net-2", "e2e-far"):
            for network in lab.call("GET", f"/network/v2.0/networks?name={name}", want=200)["networks"]:
                lab.call("DELETE", f"/network/v2.0/networks/{network['id']}", want=204)
        lab.call("DELETE", "/compute/v2.1/os-keypairs/e2e-key")

    def boot(self, name, host=None, network=None):
        network = network or self.network
        server = {"name": name, "imageRef": self.image, "flavorRef": self.flavor, "key_name": "e2e-key", "networks": [{"uuid": network}],
                  "user_data": base64.b64encode(USER_DATA.encode()).decode()}
        if host:
            server["availability_zone"] = f"nova:{host}"
        made = self.lab.call("POST", "/compute/v2.1/servers", {"server": server}, want=202)["server"]["id"]
        self.servers.append(made)
        return Guest(self.lab, made, network)


def expect(what, found, wanted):
    if found != wanted:
        raise CloudError(f"{what}: {found!r} instead of {wanted!r}")


def two_servers_boot_on_two_hosts(w):
    lab = w.lab
    w.clear_away()
    w.network = lab.call("POST", "/network/v2.0/networks", {"network": {"name": "e2e-net"}}, want=201)["network"]["id"]
    lab.call("POST", "/network/v2.0/subnets", {"subnet": {"network_id": w.network, "ip_version": 4, "cidr": "10.66.0.0/24"}}, want=201)
    group = next(g for g in lab.call("GET", "/network/v2.0/security-groups?name=default", want=200)["security_groups"] if g["project_id"] == lab.project)
    for protocol in ("icmp", "tcp"):  # a project's default group lets nobody in
        lab.call("POST", "/network/v2.0/security-group-rules", {"security_group_rule": {
            "security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4", "protocol": protocol}})
    key = {"name": "e2e-key", "public_key": lab.key.with_suffix(".pub").read_text(), "type": "ssh"}
    lab.call("POST", "/compute/v2.1/os-keypairs", {"keypair": key}, want=201)
    w.one, w.two = w.boot("e2e-one", "h1"), w.boot("e2e-two", "h2")
    for guest, host in ((w.one, "h1"), (w.two, "h2")):
        guest.refresh()
        expect(f"host of {guest.name}", guest.host, host)
        expect(f"{guest.name} by libvirt", lab.domains(host).get(guest.id), "running")
    for guest in (w.one, w.two):
        expect(f"{guest.name}: name and source of its metadata", guest.wait_ready(1), (guest.name, "metadata"))
        expect(f"{guest.name}: hostname", guest.run("hostname"), guest.name)
        found = lab.call("GET", f"/network/v2.0/ports?device_id={guest.id}", want=200)["ports"]
        w.ports[guest.id] = [port["id"] for port in found]
        expect(f"ports of {guest.name}", len(found), 1)


def guests_reach_each_other(w):
    for a, b in ((w.one, w.two), (w.two, w.one)):
        a.run(f"ping -q -c 3 -W 5 {b.address}")
        expect("TCP between the hosts", a.run(f"echo across | timeout 10 nc {b.address} 7777"), "across")
        big = 1450 - 28  # the MTU of a VXLAN on a 1500 underlay, less IP and ICMP
        a.run(f"ping -q -c 1 -W 5 -s {big} {b.address}")


def each_reads_its_own_metadata(w):
    key = w.lab.key.with_suffix(".pub").read_text().strip()
    for guest in (w.one, w.two):
        data = guest.json(METADATA)
        expect("uuid", data["uuid"], guest.id)
        expect("hostname", data["hostname"].split(".")[0], guest.name)
        expect("key", data["public_keys"]["e2e-key"].strip(), key)
        expect("user data", guest.run("timeout 10 wget -q -O - http://169.254.169.254/openstack/latest/user_data"), USER_DATA.strip())
        expect("EC2 hostname", guest.run("timeout 10 wget -q -O - http://169.254.169.254/latest/meta-data/hostname").split(".")[0], guest.name)
        expect("authorized_keys", guest.run("cat ~/.ssh/authorized_keys"), key)


def floating_ips_lead_in_and_out(w):
    """From outside to a guest by a floating IP, out of the guest as that address, to the other guest when it moves, and nowhere when it is gone."""
    lab = w.lab
    public = lab.id_of("/network/v2.0/networks", "networks", "public")
    router = lab.call("POST", "/network/v2.0/routers", {"router": {"name": "e2e-router", "external_gateway_info": {"network_id": public}}}, want=201)["router"]["id"]
    subnet = lab.call("GET", f"/network/v2.0/subnets?network_id={w.network}", want=200)["subnets"][0]["id"]
    lab.call("PUT", f"/network/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet}, want=200)
    body = {"floatingip": {"floating_network_id": public, "port_id": w.ports[w.one.id][0]}}
    floating = lab.call("POST", "/network/v2.0/floatingips", body, want=201)["floatingip"]
    address = floating["floating_ip_address"]

    def who():
        return lab.outside("sh", "-c", f"echo | timeout 5 busybox wget -q -O - http://{address}/cgi-bin/status")[1]
    wait_until("the first guest by its floating IP", lambda: w.one.name in who(), GUEST_LIMIT_S)
    expect("addresses", [ip["OS-EXT-IPS:type"] for ip in lab.server(w.one.id)["addresses"]["e2e-net"] if ip["addr"] == address], ["floating"])
    w.two.run("ping -q -c 1 -W 5 172.24.4.1")
    lab.call("PUT", f"/network/v2.0/floatingips/{floating['id']}", {"floatingip": {"port_id": w.ports[w.two.id][0]}}, want=200)
    wait_until("the second guest by the same", lambda: w.two.name in who(), GUEST_LIMIT_S)
    lab.call("DELETE", f"/network/v2.0/floatingips/{floating['id']}", want=204)
    wait_until("nobody by it", lambda: lab.outside("ping", "-q", "-c", "1", "-W", "1", address)[0] != 0, GUEST_LIMIT_S)
    lab.call("PUT", f"/network/v2.0/routers/{router}/remove_router_interface", {"subnet_id": subnet}, want=200)
    lab.call("DELETE", f"/network/v2.0/routers/{router}", want=204)


def interface_comes_and_goes(w):
    """A second NIC into a running guest, which gets its address on it, and out again; a port that is deleted takes its NIC with it."""
    lab, guest = w.lab, w.one
    network = lab.call("POST", "/network/v2.0/networks", {"network": {"name": "e2e-net-2"}}, want=201)["network"]["id"]
    lab.call("POST", "/network/v2.0/subnets", {"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.67.0.0/24", "gateway_ip": None}}, want=201)

    def seen():
        return guest.run("ip -4 -o addr")
    for end in (f"/compute/v2.1/servers/{guest.id}/os-interface/", "/network/v2.0/ports/"):
        made = lab.call("POST", f"/compute/v2.1/servers/{guest.id}/os-interface", {"interfaceAttachment": {"net_id": network}}, want=200)["interfaceAttachment"]
        address = made["fixed_ips"][0]["ip_address"]
        wait_until(f"{guest.name} has {address}", lambda address=address: f" {address}/24" in seen(), GUEST_LIMIT_S)
        shown = lab.server(guest.id)["addresses"]
        expect("addresses", [ip["addr"] for ip in shown["e2e-net-2"]], [address])
        lab.call("DELETE", end + made["port_id"])
        wait_until(f"{guest.name} has it no more", lambda address=address: address not in seen(), GUEST_LIMIT_S)
        wait_until("nor shows it", lambda: "e2e-net-2" not in lab.server(guest.id)["addresses"], GUEST_LIMIT_S)
    lab.call("DELETE", f"/network/v2.0/networks/{network}", want=204)


METADATA = "http://169.254.169.254/openstack/latest/meta_data.json"
METADATA_LIMIT_S = 15  # as long as Nova's own cache


def metadata_follows_what_users_write(w):
    """Name, metadata and neither's neighbour: what the running guest reads, without a reboot."""
    path = f"/compute/v2.1/servers/{w.one.id}"
    w.lab.call("PUT", path, {"server": {"name": "e2e-one-renamed"}}, want=200)
    w.lab.call("POST", f"{path}/metadata", {"metadata": {"role": "db", "passing": "yes"}}, want=200)
    w.lab.call("PUT", f"{path}/metadata/role", {"meta": {"role": "web"}}, want=200)
    w.lab.call("DELETE", f"{path}/metadata/passing", want=204)

    def seen():
        data = w.one.json(METADATA)
        return (data["name"], data.get("meta")) == ("e2e-one-renamed", {"role": "web"})
    wait_until("the guest reads its new name and metadata", seen, METADATA_LIMIT_S, 0.2)
    expect("another's name", w.two.json(METADATA)["name"], w.two.name)
    w.lab.call("PUT", path, {"server": {"name": w.one.name}}, want=200)
    wait_until("the guest reads its old name", lambda: w.one.json(METADATA)["name"] == w.one.name, METADATA_LIMIT_S, 0.2)


def console_shows_what_the_guest_said(w):
    text = w.lab.console(w.one.id)
    for wanted in ("GUEST: userspace", "user data of e2e-one", "GUEST-READY name=e2e-one"):
        if wanted not in text:
            raise CloudError(f"the console lacks \"{wanted}\": {text[-500:]}")
    expect("lines when two are asked for", len(w.lab.console(w.one.id, 2).splitlines()), 2)


def stop_and_start(w):
    w.lab.action(w.one.id, **{"os-stop": None})
    w.lab.wait_status(w.one.id, "SHUTOFF")
    expect("libvirt", w.lab.domains("h1").get(w.one.id), "shut off")
    w.lab.action(w.one.id, **{"os-start": None})
    w.one.refresh()
    w.one.wait_ready(2)


def reboot_soft_and_hard(w):
    for boot, kind in ((3, "SOFT"), (4, "HARD")):
        w.lab.action(w.one.id, reboot={"type": kind})
        w.one.refresh()
        w.one.wait_ready(boot)
        expect(f"boots after {kind}", w.one.run("cat /state/boots"), str(boot))


def pause_and_unpause(w):
    w.lab.action(w.one.id, pause=None)
    w.lab.wait_status(w.one.id, "PAUSED")
    expect("libvirt", w.lab.domains("h1").get(w.one.id), "paused")
    expect("a paused guest answers", w.one.pings(), False)
    w.lab.action(w.one.id, unpause=None)
    w.one.refresh()
    wait_until("an unpaused guest answers", w.one.pings, GUEST_LIMIT_S)


def suspend_and_resume(w):
    w.one.run("echo kept >/run/in-memory")
    w.lab.action(w.one.id, suspend=None)
    w.lab.wait_status(w.one.id, "SUSPENDED")
    expect("libvirt", w.lab.domains("h1").get(w.one.id), "shut off")
    w.lab.action(w.one.id, resume=None)
    w.one.refresh()
    expect("its memory", w.one.run("cat /run/in-memory /state/boots").split(), ["kept", "4"])


def disks(guest):
    return guest.run("ls /sys/block").split()


def attach(w, guest):
    body = {"volumeAttachment": {"volumeId": w.volume}}
    w.lab.call("POST", f"/compute/v2.1/servers/{guest.id}/os-volume_attachments", body, want=200)
    w.lab.wait_volume(w.volume, "in-use")
    wait_until(f"{guest.name} sees the disk", lambda: "vdb" in disks(guest), GUEST_LIMIT_S)
    expect("serial", guest.run("cat /sys/block/vdb/serial"), w.volume[:20])


def detach(w, guest):
    w.lab.call("DELETE", f"/compute/v2.1/servers/{guest.id}/os-volume_attachments/{w.volume}", want=202)
    w.lab.wait_volume(w.volume, "available")
    expect(f"disks of {guest.name}", disks(guest), ["vda"])


def volume_moves_between_servers(w):
    made = w.lab.call("POST", "/volume/v3/volumes", {"volume": {"size": 1, "name": "e2e-volume"}}, want=202)
    w.volume = made["volume"]["id"]
    w.lab.wait_volume(w.volume, "available")
    attach(w, w.one)
    w.one.run("echo written by one | dd of=/dev/vdb bs=512 conv=sync 2>/dev/null; sync")
    detach(w, w.one)
    attach(w, w.two)
    expect("what the volume holds", w.two.run("head -n 1 /dev/vdb"), "written by one")
    detach(w, w.two)
    w.lab.call("DELETE", f"/volume/v3/volumes/{w.volume}", want=202)
    wait_until("volume gone", lambda: w.lab.call("GET", f"/volume/v3/volumes/{w.volume}")[0] == 404, GUEST_LIMIT_S)
    expect("disks of volumes", [path.name for path in (DIR / "volumes").glob(f"*{w.volume}*")], [])


def agent_killed_in_the_middle_of_a_spawn(w):
    w.far = w.lab.call("POST", "/network/v2.0/networks", {"network": {"name": "e2e-far"}}, want=201)["network"]["id"]
    w.lab.call("POST", "/network/v2.0/subnets", {"subnet": {"network_id": w.far, "ip_version": 4, "cidr": "10.67.0.0/24"}}, want=201)
    guest = w.three = w.boot("e2e-three", "h1", w.far)
    directory = DIR / "hosts" / "h1" / "agent" / "servers" / guest.id
    wait_until("the agent begins", directory.exists, GUEST_LIMIT_S, 0.001)
    w.lab.ask("kill9", "agent-h1")
    guest.refresh()
    expect("hosts that have it", [host for host in w.lab.hosts() if guest.id in w.lab.domains(host)], ["h1"])
    expect("name and source of its metadata", guest.wait_ready(1), ("e2e-three", "metadata"))
    found = w.lab.call("GET", f"/network/v2.0/ports?device_id={guest.id}", want=200)["ports"]
    w.ports[guest.id] = [port["id"] for port in found]
    wait_until("those from before answer", lambda: w.one.pings(5), GUEST_LIMIT_S)


def routers_join_hosts_and_move(w):
    """Two networks, guests on two hosts, a floating IP that moves from one to the other; then the router's host falls silent, and another one has it."""
    lab = w.lab
    public = lab.id_of("/network/v2.0/networks", "networks", "public")
    router = lab.call("POST", "/network/v2.0/routers", {"router": {"name": "e2e-router", "external_gateway_info": {"network_id": public}}}, want=201)["router"]["id"]
    subnets = [lab.call("GET", f"/network/v2.0/subnets?network_id={network}", want=200)["subnets"][0]["id"] for network in (w.network, w.far)]
    for subnet in subnets:
        lab.call("PUT", f"/network/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet}, want=200)
    wait_until("the router stands", lambda: lab.router(router)[0] == "ACTIVE", GUEST_LIMIT_S)
    w.two.run(f"ping -q -c 1 -W 5 {w.three.address}")
    w.three.run("ping -q -c 1 -W 5 172.24.4.1")
    floating = lab.call("POST", "/network/v2.0/floatingips", {"floatingip": {"floating_network_id": public, "port_id": w.ports[w.three.id][0]}}, want=201)["floatingip"]

    def who():
        return lab.outside("sh", "-c", f"echo | timeout 5 busybox wget -q -O - http://{floating['floating_ip_address']}/cgi-bin/status")[1]
    wait_until("the third guest by its floating IP", lambda: w.three.name in who(), GUEST_LIMIT_S)
    status, host = lab.router(router)
    expect("its status", status, "ACTIVE")
    guest = w.two if w.three.host == host else w.three  # nobody else can tell the tables of the host whose agent goes where its router is now
    for to in (w.two, guest):  # on another host and another network, and perhaps back
        lab.call("PUT", f"/network/v2.0/floatingips/{floating['id']}", {"floatingip": {"port_id": w.ports[to.id][0]}}, want=200)
        wait_until(f"{to.name} by the same", lambda to=to: to.name in who(), GUEST_LIMIT_S)
    lab.ask("stop", f"agent-{host}")
    other = wait_until("another host has it", lambda: [found for found in lab.router(router)[1:] if found not in (host, "-")], GUEST_LIMIT_S, 0.2)[0]
    wait_until(f"{guest.name} by the other host", lambda: guest.name in who(), GUEST_LIMIT_S)
    lab.ask("start", f"agent-{host}")
    wait_until("the old host lets go", lambda: "kr-" not in lab.on(host, "ip", "netns"), GUEST_LIMIT_S, 0.2)
    expect("its place", lab.router(router), ("ACTIVE", other))
    expect("who answers", guest.name in who(), True)
    w.two.run(f"ping -q -c 1 -W 5 {w.three.address}")
    lab.call("DELETE", f"/network/v2.0/floatingips/{floating['id']}", want=204)
    for subnet in subnets:
        lab.call("PUT", f"/network/v2.0/routers/{router}/remove_router_interface", {"subnet_id": subnet}, want=200)
    lab.call("DELETE", f"/network/v2.0/routers/{router}", want=204)


def shutdown_from_inside_is_noticed(w):
    # After whoever says it has heard that it was said: a guest that is off answers nobody. -f, because its init is a script.
    w.two.run("sync; (sleep 5; poweroff -f) >/dev/null 2>&1 </dev/null &")
    w.lab.wait_status(w.two.id, "SHUTOFF", 45)  # told by an event: the agent's own round, once a minute, would be too late
    expect("libvirt", w.lab.domains("h2").get(w.two.id), "shut off")


def deleted_servers_leave_nothing(w):
    for server in w.servers:
        w.lab.call("DELETE", f"/compute/v2.1/servers/{server}", want=204)
    for server in w.servers:
        w.lab.wait_gone(server)
        wait_until(f"hosts forget {server}", lambda server=server: not w.lab.traces(server, w.ports.get(server, ())), GUEST_LIMIT_S)
    devices = [f"{kind}{w.network[:8]}" for kind in ("kb", "kx", "kd", "kn-")]
    for host in w.lab.hosts():
        there = w.lab.on(host, "sh", "-c", "ip -o link; ip netns", check=True)
        expect(f"the network on {host}", [name for name in devices if name in there], [])
    for network in (w.network, w.far):
        w.lab.call("DELETE", f"/network/v2.0/networks/{network}", want=204)
    w.lab.call("DELETE", "/compute/v2.1/os-keypairs/e2e-key", want=204)


def audit_is_clean(w):
    w.lab.audit()


STEPS = [two_servers_boot_on_two_hosts, guests_reach_each_other, floating_ips_lead_in_and_out, interface_comes_and_goes, each_reads_its_own_metadata,
         metadata_follows_what_users_write,
         console_shows_what_the_guest_said, stop_and_start, reboot_soft_and_hard, pause_and_unpause, suspend_and_resume, volume_moves_between_servers,
         agent_killed_in_the_middle_of_a_spawn, routers_join_hosts_and_move, shutdown_from_inside_is_noticed, deleted_servers_leave_nothing, audit_is_clean]


def run_steps():
    """(passed, failed, skipped)."""
    world = World()
    for n, step in enumerate(STEPS):
        started = time.monotonic()
        name = step.__name__.replace("_", " ")
        try:
            step(world)
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            print(f"FAIL e2e: {name}", flush=True)
            return n, 1, len(STEPS) - n - 1
        print(f"ok   e2e: {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return len(STEPS), 0, 0


def main():
    passed, failed, skipped = run_steps()
    print(f"e2e: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
