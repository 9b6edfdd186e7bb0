#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may do what is asked by the name of a rule (lib/domain/policy.def): no handler asks for a role, and what a rule says to decide is asked.
. "$(dirname "$0")/files.sh"

verdict "$(
    code=$(files '*.c' '*.h' | grep -v -e '^tests/' -e '^lib/domain/policy\.[ch]$')
    grep -nE 'is_admin|KN_ROLE_(READER|MEMBER|MANAGER|ADMIN|SERVICE)|(caller|who)(\.|->)(roles|system_scoped)' $code |
        grep -vE '^(identity/auth/identity|api/cli)\.c:' |
        sed -E 's/^([^:]*:[0-9]*):.*/\1: ask kn_policy_allows() or kn_policy_check() with the name of a rule/'
    # What no route names (tests/it/test_policy_walk.c), some code does.
    named=$(grep -ohE 'KN_(NOVA|CINDER|NEUTRON|GLANCE|KEYSTONE)_[A-Z0-9_]+' $code | sort -u)
    sed -nE 's/^\| `(identity:)?([^`]*)` \| [^`|].*/\2/p' docs/policy.md | while read -r name; do
        id=$(sed -nE 's/^([A-Z]+)\(([A-Z0-9_]+), "([^"]*)".*/\3 KN_\1_\2/p' lib/domain/policy.def | gawk -v name="$name" '$1 == name { print $2 }')
        grep -qxF "$id" <<< "$named" || echo "lib/domain/policy.def: $id is named by no route and no code"
    done
)"
