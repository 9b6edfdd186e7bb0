# SPDX-License-Identifier: Apache-2.0
"""A whole cloud of simulated hosts for one test: private PostgreSQL, bus, every daemon, all under kilonova-supervise.

    with Cloud(bus="embedded", hosts=20) as cloud:
        server = cloud.create_server("a")
        cloud.kill9("conductor-1")
        cloud.wait_status(server, "ACTIVE")
        cloud.audit()

Only Python's standard library. Nothing is waited for by sleeping a fixed time: everything polls with a limit of LIMIT_S.
The daemons' names under the supervisor: postgres, broker or kafka, api, conductor-1, conductor-2, scheduler, network, volume,
image, agent.
"""
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / os.environ.get("VARIANT", "plain") / "bin"  # VARIANT=asan: the same under sanitisers
LIMIT_S = 120
PASSWORD = "only-for-this-test"


class CloudError(Exception):
    pass


def candidates():
    """Ports one after the other from a random one, below those that the kernel gives to connections (process.h says why)."""
    first, last = 10000, int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    span = (last if last >= 2 * first else 32768) - first
    for n in itertools.count(random.randrange(span)):
        yield first + n % span


PORTS = candidates()


def free_port():
    """One that nobody uses just now, and never the same twice in a program."""
    while True:
        port = next(PORTS)
        with contextlib.closing(socket.socket()) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def answers(port):
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_until(what, probe, limit_s=LIMIT_S, every_s=0.05):
    """The probe's first true answer; CloudError after limit_s."""
    end = time.monotonic() + limit_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise CloudError(f"{what}: not within {limit_s} s")
        time.sleep(every_s)


