#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One prefix a room; no type and no function has the name of another.
. "$(dirname "$0")/files.sh"

verdict "$(tests/lint/names.py $(files '*.c' '*.h' | grep -v '^tests/'))"
