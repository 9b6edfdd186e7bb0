#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each action costs beside the hypervisor's own time.

    tests/bench/actions.py [--times N]      alone, on a small cloud of its own

On simulated hosts a guest's part takes microseconds, so what is left from the POST to the end of its task is ours: API, database, bus, conductor, agent, and back.
measure_actions() gives action_<name>_p50_ms and action_<name>_worst_ms. What libvirt takes with a real guest is said by tests/it/test_agent_faults_libvirt.c, in what it prints.
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cloud import Cloud, CloudError  # noqa: E402

NEWEST = {"X-OpenStack-Nova-API-Version": "2.96"}
# In an order in which each is allowed after the one before, and the last leads to the first.
ROUND = (
    ("pause", {"pause": None}), ("unpause", {"unpause": None}), ("suspend", {"suspend": None}), ("resume", {"resume": None}),
    ("reboot_soft", {"reboot": {"type": "SOFT"}}), ("reboot_hard", {"reboot": {"type": "HARD"}}), ("rescue", {"rescue": {}}),
    ("unrescue", {"unrescue": None}), ("createImage", {"createImage": {"name": "of-actions"}}), ("rebuild", None),
    ("stop", {"os-stop": None}), ("start", {"os-start": None}), ("shelve", {"shelve": None}), ("unshelve", {"unshelve": None}),
)


def at_rest(cloud, path):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        server = cloud.call("GET", path, want=200, headers=NEWEST)["server"]
        if server["status"] == "ERROR":
            raise CloudError(f"{path}: {server.get('fault')}")
        if server["OS-EXT-STS:task_state"] is None and server["status"] not in ("BUILD", "SHELVED"):
            return
        time.sleep(0.001)
    raise CloudError(f"{path} is not at rest after 60 s")


def measure_actions(cloud, times):
    """Of a lone server, one action after the other; the cloud is prepared."""
    server = cloud.create_server("acts")
    path, took = f"/compute/v2.1/servers/{server}", {name: [] for name, _ in ROUND}
    at_rest(cloud, path)
    for _ in range(times):
        for name, body in ROUND:
            begun = time.monotonic()
            status, answer = cloud.call("POST", path + "/action", body or {"rebuild": {"imageRef": cloud.image}}, headers=NEWEST)
            if status not in (200, 202):
                raise CloudError(f"{name}: {status} {answer}")
            at_rest(cloud, path)
            took[name].append((time.monotonic() - begun) * 1000)
    cloud.call("DELETE", path, want=204)
    figures = {}
    for name, values in took.items():
        figures[f"action_{name}_p50_ms"] = round(statistics.median(values), 1)
        figures[f"action_{name}_worst_ms"] = round(max(values), 1)
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with Cloud(hosts=2) as cloud:
        cloud.prepare()
        print(json.dumps(measure_actions(cloud, options.times), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
