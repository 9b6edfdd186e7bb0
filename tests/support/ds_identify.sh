#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# ds_identify.sh --fetch DIR           unpacks Debian's cloud-init into DIR (never installed); what is there stays.
# ds_identify.sh DIR VALUES SCRATCH    what its ds-identify decides in a virtual machine whose firmware says VALUES, a file of lines
#                                      "dmi NAME=VALUE": prints the configuration that it writes, its status is ds-identify's.
set -euo pipefail
if [ "$1" = --fetch ]; then
    dir=$2
    [ ! -e "$dir/usr/lib/cloud-init/ds-identify" ] || exit 0
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    retry=$PWD/lab/retry.sh
    (cd "$work" && "$retry" apt-get -qq -o APT::Sandbox::User=root download cloud-init) >&2
    mkdir -p "$dir"
    dpkg-deb -x "$work"/cloud-init_*.deb "$dir"
    exit 0
fi
dir=$1 values=$2 root=$3
mkdir -p "$root"/{sys/class/dmi/id,proc/1,run,bin}
sed -n 's/^dmi //p' "$values" | while IFS='=' read -r name value; do
    printf '%s\n' "$value" >"$root/sys/class/dmi/id/$name"
done
: >"$root/proc/cmdline" >"$root/proc/1/environ"
printf init >"$root/proc/1/cmdline"
# This machine may be a container, where ds-identify does not look at the firmware; the guest is not.
printf '#!/bin/sh\necho qemu\n' >"$root/bin/systemd-detect-virt"
chmod 755 "$root/bin/systemd-detect-virt"
status=0
PATH=$root/bin:$PATH PATH_ROOT=$root sh "$dir/usr/lib/cloud-init/ds-identify" || status=$?
cat "$root/run/cloud-init/cloud.cfg"
exit $status
