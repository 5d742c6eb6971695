# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at all tables and indexes of a database, and measure the bloat of B-trees where pgstattuple lets us."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from .._core.errors import CannotLook, OpsError
from . import maintenance_journal as journal
from .bloat_judge import measured_bytes
from .client import Missing
from .connection import Address
from .facts import Row
from .link import Link, linked
from .maintenance_facts import Index, Table, indexes_of, tables_of
from .maintenance_plan import Begun, Limits, Server, Work
from .maintenance_queries import indexes, measured, server, tables


@dataclasses.dataclass(frozen=True)
class Look:
    """What there is, and the reindexing that was begun and not ended."""

    server: Row
    tables: list[Table]
    indexes: list[Index]
    begun: t.Optional[Begun]
    journal: str
    bloat_by: str
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> Server:
        """What of the server matters for the plan."""
        return Server(self.server["superuser"], self.server["standby"], self.server["freeze_max_age"],
                      self.server["mxid_freeze_max_age"])


def limits_of(options: t.Mapping[str, t.Any]) -> Limits:
    """What the options mean."""
    return Limits(options["schemas"], options["exclude"], options.get("reindex_always", ()), options["dead_percent"],
                  options["dead_rows"], options["analyze_percent"], options["freeze_percent"],
                  options["bloat_percent"], options["bloat_bytes"])


def look(link: Link, options: t.Mapping[str, t.Any], *, bloat: bool = True) -> Look:
    """Everything; with ``bloat`` false nothing is measured."""
    seen = link.ask(server(link.version))
    block = int(seen["block"])
    found = indexes_of(link.ask(indexes(link.version), {})["indexes"], block)
    notes: list[str] = []
    by = "the catalog's statistics"
    if seen["pgstattuple"] and bloat and options["measure_seconds"]:
        found, number, why = _measured(link, found, seen, options)
        by = f"pgstattuple ({number} measured), the others by the catalog's statistics" if number else by
        notes += [why] if why else []
    name = journal.path(options["state_directory"], seen["system"], int(seen["database"]))
    begun = None
    try:
        begun = journal.read(name)
    except OpsError as exc:
        notes.append(str(exc))
    rows = tables_of(link.ask(tables(link.version), {})["tables"], block)
    return Look(seen, rows, found, begun, name, by, tuple(notes))


def index_rows(link: Link, block: int) -> list[Index]:
    """The indexes as they are now."""
    return indexes_of(link.ask(indexes(link.version), {})["indexes"], block)


def room(where: Address, seen: Row, work: Work) -> str:
    """Why the disk is too full to build an index anew beside the old one; empty when it is not, or cannot be seen."""
    folder = work.tablespace or seen["data_directory"]
    if not where.local or not folder:
        return ""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return ""
    # the new index and what is sorted for it, and a twentieth of the disk stays free
    free, wanted = disk.f_bavail * disk.f_frsize, 2 * (work.bytes - work.wasted) + disk.f_blocks * disk.f_frsize // 20
    return "" if free >= wanted else (f"the disk of {folder} is too full for a second copy: {free} bytes are free, "
                                      f"{wanted} are wanted")


def _measured(link: Link, found: list[Index], seen: Row,
              options: t.Mapping[str, t.Any]) -> tuple[list[Index], int, str]:
    """The largest first, until the time for it is over: each is read as a whole."""
    ends = time.monotonic() + options["measure_seconds"]
    by_oid: dict[int, Index] = {}
    sizeable = [one for one in found if one.method == "btree" and one.valid and not one.locked
                and one.bytes >= options["bloat_bytes"]]
    where = dataclasses.replace(link.address, timeout_seconds=max(1.0, options["measure_seconds"]))
    try:
        with linked(where, 0.0, link.system_user) as reader:
            for index in sorted(sizeable, key=lambda one: -one.bytes):
                if time.monotonic() >= ends:
                    why = "the time to measure bloat was over; the rest is estimated"
                    return _with(found, by_oid), len(by_oid), why
                answer = reader.ask(measured(seen["pgstattuple"]), {"index": index.oid})
                by_oid[index.oid] = dataclasses.replace(
                    index, needed_bytes=measured_bytes(answer, index.fillfactor, int(seen["block"])),
                    method_of_bloat="measured")
    except Missing:
        return found, 0, "pgstattuple may not be used by this role: GRANT pg_stat_scan_tables TO <role>"
    except (CannotLook, OpsError) as exc:
        return _with(found, by_oid), len(by_oid), f"not all bloat could be measured: {exc}"
    return _with(found, by_oid), len(by_oid), ""


def _with(found: list[Index], by_oid: t.Mapping[int, Index]) -> list[Index]:
    return [by_oid.get(index.oid, index) for index in found]
