#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# lab.sh: a whole cloud on this machine, and away with it.
#
#   lab.sh up            what `make lab` does; HOSTS=n hosts (2), BUS=embedded or kafka
#   lab.sh down          what `make lab-down` does: no process, namespace, mount or file outside build/ stays
#   lab.sh status        what runs
#   lab.sh in HOST …     a command, or a shell, on a host
#   lab.sh ssh …         a command, or a shell, in the first server
#   lab.sh outside …     a command, or a shell, outside of the cloud, where floating IPs are reached
#
# Each phase prints one line. What runs, runs under kilonova-supervise; where it writes, is build/lab.
here=$(dirname "${BASH_SOURCE[0]}")
source "$here/common.sh"
source "$here/database.sh"
source "$here/client.sh"
source "$here/plane.sh"
source "$here/first.sh"

# $lab/up is written last: without it, what is found is the rest of a lab that did not come up.
complete() { supervised && [ -e "$lab/up" ]; }

build() {
    say build "compiling (see build/lab/log/build.log)"
    make -C "$root" -j"$(nproc)" all >"$log/build.log" 2>&1 || { tail -20 "$log/build.log" >&2; die "the build failed"; }
}

supervisor_start() {
    setsid "$bin/kilonova-supervise" run "$run" >>"$log/supervise.log" 2>&1 </dev/null &
    until_true 10 supervised || die "kilonova-supervise does not answer; see $log/supervise.log"
}

plane_up() {
    local admin_password demo_password
    say database "a private PostgreSQL cluster in $(<"$lab/pg.dir")"
    database_start
    "$bin/kilonova" --config "$lab/conf/kilonova.conf" db migrate >"$log/migrate.log"
    say bus "$BUS, 127.0.0.1:$bus_port"
    bus_start "$BUS"
    admin_password=$("$bin/kilonova" --config "$lab/conf/kilonova.conf" bootstrap | sed -n 's/^password: //p')
    say daemons "api, two conductors, scheduler, network, volume, image"
    daemons_start
    daemons_await
    demo_password=$(head -c 18 /dev/urandom | base64 | tr '+/' 'ab')
    make_tenant "$admin_password" "$demo_password"
    write_credentials "$admin_password" "$demo_password"
    say cloud "$api; clouds \"kilonova\" and \"kilonova-demo\" in build/lab/clouds.yaml"
}

hosts_up() {
    say hosts "$HOSTS, each with a libvirtd and an agent of its own"
    "$here/hosts.sh" up "$HOSTS"
    agents_start
}

# A value of clouds.yaml: cloud, key
credential() { sed -n "/^  $1:/,/^  [a-z]/s/^      $2: //p" "$lab/clouds.yaml"; }

first_up() {
    local started=$EPOCHREALTIME
    login admin "$(credential kilonova password)" admin
    say image "uploading the guest over HTTP"
    upload_image
    make_flavors
    make_external_network
    login demo "$(credential kilonova-demo password)" demo
    make_network
    make_keypair
    say server "posting the first server"
    boot_server
    await_active
    say server "ACTIVE on $(first_host) at $(first_address)"
    await_ready
    reach_first
    say server "READY, answers ping and ssh; $(since "$started") s from the upload"
}

since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

closing() {
    cat <<-END

	The cloud is up. What next:
	  . build/lab/openrc            then: openstack server list; openstack console log show first
	  OS_CLOUD=kilonova openstack hypervisor list
	  lab/lab.sh ssh                a shell in the first server
	  lab/lab.sh in h1 virsh list   a command on a host
	  lab/lab.sh outside            a shell outside, where floating IPs of the network "public" are reached
	  lab/lab.sh status             what runs; build/lab/log/ has a file for each
	  make lab-down                 takes it all away
	END
}

up() {
    local started=$EPOCHREALTIME
    if complete; then
        read_ports
        say lab "runs already: $(ask status | wc -l) processes, $(hosts | wc -l) hosts, $api"
        closing
        return
    fi
    "$here/packages.sh"
    mkdir -p "$run" "$log"
    build
    if supervised || [ -e "$ns" ] || [ -s "$lab/pg.dir" ]; then
        say lab "clearing away what is left of another one"
        down
        mkdir -p "$run" "$log"
    fi
    "$here/mkguest.sh" "$lab/guest"
    supervisor_start
    database_make
    choose_ports
    read_ports
    write_conf "$BUS"
    plane_up
    hosts_up
    first_up
    : >"$lab/up"
    say lab "up after $(since "$started") s"
    closing
}

# Processes of a supervisor that was killed carry its mark in their environment.
marked() { grep -lazs "^KILONOVA_SUPERVISOR=$run\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }
none_marked() { [ -z "$(marked)" ]; }

down() {
    if supervised; then
        say lab "ending $(ask status | wc -l) processes"
        ask down
    fi
    [ ! -e "$ns" ] || "$here/hosts.sh" down
    if ! none_marked; then
        marked | xargs -r kill 2>/dev/null || true
        until_true 5 none_marked || marked | xargs -r kill -9 2>/dev/null || true
    fi
    database_remove
    rm -rf "$run" "$lab"/{up,ports,health,healthz,conf,images,volumes,backups,hosts,kafka,clouds.yaml,openrc,openrc-plain,login.json} \
        "$lab"/first.* "$lab"/id_ed25519*
    say lab "down"
}

status() {
    supervised || die "the lab is not up"
    { echo NAME STATE PID RESTARTS SECONDS; ask status; } | awk '{ printf "%-14s %-11s %8s %9s %8s\n", $1, $2, $3, $4, $5 }'
}

HOSTS=${HOSTS:-2}
BUS=${BUS:-embedded}
[ "$(id -u)" -eq 0 ] || die "needs root: it makes namespaces"
case $BUS in embedded | kafka) ;; *) die "BUS is embedded or kafka, not \"$BUS\"" ;; esac
mkdir -p "$lab"
case ${1:-} in
up) up ;;
down) down ;;
status) status ;;
in) shift && "$here/hosts.sh" in "$@" ;;
ssh) shift && ssh_first "$@" ;;
outside) shift && "$here/hosts.sh" outside "$@" ;;
*) die "usage: lab.sh up | down | status | in HOST [COMMAND…] | ssh [COMMAND…] | outside [COMMAND…]" ;;
esac
