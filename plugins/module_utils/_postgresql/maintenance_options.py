# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of postgresql_maintenance and postgresql_maintenance_info."""

from __future__ import annotations

import typing as t

from .._core.errors import BadOption
from .connection import CONNECTION_OPTIONS

LIMITS: dict[str, t.Any] = {
    "schemas": {"type": "list", "elements": "str", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "dead_percent": {"type": "float", "default": 10.0},
    "dead_rows": {"type": "int", "default": 1000},
    "analyze_percent": {"type": "float", "default": 10.0},
    "freeze_percent": {"type": "float", "default": 50.0},
    "bloat_percent": {"type": "float", "default": 40.0},
    "bloat_bytes": {"type": "int", "default": 16 * 1024 * 1024},
    "measure_seconds": {"type": "float", "default": 60.0},
    "state_directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "login_wait_seconds": {"type": "float", "default": 10.0},
}

INFO_OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "system_user": {"type": "str"},
    **LIMITS,
    "unused_days": {"type": "float", "default": 30.0},
    "limit": {"type": "int", "default": 10},
}

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "system_user": {"type": "str"},
    **LIMITS,
    "work": {"type": "str", "choices": ["vacuum", "reindex"], "required": True},
    "reindex_always": {"type": "list", "elements": "str", "default": []},
    "time_budget_seconds": {"type": "float", "default": 1800.0},
    "lock_timeout_seconds": {"type": "float", "default": 5.0},
    "yield_seconds": {"type": "float", "default": 0.3},
    "long_transaction_seconds": {"type": "float", "default": 10.0},
    "patience_seconds": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 2},
    "retry_pause_seconds": {"type": "float", "default": 5.0},
    "cost_delay_ms": {"type": "float", "default": 2.0},
    "cost_limit": {"type": "int", "default": 2000},
    "parallel_workers": {"type": "int", "default": 0},
}

_LEAST = {"dead_rows": 0, "bloat_bytes": 0, "measure_seconds": 0, "login_wait_seconds": 0, "unused_days": 0, "limit": 1,
          "time_budget_seconds": 1, "lock_timeout_seconds": 0.05, "yield_seconds": 0, "long_transaction_seconds": 0.1,
          "patience_seconds": 0, "retries": 0, "retry_pause_seconds": 0, "cost_delay_ms": 0, "cost_limit": 1,
          "parallel_workers": 0}
_MOST = {"cost_delay_ms": 100, "cost_limit": 10000, "parallel_workers": 64, "yield_seconds": 60,
         "lock_timeout_seconds": 3600, "time_budget_seconds": 86400, "measure_seconds": 3600, "retries": 100}


def refuse(options: t.Mapping[str, t.Any]) -> None:
    """BadOption when a number cannot be meant."""
    for name, value in options.items():
        if name.endswith("_percent") and not 0 < value <= 100:
            raise BadOption(f"{name} must be above 0 and at most 100, not {value:g}")
        if name in _LEAST and not _LEAST[name] <= value <= _MOST.get(name, value):
            most = f" and at most {_MOST[name]}" if name in _MOST else ""
            raise BadOption(f"{name} must be at least {_LEAST[name]:g}{most}, not {value:g}")
