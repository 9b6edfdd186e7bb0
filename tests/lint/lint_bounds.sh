#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every table stands in docs/tables.md with what bounds its rows, once, and no table that is not there does.
. "$(dirname "$0")/files.sh"

tables() {
    {
        gawk '/^CREATE TABLE / { print $3 } /^DROP TABLE / { print "-" gensub(/;.*/, "", 1, $3) }' migrations/*.sql
        grep -hoE 'CREATE TABLE IF NOT EXISTS [a-z_]+' lib/adapter/*.c | cut -d' ' -f6
    } | gawk '/^-/ { delete made[substr($0, 2)]; next } { made[$0] } END { for (t in made) print t }' | sort
}

listed() {
    sed -nE 's/^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$/\1/p' docs/tables.md | sort
}

verdict "$(
    comm -23 <(tables) <(listed) | sed 's/.*/docs\/tables.md: say what bounds the rows of table &/'
    comm -13 <(tables) <(listed | uniq) | sed 's/.*/docs\/tables.md: there is no table &/'
    listed | uniq -d | sed 's/.*/docs\/tables.md: & stands there twice/'
    [ "$(tables | wc -l)" -gt 40 ] || echo "tests/lint/lint_bounds.sh: it does not see the tables any more"
)"
