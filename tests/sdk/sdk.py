# SPDX-License-Identifier: Apache-2.0
"""The judge that speaks Go: gophercloud's acceptance tests of identity and image, against a cloud of simulated hosts. run.sh builds them.

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
RUNS = (("identity", "admin", "."), ("identity", MEMBER, "^TestProjectsListAvailable$"), ("image", "admin", "."), ("openstack", "admin", "."))
LIMIT_S = 300


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


def environment(cloud, site, user):
    """What gophercloud reads; nothing of a cloud that the caller's own environment names."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    return {**own, "OS_AUTH_URL": f"http://127.0.0.1:{cloud.api_port}/identity/v3", "OS_USERNAME": user, "OS_PROJECT_NAME": user,
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


def judge(cloud, site):
    """{suite: {test: verdict}}; of several runs of a test the one that did not skip it counts."""
    judged = {}
    for suite, user, chosen in RUNS:
        tests = judged.setdefault(suite, {})
        tests.update((test, verdict) for test, verdict in run(suite, chosen, environment(cloud, site, user)).items()
                     if verdict != "SKIP" or test not in tests)
    return judged


def report(judged, known):
    """{suite: {passed, failed, skipped, absent}}, printed and written. A test of absent.txt that passes has failed."""
    counts = {}
    for suite, tests in judged.items():
        count = counts.setdefault(suite, {"passed": 0, "failed": 0, "skipped": 0, "absent": 0})
        for test, verdict in sorted(tests.items()):
            word = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}[verdict]
            if test in known:
                word = "absent" if word == "failed" else "failed"
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
    with website.serve(WORK / "www") as site, simulation.Cloud(hosts=1, settings=site.settings) as cloud:
        add_member(cloud)
        cloud.prepare(network=False)  # lists want an image to be there
        counts = report(judge(cloud, site), absent())
        cloud.audit()
    return 1 if any(count["failed"] + count["skipped"] for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
