# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""How to reach a Redis server: the options all modules share, and the address they make."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption

CONNECTION_OPTIONS: dict[str, t.Any] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 6379},
    "unix_socket": {"type": "path"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "database": {"type": "int", "default": 0},
    "tls": {"type": "bool", "default": False},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert_path": {"type": "path"},
    "client_key_path": {"type": "path", "no_log": False},
    "timeout_seconds": {"type": "float", "default": 5.0},
}


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a Redis server is and how to log in; its text never holds the password."""

    host: str
    port: int
    unix_socket: t.Optional[str]
    username: t.Optional[str]
    password: t.Optional[str] = dataclasses.field(repr=False)
    database: int
    tls: bool
    validate_certs: bool
    ca_path: t.Optional[str]
    client_cert_path: t.Optional[str]
    client_key_path: t.Optional[str]
    timeout_seconds: float

    def __str__(self) -> str:
        return f"redis at {self.unix_socket or f'{self.host}:{self.port}'}"

    @property
    def local(self) -> bool:
        """Whether the server is on this host, so that its files are this host's files."""
        return bool(self.unix_socket) or self.host in ("localhost", "::1") or self.host.startswith("127.")


def address(options: t.Mapping[str, t.Any]) -> Address:
    """Take the shared options; BadOption when they cannot be meant."""
    if not 0 < options["port"] < 65536:
        raise BadOption(f"port must be between 1 and 65535, not {options['port']}")
    if options["timeout_seconds"] <= 0:
        raise BadOption(f"timeout_seconds must be above 0, not {options['timeout_seconds']:g}")
    if options["database"] < 0:
        raise BadOption(f"database must be 0 or more, not {options['database']}")
    if options["tls"] and options["unix_socket"]:
        raise BadOption("tls and unix_socket exclude each other: a socket of this host is not encrypted")
    return Address(**{name: options[name] for name in CONNECTION_OPTIONS})
