#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Kilonova costs: one of each daemon, Apache Kafka, a private PostgreSQL with fsync, 1,000 simulated hosts in one agent.

    tests/bench/bench.py [--short] [--bus kafka|embedded] [--servers N] [--keep]

Prints a table, writes build/bench.json. CPU is what /proc says of each process (user + system); PostgreSQL counts with
all its backends, and what its vacuum costs is a figure of its own; broker and load generator are told apart. A server counts
as made when its task has ended, by the database's clock.
--short: a few hundred servers on the embedded bus, to prove that the bench itself works; its figures go nowhere.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from access import measure_access, memory_kib  # noqa: E402
from actions import measure_actions  # noqa: E402
from cloud import PASSWORD, ROOT, Cloud, CloudError, wait_until  # noqa: E402
from ports import measure_ports, measure_rule  # noqa: E402
from volumes import measure_volumes  # noqa: E402
from week import SETTINGS, measure_week  # noqa: E402

LOAD = ROOT / "build" / "plain" / "tests" / "bench" / "load"
TICKS = os.sysconf("SC_CLK_TCK")
APART = ("broker", "kafka")  # not part of cpu_ms_per_server
GOALS = {"servers_per_s": (">=", 500), "cpu_ms_per_server": ("<=", 1), "cold_start_s": ("<=", 3),
         "get_one_per_s": (">=", 12000), "list_1000_per_s": (">=", 100),
         "image_memory_growth_mib": ("<=", 16), "ports_per_s": (">=", 1000), "volume_clone_p50_ms": ("<=", 100), "attach_p50_ms": ("<=", 300)}
PSS_GOAL_MIB = 25
DRIFT_GOAL = 0.15  # at 10,000 servers (the median of three runs) against an empty database


# --- what processes cost -----------------------------------------------------------------------------------------------

def children(pid):
    """The pid and all below it."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                found += map(int, pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text().split())
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    """User and system time of a process, its children, and those of its children that have ended."""
    total = 0
    for one in children(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def pss_mib(pid):
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return round(sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024, 1)


class Meter:
    """CPU seconds by process name between two moments."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.pids = {name: pid for name, pid in cloud.pids().items() if pid}
        self.before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def read(self):
        return {name: round(cpu_seconds(pid) - self.before[name], 2) for name, pid in self.pids.items()}


