#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Replays every fuzz target's corpus, tests/fuzz/corpus/<name>/*; an empty corpus is a failure.
set -u
here=$(dirname "$0")
passed=0 failed=0
for program in "$@"; do
    name=$(basename "$program")
    if "$program" tests/fuzz/corpus/"$name"/*; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL fuzz/$name"
    fi
done
"$here/tally.sh" add fuzz-replay $passed $failed 0
echo "fuzz-replay: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
