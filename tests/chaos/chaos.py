# SPDX-License-Identifier: Apache-2.0
"""What the cloud survives: each fault in the middle of 50 creations, 50 deletions and every action that a server knows (deeds.py); then the audit.

    chaos.py [--bus embedded|kafka] [--short] [FAULT…]        FAULT: a name from FAULTS; default all, --short: a few

Every server that was accepted (202) ends ACTIVE, every deletion that was accepted (204) ends in 404, none is doubled, nothing
leaks. Servers that are acted upon end at rest, in no ERROR. Every fifth server is deleted while it is still being made. A client whose request broke off without an answer knows nothing: such a server may exist or not, but never half.
"""
import argparse
import concurrent.futures
import hashlib
import http.client
import itertools
import os
import pathlib
import random
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import Cloud, CloudError, wait_until  # noqa: E402

import deeds  # noqa: E402

SERVERS = 50
CLIENTS = 8
ACTORS = 8
DEEDS_EACH, DEEDS_EACH_SHORT = 12, 4
FROZEN_S = 40


class Round:
    """50 old servers to delete, 50 new ones to create, and a fault when half of the wishes were said."""

    def __init__(self, cloud, name, actors=(), times=DEEDS_EACH):
        self.cloud, self.name, self.actors, self.times = cloud, name, actors, times
        self.created, self.deleted, self.unknown = set(), set(), set()
        self.said = 0

    def create(self, n):
        name = f"{self.name}-{n}"
        try:
            status, answer = self.cloud.post_server(name)
        except ConnectionError:
            self.unknown.add(name)
            return
        if status == 202 and n % 5 == 0:
            self.delete(answer["server"]["id"])
        elif status == 202:
            self.created.add(answer["server"]["id"])
        elif status not in (500, 503, 504):
            raise CloudError(f"create {name}: {status} {answer}")

    def delete(self, server):
        self.cloud.call_surely("DELETE", f"/compute/v2.1/servers/{server}")
        self.deleted.add(server)

    def run(self, old, fault):
        """Wishes from several clients; the fault strikes after half of them."""
        pairs = itertools.zip_longest([(self.create, n) for n in range(SERVERS)], [(self.delete, server) for server in old])
        wishes = [wish for pair in pairs for wish in pair if wish]
        half = len(wishes) // 2
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + len(self.actors)) as pool:
            acting = [pool.submit(actor.act, self.times) for actor in self.actors]
            futures = [pool.submit(do, what) for do, what in wishes[:half]]
            struck = pool.submit(fault, self.cloud)
            futures += [pool.submit(do, what) for do, what in wishes[half:]]
            for future in [*futures, struck, *acting]:
                future.result()

    def settle(self):
        cloud = self.cloud
        wait_until("no open task", lambda: cloud.sql("SELECT count(*) FROM task WHERE state IN ('run', 'undo')") == [["0"]])
        for actor in self.actors:
            actor.check()
        for server in self.created:
            cloud.wait_status(server, "ACTIVE")
        for server in self.deleted:
            cloud.wait_status(server, None)
        for name in self.unknown:
            rows = cloud.sql(f"SELECT vm_state FROM server WHERE name = '{name}' AND deleted_at IS NULL")
            if rows not in ([], [["active"]]):
                raise CloudError(f"{name}, whose answer was lost, is {rows}")
        doubled = cloud.sql("SELECT name FROM server WHERE deleted_at IS NULL GROUP BY name HAVING count(*) > 1")
        if doubled:
            raise CloudError(f"doubled: {doubled}")
        if self.actors:
            deeds.sweep(cloud)
            wait_until("no image on its way", lambda: cloud.sql("SELECT count(*) FROM task WHERE state IN ('run', 'undo')") == [["0"]])
        cloud.audit()


def kill(name):
    return lambda cloud: cloud.kill9(name)


def restart(name):
    return lambda cloud: cloud.restart(name)


def kill_bus(cloud):
    cloud.kill9("broker" if cloud.bus == "embedded" else "kafka")


