#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# retry.sh COMMAND [ARGUMENT…]: runs what asks a registry, up to five times, with longer and longer pauses: registries hiccup. Its status is
# that of the last time. For downloads only: what fails for another reason should fail at once.
set -u
for pause in 2 6 18 54 ''; do
    status=0
    "$@" || status=$?
    if [ "$status" -eq 0 ] || [ -z "$pause" ]; then
        exit "$status"
    fi
    echo "retry.sh: status $status from ${1##*/}, again in $pause s" >&2
    sleep "$pause"
done
