#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""This tree against another revision, on the same machine at the same time: both are measured in turn (A B A B ...), so that what else the machine does
falls on both. Each is measured by its own bench, because its daemons know its own options.

    tests/bench/compare.py BASE [--rounds 2] [--servers 2000]

Prints the ratio new/old of every figure that both have: the median of the rounds, and the rounds one by one.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIGURE = re.compile(r"^([a-z][a-z0-9_]+) +(-?[0-9.]+)(?: |$)")
PART = re.compile(r"^ {4}([a-z0-9-]+) +[0-9.]+ s CPU +([0-9.]+) ms a server")


def build(revision):
    """The revision's tree, built; kept below build/compare for the next time."""
    sha = subprocess.run(["git", "rev-parse", "--verify", f"{revision}^{{commit}}"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    tree = ROOT / "build" / "compare" / sha[:12]
    if not tree.exists():
        subprocess.run(["git", "worktree", "add", "--detach", tree, sha], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["make", "-s", "all", "build/plain/tests/bench/load"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return tree


def figures_of(text):
    """Every "name value" line of a bench's report, and what each process cost a server."""
    found = {}
    for line in text.splitlines():
        figure, part = FIGURE.match(line), PART.match(line)
        if figure:
            found[figure[1]] = float(figure[2])
        elif part:
            found[f"cpu_ms {part[1]}"] = float(part[2])
    return found


def measure(tree, servers):
    done = subprocess.run([tree / "tests" / "bench" / "bench.py", "--short", "--servers", str(servers)], cwd=tree, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: the bench of {tree} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return figures_of(done.stdout)


def ratio(new, old):
    return new / old if old else float("nan")


def show(rounds):
    print(f"\n{'figure':34} {'old':>12} {'new':>12} {'new/old':>9}   round by round")
    for name in rounds[0][0]:
        pairs = [(old[name], new[name]) for old, new in rounds if name in old and name in new]
        if pairs:
            old, new = (statistics.median(side) for side in zip(*pairs))
            each = " ".join(f"{ratio(n, o):.2f}" for o, n in pairs)
            print(f"{name:34} {old:12.2f} {new:12.2f} {ratio(new, old):9.2f}   {each}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--servers", type=int, default=2000)
    options = parser.parse_args()
    base = build(options.base)
    rounds = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}: {options.base}, then this tree", flush=True)
        rounds.append((measure(base, options.servers), measure(ROOT, options.servers)))
    show(rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
