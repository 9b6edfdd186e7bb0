#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every script parses and may be run, unless its opening says that it is sourced.
. "$(dirname "$0")/files.sh"

verdict "$(
    for f in $(files '*.sh') .ci/run; do
        [ -f "$f" ] || continue
        bash -n "$f" 2>&1
        [ -x "$f" ] || head -4 "$f" | grep -qi sourced || echo "$f: chmod +x, or say in its opening that it is sourced"
    done
)"
