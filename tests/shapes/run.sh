#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make shapes` runs: run.sh [--short] [OPTION…]. What the services publish of their APIs comes from PyPI into build/shapes/venv, once for each
# requirements.txt; then shapes.py, with the same options, holds a cloud against it.
#
#   --short   what the check runs, counted in the tally; skipped when PyPI does not answer
set -u
cd "$(dirname "$0")/../.." || exit 2
venv=$PWD/build/shapes/venv
wanted=tests/shapes/requirements.txt

install() {
    cmp -s "$wanted" "$venv/requirements.txt" && return
    rm -rf "$venv"
    mkdir -p build/log build/shapes
    echo "shapes: installing what the services publish (see build/log/shapes-venv.log)"
    { python3 -m venv "$venv" && lab/retry.sh "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r "$wanted" &&
        cp "$wanted" "$venv/requirements.txt"; } >build/log/shapes-venv.log 2>&1
}

if ! install; then
    tail -3 build/log/shapes-venv.log >&2
    [ "${1-}" = --short ] || exit 1
    echo "skip shapes: PyPI gives no definitions"
    exec tests/support/tally.sh add shapes 0 0 1
fi
exec "$venv/bin/python" tests/shapes/shapes.py "$@"
