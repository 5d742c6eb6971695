# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of the stability gate, the same in stability_gate and in the dictionary ``gate`` of pm2_app."""

from __future__ import annotations

import typing as t

from .._pm2.options import WHERE

GATE: dict[str, t.Any] = {
    "watch_seconds": {"type": "float", "default": 30.0},
    "deadline_seconds": {"type": "float", "default": 120.0},
    "interval_seconds": {"type": "float", "default": 1.0},
    "restarts_allowed": {"type": "int", "default": 0},
    "port": {"type": "int"},
    "url": {"type": "str"},
    "expect": {"type": "list", "elements": "str"},
    "release_expression": {"type": "str"},
    "release_expected": {"type": "str"},
    "release_folder": {"type": "path"},
    "good_answers": {"type": "int", "default": 3},
    "headers": {"type": "dict", "default": {}},
    "answer_timeout_seconds": {"type": "float", "default": 5.0},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}

APP: dict[str, t.Any] = {
    **WHERE,
    "state": {
        "type": "str",
        "choices": ["started", "stopped", "restarted", "reloaded", "absent", "saved"],
        "default": "started",
    },
    "name": {"type": "str"},
    "ecosystem": {"type": "path"},
    "only": {"type": "list", "elements": "str"},
    "environment": {"type": "str"},
    "max_memory_restart": {"type": "str"},
    "memory_share_percent": {"type": "float", "default": 80.0},
    "wait_ready": {"type": "bool"},
    "listen_timeout_seconds": {"type": "float"},
    "kill_timeout_seconds": {"type": "float"},
    "save": {"type": "bool", "default": False},
    "start_daemon": {"type": "bool", "default": True},
    "hung_daemon": {"type": "str", "choices": ["fail", "replace"], "default": "fail"},
    "end_orphans": {"type": "bool", "default": False},
    "same_version": {"type": "bool", "default": True},
    "program": {"type": "path"},
    "node": {"type": "path"},
    "command_timeout_seconds": {"type": "float", "default": 180.0},
    "gate": {"type": "dict", "default": {}, "options": GATE},
}
