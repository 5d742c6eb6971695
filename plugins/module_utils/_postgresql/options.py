# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options with which PostgreSQL is looked at, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

from .connection import CONNECTION_OPTIONS

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "statements": {"type": "str", "choices": ["auto", "required", "off"], "default": "auto"},
    "statement_min_calls": {"type": "int", "default": 20},
    "lock_wait_seconds": {"type": "float", "default": 1.0},
}
