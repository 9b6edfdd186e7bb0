#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kafka.sh: one Apache Kafka node (KRaft, no ZooKeeper) on 127.0.0.1, for a lab and for tests.
#
#   kafka.sh up        in the background; returns when the port answers; nothing if it does already
#   kafka.sh down      ends it and forgets what it held
#   kafka.sh prepare   fetches the jars (once) and formats the data directory (if there is none)
#   kafka.sh run       in the foreground, prepared before: for a supervisor
#
# KAFKA_PORT (9092), KAFKA_CONTROLLER_PORT (KAFKA_PORT + 10000) and KAFKA_DIR (build/kafka) choose where. The jars and all that Maven
# keeps stay in build/kafka as well. Needs Java 17 and Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$here/../.." && pwd)/build/kafka
mkdir -p "$build" "${KAFKA_DIR:=$build}"
dir=$(cd "$KAFKA_DIR" && pwd)
port=${KAFKA_PORT:-9092}
controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 10000))}
jars=$build/jars
java=(java -Xmx256m -XX:+UseSerialGC -XX:-UsePerfData "-Djava.io.tmpdir=$dir/tmp"
    "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$jars/*")

say() { printf '%-11s %s\n' kafka "$*"; }
die() { say "$*" >&2; exit 1; }

fetch() {
    [ -d "$jars" ] && return
    say "resolving the published jars with Maven"
    rm -rf "$jars.new"
    "$here/../../lab/retry.sh" mvn -q -B -f "$here/pom.xml" -Dmaven.repo.local="$build/m2" -DoutputDirectory="$jars.new" \
        dependency:copy-dependencies >"$dir/maven.log" 2>&1 ||
        { cat "$dir/maven.log" >&2; die "Maven did not resolve them"; }
    mv "$jars.new" "$jars"
}

format() {
    local id
    mkdir -p "$dir/tmp"
    sed "s|@PORT@|$port|; s|@CONTROLLER_PORT@|$controller_port|; s|@DIR@|$dir|" "$here/server.properties" \
        >"$dir/server.properties"
    [ -d "$dir/data" ] && return
    id=$("${java[@]}" kafka.tools.StorageTool random-uuid)
    "${java[@]}" kafka.tools.StorageTool format --standalone -t "$id" -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
        { rm -rf "$dir/data"; cat "$dir/format.log" >&2; die "the data directory was not formatted"; }
}

answers() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
runs() { [ -s "$dir/kafka.pid" ] && kill -0 "$(cat "$dir/kafka.pid")" 2>/dev/null; }

up() {
    if runs && answers; then
        say "runs already on 127.0.0.1:$port"
        return
    fi
    ! answers || die "port $port is in use by something else"
    fetch
    format
    setsid "$BASH" "${BASH_SOURCE[0]}" run >>"$dir/kafka.log" 2>&1 </dev/null &
    echo $! >"$dir/kafka.pid"
    for _ in $(seq 600); do
        if answers; then
            say "ready on 127.0.0.1:$port"
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
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        ! kill -9 "$pid" 2>/dev/null || say "had to be killed"
    fi
    rm -rf "$dir"/{data,tmp,kafka.pid,kafka.log,format.log,maven.log,server.properties}
}

case ${1:-} in
up) up ;;
down) down ;;
prepare) fetch && format ;;
run) exec "${java[@]}" kafka.Kafka "$dir/server.properties" ;;
*) die "usage: kafka.sh up | down | prepare | run" ;;
esac
