#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# hosts.sh: makes "hosts" h1, h2, … out of one machine, and takes them away again.
#
#   hosts.sh up N            N hosts, each with its own libvirtd (run by kilonova-supervise, which must be up)
#   hosts.sh down            no process, namespace or mount of them stays
#   hosts.sh off HOST        everything that runs there dies, and its namespaces go
#   hosts.sh on HOST         it is made again from its files
#   hosts.sh reboot HOST     off and on
#   hosts.sh in HOST [CMD…]  runs a command, or a shell, on a host
#   hosts.sh outside [CMD…]  runs a command, or a shell, outside of the cloud, where its external network leads
#
# A host is a network, a mount and a UTS namespace, kept by files in build/lab/ns (so they need no process). Private to it: its
# loopback, its name, /run, /sys, /etc/libvirt, /etc/hosts and what libvirt writes under /var. The rest of the machine is
# shared, build/ too. All hosts and nothing else are on the underlay, 10.99.0.0/24, where host N is 10.99.0.(10+N): a bridge
# in a namespace of its own. There, too, is a second bridge, "outside", 172.24.4.1/24: what the clouds' external network leads
# to; hosts are on it with ext0 (agent.physical_networks).
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

address() { echo "10.99.0.$((10 + ${1#h}))"; }

# --- up ---------------------------------------------------------------------------------------------------------------

# The files that hold namespaces must lie on a mount that is not shared with the namespaces themselves.
make_ns_dir() {
    mkdir -p "$ns"
    mountpoint -q "$ns" && die "the hosts are up already"
    mount -n -t tmpfs -o mode=755,size=1m kilonova-lab "$ns"
    mount -n --make-private "$ns"
}

make_underlay() {
    : >"$ns/underlay"
    unshare --net="$ns/underlay" sh -ec '
        ip link set lo up
        ip link add switch type bridge mcast_snooping 0
        ip link set switch up
        ip link add outside type bridge mcast_snooping 0
        ip address add 172.24.4.1/24 dev outside
        ip link set outside up'
}

