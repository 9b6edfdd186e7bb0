# SPDX-License-Identifier: Apache-2.0
"""The steps of tests/e2e/packets.py, by subject."""
