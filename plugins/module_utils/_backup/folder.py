# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look at the dumps in a folder: names, sizes, dates, a few bytes of each, and the proofs beside them."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import stat
import typing as t

from .._core.errors import CannotLook, ServiceDown
from .dumps import HEAD_BYTES, SIDECAR, TAIL_BYTES, Dump, content_fault, proof_fault

NEWEST = 1000  # dumps looked at, the newest first
PROOF_BYTES = 16 * 1024 * 1024  # it names every table


def dumps(folder: str, patterns: t.Sequence[str], min_bytes: int) -> list[Dump]:
    """The dumps of a folder, without its subfolders, links and hidden files; CannotLook when rights are missing."""
    try:
        files = sorted(_files(folder, patterns), key=lambda item: -item[1].st_mtime)
        return [_dump(folder, name, status, min_bytes) for name, status in files[:NEWEST]]
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise ServiceDown(f"there is no folder {folder}, so there is no backup") from exc
    except OSError as exc:
        raise CannotLook(f"{exc.filename or folder} cannot be read: {exc.strerror}; run the check as a user who may"
                         " (root)") from exc


def _files(folder: str, patterns: t.Sequence[str]) -> t.Iterator[tuple[str, os.stat_result]]:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or not any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in patterns):
            continue
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield entry.name, status


def _dump(folder: str, name: str, status: os.stat_result, min_bytes: int) -> Dump:
    path = os.path.join(folder, name)
    mode = stat.S_IMODE(status.st_mode)
    doubt = _doubt(path, status)
    if status.st_size < min_bytes:
        fault = "is empty" if not status.st_size else f"has only {status.st_size} bytes (at least {min_bytes} expected)"
    else:
        fault = _fault(path, name)
    return Dump(name, status.st_mtime, status.st_size, mode, fault, doubt == "" and not fault, doubt or "")


def _fault(path: str, name: str) -> str:
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            return content_fault(name, head, file.read(TAIL_BYTES))
    except FileNotFoundError:
        return "vanished while it was looked at"


def _doubt(path: str, status: os.stat_result) -> t.Optional[str]:
    """Why the proof beside a dump does not count, "" when it does, None when there is none."""
    try:
        with open(path + SIDECAR, encoding="utf-8", errors="replace") as file:
            return proof_fault(file.read(PROOF_BYTES), status.st_size, status.st_mtime,
                               os.fstat(file.fileno()).st_mtime)
    except FileNotFoundError:
        return None
