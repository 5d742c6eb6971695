# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of postgresql_max_connections."""

from __future__ import annotations

import typing as t

from .connection import CONNECTION_OPTIONS

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "system_user": {"type": "str"},
    "value": {"type": "int", "required": True},
    "restart": {"type": "bool", "default": False},
    "restart_command": {"type": "list", "elements": "str", "default": []},
    "restart_seconds": {"type": "float", "default": 60.0},
    "memory_percent": {"type": "float", "default": 80.0},
    "memory_bytes": {"type": "int"},
    "session_bytes": {"type": "int", "default": 10 * 1024 * 1024},
    "work_mems": {"type": "float", "default": 1.0},
    "accept_risk": {"type": "bool", "default": False},
    "journal": {"type": "path"},
    "login_wait_seconds": {"type": "float", "default": 10.0},
}
