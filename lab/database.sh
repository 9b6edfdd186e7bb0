# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # sourced after common.sh
#
# database.sh: the lab's private PostgreSQL cluster: fsync on, and a unix socket that only root and its own user can reach.
#
# PostgreSQL refuses to run as root, so it runs as the user postgres, who must be able to enter the directory. Where the
# checkout lies in a place closed to that user, the cluster goes to /var/lib instead; $lab/pg.dir says where it is.

postgres_programs() { find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -1; }

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"); }

# libpq's URL of a database of the cluster
database_url() { echo "postgresql:///$1?host=$(<"$lab/pg.dir")&user=kilonova"; }

# The path of a unix socket holds 107 characters; ".s.PGSQL.5432.lock" is to fit.
database_place() {
    local dir=$lab/pg
    mkdir -p "$dir"
    chown postgres:postgres "$dir"
    if [ ${#dir} -gt 85 ] || ! as_postgres test -w "$dir"; then
        rmdir "$dir"
        dir=$(mktemp -d /var/lib/kilonova-lab.XXXXXX)
        chown postgres:postgres "$dir"
    fi
    chmod 700 "$dir"
    echo "$dir" >"$lab/pg.dir"
}

# Makes the cluster; does not start it.
database_make() {
    local dir
    [ -n "$(postgres_programs)" ] || die "PostgreSQL is not installed"
    database_place
    dir=$(<"$lab/pg.dir")
    as_postgres "$(postgres_programs)/initdb" -D "$dir" -U kilonova -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
        >"$log/initdb.log" 2>&1 || { cat "$log/initdb.log" >&2; die "initdb failed"; }
    cat >>"$dir/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$dir'
	max_connections = 200
	shared_buffers = 128MB
	fsync = on
	END
}

# Starts it under the supervisor and makes the database.
database_start() {
    local dir
    dir=$(<"$lab/pg.dir")
    ask add postgres stop=INT grace=20000 log="$log/postgres.log" -- \
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$(postgres_programs)/postgres" -D "$dir"
    until_true 30 psql -q "$(database_url postgres)" -c 'CREATE DATABASE kilonova' ||
        die "PostgreSQL does not answer; see $log/postgres.log"
}

database_remove() {
    [ -s "$lab/pg.dir" ] || return 0
    rm -rf "$(<"$lab/pg.dir")" "$lab/pg.dir"
}
