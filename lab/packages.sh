#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# packages.sh: installs what lab/packages.txt names and the machine lacks, in one go. Does nothing if all is there.
# Needs root only when something is missing. Asks the archive for fresh lists only when the ones at hand do not do.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

wanted() {
    sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$here/packages.txt"
}

# What is wanted and not installed, one a line.
missing() {
    comm -23 <(wanted | sort -u) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 "$@"
}

# True if the lists at hand name every package.
lists_do() {
    local n
    n=$(apt-cache policy "$@" 2>/dev/null | grep -c '^  Candidate: [^(]') || true
    [ "$n" -eq $# ]
}

mapfile -t packages < <(missing)
if [ ${#packages[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "packages.sh: run as root, or install yourself: ${packages[*]}" >&2
    exit 1
fi
echo "packages    installing ${#packages[@]}: ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    apt install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1
}
fresh() {
    echo "packages    reading the archive's lists"
    apt update >"$log" 2>&1
}
if ! lists_do "${packages[@]}"; then
    fresh || { cat "$log" >&2; exit 1; }
    install || { cat "$log" >&2; exit 1; }
elif ! install; then # lists at hand may be older than the archive
    fresh && install || { cat "$log" >&2; exit 1; }
fi
