#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file that a comment or a document names is there: beside whoever names it, from the root, or, by its name alone, anywhere.
. "$(dirname "$0")/files.sh"

verdict "$(
    {
        grep -noE '(/?\*|//).*' $(files '*.c' '*.h') | sed 's/^\([^:]*:[0-9]*\):/\1\t/'
        grep -noE '#.*' $(files '*.sh' '*.py' 'Makefile') | sed 's/^\([^:]*:[0-9]*\):/\1\t/'
        grep -n '' $(files '*.md') | sed 's/^\([^:]*:[0-9]*\):/\1\t/'
    } | gawk -F'\t' '
        BEGIN {
            # What other projects have and comments cite; a tool of Kafka; a column.
            FOREIGN = "^((nova|neutron|cinder|glance|keystone|tempest)/|admin_actions\\.py$|kafka-acls\\.sh$|sel\\.sql$)"
            while (("git ls-files" | getline path) > 0) { there[path]; name[gensub(/.*\//, "", 1, path)] }
        }
        {
            where = $1; file = gensub(/:.*/, "", 1, where); room = gensub(/\/?[^\/]*$/, "", 1, file); text = $2
            while (match(text, /[A-Za-z0-9_.\/-]*[A-Za-z0-9_]\.(c|h|sh|py|sql|md|def)([^A-Za-z0-9_.\/*]|\.$|\. |$)/)) {
                said = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
                sub(/[^A-Za-z0-9_]+$/, "", said); sub(/^\.\//, "", said)
                if (said ~ /^(\/|-|X\/|build\/)|NNNN|\..*\./ || said ~ FOREIGN || said in there || (room "/" said) in there || (said !~ /\// && said in name)) continue
                print where ": there is no " said
            }
        }'
)"
