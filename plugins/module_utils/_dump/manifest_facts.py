# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The manifest beside a dump: what was in it and how that was proved (pure)."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .._core.errors import OpsError
from .archive_parse import Table

MAX_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What is known about a dump from the day it was made, or from the day somebody verified it."""

    sha256: str
    size: int
    tables: t.Mapping[Table, int]
    database: str = ""
    server_version: int = 0
    migration: str = ""
    database_bytes: int = 0
    locale: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    verified_at: str = ""
    started_at: str = ""

    @property
    def rows(self) -> int:
        return sum(self.tables.values())


def table_rows(tables: t.Mapping[Table, int]) -> list[dict[str, t.Any]]:
    """The tables as plain data, in their order by name."""
    return [{"schema": schema, "table": name, "rows": rows} for (schema, name), rows in sorted(tables.items())]


def text(data: t.Mapping[str, t.Any]) -> str:
    """The file; names that are no text keep their bytes."""
    return json.dumps(data, indent=1, ensure_ascii=True) + "\n"


def read(content: str, name: str) -> Manifest:
    """A manifest out of its file; OpsError when it is none."""
    try:
        data = json.loads(content)
        tables = {(str(row["schema"]), str(row["table"])): int(row["rows"]) for row in data.get("tables") or []}
        return Manifest(
            sha256=str(data["sha256"]), size=int(data["size"]), tables=tables, database=str(data.get("database") or ""),
            server_version=int(data.get("server_version_num") or 0), migration=str(data.get("migration_head") or ""),
            database_bytes=int(data.get("database_bytes") or 0),
            locale={str(key): str(value) for key, value in (data.get("locale") or {}).items()},
            verified_at=str(data.get("verified_at") or ""), started_at=str(data.get("started_at") or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise OpsError(f"the manifest {name} cannot be read ({type(exc).__name__}); verify the dump again") from exc
