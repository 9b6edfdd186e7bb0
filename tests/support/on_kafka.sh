#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one program with a real Apache Kafka of its own as its bus: empty, on free ports, gone afterwards.
#   on_kafka.sh PROGRAM [ARGUMENT...]     the program finds it by KN_TEST_BROKERS
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
kafka=$root/deploy/kafka/kafka.sh
KAFKA_DIR=$(mktemp -d)
read -r KAFKA_PORT KAFKA_CONTROLLER_PORT < <(PYTHONPATH=$root/tests/support python3 -c 'from cloud import free_port; print(free_port(), free_port())')
export KAFKA_DIR KAFKA_PORT KAFKA_CONTROLLER_PORT
# Nothing of it is kept, so it need not end in good order, which takes it ten seconds.
trap 'kill -9 "$(cat "$KAFKA_DIR/kafka.pid")"; "$kafka" down; rm -rf "$KAFKA_DIR"' EXIT
mkdir -p "$root/build/kafka"
flock "$root/build/kafka" -c "[ -e '$root/build/kafka/classes.jsa' ] || '$kafka' classes"
"$kafka" up || exit 1
KN_TEST_BROKERS=127.0.0.1:$KAFKA_PORT "$@"
