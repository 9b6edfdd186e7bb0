# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # sourced after common.sh
#
# plane.sh: the lab's bus, control plane and agents: their configuration, their rows for the supervisor, and whether they
# are well.

# The first port from $1 on that nobody listens on.
free_port() {
    local port=$1
    while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# Chooses the ports once; $lab/ports is sourced by whoever needs them later.
choose_ports() {
    {
        echo "api_port=$(free_port 8774)"
        echo "image_port=$(free_port 9292)"
        echo "bus_port=$(free_port 9092)"
        echo "console_port=$(free_port 6080)"
        echo "health_port=$(free_port 9101)"
    } >"$lab/ports"
}

read_ports() {
    # shellcheck source=/dev/null
    source "$lab/ports"
    api=http://127.0.0.1:$api_port
}

bus_conf() {
    echo '[bus]'
    if [ "$1" = kafka ]; then
        echo "brokers = 127.0.0.1:$bus_port"
    else
        echo 'brokers = embedded'
        echo "embedded_port = $bus_port"
    fi
}

# Two files: agents live on hosts, and hosts know nothing of the database.
write_conf() {
    local bus=$1
    mkdir -p "$lab/conf" "$lab/images" "$lab/volumes"
    {
        bus_conf "$bus"
        echo "key_file = $lab/conf/bus.key"
        cat <<-END
		[db]
		url = $(database_url kilonova)
		[api]
		listen = 127.0.0.1:$api_port
		[console]
		listen = 127.0.0.1:$console_port
		[identity]
		key_file = $lab/conf/token.key
		lockout_failure_attempts = 2
		lockout_duration_s = 5
		unique_last_password_count = 2
		[image]
		store_dir = $lab/images
		data_listen = 127.0.0.1:$image_port
		[volume]
		file_dir = $lab/volumes
		backup_dir = $lab/backups
		key_file = $lab/conf/volume.key
		END
    } >"$lab/conf/kilonova.conf"
    bus_conf "$bus" >"$lab/conf/agent.conf"
    (umask 077 && head -c 32 /dev/urandom >"$lab/conf/volume.key")
    "$bin/kilonova" --config "$lab/conf/kilonova.conf" bus key >"$log/keys.log"
}

bus_start() {
    if [ "$1" = kafka ]; then
        KAFKA_PORT=$bus_port KAFKA_DIR=$lab/kafka "$root/deploy/kafka/kafka.sh" prepare
        ask add bus log="$log/bus.log" grace=10000 -- \
            env KAFKA_PORT="$bus_port" KAFKA_DIR="$lab/kafka" "$root/deploy/kafka/kafka.sh" run
    else
        ask add bus log="$log/bus.log" -- "$bin/kilonova-broker" --port "$bus_port"
    fi
    until_true 60 eval "(: <'/dev/tcp/127.0.0.1/$bus_port')" || die "the bus does not answer; see $log/bus.log"
}

# name binary [host]: one more daemon of the control plane; each has a port for /healthz and /metrics. A daemon is known by its
# binary and its host, so that a second one of a kind says that it lives on another.
daemon_add() {
    ask add "$1" cwd="$lab" log="$log/$1.log" -- "$bin/$2" --config "$lab/conf/kilonova.conf" \
        --set "daemon.host=${3:-control}" --set "daemon.health_listen=127.0.0.1:$health_port"
    echo "$1 $health_port" >>"$lab/health"
    health_port=$(free_port $((health_port + 1)))
}

daemons_start() {
    : >"$lab/health"
    daemon_add api kilonova-api
    daemon_add conductor-1 kilonova-conductor
    daemon_add conductor-2 kilonova-conductor control-2
    daemon_add scheduler kilonova-scheduler
    daemon_add network kilonova-network
    daemon_add volume kilonova-volume
    daemon_add image kilonova-image
}

healthy() { curl -fsS -m 2 -o "$lab/healthz" "http://127.0.0.1:$1/healthz"; }

daemons_await() {
    local name port
    while read -r name port; do
        until_true 30 healthy "$port" || die "$name is not well; see $log/$name.log"
    done <"$lab/health"
}

agents_start() {
    local host into=()
    for host in $(hosts); do into+=(--into "$ns/$host/net"); done
    ask add forward log="$log/forward.log" -- \
        "$bin/kilonova-forward" "${into[@]}" --port "$bus_port" --port "$image_port" --port "$console_port"
    # Outside, where floating IPs are, clients live: what they ask is there, too, and nothing of what is the cloud's own.
    ask add forward-outside log="$log/forward.log" -- \
        "$bin/kilonova-forward" --into "$ns/underlay" --port "$api_port" --port "$console_port"
    for host in $(hosts); do
        "$bin/kilonova" --config "$lab/conf/kilonova.conf" agent key "$host" "$lab/conf/agent-$host.key" >>"$log/keys.log"
        ask add "agent-$host" ns="$ns/$host" log="$log/agent-$host.log" -- \
            "$bin/kilonova-agent" --config "$lab/conf/agent.conf" --set "agent.host=$host" \
            --set "agent.key_file=$lab/conf/agent-$host.key" \
            --set "agent.underlay_address=10.99.0.$((10 + ${host#h}))" --set agent.physical_networks=public:ext0 \
            --set "agent.state_dir=$lab/hosts/$host/agent" --set "agent.cache_dir=$lab/hosts/$host/cache-images"
    done
}
