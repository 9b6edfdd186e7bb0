# SPDX-License-Identifier: Apache-2.0
"""The judge: Tempest's tests of the interoperability guideline 2022.11 against a cloud. run.sh starts it, in Tempest's virtualenv.

    --services identity,image   which services are judged; default: those that are built (BUILT)
    --tests REGEX               only the tests whose name matches
    --all                       every Tempest API test of the services, as a scoreboard: not passing is no failure of the run. `neutron`
                                among them: those of neutron-tempest-plugin
    --guests                    the scoreboard, too, on hosts that run guests; else only the required tests of compute are judged by guests
    --concurrency N             Tempest's workers (2)
    --short                     counts into the tally of the check as well

The cloud: OS_CLOUD names one of clouds.yaml; else the lightest that honestly serves what is judged is started, and ended (clouds.py).
Prints a line a test that does not pass and a line a service; writes build/interop.json, and why each test did not pass into
build/interop/reasons.txt. Status 0 when every required test passed, none skipped, and the cloud kept its promises.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import clouds
import configuration
import contents
import results

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "interop"
REQUIRED = HERE / "required-2022.11.txt"
KNOWN = ("identity", "image", "network", "volume", "compute", "neutron")
BUILT = ("identity", "image", "network", "volume")
API = {"tempest.api.": 2, "neutron_tempest_plugin.api.": 0}  # where a suite has its tests, and which word of a name is the service
GUESTS = {"compute"}  # services that need hosts which run guests; all others a simulated cloud serves as a real one does


def service_of(test):
    """tempest.api.image.v2.… -> image; neutron_tempest_plugin.api.… -> neutron; None: it is no test of an API"""
    for prefix, word in API.items():
        if test.startswith(prefix):
            return test.split(".")[word].partition("_")[0]
    return None


def services(text):
    found = tuple(text.split(","))
    for name in found:
        if name not in KNOWN:
            raise argparse.ArgumentTypeError(f"\"{name}\" is none of {', '.join(KNOWN)}")
    return found


def arguments():
    parser = argparse.ArgumentParser(prog="interop", description="Judges a cloud by Tempest.")
    parser.add_argument("--services", type=services, default=BUILT, metavar="A,B")
    parser.add_argument("--tests", type=re.compile, default=re.compile(""), metavar="REGEX")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--guests", action="store_true")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if "neutron" in options.services and not options.all:
        parser.error("of neutron's tests the guideline requires none: --all")
    return options


def chosen(options):
    """Names of the tests to run, as Tempest lists them; exits when there are none or a required one is unknown to Tempest."""
    known = {results.plain(test): test for test in results.listed(WORK)}
    required = [results.plain(test) for test in REQUIRED.read_text().split()]
    lost = [test for test in required if test not in known]
    if lost:
        sys.exit("interop: Tempest has no longer " + ", ".join(lost))
    wanted = known if options.all else required
    found = [known[test] for test in wanted
             if service_of(test) in options.services and options.tests.search(test)]
    return found or sys.exit("interop: no test is chosen")


def wants_guests(options):
    return options.guests or bool(GUESTS & set(options.services)) and not options.all


def report(judged, wanted):
    """{service: {passed, failed, skipped}}, printed and written."""
    counts = {}
    for test in wanted:
        count = counts.setdefault(service_of(test), {"passed": 0, "failed": 0, "skipped": 0})
        count[judged.verdict(test)] += 1
    for test in sorted(wanted):
        verdict = judged.verdict(test)
        if verdict != "passed":
            print(f"{verdict:<8}{results.plain(test)}")
    for service, count in counts.items():
        print(f"{service:<10}" + ", ".join(f"{n} {verdict}" for verdict, n in count.items()))
    (ROOT / "build" / "interop.json").write_text(json.dumps(counts, indent=2) + "\n")
    (WORK / "reasons.txt").write_text(judged.reasons())
    return counts


def tally(counts):
    total = [sum(count[verdict] for count in counts.values()) for verdict in ("passed", "failed", "skipped")]
    subprocess.run([ROOT / "tests" / "support" / "tally.sh", "add", "interop", *map(str, total)], check=True)
    print("interop: {} passed, {} failed, {} skipped".format(*total))


def main():
    options = arguments()
    configuration.workspace(WORK)
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(clouds.choose(os.environ.get("OS_CLOUD"), wants_guests(options), WORK / "www"))
        configuration.write(WORK, target, "neutron" in options.services)
        wanted = chosen(options)  # not earlier: what Tempest calls a test depends on its configuration
        started = time.monotonic()
        judged = results.run(WORK, wanted, options.concurrency, target.enter)
        print(f"{len(wanted)} tests in {time.monotonic() - started:.0f} s")
        counts = report(judged, wanted)
        if target.ours:
            contents.forget_orphans(target)
    if options.short:
        tally(counts)
    missed = sum(count["failed"] + count["skipped"] for count in counts.values())
    return 1 if missed and not options.all else 0


if __name__ == "__main__":
    sys.exit(main())
