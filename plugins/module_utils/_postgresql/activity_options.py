# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of postgresql_activity_info."""

from __future__ import annotations

import typing as t

from .connection import CONNECTION_OPTIONS

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "system_user": {"type": "str"},
    "statements": {"type": "str", "choices": ["auto", "sampled", "off"], "default": "auto"},
    "window_seconds": {"type": "float", "default": 10.0},
    "sample_interval_seconds": {"type": "float", "default": 0.1},
    "limit": {"type": "int", "default": 10},
    "statement_length": {"type": "int", "default": 300},
    "login_wait_seconds": {"type": "float", "default": 10.0},
}
