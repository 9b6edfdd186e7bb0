#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A week of a cloud in minutes: whether anything grows that only ever grows.

    tests/bench/week.py [--rounds N] [--servers N]      the same alone, on a small cloud of its own

A round is a day: servers, volumes, images, networks, projects and users come, are worked with and go, consoles and lists are read, daemons are born
under new names and die. Then the day passes: what ended is dated back by a day, history (set to one day) goes as conductors let it go, and the tables are
vacuumed, as autovacuum does meanwhile. After the second day everything must stay as large as it is: the database, each table, what is written to the WAL
for a server. measure_week() returns the figures and raises CloudError, with the table's name, when one grows.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import ROOT, Cloud, CloudError, wait_until  # noqa: E402

LOAD = ROOT / "build" / "plain" / "tests" / "bench" / "load"
SETTINGS = {"history.tasks_days": 1, "history.deleted_servers_days": 1, "history.deleted_images_days": 1, "history.daemons_days": 1}
GROWTH = 1.2        # the last day against the second
ROWS_FEW = 1        # that much more is no growth, be the table ever so small
BYTES_FEW = 1 << 20  # nor is this: a page more of each index
OTHERS = 4          # volumes, images, networks, projects a day, beside the servers

# Released addresses wait for their turn: while so many wait, new ones are looked for no more, but all that are in use then are released later. That and what one
# look for more may bring is what the table grows to, and no further.
READY_FREED = int(re.search(r"#define KN_READY_FREED (\d+)", (ROOT / "network" / "rows" / "ports" / "draw.h").read_text())[1])
READY_MORE = 1.25

# What ended gets older by a day; what lives renews its times itself.
PASS_A_DAY = """
UPDATE task SET finished_at = finished_at - interval '25 hours' WHERE state IN ('done', 'failed');
UPDATE server SET deleted_at = deleted_at - interval '25 hours' WHERE deleted_at IS NOT NULL;
UPDATE image SET deleted_at = deleted_at - interval '25 hours' WHERE deleted_at IS NOT NULL;
UPDATE image_task SET expires_at = expires_at - interval '25 hours' WHERE expires_at IS NOT NULL;
UPDATE revocation SET expires_at = expires_at - interval '25 hours';
UPDATE service SET last_seen = last_seen - interval '25 hours' WHERE last_seen < now() - interval '20 seconds' OR host LIKE 'day-%';
UPDATE agent SET last_seen = last_seen - interval '25 hours' WHERE last_seen < now() - interval '20 seconds' OR id LIKE 'day-%';
"""
SIZES = """
SELECT relname, pg_total_relation_size(relid), (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I', relname), false, true, '')))[1]
FROM pg_stat_user_tables ORDER BY relname
"""


