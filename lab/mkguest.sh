#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mkguest.sh [DIR]: builds the lab's guest from Debian packages: DIR/guest.qcow2 (BIOS, syslinux), DIR/vmlinuz and
# DIR/initrd.img (the same, for a direct boot). About 15 MB, boots in seconds under TCG with 128 MiB and one CPU.
#
# The packages are downloaded to DIR/../deb (kept) and unpacked, never installed. No root, no loop device. The same
# packages and files under lab/guest/ give the same bytes: every time stamp and every identifier is fixed. If the image
# is there and nothing that it is made of is newer, nothing is done.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/../build/lab/guest}
mkdir -p "$out" "$out/../deb"
out=$(cd "$out" && pwd)
cache=$(cd "$out/../deb" && pwd)

export SOURCE_DATE_EPOCH=1700000000 E2FSPROGS_FAKE_TIME=1700000000 TZ=UTC LC_ALL=C MTOOLS_SKIP_CHECK=1
programs=(busybox-static dropbear-bin)
libraries=(libc6 libcrypt1 libtomcrypt1 libtommath1 libgmp10 zlib1g)
# Order matters: virtio_ring before virtio.
early="failover net_failover virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_net"
late="cdrom isofs evdev button virtio-rng virtio_balloon virtio_console"

say() { printf '%-11s %s\n' guest "$*"; }
die() { say "$*" >&2; exit 1; }

fresh() {
    [ -s "$out/guest.qcow2" ] && [ -z "$(find "$here/guest" "$here/mkguest.sh" -newer "$out/guest.qcow2" -print -quit)" ]
}

fresh_lists() { [ "$(id -u)" -ne 0 ] || "$here/packages.sh" fresh >&2; }

# download [PATIENTLY…] NAME
download() {
    (cd "$cache" && "${@:1:$# - 1}" apt-get -qq -o APT::Sandbox::User=root download "${!#}") >"$work/apt" 2>&1
}

# Downloads one package unless the cache holds it; prints its path. Lists at hand may be older than the archive.
package() {
    local deb
    deb=$(find "$cache" -name "$1_*.deb" | sort | tail -1)
    if [ -z "$deb" ]; then
        download "$1" || { fresh_lists; download "$here/retry.sh" "$1"; } ||
            die "cannot download $1: $(tail -1 "$work/apt")"
        deb=$(find "$cache" -name "$1_*.deb")
    fi
    echo "$deb"
}

kernel_name() {
    local deb
    deb=$(find "$cache" -name 'linux-image-*-cloud-amd64_*.deb' | sort | tail -1)
    if [ -n "$deb" ]; then
        basename "${deb%%_*}"
    else
        apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p'
    fi
}

unpack() {
    local name
    name=$(kernel_name)
    [ -n "$name" ] || { fresh_lists && name=$(kernel_name); }
    [ -n "$name" ] || die "the archive has no linux-image-cloud-amd64; is apt-get update due?"
    dpkg-deb -x "$(package "$name")" "$work/kernel"
    for name in "${programs[@]}" "${libraries[@]}"; do
        dpkg-deb -x "$(package "$name")" "$work/debs"
    done
    cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
}

# Kernel modules, stripped, and the list that init reads.
put_modules() {
    local module file
    mkdir -p "$root/lib/modules"
    for module in $early $late; do
        file=$(find "$work/kernel/lib/modules" -name "$module.ko*" -print -quit)
        [ -n "$file" ] || die "the kernel has no module $module"
        strip --strip-debug -o "$root/lib/modules/$module.ko" "$file"
    done
    { printf 'early %s\n' $early; printf 'late %s\n' $late; } >"$root/etc/modules"
}

