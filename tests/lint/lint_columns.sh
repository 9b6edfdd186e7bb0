#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A column is read by its name: an enum beside the statement, the members of a struct (lib/adapter/members.h), an attribute (kn_rest_was), KN_ONLY.
. "$(dirname "$0")/files.sh"

verdict "$(
    LC_ALL=C grep -nHE 'kn_rows_(text|str|int|bool|null)\([^()]*(\([^()]*\)[^()]*)*, [0-9]+\)' $(files '*.c' '*.h' | grep -v '^tests/') |
        sed -E 's/^([^:]*:[0-9]*):.*/\1: name the column: an enum beside the statement, or lib\/adapter\/members.h/'
)"
