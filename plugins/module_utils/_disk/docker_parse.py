# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What docker says of its images (pure)."""

from __future__ import annotations

import json
import re
import typing as t

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)B")
_UNITS = {"": 1, "k": 1000, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")


class Image(t.NamedTuple):
    """An image without a name; several may share layers, so ``bytes`` is the most it can free."""

    id: str
    bytes: int
    created: str


def size(text: str) -> int:
    """Bytes out of ``1.24GB``; 0 when it is not understood."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1]) * _UNITS[found[2]]) if found else 0


def images(text: str) -> list[Image]:
    """One JSON object a line, as ``docker image ls --format '{{json .}}'`` writes them; ValueError when it does not."""
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    found = []
    for row in rows:
        if not isinstance(row, dict) or not _ID.fullmatch(str(row.get("ID", ""))):
            raise ValueError("docker answered with something that is no list of images")
        found.append(Image(str(row["ID"]), size(str(row.get("Size", ""))), str(row.get("CreatedAt", ""))))
    return found
