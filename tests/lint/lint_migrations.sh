#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Migrations are NNNN_what.sql, numbered from 1 without gap or double, each with text of its own, each able to run in one transaction. One that takes
# away what an older daemon may use is named in docs/operations.md, with what stops until the new ones run.
. "$(dirname "$0")/files.sh"

verdict "$(
    n=0
    for f in migrations/*.sql; do
        n=$((n + 1))
        base=$(basename "$f")
        [[ $base =~ ^[0-9]{4}_[a-z0-9_]+\.sql$ ]] || echo "$f: name it NNNN_what.sql"
        [ "$((10#${base%%_*}))" -eq $n ] || echo "$f: the next number is $(printf %04d $n)"
    done
    sha256sum migrations/*.sql | sort | gawk '$1 == last { print $2 ": the same text as " file } { last = $1; file = $2 }'
    grep -niE '^[[:space:]]*(BEGIN|COMMIT|ROLLBACK)[[:space:]]*;|CONCURRENTLY' migrations/*.sql |
        sed 's/$/   <- a migration runs inside the transaction that records it/'
    grep -liE '^[^-]*(DROP (TABLE|VIEW|COLUMN)|RENAME (TO|COLUMN))' migrations/*.sql | while read -r f; do
        what=$(basename "$f" .sql)
        grep -qF "\`${what#*_}\`" docs/operations.md ||
            echo "$f: takes away what older daemons use: say in docs/operations.md (Upgrades) what stops until the new ones run"
    done
)"
