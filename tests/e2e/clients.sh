#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The commands that a user of OpenStack types, by unmodified clients, against a cloud that runs.
#
#   tests/e2e/clients.sh PROGRAM…      each PROGRAM is an `openstack`: /usr/bin/openstack, …/venv/bin/openstack
#
# Wants: OS_CLIENT_CONFIG_FILE with the clouds "kilonova" (admin) and "kilonova-demo" (member). KN_GUEST: an image file for the guests
# (default: a disk of zeros, which is enough for simulated hosts). Leaves nothing behind. One line a command, PASS or FAIL with
# what it said; exits non-zero if one failed.
set -u

: "${OS_CLIENT_CONFIG_FILE:?the path of a clouds.yaml}"
export OS_CLIENT_CONFIG_FILE PYTHONWARNINGS=ignore
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0 client='' prefix='' out=''

# run CLOUD WORDS…: one command; its output is in $out.
run() {
    local cloud=$1
    shift
    out=$("$client" --os-cloud "$cloud" "$@" 2>"$dir/err")
}

tell() { # tell PASS|FAIL NAME [WHY]
    if [ "$1" = PASS ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    printf '%s  %s  %s%s\n' "$1" "$prefix" "$2" "${3:+: $3}"
}

# ok CLOUD WORDS…: must succeed. has PATTERN: the last output must hold it.
ok() {
    if run "$@"; then
        tell PASS "${*:2}"
    else
        tell FAIL "${*:2}" "$(tail -c 600 "$dir/err")"
        return 1
    fi
}
has() {
    if ! grep -Eq -- "$1" <<<"$out"; then
        tell FAIL "output has $1" "$(head -c 600 <<<"$out")"
        return 1
    fi
}
# refused PATTERN CLOUD WORDS…: must fail and say so.
refused() {
    local pattern=$1
    shift
    if run "$@"; then
        tell FAIL "${*:2}" "it succeeded"
    elif grep -Eq -- "$pattern" "$dir/err"; then
        tell PASS "refused: ${*:2}"
    else
        tell FAIL "refused: ${*:2}" "$(tail -c 600 "$dir/err")"
    fi
}
# ok_file GOT WANTED: two files are the same.
ok_file() { cmp -s "$1" "$2" || tell FAIL "$1 is $2" "$(cmp "$1" "$2" 2>&1)"; }
admin() { ok kilonova "$@"; }
demo() { ok kilonova-demo "$@"; }

# until_is NOUN STATUS NAME [CLOUD]: asks for up to two minutes.
until_is() {
    local end=$((SECONDS + 120))
    while [ $SECONDS -lt $end ]; do
        # shellcheck disable=SC2086 # words
        run "${4-kilonova-demo}" $1 show "$3" -f value -c status && [ "$out" = "$2" ] && return 0
    done
    tell FAIL "$1 $3 becomes $2" "$out"
    return 1
}
# until_gone NOUN NAME: there is none of that name any more.
until_gone() {
    local end=$((SECONDS + 120))
    while [ $SECONDS -lt $end ]; do
        # shellcheck disable=SC2086 # words
        run kilonova-demo $1 list -f value -c Name && ! grep -qx -- "$2" <<<"$out" && return 0
    done
    tell FAIL "$1 $2 goes" "$out"
    return 1
}
until_status() { until_is server "$@"; }
until_volume() { until_is volume "$@"; }
until_image() { until_is image "$@"; }

identity() {
    demo token issue -f value -c project_id && has '^[0-9a-f]{32}$'
    demo catalog list -f value && has compute && has image && has network && has identity
    refused 'HTTP 401|requires authentication|disallowed|Unauthorized' kilonova-demo --os-password wrong-one token issue
}

# Who is who, by the cloud's administrator: everything in a domain that is taken away whole at the end.
accounts() {
    local there=(--group-domain "$n-domain" --project-domain "$n-domain")
    admin domain create "$n-domain" -f value -c enabled && has '^True$'
    admin project create --domain "$n-domain" --tag "$n-blue" "$n-project" -f value -c name
    admin project list --tags "$n-blue" -f value -c Name && has "^$n-project$"
    admin user create --domain "$n-domain" --password s3cret --email a@b.example "$n-user" -f json && has a@b.example
    admin group create --domain "$n-domain" "$n-group" -f value -c name
    admin group add user --group-domain "$n-domain" --user-domain "$n-domain" "$n-group" "$n-user"
    admin group contains user --group-domain "$n-domain" --user-domain "$n-domain" "$n-group" "$n-user"
    admin role create "$n-role" -f value -c name
    admin implied role create "$n-role" --implied-role reader
    admin role add --group "$n-group" "${there[@]}" --project "$n-project" "$n-role"
    admin role assignment list --names --effective --user "$n-user" --user-domain "$n-domain" -f value && has "$n-role" && has reader
    admin service create --name "$n-service" "$n-type" -f value -c enabled && has '^True$'
    admin endpoint create --region RegionOne "$n-service" public http://127.0.0.1:1 -f value -c interface
    admin endpoint list --service "$n-service" -f value -c URL && has '^http://127.0.0.1:1$'
    admin region list -f value && has '^RegionOne'
    demo application credential create --role member --expiration 2100-01-01T00:00:00 "$n-app" -f value -c name
    demo application credential list -f value -c Name && has "^$n-app$"
    demo application credential delete "$n-app"
    refused 'HTTP 403|Forbidden|not authorized' kilonova-demo user list
    admin service delete "$n-service"
    admin role delete "$n-role"
    admin domain set --disable "$n-domain"
    admin domain delete "$n-domain"
}

images() {
    local other
    run kilonova project show admin -f value -c id && other=$out
    demo image set --property colour=blue --tag nice --min-ram 64 "$n-image"
    demo image show "$n-image" -f json && has blue && has nice && has '"min_ram": 64'
    demo image save --file "$dir/saved" "$n-image" && ok_file "$dir/saved" "$dir/guest"
    demo image set --shared "$n-image"
    demo image add project "$n-image" "$other" -f value -c status && has '^pending$'
    demo image member list "$n-image" -f value && has "$other pending"
    demo image remove project "$n-image" "$other"
    admin image set --deactivate "$n-image" # clients word the 403 in ways of their own
    refused '403|deactivated|Forbidden|checksum mismatch|InvalidResponse' kilonova-demo image save --file "$dir/saved" "$n-image"
    admin image set --activate "$n-image"
    demo image set --protected "$n-image"
    refused '403|protected|Forbidden' kilonova-demo image delete "$n-image"
    demo image set --unprotected "$n-image"
    qemu-img create -q -f vmdk "$dir/disk.vmdk" 8M
    demo image create --import --file "$dir/disk.vmdk" --disk-format vmdk --container-format bare "$n-vmdk" -f value -c name &&
        until_image active "$n-vmdk" && run kilonova-demo image show "$n-vmdk" -f json && has '"disk_format": "qcow2"'
    demo image delete "$n-vmdk"
}

prepare() {
    admin flavor create --ram 128 --disk 1 --vcpus 1 "$n-flavor" -f json && has '"ram": 128'
    demo flavor list -f value -c Name && has "^$n-flavor$"
    demo image create --file "$dir/guest" --disk-format "${KN_GUEST_FORMAT:-raw}" --container-format bare "$n-image" -f value -c status
    demo image list -f value -c Name -c Status && has "^$n-image active$"
    demo image show "$n-image" -f value -c status && has '^active$'
    demo keypair create --public-key "$dir/key.pub" "$n-key" -f value -c name
    demo keypair list -f value -c Name && has "^$n-key$"
    demo network create "$n-net" -f value -c status && has '^ACTIVE$'
    demo subnet create --network "$n-net" --subnet-range 10.77.0.0/24 "$n-subnet" -f value -c cidr && has '^10.77.0.0/24$'
}

servers() {
    demo server create --image "$n-image" --flavor "$n-flavor" --network "$n-net" --key-name "$n-key" --user-data "$dir/user-data" \
        --property role=web --wait "$n-one" -f json && has '"status": "ACTIVE"'
    demo server list -f value -c Name -c Status && has "^$n-one ACTIVE$"
    demo server show "$n-one" -f json && has "10\\.77\\.0\\." && has "$n-key" && has role
    demo port list --server "$n-one" -f value -c 'Fixed IP Addresses' && has '10\.77\.0\.'
    demo console log show "$n-one"
    local step
    for step in 'stop SHUTOFF' 'start ACTIVE' 'pause PAUSED' 'unpause ACTIVE' 'suspend SUSPENDED' 'resume ACTIVE'; do
        # shellcheck disable=SC2086
        set -- $step
        demo server "$1" "$n-one" && until_status "$2" "$n-one"
    done
    demo server reboot --wait "$n-one"
    demo server reboot --hard --wait "$n-one"
    demo server event list "$n-one" -f value -c Action && has '^create$' && has '^reboot$' && has '^suspend$'
    local request=''
    run kilonova-demo server event list "$n-one" -f value -c 'Request ID' && request=$(tail -1 <<<"$out")
    demo server event show "$n-one" "$request" -f json && has '"action": "create"'
    demo server set --property colour=blue "$n-one" && run kilonova-demo server show "$n-one" -f json && has blue
    refused 'Invalid key_name' kilonova-demo server create --image "$n-image" --flavor "$n-flavor" --network "$n-net" --key-name nokey "$n-bad"
}

# import_record URL: as Cinder has it; openstackclient's own command asks another address with openstacksdk 4.22, that of exports. What the cloud answered is in $out.
import_record() {
    local token door
    run kilonova token issue -f value -c id && token=$out
    run kilonova catalog show volumev3 -f json && door=$(grep -oE 'http[^" ]*/volume/v3/[0-9a-f]+' <<<"$out" | head -1)
    out=$(curl -s -H "X-Auth-Token: $token" -H 'Content-Type: application/json' "$door/backups/import_record" \
        -d '{"backup-record": {"backup_service": "cinder.backup.drivers.posix.PosixBackupDriver", "backup_url": "'"$1"'"}}')
}

# A record of a backup, imported by another id: the bytes are one's as well as the other's.
backup_record() {
    local id url again
    again=$(cat /proc/sys/kernel/random/uuid)
    demo volume backup show "$n-backup" -f value -c id && id=$out
    refused '403|backup:export-import' kilonova-demo volume backup record export "$id"
    admin volume backup record export "$id" -f value -c backup_url && url=$(base64 -d <<<"$out" | sed "s/$id/$again/" | base64 -w 0)
    import_record "$url" && has "$again"
    until_is 'volume backup' available "$again" kilonova && admin volume backup delete "$again"
    import_record bm8= && has 'parse backup record'
}

volumes() {
    demo volume create --size 1 "$n-volume" -f value -c name && until_volume available "$n-volume"
    demo volume list -f value -c Name && has "^$n-volume$"
    demo server add volume "$n-one" "$n-volume" && until_volume in-use "$n-volume"
    demo volume show "$n-volume" -f json && has "$n-one|server_id"
    demo --os-volume-api-version 3.70 volume attachment list -f value -c Status && has '^attached$'
    demo volume backup create --force --name "$n-held" "$n-volume" -f value -c name && until_is 'volume backup' available "$n-held"
    demo volume backup delete "$n-held" && until_gone 'volume backup' "$n-held"
    demo server remove volume "$n-one" "$n-volume" && until_volume available "$n-volume"
    demo volume snapshot create --volume "$n-volume" "$n-snapshot" -f value -c size && until_is 'volume snapshot' available "$n-snapshot"
    refused '400|must not have snapshots' kilonova-demo volume delete "$n-volume"
    demo volume create --snapshot "$n-snapshot" "$n-copy" -f value -c name && until_volume available "$n-copy"
    demo volume backup create --name "$n-backup" "$n-volume" -f value -c name && until_is 'volume backup' available "$n-backup"
    demo volume backup create --incremental --name "$n-more" "$n-volume" -f value -c name && until_is 'volume backup' available "$n-more"
    demo volume backup show "$n-more" -f value -c is_incremental && has '^True$'
    refused '400|Incremental backups exist' kilonova-demo volume backup delete "$n-backup"
    demo volume backup restore --force "$n-more" "$n-copy" -f value -c volume_id && until_volume available "$n-copy"
    demo volume backup restore "$n-more" "$n-back" -f value -c volume_id && until_volume available "$n-back"
    backup_record
    demo volume backup delete "$n-more" && until_gone 'volume backup' "$n-more"
    demo volume backup delete "$n-backup" && until_gone 'volume backup' "$n-backup"
    demo server create --flavor tiny --nic none --boot-from-volume 1 --image guest --wait "$n-bfv" -f value -c status && has '^ACTIVE$'
    demo server volume list "$n-bfv" -f value -c Device && has '^/dev/vda$'
    demo server delete --wait "$n-bfv"
    demo volume snapshot delete "$n-snapshot"
    until_gone 'volume snapshot' "$n-snapshot"
    demo volume delete "$n-volume" "$n-copy" "$n-back"
    for noun in attachment group message 'group snapshot' 'transfer request' backup snapshot; do # what there is none of is said to be none
        # shellcheck disable=SC2086 # words
        demo --os-volume-api-version 3.70 volume $noun list -f value
    done
    ok kilonova volume type list --encryption-type -f value && has file
}

# A group that lets ssh in, and a way in from outside.
networks() {
    demo security group create "$n-group" -f value -c name
    demo security group rule create --protocol tcp --dst-port 22 --remote-ip 0.0.0.0/0 "$n-group" -f json && has '"port_range_min": 22'
    demo server add security group "$n-one" "$n-group" && run kilonova-demo server show "$n-one" -f json && has "$n-group"
    refused '409|in use|Conflict' kilonova-demo security group delete "$n-group"
    demo server remove security group "$n-one" "$n-group"
    demo security group delete "$n-group"
    demo router create "$n-router" -f value -c status
    demo router set --external-gateway public "$n-router"
    demo router add subnet "$n-router" "$n-subnet"
    demo port list --server "$n-one" -f value -c ID
    demo floating ip create --port "$out" public -f value -c floating_ip_address
    local address=$out
    demo floating ip list -f value -c 'Floating IP Address' -c 'Fixed IP Address' && has "^$address 10\\.77\\.0\\."
    refused '409|Conflict|required by' kilonova-demo router remove subnet "$n-router" "$n-subnet"
    demo floating ip delete "$address"
    demo router remove subnet "$n-router" "$n-subnet"
    demo router delete "$n-router"
}

operator() {
    admin hypervisor list -f value -c 'Hypervisor Hostname' -c State && has ' up$'
    admin hypervisor show "$(awk 'NR == 1 {print $1}' <<<"$out")" -f json && has '"state": "up"'
    admin compute service list -f value -c Binary -c State && has '^nova-compute up$' && has '^nova-conductor up$'
    admin server list --all-projects -f value -c Name && has "^$n-one$"
    admin availability zone list --compute -f value && has '^nova available'
    demo quota show -f json && has instances
    demo limits show --absolute -f value && has 'max_?[tT]otal_?[iI]nstances'
    refused 'HTTP 403|Forbidden|Policy|not authorized' kilonova-demo hypervisor list
}

# What was made goes again; the servers first, and gone when the command returns.
clear_away() {
    demo server delete --wait "$n-one"
    refused 'No [Ss]erver found|No server with' kilonova-demo server show "$n-one"
    demo subnet delete "$n-subnet"
    demo network delete "$n-net"
    demo keypair delete "$n-key"
    demo image delete "$n-image"
    admin flavor delete "$n-flavor"
}

# Several clients at once, each in a process of its own.
side_by_side() {
    local program i=0 codes=0
    for program in "$@"; do
        i=$((i + 1))
        "$0" "$program" >"$dir/$i.out" 2>&1 &
    done
    while wait -n; [ $? -ne 127 ]; do :; done
    for ((i = 1; i <= $#; i++)); do
        cat "$dir/$i.out"
        tail -1 "$dir/$i.out" | grep -q '[1-9][0-9]* passed, 0 failed' || codes=1
    done
    awk '/^clients: / {p += $2; f += $4} END {printf "clients: %d passed, %d failed, 0 skipped\n", p, f}' "$dir"/*.out
    return $codes
}

if [ $# -gt 1 ]; then
    side_by_side "$@"
    exit
fi
client=${1:?an openstack program}
prefix=$("$client" --version 2>/dev/null | awk '{print $2}')
n="c$$-${prefix//./-}"
started=$SECONDS
head -c 1048576 /dev/zero >"$dir/zeros"
cp "${KN_GUEST:-$dir/zeros}" "$dir/guest"
printf '#!/bin/sh\necho hello\n' >"$dir/user-data"
ssh-keygen -q -t ed25519 -N '' -C clients -f "$dir/key"
identity
accounts
prepare
images
servers
volumes
networks
operator
clear_away
echo "openstackclient $prefix: $((SECONDS - started)) s"
echo "clients: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
