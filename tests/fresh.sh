#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make check-fresh`: the README's two commands on a machine that has nothing. Makes a Debian 12 (minbase, make, git, ca-certificates), clones the last
# commit into it and runs `make lab` and `make check` there, and nothing else. A line a phase; the last is the check's own. Wants root.
# Everything it starts ends with it, because it lives in namespaces of processes and mounts of its own.
#
#   fresh.sh            KEEP=1 leaves the machine, FRESH_DIR=D makes it there (default: build/fresh), CHECK=… runs another command than `make check`
#
# What is taken over from this machine is how it reaches the registries (apt, pip, Maven, certificates): no package and no file that is not committed.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
machine=${FRESH_DIR:-$here/build/fresh}
home=$(getent passwd 0 | cut -d: -f6) # the same there as here
logs=$home/log # on the machine
started=$SECONDS
again=99 # the status of an inside that wants another processor

say() { printf '%-11s %s\n' "$1" "$2"; }
die() { say fresh "failed: $1" >&2; exit 1; }

# --- inside: process 1 of its own namespaces ---------------------------------------------------------------------------------

# The lab's hosts are mount namespaces kept in files, which a kernel allows only for one with a higher number than the own; since Linux 6.18 each processor hands
# out numbers of its own range. So the outer one must come from the lowest range.
namespaces_can_be_kept() {
    local probe cpu status=0
    probe=$(mktemp -d)
    mount -t tmpfs probe "$probe"
    mount --make-private "$probe"
    touch "$probe/ns"
    for ((cpu = 0; cpu < $(nproc --all); cpu++)); do
        taskset -c "$cpu" unshare --mount="$probe/ns" true 2> /dev/null && umount "$probe/ns" || status=1
    done
    umount "$probe"
    rmdir "$probe"
    return $status
}

# The machine becomes the root, and what was the root is gone: a chroot would be left by the first nsenter into a host of the lab.
become_machine() {
    mount --bind "$machine" "$machine"
    mount -t proc proc "$machine/proc"
    mount --rbind /sys "$machine/sys"
    mount --rbind /dev "$machine/dev"
    mount -t tmpfs tmpfs "$machine/run"
    mount -t tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
    mkdir -p "$machine/old" "$machine$logs"
    cd "$machine"
    pivot_root . old
    cd /
    umount -l /old
    hash -r
}

# What a login there would have: nothing of this shell but the ways to the registries.
enter() {
    local -a ways=()
    mapfile -t ways < <(env | grep -E '^(PIP_|SSL_|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|MAVEN_|[a-zA-Z]*_proxy=|[A-Z]*_PROXY=)' | grep -v '^PIP_FIND_LINKS')
    env -i HOME="$home" TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${ways[@]}" \
        /bin/bash -c "cd ~/kilonova && $1"
}

phase() {
    local name=$1 line=$2 began=$SECONDS
    say "$name" "$line"
    if ! enter "$line" > "$logs/$name.log" 2>&1 < /dev/null; then
        tail -40 "$logs/$name.log" >&2
        die "$line, after $((SECONDS - began)) s"
    fi
    say "$name" "done in $((SECONDS - began)) s"
}

if [ "${1-}" = --inside ]; then
    namespaces_can_be_kept || exit $again
    taskset -p -c "0-$(($(nproc --all) - 1))" $$ > /dev/null
    become_machine
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    phase lab "make lab"
    phase lab-down "make lab-down"
    phase check "${CHECK:-make check}"
    exit
fi

# --- outside -----------------------------------------------------------------------------------------------------------------

# How this machine reaches the registries: its own configuration of the clients, as far as there is any.
take_over() {
    local f
    for f in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/sources.list /etc/apt/sources.list.d \
        /etc/apt/trusted.gpg.d /etc/apt/keyrings /usr/local/share/ca-certificates /etc/ssl/certs "$home/.m2/settings.xml" /etc/maven/settings.xml; do
        [ -e "$f" ] || continue
        mkdir -p "$machine$(dirname "$f")"
        cp -aL "$f" "$machine$(dirname "$f")/" 2> /dev/null || true
    done
    rm -f "$machine"/etc/apt/apt.conf.d/*docker*
}

make_machine() {
    local -a sources=()
    mapfile -t sources < <(find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.sources' -o -name '*.list' 2> /dev/null)
    rm -rf --one-file-system "$machine"
    mkdir -p "$(dirname "$machine")"
    say machine "Debian 12 in $machine"
    lab/retry.sh mmdebstrap --variant=minbase --include=make,git,ca-certificates bookworm "$machine" "${sources[@]}" \
        > build/log/fresh/machine.log 2>&1 || { tail -20 build/log/fresh/machine.log >&2; die "the machine could not be made"; }
    take_over
}

clone() {
    [ -z "$(git status --porcelain)" ] || say clone "what is not committed stays out"
    git clone -q --no-hardlinks . "$machine$home/kilonova"
    say clone "$(git log -1 --format='%h %s')"
}

# From each processor until the kernel agrees.
run_inside() {
    local cpu status=$again
    for ((cpu = 0; cpu < $(nproc --all) && status == again; cpu++)); do
        status=0
        taskset -c "$cpu" unshare --mount --pid --fork --mount-proc --kill-child --propagation private "$BASH" "$here/tests/fresh.sh" --inside || status=$?
    done
    return $status
}

[ "$(id -u)" -eq 0 ] || die "wants root"
cd "$here"

mkdir -p build/log/fresh
command -v mmdebstrap > /dev/null || lab/packages.sh
make_machine
clone
status=0
run_inside || status=$?
cp "$machine$logs"/*.log build/log/fresh/ 2> /dev/null || true
[ -n "${KEEP-}" ] || rm -rf --one-file-system "$machine"
say fresh "$([ $status -eq 0 ] && echo passed || echo FAILED) after $((SECONDS - started)) s; logs in build/log/fresh"
grep -hE '^[0-9]+ passed, [0-9]+ failed' build/log/fresh/check.log 2> /dev/null | tail -1
exit $status
