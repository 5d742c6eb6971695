# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of postgresql_session."""

from __future__ import annotations

import typing as t

from .connection import CONNECTION_OPTIONS
from .sessions_facts import HARMLESS, STATES

PROTECTED_APPLICATIONS = ("pg_dump*", "pg_restore*", "pg_basebackup*", "vendhub-ops*")

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "system_user": {"type": "str"},
    "state": {"type": "str", "choices": ["ended", "cancelled"], "default": "ended"},
    "databases": {"type": "list", "elements": "str", "default": []},
    "users": {"type": "list", "elements": "str", "default": []},
    "applications": {"type": "list", "elements": "str", "default": []},
    "session_states": {"type": "list", "elements": "str", "choices": list(STATES), "default": list(HARMLESS)},
    "pids": {"type": "list", "elements": "int", "default": []},
    "min_age_seconds": {"type": "float", "default": 600.0},
    "headroom": {"type": "int"},
    "headroom_percent": {"type": "float"},
    "protected_users": {"type": "list", "elements": "str", "default": []},
    "protected_applications": {"type": "list", "elements": "str", "default": list(PROTECTED_APPLICATIONS)},
    "journal": {"type": "path"},
    "end_seconds": {"type": "float", "default": 10.0},
    "login_wait_seconds": {"type": "float", "default": 10.0},
}
