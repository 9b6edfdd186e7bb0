#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Documents that a program can write are what it writes.
. "$(dirname "$0")/files.sh"

verdict "$(
    build/bin/kilonova messages | diff -q - docs/messages.md > /dev/null ||
        echo "docs/messages.md is not what the registry says: build/bin/kilonova messages > docs/messages.md"
    build/bin/kilonova limits | diff -q - docs/limits.md > /dev/null ||
        echo "docs/limits.md is not what lib/domain/limits.def says: build/bin/kilonova limits > docs/limits.md"
    build/bin/kilonova policy | diff -q - docs/policy.md > /dev/null ||
        echo "docs/policy.md is not what lib/domain/policy.def and the routes say: build/bin/kilonova policy > docs/policy.md"
    build/bin/kilonova machine | diff -q - docs/machine.md > /dev/null ||
        echo "docs/machine.md is not what compute/rows/asked.def says: build/bin/kilonova machine > docs/machine.md"
    for room in $(rooms); do
        [ ! -f "$room/cli.h" ] || grep -q "\"$room/cli.h\"" cli/main.c || echo "cli/main.c: mount the commands of $room/cli.h"
        [ ! -f "$room/api.h" ] || grep -rq "\"$room/api.h\"" api/ || echo "api/: mount the routes of $room/api.h"
    done
)"
