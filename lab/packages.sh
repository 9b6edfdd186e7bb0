#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# packages.sh: installs what lab/packages.txt names and the machine lacks, in one go. Does nothing if all is there.
# Needs root only when something is missing. Asks the archive for fresh lists only when the ones at hand do not do.
#
#   packages.sh fresh     only the lists
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

wanted() {
    sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$here/packages.txt"
}

# What is wanted and not installed, one a line.
missing() {
    comm -23 <(wanted | sort -u) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
}

# True if the lists at hand name every package.
lists_do() {
    local n
    n=$(apt-cache policy "$@" 2>/dev/null | grep -c '^  Candidate: [^(]') || true
    [ "$n" -eq $# ]
}

# With a broken archive among several the others' lists have to do.
fresh() {
    echo "packages    reading the archive's lists"
    "$here/retry.sh" "${apt[@]}" update --error-on=any >"$log" 2>&1 || "${apt[@]}" update >>"$log" 2>&1
}

install=("${apt[@]}" install -y --no-install-recommends)
# Lists at hand may be older than the archive.
at_once() { lists_do "${packages[@]}" && "${install[@]}" "${packages[@]}" >"$log" 2>&1; }
with_patience() { fresh && "$here/retry.sh" "${install[@]}" "${packages[@]}" >"$log" 2>&1; }

if [ "${1-}" = fresh ]; then
    fresh || { cat "$log" >&2; exit 1; }
    exit
fi
mapfile -t packages < <(missing)
if [ ${#packages[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "packages.sh: run as root, or install yourself: ${packages[*]}" >&2
    exit 1
fi
echo "packages    installing ${#packages[@]}: ${packages[*]}"
at_once || with_patience || { cat "$log" >&2; exit 1; }
