#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What volumes cost: on the file back end, and an NBD export of the nbd back end against the file that it serves.

    tests/bench/volumes.py [--volumes N] [--times N] [--seconds N] [--nbd]      a small cloud of its own

measure_volumes() gives figures by name: volumes_per_s (32 clients, from the first POST until all are available), volumes_listed_per_s (a client goes through all of them, a thousand
a page), snapshots_per_s (32 clients, each of a volume of its own), volume_clone_p50_ms (of an image that the volume host has), attach_p50_ms and detach_p50_ms (on simulated hosts
a guest's part takes microseconds, so the rest is ours). measure_nbd(), wants fio: nbd_<job>_iops and file_<job>_iops, and nbd_<job>_ratio of the two; the same fio job on the export,
through TLS and a host's daemon as a guest's disk is, and on the file.
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import ROOT, Cloud, CloudError, wait_until  # noqa: E402

LOAD = ROOT / "build" / "plain" / "tests" / "bench" / "load"
PAGE = 1000
GIB = 1 << 30
SETTINGS = {"volume.driver": "file,nbd", "volume.file_gib": 1 << 20}
JOBS = ("randread", "randwrite", "read", "write")


def load(cloud, *words, clients):
    command = [LOAD, "--port", cloud.api_port, "--token", cloud.token, "--clients", clients, *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise CloudError(f"load: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


class Volumes:
    def __init__(self, cloud):
        self.cloud = cloud
        self.project = cloud.call("GET", "/identity/v3/auth/tokens", want=200, headers={"X-Subject-Token": cloud.token})["token"]["project"]["id"]
        self.api = f"/volume/v3/{self.project}"
        quota = {"volumes": -1, "gigabytes": -1, "snapshots": -1}
        cloud.call("PUT", f"{self.api}/os-quota-sets/{self.project}", {"quota_set": quota}, want=200)

    def unsettled(self, table):
        return int(self.cloud.sql(f"SELECT count(*) FROM {table} WHERE status = 'creating'")[0][0])

    def post_many(self, noun, table, body, count, *words):
        """How many a second, from the first POST until all are available."""
        path = self.cloud.dir / f"{noun}.json"
        path.write_text(json.dumps({noun: body}))
        begun = time.monotonic()
        load(self.cloud, "--requests", count, "--body", path, *words, "POST", f"{self.api}/{noun}s", clients=32)
        wait_until(f"all {noun}s", lambda: self.unsettled(table) == 0, limit_s=600, every_s=0.1)
        took = time.monotonic() - begun
        broken = self.cloud.sql(f"SELECT count(*) FROM {table} WHERE status <> 'available'")[0][0]
        if broken != "0":
            raise CloudError(f"{broken} {noun}s are not available")
        return round(count / took)

    def list_all(self):
        marker, seen, begun = "", 0, time.monotonic()
        while True:
            page = self.cloud.call("GET", f"{self.api}/volumes/detail?limit={PAGE}{marker}", want=200)["volumes"]
            seen += len(page)
            if len(page) < PAGE:
                return round(seen / (time.monotonic() - begun))
            marker = f"&marker={page[-1]['id']}"

    def become(self, volume, status):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            now = self.cloud.call("GET", f"{self.api}/volumes/{volume}", want=200)["volume"]["status"]
            if now == status:
                return
            if now.startswith("error"):
                break
            time.sleep(0.002)
        raise CloudError(f"volume {volume} does not become {status}: it is {now}")

    def create(self, **body):
        volume = self.cloud.call("POST", f"{self.api}/volumes", {"volume": {"size": 1, **body}}, want=202)["volume"]["id"]
        self.become(volume, "available")
        return volume

    def measure_clone(self, times):
        self.create(imageRef=self.cloud.image)  # the volume host has the image then
        took = []
        for _ in range(times):
            begun = time.monotonic()
            self.create(imageRef=self.cloud.image)
            took.append(1000 * (time.monotonic() - begun))
        return {"volume_clone_p50_ms": round(statistics.median(took), 1)}

    def attach(self, server, volume):
        self.cloud.call("POST", f"/compute/v2.1/servers/{server}/os-volume_attachments", {"volumeAttachment": {"volumeId": volume}}, want=200)
        self.become(volume, "in-use")

    def measure_attach(self, times):
        server, volume, attached, detached = self.active_server(), self.create(), [], []
        for _ in range(times):
            begun = time.monotonic()
            self.attach(server, volume)
            middle = time.monotonic()
            self.cloud.call("DELETE", f"/compute/v2.1/servers/{server}/os-volume_attachments/{volume}", want=202)
            self.become(volume, "available")
            attached.append(1000 * (middle - begun))
            detached.append(1000 * (time.monotonic() - middle))
        return {"attach_p50_ms": round(statistics.median(attached), 1), "detach_p50_ms": round(statistics.median(detached), 1)}

    def active_server(self):
        server = self.cloud.create_server("holds")
        wait_until("ACTIVE", lambda: self.cloud.server_status(server) == "ACTIVE", every_s=0.01)
        return server


# --- nbd against the file ----------------------------------------------------------------------------------------------

def fio(job, seconds, *where):
    size = "4k" if job.startswith("rand") else "128k"
    command = ["fio", "--name=bench", f"--rw={job}", f"--bs={size}", "--iodepth=16", "--direct=1", f"--size={GIB}", "--time_based", f"--runtime={seconds}",
               "--output-format=json", *where]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CloudError(f"fio: {done.stderr}{done.stdout[-400:]}")
    answer = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
    return answer["read"]["iops"] + answer["write"]["iops"]


@contextlib.contextmanager
def host_daemon(keys, port, export, socket):
    """What a host has between its guest and the export: a qemu-storage-daemon that speaks TLS to the volume host, and a socket here."""
    identity = keys.read_text().split(":")[0]
    blockdev = {"driver": "nbd", "node-name": "disk", "server": {"type": "inet", "host": "127.0.0.1", "port": str(port)}, "export": export, "tls-creds": "tls"}
    command = ["qemu-storage-daemon", "--object", f"tls-creds-psk,id=tls,endpoint=client,dir={keys.parent},username={identity}", "--blockdev", json.dumps(blockdev),
               "--nbd-server", f"addr.type=unix,addr.path={socket}", "--export", "type=nbd,id=out,node-name=disk,writable=on,name=disk"]
    daemon = subprocess.Popen(command)
    try:
        wait_until("the host's daemon", socket.exists)
        yield f"nbd+unix:///disk?socket={socket}"
    finally:
        daemon.terminate()
        daemon.wait()


def measure_nbd(volumes, seconds):
    """In turn, job by job: the file by Linux' own asynchronous I/O, the export as a guest has it but for its virtio."""
    cloud = volumes.cloud
    kind = cloud.call("POST", f"{volumes.api}/types", {"volume_type": {"name": "served", "extra_specs": {"volume_backend_name": "nbd"}}}, want=200)
    volume = volumes.create(volume_type=kind["volume_type"]["id"])
    volumes.attach(volumes.active_server(), volume)
    file, keys = cloud.dir / "volumes" / f"volume-{volume}", cloud.dir / "volumes" / ".nbd" / volume / "keys.psk"
    port = json.loads((keys.parent / "state").read_text())["port"]
    figures = {}
    with host_daemon(keys, port, f"volume-{volume}", cloud.dir / "run" / "disk") as uri:
        for job in JOBS:
            served = fio(job, seconds, "--ioengine=nbd", f"--uri={uri}")
            local = fio(job, seconds, "--ioengine=libaio", f"--filename={file}")
            figures |= {f"nbd_{job}_iops": round(served), f"file_{job}_iops": round(local), f"nbd_{job}_ratio": round(served / local, 2)}
    return figures


def measure_volumes(count, times, seconds=None):
    with Cloud(bus="embedded", hosts=4, conductors=1, settings=SETTINGS) as cloud:
        cloud.prepare()
        volumes = Volumes(cloud)
        figures = {"volumes_per_s": volumes.post_many("volume", "volume", {"size": 1, "name": "bench-{n}"}, count), "volumes_listed_per_s": volumes.list_all()}
        ids = cloud.dir / "volume-ids"
        ids.write_text("\n".join(row[0] for row in cloud.sql("SELECT id FROM volume")))
        figures |= {"snapshots_per_s": volumes.post_many("snapshot", "volume_snapshot", {"volume_id": "{id}", "name": "bench-{n}"}, min(count, 1000), "--ids", ids)}
        figures |= volumes.measure_clone(times) | volumes.measure_attach(times)
        if seconds is not None:
            figures |= measure_nbd(volumes, seconds)
        cloud.audit()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=10000)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=5, help="of each fio job")
    parser.add_argument("--nbd", action="store_true", help="with fio")
    options = parser.parse_args()
    figures = measure_volumes(options.volumes, options.times, options.seconds if options.nbd else None)
    for name, value in figures.items():
        print(f"{name:34} {value:>10}")


if __name__ == "__main__":
    sys.exit(main())
