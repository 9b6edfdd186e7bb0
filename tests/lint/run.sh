#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs every lint of this folder: one line each, and what to do instead under those that found something.
set -u
here=$(dirname "$0")
passed=0 failed=0
complaints=$(mktemp)
trap 'rm -f "$complaints"' EXIT
for lint in "$here"/lint_*.sh; do
    name=$(basename "$lint" .sh)
    # A lint that says anything on stderr is broken, and a broken one must not pass.
    if out=$("$lint" 2> "$complaints") && [ ! -s "$complaints" ]; then
        passed=$((passed + 1))
        echo "ok   lint/${name#lint_}"
    else
        failed=$((failed + 1))
        echo "FAIL lint/${name#lint_}"
        { printf '%s\n' "$out"; cat "$complaints"; } | sed 's/^/    /'
    fi
done
"$here/../support/tally.sh" add lint $passed $failed 0
echo "lint: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
