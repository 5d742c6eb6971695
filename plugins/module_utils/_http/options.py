# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which an HTTP service is looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "url": {"type": "str", "required": True},
    "readiness_url": {"type": "str"},
    "expect": {"type": "list", "elements": "str"},
    "release_expression": {"type": "str"},
    "release_expected": {"type": "str"},
    "headers": {"type": "dict", "default": {}},
    "samples": {"type": "int", "default": 2},
    "sample_interval_seconds": {"type": "float", "default": 0},
    "timeout_seconds": {"type": "float", "default": 5},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "redirects": {"type": "int", "default": 0},
}
