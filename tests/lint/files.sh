#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by every lint: `files PATTERN...` lists the project's own files of those names, `rooms` the rooms of ARCHITECTURE.md.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

files() {
    local names=()
    for pattern in "$@"; do
        case $pattern in
        */*) names+=(-o -path "./$pattern") ;; # a folder and all below it
        *) names+=(-o -name "$pattern") ;;
        esac
    done
    find . \( -path ./build -o -path ./.git \) -prune -o -type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | sort
}

rooms() {
    echo "api compute identity scheduler conductor compute-agent network volume image cli lab"
}

# Status of the lint: `found` lines are what it complains about.
verdict() {
    local found=$1
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        exit 1
    fi
}
