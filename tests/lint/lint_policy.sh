#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may do what is asked by the name of a rule (lib/domain/policy.def): no handler asks for a role, and what a rule says to decide is asked.
. "$(dirname "$0")/files.sh"

# Rooms that still ask; the list only gets shorter.
asks="compute identity image network volume lib/rest"

verdict "$(
    for f in $(files '*.c' '*.h' | grep -v -e '^tests/' -e '^lib/domain/policy\.[ch]$'); do
        case " $asks " in *" ${f%%/*} "* | *" $(dirname "$f") "*) continue ;; esac
        grep -nH 'is_admin' "$f" | sed 's/:[^:]*$/: ask kn_policy_allows() or kn_policy_check() with the name of a rule/'
    done
)"
