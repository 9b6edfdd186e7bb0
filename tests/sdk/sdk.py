# SPDX-License-Identifier: Apache-2.0
"""The judge that speaks Go: gophercloud's acceptance tests of identity, image and compute, against a cloud of simulated hosts. run.sh builds them.

Prints a line a test that does not pass, a line a suite; writes what each said into build/sdk/<suite>.log and the counts into
build/sdk.json. Status 0 when everything passed but the tests of absent.txt, none was skipped, and the cloud kept its promises.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "sdk"
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "interop")]
import cloud as simulation  # noqa: E402
import website  # noqa: E402

MEMBER = "member"  # a user who is nobody's administrator
# suite, as whom, which tests: an administrator skips those that want somebody else.
RUNS = (("identity", "admin", "."), ("identity", MEMBER, "^TestProjectsListAvailable$"), ("image", "admin", "."),
        ("compute", "admin", "."), ("compute", MEMBER, "^TestServersActionLock$"), ("openstack", "admin", "."))
LIMIT_S = 600


def absent():
    """{test: why}"""
    lines = (line.split(" ", 1) for line in (HERE / "absent.txt").read_text().splitlines())
    return {words[0]: words[1] for words in lines if words[0] != "#"}


def add_member(cloud):
    domain = {"domain_id": "default"}
    project = cloud.call("POST", "/identity/v3/projects", {"project": {"name": MEMBER, **domain}}, want=201)["project"]["id"]
    user = {"name": MEMBER, "password": simulation.PASSWORD, **domain}
    user = cloud.call("POST", "/identity/v3/users", {"user": user}, want=201)["user"]["id"]
    role = cloud.call("GET", "/identity/v3/roles?name=member", want=200)["roles"][0]["id"]
    cloud.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{role}", want=204)


def add_machines(cloud):
    """What tests of servers choose from: {variable: value}."""
    cloud.prepare()  # lists want an image to be there
    network = {"network": {"name": "public", "router:external": True}}
    outside = cloud.call("POST", "/network/v2.0/networks", network, want=201)["network"]["id"]
    subnet = {"subnet": {"network_id": outside, "ip_version": 4, "cidr": "172.24.9.0/24", "enable_dhcp": False}}
    cloud.call("POST", "/network/v2.0/subnets", subnet, want=201)
    cloud.call("PUT", f"/network/v2.0/networks/{cloud.network}", {"network": {"shared": True}}, want=200)
    flavor = {"flavor": {"name": "test.large", "vcpus": 2, "ram": 128, "disk": 0}}
    larger = cloud.call("POST", "/compute/v2.1/flavors", flavor, want=200)["flavor"]["id"]
    return {"OS_IMAGE_ID": cloud.image, "OS_FLAVOR_ID": cloud.flavor, "OS_FLAVOR_ID_RESIZE": larger, "OS_NETWORK_ID": cloud.network,
            "OS_NETWORK_NAME": "test", "OS_GUEST_AGENT": "1", "OS_POOL_NAME": "public", "OS_EXTGW_ID": outside}


def environment(cloud, site, user, machines):
    """What gophercloud reads; nothing of a cloud that the caller's own environment names."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    return {**own, **machines, "OS_AUTH_URL": f"http://127.0.0.1:{cloud.api_port}/identity/v3", "OS_USERNAME": user, "OS_PROJECT_NAME": user,
            "OS_PASSWORD": simulation.PASSWORD, "OS_DOMAIN_NAME": "Default", "OS_REGION_NAME": "RegionOne", "OS_BRANCH": "master",
            "KN_IMAGE_URL": site.qcow2}


def run(suite, chosen, env):
    """{test: PASS, FAIL or SKIP}"""
    with open(WORK / f"{suite}.log", "ab") as log:
        start = log.tell()
        done = subprocess.run([WORK / f"{suite}.test", "-test.v", "-test.run", chosen, "-test.timeout", f"{LIMIT_S}s"], env=env, stdout=log,
                              stderr=subprocess.STDOUT)
    text = (WORK / f"{suite}.log").read_bytes()[start:].decode(errors="replace")
    found = {test: verdict for verdict, test in re.findall(r"^--- (PASS|FAIL|SKIP): (\w+) ", text, re.MULTILINE)}
    if done.returncode not in (0, 1) or not found:
        sys.exit(f"sdk: {suite}.test died, see build/sdk/{suite}.log")
    return found


def judge(cloud, site, machines):
    """{suite: {test: verdict}}; of several runs of a test the one that did not skip it counts."""
    judged = {}
    for suite, user, chosen in RUNS:
        tests = judged.setdefault(suite, {})
        tests.update((test, verdict) for test, verdict in run(suite, chosen, environment(cloud, site, user, machines)).items()
                     if verdict != "SKIP" or test not in tests)
    return judged


def report(judged, known):
    """{suite: {passed, failed, skipped, absent}}, printed and written. A test of absent.txt that passes has failed."""
    counts = {}
    for suite, tests in judged.items():
        count = counts.setdefault(suite, {"passed": 0, "failed": 0, "skipped": 0, "absent": 0})
        for test, verdict in sorted(tests.items()):
            word = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}[verdict]
            if "~" + test in known or test in known:
                word = "absent" if word != "passed" or "~" + test in known else "failed"
            count[word] += 1
            if word != "passed":
                print(f"{word:<8}{suite}.{test}" + (f": {known[test]}" if test in known else ""))
        print(f"{suite:<10}" + ", ".join(f"{n} {word}" for word, n in count.items()))
    (ROOT / "build" / "sdk.json").write_text(json.dumps(counts, indent=2) + "\n")
    return counts


def main():
    for log in WORK.glob("*.log"):
        if log.name != "venv.log":
            log.unlink()
    with website.serve(WORK / "www") as site, simulation.Cloud(hosts=1, settings={**site.settings, "agent.sim_spawn_ms": 2500}) as cloud:
        add_member(cloud)
        counts = report(judge(cloud, site, add_machines(cloud)), absent())
        cloud.audit()
    return 1 if any(count["failed"] + count["skipped"] for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
