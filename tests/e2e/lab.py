# SPDX-License-Identifier: Apache-2.0
"""The lab as tests see it: its API, its hosts, its guests, its supervisor. It is started and ended by lab/lab.sh and by nothing else.

Only Python's standard library. Everything waits for an event with a limit; nothing sleeps for luck.
"""
import glob
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from cloud import CloudError, Http, wait_until  # noqa: E402

BIN = ROOT / "build" / "bin"
DIR = ROOT / "build" / "lab"
GUEST_LIMIT_S = 120  # an emulated guest on a busy machine


class Lab:
    def __init__(self):
        self.key = DIR / "id_ed25519"
        self.connection = None

    # --- life -------------------------------------------------------------------------------------------------------

    @staticmethod
    def up(**settings):
        """`make lab`; finds the one that runs."""
        subprocess.run([ROOT / "lab" / "lab.sh", "up"], check=True, env={**os.environ, **settings})

    @staticmethod
    def down():
        subprocess.run([ROOT / "lab" / "lab.sh", "down"], check=True)

    @staticmethod
    def leftovers():
        """Whatever of a lab is still on this machine after its end, outside of build/."""
        mark = f"KILONOVA_SUPERVISOR={DIR}/run".encode()
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                if mark in pathlib.Path(path).read_bytes().split(b"\0"):
                    found.append("process " + pathlib.Path(path).with_name("comm").read_text().strip())
            except OSError:
                continue
        mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
        found += [f"mount {line}" for line in mounts if str(DIR) in line]
        for kind in ("net", "mnt", "uts"):
            found += [f"namespace {path}" for path in glob.glob(f"{DIR}/ns/*/{kind}")]
        links = subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout
        found += [f"link {name}" for name in re.findall(r"\d+: ((?:k[bxd]|tap|p-h|ul)\w*)", links)]
        found += [f"file {path}" for path in glob.glob("/var/lib/kilonova-lab.*")]
        return found

    @staticmethod
    def ask(*words):
        done = subprocess.run([BIN / "kilonova-supervise", "ask", DIR / "run", *words], check=True, capture_output=True, text=True)
        return done.stdout

    @staticmethod
    def kilonova(*words):
        """What the operator's command says."""
        done = subprocess.run([BIN / "kilonova", "--config", DIR / "conf" / "kilonova.conf", *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise CloudError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done.stdout

    @staticmethod
    def audit():
        Lab.kilonova("audit", "--logs", DIR / "log")

    # --- hosts ------------------------------------------------------------------------------------------------------

    @staticmethod
    def hosts():
        return sorted(path.name for path in (DIR / "ns").iterdir() if path.is_dir())

    @staticmethod
    def on(host, *words, check=False, limit_s=GUEST_LIMIT_S):
        """What a command on a host prints."""
        done = subprocess.run([ROOT / "lab" / "lab.sh", "in", host, *words], check=check, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=limit_s)
        return done.stdout

    @staticmethod
    def outside(*words, limit_s=GUEST_LIMIT_S):
        """A command outside of the cloud, where the external network leads: (exit code, output)."""
        done = subprocess.run([ROOT / "lab" / "hosts.sh", "outside", *words], capture_output=True, text=True, timeout=limit_s, check=False)
        return done.returncode, done.stdout.strip()

    def router(self, router):
        """(status, host) as the operator sees it."""
        for line in self.kilonova("router", "list").splitlines():
            if line.startswith(router):
                return tuple(line.split()[2:4])
        return None, None

    def domains(self, host):
        """server -> state, as libvirt says it."""
        rows = self.on(host, "virsh", "-q", "-c", "qemu:///system", "list", "--all", check=True).splitlines()
        found = (row.split(None, 2) for row in rows if row.strip())
        return {name.removeprefix("kn-"): state for _, name, state in found}

    def traces(self, server, ports=()):
        """What hosts still hold of a server."""
        found = []
        for host in self.hosts():
            found += [f"{host}: domain" for name in self.domains(host) if name == server]
            found += [f"{host}: {path.name}" for path in (DIR / "hosts" / host / "agent" / "servers").glob(f"{server}*")]
            links = self.on(host, "ip", "-o", "link", check=True)
            found += [f"{host}: tap{port[:11]}" for port in ports if f"tap{port[:11]}" in links]
        return found

    # --- the API ----------------------------------------------------------------------------------------------------

    def login(self, project="admin"):
        """As the lab's administrator, in a project in which he has a role."""
        ports = dict(line.split("=") for line in (DIR / "ports").read_text().split())
        self.api_port = int(ports["api_port"])  # what Http asks for
        password = re.search(r"username: admin\n +password: (\S+)", (DIR / "clouds.yaml").read_text()).group(1)
        domain = {"id": "default"}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": domain, "password": password}}},
                         "scope": {"project": {"name": project, "domain": domain}}}}
        status, answer, headers = Http(self).call("POST", "/identity/v3/auth/tokens", body)
        if status != 201:
            raise CloudError(f"login: {status} {answer}")
        self.connection = Http(self, headers["X-Subject-Token"])
        self.project = answer["token"]["project"]["id"]

    def call(self, method, path, body=None, want=None):
        """The answer's body; with no status wanted, (status, body)."""
        status, answer, _ = self.connection.call(method, path, body, {"X-OpenStack-Nova-API-Version": "2.79"})
        if want is None:
            return status, answer
        if status != want:
            raise CloudError(f"{method} {path}: {status} instead of {want}: {answer}")
        return answer

    def id_of(self, path, noun, name):
        found = [item["id"] for item in self.call("GET", path, want=200)[noun] if item["name"] == name]
        if not found:
            raise CloudError(f"the lab has no {noun[:-1]} \"{name}\"")
        return found[0]

    def server(self, server):
        return self.call("GET", f"/compute/v2.1/servers/{server}", want=200)["server"]

    def action(self, server, **what):
        self.call("POST", f"/compute/v2.1/servers/{server}/action", what, want=202)

    def wait_status(self, server, wanted, limit_s=GUEST_LIMIT_S):
        """Until it is settled there: no task_state. ERROR, when it is not wanted, ends the waiting."""
        def probe():
            found = self.server(server)
            if found["status"] == "ERROR" != wanted:
                raise CloudError(f"server {server}: {found.get('fault')}")
            return found["status"] == wanted and found["OS-EXT-STS:task_state"] is None and found
        return wait_until(f"server {server} {wanted}", probe, limit_s, 0.2)

    def wait_gone(self, server):
        wait_until(f"server {server} gone", lambda: self.call("GET", f"/compute/v2.1/servers/{server}")[0] == 404, GUEST_LIMIT_S, 0.2)

    def volume_status(self, volume):
        return self.call("GET", f"/volume/v3/volumes/{volume}", want=200)["volume"]["status"]

    def wait_volume(self, volume, wanted):
        wait_until(f"volume {volume} {wanted}", lambda: self.volume_status(volume) == wanted, GUEST_LIMIT_S, 0.2)

    def console(self, server, lines=None):
        body = {"os-getConsoleOutput": {"length": lines} if lines else {}}
        return self.call("POST", f"/compute/v2.1/servers/{server}/action", body, want=200)["output"]


