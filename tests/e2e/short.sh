#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the check runs of the end-to-end tests. `make e2e` runs all of them.
exec "$(dirname "$0")/run.sh" --short
