# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # the variables are for those who source it
#
# common.sh: where the lab lives and how it talks. Sourced by the other scripts of lab/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin
lab=$root/build/lab
run=$lab/run   # the supervisor's socket and pid files
log=$lab/log   # one file a process
ns=$lab/ns     # a tmpfs that holds the namespaces: underlay, h1/{mnt,net,uts}, …

say() { printf '%-11s %s\n' "$1" "$2"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Asks the supervisor: ask status, ask add ROW, ask stop NAME, …
ask() { "$bin/kilonova-supervise" ask "$run" "$@"; }
supervised() { [ -S "$run/control" ] && ask status >/dev/null 2>&1; }

# until_true SECONDS COMMAND…: runs it until it succeeds. False when the time is over.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# in_host HOST COMMAND…: runs it inside a host's namespaces.
in_host() {
    local host=$1
    shift
    nsenter --mount="$ns/$host/mnt" --net="$ns/$host/net" --uts="$ns/$host/uts" --wd=/ "$@"
}

hosts() { find "$ns" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort -V; }