class Week:
    def __init__(self, cloud, servers):
        self.cloud, self.servers = cloud, servers
        self.body, self.ids = cloud.dir / "week-body.json", cloud.dir / "week-ids"
        self.days = []
        self.project = cloud.sql("SELECT id FROM project WHERE name = 'admin'")[0][0]
        body = cloud.server_body("week-{n}")
        self.body.write_text(json.dumps(body))

    def load(self, *words, clients=16):
        command = [LOAD, "--port", self.cloud.api_port, "--token", self.cloud.token, "--clients", clients, *words]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode != 0:
            raise CloudError(f"load: {done.stderr}{done.stdout}")

    def settle(self):
        wait_until("all tasks done", lambda: self.cloud.sql("SELECT count(*) FROM task WHERE state IN ('run', 'undo')") == [["0"]])

    # --- a day -------------------------------------------------------------------------------------------------------------

    def work_with_servers(self):
        self.load("--requests", self.servers, "--body", self.body, "--out", self.ids, "POST", "/compute/v2.1/servers")
        self.settle()
        self.load("--requests", self.servers, "--ids", self.ids, "GET", "/compute/v2.1/servers/{id}")
        some = self.ids.read_text().split()[:OTHERS]
        for server in some:
            path = f"/compute/v2.1/servers/{server}"
            self.cloud.call("POST", f"{path}/metadata", {"metadata": {"day": str(len(self.days))}}, want=200)
            self.cloud.call("POST", f"{path}/action", {"os-getConsoleOutput": {}}, want=200)
            self.cloud.call("POST", f"{path}/action", {"reboot": {"type": "HARD"}}, want=202)
        self.settle()
        self.work_with_volumes(some)
        self.load("--requests", self.servers, "--ids", self.ids, "DELETE", "/compute/v2.1/servers/{id}")
        self.settle()

    def work_with_volumes(self, servers):
        made = [self.cloud.call("POST", f"/volume/v3/{self.project}/volumes", {"volume": {"size": 1}}, want=202)["volume"]["id"] for _ in servers]
        self.settle()
        for server, volume in zip(servers, made):
            path = f"/compute/v2.1/servers/{server}/os-volume_attachments"
            self.cloud.call("POST", path, {"volumeAttachment": {"volumeId": volume}}, want=200)
            self.settle()
            self.cloud.call("DELETE", f"{path}/{volume}", want=202)
        self.settle()
        for volume in made:
            self.cloud.call("DELETE", f"/volume/v3/{self.project}/volumes/{volume}", want=202)
        self.settle()

    def work_with_others(self):
        for n in range(OTHERS):
            image = self.cloud.call("POST", "/image/v2/images", {"name": "w", "disk_format": "raw", "container_format": "bare"}, want=201)["id"]
            self.cloud.call("PUT", f"/image/v2/images/{image}/file", f"day {len(self.days)}, image {n}".encode().ljust(512), want=204,
                            headers={"Content-Type": "application/octet-stream"})
            self.cloud.call("DELETE", f"/image/v2/images/{image}", want=204)
            network = self.cloud.call("POST", "/network/v2.0/networks", {"network": {"name": "w"}}, want=201)["network"]["id"]
            self.cloud.call("POST", "/network/v2.0/ports", {"port": {"network_id": network}}, want=201)
            port = self.cloud.sql(f"SELECT id FROM port WHERE network_id = '{network}'")[0][0]
            self.cloud.call("DELETE", f"/network/v2.0/ports/{port}", want=204)
            self.cloud.call("DELETE", f"/network/v2.0/networks/{network}", want=204)
            self.work_with_people(f"{len(self.days)}-{n}")
        self.settle()

    def work_with_people(self, name):
        project = self.cloud.call("POST", "/identity/v3/projects", {"project": {"name": name}}, want=201)["project"]["id"]
        user = self.cloud.call("POST", "/identity/v3/users", {"user": {"name": name}}, want=201)["user"]["id"]
        self.cloud.call("PUT", f"/compute/v2.1/os-quota-sets/{project}", {"quota_set": {"cores": 5}}, want=200)
        self.cloud.call("PUT", f"/network/v2.0/quotas/{project}", {"quota": {"port": 7}}, want=200)
        self.cloud.call("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": "k", "user_id": user, "type": "ssh"}}, want=201,
                        headers={"X-OpenStack-Nova-API-Version": "2.37"})
        self.cloud.call("DELETE", f"/identity/v3/users/{user}", want=204)
        self.cloud.call("DELETE", f"/identity/v3/projects/{project}", want=204)

    def daemons_come_and_go(self):
        """As in clusters that give every start a name of its own."""
        name = f"day-{len(self.days)}"
        for program in ("kilonova-conductor", "kilonova-agent"):
            self.cloud.add(f"{program}-{name}", program, "--config", self.cloud.dir / "kilonova.conf", "--set", f"daemon.host={name}", "--set",
                           f"agent.id={name}", "--set", "agent.host=sim", "--set", f"agent.state_dir={self.cloud.dir}/agent-{name}")
        wait_until("the new conductor", lambda: self.cloud.sql(f"SELECT 1 FROM service WHERE host = '{name}'"))
        wait_until("the new agent", lambda: self.cloud.sql(f"SELECT 1 FROM agent WHERE id = '{name}'"))
        for program in ("kilonova-conductor", "kilonova-agent"):
            self.cloud.ask("stop", f"{program}-{name}")
        wait_until("their end", lambda: not any(self.cloud.pids().get(f"{program}-{name}") for program in ("kilonova-conductor", "kilonova-agent")))

    def live_a_day(self):
        self.cloud.sql("CHECKPOINT")  # each day writes its pages whole once, none twice because a checkpoint came in its middle
        before = self.wal()
        self.work_with_servers()
        self.work_with_others()
        wal = self.wal() - before
        self.daemons_come_and_go()
        dead = int(self.cloud.sql("SELECT sum(n_dead_tup)::bigint FROM pg_stat_user_tables")[0][0])
        self.cloud.sql(PASS_A_DAY)
        self.cloud.kilonova("history", "prune")
        self.cloud.sql("DELETE FROM revocation WHERE expires_at < now(); VACUUM (ANALYZE)")
        tables = {name: {"rows": int(rows), "bytes": int(size)} for name, size, rows in self.cloud.sql(SIZES)}
        total = int(self.cloud.sql("SELECT pg_database_size(current_database())")[0][0])
        self.days.append({"tables": tables, "database_bytes": total, "dead_tuples": dead, "wal_bytes_per_server": round(wal / self.servers)})

    def wal(self):
        return int(self.cloud.sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0][0])

    # --- what came of it ----------------------------------------------------------------------------------------------------

    def judge(self):
        second, last = self.days[1], self.days[-1]
        own = {"address_ready": (READY_FREED + self.servers) * READY_MORE * last["tables"]["subnet"]["rows"]}
        grown = [f"{name}: {second['tables'][name]['rows']} rows, then {t['rows']}" for name, t in last["tables"].items()
                 if t["rows"] > own.get(name, second["tables"][name]["rows"] * GROWTH + ROWS_FEW)]
        grown += [f"{name}: {second['tables'][name]['bytes']} bytes, then {t['bytes']}" for name, t in last["tables"].items()
                  if t["bytes"] > second["tables"][name]["bytes"] * GROWTH + BYTES_FEW]
        grown += [f"{what}: {second[what]}, then {last[what]}" for what in ("database_bytes", "wal_bytes_per_server") if last[what] > second[what] * GROWTH]
        if grown:
            raise CloudError("after the second day these grow: " + "; ".join(grown))

    def show(self):
        busiest = sorted(self.days[-1]["tables"], key=lambda name: -self.days[-1]["tables"][name]["bytes"])[:14]
        print("\na week, rows (KiB) at the end of each day" + "".join(f"{n + 1:>14}" for n in range(len(self.days))))
        for name in busiest:
            cells = (f"{day['tables'][name]['rows']} ({day['tables'][name]['bytes'] // 1024})" for day in self.days)
            print(f"    {name:37}" + "".join(f"{cell:>14}" for cell in cells))
        for what, unit in (("database_bytes", 1024), ("dead_tuples", 1), ("wal_bytes_per_server", 1)):
            print(f"    {what + (' (KiB)' if unit > 1 else ''):37}" + "".join(f"{day[what] // unit:>14}" for day in self.days))


def measure_week(cloud, rounds, servers):
    """The figures of the last day against the second; the cloud runs with SETTINGS."""
    week = Week(cloud, servers)
    for _ in range(rounds):
        week.live_a_day()
    week.show()
    week.judge()
    second, last = week.days[1], week.days[-1]
    return {"week_database_growth": round(last["database_bytes"] / second["database_bytes"], 3), "week_wal_bytes_per_server": last["wal_bytes_per_server"],
            "week_wal_growth": round(last["wal_bytes_per_server"] / second["wal_bytes_per_server"], 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--servers", type=int, default=100)
    options = parser.parse_args()
    with Cloud(hosts=20, conductors=1, settings=SETTINGS) as cloud:
        cloud.prepare()
        print(json.dumps(measure_week(cloud, options.rounds, options.servers)))
        cloud.audit()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CloudError as error:
        sys.exit(f"week: {error}")
