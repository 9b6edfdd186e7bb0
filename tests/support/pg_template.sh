#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pg_template.sh DIRECTORY: a PostgreSQL cluster for tests to copy, stopped, as DIRECTORY/<version>: empty but for the database "head",
# which has the schema of build/bin/kilonova. It belongs to whoever may run PostgreSQL, which refuses root.
set -eu
to=$1
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -1)
dir=$(mktemp -d "${TMPDIR:-/tmp}/kn-pg-template.XXXXXX")
as=()
if [ "$(id -u)" -eq 0 ]; then
    chown postgres:postgres "$dir"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups --)
fi
server() { (cd / && "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" "$@" >/dev/null); }
end() {
    server stop -m immediate 2>/dev/null || true
    rm -rf "$dir"
}
trap end EXIT

(cd / && "${as[@]}" "$bin/initdb" -N -A trust -U kilonova -E UTF8 --locale=C -D "$dir/data" >/dev/null)
server -o "-c unix_socket_directories='$dir' -c listen_addresses= -c fsync=off" start
psql -q -h "$dir" -U kilonova postgres -c 'CREATE DATABASE head'
build/bin/kilonova --set "db.url=host=$dir user=kilonova dbname=head" db migrate >/dev/null
server -m fast stop
rm -rf "$to"
mkdir -p "$to"
mv "$dir/data" "$to/$(basename "$(dirname "$bin")")"
