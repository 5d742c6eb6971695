# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""How to reach a PostgreSQL server: the options all modules share, and the address they make."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption

CONNECTION_OPTIONS: dict[str, t.Any] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str", "default": "vendhub"},
    "password": {"type": "str", "no_log": True},
    "database": {"type": "str", "default": "vendhub_prod"},
    "sslmode": {"type": "str", "default": "prefer",
                "choices": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]},
    "ca_path": {"type": "path"},
    "timeout_seconds": {"type": "float", "default": 5.0},
}


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a database is and how to log in; its text never holds the password."""

    host: str
    port: int
    user: str
    password: t.Optional[str] = dataclasses.field(repr=False)
    database: str
    sslmode: str
    ca_path: t.Optional[str]
    timeout_seconds: float

    @property
    def local(self) -> bool:
        """Whether the server is certainly on this host."""
        return self.host.startswith(("/", "@", "127.")) or self.host in ("localhost", "::1")

    def __str__(self) -> str:
        return f"{self.database} at {self.host}:{self.port}"


def address(options: t.Mapping[str, t.Any]) -> Address:
    """Take the shared options; BadOption when they cannot be meant."""
    if not 0 < options["port"] < 65536:
        raise BadOption(f"port must be between 1 and 65535, not {options['port']}")
    if options["timeout_seconds"] <= 0:
        raise BadOption(f"timeout_seconds must be above 0, not {options['timeout_seconds']:g}")
    for name in ("host", "user", "database"):
        if not options[name]:
            raise BadOption(f"{name} must not be empty")
    # libpq would take a "database" of this shape for a whole connection string, with another host and password
    if "=" in options["database"] or "://" in options["database"]:
        raise BadOption("database must be the name of a database, not a connection string")
    return Address(**{name: options[name] for name in CONNECTION_OPTIONS})
