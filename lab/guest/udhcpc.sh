#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# udhcpc.sh: what udhcpc calls when a lease comes or goes; sets address, MTU, routes (option 121 first) and name servers.
# shellcheck disable=SC2154 # the variables come from udhcpc
# Each interface has a metric of its own: what the second one knows too does not go with it.
metric=$((100 + $(cat "/sys/class/net/$interface/ifindex")))

routes() { # destination, gateway, …
    while [ $# -ge 2 ]; do
        if [ "$2" = 0.0.0.0 ]; then
            ip route replace "$1" dev "$interface" metric $metric
        else
            ip route replace "$1" via "$2" dev "$interface" metric $metric
        fi
        shift 2
    done
}

bound() {
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
    [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
    if [ -n "$staticroutes" ]; then
        # shellcheck disable=SC2086 # a list of words
        routes $staticroutes
    elif [ -n "$router" ]; then
        ip route replace default via "${router%% *}" dev "$interface" metric $metric
    fi
    [ -n "$dns" ] || return
    for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
}

case $1 in
deconfig)
    ip -4 addr flush dev "$interface"
    ip link set "$interface" up
    ;;
bound | renew) bound ;;
esac
