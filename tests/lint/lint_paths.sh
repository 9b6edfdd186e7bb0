#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing may depend on the machine it was written on. (The guest's own /root is built by lab/.)
. "$(dirname "$0")/files.sh"

verdict "$(find . \( -path ./build -o -path ./.git -o -path ./tests/lint/lint_paths.sh -o -path ./lab/guest -o -path ./lab/mkguest.sh \) -prune -o -type f -print0 |
    xargs -0 grep -nIE '(^|[^a-zA-Z0-9_.<>])/(work|root|home/[a-z])(/|\b)' |
    sed 's/$/   <- no path of one machine: relative, from the configuration, or a temporary directory/')"
