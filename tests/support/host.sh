#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# host.sh PROGRAM [ARGUMENT…]: runs a test program on a "host" of its own: new network, mount, UTS and PID namespaces with a private
# libvirtd. With KN_TEST_CGROUPS it has control groups of its own, too (of version 1), as containers want them. When the program ends, everything that it or libvirt started is gone: this shell is pid 1 there.
set -eu
controllers='cpu cpuacct cpuset memory devices freezer blkio'
groups=kn-test-$$
if [ "${1:-}" != --inside ] && [ -n "${KN_TEST_CGROUPS:-}" ]; then
    for c in $controllers; do
        mkdir "/sys/fs/cgroup/$c/$groups"
    done
    for f in cpus mems; do
        cat /sys/fs/cgroup/cpuset/cpuset.$f > /sys/fs/cgroup/cpuset/$groups/cpuset.$f
    done
    status=0
    (
        for c in $controllers; do
            echo $BASHPID > "/sys/fs/cgroup/$c/$groups/cgroup.procs"
        done
        exec unshare --mount --net --uts --pid --cgroup --fork --kill-child --propagation=private "$BASH" "$0" --inside "$@"
    ) || status=$?
    for c in $controllers; do
        find "/sys/fs/cgroup/$c/$groups" -depth -type d -exec rmdir {} +
    done
    exit $status
fi
if [ "${1:-}" != --inside ]; then
    exec unshare --mount --net --uts --pid --fork --kill-child --propagation private "$BASH" "$0" --inside "$@"
fi
shift
hostname kn-test-host
mount -t proc proc /proc
mount -t sysfs sysfs /sys
if [ -n "${KN_TEST_CGROUPS:-}" ]; then
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    for c in $controllers; do
        mkdir "/sys/fs/cgroup/$c"
        mount -t cgroup -o "$c" cgroup "/sys/fs/cgroup/$c"
    done
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
# With no address but the loopback's, getaddrinfo() says that there is no IPv4.
ip link add ul0 type veth peer name ul1
ip address add 10.99.0.11/24 dev ul0
ip link set ul0 up
ip link set ul1 up

dir=/run/host
mkdir -p $dir/etc/qemu/networks $dir/{lib,log,cache/qemu} /run/libvirt /run/netns /run/lock
cat > $dir/etc/qemu.conf <<END
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
END
cat > $dir/etc/lxc.conf <<END
log_with_libvirtd = 0
security_driver = "none"
END
cat > $dir/etc/libvirtd.conf <<END
listen_tls = 0
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "6b6e6c61-6200-4000-8000-00000000ffff"
END
# What QEMU can do is asked once a machine if somebody kept the answer: that takes seconds.
cache=${KN_TEST_CAPCACHE:-build/lab/capcache}
[ ! -d "$cache" ] || cp -a "$cache" $dir/cache/qemu/capabilities
mount --bind $dir/etc /etc/libvirt
mount --bind $dir/lib /var/lib/libvirt
mount --bind $dir/log /var/log/libvirt
mount --bind $dir/cache /var/cache/libvirt

export TMPDIR=/run # goes with the host

# Restarted whenever it dies: the test may kill it.
(while :; do
    deploy/libvirt/forget-unborn.sh
    libvirtd > /run/libvirtd.log 2>&1 || true
    sleep 0.2
done) &
status=0
"$@" || status=$?
exit $status
