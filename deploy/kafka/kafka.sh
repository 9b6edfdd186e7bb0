#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kafka.sh: one Apache Kafka node (KRaft, no ZooKeeper), for a lab, for tests and for a try on several machines.
#
#   kafka.sh up        in the background; returns when the port answers; nothing if it does already
#   kafka.sh down      ends it and forgets what it held
#   kafka.sh prepare   fetches the jars (once) and formats the data directory (if there is none)
#   kafka.sh run       in the foreground, prepared before: for a supervisor
#   kafka.sh classes   makes what lets the next ones start in two thirds of the time: starts one and ends it
#   kafka.sh agent ID  makes tls/agent-ID.pem and .key: whoever shows them may read kn.agent.ID, write kn.reply, kn.report, kn.answer
#                      and kn.dead, and nothing else; makes kn.agent.ID, too
#
# KAFKA_HOST (127.0.0.1), KAFKA_PORT (9092), KAFKA_CONTROLLER_PORT (KAFKA_PORT + 10000) and KAFKA_DIR (build/kafka) choose where. The jars
# and all that Maven keeps stay in build/kafka as well. With KAFKA_TLS=1 everybody shows a certificate of the authority that is made in
# KAFKA_DIR/tls: the control plane kilonova.pem, which may do everything, and agents as above. Needs Java 17 and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$here/../.." && pwd)/build/kafka
mkdir -p "$build" "${KAFKA_DIR:=$build}"
dir=$(cd "$KAFKA_DIR" && pwd)
host=${KAFKA_HOST:-127.0.0.1}
port=${KAFKA_PORT:-9092}
controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 10000))}
jars=$build/jars
# Compiled once and quickly (C1): what the second compiler gains, a node of this size never earns back.
java=(java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData "-Djava.io.tmpdir=$dir/tmp"
    "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$jars/*")
# Classes as they stand in memory once they are loaded (java(1), CDS): a third of a start's work is to load them.
classes=$build/classes.jsa
[ ! -s "$classes" ] || java+=("-XX:SharedArchiveFile=$classes")

say() { printf '%-11s %s\n' kafka "$*"; }
die() { say "$*" >&2; exit 1; }

# Once, however many ask at the same time.
fetch() {
    local lock
    mkdir -p "$build"
    exec {lock}> "$build/fetch.lock"
    flock "$lock"
    fetch_locked
    exec {lock}>&-
}

fetch_locked() {
    [ -d "$jars" ] && return
    say "resolving the published jars with Maven"
    rm -rf "$jars.new"
    "$here/../../lab/retry.sh" mvn -q -B -f "$here/pom.xml" -Dmaven.repo.local="$build/m2" -DoutputDirectory="$jars.new" \
        dependency:copy-dependencies >"$dir/maven.log" 2>&1 ||
        { cat "$dir/maven.log" >&2; die "Maven did not resolve them"; }
    mv "$jars.new" "$jars"
}

