# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Find the programs of PostgreSQL that fit a server, and give them what they need to log in."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import shutil
import typing as t

from .._core.command import run
from .._core.errors import CannotLook, OpsError
from .._postgresql.connection import Address

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_VERSION_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Programs:
    """The folder of the programs, and which PostgreSQL they belong to."""

    folder: str
    major: int
    version: str

    def path(self, name: str) -> str:
        """One of them; CannotLook when this installation has none."""
        path = os.path.join(self.folder, name)
        if not os.access(path, os.X_OK):
            raise CannotLook(f"{path} is not on this host; install the package postgresql-client-{self.major}"
                             f" (postgresql-{self.major} for initdb)")
        return path


def find(server_major: int, folder: t.Optional[str]) -> Programs:
    """The programs of the server's own version, else of the next newer one; older ones cannot do it."""
    found = [one for one in map(_look, [folder] if folder else _folders()) if one]
    fitting = sorted((one for one in found if one.major >= server_major), key=lambda one: one.major)
    if fitting:
        return fitting[0]
    have = f"only {', '.join(sorted({one.version for one in found}))}" if found else "none"
    where = folder or "this host"
    raise CannotLook(f"the server is PostgreSQL {server_major} and needs pg_dump and pg_restore of at least that "
                     f"version; {where} has {have}; install the package postgresql-client-{server_major}, or set "
                     "binary_directory")


def find_program(name: str, package: str) -> str:
    """A program that is no part of PostgreSQL; CannotLook when it is not there."""
    path = shutil.which(name)
    if path is None:
        raise CannotLook(f"the program {name} is not on this host; install the package {package}")
    return path


def environment(address: t.Optional[Address]) -> dict[str, str]:
    """What the programs know of the world: how to log in, and nothing that belongs to somebody else.

    The password stands here, where only this user and root can see it, and not on a command line.
    """
    found = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LANG", "TMPDIR", "PGPASSFILE", "PGSSLCERT",
                                                 "PGSSLKEY") if name in os.environ}
    if address is None:
        return {**found, "LC_MESSAGES": "C"}
    found.update(PGHOST=address.host, PGPORT=str(address.port), PGUSER=address.user, PGDATABASE=address.database,
                 PGSSLMODE=address.sslmode, PGGSSENCMODE="disable", PGAPPNAME="vendhub-ops", LC_MESSAGES="C",
                 PGCONNECT_TIMEOUT=str(max(2, round(address.timeout_seconds))), PGCLIENTENCODING="UTF8")
    password = address.password or os.environ.get("PGPASSWORD")
    if password:
        found["PGPASSWORD"] = password
    if address.ca_path:
        found["PGSSLROOTCERT"] = address.ca_path
    return found


def _folders() -> list[str]:
    found = [folder for pattern in FOLDERS for folder in glob.glob(pattern)]
    on_path = shutil.which("pg_dump")
    # Debian's /usr/bin/pg_dump is a wrapper that chooses a version by itself: last
    return [*found, os.path.dirname(on_path)] if on_path else found


def _look(folder: str) -> t.Optional[Programs]:
    try:
        said = run([os.path.join(folder, "pg_dump"), "--version"], _VERSION_SECONDS).out.decode("utf-8", "replace")
    except OpsError:
        return None
    found = re.search(r"\(PostgreSQL\) ((\d+)\S*)", said)
    return Programs(folder, int(found[2]), found[1]) if found else None
