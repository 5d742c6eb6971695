# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Dumps that newer verified ones have superseded, and those that a person must look at."""

from __future__ import annotations

import hashlib
import json
import os
import time
import typing as t

from .._backup.dumps import SIDECAR, Dump
from .._backup.folder import dumps as dumps_in
from .._core.errors import OpsError
from . import folders, remove
from .dumps_judge import family, sorted_out
from .facts import DUMPS, Found, Item, Left
from .logs import holders_words
from .opened import Opened
from .options import Wanted

_CHUNK = 1024 * 1024
_PROOF_BYTES = 16 * 1024 * 1024


def forget(path: str) -> None:
    """Take away the proof of a dump that is gone."""
    remove.beside(path + SIDECAR)


def look(wanted: Wanted, opened: Opened, now: float) -> Found:
    """The dumps of each folder."""
    found = Found()
    for folder in dict.fromkeys(map(os.path.realpath, wanted["dump_directories"])):
        if not os.path.isdir(folder):
            continue
        try:
            known = dumps_in(folder, wanted["dump_patterns"], 1)
        except OpsError as exc:
            found.notes.append(str(exc))
            continue
        gone, left = sorted_out(known, wanted["dump_keep"], now)
        for dump in gone:
            newest = max((one for one in known if family(one.name) == family(dump.name) and one.verified),
                         key=lambda one: one.modified)
            _offer(found, folder, dump, opened, (newest.name, wanted["dump_keep"]))
        found.left += [Left("dump", os.path.join(folder, dump.name), dump.size, why) for dump, why in left]
    return found


def prove(path: str, timeout_seconds: float, clock: t.Callable[[], float] = time.monotonic) -> None:
    """OpsError unless a dump still has the content that was verified: the older ones go on its word."""
    deadline = clock() + timeout_seconds
    total = hashlib.sha256()
    try:
        with open(path + SIDECAR, encoding="utf-8") as proof:
            expected = json.loads(proof.read(_PROOF_BYTES))["sha256"]
        with open(path, "rb") as file:
            while True:
                block = file.read(_CHUNK)
                if not block:
                    break
                if clock() > deadline:
                    raise OpsError(f"{path}, which supersedes it, could not be read in {timeout_seconds:g} s")
                total.update(block)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise OpsError(f"{path}, which supersedes it, cannot be proved: {exc}") from exc
    if total.hexdigest() != expected:
        raise OpsError(f"{path}, which supersedes it, is damaged: it no longer has the checksum it was verified with")


def _offer(found: Found, folder: str, dump: Dump, opened: Opened, by: tuple[str, int]) -> None:
    newest, keep = by
    path = os.path.join(folder, dump.name)
    try:
        status = os.lstat(path)
    except OSError:
        return  # somebody else's retention took it
    holders = opened.holders.get((status.st_dev, status.st_ino))
    taken = status.st_blocks * 512
    if holders:
        found.left.append(Left("dump", path, taken, f"superseded, but {holders_words(holders)} has it open"))
    elif status.st_nlink != 1:
        found.left.append(Left("linked", path, taken, f"superseded, but it has {status.st_nlink} names (hard links)"))
    else:
        found.items.append(Item(DUMPS, path, taken, dump.modified, 1, f"verified, and {keep} newer verified ones stay",
                                folders.identity(status), os.path.join(folder, newest)))
