# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which a folder of dumps is looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

OPTIONS: dict[str, t.Any] = {
    "directory": {"type": "path", "required": True},
    "patterns": {"type": "list", "elements": "str",
                 "default": ["*.dump", "*.dump.age", "*.dump.gz", "*.sql.gz", "*.sql"]},
    "min_bytes": {"type": "int", "default": 256},
    "timeout_seconds": {"type": "float", "default": 5},
}
