#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Before libvirtd starts: forgets guests that a killed libvirtd had begun to start and whose QEMU it did not know yet.
#
#   forget-unborn.sh [DIRECTORY]      the QEMU driver's state; /run/libvirt/qemu unless told otherwise
#
# Their status says pid 0, and libvirt (9.0, qemuProcessReconnectHelper) passes over those when it comes up: they would be "paused (starting up)", with a lock that nobody holds,
# until the machine starts again. What is removed is what /run loses then, too; the definition and saved memory stay. A QEMU that got as far as being started is ended, as libvirt
# ends those that it finds half started. With systemd: ExecStartPre= of libvirtd.service.
set -u
shopt -s nullglob
state=${1:-/run/libvirt/qemu}
for status in "$state"/*.xml; do
    grep -q "^<domstatus .*pid='0'" "$status" || continue
    name=$(basename "$status" .xml)
    pid=$(cat "$state/$name.pid" 2>/dev/null)
    if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "guest=$name,"; then
        kill -9 "$pid"
    fi
    rm -f "$status" "$state/$name.pid"
    echo "forget-unborn: $name"
done
