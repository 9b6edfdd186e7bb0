#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may do what is asked by the name of a rule (lib/domain/policy.def): no handler asks for a role.
. "$(dirname "$0")/files.sh"

# Rooms that still ask; the list only gets shorter.
asks="compute/api compute/rows identity/api identity/auth"

verdict "$(
    code=$(files '*.c' '*.h' | grep -v -e '^tests/' -e '^lib/domain/policy\.[ch]$')
    for f in $code; do
        case " $asks " in *" $(dirname "$f") "*) continue ;; esac
        grep -nH 'is_admin' "$f" | sed 's/:[^:]*$/: ask kn_policy_allows() or kn_policy_check() with the name of a rule/'
    done
)"
