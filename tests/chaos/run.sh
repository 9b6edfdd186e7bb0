#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The chaos tests on each bus, and their sums into the tally. Arguments go to chaos.py: --short, or names of faults.
set -u
cd "$(dirname "$0")/../.." || exit 2
failed=0
for bus in embedded kafka; do
    out=$(mktemp)
    python3 tests/chaos/chaos.py --bus "$bus" "$@" | tee "$out" || failed=1
    sed -nE 's/^(chaos-[a-z]+): ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3 \4/p' "$out" |
        while read -r words; do tests/support/tally.sh add $words; done
    grep -qE '^chaos-.* passed, 0 failed' "$out" || failed=1
    rm -f "$out"
done
exit $failed
