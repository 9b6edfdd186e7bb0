#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every program that a script or a test calls comes by a package of lab/packages.txt: programs.py says how it looks.
. "$(dirname "$0")/files.sh"

verdict "$(python3 tests/lint/programs.py)"
