#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""README's "Several machines", followed to the letter, with network namespaces for machines; needs root.

    store   PostgreSQL with passwords and Apache Kafka with certificates and ACLs
    c1 c2   the control plane, twice: own configuration, own keys' copy
    h1 h2   a host each: an agent of the sim driver that may read its own topic and no other, and knows nothing of the database

Servers are made through either machine; then one of the two control planes dies at once; then an agent lies about who it is. Ends
with the audit. Nothing leaves the namespaces.
"""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from cloud import wait_until  # noqa: E402

BIN = ROOT / "build" / "plain" / "bin"
KAFKA = ROOT / "deploy" / "kafka" / "kafka.sh"
ADDRESS = {"store": "10.77.0.1", "c1": "10.77.0.2", "c2": "10.77.0.3", "h1": "10.77.0.4", "h2": "10.77.0.5"}
CONTROL = ("api", "conductor", "scheduler", "network", "volume", "image")
SECRET = "db-s3cret"
CLONE_NEWNET = 0x40000000


def run(*command, check=True, text=None, **kwargs):
    done = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True, check=False, **kwargs)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


class Machines:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kilonova-machines-"))
        self.dir.chmod(0o755)
        self.prefix = f"knm{os.getpid()}"
        self.started = {}  # "c1/api" -> process
        self.token = None

    # --- machines ---------------------------------------------------------------------------------------------------

    def name(self, machine):
        return f"{self.prefix}-{machine}"

    def wire(self):
        """A switch with everybody on it; this program stands beside them."""
        switch = self.name("switch")
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "address", "add", "10.77.0.254/24", "dev", "br0")
        run("ip", "-n", switch, "link", "set", "br0", "up")
        for machine, address in ADDRESS.items():
            ns = self.name(machine)
            run("ip", "netns", "add", ns)
            run("ip", "link", "add", "eth0", "netns", ns, "type", "veth", "peer", "name", machine, "netns", switch)
            run("ip", "-n", switch, "link", "set", machine, "master", "br0", "up")
            run("ip", "-n", ns, "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", ns, "link", "set", "eth0", "up")
            run("ip", "-n", ns, "link", "set", "lo", "up")
            (self.dir / machine).mkdir()
        with open(f"/run/netns/{switch}", "rb") as fd:
            if ctypes.CDLL(None, use_errno=True).setns(fd.fileno(), CLONE_NEWNET) != 0:
                raise SystemExit("cannot enter the network namespace")

    def on(self, machine, *command, **kwargs):
        return run("ip", "netns", "exec", self.name(machine), *command, **kwargs)

    def start(self, machine, what, *command, **kwargs):
        log = open(self.dir / machine / f"{what}.log", "ab")
        self.started[f"{machine}/{what}"] = subprocess.Popen(
            ["ip", "netns", "exec", self.name(machine), *map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **kwargs)

    def listens(self, machine, port):
        try:
            socket.create_connection((ADDRESS[machine], port), 1).close()
            return True
        except OSError:
            return False

    def log(self, machine, what):
        return (self.dir / machine / f"{what}.log").read_text(errors="replace")

    def end(self, what, how=signal.SIGKILL):
        process = self.started.pop(what)
        process.send_signal(how)
        process.wait()

    # --- the recipe ---------------------------------------------------------------------------------------------------

    def database(self):
        pg = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        data = self.dir / "store" / "pg"
        as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        run(*as_postgres, pg / "initdb", "-N", "-A", "scram-sha-256", "--auth-local=trust", "-E", "UTF8", "--locale=C", "-D", data, cwd="/")
        with open(data / "pg_hba.conf", "a", encoding="ascii") as hba:
            hba.write("host kilonova kilonova 10.77.0.0/24 scram-sha-256\n")
        self.start("store", "postgres", *as_postgres, pg / "postgres", "-D", data, "-c", f"listen_addresses={ADDRESS['store']}",
                   "-c", f"unix_socket_directories={data}", "-c", "fsync=off", "-c", "max_connections=200", cwd="/")
        psql = ("psql", "-q", "-h", data, "-U", "postgres", "-d", "postgres")
        wait_until("database", lambda: subprocess.run([*map(str, psql), "-c", ""], capture_output=True, check=False).returncode == 0)
        run(*psql, "-c", f"CREATE ROLE kilonova LOGIN PASSWORD '{SECRET}'")
        run(*psql, "-c", "CREATE DATABASE kilonova OWNER kilonova")

    def kafka(self):
        self.environment = {**os.environ, "KAFKA_HOST": ADDRESS["store"], "KAFKA_DIR": str(self.dir / "store"), "KAFKA_TLS": "1"}
        self.on("store", KAFKA, "prepare", env=self.environment)
        self.start("store", "kafka", KAFKA, "run", env=self.environment)
        wait_until("Kafka", lambda: self.listens("store", 9092))

    def configure(self, machine, sections):
        text = "".join(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items()) for name, section in sections.items())
        path = self.dir / machine / "kilonova.conf"
        path.write_text(text)
        path.chmod(0o600)

    def bus(self, machine, who):
        """Its own copy of its own key, and of the authority's certificate."""
        for source, copy in (("ca.pem", "ca.pem"), (f"{who}.pem", "bus.pem"), (f"{who}.key", "bus.key")):
            shutil.copy2(self.dir / "store" / "tls" / source, self.dir / machine / copy)
        home = self.dir / machine
        return {"brokers": f"{ADDRESS['store']}:9092", "security_protocol": "ssl", "ssl_ca_file": home / "ca.pem",
                "ssl_certificate_file": home / "bus.pem", "ssl_key_file": home / "bus.key"}

    def control_plane(self, machine):
        (self.dir / "shared").mkdir(exist_ok=True)
        self.configure(machine, {
            "db": {"url": f"postgresql://kilonova:{SECRET}@{ADDRESS['store']}/kilonova"},
            "bus": {**self.bus(machine, "kilonova"), "key_file": self.dir / machine / "messages.key"},
            "api": {"listen": "0.0.0.0:8774", "public_url": f"http://{ADDRESS[machine]}:8774"},
            "identity": {"key_file": self.dir / machine / "token.key"},
            "image": {"store_dir": self.dir / "shared", "data_listen": "0.0.0.0:9292", "data_url": f"http://{ADDRESS[machine]}:9292"},
            "volume": {"file_dir": self.dir / "volumes"},
            "daemon": {"host": machine},
        })
        if machine == "c1":
            self.kilonova("c1", "bus", "key")
            self.kilonova("c1", "db", "migrate")
            self.password = self.kilonova("c1", "bootstrap", "--password-stdin", text="only-for-this-test\n") and "only-for-this-test"
        else:
            for key in ("token.key", "credential.key", "messages.key"):
                shutil.copy2(self.dir / "c1" / key, self.dir / machine / key)
        for number, service in enumerate(CONTROL):
            self.start(machine, service, BIN / f"kilonova-{service}", "--config", self.dir / machine / "kilonova.conf", "--set",
                       f"daemon.health_listen=0.0.0.0:{9100 + number}")

    def host(self, machine):
        self.on("store", KAFKA, "agent", machine, env=self.environment)
        self.kilonova("c1", "agent", "key", machine, self.dir / machine / "agent.key")
        self.configure(machine, {
            "bus": self.bus(machine, f"agent-{machine}"),
            "agent": {"key_file": self.dir / machine / "agent.key", "underlay_address": ADDRESS[machine], "zone": "nova", "host": machine, "driver": "sim",
                      "state_dir": self.dir / machine / "state", "cache_dir": self.dir / machine / "cache"},
            "volume": {"file_dir": self.dir / "volumes"},
        })
        self.agent(machine, machine)

    def agent(self, machine, what, *settings):
        (self.dir / machine / "state").mkdir(exist_ok=True)
        self.start(machine, what, BIN / "kilonova-agent", "--config", self.dir / machine / "kilonova.conf", *settings)

    def kilonova(self, machine, *arguments, text=None, check=True):
        return self.on(machine, BIN / "kilonova", "--config", self.dir / machine / "kilonova.conf", *arguments, text=text, check=check)

    # --- its use ------------------------------------------------------------------------------------------------------

    def call(self, machine, method, path, body=None, want=None, raw=None):
        headers = {"Content-Type": "application/octet-stream" if raw else "application/json", "Accept": "application/json",
                   "X-OpenStack-Nova-API-Version": "2.37"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = raw or (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(f"http://{ADDRESS[machine]}:8774{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text, status, head = answer.read(), answer.status, answer.headers
        except urllib.error.HTTPError as error:
            text, status, head = error.read(), error.code, error.headers
        except OSError:
            return None
        if want is not None and status != want:
            raise SystemExit(f"{machine}: {method} {path}: {status} instead of {want}: {text[:400]}")
        self.token = head.get("X-Subject-Token", self.token)
        return json.loads(text) if text else {}

    def log_in(self, machine):
        domain = {"id": "default"}
        self.token = None
        user = {"name": "admin", "domain": domain, "password": self.password}
        return self.call(machine, "POST", "/identity/v3/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": {"name": "admin", "domain": domain}}}})

    def prepare(self, machine):
        flavor = {"name": "small", "vcpus": 1, "ram": 64, "disk": 0}
        self.flavor = self.call(machine, "POST", "/compute/v2.1/flavors", {"flavor": flavor}, 200)["flavor"]["id"]
        image = {"name": "tiny", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        self.image = self.call(machine, "POST", "/image/v2/images", image, 201)["id"]
        self.call(machine, "PUT", f"/image/v2/images/{self.image}/file", want=204, raw=b"\0" * 65536)
        self.network = self.call(machine, "POST", "/network/v2.0/networks", {"network": {"name": "n"}}, 201)["network"]["id"]
        self.call(machine, "POST", "/network/v2.0/subnets", {"subnet": {"network_id": self.network, "ip_version": 4, "cidr": "10.20.0.0/16"}}, 201)

    def server(self, make, see, **more):
        body = {"name": "s", "imageRef": self.image, "flavorRef": self.flavor, "networks": [{"uuid": self.network}], **more}
        server = self.call(make, "POST", "/compute/v2.1/servers", {"server": body}, 202)["server"]["id"]
        path = f"/compute/v2.1/servers/{server}"

        def settled():
            status = (self.call(see, "GET", path) or {}).get("server", {}).get("status")
            return status if status in ("ACTIVE", "ERROR") else None
        status = wait_until(f"server made on {make}", settled)
        if status != "ACTIVE":
            raise SystemExit(f"server made on {make}: {status}: {self.call(see, 'GET', path)}")
        return self.call(see, "GET", path)["server"]["OS-EXT-SRV-ATTR:host"]

    def hosts(self):
        return [h for h in (self.call("c2", "GET", "/compute/v2.1/os-hypervisors/detail") or {}).get("hypervisors", []) if h["state"] == "up"]

    def show_logs(self):
        for log in sorted(self.dir.glob("*/*.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"--- {log.parent.name}/{log.name}", *lines[-4:], sep="\n", file=sys.stderr)

    def stop(self):
        for what in list(self.started):
            self.end(what)
        for machine in ["switch", *ADDRESS]:
            run("ip", "netns", "delete", self.name(machine), check=False)
        shutil.rmtree(self.dir)


def tour(m):
    m.database()
    m.kafka()
    for machine in ("c1", "c2"):
        m.control_plane(machine)
    for machine in ("c1", "c2"):
        wait_until(f"API of {machine}", lambda: m.log_in(machine))  # noqa: B023
    print("ok     two control planes answer, each from its own machine")
    for machine in ("h1", "h2"):
        m.host(machine)
    wait_until("both hosts", lambda: len(m.hosts()) == 2)
    print("ok     two agents that know nothing but Kafka said hello")
    m.prepare("c1")
    for host in [h["hypervisor_hostname"] for h in m.hosts()]:
        if m.server("c1", "c2", availability_zone=f"nova:{host}") != host:
            raise SystemExit(f"the server for {host} is elsewhere")
    print("ok     a token of one machine is good on the other; servers on both hosts")

    for service in CONTROL:
        m.end(f"c1/{service}")
    host = m.server("c2", "c2")
    print(f"ok     c1 died at once; c2 made a server on {host}")

    m.agent("h1", "liar", "--set", "agent.id=h2", "--set", f"agent.state_dir={m.dir}/h1/liar", "--set", "agent.host=liar")
    wait_until("the liar's end", lambda: "kn.agent.h2" in m.log("h1", "liar"))
    print("ok     an agent that asks for another's commands is told:", [x for x in m.log("h1", "liar").splitlines() if "kn.agent.h2" in x][0][-90:])
    m.end("h1/liar")
    m.agent("h1", "stranger", "--set", "bus.ssl_certificate_file=", "--set", "bus.ssl_key_file=", "--set", f"agent.state_dir={m.dir}/h1/stranger",
            "--set", "agent.host=stranger")
    wait_until("the stranger's end", lambda: "certificate" in m.log("h1", "stranger"))
    print("ok     an agent without a certificate is told so")
    m.end("h1/stranger")
    if len(m.hosts()) != 2:
        raise SystemExit("there are other hosts than h1 and h2")

    for log in m.dir.glob("*/*.log"):
        if SECRET in log.read_text(errors="replace"):
            raise SystemExit(f"{log.parent.name}/{log.name} shows the database's password")
    print(m.kilonova("c2", "audit", "--logs", str(m.dir / "c2")).splitlines()[-1])


def main():
    m = Machines()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    try:
        m.wire()
        tour(m)
    except BaseException:
        m.show_logs()
        raise
    finally:
        m.stop()


main()