# dropbear with the libraries that it names, found by name in what was unpacked.
put_sshd() {
    local file soname queue
    cp "$work/debs/usr/sbin/dropbear" "$root/bin/"
    queue=("$root/bin/dropbear")
    while [ ${#queue[@]} -gt 0 ]; do
        file=${queue[0]}
        queue=("${queue[@]:1}")
        for soname in $(objdump -p "$file" | sed -n 's/ *NEEDED *//p'); do
            [ -e "$root/lib/$soname" ] && continue
            file=$(find "$work/debs" -name "$soname" -print -quit)
            [ -n "$file" ] || die "no package holds $soname"
            cp -L "$file" "$root/lib/$soname"
            queue+=("$root/lib/$soname")
        done
    done
    mkdir "$root/lib64"
    cp -L "$work"/debs/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$root/lib64/"
}

put_configuration() {
    echo 'root::0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    echo 'root::19000:0:99999:7:::' >"$root/etc/shadow"
    echo /bin/sh >"$root/etc/shells"
    : >"$root/etc/resolv.conf"
    install -m 755 "$here/guest/init" "$root/init"
    install -m 755 "$here/guest/udhcpc.sh" "$root/etc/udhcpc.sh"
    install -m 755 "$here"/guest/bin/* "$root/bin/"
    install -m 755 "$here/guest/status" "$root/www/cgi-bin/status"
    install -m 755 "$here/guest/power-button" "$root/etc/acpi/PWRF/00000080"
}

make_initrd() {
    root=$work/root
    mkdir -p "$root"/{bin,lib,etc/acpi/PWRF,etc/dropbear,proc,sys,dev,tmp,run,root/.ssh,mnt,state,www/cgi-bin,var/log}
    cp "$work/debs/bin/busybox" "$root/bin/busybox"
    ln -s busybox "$root/bin/sh"
    put_modules
    put_sshd
    put_configuration
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$root" && find . | sort | cpio --quiet -o -H newc -R 0:0 --reproducible) >"$work/initrd.img"
}

# MBR; 26 MiB FAT16 with syslinux, kernel and initramfs; 8 MiB ext4 for what must survive a reboot. Units: sectors.
make_disk() {
    local start1=2048 size1=$((26 * 2048)) size2=$((8 * 2048)) start2
    start2=$((start1 + size1))
    truncate -s $((size1 * 512)) "$work/boot"
    mformat -i "$work/boot" -v BOOT -N 6b6e6775 -T $size1 -h 64 -s 32 -H $start1 ::
    cp "$here/guest/syslinux.cfg" "$work/syslinux.cfg"
    touch -d "@$SOURCE_DATE_EPOCH" "$work"/{vmlinuz,initrd.img,syslinux.cfg}
    mcopy -m -i "$work/boot" "$work"/{vmlinuz,initrd.img,syslinux.cfg} ::
    syslinux --install "$work/boot"
    mke2fs -q -t ext4 -O ^has_journal -L state -U 6b6e6775-6573-4000-8000-000000000000 \
        -E hash_seed=6b6e6775-6573-4000-8000-000000000001 "$work/state" $((size2 / 2))k >/dev/null
    truncate -s $(((start2 + size2) * 512)) "$work/raw"
    printf 'label: dos\nlabel-id: 0x6b6e6775\nstart=%d, size=%d, type=6, bootable\nstart=%d, size=%d, type=83\n' \
        $start1 $size1 $start2 $size2 | sfdisk -q "$work/raw"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/raw" conv=notrunc bs=440 count=1 status=none
    dd if="$work/boot" of="$work/raw" bs=512 seek=$start1 conv=notrunc,sparse status=none
    dd if="$work/state" of="$work/raw" bs=512 seek=$start2 conv=notrunc,sparse status=none
    qemu-img convert -f raw -O qcow2 -c "$work/raw" "$work/guest.qcow2"
}

if fresh; then
    exit 0
fi
work=$(mktemp -d -p "$out")
trap 'rm -rf "$work"' EXIT
say "unpacking the kernel, busybox and dropbear from Debian packages"
unpack
say "making the disk"
make_initrd
make_disk
# By rename: a base image in use stays what it was.
mv "$work/vmlinuz" "$work/initrd.img" "$work/guest.qcow2" "$out/"
say "$(stat -c %s "$out/guest.qcow2" | awk '{printf "%.1f MB", $1 / 1e6}') in ${out##*/}/guest.qcow2"
