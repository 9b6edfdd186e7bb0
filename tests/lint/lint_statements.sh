#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prepared statements are known to a connection by name: a name is used once in the whole program.
. "$(dirname "$0")/files.sh"

verdict "$(gawk '
    FNR == 1 { wait = 0 }
    /struct kn_stmt [A-Z_0-9]+ = / { wait = 1; at = FNR }
    /struct kn_stmt [A-Za-z_0-9]+\[[^]]*\] = / { table = 1 }
    table && /^};/ { table = 0 }
    (wait || table) && match($0, /\{ *"[a-z0-9_]+"|^ *"[a-z0-9_]+"/) {
        name = gensub(/[^"]*"([^"]*)"?.*/, "\\1", 1, substr($0, RSTART, RLENGTH))
        if (name in seen) print FILENAME ":" FNR ": statement \"" name "\" has its name from " seen[name]
        seen[name] = FILENAME ":" FNR
        wait = 0
    }
    wait && FNR > at + 2 { wait = 0 }' $(files '*.c' | grep -v '^tests/'))"
