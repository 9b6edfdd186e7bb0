#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# client.sh [--pinned]: prints the path of an openstackclient from PyPI, in a virtualenv below build/venv.
#
#   --pinned   the one of requirements.txt, with all that it needs: what the check runs, so that what others publish breaks it by no chance
#   else       the newest (got once; remove build/venv/newest to get a newer one)
#
# Fails when PyPI does not answer.
set -eu
cd "$(dirname "$0")/../.."
pins=tests/e2e/requirements.txt
case ${1-} in
--pinned) venv=$PWD/build/venv/pinned what=(--no-deps -r "$pins") mark=$(sha256sum <$pins) ;;
*) venv=$PWD/build/venv/newest what=(python-openstackclient) mark=newest ;;
esac
if [ "$(cat "$venv/mark" 2>/dev/null)" != "$mark" ]; then
    rm -rf "$venv"
    mkdir -p build/log
    { /usr/bin/python3 -m venv "$venv" && lab/retry.sh "$venv/bin/pip" install -q --disable-pip-version-check "${what[@]}"; } \
        >build/log/venv.log 2>&1 || { rm -rf "$venv"; tail -3 build/log/venv.log >&2; exit 1; }
    echo "$mark" >"$venv/mark"
fi
echo "$venv/bin/openstack"