# A key and a certificate of our authority; the pair in one file is what Java wants.
certify() { # NAME
    [ -s "$dir/tls/$1.pair" ] && return
    (umask 077 && mkdir -p "$dir/tls" && cd "$dir/tls" && {
        [ -s ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=kilonova bus" -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
        openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile <(echo "subjectAltName=IP:$host") -out "$1.pem"
        cat "$1.key" "$1.pem" >"$1.pair"
    } >>"$dir/format.log" 2>&1) || die "no certificate for $1; see $dir/format.log"
}

configure() {
    local protocol=PLAINTEXT parts=("$here/server.properties")
    if [ -n "${KAFKA_TLS:-}" ]; then
        certify broker
        certify kilonova
        protocol=SSL parts+=("$here/tls.properties")
    fi
    sed "s|@PORT@|$port|; s|@CONTROLLER_PORT@|$controller_port|; s|@DIR@|$dir|; s|@HOST@|$host|; s|@PROTOCOL@|$protocol|" "${parts[@]}" \
        >"$dir/server.properties"
}

format() {
    local id
    mkdir -p "$dir/tmp"
    configure
    [ -d "$dir/data" ] && return
    id=A$(head -c 15 /dev/urandom | basenc --base64url)A # a cluster's name: 128 bits, so written
    "${java[@]}" kafka.tools.StorageTool format --standalone -t "$id" -c "$dir/server.properties" >>"$dir/format.log" 2>&1 ||
        { rm -rf "$dir/data"; cat "$dir/format.log" >&2; die "the data directory was not formatted"; }
}

answers() { (: <"/dev/tcp/$host/$port") 2>/dev/null; }
runs() { [ -s "$dir/kafka.pid" ] && kill -0 "$(cat "$dir/kafka.pid")" 2>/dev/null; }

up() {
    if runs && answers; then
        say "runs already on $host:$port"
        return
    fi
    ! answers || die "port $port is in use by something else"
    fetch
    format
    setsid "$BASH" "${BASH_SOURCE[0]}" "${1:-run}" >>"$dir/kafka.log" 2>&1 </dev/null &
    echo $! >"$dir/kafka.pid"
    for _ in $(seq 600); do
        if answers; then
            say "ready on $host:$port"
            return
        fi
        runs || die "ended at once; see $dir/kafka.log"
        sleep 0.1
    done
    die "does not answer after 60 s; see $dir/kafka.log"
}

down() {
    local pid
    if runs; then
        pid=$(cat "$dir/kafka.pid")
        kill "$pid"
        for _ in $(seq "${1:-100}"); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        ! kill -9 "$pid" 2>/dev/null || say "had to be killed"
    fi
    rm -rf "$dir"/{data,tmp,tls,kafka.pid,kafka.log,format.log,maven.log,agents.log,server.properties,client.properties}
}

tool() { # CLASS ARGUMENTS...: one of Kafka's own commands, as kilonova
    "${java[@]}" "org.apache.kafka.tools.$1" --bootstrap-server "$host:$port" --command-config "$dir/client.properties" "${@:2}" \
        >>"$dir/agents.log" 2>&1 || { tail -5 "$dir/agents.log" >&2; die "$1 failed"; }
}

agent() { # ID
    [[ ${1:-} =~ ^[A-Za-z0-9._-]+$ ]] || die "usage: kafka.sh agent ID"
    [ -n "${KAFKA_TLS:-}" ] || die "without KAFKA_TLS=1 everybody may do everything"
    certify "agent-$1"
    printf '%s\n' security.protocol=SSL ssl.keystore.type=PEM "ssl.keystore.location=$dir/tls/kilonova.pair" ssl.truststore.type=PEM \
        "ssl.truststore.location=$dir/tls/ca.pem" >"$dir/client.properties"
    tool TopicCommand --create --if-not-exists --topic "kn.agent.$1" --partitions 1 --replication-factor 1
    tool AclCommand --add --allow-principal "User:agent-$1" --operation Read --operation Describe --topic "kn.agent.$1"
    tool AclCommand --add --allow-principal "User:agent-$1" --operation Write --operation Describe --topic kn.reply --topic kn.report --topic kn.answer --topic kn.dead
    say "agent-$1 may speak for kn.agent.$1: $dir/tls/agent-$1.pem"
}

case ${1:-} in
up) up ;;
agent) agent "${@:2}" ;;
down) down ;;
prepare) fetch && format ;;
run) exec "${java[@]}" kafka.Kafka "$dir/server.properties" ;;
classes)
    : >"$classes" # made or not, it is tried once
    up learn
    down 900
    ;;
learn) exec "${java[@]}" "-XX:ArchiveClassesAtExit=$classes" kafka.Kafka "$dir/server.properties" ;;
*) die "usage: kafka.sh up | down | prepare | run | classes | agent ID" ;;
esac
