# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What is collected and how much of it; known before anything heavy is loaded."""

from __future__ import annotations

import re
import typing as t

from .._core.errors import BadOption
from .._pm2.options import OPTIONS as PM2
from .._postgresql.options import OPTIONS as POSTGRESQL
from .._redis.options import OPTIONS as REDIS

MIB = 1024 * 1024

OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str", "default": "manual"},
    "directory": {"type": "path", "default": "/var/lib/vendhub-ops/evidence"},
    "fetch_to": {"type": "path"},
    "keep": {"type": "int", "default": 20},
    "timeout_seconds": {"type": "float", "default": 15.0},
    "item_seconds": {"type": "float", "default": 5.0},
    "max_bytes": {"type": "int", "default": 20 * MIB},
    "log_bytes": {"type": "int", "default": 256 * 1024},
    "log_paths": {"type": "list", "elements": "path", "default": ["/var/log/nginx/error.log"]},
    "journal_lines": {"type": "int", "default": 2000},
    "units": {"type": "list", "elements": "str", "default": ["postgresql*", "redis*", "nginx*", "pm2-*"]},
    "app_root": {"type": "path", "default": "/opt/vendhub"},
    "state_directory": {"type": "path", "default": "/var/lib/vendhub-ops"},
    "nginx_root": {"type": "path", "default": "/etc/nginx"},
    "certificate_paths": {"type": "list", "elements": "path", "default": []},
    "health_urls": {"type": "list", "elements": "str", "default": []},
    "env_files": {"type": "list", "elements": "path", "default": ["/opt/vendhub/shared/.env.production"]},
    "pm2": {"type": "dict", "options": PM2},
    "postgresql": {"type": "dict", "options": POSTGRESQL},
    "redis": {"type": "dict", "options": REDIS},
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_UNIT = re.compile(r"[A-Za-z0-9@:_.*?-]{1,100}")
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("keep", 1, 1000), ("timeout_seconds", 2, 300), ("item_seconds", 0.5, 120), ("max_bytes", 64 * 1024, 1024 * MIB),
    ("log_bytes", 1024, 64 * MIB), ("journal_lines", 1, 20_000),
)


def check(options: t.Mapping[str, t.Any]) -> None:
    """BadOption names the first option that cannot be meant."""
    if not _NAME.fullmatch(options["name"]):
        raise BadOption("name must be made of letters, digits, - and _ (at most 60), such as recover")
    for name, least, most in _RANGES:
        if not least <= options[name] <= most:
            raise BadOption(f"{name} must be between {least:g} and {most:.0f}, not {options[name]:g}")
    for unit in options["units"]:
        if not _UNIT.fullmatch(unit) or unit.startswith("-"):
            raise BadOption(f"units: {unit!r} is no pattern of unit names, such as nginx*")
