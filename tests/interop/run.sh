#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make interop` runs: run.sh [--short] [OPTION…]. Tempest comes from PyPI into build/interop/venv, once for each
# requirements.txt; then interop.py, with the same options, judges. For the service `neutron` there is a second one, with Neutron's own tests.
#
#   --short   what the check runs: identity's and image's required tests, counted in the tally; skipped when PyPI does not answer
set -u
cd "$(dirname "$0")/../.." || exit 2
venv=$PWD/build/interop/venv
wanted=(tests/interop/requirements.txt)
case ",$*," in *[,\ ]neutron[,\ ]*) venv=$venv-neutron wanted+=(tests/interop/requirements-neutron.txt) ;; esac

install() {
    cat "${wanted[@]}" | cmp -s - "$venv/requirements.txt" && return
    rm -rf "$venv"
    mkdir -p build/log
    echo "interop: installing Tempest (see build/log/interop-venv.log)"
    { python3 -m venv "$venv" && lab/retry.sh "$venv/bin/pip" install -q --disable-pip-version-check --no-deps "${wanted[@]/#/-r}" &&
        cat "${wanted[@]}" >"$venv/requirements.txt"; } >build/log/interop-venv.log 2>&1
}

if ! install; then
    tail -3 build/log/interop-venv.log >&2
    [ "${1-}" = --short ] || exit 1
    echo "skip interop: PyPI gives no Tempest"
    exec tests/support/tally.sh add interop 0 0 1
fi
exec "$venv/bin/python" tests/interop/interop.py "$@"
