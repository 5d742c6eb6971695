# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Dangling images of Docker, where there is Docker."""

from __future__ import annotations

import shutil
import typing as t

from .._core.command import Output, run
from .._core.errors import OpsError
from .docker_parse import images
from .facts import DOCKER_IMAGES, Found, Item

Run = t.Callable[[t.Sequence[str], float], Output]


def look(timeout_seconds: float, ask: Run = run, program: t.Optional[str] = None) -> Found:
    """Images without a name that no container uses; nothing at all on a host without Docker."""
    found = Found()
    docker = program or shutil.which("docker")
    if docker is None:
        return found
    try:
        root = _said(ask([docker, "info", "--format", "{{.DockerRootDir}}"], timeout_seconds)).strip()
        listed = _said(ask([docker, "image", "ls", "--no-trunc", "--filter", "dangling=true", "--format", "{{json .}}"],
                           timeout_seconds))
        for number, image in enumerate(reversed(images(listed))):  # it lists the newest first
            found.items.append(Item(DOCKER_IMAGES, root, image.bytes, float(number), 0,
                                    f"dangling image {image.id[:19]}, made {image.created}; shared layers stay", None,
                                    (docker, image.id)))
    except (OpsError, ValueError) as exc:
        found.notes.append(f"Docker was left out: {exc}")
    return found


def remove(data: tuple[str, str], timeout_seconds: float, ask: Run = run) -> None:
    """Remove one image; Docker refuses one that a container uses."""
    docker, image = data
    _said(ask([docker, "image", "rm", image], timeout_seconds))


def _said(output: Output) -> str:
    if output.code:
        words = output.err.decode("utf-8", "replace").strip().splitlines() or [f"code {output.code}"]
        raise OpsError(words[-1][:300])
    return output.out.decode("utf-8", "replace")
