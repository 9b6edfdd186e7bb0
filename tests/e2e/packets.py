#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks as real guests see them: packets between real hosts of a lab, that pass and that must not.

    packets.py            in a lab that runs; with three hosts everything
    packets.py --short    what the check runs: two hosts will do
    packets.py PART…      of dual_stack, groups, spoofing, outside, faults

A handful of guests is shared by all steps, which build on each other: the first failure ends it and leaves what it made; the next run clears it
away. What is done inside of a guest goes over its serial line.
"""
import sys
import time
import traceback

from packet_steps import dual_stack, faults, groups, outside, spoofing
from packet_steps.world import World


def guests_boot(w):
    w.make()
    w.come_up()


def all_of_it_goes(w):
    for guest in w.guests():
        guest.shell.close()
    w.one.clear_away()
    w.two.clear_away()
    w.lab.audit()


def steps(short, only):
    found = [guests_boot]
    for part in (dual_stack, groups, spoofing, outside, faults):
        if not only or part.__name__.split(".")[-1] in only:
            found += part.SHORT if short else part.STEPS
    return [*found, all_of_it_goes]


def main():
    short = "--short" in sys.argv[1:]
    only = [word for word in sys.argv[1:] if not word.startswith("-")]
    world, todo = World(), steps(short, only)
    begun = time.monotonic()
    for n, step in enumerate(todo):
        name, started = step.__name__.replace("_", " "), time.monotonic()
        try:
            step(world)
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            print(f"FAIL packets: {name}", flush=True)
            print(f"packets: {n} passed, 1 failed, {len(todo) - n - 1} skipped")
            return 1
        print(f"ok   packets: {name} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"all of it in {time.monotonic() - begun:.0f} s")
    print(f"packets: {len(todo)} passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
