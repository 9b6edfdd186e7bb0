#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make check`: everything that is a rule, each part whether or not the one before it passed. What failed stands once more at the end; the
# last line is the sum, and the status says whether anything failed. ONLY="unit lint" runs some parts.
set -u
cd "$(dirname "$0")/.." || exit 2
tally=tests/support/tally.sh
log=build/log/check.log
make=(make --no-print-directory WERROR=1)
jobs=-j$(nproc)
unset MAKEFLAGS MAKELEVEL

# The machine's cores since it started, in ticks: all, and idle or waiting for a disk (proc(5), /proc/stat).
cores() {
    awk '/^cpu / { for (i = 2; i <= 9; i++) all += $i; print all, $5 + $6 }' /proc/stat
}

# How busy the cores were says whether a part is long for its work or for its waiting.
part() {
    local name=$1 started=$SECONDS all idle was_all was_idle
    shift
    case " ${ONLY-$name} " in *" $name "*) ;; *) return ;; esac
    echo "== $name"
    read -r was_all was_idle < <(cores)
    "$@"
    read -r all idle < <(cores)
    echo "== $name: $((SECONDS - started)) s, cores $((100 - 100 * (idle - was_idle) / (all - was_all + 1))) % busy"
}

short() {
    [ ! -x "tests/$1/short.sh" ] || $tally suite "$1" "tests/$1/short.sh"
}

# The figures are in build/log/bench-network.log.
bench_network() {
    [ "$(id -u)" -ne 0 ] || $tally step bench-network "${make[@]}" bench-network PORTS=short
}

# beside FUNCTION FUNCTION: two rows of parts at a time, each with a tally of its own; what the second says comes after the first has ended.
beside() {
    local said mine
    said=$(mktemp) mine=$(mktemp)
    KN_TALLY=$mine "$2" > "$said" 2>&1 &
    "$1"
    wait $!
    cat "$said"
    cat "$mine" >> build/tally
    rm -f "$said" "$mine"
}

# Neither keeps more than one core busy: the first waits for guests and for a measurement, the second for a cloud's answers.
guests_and_hosts() {
    part e2e short e2e
    part bench-network bench_network
}

judges() {
    part interop short interop
    part shapes short shapes
    part chaos short chaos
}

all() {
    part build-gcc $tally step build-gcc "${make[@]}" "$jobs" all
    part build-clang $tally step build-clang "${make[@]}" "$jobs" -k clang
    part build-asan $tally step build-asan "${make[@]}" "$jobs" -k build-asan
    part unit $tally suite unit "${make[@]}" unit
    part lint $tally suite lint "${make[@]}" lint
    part fuzz-replay $tally suite fuzz-replay "${make[@]}" fuzz-replay
    part clang-tidy $tally step clang-tidy "${make[@]}" "$jobs" -k tidy
    part cppcheck $tally step cppcheck "${make[@]}" cppcheck
    part guest $tally step guest lab/mkguest.sh build/lab/guest # it and e2e boot it
    part it $tally suite it "${make[@]}" it
    part it-kafka $tally suite it-kafka "${make[@]}" it-kafka
    beside guests_and_hosts judges
    part bench short bench
}

# Once more, where whoever reads only the end finds it.
what_failed() {
    grep -qE '^FAIL' "$log" || return
    echo "== what failed (all of it: $log)"
    grep -E '^FAIL|^failed  |^ *\[ +(ERROR|LINE|FAILED) +\]|^ *([A-Za-z]+\.)*[A-Z][A-Za-z]*(Error|Exception|Expired)(: |$)' "$log" | grep -vE 'FAILED +\] [0-9]+ test' | tail -80
}

$tally start
mkdir -p "${log%/*}"
all 2>&1 | tee "$log"
what_failed
$tally sum
