#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every source says its licence and what it is: a .c a paragraph about what it owns and must never do, a .h what it offers, a script its use.
. "$(dirname "$0")/files.sh"

verdict "$(
    gawk '
        FNR == 1 && $0 != "/* SPDX-License-Identifier: Apache-2.0 */" {
            print FILENAME ":1: begin with /* SPDX-License-Identifier: Apache-2.0 */" }
        FNR == 2 && !/^\/\*/ { print FILENAME ":2: say in a comment what this file owns and what it must never do" }
        FNR == 2 { nextfile }' $(files '*.c' '*.h')
    gawk '
        FNR <= 3 && /# SPDX-License-Identifier: Apache-2.0/ { said = 1 }
        FNR == 3 { nextfile }
        BEGINFILE { said = 0 }
        ENDFILE { if (!said) print FILENAME ":1: put \"# SPDX-License-Identifier: Apache-2.0\" under the first line" }' $(files '*.sh' '*.py' '*.mk' Makefile)
    gawk '
        BEGINFILE { guard = "KN_" gensub(/[\/.-]/, "_", "g", toupper(gensub(/^lib\//, "", 1, FILENAME))); found = 0 }
        $0 == "#ifndef " guard { found = 1; nextfile }
        ENDFILE { if (!found) print FILENAME ":3: the include guard is " guard }' $(files '*.h')
    for room in $(rooms); do
        [ -f "$room/README.md" ] || echo "$room: needs a README.md: owns, topics, tables, what a crash means"
    done
)"
