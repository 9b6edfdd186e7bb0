#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles on its own, so that the order of includes never matters.
. "$(dirname "$0")/files.sh"

one() {
    gcc -std=c17 -D_GNU_SOURCE -I. -isystem /usr/include/postgresql -isystem /usr/include/libnl3 -Wall -Wextra -fsyntax-only \
        -x c -include "$1" /dev/null 2>&1 | grep -E 'error|warning' | head -3 | sed 's/$/   <- include what the header uses/'
}
export -f one
verdict "$(files '*.h' | xargs -P "$(nproc)" -I{} bash -c 'one {}')"
