#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A lab and everything that can be seen in it: run.sh [--short | --packets | --consoles]
#
#   --short     what the check runs: two hosts on the embedded bus, and the client of requirements.txt
#   --packets   packets between guests alone, all of them, on three hosts
#   --consoles  remote consoles alone, in a browser, too (Debian's chromium)
#   else        the newest client and Debian's; then again on three hosts and Apache Kafka
#
# A lab that runs already is used and left alone. Its sums go into the tally.
set -u
cd "$(dirname "$0")/../.." || exit 2
short=${1-} only=''
case $short in --packets | --consoles) only=${short#--} short='' ;; esac
tally=tests/support/tally.sh
failed=0

# count NAME COMMAND…: runs what prints "NAME: N passed, N failed, N skipped" as its last line.
count() {
    local name=$1 out sums
    shift
    out=$(mktemp)
    "$@" | tee "$out"
    sums=$(sed -nE "s/^$name: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped\$/\1 \2 \3/p" "$out")
    rm -f "$out"
    # shellcheck disable=SC2086 # three words
    $tally add "$name" ${sums:-0 1 0}
    [[ $sums =~ ^[1-9][0-9]*\ 0\  ]] || failed=1
}

lab_up() { lab/lab.sh up && lab/lab.sh up | grep -q 'runs already'; }

# What is left after the end of a lab, outside of build/.
lab_down() {
    lab/lab.sh down && python3 - <<-END
	import sys
	sys.path.insert(0, "tests/e2e")
	from lab import Lab
	found = Lab.leftovers()
	print(*found, sep="\n")
	sys.exit(1 if found else 0)
	END
}

clients() {
    local found programs=()
    if found=$(tests/e2e/client.sh ${short:+--pinned}); then
        programs+=("$found")
    else
        echo "skip clients: PyPI gives no openstackclient"
        $tally add clients-pypi 0 0 1
    fi
    [ -n "$short" ] || programs+=(/usr/bin/openstack)
    [ ${#programs[@]} -eq 0 ] || OS_CLIENT_CONFIG_FILE=$PWD/build/lab/clouds.yaml KN_GUEST=$PWD/build/lab/guest/guest.qcow2 \
        KN_GUEST_FORMAT=qcow2 count clients tests/e2e/clients.sh "${programs[@]}"
}

# one_lab COMMAND…: in a lab that is ended afterwards, unless it was there before.
one_lab() {
    local found=''
    ! lab/lab.sh status >/dev/null 2>&1 || found=yes
    if $tally step lab-up lab_up; then
        "$@"
    else
        failed=1
    fi
    [ -n "$found" ] || $tally step lab-down lab_down || failed=1
}

tour() { count e2e tests/e2e/e2e.py; count packets tests/e2e/packets.py --short; count consoles tests/e2e/consoles.py --short; clients; }
packets_tour() { count packets tests/e2e/packets.py; }
consoles_tour() { count consoles tests/e2e/consoles.py; }
kafka_tour() { count e2e tests/e2e/e2e.py; }

export -f lab_up lab_down
if [ -n "$only" ]; then
    [ "$only" != packets ] || export HOSTS=3
    one_lab "${only}_tour"
    exit $failed
fi
one_lab tour
if [ -z "$short" ]; then
    export HOSTS=3 BUS=kafka
    one_lab kafka_tour
fi
exit $failed
