#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sources are laid out as .clang-format says (120 columns): `make format` does it.
. "$(dirname "$0")/files.sh"

verdict "$(files '*.c' '*.h' | xargs -P "$(nproc)" -n 40 clang-format-16 --dry-run 2>&1 | sed -n 's/^\([^ ]*\): warning: code should be clang-formatted.*/\1: make format/p' | sort -u)"
