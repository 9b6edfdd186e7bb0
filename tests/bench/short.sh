#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the check runs of the bench: that it works. `make bench` measures.
exec "$(dirname "$0")/bench.py" --short
