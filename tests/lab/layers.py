# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: what a host's disk had on top of its image, kept so that another host starts from there in seconds."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.lab.archive import pack
from tests.lab.host import NEVER_SAVED
from tests.lab.machine import CACHE, LabError

LAYERS = CACHE / "layers"


def save(layer: str, upper: Path, parent: str | None, image: str) -> Path:
    """Keep this disk under a name; a layer of that name is replaced."""
    archive = _archive(layer)
    pack(upper, archive, without=NEVER_SAVED)
    _about(layer).write_text(json.dumps({"image": image, "parent": parent}) + "\n")
    return archive


def chain(layer: str, image: str) -> list[Path]:
    """The archives of a layer and of those below it, the topmost first, without the image."""
    archives: list[Path] = []
    below: str | None = layer
    while below:
        if not _archive(below).exists() or not _about(below).exists():
            raise LabError(f"There is no layer {below}: save one with python -m tests.lab save NAME HOST {below}")
        about = json.loads(_about(below).read_text())
        if about["image"] != image:
            raise LabError(f"The layer {below} belongs to an older image: converge its host again and save it anew.")
        if _archive(below) in archives:
            raise LabError(f"The layer {below} was saved on top of itself: converge its host again and save it anew.")
        archives.append(_archive(below))
        below = about["parent"]
    return archives


def exists(layer: str, image: str) -> bool:
    """True when the layer is there and fits the image."""
    try:
        return bool(chain(layer, image))
    except LabError:
        return False


def _archive(layer: str) -> Path:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,80}", layer):
        raise LabError(f"'{layer}' does not name a layer: lower-case letters, digits, '.', '_' and '-'.")
    return LAYERS / f"{layer}.tar.zst"


def _about(layer: str) -> Path:
    return _archive(layer).with_name(f"{layer}.json")