write_configuration() {
    local host=$1 dir=$2 i
    mkdir -p "$dir"/{etc/qemu/networks,lib,log,cache/qemu}
    cat >"$dir/etc/qemu.conf" <<-END
	user = "root"
	group = "root"
	dynamic_ownership = 0
	remember_owner = 0
	security_driver = "none"
	namespaces = []
	cgroup_controllers = []
	stdio_handler = "file"
	vnc_listen = "127.0.0.1"
	migration_host = "$(address "$host")"
	END
    cat >"$dir/etc/libvirtd.conf" <<-END
	listen_tls = 0
	auth_unix_ro = "none"
	auth_unix_rw = "none"
	host_uuid = "6b6e6c61-6200-4000-8000-$(printf %012d "${host#h}")"
	log_level = 3
	log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
	END
    {
        echo '127.0.0.1 localhost'
        for i in $(seq "$count"); do echo "$(address "h$i") h$i"; done
    } >"$dir/hosts"
    # What QEMU can do is asked once a machine, not once a host: that takes seconds.
    [ ! -d "$lab/capcache" ] || cp -a "$lab/capcache" "$dir/cache/qemu/capabilities"
}

# Runs inside the new namespaces.
furnish() {
    local host=$1 dir=$2
    hostname "$host"
    mount -t sysfs sysfs /sys # the old one shows the interfaces of the machine
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir /run/libvirt /run/netns /run/lock
    mount --bind "$dir/etc" /etc/libvirt
    mount --bind "$dir/lib" /var/lib/libvirt
    mount --bind "$dir/log" /var/log/libvirt
    mount --bind "$dir/cache" /var/cache/libvirt
    mount --bind "$dir/hosts" /etc/hosts
    ip link set lo up
}

connect() {
    local host=$1
    nsenter --net="$ns/$host/net" \
        ip link add ul0 mtu 9000 type veth peer name "p-$host" mtu 9000 netns "$ns/underlay"
    nsenter --net="$ns/underlay" ip link set "p-$host" master switch up
    nsenter --net="$ns/$host/net" ip address add "$(address "$host")/24" dev ul0
    nsenter --net="$ns/$host/net" ip link set ul0 up
    nsenter --net="$ns/$host/net" ip link add ext0 type veth peer name "e-$host" netns "$ns/underlay"
    nsenter --net="$ns/underlay" ip link set "e-$host" master outside up
    nsenter --net="$ns/$host/net" ip link set ext0 up
}

make_namespaces() {
    local host=$1 dir=$lab/hosts/$1
    mkdir "$ns/$host"
    touch "$ns/$host"/{mnt,net,uts}
    unshare --mount="$ns/$host/mnt" --net="$ns/$host/net" --uts="$ns/$host/uts" --propagation private \
        "$BASH" "${BASH_SOURCE[0]}" furnish "$host" "$dir"
    connect "$host"
}

make_host() {
    local host=$1
    write_configuration "$host" "$lab/hosts/$host"
    make_namespaces "$host"
    ask add "libvirtd-$host" ns="$ns/$host" log="$log/libvirtd-$host.log" -- \
        "$BASH" -c '"$0"; exec libvirtd' "$root/deploy/libvirt/forget-unborn.sh"
}

answers() { in_host "$1" virsh -q -c qemu:///system capabilities; }

# The first answer takes seconds when nothing is cached: then the other hosts wait for the first one's cache.
await_host() {
    local host=$1
    until_true 60 answers "$host" || die "libvirtd on $host does not answer; see $log/libvirtd-$host.log"
    if [ ! -d "$lab/capcache" ]; then
        cp -a "$lab/hosts/$host/cache/qemu/capabilities" "$lab/capcache.new"
        mv "$lab/capcache.new" "$lab/capcache"
    fi
}

up() {
    local host
    count=$1
    [[ $count =~ ^[1-9][0-9]?$ ]] || die "\"$count\" is not a number of hosts from 1 to 99"
    supervised || die "kilonova-supervise does not run"
    make_ns_dir
    make_underlay
    make_host h1
    [ -d "$lab/capcache" ] || await_host h1
    for host in $(seq -f h%.0f 2 "$count"); do make_host "$host"; done
    for host in $(seq -f h%.0f "$count"); do await_host "$host"; done
}

# --- down -------------------------------------------------------------------------------------------------------------

# Every process that lives on a host, or on one of them, whoever started it: the UTS namespace is the one that is never left.
processes() {
    local host process
    for host in ${only:-$(hosts)}; do
        for process in /proc/[0-9]*; do
            [ ! "$process/ns/uts" -ef "$ns/$host/uts" ] || echo "${process#/proc/}"
        done
    done
}

nobody_left() { [ -z "$(processes)" ]; }
tell() { processes | xargs -r kill "-$1" 2>/dev/null || true; }

down() {
    local host
    for host in $(hosts | tac); do
        ! supervised || ask stop "libvirtd-$host" 2>/dev/null || true
    done
    tell TERM
    until_true 3 nobody_left || tell KILL
    until_true 5 nobody_left || die "processes do not die: $(processes | xargs)"
    if mountpoint -q "$ns"; then
        umount -n -R "$ns" 2>/dev/null || umount -n -R -l "$ns"
    fi
    rm -rf "$ns" "$lab/hosts"
}

# --- off and on -------------------------------------------------------------------------------------------------------

off() {
    local host=$1 only=$1
    ask stop "agent-$host"
    ask stop "libvirtd-$host"
    tell KILL
    until_true 5 nobody_left || die "processes do not die: $(processes | xargs)"
    nsenter --net="$ns/underlay" ip link delete "p-$host"
    nsenter --net="$ns/underlay" ip link delete "e-$host"
    umount -n "$ns/$host"/{mnt,net,uts}
    rm -r "${ns:?}/$host"
}

# What hears for it on its loopback (kilonova-forward) held its old network: that one's wires are gone, and it comes again behind the new one.
on() {
    local host=$1
    make_namespaces "$host"
    ask start "libvirtd-$host"
    await_host "$host"
    ask restart forward
    ask start "agent-$host"
}

case ${1:-} in
up) up "${2:-2}" ;;
down) down ;;
in)
    host=${2:?a host}
    shift 2
    in_host "$host" "${@:-bash}"
    ;;
outside)
    shift
    exec nsenter --net="$ns/underlay" "${@:-bash}"
    ;;
off) off "${2:?a host}" ;;
on) on "${2:?a host}" ;;
reboot)
    off "${2:?a host}"
    on "$2"
    ;;
furnish) furnish "$2" "$3" ;;
*) die "usage: hosts.sh up N | down | off HOST | on HOST | reboot HOST | in HOST [COMMAND…] | outside [COMMAND…]" ;;
esac
