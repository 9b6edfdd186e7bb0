#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the check runs of `make shapes`.
exec "$(dirname "$0")/run.sh" --short
