# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Restore the newest dump for trial, compare it, note how long it took, and leave nothing behind."""

from __future__ import annotations

import json
import os
import time
import typing as t

from .._backup.dumps import SIDECAR
from .._core.errors import OpsError
from .._core.files import append_line, atomic_write, private_folder
from .._core.limits import counted, duration
from .._core.moment import utc
from . import manifest_facts, place, queries
from .reading import checksum
from .restore import Chosen, Into, Options, Restored, Server, choose, fill, server, swept, undone, want_room

Result = dict[str, t.Any]

SCRATCH = "vendhub_ops_drill_"
_PATTERN = f"^{SCRATCH}[0-9]+_[0-9]+$"
_PROOF_MODE = 0o640


def drill(options: Options, *, act: bool) -> Result:
    """Restore for trial, or with ``act`` false say what would be restored."""
    with server(options) as there:
        chosen = choose(options, unproved_too=True)
        left = [name for name in leftovers(there) if swept(there, name, act=act)]
        result: Result = {"changed": act, "path": chosen.path, "target": str(there), "leftovers": left, "proved": False}
        folder = there.folder()
        want_room(folder, chosen.manifest, options["reserve_bytes"])
        if not act:
            return {**result, "msg": f"{there}: {chosen.path} would be restored into a scratch database, compared with "
                                     f"{'its manifest' if chosen.manifest else 'the rows in it'}, and dropped"}
        began = time.monotonic()
        scratch = f"{SCRATCH}{int(time.time())}_{os.getpid()}"
        if not there.locked(scratch):
            raise OpsError(f"another drill uses the name {scratch}; try again")
        try:
            with undone(there, scratch):
                there.create(scratch, chosen.manifest.locale if chosen.manifest else {})
                restored = fill(there, chosen, Into(scratch, False, folder, options["reserve_bytes"] // 2), options)
            there.drop(scratch)
        except OpsError as exc:
            _note(options, chosen, {"ok": False, "why": str(exc), "seconds": round(time.monotonic() - began, 3)})
            raise OpsError(f"the drill failed, so {chosen.path} cannot be relied on yet: {exc}", exc.reason) from exc
    result.update(_told(chosen, restored, time.monotonic() - began))
    if options["prove"] and chosen.manifest is None:
        _prove(chosen.path, restored)
        result["proved"] = True
        result["msg"] += f"; it counts as verified now ({os.path.basename(chosen.path)}{SIDECAR})"
    _note(options, chosen, {"ok": True, **{name: result[name] for name in (
        "seconds", "read_seconds", "restore_seconds", "compare_seconds", "rows", "tables")}})
    return result


def _told(chosen: Chosen, restored: Restored, seconds: float) -> Result:
    return {
        "rows": restored.rows, "tables": len(restored.tables), "compared_with": restored.compared_with,
        "migration_head": restored.migration, "seconds": round(seconds, 3),
        "read_seconds": round(restored.read_seconds, 3), "restore_seconds": round(restored.restore_seconds, 3),
        "compare_seconds": round(restored.compare_seconds, 3),
        "msg": f"{chosen.path} can be restored: {counted(len(restored.tables), 'table')}, "
               f"{counted(restored.rows, 'row')}, compared with {restored.compared_with}; it took "
               f"{duration(round(seconds, 1))}, {duration(round(restored.restore_seconds, 1))} of it the restore"}


def leftovers(there: Server) -> list[str]:
    """Scratch databases by their names; one of a drill that runs is among them."""
    return list(there.link.ask(queries.databases(_PATTERN))["databases"] or [])


def _prove(path: str, restored: Restored) -> None:
    """Write the proof of a dump that somebody else made; it was restored in full just now."""
    sha256, size = checksum(path)
    atomic_write(path + SIDECAR, manifest_facts.text({
        "size": size, "sha256": sha256, "verified_at": utc(time.time()), "method": "restored in full",
        "migration_head": restored.migration, "rows": restored.rows,
        "tables": manifest_facts.table_rows(restored.tables)}), _PROOF_MODE, place.owner_for(os.path.dirname(path)))


def _note(options: Options, chosen: Chosen, said: Result) -> None:
    """Remember the drill, and the time it took."""
    if options["journal"]:
        manifest = chosen.manifest
        private_folder(os.path.dirname(options["journal"]))
        append_line(options["journal"], json.dumps({
            "at": utc(time.time()), "dump": chosen.path, "database": manifest.database if manifest else "",
            "sha256": manifest.sha256 if manifest else "", **said}))
