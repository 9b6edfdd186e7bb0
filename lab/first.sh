# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # sourced after common.sh and client.sh
#
# first.sh: a tenant and its first server, by the API alone: project, user, image, flavor, network, keypair, server; then ping
# and ssh into the guest from the host that carries it.

key=$lab/id_ed25519

# admin_password demo_password: the project demo with the user demo as its member.
make_tenant() {
    local project user role
    login admin "$1" admin
    project=$(post /identity/v3/projects '{project: {name: "demo", domain_id: "default"}}' | jq -r .project.id)
    user=$(post /identity/v3/users '{user: {name: "demo", domain_id: "default", password: $password}}' \
        --arg password "$2" | jq -r .user.id)
    role=$(call GET '/identity/v3/roles?name=member' | jq -r '.roles[0].id')
    call PUT "/identity/v3/projects/$project/users/$user/roles/$role" >/dev/null
}

# The administrator's part: what everybody may use.
upload_image() {
    local id
    id=$(post /image/v2/images \
        '{name: "guest", disk_format: "qcow2", container_format: "bare", visibility: "public", min_ram: 128}' | jq -r .id)
    call PUT "/image/v2/images/$id/file" -H 'Content-Type: application/octet-stream' -T "$lab/guest/guest.qcow2" >/dev/null
    [ "$(call GET "/image/v2/images/$id" | jq -r .status)" = active ] || die "the image did not become active"
    echo "$id" >"$lab/first.image"
}

make_flavors() {
    post /compute/v2.1/flavors '{flavor: {name: "tiny", vcpus: 1, ram: 128, disk: 1}}' >"$lab/first.flavor"
    post /compute/v2.1/flavors '{flavor: {name: "small", vcpus: 1, ram: 256, disk: 2}}' >/dev/null
}

# Hosts say by themselves which physical networks they have: one that nobody has said yet is unknown.
make_public() {
    call POST /network/v2.0/networks -H 'Content-Type: application/json' \
        -d '{"network": {"name": "public", "router:external": true, "provider:network_type": "flat",
            "provider:physical_network": "public"}}' >"$lab/first.public" 2>"$log/public.log"
}

make_external_network() {
    until_true 60 make_public || die "no external network: $(<"$log/public.log")"
    post /network/v2.0/subnets \
        '{subnet: {name: "public-subnet", network_id: $id, ip_version: 4, cidr: "172.24.4.0/24", enable_dhcp: false}}' \
        --arg id "$(jq -r .network.id "$lab/first.public")" >/dev/null
}

# The tenant's part.
make_network() {
    local id
    id=$(post /network/v2.0/networks '{network: {name: "demo-net"}}' | jq -r .network.id)
    post /network/v2.0/subnets \
        '{subnet: {name: "demo-subnet", network_id: $id, ip_version: 4, cidr: "192.168.40.0/24"}}' --arg id "$id" \
        >/dev/null
    echo "$id" >"$lab/first.network"
    make_router
    open_default_group
}

# A project's default group lets nobody in: pings and TCP are let in here.
open_default_group() {
    local protocol group
    group=$(call GET '/network/v2.0/security-groups?name=default' | jq -r '.security_groups[0].id')
    for protocol in icmp tcp; do
        post /network/v2.0/security-group-rules '{security_group_rule: {security_group_id: $group, direction: "ingress",
                ethertype: "IPv4", protocol: $protocol}}' --arg group "$group" --arg protocol "$protocol" >/dev/null
    done
}

# What leads from the tenant's network outside.
make_router() {
    local id subnet
    id=$(post /network/v2.0/routers '{router: {name: "demo-router", external_gateway_info: {network_id: $id}}}' \
        --arg id "$(jq -r .network.id "$lab/first.public")" | jq -r .router.id)
    subnet=$(call GET /network/v2.0/subnets?name=demo-subnet | jq -r '.subnets[0].id')
    jq -n --arg id "$subnet" '{subnet_id: $id}' | call PUT "/network/v2.0/routers/$id/add_router_interface" \
        -H 'Content-Type: application/json' --data-binary @- >/dev/null
}

make_keypair() {
    rm -f "$key" "$key.pub"
    ssh-keygen -q -t ed25519 -N '' -C kilonova-lab -f "$key"
    post /compute/v2.1/os-keypairs '{keypair: {name: "demo-key", public_key: $key}}' --rawfile key "$key.pub" >/dev/null
}

boot_server() {
    post /compute/v2.1/servers '{server: {name: "first", imageRef: $image, flavorRef: $flavor, key_name: "demo-key",
            networks: [{uuid: $network}]}}' \
        --arg image "$(<"$lab/first.image")" --arg flavor "$(jq -r .flavor.id "$lab/first.flavor")" \
        --arg network "$(<"$lab/first.network")" | jq -r .server.id >"$lab/first.server"
}

server() { call GET "/compute/v2.1/servers/$(<"$lab/first.server")"; }

settled() { [[ $(server | jq -r .server.status) =~ ^(ACTIVE|ERROR)$ ]]; }

await_active() {
    until_true 120 settled || die "the server is still building: $(server)"
    server >"$lab/first.json"
    [ "$(jq -r .server.status "$lab/first.json")" = ACTIVE ] ||
        die "the server failed: $(jq -r '.server.fault.message' "$lab/first.json")"
}

console() {
    post "/compute/v2.1/servers/$(<"$lab/first.server")/action" '{"os-getConsoleOutput": {length: null}}' |
        jq -r .output
}

# Asked now and then: on a small machine asking takes CPU from the guest that boots.
is_ready() { console | grep -q GUEST-READY || { sleep 0.5 && false; }; }
await_ready() { until_true 120 is_ready || die "the guest is not ready; its console: $(console | tail -5)"; }

first_address() { jq -r '[.server.addresses[][]][0].addr' "$lab/first.json"; }
first_host() {
    # Only the administrator sees where a server is; the lab asks the hosts.
    local host
    for host in $(hosts); do
        if in_host "$host" virsh -q -c qemu:///system list --uuid | grep -q "$(<"$lab/first.server")"; then
            echo "$host"
        fi
    done
}

# Runs a command next to the guest: in its network's namespace on its host.
beside_first() { in_host "$(first_host)" ip netns exec "kn-$(cut -c-8 "$lab/first.network")" "$@"; }

ssh_first() {
    beside_first ssh -i "$key" -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "root@$(first_address)" "$@"
}

reach_first() {
    beside_first ping -q -c 1 -W 5 "$(first_address)" >"$log/ping.log" || die "the guest does not answer a ping"
    [ "$(ssh_first hostname)" = first ] || die "ssh into the guest failed"
}