class Sql:
    """One connection that stays: a new one for every question would cost the database more than the servers do."""

    def __init__(self, cloud):
        self.psql = subprocess.Popen(["psql", "-qtA", "-h", cloud.dir / "pg", "-U", "kilonova", "-d", "kilonova"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.psql.stdin.write("SET enable_bitmapscan = off;\n")  # a plain index scan passes over ended tasks once, not always

    def row(self, query):
        self.psql.stdin.write(query + ";\n")
        self.psql.stdin.flush()
        return self.psql.stdout.readline().rstrip("\n").split("|")

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


# --- the runs ----------------------------------------------------------------------------------------------------------

def when(seconds):
    """A time as changes-since takes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Bench:
    def __init__(self, cloud, options):
        self.cloud, self.options, self.sql = cloud, options, Sql(cloud)
        self.body = cloud.dir / "body.json"
        self.ids = cloud.dir / "ids"
        self.table = []
        self.figures = {}

    def start_load(self, *words, clients=32):
        command = [LOAD, "--port", self.cloud.api_port, "--token", self.cloud.token, "--clients", clients, *words]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end_load(self, process):
        told, complaint = process.communicate()
        if process.returncode != 0:
            raise CloudError(f"load: {complaint}{told}")
        return json.loads(told)

    def load(self, *words, clients=32):
        return self.end_load(self.start_load(*words, clients=clients))

    def write_body(self, network):
        body = self.cloud.server_body("bench-{n}")
        body["server"]["networks"] = [{"uuid": network}] if network else "none"
        self.body.write_text(json.dumps(body))

    def open_tasks(self):
        return int(self.sql.row("SELECT count(*) FROM task WHERE state IN ('run', 'undo')")[0])

    def create(self, count, clients=32):
        """POSTs and waits until all tasks have ended. (load's answer, seconds from first POST to last end, CPU by process)"""
        begun = time.time()
        meter = Meter(self.cloud)
        load = self.load("--requests", count, "--body", self.body, "--out", self.ids, "POST", "/compute/v2.1/servers",
                         clients=clients)
        wait_until("all servers made", lambda: self.open_tasks() == 0, every_s=0.2)
        cpu = meter.read()
        end, broken = self.sql.row(
            f"SELECT extract(epoch FROM max(t.finished_at)), count(*) FILTER (WHERE s.vm_state <> 'active') FROM task t "
            f"JOIN server s ON s.id = t.object_id WHERE t.created_at >= to_timestamp({begun})")
        if int(broken) > 0:
            raise CloudError(f"{broken} servers are not ACTIVE")
        return load, float(end) - begun, cpu

    def measure_creation(self, name, count):
        load, seconds, cpu = self.create(count)
        counted = sum(spent for process, spent in cpu.items() if process not in APART)
        run = {"name": name, "servers": count, "seconds": seconds, "rate": count / seconds, "cpu": {**cpu, "load": load["cpu_s"]},
               "cpu_ms": 1000 * counted / count, "p50": load["p50_ms"], "p99": load["p99_ms"]}
        self.table.append(run)
        return run

    def autovacuum(self, how):
        self.cloud.sql(f"ALTER SYSTEM SET autovacuum = {how}")
        self.cloud.sql("SELECT pg_reload_conf()")

    def measure_vacuum(self):
        """What autovacuum does when its time comes, a server: kept out of the runs, which last seconds and would hold it or not by chance."""
        meter = Meter(self.cloud)
        self.cloud.sql("VACUUM (ANALYZE)")
        servers = int(self.sql.row("SELECT count(*) FROM server")[0])
        self.figures["vacuum_cpu_ms_per_server"] = round(1000 * meter.read()["postgres"] / servers, 3)

    def measure_latency(self, count):
        load = self.load("--requests", count, "--active", "--body", self.body, "POST", "/compute/v2.1/servers", clients=1)
        self.figures["active_p50_ms"], self.figures["active_p99_ms"] = load["active_p50_ms"], load["active_p99_ms"]

    def list_changed(self, since, seen):
        """Adds the servers that a client finds ACTIVE among those that changed since then."""
        marker = ""
        while True:
            page = self.cloud.call("GET", f"/compute/v2.1/servers/detail?changes-since={when(since)}&limit=1000{marker}", want=200)["servers"]
            seen.update(server["id"] for server in page if server["status"] == "ACTIVE" and server["name"].startswith("bench-"))
            if len(page) < 1000:
                return
            marker = f"&marker={page[-1]['id']}"

    def measure_seen(self, seconds):
        """32 clients post for so long; how many servers a second are ACTIVE is what one more client sees, who lists changes-since twice a second."""
        begun, seen = time.time(), set()
        known = set(row[0] for row in self.cloud.sql("SELECT id FROM server WHERE deleted_at IS NULL"))
        posting = self.start_load("--seconds", seconds, "--body", self.body, "POST", "/compute/v2.1/servers")
        since = begun - 1
        while posting.poll() is None or self.open_tasks() > 0:
            asked = time.time()
            self.list_changed(since, seen)
            since = asked - 1
            wait_until("the next half second", lambda: time.time() >= asked + 0.5, every_s=0.02)
        posted = self.end_load(posting)
        self.list_changed(since, seen)
        self.figures["posts_per_s"], self.figures["seen_active_per_s"] = round(posted["per_s"]), round(len(seen - known) / (time.time() - begun))

    def measure_idle(self, seconds):
        """What nobody's wish costs: percent of a core by process."""
        meter = Meter(self.cloud)
        time.sleep(seconds)
        spent = {name: round(100 * used / seconds, 1) for name, used in meter.read().items()}
        self.figures["idle_percent_of_a_core"] = round(sum(spent.values()), 1)
        self.figures["idle_by_process"] = " ".join(f"{name}={share}" for name, share in sorted(spent.items(), key=lambda row: -row[1]) if share > 0)

    def measure_reading(self, seconds):
        self.cloud.sql("ANALYZE")  # as autovacuum does within a minute: what was planned for tables that it never saw says nothing of the day after
        one = self.load("--seconds", seconds, "--ids", self.ids, "GET", "/compute/v2.1/servers/{id}")
        many = self.load("--seconds", seconds, "GET", "/compute/v2.1/servers/detail?limit=1000&all_tenants=1", clients=4)
        self.figures["get_one_per_s"], self.figures["list_1000_per_s"] = round(one["per_s"]), round(many["per_s"], 1)
        self.figures["list_1000_p99_ms"] = round(many["p99_ms"], 1)

    def measure_crowd(self, clients):
        """So many clients go through all servers, a thousand a page: how much memory the API takes for it, at its height."""
        api = self.cloud.pids()["api"]
        pages = (int(self.sql.row("SELECT count(*) FROM server WHERE deleted_at IS NULL")[0]) + 999) // 1000
        pathlib.Path(f"/proc/{api}/clear_refs").write_text("5")  # the high-water mark begins here
        before = memory_kib(api, "VmRSS")
        crowd = self.load("--requests", clients * pages, "GET", "/compute/v2.1/servers/detail?limit=1000&all_tenants=1", clients=clients)
        self.figures |= {"list_crowd_pages_per_s": round(crowd["per_s"], 1), "list_crowd_p99_ms": round(crowd["p99_ms"]),
                         "list_crowd_memory_mib": round(max(memory_kib(api, "VmHWM") - before, 0) / 1024, 1)}

    def measure_cold_start(self):
        """All daemons end; from the start of the first to the first ACTIVE server. Database and broker run on."""
        names = [name for name, _ in self.cloud.daemons()]
        for name in names:
            self.cloud.ask("stop", name)
        wait_until("the end of all daemons", lambda: not any(self.cloud.pids().get(name) for name in names), every_s=0.2)
        begun = time.monotonic()
        for name in names:
            self.cloud.ask("start", name)
        server = wait_until("the API", self.try_create, every_s=0.01)
        wait_until("ACTIVE", lambda: self.cloud.server_status(server) == "ACTIVE", every_s=0.005)
        return time.monotonic() - begun

    def try_create(self):
        try:
            return self.cloud.create_server("cold")
        except (ConnectionError, CloudError):
            return None


def full(bench, options):
    bench.autovacuum("off")
    empty = bench.measure_creation("empty database", options.servers)
    bench.measure_latency(200)
    bench.measure_reading(3)
    bench.figures |= measure_actions(bench.cloud, 30)
    bench.measure_idle(20)
    rest = 10000 - options.servers - 400
    bench.create(max(rest, 1))
    filled = sorted((bench.measure_creation("10,000 servers in it", options.servers // 2) for _ in range(3)), key=lambda r: r["cpu_ms"])[1]
    bench.measure_vacuum()
    bench.autovacuum("on")
    bench.figures |= {
        "servers_per_s": round(empty["rate"]), "cpu_ms_per_server": round(empty["cpu_ms"], 2),
        "post_p50_ms": round(empty["p50"], 2), "post_p99_ms": round(empty["p99"], 2),
        "servers_per_s_at_10k": round(filled["rate"]), "cpu_ms_per_server_at_10k": round(filled["cpu_ms"], 2),
        "pss_mib": {name: pss_mib(pid) for name, pid in bench.cloud.pids().items() if name not in (*APART, "postgres")},
    }
    bench.measure_crowd(100)
    bench.figures |= measure_ports(bench, 3, 500)
    bench.measure_seen(60)
    bench.figures |= measure_access(bench.cloud, 3, 1024)
    bench.figures["cold_start_s"] = round(bench.measure_cold_start(), 2)
    bench.figures |= measure_week(bench.cloud, rounds=7, servers=500)
    bench.figures |= measure_rule(Meter, hosts=100, ports=10000)
    bench.figures |= measure_volumes(10000, 30)


def short(bench, options):
    bench.autovacuum("off")
    run = bench.measure_creation("short", options.servers)
    bench.measure_vacuum()
    bench.autovacuum("on")
    bench.measure_latency(10)
    bench.measure_reading(1)
    bench.figures |= measure_actions(bench.cloud, 1)
    bench.measure_crowd(20)
    bench.figures |= measure_ports(bench, 1, 20)
    bench.measure_seen(2)
    bench.measure_idle(3)
    bench.figures |= measure_access(bench.cloud, 1, 64)
    bench.figures |= {"servers_per_s": round(run["rate"]), "cpu_ms_per_server": round(run["cpu_ms"], 2),
                      "cold_start_s": round(bench.measure_cold_start(), 2)}
    bench.figures |= measure_week(bench.cloud, rounds=5, servers=40)
    bench.figures |= measure_rule(Meter, hosts=10, ports=200)
    bench.figures |= measure_volumes(20, 2)


# --- telling -----------------------------------------------------------------------------------------------------------

def print_runs(runs):
    for run in runs:
        print(f"\n{run['name']}: {run['servers']} servers in {run['seconds']:.2f} s = {run['rate']:.0f}/s, "
              f"{run['cpu_ms']:.2f} ms of CPU each; POST p50 {run['p50']:.2f} ms, p99 {run['p99']:.2f} ms")
        for name, spent in sorted(run["cpu"].items(), key=lambda row: -row[1]):
            apart = "  (apart)" if name in (*APART, "load") else ""
            print(f"    {name:14} {spent:8.2f} s CPU  {1000 * spent / run['servers']:7.3f} ms a server{apart}")


def print_figures(figures):
    print()
    for name, value in figures.items():
        if name in GOALS:
            how, goal = GOALS[name]
            met = value >= goal if how == ">=" else value <= goal
            print(f"{name:26} {value:>10}   goal {how} {goal}: {'met' if met else 'MISSED'}")
        elif name == "pss_mib":
            for daemon, mib in value.items():
                print(f"{'pss_mib ' + daemon:26} {mib:>10}   goal <= {PSS_GOAL_MIB}: {'met' if mib <= PSS_GOAL_MIB else 'MISSED'}")
        else:
            print(f"{name:34} {value:>10}")
    for name in ("servers_per_s", "cpu_ms_per_server"):
        if f"{name}_at_10k" in figures:
            drift = figures[f"{name}_at_10k"] / figures[name] - 1
            worse = -drift if name == "servers_per_s" else drift
            print(f"{name + ' drift at 10k':34} {100 * drift:+6.1f} %   goal within 15 %: {'met' if worse <= DRIFT_GOAL else 'MISSED'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--bus", choices=("kafka", "embedded"))
    parser.add_argument("--servers", type=int)
    parser.add_argument("--networks", choices=("one", "none"), default="one", help="what every server is plugged into")
    parser.add_argument("--keep", action="store_true", help="leave the directory with the logs")
    options = parser.parse_args()
    options.bus = options.bus or ("embedded" if options.short else "kafka")
    options.servers = options.servers or (200 if options.short else 2000)

    print(f"bench: one of each daemon, bus {options.bus}, {50 if options.short else 1000} simulated hosts, networks: {options.networks}")
    with Cloud(bus=options.bus, hosts=50 if options.short else 1000, conductors=1, settings=SETTINGS, keep=options.keep) as cloud:
        cloud.prepare()
        bench = Bench(cloud, options)
        bench.write_body(cloud.network if options.networks == "one" else None)
        bench.create(200 if not options.short else 20)  # everything is warm
        try:
            (short if options.short else full)(bench, options)
        finally:  # what was measured before something failed is worth reading
            print_runs(bench.table)
            print_figures(bench.figures)
        if not options.short:
            (ROOT / "build" / "bench.json").write_text(json.dumps(bench.figures, indent=2) + "\n")
        bench.sql.close()
        cloud.audit()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CloudError as error:
        sys.exit(f"bench: {error}")
