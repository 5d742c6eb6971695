# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of whole systems as archives, with owners, capabilities and the overlay's own marks."""

from __future__ import annotations

import typing as t
from pathlib import Path

from tests.lab.machine import run

TAR = ["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--use-compress-program=zstd -T0 -3"]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an image or a layer into a new folder."""
    folder.mkdir(parents=True)
    run([*TAR, "--extract", f"--file={archive}", f"--directory={folder}"], timeout=120)


def pack(folder: Path, archive: Path, *, without: t.Sequence[str] = ()) -> None:
    """Pack a folder to an archive that is either whole or not there."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_name(f"{archive.name}.part")
    leave = [f"--exclude=./{path}" for path in without]
    run([*TAR, "--create", "--anchored", *leave, f"--file={part}", f"--directory={folder}", "."], timeout=300)
    part.rename(archive)