def freeze_bus(cloud):
    """For longer than a producer keeps a message (30 s): commands and answers are lost, and nobody's process ends."""
    pid = cloud.pids()["broker" if cloud.bus == "embedded" else "kafka"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(FROZEN_S)
    os.kill(pid, signal.SIGCONT)


def kill_agent_twice(cloud):
    cloud.kill9("agent")
    cloud.kill9("agent")


def kill_both_conductors(cloud):
    cloud.kill9("conductor-1")
    cloud.kill9("conductor-2")


def kill_api_in_upload(cloud):
    """The image whose data broke off is queued again and can be filled; nothing of the half is left, in either life of the API."""
    wish = {"name": "half", "disk_format": "raw", "container_format": "bare"}
    image = cloud.call_surely("POST", "/image/v2/images", wish, want=201)["id"]
    path, data = f"/image/v2/images/{image}", os.urandom(4 << 20)
    upload = http.client.HTTPConnection("127.0.0.1", cloud.api_port, timeout=60)
    upload.putrequest("PUT", path + "/file")
    for name, value in (("X-Auth-Token", cloud.token), ("Content-Type", "application/octet-stream"), ("Content-Length", 2 * len(data))):
        upload.putheader(name, str(value))
    upload.endheaders(data)
    wait_until("saving", lambda: cloud.call_surely("GET", path, want=200)["status"] == "saving")
    cloud.kill9("api")
    upload.close()
    wait_until("queued", lambda: cloud.call_surely("GET", path, want=200)["status"] == "queued")
    wait_until("no half file", lambda: not list((cloud.dir / "store").glob("*.part")))
    cloud.call_surely("PUT", path + "/file", data, want=204, headers={"Content-Type": "application/octet-stream"})
    if cloud.call_surely("GET", path, want=200)["os_hash_value"] != hashlib.sha512(data).hexdigest():
        raise CloudError("the image is not what was uploaded at last")


def send_garbage(cloud):
    """Broken messages on every topic; nobody may crash, so every process must still be the one it was."""
    before = cloud.pids()
    cloud.tool("tests/chaos/garbage", "sim")
    rows = {name: pid for name, pid in cloud.pids().items() if before.get(name) != pid}
    if rows:
        raise CloudError(f"restarted by garbage: {rows}")


def freeze(name, seconds):
    """Stopped and continued: what it says after that, it decided before."""
    def fault(cloud):
        pid = cloud.pids()[name]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
    return fault


def power(cloud, server, action, status):
    cloud.call("POST", f"/compute/v2.1/servers/{server}/action", {action: None}, want=202)
    cloud.wait_status(server, status)


def attach_and_detach(cloud, first, second):
    """A volume in the first server, then in the second: an old attachment said again would be one disk in two guests."""
    project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
    volumes = f"/volume/v3/{project}/volumes"
    volume = cloud.call("POST", volumes, {"volume": {"size": 1, "name": "wanders"}}, want=202)["volume"]["id"]

    def wait_volume(status):
        wait_until(f"volume {status}", lambda: cloud.call("GET", f"{volumes}/{volume}", want=200)["volume"]["status"] == status)

    wait_volume("available")
    for server in (first, second):
        path = f"/compute/v2.1/servers/{server}/os-volume_attachments"
        cloud.call("POST", path, {"volumeAttachment": {"volumeId": volume}}, want=200)
        wait_volume("in-use")
        if server == first:
            cloud.call("DELETE", f"{path}/{volume}", want=202)
            wait_volume("available")


def live(cloud):
    """Servers that were stopped, started and deleted, and a volume that moved."""
    servers = [cloud.create_server(f"life-{n}") for n in range(6)]
    for server in servers:
        cloud.wait_status(server, "ACTIVE")
    power(cloud, servers[0], "os-stop", "SHUTOFF")
    power(cloud, servers[1], "os-stop", "SHUTOFF")
    power(cloud, servers[1], "os-start", "ACTIVE")
    power(cloud, servers[2], "pause", "PAUSED")
    attach_and_detach(cloud, servers[3], servers[4])
    cloud.call_surely("DELETE", f"/compute/v2.1/servers/{servers[5]}")
    cloud.wait_status(servers[5], None)


def volumes_die(cloud):
    """Volumes that die with their servers, deleted while the volume service is away and a conductor is killed; one stays."""
    project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
    newest = {"X-OpenStack-Nova-API-Version": "2.85"}
    servers = [cloud.create_server(f"mortal-{n}") for n in range(6)]
    volumes = [cloud.call("POST", f"/volume/v3/{project}/volumes", {"volume": {"size": 1}}, want=202)["volume"]["id"] for _ in servers]

    def left():
        return {row[0]: row[1] for row in cloud.sql("SELECT id, status FROM volume") if row[0] in volumes}

    wait_until("the volumes", lambda: set(left().values()) == {"available"})
    for server, volume in zip(servers, volumes):
        cloud.wait_status(server, "ACTIVE")
        path = f"/compute/v2.1/servers/{server}/os-volume_attachments"
        cloud.call("POST", path, {"volumeAttachment": {"volumeId": volume, "delete_on_termination": True}}, want=200, headers=newest)
    wait_until("their attachments", lambda: set(left().values()) == {"in-use"})
    spared = {"volumeId": volumes[0], "delete_on_termination": False}
    cloud.call("PUT", f"/compute/v2.1/servers/{servers[0]}/os-volume_attachments/{volumes[0]}", {"volumeAttachment": spared}, want=202, headers=newest)
    cloud.ask("stop", "volume")
    for n, server in enumerate(servers):
        cloud.call_surely("DELETE", f"/compute/v2.1/servers/{server}")
        if n == 3:
            cloud.kill9("conductor-1")
    cloud.ask("start", "volume")
    wait_until("the end of the volumes", lambda: left() == {volumes[0]: "available"})
    files = {path.name for path in (cloud.dir / "volumes").iterdir()}
    if f"volume-{volumes[0]}" not in files or any(f"volume-{volume}" in files for volume in volumes[1:]):
        raise CloudError(f"of {volumes}, where the first stays, there are {files}")


STATE = (
    "SELECT id, vm_state, task_state, power_state, host, generation, nics FROM server WHERE deleted_at IS NULL ORDER BY id",
    "SELECT * FROM port ORDER BY id", "SELECT port_id, host, state FROM port_binding ORDER BY 1, 2", "SELECT * FROM address ORDER BY 1, 2, 3",
    "SELECT * FROM allocation ORDER BY server_id, role",
    "SELECT id, volume_id, server_id, status, device FROM attachment ORDER BY id",
    "SELECT id, status FROM volume WHERE deleted_at IS NULL ORDER BY id",
    "SELECT name, used_vcpus, used_memory_mib, used_disk_gib, servers FROM host ORDER BY name",
)


def everything(cloud):
    """What the database says, and the guests of the simulated hosts: of the last line for each, without the order that was obeyed."""
    guests = {}
    for line in (cloud.dir / "agent" / "sim.journal").read_text().splitlines():
        words = line.split()
        guests[words[1], words[2]] = words[:7] if words[0] == "guest" else None
    return [cloud.sql(query) for query in STATE], {key: guest for key, guest in guests.items() if guest}


class Replay:
    """Around a round: what was said in it is said twice more, shuffled, and nothing may change."""

    def __init__(self, cloud):
        self.cloud, seed = cloud, str(random.randrange(1 << 31))
        print(f"replay: seed {seed}")
        self.recorder = cloud.start_tool("tests/chaos/replay", "sim", seed)
        if self.recorder.stdout.readline() != "reading\n":
            raise CloudError("the recorder does not read")

    def play(self):
        cloud, before = self.cloud, everything(self.cloud)
        count, _ = self.recorder.communicate("play\n", timeout=60)
        if self.recorder.returncode != 0 or int(count) < 1000:
            raise CloudError(f"replay: {self.recorder.returncode}, {count} messages")
        last = cloud.create_server("after-the-replay")  # topics are read in order: its commands come after all of them
        cloud.wait_status(last, "ACTIVE")
        power(cloud, last, "os-stop", "SHUTOFF")
        cloud.call_surely("DELETE", f"/compute/v2.1/servers/{last}")
        cloud.wait_status(last, None)
        for was, now in zip([*before[0], before[1]], [*everything(cloud)[0], everything(cloud)[1]]):
            if was != now:
                raise CloudError(f"changed by a replay:\n{was}\n{now}")
        cloud.audit()


FAULTS = {
    "nothing": lambda cloud: None, "api": kill("api"), "api-in-upload": kill_api_in_upload,
    "conductor": kill("conductor-1"), "both-conductors": kill_both_conductors, "scheduler": kill("scheduler"),
    "network": kill("network"), "volume": kill("volume"), "image": kill("image"),
    "agent": kill("agent"), "agent-twice": kill_agent_twice, "bus": kill_bus, "bus-frozen": freeze_bus,
    "postgres": restart("postgres"),
    "postgres-kill": kill("postgres"), "garbage": send_garbage,
    "volumes-die": volumes_die, "replay": live, "conductor-thawed": freeze("conductor-1", 12), "network-restarted": restart("network"), "network-frozen": freeze("network", 14),
}
SHORT = ["replay", "network-restarted", "garbage", "api-in-upload", "volumes-die", "conductor", "agent", "bus", "postgres"]


def run_faults(cloud, names, times):
    """(passed, failed); the first failure ends it, because what follows would only tell of the same."""
    old, passed = set(), 0
    cloud.prepare()
    actors = deeds.troupe(cloud, ACTORS)
    acted = {actor.server for actor in actors}
    for name in names:
        this = Round(cloud, name, actors, times)
        try:
            replay = Replay(cloud) if name == "replay" else None
            this.run(old, FAULTS[name])
            this.settle()
            if replay:
                replay.play()
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            print(f"FAIL chaos {cloud.bus}: {name}", flush=True)
            cloud.show_logs()
            return passed, 1
        print(f"ok   chaos {cloud.bus}: {name} ({len(this.created)} created, {len(this.deleted)} deleted, "
              f"{len(this.unknown)} without an answer)", flush=True)
        passed += 1
        rows = cloud.sql("SELECT id FROM server WHERE deleted_at IS NULL")
        old = {row[0] for row in rows if row[0] not in acted}
        old = set(sorted(old)[:SERVERS])
    print(f"deeds on {cloud.bus}: {sum(a.accepted for a in actors)} accepted, {sum(a.refused for a in actors)} refused, "
          f"{sum(a.lost for a in actors)} without an answer", flush=True)
    return passed, 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bus", choices=["embedded", "kafka"], default="embedded")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the directory with logs and database")
    parser.add_argument("faults", nargs="*", metavar="FAULT")
    options = parser.parse_args()
    names = options.faults or (SHORT if options.short else list(FAULTS))
    with Cloud(bus=options.bus, hosts=20, keep=options.keep) as cloud:
        passed, failed = run_faults(cloud, names, DEEDS_EACH_SHORT if options.short else DEEDS_EACH)
    print(f"chaos-{options.bus}: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
