#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs cmocka programs: one line each, what failed in full, a summed line, and that sum into the tally.
#   run.sh SUITE PROGRAM...     JOBS=n in parallel (default: cores), LIMIT=seconds a program (default 300),
#                               AROUND=script that each program is an argument of
set -u
here=$(dirname "$0")
suite=$1
shift

# Prints "passed failed skipped" of one log; a program that ran nothing or died counts as one failure.
count() {
    awk -v rc="$2" '
        /^\[       OK \]/ { ok++ }
        /^\[  FAILED  \] [0-9]+ test/ { bad += $4 }
        /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
        END { ok -= 0; if (bad == 0 && (rc != 0 || ok + skipped == 0)) bad = 1; print ok + 0, bad + 0, skipped + 0 }' "$1"
}

one() {
    local program=$1 name=${1#build/*/tests/} log started rc p f s
    log=build/log/$SUITE/${name#*/}.log
    mkdir -p "$(dirname "$log")"
    : > "$log" # appended to, because what a test starts may open it again
    started=$(date +%s%N)
    CMOCKA_MESSAGE_OUTPUT=STDOUT ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1:abort_on_error=0} \
        UBSAN_OPTIONS=print_stacktrace=1 timeout -k 10 "${LIMIT:-300}" ${AROUND:-} "$program" >> "$log" 2>&1
    rc=$?
    read -r p f s < <(count "$log" "$rc")
    if [ "$f" -gt 0 ]; then
        sed 's/^/    /' "$log" | tail -100
    fi
    printf '%-4s %-44s %3d passed %2d failed %2d skipped  %6d ms\n' "$([ "$f" -gt 0 ] && echo FAIL || echo ok)" \
        "$name" "$p" "$f" "$s" $((($(date +%s%N) - started) / 1000000))
    echo "$p $f $s" >> "$SUMS"
}

SUMS=$(mktemp)
export SUMS SUITE=$suite
export -f one count
trap 'rm -f "$SUMS"' EXIT
printf '%s\n' "$@" | xargs -r -P "${JOBS:-$(nproc)}" -I{} bash -c 'one {}'
read -r p f s < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$SUMS")
"$here/tally.sh" add "$suite" "$p" "$f" "$s"
echo "$suite: $p passed, $f failed, $s skipped"
[ "$f" -eq 0 ]
