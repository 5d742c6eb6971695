# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The options of the modules that make, prove and restore dumps, known before anything heavy is loaded."""

from __future__ import annotations

import typing as t

from .._core.errors import BadOption
from .._postgresql.connection import CONNECTION_OPTIONS

DIRECTORY = "/opt/backups"
PATTERNS = ["*.dump", "*.dump.age", "*.dump.gz", "*.sql.gz", "*.sql"]

SHARED: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "binary_directory": {"type": "path"},
    "identity_file": {"type": "path"},
    "migrations_table": {"type": "str", "default": "migrations"},
    "max_seconds": {"type": "float", "default": 14400},
}

BACKUP: dict[str, t.Any] = {
    **SHARED,
    "directory": {"type": "path", "default": DIRECTORY},
    "keep": {"type": "int", "default": 7},
    "keep_days": {"type": "float", "default": 7},
    "recipients": {"type": "list", "elements": "str", "default": []},
    "copies": {"type": "list", "elements": "path", "default": []},
    "compress_level": {"type": "int", "default": 6},
    "count_rows": {"type": "bool", "default": True},
    "shrink_percent": {"type": "float", "default": 50},
    "accept_shrink": {"type": "bool", "default": False},
    "reserve_bytes": {"type": "int", "default": 256 * 1024 * 1024},
    "lock_wait_seconds": {"type": "float", "default": 60},
}


def check_backup(options: t.Mapping[str, t.Any]) -> None:
    """BadOption when a number cannot be meant, or a recipient is none."""
    between(options, "max_seconds", 1, 7 * 86400)
    between(options, "keep", 0, 10_000)
    between(options, "keep_days", 0, 36_500)
    between(options, "compress_level", 0, 9)
    between(options, "shrink_percent", 0, 100)
    between(options, "reserve_bytes", 0, 2 ** 60)
    between(options, "lock_wait_seconds", 0.001, 86400)
    for recipient in options["recipients"]:
        if not recipient.startswith(("age1", "ssh-ed25519 ", "ssh-rsa ")):
            raise BadOption("recipients must be public keys of age (age1…) or SSH, one each")


def between(options: t.Mapping[str, t.Any], name: str, low: float, high: float) -> None:
    """BadOption unless this option lies there."""
    if not low <= options[name] <= high:
        raise BadOption(f"{name} must be between {low:g} and {high:g}, not {options[name]:g}")


def target(options: t.Mapping[str, t.Any]) -> str:
    """The database of these options for people, without the password."""
    return f"{options['database']} at {options['host']}:{options['port']}"


RESTORE: dict[str, t.Any] = {
    **SHARED,
    "maintenance_database": {"type": "str", "default": "postgres"},
    "directory": {"type": "path", "default": DIRECTORY},
    "patterns": {"type": "list", "elements": "str", "default": PATTERNS},
    "path": {"type": "path"},
    "tablespace": {"type": "str"},
    "reserve_bytes": {"type": "int", "default": 2 * 1024 * 1024 * 1024},
}

DRILL: dict[str, t.Any] = {**RESTORE, "journal": {"type": "path"}, "prove": {"type": "bool", "default": False}}

SWAP: dict[str, t.Any] = {
    **RESTORE,
    "state": {"type": "str", "choices": ["beside", "swapped", "absent"], "default": "beside"},
    "beside": {"type": "str"},
    "owner": {"type": "str"},
    "replace": {"type": "str"},
    "fresh_seconds": {"type": "float", "default": 3600},
    "without_backup": {"type": "bool", "default": False},
    "swap_seconds": {"type": "float", "default": 15},
}


def check_restore(options: t.Mapping[str, t.Any]) -> None:
    """BadOption when a number cannot be meant."""
    between(options, "max_seconds", 1, 7 * 86400)
    between(options, "reserve_bytes", 0, 2 ** 60)
    if not options["maintenance_database"]:
        raise BadOption("maintenance_database must not be empty")


def check_swap(options: t.Mapping[str, t.Any]) -> None:
    """BadOption when the restore cannot be meant, or nobody said in so many words which database is to be replaced."""
    check_restore(options)
    between(options, "swap_seconds", 0.1, 600)
    between(options, "fresh_seconds", 0, 36_500 * 86400)
    state, live, beside = options["state"], options["database"], options["beside"]
    if state != "beside" and not beside:
        raise BadOption("beside must name the database that was restored beside")
    if beside and ("=" in beside or "://" in beside):
        raise BadOption("beside must be the name of a database, not a connection string")
    if beside in (live, options["maintenance_database"]):
        raise BadOption("beside must be another database")
    if live == options["maintenance_database"]:
        raise BadOption("maintenance_database must be another database than the one to be restored")
    if state == "swapped" and options["replace"] != live:
        raise BadOption(f"replace must be {live!r}, the name of the database that is to be replaced, as a word from "
                        "you that this is meant")