class Guest:
    """A server with a guest in it: by the API, by ssh from its host, by its console."""

    def __init__(self, lab, server, network):
        self.lab, self.id, self.network = lab, server, network

    def refresh(self):
        found = self.lab.wait_status(self.id, "ACTIVE")
        self.name, self.host = found["name"], found["OS-EXT-SRV-ATTR:host"]
        self.address = next(iter(found["addresses"].values()))[0]["addr"]
        return found

    def beside(self, *words):
        """(succeeded, output) of a command in the guest's network, on its host."""
        where = [ROOT / "lab" / "lab.sh", "in", self.host, "ip", "netns", "exec", f"kn-{self.network[:8]}"]
        done = subprocess.run([*where, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=GUEST_LIMIT_S)
        return done.returncode == 0, done.stdout

    def ssh(self, command):
        """(succeeded, output); not succeeded as well when nobody answers."""
        return self.beside("ssh", "-i", str(self.lab.key), "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=10",
                           "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"root@{self.address}", command)

    def run(self, command):
        """What a command in the guest prints; asked again until the guest answers and the command succeeds."""
        def probe():
            ok, text = self.ssh(command)
            return [text.strip()] if ok else None
        return wait_until(f"{self.name}: {command}", probe, GUEST_LIMIT_S, 0.5)[0]

    def pings(self, wait_s=1):
        return self.beside("ping", "-q", "-c", "1", "-W", str(wait_s), self.address)[0]

    def wait_ready(self, boot):
        """Until the guest says on its console that it is up for the n-th time; its own counter lies on its disk."""
        pattern = re.compile(rf"GUEST-READY name=(\S+) md=(\S+) boot={boot} ")
        found = wait_until(f"{self.name}: boot {boot}", lambda: pattern.search(self.lab.console(self.id)), GUEST_LIMIT_S, 0.5)
        return found.groups()

    def json(self, url):
        return json.loads(self.run(f"timeout 10 wget -q -O - {url}"))
