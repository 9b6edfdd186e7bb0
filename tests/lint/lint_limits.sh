#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A limit of what travels stands in lib/domain/limits.def and nowhere else: no length or count is held against a number.
. "$(dirname "$0")/files.sh"

verdict "$(
    grep -nE '(strlen|kn_utf8_count|json_(object|array)_size)\([^;]*\) *(<|>|<=|>=) *[0-9]{2,}' \
        $(files '*.c' '*.h' | grep -E '^(api|compute|identity|image|network|volume|compute-agent|scheduler)/') |
        sed 's/:[^:]*$/: name a limit: kn_limit_fits(KN_LIMIT_…) or KN_MAX_… of lib\/domain\/limits.def/'
)"
