#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# container.sh FILE: makes an image of a container in FILE: a file system ext4 without a partition table, busybox and little else. It asks for its address and its
# metadata, says so on its console, and tells at /cgi-bin/status what it sees of itself and what it is let do.
set -eu
file=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"/{bin,sbin,dev,proc,sys,tmp,run,root,var,etc,www/cgi-bin,usr/share/udhcpc}
cp /bin/busybox "$dir/bin/busybox"
for name in $(busybox --list); do
    [ -e "$dir/bin/$name" ] || ln -s busybox "$dir/bin/$name"
done
ln -s ../bin/busybox "$dir/sbin/init"
cp /bin/busybox "$dir/bin/give"
chmod 4755 "$dir/bin/give" # set-user-id: must stay so
ln "$dir/bin/give" "$dir/bin/given" # one file, two names
truncate -s 8M "$dir/var/sparse"
chown 33:33 "$dir/www/cgi-bin"
cat > "$dir/etc/inittab" <<'END'
::sysinit:/etc/start
::respawn:/bin/httpd -f -h /www
::shutdown:/bin/sh -c 'echo CONTAINER-GOES > /dev/console'
END
cat > "$dir/etc/start" <<'END'
#!/bin/sh
boots=$(($(cat /var/boots 2>/dev/null || echo 0) + 1))
echo $boots > /var/boots
ip link set lo up
links=$(ls /sys/class/net | tr '\n' ' ')
nics=$(echo "$links" | tr ' ' '\n' | grep -vx -e lo -e '' | tr '\n' ' ')
for nic in $nics; do
    ip link set "$nic" up
    udhcpc -O staticroutes -q -n -t 20 -T 1 -i "$nic" -s /usr/share/udhcpc/script > /dev/null 2>&1
done
md=none
[ -z "$nics" ] || md=$(printf 'GET /openstack/latest/meta_data.json HTTP/1.0\r\nHost: 169.254.169.254\r\n\r\n' | nc -w 10 169.254.169.254 80 | grep -q '"hostname": *"web-1' && echo metadata)
echo "=== CONTAINER-READY md=$md boot=$boots ip=$(ip -4 -o addr show scope global | sed 's/.*inet \([0-9.]*\).*/\1/' | tr '\n' ' ')links=$links" > /dev/console
END
cat > "$dir/usr/share/udhcpc/script" <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
for gateway in $router; do
    ip route add default via "$gateway"
done
set -- $staticroutes
while [ $# -ge 2 ]; do
    [ "$2" = 0.0.0.0 ] && ip route add "$1" dev "$interface" || ip route add "$1" via "$2"
    shift 2
done
END
cat > "$dir/www/cgi-bin/status" <<'END'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
may() { name=$1; shift; "$@" > /dev/null 2>&1 && echo "may $name" || echo "mustnot $name"; }
case $QUERY_STRING in
say=*) echo "${QUERY_STRING#say=}" > /dev/console ;;
reboot) reboot ;;
flood) yes "one that never ends" > /dev/console 2> /dev/null & ;;
again) (sleep 1; for nic in $(ls /sys/class/net | grep -v lo); do ip link set $nic up; udhcpc -q -n -i $nic -s /usr/share/udhcpc/script; done) > /dev/null 2>&1 & ;;
esac
echo boots=$(cat /var/boots)
echo ids $(cat /proc/self/uid_map)
for nic in /sys/class/net/*; do
    echo "mtu ${nic##*/} $(cat $nic/mtu)"
done
ip -4 -o addr | sed 's/ *brd.*//; s/ scope.*//'
echo "give $(ls -l /bin/give | cut -c1-10) names $(stat -c %h /bin/given) sparse $(du -k /var/sparse | cut -f1)"
echo "www $(stat -c %u:%g /www/cgi-bin)"
echo "disk_mib $(df -m / | tail -1 | tr -s ' ' | cut -d' ' -f2)"
echo "mem_kib $(sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
echo "processes $(ls -d /proc/[0-9]* | wc -l)"
group=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
may raise_memory sh -c "echo -1 > /sys/fs/cgroup/memory$group/memory.limit_in_bytes"
mine=$(mktemp -d)
may make_device mknod "$mine/loop" b 7 0
may mount_device mount -t ext4 /dev/loop0 "$mine"
rm -rf "$mine"
may write_sysctl sh -c 'echo 1 > /proc/sys/kernel/panic'
may trigger_sysrq sh -c 'echo h > /proc/sysrq-trigger'
may load_module insmod /bin/busybox
END
chmod 755 "$dir/etc/start" "$dir/usr/share/udhcpc/script" "$dir/www/cgi-bin/status"
rm -f "$file"
mkfs.ext4 -q -d "$dir" "$file" 48M
