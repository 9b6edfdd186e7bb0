#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the check runs of the chaos tests: a few faults on each bus. `make chaos` strikes with all of them.
exec "$(dirname "$0")/run.sh" --short
