# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which PM2 is looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

OPTIONS: dict[str, t.Any] = {
    "home": {"type": "path"},
    "owner": {"type": "str"},
    "apps": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "instances": {"type": "int"},
            "port": {"type": "int"},
        },
    },
    "program": {"type": "path"},
    "timeout_seconds": {"type": "float", "default": 5.0},
}

# where PM2 is, for the modules that do more than judge it
WHERE: dict[str, t.Any] = {name: OPTIONS[name] for name in ("home", "owner", "timeout_seconds")}
