#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mkdebian.sh [DIR]: an image as cloud users have them (Debian's genericcloud kind), made from Debian packages: DIR/debian.qcow2 with systemd, cloud-init, sshd and
# QEMU's guest agent. It starts by BIOS (syslinux) and by UEFI (systemd-boot) alike, from one FAT partition that holds the kernel; the root partition
# behind it grows with the disk. Under TCG it takes a minute or more to come up: for tests that ask for it (make guests). If the image is there and newer than
# this script, nothing is done.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/../build/lab/guest}
mkdir -p "$out"
out=$(cd "$out" && pwd)
packages=systemd,systemd-sysv,systemd-resolved,udev,dbus,linux-image-cloud-amd64,initramfs-tools,cloud-init,netplan.io,cloud-guest-utils
packages+=,openssh-server,qemu-guest-agent,sudo,iproute2,iputils-ping,fdisk,e2fsprogs,systemd-boot-efi,ca-certificates,locales
# Patient: under emulation, beside others, a device may take minutes to be there.
arguments="root=LABEL=root ro console=tty0 console=ttyS0,115200 systemd.default_timeout_start_sec=900"
boot_mib=128 root_mib=1400
export MTOOLS_SKIP_CHECK=1

say() { printf '%-11s %s\n' guest "$*"; }
die() { say "$*" >&2; exit 1; }

fresh() { [ -s "$out/debian.qcow2" ] && [ ! "$here/mkdebian.sh" -nt "$out/debian.qcow2" ]; }

# From this machine's own archive.
sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list; do
        [ -s "$file" ] && echo "$file"
    done
    return 0
}

unpack() {
    local files
    mapfile -t files < <(sources)
    [ ${#files[@]} -gt 0 ] || die "apt has no sources here"
    "$here/retry.sh" mmdebstrap --mode=root --variant=minbase --include="$packages" --skip=output/dev bookworm "$work/tree" "${files[@]}" \
        > "$out/debian.log" 2>&1 || { tail -20 "$out/debian.log" >&2; die "the packages could not be unpacked: $out/debian.log"; }
}

# What Debian's own image has beside its packages.
settle() {
    local root=$work/tree
    printf 'LABEL=root / ext4 defaults,x-systemd.growfs 0 1\n' > "$root/etc/fstab"
    printf 'debian\n' > "$root/etc/hostname"
    printf 'datasource_list: [ OpenStack, ConfigDrive, None ]\n' > "$root/etc/cloud/cloud.cfg.d/90_datasources.cfg"
    rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/dbus/machine-id
    : > "$root/etc/machine-id"
    ln -sf /lib/systemd/system/systemd-networkd.service "$root/etc/systemd/system/multi-user.target.wants/"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*
    ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
}

# Kernel and loaders go to the FAT partition, the rest into the root's file system.
divide() {
    local root=$work/tree
    mkdir "$work/fat"
    mv "$root"/boot/vmlinuz-* "$work/fat/vmlinuz"
    mv "$root"/boot/initrd.img-* "$work/fat/initrd.img"
    cp "$root/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$work/fat/bootx64.efi"
    mke2fs -q -t ext4 -L root -d "$root" "$work/root" ${root_mib}M
}

put_loaders() {
    cat > "$work/syslinux.cfg" << END
DEFAULT debian
PROMPT 0
LABEL debian
  LINUX /vmlinuz
  INITRD /initrd.img
  APPEND $arguments
END
    printf 'default debian\ntimeout 0\n' > "$work/loader.conf"
    printf 'title Debian\nlinux /vmlinuz\ninitrd /initrd.img\noptions %s\n' "$arguments" > "$work/debian.conf"
    truncate -s ${boot_mib}M "$work/boot"
    mformat -i "$work/boot" -v BOOT -F -T $((boot_mib * 2048)) -h 64 -s 32 -H 2048 ::
    mmd -i "$work/boot" ::EFI ::EFI/BOOT ::loader ::loader/entries
    mcopy -i "$work/boot" "$work/fat/vmlinuz" "$work/fat/initrd.img" "$work/syslinux.cfg" ::
    mcopy -i "$work/boot" "$work/fat/bootx64.efi" ::EFI/BOOT/BOOTX64.EFI
    mcopy -i "$work/boot" "$work/loader.conf" ::loader/
    mcopy -i "$work/boot" "$work/debian.conf" ::loader/entries/
    syslinux --install "$work/boot"
}

# MBR; the partition with the loaders is of the type that UEFI looks for. Units: sectors.
make_disk() {
    local start1=2048 size1=$((boot_mib * 2048)) size2=$((root_mib * 2048)) start2
    start2=$((start1 + size1))
    truncate -s $(((start2 + size2) * 512)) "$work/raw"
    printf 'label: dos\nstart=%d, size=%d, type=ef, bootable\nstart=%d, size=%d, type=83\n' \
        $start1 $size1 $start2 $size2 | sfdisk -q "$work/raw"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$work/raw" conv=notrunc bs=440 count=1 status=none
    dd if="$work/boot" of="$work/raw" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$work/root" of="$work/raw" bs=1M seek=$((boot_mib + 1)) conv=notrunc,sparse status=none
    qemu-img convert -f raw -O qcow2 -c "$work/raw" "$work/debian.qcow2"
}

if fresh; then
    exit 0
fi
[ "$(id -u)" -eq 0 ] || die "wants root"
work=$(mktemp -d -p "$out")
trap 'rm -rf --one-file-system "$work"' EXIT
say "unpacking Debian with systemd, cloud-init and a guest agent (see $out/debian.log)"
unpack
say "making the disk"
settle
divide
put_loaders
make_disk
# By rename: a base image in use stays what it was.
mv "$work/debian.qcow2" "$out/"
say "$(stat -c %s "$out/debian.qcow2" | awk '{printf "%.0f MB", $1 / 1e6}') in ${out##*/}/debian.qcow2"
