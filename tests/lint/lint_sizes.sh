#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No file above 600 lines, no function above 80. With --medians it prints those instead of judging.
. "$(dirname "$0")/files.sh"

# "path lines first-line name" of every function: from a "{" to a "}" that stand alone at the left margin.
functions() {
    gawk 'FNR == 1 { open = 0 }
        /^\{$/ { open = FNR }
        !open && /^[a-zA-Z_].*\(/ { name = gensub(/.*[ *]([a-zA-Z_0-9]+)\(.*/, "\\1", 1); if (name == $0) name = gensub(/\(.*/, "", 1) }
        /^\}$/ && open { print FILENAME, FNR - open + 1, open, name; open = 0 }' $(files '*.c')
}

if [ "${1-}" = --medians ]; then
    wc -l $(files '*.c' | grep -v '^tests/') | grep -v total | gawk '{ print $1 }' | sort -n |
        gawk '{ a[NR] = $1 } END { print "files:", NR, "median", a[int((NR + 1) / 2)], "longest", a[NR] }'
    functions | grep -v '^tests/' | gawk '{ print $2 }' | sort -n |
        gawk '{ a[NR] = $1; s += $1 < 40 } END { print "functions:", NR, "median", a[int((NR + 1) / 2)], "longest", a[NR], "under 40:", int(100 * s / NR) "%" }'
    exit
fi

verdict "$(
    wc -l $(files '*.c' '*.h' '*.sh' '*.py' Makefile) | gawk '$2 != "total" && $1 > 600 {
        print $2 ": " $1 " lines; the cap is 600: one noun, one file, so find the second noun" }'
    functions | gawk '$2 > 80 { print $1 ":" $3 ": " $4 "() has " $2 " lines; the cap is 80: name its parts" }'
)"
