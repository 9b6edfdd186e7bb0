#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ports cost, and a security group's rule that many of them have.

    tests/bench/ports.py [--seconds N] [--hosts N] [--ports N]      the same alone, on small clouds of its own

measure_ports() gives figures by name: ports_per_s (32 clients make ports on one subnet, one a request; every one of them is made, with an address of its own),
ports_in_bulk_per_s (4 clients, 100 a request) and ports_bound_per_s (servers with four NICs, from the POST to ACTIVE). measure_rule() makes a cloud whose
simulated hosts hear of networks, with ports in one security group, and changes a rule of it: how long until the last host was told, what that
cost in CPU, and in how many messages and things: each host one, of one group, however many ports have it.
"""
import argparse
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import Cloud, CloudError, wait_until  # noqa: E402

BULK = 100
NICS = 4
GROUP = "99999999-9999-4999-8999-999999999999"
RULES = "/network/v2.0/security-group-rules"

# As many networks as hosts, ports of each on its own host, all in one group; and what counts them.
MANY_PORTS = """
INSERT INTO security_group (id, project_id, name) SELECT '{group}', id, 'many' FROM project WHERE name = 'admin';
CREATE TEMP TABLE place AS SELECT row_number() OVER (ORDER BY name) AS n, name AS host, gen_random_uuid() AS network, gen_random_uuid() AS subnet FROM host;
INSERT INTO network (id, project_id, name, vni) SELECT network, p.id, 'many', 500000 + n FROM place CROSS JOIN project p WHERE p.name = 'admin';
INSERT INTO subnet (id, network_id, project_id, ip_version, cidr, pools, enable_dhcp) SELECT subnet, network, p.id, 4, '10.0.0.0/16', '[]', false
    FROM place CROSS JOIN project p WHERE p.name = 'admin';
CREATE TEMP TABLE many AS SELECT gen_random_uuid() AS id, place.*, i FROM place CROSS JOIN generate_series(1, {each}) i;
INSERT INTO port (id, network_id, project_id, mac, device_owner) SELECT m.id, network, p.id,
    ('fa:16:3e:01:' || lpad(to_hex(i / 256), 2, '0') || ':' || lpad(to_hex(i % 256), 2, '0'))::macaddr, 'network:bench' FROM many m CROSS JOIN project p WHERE p.name = 'admin';
INSERT INTO address (subnet_id, ip, port_id) SELECT subnet, '10.0.0.1'::inet + i, id FROM many;
INSERT INTO port_binding (port_id, host, state) SELECT id, host, 'active' FROM many;
INSERT INTO port_security_group (port_id, group_id) SELECT id, '{group}' FROM many;
INSERT INTO quota_limit (service, project_id, resource, hard_limit) SELECT 'network', id, r, -1 FROM project CROSS JOIN unnest('{{network,subnet,port}}'::text[]) r
    WHERE name = 'admin' ON CONFLICT DO NOTHING;
TRUNCATE quota_usage;
INSERT INTO quota_usage (service, project_id, resource, used) SELECT service, project_id, resource, used FROM quota_fact;
ANALYZE;
"""


def measure_ports(bench, seconds, servers):
    cloud, body = bench.cloud, bench.cloud.dir / "port.json"
    body.write_text(json.dumps({"port": {"network_id": cloud.network, "name": "bench-{n}"}}))
    bench.load("--requests", 100, "--body", body, "POST", "/network/v2.0/ports", clients=32)  # statements are known then
    single = bench.load("--seconds", seconds, "--body", body, "POST", "/network/v2.0/ports", clients=32)
    body.write_text(json.dumps({"ports": [{"network_id": cloud.network, "name": f"bulk-{n}"} for n in range(BULK)]}))
    bulk = bench.load("--seconds", seconds, "--body", body, "POST", "/network/v2.0/ports", clients=4)
    made, addressed, apart = map(int, bench.sql.row(
        "SELECT count(*), count(a.ip), count(DISTINCT (a.subnet_id, a.ip)) FROM port p LEFT JOIN address a ON a.port_id = p.id "
        "WHERE p.name LIKE 'bench-%' OR p.name LIKE 'bulk-%'"))
    wanted = 100 + single["requests"] + BULK * bulk["requests"]
    if not made == addressed == apart == wanted:
        raise CloudError(f"{wanted} ports were asked for: {made} made, {addressed} with an address, {apart} different ones")
    server = cloud.server_body("nics-{n}")
    server["server"]["networks"] = NICS * [{"uuid": cloud.network}]
    kept, bench.body = bench.body, cloud.dir / "nics.json"
    bench.body.write_text(json.dumps(server))
    _, took, _ = bench.create(servers)
    bench.body = kept
    return {"ports_per_s": round(single["per_s"]), "port_p99_ms": round(single["p99_ms"], 1),
            "ports_in_bulk_per_s": round(BULK * bulk["per_s"]), "ports_bound_per_s": round(NICS * servers / took)}


def change_rule(cloud, meter, hosts):
    told = cloud.start_tool("tests/bench/told", "sim", str(hosts))
    if told.stdout.readline().strip() != "reading":
        raise CloudError("told does not read")
    rule = {"security_group_id": GROUP, "direction": "ingress", "protocol": "tcp", "port_range_min": 8080, "port_range_max": 8080}
    spent, begun = meter(cloud), time.time()
    cloud.call("POST", RULES, {"security_group_rule": rule}, want=201)
    said, _ = told.communicate(timeout=150)
    if told.returncode != 0:
        raise CloudError("not every host was told of the rule")
    answer = json.loads(said)
    return answer, answer["at"] - begun, sum(used for name, used in spent.read().items() if name not in ("broker", "kafka"))


def measure_rule(meter, hosts, ports):
    with Cloud(bus="embedded", hosts=hosts, conductors=1, settings={"agent.sim_network": "true"}) as cloud:
        cloud.sql(MANY_PORTS.format(group=GROUP, each=ports // hosts))
        cloud.restart("agent")  # its hosts say hello, and are told everything
        wait_until("all hosts know the group", lambda: int(cloud.sql(
            f"SELECT count(*) FROM host_network_object WHERE kind = 'group' AND id = '{GROUP}'")[0][0]) == hosts)
        answer, took, cpu = change_rule(cloud, meter, hosts)
        if (answer["messages"], answer["things"]) != (hosts, hosts):
            raise CloudError(f"one rule of one group: {hosts} hosts were told {answer['things']} things in {answer['messages']} messages")
        cloud.audit()
    return {"rule_hosts": hosts, "rule_ports": ports, "rule_told_ms": round(1000 * took), "rule_cpu_ms": round(1000 * cpu),
            "rule_bytes_a_host": round(answer["bytes"] / hosts)}


def main():
    from bench import Bench, Meter  # noqa: E402 — it imports this
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--ports", type=int, default=10000)
    options = parser.parse_args()
    figures = measure_rule(Meter, options.hosts, options.ports)
    with Cloud(bus="embedded", hosts=50, conductors=1) as cloud:
        cloud.prepare()
        bench = Bench(cloud, options)
        figures |= measure_ports(bench, options.seconds, 250)
        bench.sql.close()
        cloud.audit()
    for name, value in figures.items():
        print(f"{name:34} {value:>10}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CloudError as error:
        sys.exit(f"ports: {error}")
