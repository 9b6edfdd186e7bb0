# SPDX-License-Identifier: Apache-2.0
"""Holds a cloud's APIs against what the services themselves publish of them. run.sh starts it, in the virtualenv that has it.

    --services network   which services are judged; default: all
    --short              a part of the values; counts into the tally of the check

The cloud: every daemon with simulated hosts, started and ended here. Each judge yields a finding for every difference: a name that stays the same
from run to run, and what was seen. KNOWN.md lists those that are meant, with the reason; one that is there and was not found any more is an error, too. Prints a line a
finding; all of them, also the known ones, stand in build/shapes-SERVICE.txt. Status 0 when nothing was found that is not known.
"""
import argparse
import importlib
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "support")]
import cloud as simulation  # noqa: E402

JUDGES = {"network": ("network", "judge"), "compute": ("compute", "judge"), "identity": ("bodies", "identity_judge"), "volume": ("bodies", "volume_judge")}


def arguments():
    parser = argparse.ArgumentParser(prog="shapes", description="Holds the APIs against the published definitions.")
    parser.add_argument("--services", type=lambda text: text.split(","), default=list(JUDGES), metavar="A,B")
    parser.add_argument("--short", action="store_true")
    return parser.parse_args()


def known(services):
    """{pattern: reason} of the services' rows of KNOWN.md: | `pattern` | reason |"""
    rows = [line.split("|") for line in (HERE / "KNOWN.md").read_text().splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): row[2].strip() for row in rows if row[1].strip().strip("`").split(" ")[0] in services}


def fits(pattern, name):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), name, re.DOTALL) is not None


def each(services):
    """Each in a process and a cloud of its own: the services' packages do not go together. The worst status."""
    words = [word for word in sys.argv[1:] if word == "--short"]
    return max(subprocess.run([sys.executable, __file__, "--services", service, *words]).returncode for service in services)


def main():
    options = arguments()
    if len(options.services) > 1:
        return each(options.services)
    started, findings = time.monotonic(), {}
    with simulation.Cloud(hosts=2) as cloud:
        service = options.services[0]
        module, name = JUDGES[service]
        judge = getattr(importlib.import_module(module), name)(cloud, options.short)
        for name, seen in judge.findings():
            findings.setdefault(f"{service} {name}", seen)
        cloud.audit()
    reasons = known(options.services)
    excused = {name for name in findings if any(fits(pattern, name) for pattern in reasons)}
    stale = [] if options.short else [pattern for pattern in reasons if not any(fits(pattern, name) for name in findings)]
    lines = [f"{'known' if name in excused else 'FOUND':<6}{name}: {seen}" for name, seen in sorted(findings.items())]
    (ROOT / "build" / f"shapes-{service}.txt").write_text("\n".join(lines) + "\n")
    for line in [line for line in lines if line.startswith("FOUND")] + [f"STALE {pattern}: KNOWN.md excuses what is not so any more" for pattern in stale]:
        print(line)
    bad = len(findings) - len(excused) + len(stale)
    print(f"shapes {service}: {judge.asked} questions in {time.monotonic() - started:.0f} s, {bad} findings, {len(excused)} more are known")
    if options.short:
        subprocess.run([ROOT / "tests" / "support" / "tally.sh", "add", "shapes", str(judge.asked - bad), str(bad), "0"], check=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
