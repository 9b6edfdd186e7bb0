#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A table indexed by an enum ([KN_X] = …) is held against the enum by a _Static_assert that names the table.
. "$(dirname "$0")/files.sh"

verdict "$(for f in $(files '*.c' | grep -v '^tests/'); do
    gawk -v f="$f" '
        /^ *(static|const)( [a-z_]+)* .*[A-Za-z_0-9]\[\](\[[^]]*\])* = \{/ {
            name = gensub(/.*[ *]([A-Za-z_0-9]+)\[\](\[[^]]*\])* = \{.*/, "\\1", 1); at = FNR }
        /\(\*const [A-Za-z_0-9]+\[\]\)\(.*= \{/ { name = gensub(/.*\(\*const ([A-Za-z_0-9]+)\[\]\)\(.*/, "\\1", 1); at = FNR }
        /[A-Za-z_0-9]\[[^]]+\](\[[^]]*\])* = \{/ && !/^ *\[/ { name = "" }
        /^\};/ { name = "" }
        /^\} [A-Z_]+\[\] = \{/ { name = gensub(/^\} ([A-Z_]+)\[.*/, "\\1", 1); at = FNR }
        /(^|[ {])\[KN_[A-Z0-9_]+\] = / { if (name != "" && !(name in indexed)) indexed[name] = at }
        /_Static_assert/ { asserted = asserted " " $0 }
        END { for (n in indexed) if (index(asserted, "(" n ")") == 0)
            print f ":" indexed[n] ": table " n " needs _Static_assert(KN_COUNT(" n ") == …_COUNT, \"one row a …\")" }' "$f"
done)"
