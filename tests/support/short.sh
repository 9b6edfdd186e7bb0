#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs tests/<part>/short.sh for the check, if the part has one. It counts by itself (tally.sh add); one that died without
# counting is one failure.
#   short.sh e2e|chaos|bench
set -u
part=$1
script=tests/$part/short.sh
[ -x "$script" ] || exit 0
before=$(wc -l < build/tally)
"$script"
status=$?
if [ $status -ne 0 ] && ! tail -n +$((before + 1)) build/tally | awk '$3 > 0 { bad = 1 } END { exit !bad }'; then
    tests/support/tally.sh add "$part" 0 1 0
    echo "FAIL $part: short.sh ended with status $status"
elif [ "$(wc -l < build/tally)" -eq "$before" ]; then
    tests/support/tally.sh add "$part" 1 0 0
fi
exit $status
