#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# newest.sh: prints the path of the newest openstackclient, which it gets from PyPI into build/venv (once; remove that to get a newer one).
# Fails when PyPI does not answer.
set -eu
cd "$(dirname "$0")/../.."
venv=$PWD/build/venv
if [ ! -x "$venv/bin/openstack" ]; then
    rm -rf "$venv"
    mkdir -p build/log
    { /usr/bin/python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check python-openstackclient; } \
        >build/log/venv.log 2>&1 || { rm -rf "$venv"; tail -3 build/log/venv.log >&2; exit 1; }
fi
echo "$venv/bin/openstack"
