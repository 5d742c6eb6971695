# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which the logs are looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

MIB = 1024 * 1024

OPTIONS: dict[str, t.Any] = {
    "paths": {"type": "list", "elements": "path", "default": []},
    "window_hours": {"type": "float", "default": 24},
    "patterns": {"type": "list", "elements": "str", "default": []},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "max_bytes": {"type": "int", "default": 256 * MIB},
    "untimed_bytes": {"type": "int", "default": 4 * MIB},
    "timeout_seconds": {"type": "float", "default": 20},
}
