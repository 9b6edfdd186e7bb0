#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every source says its licence and what it is: a .c a paragraph about what it owns and must never do, a .h what it offers, a script its use.
. "$(dirname "$0")/files.sh"

verdict "$(
    for f in $(files '*.c' '*.h'); do
        gawk -v f="$f" '
            NR == 1 && $0 != "/* SPDX-License-Identifier: Apache-2.0 */" {
                print f ":1: begin with /* SPDX-License-Identifier: Apache-2.0 */" }
            NR == 2 && !/^\/\*/ { print f ":2: say in a comment what this file owns and what it must never do" }
            NR == 2 { exit }' "$f"
    done
    for f in $(files '*.sh' '*.py' '*.mk' Makefile); do
        head -3 "$f" | grep -q '# SPDX-License-Identifier: Apache-2.0' ||
            echo "$f:1: put \"# SPDX-License-Identifier: Apache-2.0\" under the first line"
    done
    for f in $(files '*.h'); do
        guard=KN_$(echo "${f#lib/}" | tr 'a-z/.-' 'A-Z___')
        grep -q "^#ifndef $guard\$" "$f" || echo "$f:3: the include guard is $guard"
    done
    for room in $(rooms); do
        [ -f "$room/README.md" ] || echo "$room: needs a README.md: owns, topics, tables, what a crash means"
    done
)"
