#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Counts for the check: every runner adds a line to build/tally (or to KN_TALLY's file), the check sums them in its last one.
#   tally.sh start                               empties it
#   tally.sh add SUITE PASSED FAILED SKIPPED
#   tally.sh step NAME COMMAND...                one pass or one failure by exit status; the output is shown on failure
#   tally.sh suite NAME COMMAND...               a command that counts by itself; if it fails without counting one, one failure
#   tally.sh sum                                 prints "N passed, N failed, N skipped"; status 1 if any failed
set -u
file=${KN_TALLY:-build/tally}
mkdir -p build
case $1 in
start) : > "$file" ;;
add) printf '%s %s %s %s\n' "$2" "$3" "$4" "$5" >> "$file" ;;
step)
    name=$2
    shift 2
    log=build/log/$name.log
    mkdir -p "$(dirname "$log")"
    if "$@" > "$log" 2>&1; then
        echo "ok   $name"
        echo "$name 1 0 0" >> "$file"
    else
        { grep -nE -A2 'error:|warning:|\*\*\*' "$log" | head -60; echo ...; tail -20 "$log"; } | sed 's/^/    /' # -k goes on after the first
        echo "FAIL $name"
        echo "$name 0 1 0" >> "$file"
        exit 1
    fi
    ;;
suite)
    name=$2
    shift 2
    before=$(wc -l < "$file")
    "$@"
    status=$?
    counted=$(tail -n +$((before + 1)) "$file" | awk '{ n++; bad += $3 } END { print n + 0, bad + 0 }')
    if [ $status -ne 0 ] && [ "${counted#* }" -eq 0 ]; then
        echo "FAIL $name: ended with status $status"
        echo "$name 0 1 0" >> "$file"
    elif [ "${counted% *}" -eq 0 ]; then
        echo "$name 1 0 0" >> "$file"
    fi
    exit $status
    ;;
sum)
    awk '{ p += $2; f += $3; s += $4 }
        END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$file"
    ;;
*) exit 2 ;;
esac