class Http:
    """One keep-alive connection and a token. Raises ConnectionError when the API is away."""

    def __init__(self, cloud, token=None):
        self.cloud, self.token, self.connection, self.used = cloud, token, None, 0.0

    def call(self, method, path, body=None, headers=None, raw=False):
        """(status, parsed body, headers). Body: a value for JSON, or bytes."""
        all_headers = {"Accept": "application/json", **(headers or {})}
        if self.token:
            all_headers["X-Auth-Token"] = self.token
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            all_headers.setdefault("Content-Type", "application/json")
        if time.monotonic() - self.used > 30:  # the listener shuts one that says nothing for 75 s
            self.close()
        self.used = time.monotonic()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.cloud.api_port, timeout=60)
            self.connection.request(method, path, body, all_headers)
            response = self.connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ConnectionError(f"{method} {path}: {error}") from error
        parsed = data if raw or not data else json.loads(data)
        return response.status, parsed, response.headers

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Cloud:
    def __init__(self, bus="embedded", hosts=20, conductors=2, durable=True, settings=None, keep=False):
        self.bus, self.hosts, self.conductors, self.durable, self.keep = bus, hosts, conductors, durable, keep
        self.settings = settings or {}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kilonova-test-"))
        self.dir.chmod(0o755)
        self.run = self.dir / "run"
        self.log = self.dir / "log"
        self.api_port, self.bus_port, self.data_port, self.console_port = free_port(), free_port(), free_port(), free_port()
        self.supervisor = None
        self.local = threading.local()
        self.token = None
        self.network = self.image = self.flavor = None

    # --- life ---------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.show_logs()
        self.stop()

    def start(self):
        for d in ("run", "log", "pg", "store", "cache", "agent", "volumes"):
            (self.dir / d).mkdir()
        self.write_configuration()
        self.kilonova("bus", "key")
        self.supervisor = subprocess.Popen([BIN / "kilonova-supervise", "run", self.run], stdout=subprocess.DEVNULL,
                                           stderr=open(self.log / "supervise.log", "ab"))
        wait_until("supervisor", lambda: self.ask("status", check=False).startswith("ok"))
        self.start_database()
        self.start_bus()
        self.kilonova("db", "migrate")
        self.kilonova("bootstrap", "--password-stdin", text=PASSWORD + "\n")
        for name, program in self.daemons():
            self.add(name, program, "--config", self.dir / "kilonova.conf", "--set", f"daemon.host={name}")
        wait_until("API", self.api_answers)
        wait_until(f"{self.hosts} hosts", lambda: self.count_hosts() >= self.hosts)

    def daemons(self):
        yield "api", "kilonova-api"
        for i in range(self.conductors):
            yield f"conductor-{i + 1}", "kilonova-conductor"
        for name in ("scheduler", "network", "volume", "image", "agent"):
            yield name, f"kilonova-{name}"

    def write_configuration(self):
        brokers = "embedded" if self.bus == "embedded" else f"127.0.0.1:{self.bus_port}"
        values = {
            "db.url": f"host={self.dir}/pg user=kilonova dbname=kilonova", "bus.brokers": brokers,
            "bus.embedded_port": self.bus_port, "bus.key_file": self.dir / "bus.key", "api.listen": f"127.0.0.1:{self.api_port}",
            "identity.key_file": self.dir / "token.key", "identity.lockout_failure_attempts": 2,
            "identity.lockout_duration_s": 5, "identity.unique_last_password_count": 2, "image.store_dir": self.dir / "store",
            "image.data_listen": f"127.0.0.1:{self.data_port}", "console.listen": f"127.0.0.1:{self.console_port}", "volume.file_dir": self.dir / "volumes",
            "volume.backup_dir": self.dir / "backups",
            "agent.driver": "sim", "agent.sim_hosts": self.hosts, "agent.host": "sim", "agent.id": "sim",
            "agent.state_dir": self.dir / "agent", "agent.cache_dir": self.dir / "cache", **self.settings,
        }
        sections = {}
        for key, value in values.items():
            section, name = key.split(".", 1)
            sections.setdefault(section, []).append(f"{name} = {value}")
        text = "".join(f"[{s}]\n" + "\n".join(lines) + "\n\n" for s, lines in sections.items())
        (self.dir / "kilonova.conf").write_text(text)
        (self.dir / "kilonova.conf").chmod(0o600)

    def start_database(self):
        pg = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        user = [] if os.geteuid() != 0 else ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        if user:
            shutil.chown(self.dir / "pg", "postgres", "postgres")
        subprocess.run([*user, pg / "initdb", "-N", "-A", "trust", "-U", "kilonova", "-E", "UTF8", "--locale=C", "-D",
                        self.dir / "pg" / "data"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        options = [f"unix_socket_directories={self.dir}/pg", "listen_addresses=", "max_connections=200",
                   "shared_buffers=256MB", "max_wal_size=2GB", f"fsync={'on' if self.durable else 'off'}"]
        self.add("postgres", *user, pg / "postgres", "-D", self.dir / "pg" / "data",
                 *[word for option in options for word in ("-c", option)], attributes=["stop=INT", "grace=20000"])
        psql = ["psql", "-q", "-h", self.dir / "pg", "-U", "kilonova", "-d", "postgres", "-c"]
        wait_until("PostgreSQL", lambda: subprocess.run([*psql, "SELECT 1"], capture_output=True).returncode == 0)
        subprocess.run([*psql, "CREATE DATABASE kilonova"], check=True)

    def start_bus(self):
        if self.bus == "embedded":
            self.add("broker", BIN / "kilonova-broker", "--port", self.bus_port)
        else:
            env = {"KAFKA_PORT": str(self.bus_port), "KAFKA_CONTROLLER_PORT": str(free_port()), "KAFKA_DIR": str(self.dir / "kafka")}
            script = ROOT / "deploy" / "kafka" / "kafka.sh"
            subprocess.run([script, "prepare"], check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
            self.add("kafka", "env", *[f"{k}={v}" for k, v in env.items()], script, "run", attributes=["grace=15000"])
        wait_until("the bus", self.bus_answers)

    def bus_answers(self):
        return answers(self.bus_port)

    def stop(self):
        if self.supervisor is not None:
            self.ask("down", check=False)
            try:
                self.supervisor.wait(60)
            except subprocess.TimeoutExpired:
                self.supervisor.kill()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self):
        """The end of every log, for a failed test."""
        for path in sorted(self.log.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-15:]
            if lines:
                print(f"--- {path.name}", *lines, sep="\n    ")

    # --- processes ------------------------------------------------------------------------------------------------

    def ask(self, *words, check=True):
        done = subprocess.run([BIN / "kilonova-supervise", "ask", self.run, *words], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise CloudError(f"supervisor {words[0]}: {done.stdout}{done.stderr}")
        return "ok\n" + done.stdout if done.returncode == 0 else "error"

    def add(self, name, program, *args, attributes=()):
        program = program if str(program).startswith("/") or "/" in str(program) else shutil.which(program) or BIN / program
        self.ask("add", name, f"log={self.log / name}.log", *attributes, "--", *map(str, [program, *args]))

    def kill9(self, name):
        """Kills what runs under this name; one that was just killed is waited for."""
        wait_until(f"kill -9 {name}", lambda: self.ask("kill9", name, check=False).startswith("ok"))

    def restart(self, name):
        self.ask("restart", name)

    def pids(self):
        """name -> pid of what runs."""
        rows = (line.split() for line in self.ask("status").splitlines()[1:])
        return {row[0]: int(row[2]) for row in rows if len(row) >= 3 and row[2].isdigit()}

    def kilonova(self, *words, text=None, check=True):
        done = subprocess.run([BIN / "kilonova", "--config", self.dir / "kilonova.conf", *words], input=text,
                              capture_output=True, text=True, cwd="/")
        if check and done.returncode != 0:
            raise CloudError(f"kilonova {' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    def tool(self, name, *words):
        """Runs a program of the tests with this cloud's configuration."""
        done = subprocess.run([BIN.parent / name, "--config", self.dir / "kilonova.conf", *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise CloudError(f"{name}: {done.stderr}")

    def start_tool(self, name, *words):
        """A program of the tests that runs beside the test, with its input and output as text."""
        return subprocess.Popen([BIN.parent / name, "--config", self.dir / "kilonova.conf", *words], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def audit(self):
        """Every promise, with the hosts asked and the logs read; CloudError with the findings if one is broken."""
        print(self.kilonova("audit", "--logs", str(self.log)).stdout.splitlines()[-1])

    def sql(self, query):
        """Rows as lists of text, for the test's own eyes."""
        done = subprocess.run(["psql", "-qtA", "-F", "\t", "-h", self.dir / "pg", "-U", "kilonova", "-d", "kilonova", "-f", "-"],
                              input=query, check=True, capture_output=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    # --- the API ---------------------------------------------------------------------------------------------------

    def http(self):
        """This thread's connection, as admin."""
        if getattr(self.local, "http", None) is None:
            self.local.http = Http(self, self.token)
        return self.local.http

    def api_answers(self):
        try:
            self.token = self.login()
            return True
        except (ConnectionError, CloudError):
            return False

    def login(self, user="admin", password=PASSWORD, project="admin"):
        domain = {"id": "default"}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
                         "scope": {"project": {"name": project, "domain": domain}}}}
        status, answer, headers = Http(self).call("POST", "/identity/v3/auth/tokens", body)
        if status != 201:
            raise CloudError(f"login: {status} {answer}")
        return headers["X-Subject-Token"]

    def call(self, method, path, body=None, want=None, **kwargs):
        status, answer, _ = self.http().call(method, path, body, **kwargs)
        if want is not None and status != want:
            raise CloudError(f"{method} {path}: {status} instead of {want}: {answer}")
        return answer if want is not None else (status, answer)

    def call_surely(self, method, path, body=None, want=None, **kwargs):
        """As call, but asks again while the API is away: for requests that may be repeated."""
        def once():
            try:
                status, answer = self.call(method, path, body, **kwargs)
            except ConnectionError:
                return None
            return None if status in (502, 503, 504) else (status, answer)
        status, answer = wait_until(f"{method} {path}", once)
        if want is not None and status != want:
            raise CloudError(f"{method} {path}: {status} instead of {want}: {answer}")
        return answer

    def count_hosts(self):
        return int(self.sql("SELECT count(*) FROM host")[0][0])

    def prepare(self, network=True):
        """A flavor, an image of a few bytes, and a network with a /16: what create_server uses."""
        flavor = {"name": "test.small", "vcpus": 1, "ram": 64, "disk": 0}
        self.flavor = self.call("POST", "/compute/v2.1/flavors", {"flavor": flavor}, want=200)["flavor"]["id"]
        image = {"name": "tiny", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        self.image = self.call("POST", "/image/v2/images", image, want=201)["id"]
        self.call("PUT", f"/image/v2/images/{self.image}/file", b"\0" * 65536, want=204,
                  headers={"Content-Type": "application/octet-stream"})
        if network:
            self.network = self.call("POST", "/network/v2.0/networks", {"network": {"name": "test"}}, want=201)["network"]["id"]
            subnet = {"network_id": self.network, "ip_version": 4, "cidr": "10.20.0.0/14"}
            self.call("POST", "/network/v2.0/subnets", {"subnet": subnet}, want=201)
        quota = {"quota_set": {"instances": -1, "cores": -1, "ram": -1, "force": True}}
        project = self.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
        self.call("PUT", f"/compute/v2.1/os-quota-sets/{project}", quota, want=200)
        self.call("PUT", f"/network/v2.0/quotas/{project}", {"quota": {"port": -1}}, want=200)

    def server_body(self, name):
        networks = [{"uuid": self.network}] if self.network else "none"
        return {"server": {"name": name, "imageRef": self.image, "flavorRef": self.flavor, "networks": networks}}

    def post_server(self, name):
        """(status, answer); ConnectionError if the API went away before it answered."""
        status, answer, _ = self.http().call("POST", "/compute/v2.1/servers", self.server_body(name),
                                             headers={"X-OpenStack-Nova-API-Version": "2.37"})
        return status, answer

    def create_server(self, name):
        status, answer = self.post_server(name)
        if status != 202:
            raise CloudError(f"create {name}: {status} {answer}")
        return answer["server"]["id"]

    def server_status(self, server):
        """ACTIVE, ERROR, … or None when it is gone."""
        status, answer = self.call("GET", f"/compute/v2.1/servers/{server}")
        return answer["server"]["status"] if status == 200 else None if status == 404 else "?"

    def wait_status(self, server, wanted):
        def probe():
            try:
                return self.server_status(server) == wanted or None
            except ConnectionError:
                return None
        wait_until(f"server {server} {wanted}", probe)
